// Message Expiry Interval: what a message waits here is taken off, what has expired is not sent, and a
// bound of ours on the whole comes besides. §3.3.2.3.3

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Packet } from '../../src/codec/packets.ts'
import { TimeoutError } from '../../src/errors.ts'
import { connack, errorIs, puback, Rig, sentAre } from '../support/engine-rig.ts'

function expiryOf(packets: readonly Packet[]): (number | undefined)[] {
  return packets.flatMap((packet) =>
    packet.type === 3 ? [packet.properties.messageExpiryInterval] : [],
  )
}

/** A connection with a full window. */
function fullRig(): Rig {
  const rig = new Rig({ operationMs: 1_000_000, acknowledgementMs: 1_000_000 })
  rig.connect({ receiveMaximum: 1 })
  rig.publish('window', 1)
  rig.flush()
  return rig
}

describe('the expiry of a message', () => {
  test('goes out whole when it is sent at once', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1, { properties: { messageExpiryInterval: 10 } })
    deepEqual(expiryOf(rig.flush()), [10])
  })

  test('goes out less the whole seconds that the message has waited', () => {
    for (const [waitedMs, left] of [
      [0, 10],
      [999, 10],
      [1_000, 9],
      [1_999, 9],
      [9_000, 1],
      [9_999, 1],
    ] as const) {
      const rig = fullRig()
      const properties = { messageExpiryInterval: 10, contentType: 'x' }
      rig.publish('a', 1, { properties })
      rig.elapse(waitedMs)
      const sent = rig.receive(puback(1))
      deepEqual(expiryOf(sent), [left], `${waitedMs} ms`)
      ok(sent[0]?.type === 3)
      equal(sent[0].properties.contentType, 'x')
      equal(properties.messageExpiryInterval, 10, 'What the caller gave is not changed')
    }
  })

  test('hands the message back unsent when it is over, and the next one follows', () => {
    const rig = fullRig()
    const operation = rig.publish('a', 1, { properties: { messageExpiryInterval: 10 } })
    rig.publish('b', 1)
    rig.elapse(10_000)
    rig.take('publish')
    sentAre(rig.receive(puback(1)), ['PUBLISH 2 b'])
    errorIs(operation.answer, TimeoutError, {
      operation: 'message expiry',
      afterMs: 10_000,
      sent: 'no',
    })
    ok(rig.take('publish').includes(operation))
    equal(rig.engine.counters.waitingBytes, 0)
  })

  test('of 0 seconds lets no message wait, and is sent when there is no wait', () => {
    const properties = { messageExpiryInterval: 0 }
    const waits = fullRig()
    const operation = waits.publish('a', 0, { properties })
    equal(operation.answer, 0, 'QoS 0 need not wait for the window')
    const queued = waits.publish('b', 1, { properties })
    sentAre(waits.flush(), ['PUBLISH a'])
    sentAre(waits.receive(puback(1)), [])
    errorIs(queued.answer, TimeoutError, { sent: 'no' })
  })

  test('counts the wait for the connection', () => {
    const rig = new Rig()
    rig.dial()
    rig.publish('a', 0, { properties: { messageExpiryInterval: 10 } })
    rig.elapse(4_500)
    rig.do((engine, now) => engine.handleOpened(now))
    rig.flush()
    deepEqual(expiryOf(rig.receive(connack())), [6])
  })

  test('counts the time on our side when the message is sent again, and never falls to 0', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1, { properties: { messageExpiryInterval: 10 } })
    rig.flush()
    rig.elapse(3_000)
    rig.close()
    deepEqual(expiryOf(rig.resume()), [7])
    rig.close()
    rig.now += 50_000
    deepEqual(expiryOf(rig.resume()), [1], 'It was sent in time, and its exchange is finished')
  })

  test('is what was stored when a session is restored, whatever the time is', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1, { properties: { messageExpiryInterval: 100 } })
    const restarted = new Rig({}, rig.engine.session)
    restarted.now = 5_000_000
    deepEqual(expiryOf(restarted.resume()), [100])
  })

  test('holds while the message waits here on MQTT 3.1.1, which cannot carry it', () => {
    const rig = new Rig({ operationMs: 1_000_000 })
    rig.dial({ version: 4 })
    const late = rig.publish('a', 0, { properties: { messageExpiryInterval: 5 } })
    const inTime = rig.publish('b', 0, { properties: { messageExpiryInterval: 6 } })
    rig.elapse(5_000)
    rig.do((engine, now) => engine.handleOpened(now))
    rig.flush()
    sentAre(rig.receive(connack()), ['PUBLISH b'])
    errorIs(late.answer, TimeoutError)
    equal(inTime.answer, 0)
  })
})
