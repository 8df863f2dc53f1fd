// portable
// In which order messages reach the wire, over connections that end and sessions that are lost.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PayloadPool } from '../../src/engine/payload-pool.ts'
import { SlabPool } from '../../src/engine/slab-pool.ts'
import { Courier } from '../../src/robust/courier.ts'
import type { Entry } from '../../src/robust/entry.ts'
import type { DeliveryPolicy } from '../../src/robust/policies.ts'
import { CourierRig, makeEntry } from '../support/courier-rig.ts'
import { checkLinear } from '../support/cpu-time.ts'
import { runs } from '../support/seed.ts'

const AGAIN = { onSessionLoss: 'resend' } as const

describe('courier: order', () => {
  test('what is sent again goes first, in the order of sending, however it is handed back', () => {
    const rig = new CourierRig()
    rig.connect(false)
    rig.publish('low', { priority: 0 })
    rig.publish('high', { priority: 4 })
    rig.publish('middle')
    rig.close()
    rig.publish('new', { priority: 4 })
    rig.connect(false)
    deepEqual(rig.topics.slice(3), ['low', 'high', 'middle', 'new'])
  })

  test('what a second lost session interrupts goes before what the first one left', () => {
    const rig = new CourierRig()
    rig.connect(false)
    for (const payload of [1, 2, 3]) rig.publish('t', AGAIN, payload)
    rig.close()
    rig.window = 1
    rig.connect(false)
    rig.close()
    rig.connect(false)
    for (let i = 0; i < 3; i += 1) rig.answer(rig.flying[0] as Entry)
    deepEqual(
      rig.sent.slice(3).map(({ payloadLength }) => payloadLength),
      [1, 1, 2, 3],
    )
    rig.checkEnd()
  })

  test('what was handed back unsent keeps its place behind what was sent before it', () => {
    for (const resumed of [true, false]) {
      const rig = new CourierRig()
      rig.connect(false)
      const [one, two, three] = [1, 2, 3].map((size) =>
        rig.publish('t', { qos: 2, ...AGAIN }, size),
      )
      rig.handBack(three as Entry, false)
      rig.handBack(two as Entry, false)
      rig.close()
      rig.connect(resumed)
      const again = resumed ? [two, three] : [one, two, three]
      deepEqual(rig.sent.slice(3), again)
      deepEqual(rig.flying, [one, two, three])
      deepEqual([one?.possiblyDuplicated, two?.possiblyDuplicated], [!resumed, false])
      for (const entry of rig.flying) rig.answer(entry)
      rig.checkEnd()
    }
  })

  test('PUBREC does not change the order in which a lost session is sent again', () => {
    const rig = new CourierRig()
    rig.connect(false)
    const first = rig.publish('t', { qos: 2, ...AGAIN })
    const second = rig.publish('t', AGAIN)
    rig.receive(first)
    rig.close()
    rig.connect(false)
    deepEqual(rig.sent.slice(2), [first, second])
  })

  test('a topic keeps the order of publishing over priorities, QoS, and connections', () => {
    const message = fc.record({
      topic: fc.constantFrom('a', 'b', 'c'),
      qos: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
      priority: fc.constantFrom<DeliveryPolicy['priority']>(0, 1, 2, 3, 4),
    })
    const event = fc.oneof(
      { weight: 6, arbitrary: message },
      { weight: 3, arbitrary: fc.record({ answer: fc.nat(5) }) },
      { weight: 2, arbitrary: fc.record({ connect: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ window: fc.integer({ min: 1, max: 4 }) }) },
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const rig = new CourierRig()
        rig.window = 2
        for (const one of events) {
          if ('topic' in one)
            rig.publish(one.topic, { ...AGAIN, qos: one.qos, priority: one.priority })
          else if ('answer' in one) {
            const entry = [...rig.wire][one.answer]
            if (entry !== undefined && rig.connected) rig.answer(entry)
          } else if ('window' in one) rig.window = Math.max(rig.window, one.window)
          else {
            if (rig.connected) rig.close()
            rig.connect(one.connect)
          }
        }
        // The first sending of each message.
        const first = [...new Set(rig.sent)]
        for (const topic of ['a', 'b', 'c']) {
          const ids = first.filter((entry) => entry.topic === topic).map(({ entryId }) => entryId)
          deepEqual(
            ids,
            [...ids].sort((a, b) => a - b),
          )
        }
        rig.window = 1000
        if (rig.connected) rig.close()
        const before = rig.sent.length
        rig.connect(false)
        // And what a new session carries, all of it.
        for (const topic of ['a', 'b', 'c']) {
          const sent = rig.sent.slice(before).filter((entry) => entry.topic === topic)
          const ids = sent.map(({ entryId }) => entryId)
          deepEqual(
            ids,
            [...ids].sort((a, b) => a - b),
          )
        }
        for (const entry of rig.flying) rig.answer(entry)
        rig.checkEnd()
      }),
      runs(300),
    )
  })

  test('the higher priority goes first between topics', () => {
    const rig = new CourierRig()
    for (const priority of [1, 3, 0, 4, 2] as const) rig.publish(`p${priority}`, { priority })
    rig.publish('p0', { priority: 3 })
    rig.connect(false)
    deepEqual(rig.topics, ['p4', 'p3', 'p0', 'p0', 'p2', 'p1'])
  })

  test('200,000 mixed messages take time that grows with them alone', () => {
    const policies = ([0, 1, 2, 3, 4] as const).map((priority) => ({
      priority,
      qos: 1 as const,
      ...(priority === 3 && { expiresAfterMs: 1000 }),
      ...(priority === 1 && { collapseKey: true as const }),
    }))
    checkLinear((count) => {
      const limits = { outboxMessages: count / 2, outboxBytes: 1e9 }
      const options = { ...limits, turnedAwayMs: 1, turnedAwayMsMax: 1 }
      let room = true
      const courier = new Courier(
        options,
        () => room,
        new PayloadPool(new SlabPool()),
        () => undefined,
      )
      let settled = 0
      const flying: Entry[] = []
      const pump = (): void => {
        for (let entry = courier.poll(); entry !== undefined; entry = courier.poll()) {
          if (entry.status !== undefined) settled += 1
          else flying.push(entry)
        }
      }
      for (let i = 0; i < count; i += 1) {
        courier.accept(makeEntry(`t/${i % 500}`, policies[(i * 3) % 5]), 1)
        pump()
      }
      courier.handleTimeout(2000)
      courier.handleConnected(false, 2000)
      pump()
      for (const entry of flying.reverse()) courier.handleInterrupted(entry)
      courier.handleClosed(false, 2000)
      flying.length = 0
      courier.handleConnected(false, 2000)
      pump()
      room = false
      for (const entry of flying) {
        entry.answer = 0
        courier.handleAnswer(entry, 2000)
      }
      pump()
      equal(settled, count)
      ok(courier.idle)
    }, 200_000)
  })
})
