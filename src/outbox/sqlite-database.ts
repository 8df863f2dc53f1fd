// The outbox in a SQLite database, without the folder around it: the marker and the lock are somebody else's.
// Rule: a `power` commit is a transaction that SQLite has synced, with all that was committed before it.

import { join } from 'node:path'
import { StoreError } from '../errors.ts'
import { type FolderFiles, newId } from './folder.ts'
import type { Engine } from './log/takeover.ts'
import type { Kind } from './log/marker.ts'
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

const FORMAT_VERSION = 1
/** The kind of this engine. */
export const SQLITE: Kind = { engine: 'sqlite', formatVersion: FORMAT_VERSION }
/** "umqt": whose database it is, in its header. */
const APPLICATION_ID = 0x75_6d_71_74
const DATABASE_NAME = 'outbox.sqlite'

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

/** What a {@link SqliteDatabase} is in. */
export interface SqliteDatabaseOptions {
  readonly folder: string
  /** The same folder. */
  readonly files: FolderFiles
  /** @default the platform's own */
  readonly connect: ConnectSqlite | undefined
  readonly reserveBytes: number
}

/** An {@link OutboxStore} in `outbox.sqlite`, in a folder that is owned already. */
export class SqliteDatabase implements OutboxStore {
  readonly traits: StoreTraits = { power: true, process: true, ...SQLITE }
  readonly #folder: string
  readonly #connect: ConnectSqlite | undefined
  readonly #files: FolderFiles
  readonly #reserve: Reserve
  #database: Database | undefined
  /** Whether SQLite syncs at each commit now. */
  #syncs = true
  /** Whether something was committed that is not synced. */
  #unsynced = false
  /** Why nothing more can be written. */
  #broken: StoreError | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor({ folder, files, connect, reserveBytes }: SqliteDatabaseOptions) {
    this.#folder = folder
    this.#files = files
    this.#connect = connect
    this.#reserve = new Reserve(files, reserveBytes)
  }

  open(): Promise<OpenResult> {
    return this.#inTurn(async () => {
      const connect = await findSqlite(this.#connect, this.#folder)
      let connection: SqliteConnection | undefined
      try {
        await this.#prepareFile()
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
        throw error
      }
    })
  }

  commit(ops: readonly Op[], sync: SyncLevel): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#broken !== undefined) throw this.#broken
      const power = sync === 'power'
      if (!this.#reserve.there && this.#adds(ops)) await this.#makeReserve()
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

  /** A database that only its user may read. */
  async #prepareFile(): Promise<void> {
    if ((await this.#files.list()).includes(DATABASE_NAME)) return
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

  /** SQLite's log grows while the outbox drains, and stays so long: where the reserve has no room, that gives it. */
  async #makeReserve(): Promise<void> {
    try {
      await this.#reserve.make()
    } catch (error) {
      if (!isFull(error)) throw error
      this.#syncAll()
      await this.#reserve.make()
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
      await this.#makeReserve()
    } catch (error) {
      // What waits is let out all the same: that makes room.
      if (!isFull(error) || isEmpty) throw error
    }
  }
}

/** @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE there is no SQLite; says how to get it */
export async function findSqlite(
  given: ConnectSqlite | undefined,
  folder: string,
): Promise<ConnectSqlite> {
  const connect = given ?? (await platformSqlite())
  if (connect !== undefined) return connect
  throw new StoreError(
    'ERR_MQTT_STORE_UNAVAILABLE',
    `Cannot open the outbox in "${folder}": this platform has no SQLite of its own; use Node 22.13 or newer, or install "better-sqlite3" and give it as the option "connect"`,
  )
}

/** SQLite, for a change from it or to it: without a reserve, which the folder has. */
export function sqliteEngine(
  folder: string,
  files: FolderFiles,
  connect: ConnectSqlite | undefined,
): Engine {
  const options = { folder, files, connect, reserveBytes: 0 }
  return { kind: SQLITE, make: () => new SqliteDatabase(options), newId }
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
