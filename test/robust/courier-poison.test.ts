// portable
// A message whose packet ends the connection: how it is found among innocent ones, and that the rest goes on.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Entry } from '../../src/robust/entry.ts'
import { CourierRig } from '../support/courier-rig.ts'
import { runs } from '../support/seed.ts'

/**
 * A server that ends the connection when the bad message comes in, and answers what came before it.
 * Gives the connections that it took until all is quiet.
 */
function serve(rig: CourierRig, isBad: (entry: Entry) => boolean, resumed: boolean): number {
  for (let connections = 1; connections <= 50; connections += 1) {
    rig.connect(resumed)
    for (;;) {
      const next = [...rig.wire][0]
      if (next === undefined) return connections
      if (isBad(next)) break
      rig.answer(next)
    }
    rig.close(true)
  }
  throw new Error('It never ends')
}

describe('courier: poison', () => {
  for (const resumed of [true, false]) {
    const how = resumed ? 'resumed' : 'lost'
    test(`is found and set aside, and all others are delivered, with sessions ${how}`, () => {
      const rig = new CourierRig()
      const entries = Array.from({ length: 10 }, (_, i) => rig.publish(`t${i}`))
      const bad = entries[3] as Entry
      const connections = serve(rig, (entry) => entry === bad, resumed)
      ok(connections <= 4, `${connections} connections`)
      for (const entry of entries) equal(entry.status, entry === bad ? 'poisoned' : 'delivered')
      deepEqual(rig.forgotten, [bad])
      rig.checkEnd()
    })
  }

  test('several are found one after the other, wherever they are and whatever the session does', () => {
    const message = fc.record({ qos: fc.constantFrom<1 | 2>(1, 2), bad: fc.boolean() })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), fc.boolean(), (list, resumed) => {
        const rig = new CourierRig()
        const bad = new Set<Entry>()
        for (const [i, one] of list.entries()) {
          const entry = rig.publish(`t${i % 4}`, { qos: one.qos, onSessionLoss: 'resend' })
          if (one.bad) bad.add(entry)
        }
        serve(rig, (entry) => bad.has(entry), resumed)
        for (const entry of rig.published) {
          equal(entry.status, bad.has(entry) ? 'poisoned' : 'delivered')
        }
        rig.checkEnd()
      }),
      runs(150),
    )
  })

  test('deaths count only when a packet can be why', () => {
    const rig = new CourierRig()
    const entry = rig.publish('t')
    for (let i = 0; i < 10; i += 1) {
      rig.connect()
      rig.close(false)
    }
    equal(entry.deaths, 0)
    rig.connect()
    rig.answer(entry)
    equal(entry.status, 'delivered')
  })

  test('one alone is found at the third death, not before', () => {
    const rig = new CourierRig()
    const entry = rig.publish('t')
    for (const status of [undefined, undefined, 'poisoned']) {
      rig.connect()
      rig.close(true)
      equal(entry.status, status)
    }
    rig.checkEnd()
  })

  test('two in flight are never found, and go one at a time after the second death', () => {
    const rig = new CourierRig()
    rig.publish('a')
    rig.publish('b')
    for (let i = 0; i < 2; i += 1) {
      rig.connect(false)
      equal(rig.wire.size, 2)
      rig.close(true)
    }
    deepEqual(rig.statuses, [undefined, undefined])
    equal(rig.courier.sendQuota, 1)
    rig.connect(false)
    equal(rig.wire.size, 1)
  })

  test('messages that were not on the wire are not blamed', () => {
    const rig = new CourierRig()
    const [first, second] = [rig.publish('a'), rig.publish('b')]
    for (let i = 0; i < 3; i += 1) {
      rig.connect(true)
      rig.close(true)
    }
    deepEqual([first.status, second.status], ['poisoned', undefined])
    equal(second.deaths, 2)
    rig.connect(true)
    rig.answer(second)
    deepEqual(rig.statuses, ['poisoned', 'delivered'])
    rig.checkEnd()
  })

  test('any answer clears a suspect, a refusal for now as well', () => {
    const rig = new CourierRig()
    const entry = rig.publish('t')
    for (let i = 0; i < 2; i += 1) {
      rig.connect()
      rig.close(true)
    }
    rig.connect()
    rig.answer(entry, 0x97)
    equal(rig.courier.sendQuota, Infinity)
    const [a, b] = [rig.publish('a'), rig.publish('b')]
    deepEqual([...rig.wire], [a, b])
  })

  test('one that was given up in flight is found too, and sent no more', () => {
    const rig = new CourierRig()
    rig.connect(false)
    const bad = rig.publish('bad', { expiresAfterMs: 1000 })
    const good = rig.publish('good')
    rig.elapse(1000)
    equal(bad.status, 'maybe-delivered')
    rig.close(true)
    serve(rig, (entry) => entry === bad, true)
    deepEqual([bad.status, good.status], ['maybe-delivered', 'delivered'])
    deepEqual(rig.forgotten, [bad])
    rig.checkEnd()
  })

  test('a message of QoS 0 does not go beside a suspect', () => {
    const rig = new CourierRig()
    rig.publish('t')
    for (let i = 0; i < 2; i += 1) {
      rig.connect()
      rig.close(true)
    }
    rig.connect()
    const beside = rig.publish('u', { qos: 0 })
    equal(beside.status, undefined)
    rig.answer(rig.flying[0] as Entry)
    equal(beside.status, 'sent')
    rig.checkEnd()
  })

  test('one whose PUBREC is in is the suspect, not the one that waits behind it', () => {
    const rig = new CourierRig()
    const [first, second] = [rig.publish('a', { qos: 2 }), rig.publish('b', { qos: 2 })]
    rig.connect(false)
    rig.receive(second)
    for (let i = 0; i < 3; i += 1) {
      if (!rig.connected) rig.connect(true)
      rig.close(true)
    }
    deepEqual([first.deaths, second.status], [2, 'poisoned'])
  })

  test('two exchanges whose PUBREC is in are not found, as neither is alone', () => {
    const rig = new CourierRig()
    const entries = [rig.publish('a', { qos: 2 }), rig.publish('b', { qos: 2 })]
    rig.connect(false)
    for (const entry of entries) rig.receive(entry)
    for (let i = 0; i < 5; i += 1) {
      if (!rig.connected) rig.connect(true)
      rig.close(true)
    }
    deepEqual(rig.statuses, [undefined, undefined])
  })
})
