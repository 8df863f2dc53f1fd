// A change between the log and SQLite itself, on the files of this machine, ended at every step that touches
// them. sqlite-runtimes.test.ts runs this on every runtime; takeover.test.ts cuts the power.

import { deepEqual, ok, rejects } from 'node:assert/strict'
import { cp, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { StoreError } from '../../src/errors.ts'
import { FileStore } from '../../src/outbox/file.ts'
import { FolderFiles } from '../../src/outbox/folder.ts'
import type { LogFile } from '../../src/outbox/log/files.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import { type ConnectSqlite, platformSqlite } from '../../src/outbox/sqlite-connection.ts'
import { SqliteStore } from '../../src/outbox/sqlite.ts'
import type { OutboxStore } from '../../src/outbox/store.ts'
import { firstly } from '../support/pace.ts'
import { absent } from '../support/skip.ts'
import { inFolder } from '../support/temporary-folder.ts'

const skip = absent('sqlite')

/** Bun gives a test five seconds. */
const LONG = { timeout: 60_000 }
const DEAD = 'The process is dead'

/** Ends everything that is done to files at a step, as the death of the process would. */
class Cut {
  at = Infinity
  steps = 0

  step(): void {
    this.steps++
    if (this.steps >= this.at) throw new StoreError('ERR_MQTT_STORE_UNAVAILABLE', DEAD)
  }

  readonly connect: ConnectSqlite = (path) => {
    const connection = platform(path)
    const counted = <T extends object>(target: T): T =>
      new Proxy(target, {
        get: (from, name) => {
          const member = Reflect.get(from, name) as unknown
          if (typeof member !== 'function') return member
          return (...args: unknown[]): unknown => {
            if (name === 'run' || (name === 'exec' && args[0] !== 'ROLLBACK')) this.step()
            const result: unknown = Reflect.apply(member, from, args)
            return name === 'prepare' ? counted(result as object) : result
          }
        },
      })
    return counted(connection)
  }

  /** Runs something whose files are counted. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    const { prototype } = FolderFiles
    const { open, remove, syncFolder } = prototype
    const step = (): void => this.step()
    const counted = (file: LogFile): LogFile => ({
      size: () => file.size(),
      read: (offset, length) => file.read(offset, length),
      close: () => file.close(),
      write: async (bytes, offset) => (step(), file.write(bytes, offset)),
      sync: async () => (step(), file.sync()),
    })
    prototype.open = async function (name, create) {
      if (create) step()
      return counted(await open.call(this, name, create))
    }
    prototype.remove = async function (name) {
      step()
      return remove.call(this, name)
    }
    prototype.syncFolder = async function () {
      step()
      return syncFolder.call(this)
    }
    try {
      return await run()
    } finally {
      Object.assign(prototype, { open, remove, syncFolder })
    }
  }
}

const platform: ConnectSqlite =
  (skip === false ? await platformSqlite() : undefined) ??
  (() => {
    throw new Error('This platform has no SQLite')
  })

const ENGINES = ['log', 'sqlite'] as const
type Name = (typeof ENGINES)[number]

function storeOf(name: Name, folder: string, connect?: ConnectSqlite): OutboxStore {
  const options = { reserveBytes: 0, ...(connect && { connect }) }
  return name === 'log'
    ? new FileStore(folder, { ...options, segmentBytes: 4096 })
    : new SqliteStore(folder, options)
}

/** Opens an outbox, as a client does, and reads all that is in it. */
async function contentOf(store: OutboxStore): Promise<unknown> {
  const outbox = new Outbox(store)
  try {
    const { state, quarantined, nextSeq } = await outbox.open()
    deepEqual(quarantined, [])
    const records = await outbox.read(0, 10_000)
    const table = [...state].sort(([a], [b]) => (a < b ? -1 : 1))
    return [nextSeq, records.map(([seq, body]) => [seq, ...body]), table.map(([k, v]) => [k, ...v])]
  } finally {
    await outbox.close()
  }
}

async function fill(store: OutboxStore, count = 40): Promise<void> {
  const outbox = new Outbox(store)
  const { nextSeq } = await outbox.open()
  const seqs = Array.from({ length: count }, (_, i) => nextSeq + i)
  await Promise.all(
    seqs.map((seq) => outbox.write([['put', seq, new Uint8Array(300).fill(seq)]], 'power')),
  )
  await outbox.write(
    [
      ['delete', nextSeq + 3],
      ['set', 'client', Uint8Array.of(100)],
      ['set', 'o7', Uint8Array.of(1, 2)],
      ['set', 'i9', new Uint8Array()],
      ['set', 'q"\0', Uint8Array.of(3)],
    ],
    'power',
  )
  await outbox.close()
}

for (const from of ENGINES) {
  const to = from === 'log' ? 'sqlite' : 'log'
  describe(`a folder of ${from} that is opened by ${to}`, { skip }, () => {
    test('has all its messages and the session, and nothing of the old store', () =>
      inFolder(async (folder) => {
        await fill(storeOf(from, folder))
        const content = await contentOf(storeOf(from, folder))
        deepEqual(await contentOf(storeOf(to, folder)), content)
        const names = await readdir(folder)
        const old = from === 'log' ? /^\d+\.log$/ : /^outbox\.sqlite/
        ok(!names.some((name) => old.test(name)), names.join(' '))
        await fill(storeOf(to, folder), 5)
        deepEqual(
          await contentOf(storeOf(from, folder)),
          await contentOf(storeOf(to, folder)),
          'And back',
        )
      }))

    test('loses and doubles nothing, wherever the process ends, whoever opens it next', LONG, () =>
      inFolder(async (folder) => {
        const attempt = async (name: string, at: number): Promise<[Cut, string]> => {
          const place = join(folder, name)
          await cp(join(folder, 'filled'), place, { recursive: true })
          const cut = new Cut()
          cut.at = at
          await cut
            .during(() => contentOf(storeOf(to, place, cut.connect)))
            .catch((error: Error) => ok(error.message.includes(DEAD), error.message))
          return [cut, place]
        }
        await fill(storeOf(from, join(folder, 'filled')), 6)
        const [{ steps }, whole] = await attempt('whole', Infinity)
        const content = await contentOf(storeOf(to, whole))
        ok(steps > 25, `${steps} steps`)
        // An odd number, so that each engine comes next.
        for (let at = 1; at <= steps; at += firstly(1, 5)) {
          const [, place] = await attempt(`${at}`, at)
          const next = ENGINES[at % 2]!
          deepEqual(await contentOf(storeOf(next, place)), content, `Step ${at}, then ${next}`)
          const other = ENGINES[(at + 1) % 2]!
          deepEqual(await contentOf(storeOf(other, place)), content, `Step ${at}, then ${other}`)
        }
      }),
    )
  })
}

describe('a folder of SQLite where there is none', () => {
  test('is refused by the log with words that say what to do, and left alone', () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'outbox'), `umqtt outbox sqlite 1 ${'0'.repeat(32)}\n`)
      await writeFile(join(folder, 'outbox.sqlite'), '')
      const before = (await readdir(folder)).sort()
      const connect: ConnectSqlite = () => {
        throw new Error('No such library')
      }
      const words =
        skip === false
          ? /Cannot take over what the engine "sqlite" keeps: .*No such library/
          : /Cannot take over what the engine "sqlite" keeps: .*use Node 22\.13 or newer, or install "better-sqlite3" and give it as the option "connect"/
      const store = new FileStore(folder, skip === false ? { connect } : {})
      await rejects(store.open(), words)
      deepEqual((await readdir(folder)).sort(), before)
    }))
})
