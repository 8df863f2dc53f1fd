// The IndexedDB store on an IndexedDB in memory, with locks and storage of its own: the contract, the one
// owner, and what it says when it cannot be used. indexeddb-chromium.test.ts runs it in a browser.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { forceCloseDatabase } from 'fake-indexeddb'
import { LOCK_WAIT_MS } from '../../src/outbox/constants.ts'
import { IndexedDbStore } from '../../src/outbox/indexeddb.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import type { SyncLevel } from '../../src/outbox/store.ts'
import { outboxContract } from '../../src/testing/outbox-contract.ts'
import { hurried } from '../support/hurried.ts'
import { type Factory, memoryOrigin as origin, type Origin } from '../support/memory-origin.ts'

const RECORD = Uint8Array.of(1, 2, 3)

/** Opens a database and lets the test at it before the store has it. */
function opening(factory: Factory, look: (database: Opened) => void): Factory {
  return {
    open: (name, version) => {
      const request = factory.open(name, version)
      ;(request as unknown as EventTarget).addEventListener('success', () => look(request.result))
      return request
    },
  }
}

type Opened = ReturnType<Factory['open']>['result']

function refusal(code: string, words: RegExp): (error: Error & { code?: string }) => boolean {
  return (error) => {
    equal(error.code, `ERR_MQTT_STORE_${code}`, error.message)
    ok(words.test(error.message), error.message)
    return true
  }
}

describe('the IndexedDB store', () => {
  let platform = origin()
  outboxContract(test, {
    make: async () => {
      platform = origin()
      return new IndexedDbStore('door', platform)
    },
    reopen: async () => new IndexedDbStore('door', platform),
  })

  test('counts more records than it reads at once', async () => {
    const store = new IndexedDbStore('many', origin())
    await store.open()
    const seqs = Array.from({ length: 2000 }, (_, i) => i + 7)
    await store.commit(
      seqs.map((seq) => ['put', seq, RECORD]),
      'power',
    )
    await store.close()
    const { count, lowest, highest, sizeBytes } = await store.open()
    deepEqual([count, lowest, highest, sizeBytes], [2000, 7, 2006, 6000])
    await store.close()
  })
})

describe('the owner of an IndexedDB store', () => {
  test('is one: a second store is refused, another name is not, and it is free afterwards', async () => {
    const platform = origin()
    const first = new IndexedDbStore('door', platform)
    await first.open()
    const second = new IndexedDbStore('door', platform)
    const error = refusal('UNAVAILABLE', /another tab, worker or client has it open/)
    equal(await hurried(() => rejects(second.open(), error)), LOCK_WAIT_MS)
    const other = new IndexedDbStore('window', platform)
    await other.open()
    await other.close()
    await first.close()
    equal(platform.locks.held.size, 0)
    await second.open()
    await second.close()
  })

  test('is waited for when it is about to let go, in the order in which they came', async () => {
    const platform = origin()
    const first = new IndexedDbStore('door', platform)
    await first.open()
    await first.commit([['put', 1, RECORD]], 'power')
    const order: string[] = []
    const opening = ['second', 'third'].map(async (name) => {
      const store = new IndexedDbStore('door', platform)
      const { count } = await store.open()
      order.push(`${name} ${count}`)
      await store.close()
    })
    await first.close()
    await Promise.all(opening)
    deepEqual(order, ['second 1', 'third 1'])
  })

  test('keeps it when another waits in vain for the same store', async () => {
    const store = new IndexedDbStore('door', origin())
    await store.open()
    await hurried(() => rejects(store.open(), refusal('UNAVAILABLE', /another tab/)))
    await store.commit([['put', 1, RECORD]], 'power')
    equal((await store.scan(0, 10)).length, 1)
    await store.close()
  })

  test('writes nothing more when its lock was stolen', async () => {
    const platform = origin()
    const store = new IndexedDbStore('door', platform)
    await store.open()
    await store.commit([['put', 1, RECORD]], 'power')
    platform.locks.steal()
    await new Promise((go) => setImmediate(go))
    await rejects(
      store.commit([['put', 2, RECORD]], 'power'),
      refusal('UNAVAILABLE', /Cannot write/),
    )
    await store.close()
    equal((await store.open()).count, 1)
    await store.close()
  })
})

describe('what an IndexedDB store says of itself', () => {
  test('has the answer of the browser to the wish to be kept', async () => {
    for (const answer of [true, false]) {
      const persist = async (): Promise<boolean> => answer
      const store = new IndexedDbStore('door', { ...origin(), storage: { persist } })
      equal(store.traits.persisted, undefined)
      await store.open()
      await store.commit([['put', 1, RECORD]], 'power')
      equal(store.traits.persisted, answer)
      equal(store.traits.evictable, !answer)
      await store.close()
    }
  })

  test('is no promise to be kept when the browser does not answer, and open does not wait', async () => {
    const never = { persist: (): Promise<boolean> => new Promise(() => undefined) }
    const store = new IndexedDbStore('door', { ...origin(), storage: never })
    await store.open()
    deepEqual([store.traits.persisted, store.traits.evictable], [undefined, true])
    await store.close()
    const failing = { persist: (): Promise<boolean> => Promise.reject(new Error('not here')) }
    const other = new IndexedDbStore('door', { ...origin(), storage: failing })
    await other.open()
    await other.scan(0, 1)
    equal(other.traits.persisted, false)
    await other.close()
  })

  test('is no safety from a loss of power where transactions are not strict', async () => {
    const platform = origin()
    const plain = opening(platform.factory, (database) => {
      const begin = database.transaction.bind(database)
      database.transaction = (...args) =>
        Object.defineProperty(begin(...args), 'durability', { value: undefined })
    })
    const store = new IndexedDbStore('door', { ...platform, factory: plain })
    equal(store.traits.power, true)
    await store.open()
    equal(store.traits.power, false)
    await store.close()
  })
})

/** Notes each transaction, with the keys that are put in it, and lets the test at those. */
function noting(
  factory: Factory,
  log: string[],
  look: (key: number | string) => void = () => undefined,
): Factory {
  return opening(factory, (database) => {
    const begin = database.transaction.bind(database)
    database.transaction = (stores, mode, options) => {
      const transaction = begin(stores, mode, options)
      const store = transaction.objectStore('records')
      const entry = log.push(`${mode} ${options.durability}`) - 1
      const { put } = store
      store.put = (value, key) => {
        look(key)
        log[entry] += ` ${key}`
        return put.call(store, value, key)
      }
      return transaction
    }
  })
}

/** What the platform has begun by the end of this turn of its loop. */
async function untilTurnEnds(): Promise<void> {
  for (let i = 0; i < 50; i++) await undefined
}

const RESERVE = -1

describe('the reserve of an IndexedDB store', () => {
  test('is made when it is opened, once, so that the first record is on its way in the same turn', async () => {
    const platform = origin()
    const log: string[] = []
    const factory = noting(platform.factory, log)
    for (const made of [[`readwrite relaxed ${RESERVE}`], []]) {
      const outbox = new Outbox(new IndexedDbStore('door', { ...platform, factory }))
      const { nextSeq } = await outbox.open()
      deepEqual(
        log.filter((entry) => entry.includes(` ${RESERVE}`)),
        made,
      )
      log.length = 0
      const written = outbox.write([['put', nextSeq, RECORD]], 'power')
      await untilTurnEnds()
      deepEqual(log, [`readwrite strict ${nextSeq}`])
      await written
      await outbox.close()
      log.length = 0
    }
  })

  test('is made with the first record where there was no room for it', async () => {
    const platform = origin()
    const log: string[] = []
    let isFull = true
    const factory = noting(platform.factory, log, (key) => {
      if (key === RESERVE && isFull) throw new DOMException('No room', 'QuotaExceededError')
    })
    const store = new IndexedDbStore('door', { ...platform, factory })
    await store.open()
    isFull = false
    log.length = 0
    await store.commit([['put', 1, RECORD]], 'power')
    deepEqual(log.slice(-1), [`readwrite strict ${RESERVE} 1`])
    await store.close()
  })
})

describe('an IndexedDB store whose database is taken away', () => {
  /** Everything that it is asked for says what has happened; it is let go of, and can be opened anew. */
  async function isLost(store: IndexedDbStore, { locks }: Origin, words: RegExp): Promise<void> {
    const lost = refusal('UNAVAILABLE', words)
    await rejects(store.commit([['put', 2, RECORD]], 'power'), lost)
    await rejects(store.commit([['delete', 1]], 'lazy'), lost)
    await rejects(store.scan(0, 10), lost)
    await rejects(store.state(), lost)
    await store.close()
    equal(locks.held.size, 0)
    await store.open()
    await store.commit([['put', 3, RECORD]], 'power')
    await store.close()
  }

  test('by another page that deletes it lets go of it at once, and says so', async (t) => {
    const platform = origin()
    const store = new IndexedDbStore('door', platform)
    // Who deletes it would wait for that for ever.
    t.after(() => store.close())
    await store.open()
    await store.commit([['put', 1, RECORD]], 'power')
    const factory = platform.factory as unknown as { deleteDatabase(name: string): EventTarget }
    const said = await new Promise((done) => {
      const request = factory.deleteDatabase('umqtt outbox door')
      for (const name of ['success', 'blocked', 'error']) {
        request.addEventListener(name, () => done(name))
      }
    })
    equal(said, 'success')
    await isLost(store, platform, /Cannot .+: another page deletes it, .+; reload the page$/)
  })

  test('by the browser, which clears the data of the site, says so', async () => {
    const platform = origin()
    let opened: Opened | undefined
    const factory = opening(platform.factory, (database) => (opened = database))
    const store = new IndexedDbStore('door', { ...platform, factory })
    await store.open()
    forceCloseDatabase(opened as never)
    await new Promise((go) => setImmediate(go))
    await isLost(store, platform, /Cannot .+: the browser has closed it, .+; reload the page$/)
  })
})

describe('the levels of an IndexedDB store', () => {
  test('are those of the browser, and closing makes safe what was lazy', async () => {
    const platform = origin()
    const log: string[] = []
    const factory = noting(platform.factory, log)
    const store = new IndexedDbStore('door', { ...platform, factory })
    await store.open()
    const made = async (sync: SyncLevel, ...seqs: number[]): Promise<readonly string[]> => {
      log.length = 0
      await store.commit(
        seqs.map((seq) => ['put', seq, RECORD]),
        sync,
      )
      return log.filter((entry) => entry.startsWith('readwrite'))
    }
    const pulse = 0
    deepEqual(await made('power', 1), ['readwrite strict 1'])
    deepEqual(await made('power', 2), ['readwrite strict 2'])
    deepEqual(await made('lazy', 3), ['readwrite relaxed 3'])
    deepEqual(await made('process'), ['readwrite relaxed'])
    deepEqual(await made('power'), [`readwrite strict ${pulse}`])
    deepEqual(await made('lazy', 4), ['readwrite relaxed 4'])
    log.length = 0
    await store.close()
    deepEqual(log, [`readwrite strict ${pulse}`])
  })
})

describe('an IndexedDB store refuses', () => {
  test('a newer format, and leaves it as it was', async () => {
    const platform = origin()
    const open = (version: number): Promise<void> =>
      new Promise((done) => {
        const look = (database: Opened): void => done(database.close())
        opening(platform.factory, look).open('umqtt outbox door', version)
      })
    await open(2)
    const store = new IndexedDbStore('door', platform)
    await rejects(store.open(), refusal('UNAVAILABLE', /a newer format than 1/))
    equal(platform.locks.held.size, 0)
    await open(2)
  })

  test('a page without IndexedDB or without locks', async () => {
    const { factory, keyRange } = origin()
    const nothing = new IndexedDbStore('door', {})
    await rejects(nothing.open(), refusal('UNAVAILABLE', /this page has no IndexedDB/))
    const insecure = new IndexedDbStore('door', { factory, keyRange })
    if ((globalThis as { navigator?: { locks?: unknown } }).navigator?.locks === undefined) {
      await rejects(insecure.open(), refusal('UNAVAILABLE', /serve the page over https/))
    }
  })

  test('what the browser forbids, in its words', async () => {
    const platform = origin()
    const forbidden = (): never => {
      throw new Error('The operation is insecure')
    }
    const store = new IndexedDbStore('door', { ...platform, factory: { open: forbidden } })
    await rejects(store.open(), refusal('UNAVAILABLE', /The operation is insecure/))
    equal(platform.locks.held.size, 0)
  })

  test('to be used before it is open', async () => {
    const store = new IndexedDbStore('door', origin())
    await rejects(store.scan(0, 1), refusal('UNAVAILABLE', /open it first/))
    await store.close()
  })

  test('changes that cannot all be made, and makes none of them', async () => {
    const store = new IndexedDbStore('door', origin())
    await store.open()
    const wrong = Number.NaN
    const commit = store.commit(
      [
        ['put', 1, RECORD],
        ['put', wrong, RECORD],
      ],
      'power',
    )
    await rejects(commit, refusal('UNAVAILABLE', /Cannot write/))
    deepEqual(await store.scan(0, 10), [])
    await store.close()
  })
})
