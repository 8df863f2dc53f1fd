// Opens a log: reads every segment once, in order, and fills the catalog. Rule: nothing is written before
// everything was read, so that a folder which is refused stays as it was. A segment is in memory only
// while it is read.

import type { Damage } from '../store.ts'
import type { Catalog } from './catalog.ts'
import { newSegment } from './catalog.ts'
import { type Checksum, type Files, withFile } from './files.ts'
import { readSegmentHeader, SEGMENT_HEADER_BYTES } from './format.ts'
import { readId, writeId } from './marker.ts'
import { type ReadSegment, readSegment, replay } from './segments.ts'

const SEGMENT_NAME = /^(\d{8,})\.log$/

/** What a log turned out to be. */
export interface Recovered {
  readonly id: Uint8Array
  readonly nextIndex: number
  /** The number of the next batch. */
  readonly nextNumber: number
  readonly damaged: readonly Damage[]
  /** Whether the newest segment alone has all of the state: nothing is damaged, and its first batch counts. */
  readonly isWhole: boolean
}

/** Reads a whole file. */
export async function readAll(
  files: Files,
  name: string,
  lengthMax: number = Infinity,
): Promise<Uint8Array> {
  return withFile(files, name, false, async (file) =>
    file.read(0, Math.min(await file.size(), lengthMax)),
  )
}

/**
 * Reads a log into a catalog, and makes safe what it found.
 *
 * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE it is of another engine or a newer version;
 * ERR_MQTT_STORE_CORRUPT a segment is of another outbox. Nothing was changed then
 */
export async function recover(
  files: Files,
  options: { readonly newId: Uint8Array; readonly id?: Uint8Array; readonly checksum: Checksum },
  catalog: Catalog,
): Promise<Recovered> {
  const { newId, checksum } = options
  catalog.clear()
  const names = await files.list()
  const logs = names
    .filter((name) => SEGMENT_NAME.test(name))
    .sort((a, b) => indexOf(a) - indexOf(b))
  const nextIndex = logs.length === 0 ? 1 : indexOf(logs.at(-1)!) + 1
  const marked = options.id ?? (await readId(files, names))
  const id = marked ?? (await idOfSegments(files, logs, checksum)) ?? newId
  const read = async (name: string): Promise<ReadSegment> =>
    readSegment(name, await readAll(files, name), checksum, id)

  // At the end, a segment without a head that was never safe: it was torn when it was made.
  const torn: string[] = []
  let last: ReadSegment | undefined
  while (logs.length > 0) {
    last = await read(logs.at(-1)!)
    const { headed, first = Infinity, batches } = last
    if (headed || batches.some(({ synced }) => synced >= first)) break
    torn.push(logs.pop()!)
  }

  const damaged: Damage[] = []
  let expected: number | undefined
  const enter = (segment: ReadSegment, limit: number | undefined): void => {
    const entry = newSegment(indexOf(segment.name), segment.name)
    entry.sizeBytes = segment.sizeBytes
    catalog.segments.push(entry)
    if (!segment.headed) {
      damaged.push({ reason: 'The head of a segment is damaged', position: `"${segment.name}" 0` })
    }
    if (segment.first === undefined) return
    expected = replay(segment, expected ?? segment.first, limit, {
      visitor: (salvaged) => catalog.visitor(entry, salvaged),
      damaged: (damage) => damaged.push(damage),
    })
  }
  // Where a segment ends is said by the next one that can be read.
  let waiting: ReadSegment[] = []
  for (const name of logs) {
    const segment = name === last?.name ? last : await read(name)
    if (segment.first !== undefined) {
      for (const before of waiting) enter(before, segment.first)
      waiting = []
    }
    waiting.push(segment)
  }
  for (const segment of waiting) enter(segment, undefined)

  // What a process left behind when it was killed is read, but need not be safe from a loss of power.
  if (last !== undefined && logs.length > 0) {
    await withFile(files, last.name, false, (file) => file.sync())
  }
  for (const name of torn) await files.remove(name)
  if (marked === undefined) await writeId(files, names, id)
  else await files.syncFolder()
  const nextNumber = expected ?? 1
  // One that was torn behind its head has no state, and no damage either: none of it was promised.
  const isWhole = damaged.length === 0 && last?.first !== undefined && nextNumber > last.first
  return { id, nextIndex, nextNumber, damaged, isWhole }
}

function indexOf(name: string): number {
  return Number(SEGMENT_NAME.exec(name)![1])
}

/** Whose the segments are, by the first head that can be read; undefined when none can. */
export async function idOfSegments(
  files: Files,
  names: readonly string[],
  checksum: Checksum,
): Promise<Uint8Array | undefined> {
  for (const name of names) {
    const header = readSegmentHeader(await readAll(files, name, SEGMENT_HEADER_BYTES), checksum)
    if (header !== undefined) return header.id
  }
  return undefined
}
