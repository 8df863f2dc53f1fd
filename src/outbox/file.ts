// The disk store on the files of this machine. Rule: one process owns a folder; what it writes only its
// user may read, and a commit is on the disk before it is told so (`fdatasync`, one for each). The log
// itself is in log/; this gives it a folder, a checksum and a lock, and what another engine left there.

import { resolve } from 'node:path'
import { FileLock } from './file-lock.ts'
import { checksum, FolderFiles, inFolder, newId, takeFolder } from './folder.ts'
import { LogStore } from './log/log-store.ts'
import { type Engine, logEngine, takeOver } from './log/takeover.ts'
import type { ConnectSqlite } from './sqlite-connection.ts'
import type { Op, OpenResult, OutboxStore, StoredRecord, StoreTraits, SyncLevel } from './store.ts'

/** Settings of a {@link FileStore}. */
export interface FileStoreOptions {
  /**
   * Set aside in a file of its own, so that on a full disk what is stored can still be sent and settled,
   * in bytes; 0 for none.
   *
   * @default 2,097,152: what it takes to settle all of one segment, which frees the room of the next
   */
  readonly reserveBytes?: number
  /** The size at which a new file is begun, in bytes, 4,096 and up. @default 2,097,152 */
  readonly segmentBytes?: number
  /**
   * Opens a database with a library, such as `(path) => new Database(path)` of better-sqlite3: used once,
   * when the folder was kept by a `SqliteStore` until now.
   *
   * @default the platform's own, where it has one
   */
  readonly connect?: ConnectSqlite
}

/**
 * An outbox in a folder, which is made if it is not there.
 *
 * It survives the loss of power and the death of the process. A second process is refused. What a
 * `SqliteStore` left in the folder is taken over when it is opened: all of it, and that store is gone then.
 */
export class FileStore implements OutboxStore {
  readonly traits: StoreTraits
  readonly #folder: string
  readonly #files: FolderFiles
  readonly #options: FileStoreOptions
  readonly #lock: FileLock
  readonly #log: LogStore

  /**
   * Makes a store; nothing is opened or made before `open`, which the client calls.
   * @param folder a folder for this outbox alone
   * @param options as {@link FileStoreOptions} says
   * @example
   * ```js
   * import { FileStore } from 'umqtt/outbox/file'
   * import { MQTTClient } from 'umqtt/robust'
   *
   * const outbox = new FileStore('./file-outbox', { reserveBytes: 8_388_608 })
   * const client = new MQTTClient('door-7', 'mqtt://localhost', { outbox })
   * await client.publish('door/7/state', 'open', { qos: 1 }).settled
   * await client[Symbol.asyncDispose]()
   * ```
   */
  constructor(folder: string, options: FileStoreOptions = {}) {
    this.#folder = resolve(folder)
    this.#options = options
    this.#lock = new FileLock(this.#folder)
    this.#files = new FolderFiles(this.#folder)
    this.#log = new LogStore(this.#files, { ...options, newId: newId(), checksum })
    this.traits = this.#log.traits
  }

  async open(): Promise<OpenResult> {
    await takeFolder(this.#folder, this.#lock)
    try {
      const { segmentBytes } = this.#options
      const own = logEngine(this.#files, checksum, newId, segmentBytes)
      const damaged = await takeOver(this.#files, own, (engine) =>
        engine === 'sqlite' ? this.#sqlite() : undefined,
      )
      const found = await this.#log.open()
      return { ...found, damaged: [...damaged, ...found.damaged] }
    } catch (error) {
      await this.#lock.release()
      throw inFolder(this.#folder, error)
    }
  }

  commit(ops: readonly Op[], sync: SyncLevel): Promise<void> {
    return this.#log.commit(ops, sync)
  }

  scan(from: number, limit: number): Promise<readonly StoredRecord[]> {
    return this.#log.scan(from, limit)
  }

  state(): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#log.state()
  }

  async close(): Promise<void> {
    try {
      await this.#log.close()
    } finally {
      await this.#lock.release()
    }
  }

  /** Loaded for who comes from it alone. */
  async #sqlite(): Promise<Engine> {
    const { sqliteEngine } = await import('./sqlite-database.ts')
    return sqliteEngine(this.#folder, this.#files, this.#options.connect)
  }
}
