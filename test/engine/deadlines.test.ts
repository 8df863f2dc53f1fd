// The bounds on every wait: acknowledgements while nothing moves, writes, the way to CONNACK, the end,
// and each operation. A slow link that moves is alive; one that does not is given up.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encode } from '../../src/codec/encode.ts'
import { ConnectionLostError, type MqttError, TimeoutError } from '../../src/errors.ts'
import {
  auth,
  connack,
  errorIs,
  PINGRESP,
  puback,
  published,
  pubrec,
  Rig,
  sentAre,
  suback,
  unsuback,
} from '../support/engine-rig.ts'

const ACK_MS = 20_000
/** Connections have patience with a message from here on. */
const LARGE = 'x'.repeat(65_536)

/** The connection is given up at exactly this time from now. */
function diesAfter(rig: Rig, ms: number, operation: string): void {
  sentAre(rig.elapse(ms - 1), [])
  equal(rig.engine.state, 'connected', `It lives for ${ms - 1} ms`)
  sentAre(rig.elapse(1), [])
  equal(rig.engine.state, 'closing', `It is given up after ${ms} ms`)
  deepEqual(rig.take('close'), [{ kind: 'close', orderly: false }])
  errorIs(rig.end(), TimeoutError, { operation })
}

describe('an acknowledgement that is owed', () => {
  for (const [name, ask] of [
    ['QoS 1', (rig: Rig) => rig.publish('a', 1)],
    ['QoS 2', (rig: Rig) => rig.publish('a', 2)],
    ['SUBSCRIBE', (rig: Rig) => rig.subscribe('a')],
    ['UNSUBSCRIBE', (rig: Rig) => rig.unsubscribe('a')],
  ] as const) {
    test(`ends the connection when nothing moves: ${name}`, () => {
      const rig = new Rig()
      rig.connect()
      const operation = ask(rig)
      rig.flush()
      equal(rig.engine.timeoutReason, 'acknowledgement')
      equal(rig.engine.owed, true)
      diesAfter(rig, ACK_MS, 'acknowledgement')
      errorIs(operation.answer, ConnectionLostError, { sent: 'maybe' })
      ok((operation.answer as MqttError).cause instanceof TimeoutError)
    })
  }

  test('has no bound when none is owed', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 0)
    rig.publish('b', 1)
    rig.subscribe('c')
    rig.unsubscribe('d')
    rig.flush()
    rig.receive(puback(1), suback(2, 0), unsuback(3, 0))
    equal(rig.engine.owed, false)
    equal(rig.engine.nextTimeout() > 50_000, true, `${rig.engine.nextTimeout()}`)
    rig.elapse(1_000_000)
    equal(rig.engine.state, 'connected')
    equal(rig.engine.nextTimeout(), Infinity)
  })

  test('is bounded anew by each acknowledgement', () => {
    const rig = new Rig({ operationMs: 10_000_000 })
    rig.connect()
    for (const topic of 'abcd') rig.publish(topic, 1)
    rig.flush()
    for (const id of [2, 1, 4]) {
      rig.elapse(15_000)
      rig.receive(puback(id))
    }
    diesAfter(rig, ACK_MS, 'acknowledgement')
  })

  test('is bounded anew by PUBREC, and by SUBACK', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 2)
    rig.subscribe('b')
    rig.flush()
    rig.elapse(15_000)
    rig.receive(suback(2, 0))
    rig.elapse(15_000)
    rig.receive(pubrec(1))
    diesAfter(rig, ACK_MS, 'acknowledgement')
  })

  test('is bounded from when the message may be sent', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1)
    rig.flush()
    rig.close()
    rig.end()
    rig.engine.sendQuota = 0
    sentAre(rig.resume(), [])
    rig.elapse(15_000)
    rig.receive(PINGRESP)
    rig.engine.sendQuota = 1
    sentAre(rig.flush(), ['PUBLISH 1 a dup'])
    diesAfter(rig, ACK_MS, 'acknowledgement')
  })

  test('is waited for so many times as long as its connection says', () => {
    for (const patience of [1, 4]) {
      const rig = new Rig()
      rig.connect({}, { patience })
      rig.publish('a', 1, { payload: LARGE })
      rig.flush()
      diesAfter(rig, patience * ACK_MS, 'acknowledgement')
    }
  })

  test('is waited for no longer than else once the large message has arrived', () => {
    const answers = { 1: puback(1), 2: pubrec(1) }
    for (const qos of [1, 2] as const) {
      const rig = new Rig()
      rig.connect({}, { patience: 4 })
      rig.publish('a', qos, { payload: LARGE })
      rig.publish('b', 1, { payload: LARGE.slice(1) })
      rig.flush()
      sentAre(rig.elapse(4 * ACK_MS - 1), [])
      rig.receive(answers[qos])
      rig.flush()
      diesAfter(rig, ACK_MS, 'acknowledgement')
    }
  })

  test('has no bound before there is a connection', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1)
    rig.flush()
    rig.engine.sendQuota = 0
    rig.close()
    rig.end()
    rig.engine.sendQuota = 1
    equal(rig.engine.nextTimeout(), Infinity)
    rig.dial()
    rig.publish('b', 1)
    rig.elapse(ACK_MS)
    equal(rig.engine.state, 'dialling')
  })

  test('is not put off by messages, nor by PINGRESP, which say nothing of it', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1)
    rig.flush()
    rig.elapse(10_000)
    rig.receive(published('b'), PINGRESP)
    diesAfter(rig, 10_000, 'acknowledgement')
  })

  test('is put off by another publish: no, its own bound stands', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1)
    rig.do((engine, now) => engine.handleWriteStarted(now))
    rig.elapse(10_000)
    rig.publish('b', 1)
    equal(rig.engine.nextTimeout(), 20_000)
  })

  test('is not put off by what we send meanwhile, which only fills buffers', () => {
    const rig = new Rig()
    rig.connect({}, { keepAliveSeconds: 5 })
    rig.publish('a', 1)
    rig.flush()
    for (let i = 0; i < 19; i += 1) {
      rig.publish('b', i % 2 === 0 ? 0 : 1)
      rig.flush()
      if (rig.elapse(1_000).length > 0) rig.receive(PINGRESP)
    }
    equal(rig.engine.state, 'connected')
    rig.elapse(1_000)
    equal(rig.engine.state, 'closing')
    errorIs(rig.end(), TimeoutError, { operation: 'acknowledgement' })
  })

  test('is put off by a write that took its time', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1)
    rig.engine.out.take(Infinity)
    rig.do((engine, now) => engine.handleWriteStarted(now))
    rig.elapse(15_000)
    rig.do((engine, now) => engine.handleWritten(now))
    diesAfter(rig, ACK_MS, 'acknowledgement')
  })

  test('waits behind a large packet of the server that comes in slowly', () => {
    const rig = new Rig({ operationMs: 10_000_000 })
    rig.connect()
    rig.publish('a', 1)
    rig.flush()
    const bytes = encode(published('m', { payload: 'x'.repeat(300) }), 5)
    for (let i = 0; i < bytes.length; i += 10) {
      rig.elapse(15_000)
      rig.receiveBytes(bytes.slice(i, i + 10))
    }
    rig.message()
    equal(rig.engine.state, 'connected')
    diesAfter(rig, ACK_MS, 'acknowledgement')
  })

  test('waits behind a large packet of ours that goes out slowly', () => {
    const rig = new Rig({ operationMs: 10_000_000 })
    rig.connect()
    rig.publish('a', 1, { payload: new Uint8Array(1_000_000) })
    while (rig.engine.out.sizeBytes > 0) {
      rig.elapse(15_000)
      rig.flushOnce(65_536)
    }
    equal(rig.engine.state, 'connected')
    diesAfter(rig, ACK_MS, 'acknowledgement')
  })

  test('has no bound while we do not read, and a new one after that', () => {
    const rig = new Rig({ operationMs: 10_000_000 })
    rig.connect()
    rig.publish('a', 1)
    rig.flush()
    rig.do((engine, now) => engine.handlePaused(now))
    rig.elapse(1_000_000)
    rig.publish('b', 1)
    rig.flush()
    rig.elapse(1_000_000)
    equal(rig.engine.state, 'connected')
    rig.do((engine, now) => engine.handleResumed(now))
    diesAfter(rig, ACK_MS, 'acknowledgement')
  })

  test('of an earlier connection has a bound on the next', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 2)
    rig.flush()
    rig.receive(pubrec(1))
    rig.close()
    rig.outputs = []
    rig.resume()
    diesAfter(rig, ACK_MS, 'acknowledgement')
  })
})

describe('a write', () => {
  test('that makes no progress ends the connection', () => {
    const rig = new Rig({ writeMs: 5_000 })
    rig.connect()
    rig.publish('a', 0)
    rig.do((engine, now) => engine.handleWriteStarted(now))
    equal(rig.engine.timeoutReason, 'write')
    rig.elapse(4_999)
    equal(rig.engine.state, 'connected')
    rig.now += 1
    rig.do((engine, now) => engine.handleTimeout(now))
    equal(rig.engine.state, 'closing')
    errorIs(rig.end(), TimeoutError, { operation: 'write', afterMs: 5_000 })
  })

  test('that is done has no bound', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 0)
    rig.flush()
    equal(rig.engine.nextTimeout(), Infinity)
  })

  test('is bounded while we do not read', () => {
    const rig = new Rig()
    rig.connect()
    rig.do((engine, now) => engine.handlePaused(now))
    rig.do((engine, now) => engine.handleWriteStarted(now))
    rig.now += 20_000
    rig.do((engine, now) => engine.handleTimeout(now))
    equal(rig.engine.state, 'closing')
  })
})

describe('patience', () => {
  test('prolongs what PINGRESP may take', () => {
    const rig = new Rig()
    rig.connect({}, { patience: 4, keepAliveSeconds: 10 })
    rig.publish('a', 1, { payload: LARGE })
    rig.flush()
    // PINGREQ goes out after nine seconds.
    rig.elapse(9_000 + 4 * 10_000 - 1)
    equal(rig.engine.state, 'connected')
    rig.elapse(1)
    errorIs(rig.end(), TimeoutError, { operation: 'ping-response', afterMs: 40_000 })
  })

  test('prolongs nothing while no large message is on its way', () => {
    const rig = new Rig()
    rig.connect({}, { patience: 4, keepAliveSeconds: 10 })
    rig.publish('a', 1, { payload: LARGE })
    rig.flush()
    rig.receive(puback(1))
    rig.elapse(9_000 + 10_000 - 1)
    equal(rig.engine.state, 'connected')
    rig.elapse(1)
    errorIs(rig.end(), TimeoutError, { operation: 'ping-response', afterMs: 10_000 })
  })

  test('tells of the time that was waited, when a large message has followed', () => {
    const rig = new Rig()
    rig.connect({}, { patience: 4, keepAliveSeconds: 10 })
    rig.elapse(9_000)
    rig.publish('a', 1, { payload: LARGE })
    rig.elapse(10_000)
    errorIs(rig.end(), TimeoutError, { operation: 'ping-response', afterMs: 10_000 })
  })

  test('takes no write for a slow one because a large message has followed', () => {
    const rig = new Rig()
    rig.connect({}, { patience: 4 })
    rig.publish('a', 1)
    rig.engine.out.clear()
    rig.do((engine, now) => engine.handleWriteStarted(now))
    rig.publish('b', 1, { payload: LARGE })
    rig.engine.out.clear()
    rig.do((engine, now) => engine.handleWritten(now))
    diesAfter(rig, ACK_MS, 'acknowledgement')
  })

  test('prolongs what a write may take', () => {
    const rig = new Rig({ writeMs: 5_000 })
    rig.connect({}, { patience: 4 })
    rig.publish('a', 1, { payload: LARGE })
    rig.do((engine, now) => engine.handleWriteStarted(now))
    rig.now += 19_999
    rig.do((engine, now) => engine.handleTimeout(now))
    equal(rig.engine.state, 'connected')
    rig.now += 1
    rig.do((engine, now) => engine.handleTimeout(now))
    errorIs(rig.end(), TimeoutError, { operation: 'write', afterMs: 20_000 })
  })
})

describe('the way to CONNACK', () => {
  test('is bounded from the dial, over opening, AUTH and silence', () => {
    for (const at of ['dialling', 'handshaking', 'authenticating'] as const) {
      const rig = new Rig({ acknowledgementMs: 10_000_000 })
      rig.dial({ authenticationMethod: 'M' })
      equal(rig.engine.timeoutReason, 'connect')
      rig.elapse(10_000)
      if (at !== 'dialling') rig.do((engine, now) => engine.handleOpened(now))
      rig.flush()
      rig.elapse(10_000)
      if (at === 'authenticating') {
        rig.receive(auth(0x18, { authenticationMethod: 'M' }))
        rig.do((engine, now) => engine.authenticate(undefined, false, now))
        sentAre(rig.flush(), ['AUTH 0x18'])
      }
      rig.elapse(9_999)
      ok(rig.engine.state !== 'closing', at)
      rig.elapse(1)
      equal(rig.engine.state, 'closing')
      deepEqual(rig.take('close'), [{ kind: 'close', orderly: false }])
      errorIs(rig.end(), TimeoutError, { operation: 'connect', afterMs: 30_000 })
    }
  })

  test('has no bound any more when it is done', () => {
    const rig = new Rig()
    rig.connect()
    rig.elapse(100_000)
    equal(rig.engine.state, 'connected')
  })

  test('is bounded anew for each connection', () => {
    const rig = new Rig()
    rig.dial()
    rig.elapse(29_000)
    rig.close()
    rig.dial()
    rig.elapse(29_000)
    equal(rig.engine.state, 'dialling')
  })
})

describe('an orderly end', () => {
  test('is cut when it takes too long, and is no error', () => {
    const rig = new Rig()
    rig.connect()
    rig.do((engine, now) => engine.disconnect(0, 700, now))
    sentAre(rig.flush(), ['DISCONNECT'])
    deepEqual(rig.take('close'), [{ kind: 'close', orderly: true }])
    equal(rig.engine.timeoutReason, 'close')
    rig.elapse(699)
    deepEqual(rig.take('close'), [])
    rig.elapse(1)
    deepEqual(rig.take('close'), [{ kind: 'close', orderly: false }])
    equal(rig.engine.nextTimeout(), Infinity)
    equal(rig.end(), undefined)
  })

  test('is bounded by closeMs when an error of the server causes it', () => {
    const rig = new Rig({ closeMs: 300 })
    rig.connect()
    sentAre(rig.receive(connack()), ['DISCONNECT 0x82'])
    rig.take('close')
    rig.elapse(300)
    deepEqual(rig.take('close'), [{ kind: 'close', orderly: false }])
  })

  test('is not cut by what was owed before it', () => {
    const rig = new Rig()
    rig.connect({}, { keepAliveSeconds: 10 })
    rig.publish('a', 1)
    rig.ping()
    rig.flush()
    rig.do((engine, now) => engine.disconnect(0, 500_000, now))
    rig.flush()
    rig.take('close')
    rig.elapse(499_999)
    deepEqual(rig.take('close'), [])
  })

  test('is not prolonged by a second one', () => {
    const rig = new Rig()
    rig.connect()
    rig.do((engine, now) => engine.disconnect(0, 700, now))
    rig.flush()
    rig.elapse(600)
    rig.do((engine, now) => engine.disconnect(0, 700, now))
    rig.elapse(100)
    deepEqual(rig.take('close').at(-1), { kind: 'close', orderly: false })
  })
})

describe('an operation', () => {
  test('is handed back at its deadline, and the connection goes on', () => {
    for (const ask of [
      (rig: Rig) => rig.subscribe('a'),
      (rig: Rig) => rig.unsubscribe('a'),
    ] as const) {
      const rig = new Rig({ acknowledgementMs: 10_000_000 })
      rig.connect()
      const operation = ask(rig)
      rig.flush()
      rig.elapse(59_999)
      equal(operation.answer, undefined)
      rig.elapse(1)
      const { kind } = operation
      errorIs(operation.answer, TimeoutError, { operation: kind, sent: 'maybe', afterMs: 60_000 })
      deepEqual(rig.take(kind), [operation])
      // The answer comes late: its id was kept for it.
      rig.receive(kind === 'subscribe' ? suback(1, 0) : unsuback(1, 0))
      deepEqual(rig.take(kind), [])
      equal(rig.engine.state, 'connected')
      equal(rig.engine.owed, false)
    }
  })

  test('has a deadline of its own, each in its turn', () => {
    const rig = new Rig({ acknowledgementMs: 10_000_000 })
    rig.connect({ receiveMaximum: 2 })
    const operations = []
    for (const topic of 'abcd') {
      operations.push(rig.publish(topic, 1))
      rig.flush()
      rig.elapse(1_000)
    }
    rig.elapse(56_000)
    for (const operation of operations) {
      deepEqual(rig.take('publish'), [operation])
      const sent = operation.packetId === 0 ? 'no' : 'maybe'
      errorIs(operation.answer, TimeoutError, { sent })
      rig.elapse(1_000)
    }
    equal(rig.engine.counters.waitingMessages, 0)
    equal(rig.engine.counters.waitingBytes, 0)
    equal(rig.engine.counters.inflight, 2)
  })
})
