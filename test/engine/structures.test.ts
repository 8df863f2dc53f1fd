// Where operations wait: the queue, the ring of packet ids and the table of deadlines, each against a naive
// model of it.

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Deque } from '../../src/engine/deque.ts'
import { Inflight } from '../../src/engine/inflight.ts'
import * as Timer from '../../src/engine/timer.ts'
import { TIMER_REASONS, Timers } from '../../src/engine/timers.ts'
import { runs } from '../support/seed.ts'

describe('Deque', () => {
  test('is a plain list, whatever is done to it', () => {
    const anyStep = fc.oneof(
      { weight: 5, arbitrary: fc.constant('push') },
      { weight: 4, arbitrary: fc.constant('shift') },
      { weight: 1, arbitrary: fc.constantFrom('clear', 'fill', 'drain') },
    )
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 200 }), (steps) => {
        const deque = new Deque<number>()
        let model: number[] = []
        let next = 0
        const push = (): void => {
          deque.push(next)
          model.push(next)
          next += 1
        }
        for (const step of steps) {
          if (step === 'push') push()
          if (step === 'fill') for (let i = 0; i < 20; i += 1) push()
          if (step === 'shift') equal(deque.shift(), model.shift())
          if (step === 'drain') while (model.length > 3) equal(deque.shift(), model.shift())
          if (step === 'clear') {
            deque.clear()
            model = []
          }
          equal(deque.length, model.length)
          equal(deque.peek(), model[0])
          deepEqual([...deque], model)
        }
      }),
      runs(200),
    )
  })

  test('holds what is undefined as well', () => {
    const deque = new Deque<undefined>()
    deque.push(undefined)
    equal(deque.length, 1)
    equal(deque.shift(), undefined)
    equal(deque.length, 0)
  })
})

describe('Inflight', () => {
  interface Item {
    packetId: number
  }

  test('is a map from ids to items, and never gives out an id in use', () => {
    const anyStep = fc.oneof(
      { weight: 5, arbitrary: fc.constant(-1) },
      { weight: 4, arbitrary: fc.nat() },
    )
    fc.assert(
      fc.property(fc.nat(65_535), fc.array(anyStep, { maxLength: 300 }), (lastId, steps) => {
        const inflight = new Inflight<Item>(lastId)
        const model = new Map<number, Item>()
        for (const step of steps) {
          if (step < 0) {
            const item: Item = { packetId: 0 }
            inflight.add(item)
            ok(item.packetId >= 1 && item.packetId <= 65_535)
            ok(!model.has(item.packetId), `The id ${item.packetId} is in use`)
            model.set(item.packetId, item)
            equal(inflight.lastId, item.packetId)
          } else {
            const item = [...model.values()][step % Math.max(1, model.size)]
            if (item !== undefined) {
              inflight.remove(item)
              model.delete(item.packetId)
              equal(inflight.get(item.packetId), undefined)
            }
          }
          equal(inflight.size, model.size)
        }
        for (const [id, item] of model) equal(inflight.get(id), item)
        const ids = [...inflight.values()].map(({ packetId }) => packetId)
        deepEqual(new Set(ids), new Set(model.keys()))
        equal(ids.length, model.size)
      }),
      runs(200),
    )
  })

  test('takes back items that have ids, whatever they are', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { maxLength: 60 }), (ids) => {
        const inflight = new Inflight<Item>()
        const items = ids.map((packetId) => ({ packetId }))
        for (const item of items) inflight.restore(item)
        for (const item of items) equal(inflight.get(item.packetId), item)
        const fresh: Item = { packetId: 0 }
        inflight.add(fresh)
        ok(!ids.includes(fresh.packetId))
        equal(inflight.size, ids.length + 1)
      }),
      runs(100),
    )
  })

  test('refuses to take back an id that is in use', () => {
    const inflight = new Inflight<Item>()
    inflight.restore({ packetId: 7 })
    throws(() => inflight.restore({ packetId: 7 }), RangeError)
  })

  test('finds nothing under an id that shares a place with another', () => {
    const inflight = new Inflight<Item>()
    const item: Item = { packetId: 0 }
    inflight.add(item)
    equal(inflight.get(item.packetId), item)
    equal(inflight.get(item.packetId + 16), undefined)
    inflight.remove({ packetId: item.packetId })
    equal(inflight.size, 1, 'Another with the same id is not it')
    inflight.clear()
    equal(inflight.size, 0)
    equal(inflight.get(item.packetId), undefined)
  })
})

describe('Timers', () => {
  test('tell the earliest, why, and what is due', () => {
    const timers = new Timers()
    equal(timers.next, Infinity)
    equal(timers.reason, undefined)
    equal(timers.due(1e12), -1)
    timers.set(Timer.WRITE, 500)
    timers.set(Timer.KEEP_ALIVE, 300)
    equal(timers.next, 300)
    equal(timers.reason, 'keep-alive')
    equal(timers.due(299), -1)
    equal(timers.due(300), Timer.KEEP_ALIVE)
    timers.set(Timer.KEEP_ALIVE, Infinity)
    equal(timers.reason, 'write')
    timers.clear()
    equal(timers.next, Infinity)
  })

  test('stand when they are armed for later, and come nearer when for earlier', () => {
    const timers = new Timers()
    timers.arm(Timer.OPERATION, 100)
    timers.arm(Timer.OPERATION, 200)
    equal(timers.at(Timer.OPERATION), 100)
    timers.arm(Timer.OPERATION, 50)
    equal(timers.at(Timer.OPERATION), 50)
  })

  test('have a reason each', () => {
    deepEqual(Object.values(Timer).sort(), [...TIMER_REASONS.keys()])
  })
})
