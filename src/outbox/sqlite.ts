// An outbox in a SQLite database, for who would rather trust SQLite and its tools. Rule: one process owns the
// folder, and takes over what the log left in it. It waits for the disk on the thread that calls it: a
// program that must not stop meanwhile uses file.ts.

import { resolve } from 'node:path'
import { FileLock } from './file-lock.ts'
import { checksum, FolderFiles, inFolder, newId, takeFolder } from './folder.ts'
import { readId, writeId } from './log/marker.ts'
import { logEngine, takeOver } from './log/takeover.ts'
import type { ConnectSqlite } from './sqlite-connection.ts'
import { findSqlite, SQLITE, SqliteDatabase, sqliteEngine } from './sqlite-database.ts'
import type {
  Damage,
  Op,
  OpenResult,
  OutboxStore,
  StoredRecord,
  StoreTraits,
  SyncLevel,
} from './store.ts'

export type { ConnectSqlite, SqliteConnection, SqliteStatement } from './sqlite-connection.ts'

/** As many bytes as the log sets aside: the deletions of some ten thousand records. */
const RESERVE_BYTES = 2_097_152

/** Settings of a {@link SqliteStore}. */
export interface SqliteStoreOptions {
  /**
   * Opens the database with a library, such as `(path) => new Database(path)` of better-sqlite3.
   *
   * @default the platform's own: `node:sqlite` on Node 22.13 and later and on Deno, `bun:sqlite` on Bun
   */
  readonly connect?: ConnectSqlite
  /**
   * Set aside in a file of its own, so that on a full disk what is stored can still be sent and settled,
   * in bytes; 0 for none.
   *
   * @default 2,097,152
   */
  readonly reserveBytes?: number
}

/**
 * An outbox in a SQLite database, `outbox.sqlite` in a folder, which is made if it is not there.
 *
 * It survives the loss of power and the death of the process. While it is open nobody else can open the
 * database, not even to read it. Its file does not shrink: room of what was settled is used again. What a
 * `FileStore` left in the folder is taken over when it is opened: all of it, and that store is gone then.
 */
export class SqliteStore implements OutboxStore {
  readonly traits: StoreTraits
  readonly #folder: string
  readonly #connect: ConnectSqlite | undefined
  readonly #files: FolderFiles
  readonly #lock: FileLock
  readonly #database: SqliteDatabase

  /**
   * Makes a store; nothing is opened or made before `open`, which the client calls.
   * @param folder a folder for this outbox alone
   * @param options as {@link SqliteStoreOptions} says
   * @example
   * ```js sqlite
   * import { SqliteStore } from 'umqtt/outbox/sqlite'
   * import { MQTTClient } from 'umqtt/robust'
   *
   * const outbox = new SqliteStore('./sqlite-outbox')
   * const client = new MQTTClient('door-7', 'mqtt://localhost', { outbox })
   * await client.publish('door/7/state', 'open', { qos: 1 }).settled
   * await client[Symbol.asyncDispose]()
   * ```
   */
  constructor(folder: string, options: SqliteStoreOptions = {}) {
    const { connect, reserveBytes = RESERVE_BYTES } = options
    this.#folder = resolve(folder)
    this.#connect = connect
    this.#files = new FolderFiles(this.#folder)
    this.#lock = new FileLock(this.#folder)
    const files = this.#files
    this.#database = new SqliteDatabase({ folder: this.#folder, files, connect, reserveBytes })
    this.traits = this.#database.traits
  }

  async open(): Promise<OpenResult> {
    // Before anything is made.
    await findSqlite(this.#connect, this.#folder)
    await takeFolder(this.#folder, this.#lock)
    try {
      const damaged = await this.#prepareFolder()
      const found = await this.#database.open()
      return { ...found, damaged }
    } catch (error) {
      await this.#lock.release()
      throw inFolder(this.#folder, error)
    }
  }

  commit(ops: readonly Op[], sync: SyncLevel): Promise<void> {
    return this.#database.commit(ops, sync)
  }

  async scan(from: number, limit: number): Promise<readonly StoredRecord[]> {
    const page = await this.#database.scan(from, limit)
    // One page after the other would let nothing else go on, for seconds where much waits.
    await new Promise((done) => setImmediate(done))
    return page
  }

  state(): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#database.state()
  }

  async close(): Promise<void> {
    try {
      await this.#database.close()
    } finally {
      await this.#lock.release()
    }
  }

  /** Makes the folder its own. */
  async #prepareFolder(): Promise<readonly Damage[]> {
    const files = this.#files
    const own = sqliteEngine(this.#folder, files, this.#connect)
    const damaged = await takeOver(files, own, (engine) =>
      engine === 'log' ? logEngine(files, checksum, newId) : undefined,
    )
    const names = await files.list()
    if ((await readId(files, names, SQLITE)) === undefined) {
      await writeId(files, names, newId(), SQLITE)
    }
    return damaged
  }
}
