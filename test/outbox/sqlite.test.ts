// The SQLite store: the contract, the same random operations on it and on the file store, what it refuses,
// a full disk, kill -9, and a library that is given. sqlite-runtimes.test.ts runs this on every runtime.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { FileStore } from '../../src/outbox/file.ts'
import { MemoryStore } from '../../src/outbox/memory.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import { platformSqlite } from '../../src/outbox/sqlite-connection.ts'
import {
  type ConnectSqlite,
  type SqliteConnection,
  SqliteStore,
  type SqliteStoreOptions,
} from '../../src/outbox/sqlite.ts'
import type { Op, OpenResult, OutboxStore, SyncLevel } from '../../src/outbox/store.ts'
import { outboxContract } from '../../src/testing/outbox-contract.ts'
import { anyCharacter } from '../support/characters.ts'
import { commitOf, numberIn } from '../support/commits.ts'
import { hurried } from '../support/hurried.ts'
import { firstly } from '../support/pace.ts'
import { FAST_CHECK, runs } from '../support/seed.ts'
import { dice } from '../support/simulated-disk.ts'
import { absent } from '../support/skip.ts'
import { inFolder } from '../support/temporary-folder.ts'

const skip = absent('sqlite')
const own: ConnectSqlite = (skip === false ? await platformSqlite() : undefined) ?? noSqlite
const DATABASE = 'outbox.sqlite'
/** So many processes die, each in one of so many commits, within the steps that one may have. */
const KILLS = firstly(6, 1)
const EACH_LIFE = 30
const STEPS_MAX = 12
const SMALL: SqliteStoreOptions = { reserveBytes: 4096 }

const put = (seq: number, sizeBytes: number): Op => [
  'put',
  seq,
  new Uint8Array(sizeBytes).fill(seq),
]

function noSqlite(): never {
  throw new Error('This platform has no SQLite')
}

function refusal(code: string, words: RegExp): (error: Error & { code?: string }) => boolean {
  return (error) => {
    equal(error.code, `ERR_MQTT_STORE_${code}`, error.message)
    ok(words.test(error.message), error.message)
    return true
  }
}

async function withStore(
  folder: string,
  run: (store: SqliteStore) => Promise<void>,
): Promise<void> {
  const store = new SqliteStore(folder, SMALL)
  await store.open()
  try {
    await run(store)
  } finally {
    await store.close()
  }
}

/** Does something with the database of a closed store. */
function within(folder: string, sql: string): void {
  const connection = own(join(folder, DATABASE))
  connection.exec(sql)
  connection.close()
}

/** As better-sqlite3 has it: codes by name, bytes as Buffer, and `all` for what gives rows alone. */
function likeBetterSqlite3(path: string): SqliteConnection {
  const connection = own(path)
  const asLibrary = <T>(action: () => T): T => {
    try {
      return action()
    } catch (error) {
      const { errcode = 0, message } = error as Error & { errcode?: number }
      const code = { 5: 'SQLITE_BUSY', 13: 'SQLITE_FULL', 26: 'SQLITE_NOTADB' }[errcode & 255]
      throw Object.assign(new Error(message), { code: code ?? 'SQLITE_ERROR' })
    }
  }
  const buffers = (row: unknown): unknown =>
    Object.fromEntries(
      Object.entries(row as object).map(([name, value]) => [
        name,
        value instanceof Uint8Array ? Buffer.from(value) : (value as unknown),
      ]),
    )
  return {
    exec: (sql) => asLibrary(() => connection.exec(sql)),
    close: () => connection.close(),
    prepare: (sql) => {
      const statement = asLibrary(() => connection.prepare(sql))
      return {
        run: (...values) => asLibrary(() => statement.run(...values)),
        all: (...values) => {
          ok(/^(?:SELECT|PRAGMA \w+$)/.test(sql), 'This statement does not return data')
          return asLibrary(() => statement.all(...values).map(buffers))
        },
        ...(statement.finalize && { finalize: () => statement.finalize?.() }),
      }
    },
  }
}

function contract(options: SqliteStoreOptions): void {
  const folders = new Map<OutboxStore, string>()
  const on = (folder: string): OutboxStore => {
    const store = new SqliteStore(folder, options)
    folders.set(store, folder)
    return store
  }
  outboxContract(test, {
    make: async () => on(await mkdtemp(join(tmpdir(), 'umqtt-outbox-'))),
    reopen: async (store) => on(folders.get(store)!),
    dispose: (store) => rm(folders.get(store)!, { recursive: true }),
  })
}

describe('without SQLite', { skip: skip === false && 'this platform has it' }, () => {
  test('a store says what to install', () =>
    inFolder(async (folder) => {
      const error = refusal('UNAVAILABLE', /use Node 22\.13 or newer, or install "better-sqlite3"/)
      await rejects(new SqliteStore(folder).open(), error)
      deepEqual(await readdir(folder), [])
    }))
})

describe('the SQLite store', { skip }, () => contract({}))

// What is wrapped is the platform's, whose contract is above.
if (firstly(true, false)) {
  describe('the SQLite store on a library', { skip }, () =>
    contract({ connect: likeBetterSqlite3 }),
  )
}

async function contentOf(store: OutboxStore): Promise<unknown> {
  const state = [...(await store.state())].sort(([one], [other]) => (one < other ? -1 : 1))
  return { records: await store.scan(0, 1000), state }
}

/** Operations that need not fit what is there; `reopen` closes and opens in between, `crash` does not close. */
const STEPS = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom('reopen' as const, 'crash' as const) },
    {
      weight: 8,
      arbitrary: fc.tuple(
        fc.array(
          fc.oneof(
            fc.tuple(
              fc.constant('put' as const),
              fc.integer({ min: 1, max: 30 }),
              fc.uint8Array({ maxLength: 600 }),
            ),
            fc.tuple(fc.constant('delete' as const), fc.integer({ min: 1, max: 30 })),
            fc.tuple(
              fc.constant('set' as const),
              fc.string({ unit: anyCharacter(), maxLength: 3 }),
              fc.uint8Array({ maxLength: 40 }),
            ),
            fc.tuple(
              fc.constant('unset' as const),
              fc.string({ unit: anyCharacter(), maxLength: 1 }),
            ),
          ),
          { maxLength: 8 },
        ),
        fc.constantFrom<SyncLevel>('power', 'process', 'lazy'),
      ),
    },
  ),
  { maxLength: 40 },
)

/** A store, and its folder, which is another one after each crash. */
class Subject {
  store: OutboxStore
  readonly #make: (folder: string) => OutboxStore
  readonly #dropped: OutboxStore[] = []
  #folder: string
  #crashes = 0

  constructor(folder: string, make: (folder: string) => OutboxStore) {
    this.#folder = folder
    this.#make = make
    this.store = make(folder)
  }

  /** Opens what a process leaves that ends now: the files as the system has them, and a lock of nobody. */
  async crash(): Promise<OpenResult> {
    this.#crashes += 1
    const from = this.#folder
    this.#folder = `${from}-${this.#crashes}`
    await mkdir(this.#folder)
    for (const name of await readdir(from)) {
      if (!name.startsWith('lock')) await copyFile(join(from, name), join(this.#folder, name))
    }
    this.#dropped.push(this.store)
    this.store = this.#make(this.#folder)
    return this.store.open()
  }

  async close(): Promise<void> {
    for (const store of [...this.#dropped, this.store]) await store.close()
  }
}

const LITTLE = { segmentBytes: 4096, reserveBytes: 0 }

describe('the SQLite store and the file store', { skip }, () => {
  test('have the same content after the same operations, restarts and crashes', async () => {
    await fc.assert(
      fc.asyncProperty(STEPS, (steps) =>
        inFolder(async (folder) => {
          const subjects: readonly Subject[] = [
            new Subject(join(folder, 'file'), (path) => new FileStore(path, LITTLE)),
            new Subject(join(folder, 'sqlite'), (path) => new SqliteStore(path, LITTLE)),
          ]
          for (const { store } of subjects) await store.open()
          let before = await contentOf(subjects[0]!.store)
          for (const step of steps) {
            const found: unknown[] = []
            const contents: unknown[] = []
            for (const subject of subjects) {
              if (step === 'crash') found.push(await subject.crash())
              else if (step === 'reopen') {
                await subject.store.close()
                found.push(await subject.store.open())
              } else await subject.store.commit(...step)
              contents.push(await contentOf(subject.store))
            }
            deepEqual(found[0], found[1])
            deepEqual(contents[0], contents[1])
            // Neither holds anything back: what a commit has told, the system has.
            if (typeof step === 'string') deepEqual(contents[0], before)
            before = contents[0]
          }
          for (const subject of subjects) await subject.close()
        }),
      ),
      runs(firstly(25, 5)),
    )
  })

  const MAKERS = {
    file: (folder: string) => new FileStore(folder, LITTLE),
    sqlite: (folder: string) => new SqliteStore(folder, LITTLE),
  }
  const main = fileURLToPath(new URL('../support/committing-main.js', import.meta.url))

  /** @returns the number of the last commit that it told, and what ended it */
  async function commitIn(args: readonly string[]): Promise<[told: number, signal: unknown]> {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    let told = 0
    for await (const line of createInterface({ input: child.stdout })) told = Number(line)
    return [told, ((await exited) as unknown[])[1]]
  }

  test('have the content of one that was never killed, after the same commits and kill -9', () =>
    inFolder(async (folder) => {
      const { seed } = FAST_CHECK
      const roll = dice(seed)
      /** What never ended has, after each commit. */
      const model = new MemoryStore()
      await model.open()
      const contents: unknown[] = [await contentOf(model)]
      for (let number = 1; number <= EACH_LIFE * KILLS; number += 1) {
        const [ops] = commitOf(seed, number)
        await model.commit(ops)
        contents.push(await contentOf(model))
      }
      const done = { file: 0, sqlite: 0 }
      const engines = ['file', 'sqlite'] as const
      for (let round = 0; round <= KILLS; round += 1) {
        const isLast = round === KILLS
        const killAt = isLast ? 0 : 1 + round * EACH_LIFE + roll(EACH_LIFE)
        const dying = [seed, EACH_LIFE * KILLS, killAt, roll(STEPS_MAX)].map(String)
        for (const engine of engines) {
          const path = join(folder, engine)
          const [told, signal] = await commitIn([path, engine, ...dying])
          equal(signal, isLast ? null : 'SIGKILL', `SEED=${seed} ${engine}`)
          const store = MAKERS[engine](path)
          deepEqual((await store.open()).damaged, [])
          done[engine] = numberIn(await store.state())
          ok(done[engine] >= told, `SEED=${seed} ${engine} told ${told}, and has ${done[engine]}`)
          deepEqual(await contentOf(store), contents[done[engine]], `SEED=${seed} ${engine}`)
          await store.close()
        }
      }
      const all = EACH_LIFE * KILLS
      deepEqual(done, { file: all, sqlite: all }, `SEED=${seed}`)
    }))
})

describe('the owner of a SQLite store', { skip }, () => {
  test('is one: a second store is refused, and may open it afterwards', () =>
    inFolder(async (folder) => {
      const second = new SqliteStore(folder, SMALL)
      await withStore(folder, async (first) => {
        await hurried(() =>
          rejects(second.open(), refusal('UNAVAILABLE', /this process \(pid \d+\) has it open/)),
        )
        await first.commit([put(1, 3)], 'power')
      })
      equal((await second.open()).count, 1)
      await second.close()
      deepEqual((await readdir(folder)).sort(), ['outbox', DATABASE, 'reserve'])
    }))

  test('keeps every other program out of the database, and is kept out by one', () =>
    inFolder(async (folder) => {
      await withStore(folder, async () => {
        const other = own(join(folder, DATABASE))
        await rejects(async () => other.exec('SELECT count(*) FROM records'), /locked/)
        other.close()
      })
      const other = own(join(folder, DATABASE))
      other.exec('BEGIN EXCLUSIVE')
      const store = new SqliteStore(folder, SMALL)
      await rejects(store.open(), refusal('UNAVAILABLE', /somebody else has its database open/))
      other.exec('ROLLBACK')
      other.close()
      await store.open()
      await store.close()
    }))

  test('may alone read its files', () =>
    inFolder(async (folder) => {
      await withStore(folder, async (store) => {
        await store.commit([put(1, 3)], 'power')
        for (const name of await readdir(folder)) {
          equal((await stat(join(folder, name))).mode & 0o777, 0o600, name)
        }
      })
    }))
})

describe('a SQLite store refuses', { skip }, () => {
  test('a newer format, in its marker or its database, and leaves it as it was', () =>
    inFolder(async (folder) => {
      await withStore(folder, (store) => store.commit([put(1, 3)], 'power'))
      within(folder, 'PRAGMA user_version = 2')
      const before = await readFile(join(folder, DATABASE))
      const store = new SqliteStore(folder, SMALL)
      const words = new RegExp(`in "${folder}": it has format version 2, this program knows 1`)
      await rejects(store.open(), refusal('UNAVAILABLE', words))
      deepEqual(await readFile(join(folder, DATABASE)), before)
      within(folder, 'PRAGMA user_version = 1')
      await writeFile(join(folder, 'outbox'), `umqtt outbox sqlite 2 ${'0'.repeat(32)}\n`)
      await rejects(store.open(), refusal('UNAVAILABLE', words))
      deepEqual((await readdir(folder)).sort(), ['outbox', DATABASE, 'reserve'])
    }))

  test('the database of another program, and what is none', () =>
    inFolder(async (folder) => {
      within(folder, 'CREATE TABLE t (a)')
      const store = new SqliteStore(folder, SMALL)
      await rejects(store.open(), refusal('UNAVAILABLE', /a database of another program/))
      await writeFile(join(folder, DATABASE), 'no database at all'.repeat(1000))
      await rejects(store.open(), refusal('CORRUPT', /its database is damaged/))
    }))

  test('a SQLite that does not take a setting', () =>
    inFolder(async (folder) => {
      const store = new SqliteStore(folder, { connect: () => own(':memory:') })
      const error = refusal('UNAVAILABLE', /SQLite keeps journal_mode at "memory" instead of "wal"/)
      await rejects(store.open(), error)
    }))

  test('to be used before it is open, and after a write that failed', () =>
    inFolder(async (folder) => {
      let broken = false
      const store = new SqliteStore(folder, {
        connect: (path) => {
          const connection = own(path)
          return {
            exec: (sql) => {
              if (broken && sql === 'COMMIT') throw new Error('disk I/O error')
              return connection.exec(sql)
            },
            prepare: (sql) => connection.prepare(sql),
            close: () => connection.close(),
          }
        },
      })
      await rejects(store.scan(0, 1), refusal('UNAVAILABLE', /open it first/))
      await store.open()
      await store.commit([put(1, 3)], 'power')
      broken = true
      await rejects(store.commit([put(2, 3)], 'power'), refusal('UNAVAILABLE', /disk I\/O error/))
      broken = false
      await rejects(store.commit([put(3, 3)], 'power'), refusal('UNAVAILABLE', /disk I\/O error/))
      await store.close()
      equal((await store.open()).highest, 1)
      await store.close()
    }))
})

describe('a SQLite store that is read page by page', { skip }, () => {
  test('lets everything else go on between two pages', () =>
    inFolder((folder) =>
      withStore(folder, async (store) => {
        await store.commit([put(1, 10), put(2, 10), put(3, 10)], 'power')
        let turns = 0
        let isRead = false
        const count = (): void => {
          if (isRead) return
          turns += 1
          setImmediate(count)
        }
        setImmediate(count)
        for (const seq of [1, 2, 3]) equal((await store.scan(seq, 1))[0]?.[0], seq)
        isRead = true
        ok(turns >= 3, `${turns}`)
      }),
    ))
})

describe('the levels of a SQLite store', { skip }, () => {
  test('are those of SQLite, and an empty power commit makes safe what was lazy before it', () =>
    inFolder(async (folder) => {
      const log: string[] = []
      const connect: ConnectSqlite = (path) => {
        const connection = own(path)
        const spy = (sql: string): unknown => log.push(/^(?:PRAGMA sync.*|\w+)/.exec(sql)![0])
        return {
          exec: (sql) => (spy(sql), connection.exec(sql)),
          prepare: (sql) => {
            const statement = connection.prepare(sql)
            return {
              run: (...values) => (spy(sql), statement.run(...values)),
              all: (...values) => statement.all(...values),
              ...(statement.finalize && { finalize: () => statement.finalize?.() }),
            }
          },
          close: () => connection.close(),
        }
      }
      const store = new SqliteStore(folder, { ...SMALL, connect })
      const made = async (ops: readonly Op[], sync: SyncLevel): Promise<readonly string[]> => {
        log.length = 0
        await store.commit(ops, sync)
        return [...log]
      }
      await store.open()
      deepEqual(await made([put(1, 3)], 'power'), ['BEGIN', 'INSERT', 'COMMIT'])
      const normal = 'PRAGMA synchronous = NORMAL'
      deepEqual(await made([put(2, 3)], 'lazy'), [normal, 'BEGIN', 'INSERT', 'COMMIT'])
      deepEqual(await made([['delete', 2]], 'process'), ['BEGIN', 'DELETE', 'COMMIT'])
      const full = 'PRAGMA synchronous = FULL'
      deepEqual(await made([], 'power'), [full, 'BEGIN', 'UPDATE', 'COMMIT'])
      deepEqual(await made([], 'power'), ['BEGIN', 'COMMIT'])
      await store.close()
    }))
})

describe('a SQLite store on a full disk', { skip }, () => {
  test('adds nothing, keeps what it has, and drains', () =>
    inFolder(async (folder) => {
      const store = new SqliteStore(folder, {
        reserveBytes: 4096,
        connect: (path) => {
          const connection = own(path)
          connection.exec('PRAGMA max_page_count = 60')
          return connection
        },
      })
      const outbox = new Outbox(store)
      await outbox.open()
      let seq = 0
      const fill = async (): Promise<void> => {
        for (;;) await outbox.write([put(++seq, 3000)], 'power')
      }
      await rejects(fill(), refusal('FULL', /the disk is full/))
      const { length } = await outbox.read(0, 1000)
      equal(length, seq - 1)
      ok(length > 10)
      for (let i = 1; i < seq; i++) await outbox.write([['delete', i]], 'power')
      equal(outbox.count, 0)
      await outbox.write([put(seq + 1, 3000)], 'power')
      await outbox.close()
      equal((await store.open()).count, 1)
      await store.close()
    }))
})

describe('the reserve of a SQLite store', { skip }, () => {
  test('is given up for what adds nothing, and made again before something is added', () =>
    inFolder(async (folder) => {
      let full = false
      const reserve = join(folder, 'reserve')
      const store = new SqliteStore(folder, {
        ...SMALL,
        connect: (path) => {
          const connection = own(path)
          return {
            exec: (sql) => {
              // As a disk without room but for what the reserve takes.
              if (full && sql === 'COMMIT' && existsSync(reserve)) {
                throw Object.assign(new Error('full'), { code: 'SQLITE_FULL' })
              }
              return connection.exec(sql)
            },
            prepare: (sql) => connection.prepare(sql),
            close: () => connection.close(),
          }
        },
      })
      await store.open()
      await store.commit([put(1, 3), put(2, 3)], 'power')
      full = true
      await rejects(store.commit([put(3, 3)], 'power'), refusal('FULL', /the disk is full/))
      equal(existsSync(reserve), true)
      await store.commit([put(2, 9), ['delete', 1]], 'power')
      equal(existsSync(reserve), false)
      await store.close()
      equal((await store.open()).count, 1)
      full = false
      await store.commit([put(3, 3)], 'power')
      equal(existsSync(reserve), true)
      await store.close()
    }))
})

describe('a process with a SQLite store that is killed with -9', { skip }, () => {
  const writer = fileURLToPath(new URL('../support/outbox-writer.js', import.meta.url))
  test('loses nothing that it was told is stored', () =>
    inFolder(async (folder) => {
      const stored = new Set<number>()
      const gone = new Set<number>()
      for (const lines of firstly([50, 147, 244], [244])) {
        const child = spawn(process.execPath, [writer, folder, 'sqlite'], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        const exited = once(child, 'exit')
        let count = 0
        for await (const line of createInterface({ input: child.stdout })) {
          const [what, number] = line.split(' ')
          if (what === 'opened') equal(line.endsWith(' []'), true, line)
          if (what === 'stored') stored.add(Number(number))
          if (what === 'deleting') gone.add(Number(number))
          if (++count === lines) child.kill('SIGKILL')
        }
        await exited
        const outbox = new Outbox(new SqliteStore(folder, SMALL))
        deepEqual((await outbox.open()).quarantined, [])
        const found = new Set((await outbox.read(0, 100_000)).map(([seq]) => seq))
        for (const seq of stored) ok(found.has(seq) || gone.has(seq), `Record ${seq}`)
        await outbox.close()
      }
      ok(stored.size > 100)
    }))
})
