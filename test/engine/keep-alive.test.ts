// Keep Alive: PINGREQ goes out when either direction is idle, any inbound byte proves life, and silence
// after PINGREQ ends the connection. While we do not read, the server is not blamed. §3.1.2.10, §3.12

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Packet } from '../../src/codec/packets.ts'
import { TimeoutError } from '../../src/errors.ts'
import { brief, errorIs, PINGRESP, published, Rig, sentAre } from '../support/engine-rig.ts'

/** PINGREQ goes out a tenth before the server would count. */
const PING_AT = 9_000
const TEN_SECONDS = { keepAliveSeconds: 10 } as const

function connected(properties = {}, settings: object = TEN_SECONDS): Rig {
  const rig = new Rig()
  rig.connect(properties, settings)
  return rig
}

function pings(packets: readonly Packet[]): number {
  return packets.filter((packet) => brief(packet) === 'PINGREQ').length
}

describe('PINGREQ', () => {
  test('goes out when nothing has moved, before Keep Alive is over [MQTT-3.1.2-20]', () => {
    const rig = connected()
    equal(rig.engine.nextTimeout(), PING_AT)
    equal(rig.engine.timeoutReason, 'keep-alive')
    sentAre(rig.elapse(PING_AT - 1), [])
    sentAre(rig.elapse(1), ['PINGREQ'])
  })

  test('goes out each time, while PINGRESP comes', () => {
    const rig = connected()
    for (let i = 1; i <= 5; i += 1) {
      sentAre(rig.elapse(PING_AT), ['PINGREQ'])
      rig.receive(PINGRESP)
    }
    equal(rig.engine.state, 'connected')
  })

  test('follows the Keep Alive of the server [MQTT-3.2.2-21]', () => {
    const rig = connected({ serverKeepAlive: 5 })
    equal(rig.engine.limits.keepAliveSeconds, 5)
    sentAre(rig.elapse(4_499), [])
    sentAre(rig.elapse(1), ['PINGREQ'])
  })

  test('is switched on by a server, and off by one', () => {
    sentAre(connected({ serverKeepAlive: 10 }, { keepAliveSeconds: 0 }).elapse(PING_AT), [
      'PINGREQ',
    ])
    sentAre(connected({ serverKeepAlive: 0 }).elapse(10_000_000), [])
  })

  test('is off with a Keep Alive of 0', () => {
    const rig = connected({}, { keepAliveSeconds: 0 })
    equal(rig.engine.nextTimeout(), Infinity)
    sentAre(rig.elapse(10_000_000), [])
  })

  test('goes out when we only send: nothing shows that the server is there', () => {
    const rig = connected()
    let found: Packet[] = []
    for (let i = 0; i < 9; i += 1) {
      rig.publish('a', 0)
      rig.flush()
      found = [...found, ...rig.elapse(1_000)]
    }
    equal(pings(found), 1)
  })

  test('goes out when we only receive: the server counts what it gets from us', () => {
    const rig = connected()
    let found: Packet[] = []
    for (let i = 0; i < 9; i += 1) {
      rig.receive(published('a'))
      found = [...found, ...rig.elapse(1_000)]
    }
    equal(pings(found), 1)
  })

  test('does not go out while both directions move', () => {
    const rig = connected()
    for (let i = 0; i < 100; i += 1) {
      rig.publish('a', 0)
      rig.flush()
      rig.receive(published('b'))
      sentAre(rig.elapse(1_000), [])
    }
  })

  test('does not go out before CONNACK', () => {
    const rig = new Rig({ connectMs: 1_000_000 })
    rig.open(TEN_SECONDS)
    sentAre(rig.elapse(500_000), [])
  })

  test('goes out while we do not read, for the server counts on', () => {
    const rig = connected()
    rig.do((engine, now) => engine.handlePaused(now))
    const found = rig.elapse(100_000)
    equal(pings(found), Math.floor(100_000 / PING_AT))
    equal(rig.engine.state, 'connected')
  })

  test('does not go out after DISCONNECT, also when reading goes on', () => {
    const rig = connected()
    rig.do((engine, now) => engine.handlePaused(now))
    rig.do((engine, now) => engine.disconnect(0, 1_000_000, now))
    sentAre(rig.flush(), ['DISCONNECT'])
    rig.do((engine, now) => engine.handleResumed(now))
    sentAre(rig.elapse(999_000), [])
  })

  test('of an earlier connection does not count on the next', () => {
    const minute = { keepAliveSeconds: 60 }
    const rig = connected({}, minute)
    sentAre(rig.elapse(54_000), ['PINGREQ'])
    rig.close()
    rig.connect({}, minute)
    sentAre(rig.elapse(53_999), [])
    equal(rig.engine.state, 'connected')
  })
})

describe('silence after PINGREQ', () => {
  test('ends the connection at once, without a farewell [MQTT-3.1.2.10]', () => {
    const rig = connected({}, { keepAliveSeconds: 60 })
    rig.elapse(54_000)
    equal(rig.engine.timeoutReason, 'ping-response')
    sentAre(rig.elapse(9_999), [])
    equal(rig.engine.state, 'connected')
    sentAre(rig.elapse(1), [])
    equal(rig.engine.state, 'closing')
    deepEqual(rig.take('close'), [{ kind: 'close', orderly: false }])
    errorIs(rig.end(), TimeoutError, { operation: 'ping-response', afterMs: 10_000 })
  })

  test('is counted from the last byte, of whatever packet', () => {
    const rig = connected()
    rig.elapse(PING_AT)
    for (let i = 0; i < 20; i += 1) {
      rig.elapse(9_000)
      // One byte of a packet that never ends.
      if (i === 0) rig.receiveBytes(new Uint8Array([0x30, 0x7f]))
      else rig.receiveBytes(new Uint8Array([0]))
    }
    equal(rig.engine.state, 'connected')
    rig.elapse(10_000)
    equal(rig.engine.state, 'closing')
  })

  test('is not prolonged by more PINGREQs, of ours or of the application', () => {
    const rig = connected()
    rig.elapse(PING_AT)
    for (let i = 0; i < 9; i += 1) {
      rig.elapse(1_000)
      rig.ping()
      rig.flush()
    }
    rig.elapse(1_000)
    equal(rig.engine.state, 'closing')
  })

  test('is over with PINGRESP', () => {
    const rig = connected()
    rig.elapse(PING_AT)
    rig.receive(PINGRESP)
    equal(rig.engine.timeoutReason, 'keep-alive')
  })

  test('is not counted while we do not read, and is counted anew after that', () => {
    const rig = connected()
    rig.elapse(PING_AT)
    rig.do((engine, now) => engine.handlePaused(now))
    rig.elapse(100_000)
    equal(rig.engine.state, 'connected')
    rig.do((engine, now) => engine.handleResumed(now))
    rig.elapse(9_999)
    equal(rig.engine.state, 'connected')
    rig.elapse(1)
    equal(rig.engine.state, 'closing')
  })

  test('has a worst case: Keep Alive, nine tenths of it, and the bound on the answer', () => {
    const rig = connected()
    rig.elapse(PING_AT + 10_000 - 1)
    equal(rig.engine.state, 'connected')
    rig.elapse(1)
    equal(rig.engine.state, 'closing')
  })
})

describe('a ping that somebody waits for', () => {
  test('goes out at once and is answered with the round trip', () => {
    const rig = connected()
    const operation = rig.ping()
    equal(rig.engine.busy, true)
    sentAre(rig.flush(), ['PINGREQ'])
    rig.elapse(123)
    rig.receive(PINGRESP)
    deepEqual(rig.take('ping'), [operation])
    equal(operation.answer, 123)
    equal(rig.engine.counters.roundTripMs, 123)
    equal(rig.engine.busy, false)
  })

  test('shares PINGRESP with those before it', () => {
    const rig = connected()
    const first = rig.ping()
    rig.elapse(100)
    const second = rig.ping()
    rig.elapse(100)
    rig.receive(PINGRESP)
    deepEqual([first.answer, second.answer], [200, 100])
    rig.receive(PINGRESP)
    deepEqual(rig.take('ping'), [first, second])
  })

  test('is handed back with the connection', () => {
    const rig = connected()
    const operation = rig.ping()
    rig.close(new Error('reset'))
    deepEqual(rig.take('ping'), [operation])
    ok(operation.answer instanceof Error)
  })

  test('is handed back at its deadline, each at its own', () => {
    const rig = new Rig({ pingMs: 10_000_000 })
    rig.connect()
    const first = rig.ping()
    rig.elapse(10_000)
    const second = rig.ping()
    rig.elapse(50_000)
    deepEqual(rig.take('ping'), [first])
    errorIs(first.answer, TimeoutError, { operation: 'ping', afterMs: 60_000 })
    rig.elapse(10_000)
    deepEqual(rig.take('ping'), [second])
    equal(rig.engine.busy, false)
  })

  test('is measured from the first PINGREQ without an answer', () => {
    const rig = connected()
    equal(rig.engine.counters.roundTripMs, -1)
    rig.elapse(PING_AT)
    rig.elapse(40)
    rig.receive(PINGRESP)
    equal(rig.engine.counters.roundTripMs, 40)
  })
})
