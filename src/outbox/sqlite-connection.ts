// A connection to SQLite, whoever's: the platform's own, or that of a library. Rule: what SQLite and its
// bindings leave to chance is set here and read back, and a setting that was not taken is a refusal, because
// the default of any of them loses commits. It knows no tables.

import { StoreError } from '../errors.ts'

/** A prepared statement, as `node:sqlite`, `bun:sqlite` and better-sqlite3 have it. */
export interface SqliteStatement {
  /**
   * Runs it, and gives no rows.
   * @param values for its `?`, in order
   */
  run(...values: readonly (number | string | Uint8Array)[]): unknown
  /**
   * Runs it.
   * @param values for its `?`, in order
   * @returns one object for each row; bytes may be a Uint8Array or a Buffer
   */
  all(...values: readonly (number | string | Uint8Array)[]): readonly unknown[]
  /** Where closing the connection does not do it. */
  finalize?(): void
}

/** An open database, as `node:sqlite`, `bun:sqlite` and better-sqlite3 have it. */
export interface SqliteConnection {
  /**
   * Runs statements that give nothing back.
   * @param sql one or several
   * @throws what SQLite says
   */
  exec(sql: string): unknown
  /**
   * Prepares one statement.
   * @param sql with a `?` for each value
   * @throws what SQLite says
   */
  prepare(sql: string): SqliteStatement
  /** Closes the database. */
  close(): unknown
}

/** Opens the database in a file, such as `(path) => new Database(path)` of better-sqlite3. */
export type ConnectSqlite = (path: string) => SqliteConnection

/** With each of them off, the last commits can be lost with the power, or somebody else writes as well. */
const SETTINGS: Readonly<Record<string, string | number>> = {
  locking_mode: 'exclusive',
  journal_mode: 'wal',
  synchronous: 2,
  fullfsync: 1,
  checkpoint_fullfsync: 1,
}

/** What SQLite says by number. https://sqlite.org/rescode.html */
const KINDS: Readonly<Record<number, string>> = {
  5: 'BUSY',
  6: 'LOCKED',
  11: 'CORRUPT',
  13: 'FULL',
  26: 'NOTADB',
}

/** The same in words, which is all that Deno says of what `exec` fails with. */
const WORDS: Readonly<Record<string, string>> = {
  'database is locked': 'BUSY',
  'database table is locked': 'LOCKED',
  'database disk image is malformed': 'CORRUPT',
  'database or disk is full': 'FULL',
  'file is not a database': 'NOTADB',
}

const ADVICE: Readonly<Record<string, string>> = {
  BUSY: 'somebody else has its database open; end that one, or give each its own folder',
  LOCKED: 'somebody else has its database open; end that one, or give each its own folder',
  CORRUPT: 'its database is damaged; move it away to begin anew',
  NOTADB: 'its database is damaged; move it away to begin anew',
  FULL: 'the disk is full',
}

/** The platform's own SQLite; undefined where there is none. */
export async function platformSqlite(): Promise<ConnectSqlite | undefined> {
  const isBun = 'Bun' in globalThis
  // A name at run time: a bundler that met it as a word would look for a package.
  const name = isBun ? 'bun:sqlite' : 'node:sqlite'
  try {
    const module = (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as Readonly<
      Record<string, new (path: string) => SqliteConnection>
    >
    const Database = module[isBun ? 'Database' : 'DatabaseSync']
    return Database && ((path) => new Database(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ERR_UNKNOWN_BUILTIN_MODULE' || code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}

/** The first column of the first row. */
export function readValue(connection: SqliteConnection, sql: string): unknown {
  const statement = connection.prepare(sql)
  const [row] = statement.all()
  statement.finalize?.()
  return row === undefined ? undefined : Object.values(row as object)[0]
}

/**
 * Makes a connection keep its promises, and the only one to its file.
 *
 * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE it does not take a setting
 */
export function applySettings(connection: SqliteConnection): void {
  for (const [name, value] of Object.entries(SETTINGS)) {
    connection.exec(`PRAGMA ${name} = ${value}`)
    const found = readValue(connection, `PRAGMA ${name}`)
    if (found === value) continue
    throw new StoreError(
      'ERR_MQTT_STORE_UNAVAILABLE',
      `Cannot open the outbox: SQLite keeps ${name} at "${String(found)}" instead of "${value}"; put it in a folder on a disk of this machine`,
    )
  }
}

/** Whether the disk is full. */
export function isFull(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'ERR_MQTT_STORE_FULL'
}

/** Does something with a database, and says what failed as a {@link StoreError}. */
export function attemptSqlite<T>(what: string, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    const kind = kindOf(cause)
    const words = ADVICE[kind] ?? (cause instanceof Error ? cause.message : String(cause))
    throw new StoreError(
      kind === 'FULL'
        ? 'ERR_MQTT_STORE_FULL'
        : kind === 'CORRUPT' || kind === 'NOTADB'
          ? 'ERR_MQTT_STORE_CORRUPT'
          : 'ERR_MQTT_STORE_UNAVAILABLE',
      `Cannot ${what}: ${words}`,
      { cause },
    )
  }
}

/** What went wrong, in SQLite's word; each binding says it in its own way. */
function kindOf(error: unknown): string {
  const { code, errcode, errno, message } = error as {
    readonly code?: unknown
    readonly errcode?: number
    readonly errno?: number
    readonly message?: string
  }
  const name = typeof code === 'string' ? /^SQLITE_([A-Z]+)/.exec(code)?.[1] : undefined
  return name ?? KINDS[(errcode ?? errno ?? 0) & 255] ?? WORDS[message ?? ''] ?? ''
}
