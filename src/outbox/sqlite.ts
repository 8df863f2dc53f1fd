// An outbox in a SQLite database, for who would rather trust SQLite and its tools. Rule: a `power` commit is
// a transaction that SQLite has synced, with all that was committed before it; one process owns the folder.
// It waits for the disk on the thread that calls it: a program that must not stop meanwhile uses file.ts.

import { randomBytes } from 'node:crypto'
import { join, resolve } from 'node:path'
import { StoreError } from '../errors.ts'
import { FolderFiles, takeFolder } from './file.ts'
import { FileLock } from './file-lock.ts'
import { readId, writeId } from './log/marker.ts'
import { Reserve } from './log/reserve.ts'
import {
  applySettings,
  attemptSqlite,
  type ConnectSqlite,
  isFull,
  platformSqlite,
  readValue,
  type SqliteConnection,
  type SqliteStatement,
} from './sqlite-connection.ts'
import type { Op, OpenResult, OutboxStore, StoredRecord, StoreTraits, SyncLevel } from './store.ts'

export type { ConnectSqlite, SqliteConnection, SqliteStatement } from './sqlite-connection.ts'

const ENGINE = 'sqlite'
const FORMAT_VERSION = 1
/** "umqt": whose database it is, in its header. */
const APPLICATION_ID = 0x75_6d_71_74
const DATABASE_NAME = 'outbox.sqlite'
/** As many bytes as the log sets aside: the deletions of some ten thousand records. */
const RESERVE_BYTES = 2_097_152
const ID_BYTES = 16

const TABLES = `
  CREATE TABLE records (seq INTEGER PRIMARY KEY, record BLOB NOT NULL);
  CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE pulse (count INTEGER NOT NULL);
  INSERT INTO pulse VALUES (0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT_VERSION};
`

/** Some bindings make nothing of bytes that are none. */
const BYTES = "ifnull(?, x'')"

const STATEMENTS = {
  put: `INSERT OR REPLACE INTO records (seq, record) VALUES (?, ${BYTES})`,
  delete: 'DELETE FROM records WHERE seq = ?',
  set: `INSERT OR REPLACE INTO state (key, value) VALUES (?, ${BYTES})`,
  unset: 'DELETE FROM state WHERE key = ?',
  scan: 'SELECT seq, record FROM records WHERE seq >= ? ORDER BY seq LIMIT ?',
  state: 'SELECT key, value FROM state',
  has: 'SELECT 1 FROM records WHERE seq = ?',
  sums: `SELECT count(*) AS count, ifnull(min(seq), 0) AS lowest, ifnull(max(seq), 0) AS highest,
    ifnull(sum(length(record)), 0) AS sizeBytes FROM records`,
  pulse: 'UPDATE pulse SET count = count + 1',
} as const

/** What is there while it is open. */
interface Database {
  readonly connection: SqliteConnection
  readonly statements: { readonly [K in keyof typeof STATEMENTS]: SqliteStatement }
}

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
 * database, not even to read it. Its file does not shrink: room of what was settled is used again.
 */
export class SqliteStore implements OutboxStore {
  readonly traits: StoreTraits = {
    power: true,
    process: true,
    engine: ENGINE,
    formatVersion: FORMAT_VERSION,
  }
  readonly #folder: string
  readonly #connect: ConnectSqlite | undefined
  readonly #files: FolderFiles
  readonly #lock: FileLock
  readonly #reserve: Reserve
  #database: Database | undefined
  /** Whether SQLite syncs at each commit now. */
  #syncs = true
  /** Whether something was committed that is not synced. */
  #unsynced = false
  /** Why nothing more can be written. */
  #broken: StoreError | undefined
  #last: Promise<unknown> = Promise.resolve()

  /** @param folder a folder for this outbox alone */
  constructor(folder: string, options: SqliteStoreOptions = {}) {
    this.#folder = resolve(folder)
    this.#connect = options.connect
    this.#files = new FolderFiles(this.#folder)
    this.#lock = new FileLock(this.#folder)
    this.#reserve = new Reserve(this.#files, options.reserveBytes ?? RESERVE_BYTES)
  }

  open(): Promise<OpenResult> {
    return this.#inTurn(async () => {
      const connect = this.#connect ?? (await platformSqlite())
      if (connect === undefined) {
        throw new StoreError(
          'ERR_MQTT_STORE_UNAVAILABLE',
          `Cannot open the outbox in "${this.#folder}": this platform has no SQLite of its own; use Node 22.13 or newer, or install "better-sqlite3" and give it as the option "connect"`,
        )
      }
      await takeFolder(this.#folder, this.#lock)
      let connection: SqliteConnection | undefined
      try {
        await this.#prepareFolder()
        const open = (): Database => {
          connection = connect(join(this.#folder, DATABASE_NAME))
          return openDatabase(connection)
        }
        const database = attemptSqlite(this.#what('open'), open)
        this.#database = database
        this.#broken = undefined
        this.#syncs = true
        this.#unsynced = false
        const sums = this.#sums()
        await this.#probe(sums.count === 0)
        return sums
      } catch (error) {
        if (this.#database === undefined) connection?.close()
        else this.#release()
        await this.#lock.release()
        throw error
      }
    })
  }

  commit(ops: readonly Op[], sync: SyncLevel): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#broken !== undefined) throw this.#broken
      const power = sync === 'power'
      if (!this.#reserve.there && this.#adds(ops)) await this.#reserve.make()
      try {
        this.#write(ops, power)
      } catch (error) {
        if (!isFull(error) || this.#adds(ops) || !(await this.#reserve.free())) throw error
        this.#write(ops, power)
      }
    })
  }

  scan(from: number, limit: number): Promise<readonly StoredRecord[]> {
    return this.#inTurn(async () => {
      const rows = this.#rows('scan', from, limit) as { seq: number; record: Uint8Array }[]
      return rows.map(({ seq, record }) => [seq, plain(record)])
    })
  }

  state(): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#inTurn(async () => {
      const rows = this.#rows('state') as { key: string; value: Uint8Array }[]
      return new Map(rows.map(({ key, value }) => [decodeKey(key), plain(value)]))
    })
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#database === undefined) return
      try {
        if (this.#broken === undefined) this.#syncAll()
      } finally {
        this.#release()
        await this.#lock.release()
      }
    })
  }

  /** Does one thing at a time, in the order asked for. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action)
    this.#last = result.catch(() => undefined)
    return result
  }

  #what(verb: string): string {
    return `${verb} the outbox in "${this.#folder}"`
  }

  /** Whose folder it is, and a database that only its user may read. */
  async #prepareFolder(): Promise<void> {
    const kind = { engine: ENGINE, formatVersion: FORMAT_VERSION }
    const names = await this.#files.list()
    if ((await readId(this.#files, names, kind)) === undefined) {
      await writeId(this.#files, names, randomBytes(ID_BYTES), kind)
    }
    if (names.includes(DATABASE_NAME)) return
    const file = await this.#files.open(DATABASE_NAME, true)
    await file.close()
    await this.#files.syncFolder()
  }

  #open(): Database {
    if (this.#database !== undefined) return this.#database
    throw new StoreError(
      'ERR_MQTT_STORE_UNAVAILABLE',
      `Cannot use ${this.#what('')}: open it first`,
    )
  }

  #rows(name: 'scan' | 'state', ...values: readonly number[]): readonly unknown[] {
    const { statements } = this.#open()
    return attemptSqlite(this.#what('read'), () => statements[name].all(...values))
  }

  #sums(): OpenResult {
    const { statements } = this.#open()
    const [sums] = attemptSqlite(this.#what('open'), () => statements.sums.all())
    return { ...(sums as Omit<OpenResult, 'damaged'>), damaged: [] }
  }

  #adds(ops: readonly Op[]): boolean {
    const { has } = this.#open().statements
    return attemptSqlite(this.#what('read'), () =>
      ops.some((op) => op[0] === 'put' && has.all(op[1]).length === 0),
    )
  }

  /** Makes one transaction. */
  #write(ops: readonly Op[], power: boolean): void {
    const { connection, statements } = this.#open()
    try {
      attemptSqlite(this.#what('write to'), () => {
        this.#setSync(power)
        connection.exec('BEGIN IMMEDIATE')
        for (const op of ops) {
          if (op[0] === 'put') statements.put.run(op[1], op[2])
          else if (op[0] === 'delete') statements.delete.run(op[1])
          else if (op[0] === 'set') statements.set.run(encodeKey(op[1]), op[2])
          else statements.unset.run(encodeKey(op[1]))
        }
        // A transaction that changes nothing syncs nothing, and would leave the ones before it unsafe.
        if (power && this.#unsynced) statements.pulse.run()
        connection.exec('COMMIT')
      })
    } catch (error) {
      // After a sync that failed nobody knows what is on the disk: it is read again at the next open.
      if (!isFull(error)) this.#broken = error as StoreError
      attemptSqlite(this.#what('write to'), () => this.#rollBack(connection))
      throw error
    }
    if (power || ops.length > 0) this.#unsynced = !power
  }

  #rollBack(connection: SqliteConnection): void {
    try {
      connection.exec('ROLLBACK')
    } catch {
      // SQLite may have done so already, as on a full disk: then a new transaction can begin.
      connection.exec('BEGIN; ROLLBACK')
    }
  }

  /** Whether commits wait for the disk. Both keep the database whole. */
  #setSync(power: boolean): void {
    if (power === this.#syncs) return
    this.#open().connection.exec(`PRAGMA synchronous = ${power ? 'FULL' : 'NORMAL'}`)
    this.#syncs = power
  }

  /** Syncs what was committed and moves it into the database. */
  #syncAll(): void {
    const { connection } = this.#open()
    try {
      attemptSqlite(this.#what('close'), () => {
        this.#setSync(true)
        connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      })
    } catch (error) {
      // It syncs before it moves: without room for moving, all is safe where it is.
      if (!isFull(error)) throw error
    }
  }

  #release(): void {
    const { connection, statements } = this.#open()
    this.#database = undefined
    for (const statement of Object.values(statements)) statement.finalize?.()
    connection.close()
  }

  /** Finds out whether something can be written and read back, and sets the reserve aside. */
  async #probe(isEmpty: boolean): Promise<void> {
    const count = (): number =>
      readValue(this.#open().connection, 'SELECT count FROM pulse') as number
    const before = count()
    this.#unsynced = true
    try {
      this.#write([], true)
    } catch (error) {
      if (!isFull(error) || !(await this.#reserve.free())) throw error
      this.#write([], true)
      return
    }
    if (count() !== before + 1) {
      throw new StoreError(
        'ERR_MQTT_STORE_UNAVAILABLE',
        `Cannot ${this.#what('open')}: what was written is not what is read back`,
      )
    }
    try {
      await this.#reserve.make()
    } catch (error) {
      // What waits is let out all the same: that makes room.
      if (!isFull(error) || isEmpty) throw error
    }
  }
}

/** Makes sure that a database is ours, and makes it ours when it is empty. */
function openDatabase(connection: SqliteConnection): Database {
  connection.exec('PRAGMA busy_timeout = 0')
  connection.exec('PRAGMA locking_mode = exclusive')
  const isNew = readValue(connection, 'SELECT count(*) FROM sqlite_master') === 0
  const owner = readValue(connection, 'PRAGMA application_id')
  const version = readValue(connection, 'PRAGMA user_version') as number
  if (owner !== APPLICATION_ID && !(isNew && owner === 0)) {
    throw new StoreError(
      'ERR_MQTT_STORE_UNAVAILABLE',
      `Cannot open the outbox: "${DATABASE_NAME}" is a database of another program; give the outbox a folder of its own`,
    )
  }
  if (version > FORMAT_VERSION) {
    throw new StoreError(
      'ERR_MQTT_STORE_UNAVAILABLE',
      `Cannot open the outbox: it has format version ${version}, this program knows ${FORMAT_VERSION}; use a newer one`,
    )
  }
  applySettings(connection)
  if (isNew) connection.exec(`BEGIN IMMEDIATE; ${TABLES} COMMIT;`)
  const statements = Object.fromEntries(
    Object.entries(STATEMENTS).map(([name, sql]) => [name, connection.prepare(sql)]),
  )
  return { connection, statements: statements as Database['statements'] }
}

/** Any text as one that SQLite keeps: escaped as in JSON, so that zeros and half pairs come back. */
function encodeKey(key: string): string {
  return JSON.stringify(key).slice(1, -1)
}

function decodeKey(text: string): string {
  return JSON.parse(`"${text}"`) as string
}

/** Some bindings give bytes as a subclass of their own. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
