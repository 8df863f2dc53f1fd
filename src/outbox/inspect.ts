// `umqtt/outbox/inspect`: what is in an outbox that no process has open: its messages, and what is damaged. Rule:
// looking changes no byte of the folder, makes nothing in it and takes no lock; only `cancelStored` opens it as
// its client would, with the lock. A database of SQLite cannot be read without being changed: of it a copy is read.

/// <reference lib="esnext.disposable" preserve="true" />

import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { StoreError } from '../errors.ts'
import {
  type CancelledMessage,
  type StoredDamage,
  type StoredMessage,
  StoredMessages,
} from '../robust/stored-messages.ts'
import { FileLock } from './file-lock.ts'
import { FileStore } from './file.ts'
import { checksum, FolderFiles, inFolder, newId } from './folder.ts'
import { attempt, ReadOnlyFiles } from './inspect-files.ts'
import { LogStore } from './log/log-store.ts'
import { checkVersion, LOG, MARKER_NAME, readMarker, refuseEngine } from './log/marker.ts'
import { idOfSegments, readAll } from './log/recover.ts'
import { readSegment } from './log/segments.ts'
import { NEXT_NAME, takeOver } from './log/takeover.ts'
import { Outbox } from './outbox.ts'
import type { ConnectSqlite } from './sqlite-connection.ts'
import type { OutboxStore } from './store.ts'

export type { CancelledMessage, StoredDamage, StoredMessage } from '../robust/stored-messages.ts'

/** Settings of {@link inspectOutbox}. */
export interface InspectOptions {
  /**
   * Opens a database with a library, such as `(path) => new Database(path)` of better-sqlite3.
   *
   * @default the platform's own, where it has one
   */
  readonly connect?: ConnectSqlite
}

/** Settings of {@link cancelStored}. */
export interface CancelOptions extends InspectOptions {
  /** Stops it, with its reason, where everything that is given up has been told. */
  readonly signal?: AbortSignal
}

/** An outbox that is looked at. */
export interface OutboxInspection {
  /** What keeps the folder: `log` or `sqlite`. */
  readonly engine: string
  /** The version of its format. */
  readonly formatVersion: number
  /** Whose it is; undefined when no client has opened it yet. */
  readonly clientId: string | undefined
  /** Records, damaged ones among them. */
  readonly count: number
  /**
   * Bytes at the end of the log that are no whole write. Mostly a process was writing them when it ended, and
   * nobody was told that they are stored; damage in the very last write looks the same.
   */
  readonly tornBytes: number
  /** What was found damaged until now: all of it, once all messages were read. */
  readonly damaged: readonly StoredDamage[]
  /**
   * All messages, in the order in which they were published.
   * @throws {StoreError} it cannot be read
   */
  messages(): AsyncIterable<StoredMessage>
  /** Lets go of it, and of the copy of a database. */
  close(): Promise<void>
  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** What keeps a folder. */
type EngineName = 'log' | 'sqlite'

const DATABASE_NAME = 'outbox.sqlite'
const LOG_NAME = /^\d{8,}\.log$/

/**
 * Opens an outbox to look at it. Nothing in its folder is changed.
 *
 * @param folder where it is
 * @param options as {@link InspectOptions} says
 * @returns what is in it; to be closed
 * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE there is no outbox, a process has it open, or it is of a newer
 * version; ERR_MQTT_STORE_CORRUPT files of another outbox are in it
 * @example
 * ```js types
 * import { inspectOutbox } from 'umqtt/outbox/inspect'
 *
 * const outbox = await inspectOutbox('./door-outbox')
 * for await (const { id, topic, stage } of outbox.messages()) console.log(id, topic, stage)
 * console.log(outbox.damaged)
 * await outbox.close()
 * ```
 */
export async function inspectOutbox(
  folder: string,
  options: InspectOptions = {},
): Promise<OutboxInspection> {
  const path = resolve(folder)
  try {
    return await inspect(path, options)
  } catch (error) {
    throw inFolder(path, error)
  }
}

async function inspect(path: string, options: InspectOptions): Promise<OutboxInspection> {
  const files = new ReadOnlyFiles(path)
  const engine = await engineOf(path, files)
  const lock = new FileLock(path)
  const checkLock = (): Promise<void> => attempt(path, () => lock.check())
  await checkLock()
  const { store, tornBytes, letGo, named } =
    engine === 'log' ? await openLog(files) : await openSqlite(path, files, options.connect)
  const messages = new StoredMessages(new Outbox(store), Date.now)
  const close = async (): Promise<void> => {
    try {
      await messages.close()
    } finally {
      await letGo()
    }
  }
  try {
    await messages.open()
    await checkLock()
  } catch (error) {
    await letGo()
    throw named(error)
  }
  return {
    engine,
    formatVersion: store.traits.formatVersion,
    get clientId() {
      return messages.clientId
    },
    get count() {
      return messages.count
    },
    tornBytes,
    get damaged() {
      return messages.damaged
    },
    async *messages() {
      try {
        yield* messages.messages()
      } catch (error) {
        throw named(error)
      } finally {
        // What a process did to it meanwhile is no damage.
        await checkLock()
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * Gives messages of an outbox up that no process has open; what is told is safe on the disk. It is opened as its
 * client would, with its lock, and connects to nothing. A QoS 2 message whose exchange has begun is kept: the
 * server has its packet id.
 *
 * @param folder where it is
 * @param ids the messages; `all`: every one
 * @param options as {@link CancelOptions} says
 * @returns each message as it is given up, or kept
 * @throws {StoreError} as {@link inspectOutbox}, and when it cannot be written
 * @throws the reason of `signal`
 * @example
 * ```js types
 * import { cancelStored } from 'umqtt/outbox/inspect'
 *
 * for await (const message of cancelStored('./door-outbox', new Set(['k3j-1', 'k3j-2']))) {
 *   console.log(message)
 * }
 * ```
 */
export async function* cancelStored(
  folder: string,
  ids: ReadonlySet<string> | 'all',
  options: CancelOptions = {},
): AsyncGenerator<CancelledMessage, void> {
  const path = resolve(folder)
  const engine = await engineOf(path, new ReadOnlyFiles(path)).catch((error: unknown) => {
    throw inFolder(path, error)
  })
  const store = await storeOf(engine, path, options)
  const messages = new StoredMessages(new Outbox(store), Date.now)
  await messages.open()
  try {
    yield* messages.cancel((id) => ids === 'all' || ids.has(id), options.signal)
  } finally {
    await messages.close()
  }
}

/** SQLite is loaded for who has such a folder alone. */
async function storeOf(
  engine: EngineName,
  folder: string,
  options: InspectOptions,
): Promise<OutboxStore> {
  if (engine === 'log') return new FileStore(folder, options)
  const { SqliteStore } = await import('./sqlite.ts')
  return new SqliteStore(folder, options)
}

interface Opened {
  readonly store: OutboxStore
  readonly tornBytes: number
  letGo(): Promise<void>
  /** An error with the words for the folder that was asked for. */
  named(error: unknown): unknown
}

/** @throws {StoreError} there is no outbox that this program knows */
async function engineOf(folder: string, files: ReadOnlyFiles): Promise<EngineName> {
  const names = await files.list()
  const marker =
    (names.includes(NEXT_NAME) ? await readMarker(files, NEXT_NAME) : undefined) ??
    (names.includes(MARKER_NAME) ? await readMarker(files, MARKER_NAME) : undefined)
  if (marker !== undefined) {
    const { engine, formatVersion } = marker
    if (engine !== 'log' && engine !== 'sqlite') throw refuseEngine(engine)
    // Both have had one version until now; of SQLite its database says it too.
    checkVersion(formatVersion, { ...LOG, engine })
    return engine
  }
  const logs = names.filter((name) => LOG_NAME.test(name))
  if (logs.length > 0 && (await idOfSegments(files, logs, checksum)) !== undefined) return 'log'
  if (names.includes(DATABASE_NAME)) return 'sqlite'
  const what = names.length === 0 ? 'the folder is empty' : 'the files in it are of something else'
  throw new StoreError(
    'ERR_MQTT_STORE_UNAVAILABLE',
    `Cannot read the outbox in "${folder}": there is none, ${what}`,
  )
}

/** The log as it would be opened, in memory. */
async function openLog(files: ReadOnlyFiles): Promise<Opened> {
  const options = { newId: newId(), checksum, reserveBytes: 0 }
  const before = await files.list()
  const own = { kind: LOG, make: () => new LogStore(files, options), newId }
  await takeOver(files, own, () => undefined)
  return {
    store: new LogStore(files, options),
    tornBytes: await measureTorn(files, before),
    letGo: () => Promise.resolve(),
    named: (error) => error,
  }
}

/** What is behind the last whole batch of the last segment. */
async function measureTorn(files: ReadOnlyFiles, names: readonly string[]): Promise<number> {
  const logs = names.filter((name) => LOG_NAME.test(name)).sort((a, b) => parseInt(a) - parseInt(b))
  const last = logs.at(-1)
  const id =
    (names.includes(MARKER_NAME) ? (await readMarker(files, MARKER_NAME))?.id : undefined) ??
    (await idOfSegments(files, logs, checksum))
  if (last === undefined || id === undefined) return 0
  const { batches, sizeBytes } = readSegment(last, await readAll(files, last), checksum, id)
  const whole = batches.filter(({ intact }) => intact).at(-1)
  return sizeBytes - (whole === undefined ? 0 : whole.offset + whole.sizeBytes)
}

/** A copy of the database, which only its user may read, and which is gone afterwards. */
async function openSqlite(
  folder: string,
  files: ReadOnlyFiles,
  connect: ConnectSqlite | undefined,
): Promise<Opened> {
  const { SqliteDatabase, findSqlite } = await import('./sqlite-database.ts')
  await findSqlite(connect, folder)
  const copy = await mkdtemp(join(tmpdir(), 'umqtt-inspect-')).catch((cause: Error) => {
    throw new StoreError(
      'ERR_MQTT_STORE_UNAVAILABLE',
      `Cannot read the outbox in "${folder}": no copy of its database can be made: ${cause.message}; set TMPDIR to another folder`,
      { cause },
    )
  })
  const letGo = (): Promise<void> => rm(copy, { recursive: true, force: true })
  try {
    for (const name of await files.list()) {
      // What is shared between processes is made anew.
      if (!name.startsWith(DATABASE_NAME) || name.endsWith('-shm')) continue
      await attempt(folder, () => copyFile(join(folder, name), join(copy, name)))
    }
  } catch (error) {
    await letGo()
    throw error
  }
  const options = { folder: copy, files: new FolderFiles(copy), connect, reserveBytes: 0 }
  const named = (error: unknown): unknown =>
    error instanceof StoreError
      ? new StoreError(error.code, error.message.replaceAll(copy, folder), { cause: error.cause })
      : error
  return { store: new SqliteDatabase(options), tornBytes: 0, letGo, named }
}
