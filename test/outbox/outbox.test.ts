// portable
// The core above any store: group commit, the checks of each record, counters, quota, a store that fails;
// and random operations with restarts against a map.

import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { deferred } from '../../src/driver/deferred.ts'
import { StoreError } from '../../src/errors.ts'
import { crc32 } from '../../src/outbox/crc32.ts'
import { BatchWriter } from '../../src/outbox/log/format.ts'
import { LogStore } from '../../src/outbox/log/log-store.ts'
import { MemoryStore } from '../../src/outbox/memory.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import { SequenceMap } from '../../src/outbox/sequence-map.ts'
import { Sizes } from '../../src/outbox/sizes.ts'
import type { Op, SyncLevel } from '../../src/outbox/store.ts'
import { paced } from '../support/pace.ts'
import { runs } from '../support/seed.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const put = (seq: number, ...values: number[]): Op => ['put', seq, bytes(...values)]

/** A store that tells what it was given, and can fail. */
class SpyStore extends MemoryStore {
  readonly commits: { readonly ops: readonly Op[]; readonly sync: SyncLevel | undefined }[] = []
  fail: (ops: readonly Op[]) => StoreError | undefined = () => undefined

  override async commit(ops: readonly Op[], sync?: SyncLevel): Promise<void> {
    const error = this.fail(ops)
    if (error !== undefined) throw error
    this.commits.push({ ops, sync })
    return super.commit(ops)
  }
}

async function opened(
  store: MemoryStore = new SpyStore(),
  options: ConstructorParameters<typeof Outbox>[1] = {},
): Promise<Outbox> {
  const outbox = new Outbox(store, options)
  await outbox.open()
  return outbox
}

describe('opening', () => {
  test('lets go of a store that opens and says no more, so that it can be opened again', async () => {
    let closed = 0
    class Dumb extends SpyStore {
      isDumb = true
      override state(): Promise<ReadonlyMap<string, Uint8Array>> {
        const error = new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Cannot read')
        return this.isDumb ? Promise.reject(error) : super.state()
      }
      override close(): Promise<void> {
        closed += 1
        return Promise.reject(new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Cannot close'))
      }
    }
    const store = new Dumb()
    const outbox = new Outbox(store)
    await rejects(outbox.open(), /Cannot read/)
    deepEqual([closed, outbox.isOpen], [1, false])
    store.isDumb = false
    await outbox.open()
    await outbox.write([put(1, 7)], 'power')
    deepEqual([outbox.count, outbox.isOpen], [1, true])
  })
})

describe('group commit', () => {
  test('outboxes of one process share the bytes that their records are written to', async () => {
    const buffers = await Promise.all(
      [new SpyStore(), new SpyStore()].map(async (store) => {
        await (await opened(store)).write([put(1, 7)], 'power')
        const record = store.commits[0]?.ops[0]?.[2]
        return record instanceof Uint8Array && record.buffer
      }),
    )
    ok(buffers[0])
    equal(buffers[0], buffers[1])
  })

  test('a log takes memory as its batches need it', () => {
    const writer = new BatchWriter(crc32, bytes(1, 2, 3, 4, 5, 6, 7, 8))
    const sizeOf = (bodyBytes: number): number => {
      const ops: Op[] = [['put', 1, new Uint8Array(bodyBytes)]]
      return writer.write(ops, { number: 1, synced: 0 }, undefined, []).buffer.byteLength
    }
    ok(sizeOf(100) <= 4096)
    ok(sizeOf(100_000) < 110_000)
  })

  test('a thousand calls at once are one commit', async () => {
    const outbox = await opened()
    await Promise.all(
      Array.from({ length: 1000 }, (_, i) => outbox.write([put(i + 1, i)], 'power')),
    )
    equal(outbox.commits, 1)
    equal(outbox.count, 1000)
  })
  test('who was just woken joins the next commit', async () => {
    const outbox = await opened()
    const chain = async (first: number): Promise<void> => {
      for (let i = 0; i < 5; i++) await outbox.write([put(first + i, i)], 'power')
    }
    await Promise.all(Array.from({ length: 100 }, (_, i) => chain(1 + i * 5)))
    equal(outbox.commits, 5)
  })
  test('a commit has the strongest level of its calls, and the calls in their order', async () => {
    const store = new SpyStore()
    const outbox = await opened(store)
    await Promise.all([
      outbox.write([put(1, 1), ['set', 'a', bytes(1)]], 'lazy'),
      outbox.write([['delete', 1]], 'power'),
      outbox.write([put(2, 2)], 'process'),
    ])
    deepEqual(
      store.commits.map(({ ops, sync }) => [ops.map(([kind, key]) => `${kind} ${key}`), sync]),
      [[['put 1', 'set a', 'delete 1', 'put 2', 'set #outbox'], 'power']],
    )
  })
  test('batches are capped, and the operations of one call are not parted', async () => {
    const store = new SpyStore()
    const outbox = await opened(store, { batchOps: 4 })
    const call = (seq: number): Promise<void> =>
      outbox.write([put(seq, 1), put(seq + 1, 2), put(seq + 2, 3)], 'power')
    await Promise.all([call(1), call(4), outbox.write([['unset', 'x']], 'lazy'), call(7)])
    deepEqual(
      store.commits.map(({ ops }) => ops.length - 1),
      [3, 4, 3],
    )
  })
  test('closing waits for what was written', async () => {
    const store = new SpyStore()
    const outbox = await opened(store)
    const written = outbox.write([put(1, 1)], 'power')
    await outbox.close()
    await written
    equal(store.commits.length, 1)
    await rejects(outbox.write([put(2, 1)], 'lazy'), { code: 'ERR_MQTT_STORE_UNAVAILABLE' })
  })
  test('closing tells what a store could not make safe as an error of the store', async () => {
    const store = new SpyStore()
    const outbox = await opened(store)
    const cause = new Error('The disk is gone')
    store.close = () => Promise.reject(cause)
    await rejects(outbox.close(), { name: 'StoreError', code: 'ERR_MQTT_STORE_UNAVAILABLE', cause })
  })
})

describe('records and counters', () => {
  test('the checksum is that of zip', () => {
    equal(crc32(Uint8Array.from('123456789', (letter) => letter.charCodeAt(0))), 0xcbf43926)
    equal(crc32(bytes(3, 4, 5, 6, 7), crc32(bytes(1, 2))), crc32(bytes(1, 2, 3, 4, 5, 6, 7)))
  })
  test('bodies come back as they were, the session table without the own key', async () => {
    const store = new MemoryStore()
    const outbox = await opened(store)
    await outbox.write([put(7, 1, 2), put(9), ['set', 'k', bytes(3)]], 'power')
    await outbox.write([['delete', 9]], 'lazy')
    const again = new Outbox(store)
    const { state, count, lowest, nextSeq, quarantined } = await again.open()
    deepEqual([[...state], count, lowest, nextSeq, quarantined], [[['k', bytes(3)]], 1, 7, 10, []])
    deepEqual(await again.read(0, 10), [[7, bytes(1, 2)]])
  })
  test('a number is never used again, also when everything was deleted', async () => {
    const store = new MemoryStore()
    const outbox = await opened(store)
    await outbox.write([put(41, 1)], 'power')
    await outbox.write([['delete', 41]], 'power')
    equal((await new Outbox(store).open()).nextSeq, 42)
  })
  test('a record of no bytes is damaged, and counted while it is there', async () => {
    const store = new MemoryStore()
    await store.commit([['put', 5, bytes()]])
    const outbox = await opened(store)
    deepEqual(await outbox.read(0, 10), [])
    await outbox.write([['delete', 5]], 'power')
    equal(outbox.count, 0)
    deepEqual((await new Outbox(store).open()).quarantined, [])
  })
  test('a damaged record is set aside, and the others are read', async () => {
    const store = new MemoryStore()
    const outbox = await opened(store)
    await outbox.write([put(1, 1), put(2, 2), put(3, 3), put(4, 4)], 'power')
    const [, [, two]] = (await store.scan(0, 2)) as [unknown, [number, Uint8Array]]
    const [[, three]] = (await store.scan(3, 1)) as [[number, Uint8Array]]
    const turned = two.slice()
    turned[5]! ^= 1
    await store.commit([
      ['put', 2, turned],
      ['put', 4, three],
    ])
    const again = new Outbox(store)
    await again.open()
    deepEqual(await again.read(0, 10), [
      [1, bytes(1)],
      [3, bytes(3)],
    ])
    deepEqual(
      again.quarantined.map(({ seq }) => seq),
      [2, 4],
    )
    deepEqual(await again.read(2, 1), [[3, bytes(3)]])
  })
  test('what an engine skipped in silence shows in the counters', async () => {
    const store = new MemoryStore()
    const outbox = await opened(store)
    await outbox.write([put(1, 1), put(2, 2), put(3, 3)], 'power')
    await store.commit([['delete', 2]])
    const { quarantined } = await new Outbox(store).open()
    equal(quarantined.length, 1)
    ok(quarantined[0]!.reason.includes('counted 3 records, found 2'))
  })
  test('a number that is none is refused at the call', async () => {
    const outbox = await opened()
    for (const seq of [0, -1, 1.5, 2 ** 53, NaN]) {
      throws(() => outbox.enqueue([put(seq, 1)], 'lazy', () => undefined), RangeError)
      await rejects(outbox.write([put(seq, 1)], 'lazy'), RangeError)
    }
  })
})

describe('a store without room', () => {
  test('the quota refuses what adds, and takes what replaces and deletes', async () => {
    const outbox = await opened(new MemoryStore(), { quotaBytes: 30 })
    await outbox.write([put(1, 1, 2, 3, 4, 5), put(2, 1, 2, 3, 4, 5)], 'power')
    await rejects(outbox.write([put(3, 1, 2, 3, 4, 5, 6)], 'power'), {
      code: 'ERR_MQTT_STORE_FULL',
    })
    await outbox.write([put(2, 1, 2, 3, 4, 5, 6)], 'power')
    await outbox.write([['delete', 1]], 'power')
    await outbox.write([put(3, 1, 2, 3, 4, 5)], 'power')
    equal(outbox.count, 2)
  })
  test('on a full disk the calls of a batch that add nothing are still committed', async () => {
    const store = new SpyStore()
    const outbox = await opened(store)
    await outbox.write([put(1, 1), put(2, 2)], 'power')
    store.fail = (ops) =>
      ops.some(([kind, key]) => kind === 'put' && (key as number) > 2)
        ? new StoreError('ERR_MQTT_STORE_FULL', 'Full')
        : undefined
    const results = await Promise.allSettled([
      outbox.write([['delete', 1]], 'power'),
      outbox.write([put(3, 3)], 'power'),
      outbox.write([put(2, 22)], 'power'),
    ])
    deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    deepEqual(await outbox.read(0, 10), [[2, bytes(22)]])
    equal(outbox.count, 1)
    deepEqual((await new Outbox(store).open()).quarantined, [])
  })
  test('what failed is not counted', async () => {
    const store = new SpyStore()
    const outbox = await opened(store)
    await outbox.write([put(1, 1)], 'power')
    const before = [outbox.count, outbox.sizeBytes]
    store.fail = () => new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Gone')
    await rejects(outbox.write([put(1, 1, 2, 3), put(2, 2), ['delete', 1]], 'power'), {
      message: 'Gone',
    })
    deepEqual([outbox.count, outbox.sizeBytes], before)
  })
  test('what was to be deleted unread, failed, and was read meanwhile is still there', async () => {
    const store = new SpyStore()
    await (await opened(store)).write([put(1, 1), put(2, 2)], 'power')
    const outbox = await opened(store)
    const commit = deferred<void>()
    const begun = deferred<void>()
    store.commit = () => {
      begun.resolve()
      return commit.promise
    }
    const deleting = outbox.write([['delete', 1]], 'power')
    await begun.promise
    equal((await outbox.read(0, 10)).length, 2)
    commit.reject(new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Gone'))
    await rejects(deleting, { message: 'Gone' })
    store.commit = SpyStore.prototype.commit.bind(store)
    await outbox.write([['delete', 1]], 'power')
    equal(outbox.count, 1)
    deepEqual((await opened(store)).quarantined, [])
  })
})

const seqs = fc.integer({ min: 1, max: 40 })
const steps = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constant('put' as const), seqs, fc.uint8Array({ maxLength: 80 })),
  },
  { weight: 4, arbitrary: fc.tuple(fc.constant('delete' as const), seqs) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant('set' as const),
      fc.string({ maxLength: 3 }),
      fc.uint8Array({ maxLength: 9 }),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('unset' as const), fc.string({ maxLength: 3 })) },
  { weight: 1, arbitrary: fc.constant(['restart' as const] as const) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant('read' as const), seqs, fc.integer({ min: 1, max: 5 })),
  },
)

describe('random operations', () => {
  test('an outbox is a map that survives restarts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 120 }), async (list) => {
        const disk = new SimulatedDisk()
        const records = new Map<number, Uint8Array>()
        let next = 1
        const state = new Map<string, Uint8Array>()
        const open = async (): Promise<Outbox> => {
          const store = new LogStore(disk, {
            newId: new Uint8Array(16),
            checksum: crc32,
            segmentBytes: 500,
            reserveBytes: 9,
          })
          const outbox = new Outbox(store)
          const found = await outbox.open()
          deepEqual(found.quarantined, [])
          deepEqual(new Map(found.state), state)
          equal(found.count, records.size)
          return outbox
        }
        const sorted = (): [number, Uint8Array][] => [...records].sort(([a], [b]) => a - b)
        let outbox = await open()
        for (const step of list) {
          if (step[0] === 'restart') {
            await outbox.close()
            outbox = await open()
          } else if (step[0] === 'read') {
            const wanted = sorted().filter(([seq]) => seq >= step[1])
            deepEqual(await outbox.read(step[1], step[2]), wanted.slice(0, step[2]))
          } else {
            // As the core's contract says: what is not there is not deleted, and a new number is unused.
            if (step[0] === 'delete' && !records.delete(step[1])) continue
            let op: Op = step
            if (step[0] === 'put') {
              const seq = records.has(step[1]) ? step[1] : next++
              records.set(seq, step[2])
              op = ['put', seq, step[2]]
            }
            if (step[0] === 'set') state.set(step[1], step[2])
            if (step[0] === 'unset') state.delete(step[1])
            await outbox.write([op], step[0] === 'put' ? 'power' : 'lazy')
          }
        }
        deepEqual(await outbox.read(0, 100), sorted())
        await outbox.close()
        await (await open()).close()
      }),
      runs(60),
    )
  })
  test('a sequence map is a sorted map', () => {
    const keys = fc.integer({ min: 1, max: 3000 })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), keys), { size: 'max', maxLength: 5000 }),
        (list) => {
          const map = new SequenceMap<number>()
          const model = new Map<number, number>()
          for (const [i, [sets, key]] of list.entries()) {
            const before = model.get(key)
            equal(sets ? map.set(key, i) : map.delete(key), before)
            if (sets) model.set(key, i)
            else model.delete(key)
          }
          const sorted = [...model].sort(([a], [b]) => a - b)
          deepEqual(map.from(0, Infinity), sorted)
          deepEqual(map.from(1000, 7), sorted.filter(([key]) => key >= 1000).slice(0, 7))
          equal(map.size, model.size)
          equal(map.lowest, sorted[0]?.[0] ?? 0)
          equal(map.highest, sorted.at(-1)?.[0] ?? 0)
        },
      ),
      runs(30),
    )
  })
})

describe('the sizes of records', () => {
  test('are those of a map, whatever is put and deleted where', () => {
    // Few, so that the same is put twice, and a page is emptied.
    const seqs = fc.oneof(
      fc.integer({ min: 30, max: 33 }),
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 1, max: 2 ** 53 - 1 }),
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), seqs), { size: 'max', maxLength: 400 }),
        (list) => {
          const sizes = new Sizes()
          const model = new Map<number, number>()
          for (const [size, seq] of list) {
            equal(sizes.get(seq), model.get(seq) ?? 0)
            if (size > 0) {
              sizes.set(seq, size)
              model.set(seq, size)
            } else {
              sizes.delete(seq)
              model.delete(seq)
            }
            equal(sizes.get(seq), size)
            equal(sizes.lowest, model.size === 0 ? 0 : Math.min(...model.keys()))
          }
          for (const seq of model.keys()) sizes.delete(seq)
          equal(sizes.lowest, 0)
          sizes.set(1, 1)
          sizes.clear()
          equal(sizes.lowest, 0)
        },
      ),
      runs(paced(30, 3)),
    )
  })
})
