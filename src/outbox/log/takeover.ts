// A change of the engine that keeps a folder, with messages in it: all that the old one has is taken over, the
// session table with it, byte for byte. Rule: what a folder holds is said by one file at any moment. The new
// engine's copy is safe before its marker is there under the name NEXT, and nothing of the old one is
// removed before that is safe; so a cut between any two steps loses nothing and doubles nothing.

import { StoreError } from '../../errors.ts'
import type { Damage, Op, OpenResult, OutboxStore } from '../store.ts'
import { type Checksum, type Files, withFile } from './files.ts'
import { LogStore } from './log-store.ts'
import {
  checkVersion,
  type Kind,
  LOG,
  type Marker,
  MARKER_NAME,
  readMarker,
  refuseEngine,
  writeMarker,
} from './marker.ts'

/** The marker of the engine that has taken over, until it stands in the place of the old one. */
export const NEXT_NAME = 'outbox.next'
/** Records copied at a time. */
const PAGE = 512

/** The files of each engine that keeps a folder. */
const FILES: Readonly<Record<string, RegExp>> = { log: /^\d{8,}\.log$/, sqlite: /^outbox\.sqlite/ }

/** An engine as a change from it or to it needs it: in a folder that is owned already. */
export interface Engine {
  readonly kind: Kind
  /** What it keeps in the folder. @param id of one that is to be made: it leaves the marker alone */
  make(id?: Uint8Array): OutboxStore
  /** Makes the id of an outbox. */
  newId(): Uint8Array
}

/** The log, with what its writer has to be given; without a reserve, which the folder has. */
export function logEngine(
  files: Files,
  checksum: Checksum,
  newId: () => Uint8Array,
  segmentBytes?: number,
): Engine {
  const options = { checksum, reserveBytes: 0, ...(segmentBytes && { segmentBytes }) }
  return {
    kind: LOG,
    make: (id) => new LogStore(files, { ...options, newId: newId(), ...(id && { id }) }),
    newId,
  }
}

/**
 * Sees to it that a folder is kept by one engine, or by none yet.
 *
 * @param own the engine that is to keep it
 * @param find the other ones that are known, by their names
 * @returns what was found damaged in what was taken over; it is not in the new store
 * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE it is of an unknown engine or a newer version, or cannot
 * be read; ERR_MQTT_STORE_FULL there is no room for two. The old store is as it was then
 */
export async function takeOver(
  files: Files,
  own: Engine,
  find: (engine: string) => Promise<Engine> | Engine | undefined,
): Promise<readonly Damage[]> {
  const names = await files.list()
  if (names.includes(NEXT_NAME)) {
    const next = await readMarker(files, NEXT_NAME)
    if (next?.engine === own.kind.engine) checkVersion(next.formatVersion, own.kind)
    if (next !== undefined) await finish(files, next)
    // Torn: the power went before it was promised.
    else await remove(files, [NEXT_NAME])
    return takeOver(files, own, find)
  }
  const marker = names.includes(MARKER_NAME) ? await readMarker(files, MARKER_NAME) : undefined
  const engine = marker?.engine ?? engineOf(names)
  if (engine === undefined || engine === own.kind.engine) return []
  const old = await find(engine)
  if (old === undefined) throw refuseEngine(engine)
  checkVersion(marker?.formatVersion ?? 1, old.kind)
  const isEmpty = ofEngine(names, engine).length === 0
  if (isEmpty && ofEngine(names, own.kind.engine).length > 0) {
    throw refuseFolder(`names the engine "${engine}"`, [own.kind.engine])
  }
  const id = own.newId()
  const damaged = await copyAll(files, old.make(), own.make(id), {
    from: engine,
    to: own.kind.engine,
  })
  await writeMarker(files, NEXT_NAME, { ...own.kind, id })
  await finish(files, { ...own.kind, id })
  return damaged
}

/** Copies everything, and makes it safe. */
async function copyAll(
  files: Files,
  old: OutboxStore,
  made: OutboxStore,
  names: { readonly from: string; readonly to: string },
): Promise<readonly Damage[]> {
  try {
    try {
      const found = await old.open()
      // What is left of a copy that was not finished.
      await remove(files, ofEngine(await files.list(), names.to))
      await made.open()
      await copy(old, found, made)
      return found.damaged
    } finally {
      // What could not be made safe must not be taken for a copy.
      try {
        await made.close()
      } finally {
        await old.close()
      }
    }
  } catch (cause) {
    const { code, message } = cause as StoreError
    const isFull = code === 'ERR_MQTT_STORE_FULL'
    await remove(files, ofEngine(await files.list().catch(() => []), names.to)).catch(
      () => undefined,
    )
    throw new StoreError(
      isFull ? code : 'ERR_MQTT_STORE_UNAVAILABLE',
      `Cannot take over what the engine "${names.from}" keeps: ${isFull ? 'the disk has no room for it twice; make room, or let it drain with that engine' : message}`,
      { cause },
    )
  }
}

async function copy(old: OutboxStore, found: OpenResult, made: OutboxStore): Promise<void> {
  let copied = 0
  for (let from = 1; ;) {
    const page = await old.scan(from, PAGE)
    const last = page.at(-1)
    if (last === undefined) break
    const puts = page.map(([seq, record]): Op => ['put', seq, record])
    await made.commit(puts, 'lazy')
    copied += page.length
    from = last[0] + 1
  }
  if (copied !== found.count) {
    throw new StoreError(
      'ERR_MQTT_STORE_UNAVAILABLE',
      `it says that it holds ${found.count} records, and gives ${copied}`,
    )
  }
  const state = Array.from(await old.state(), ([key, value]): Op => ['set', key, value])
  await made.commit(state, 'power')
}

/** The new engine has everything: the old one goes. May be done again. */
async function finish(files: Files, next: Marker): Promise<void> {
  // It may have been found, and be no safer than its writer had time to make it.
  await withFile(files, NEXT_NAME, false, (file) => file.sync())
  await files.syncFolder()
  await remove(files, [...ofOthers(await files.list(), next.engine), MARKER_NAME])
  await writeMarker(files, MARKER_NAME, next)
  await remove(files, [NEXT_NAME])
}

async function remove(files: Files, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  const there = await files.list()
  for (const name of names) if (there.includes(name)) await files.remove(name)
  await files.syncFolder()
}

function ofEngine(names: readonly string[], engine: string): readonly string[] {
  return names.filter((name) => FILES[engine]?.test(name))
}

function ofOthers(names: readonly string[], engine: string): readonly string[] {
  return Object.keys(FILES).flatMap((other) => (other === engine ? [] : ofEngine(names, other)))
}

/** Whose folder it is when its marker is lost. */
function engineOf(names: readonly string[]): string | undefined {
  const found = Object.keys(FILES).filter((engine) => ofEngine(names, engine).length > 0)
  if (found.length < 2) return found[0]
  throw refuseFolder('is lost', found)
}

function refuseFolder(what: string, engines: readonly string[]): StoreError {
  return new StoreError(
    'ERR_MQTT_STORE_UNAVAILABLE',
    `Cannot open the outbox: its file "${MARKER_NAME}" ${what}, and it holds files of "${engines.join('" and "')}"; move what is not meant away`,
  )
}
