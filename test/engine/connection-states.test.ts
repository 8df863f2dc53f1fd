// Every state of a connection against everything that can happen to it, on a real engine: the table says
// where it leads, nothing throws but a call that is a bug of the caller, and nothing hangs.

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Packet, PacketType } from '../../src/codec/packets.ts'
import {
  CONNECTION_TRANSITIONS,
  type ConnectionEvent,
  type ConnectionState,
  RECEIVABLE,
} from '../../src/engine/connection-states.ts'
import { ClosedError, ConnectionLostError, ProtocolError } from '../../src/errors.ts'
import {
  auth,
  brief,
  connack,
  disconnect,
  errorIs,
  PINGRESP,
  puback,
  pubcomp,
  published,
  pubrec,
  pubrel,
  Rig,
  sentAre,
  suback,
  unsuback,
} from '../support/engine-rig.ts'

const STATES = Object.keys(CONNECTION_TRANSITIONS) as ConnectionState[]
const EVENTS: readonly ConnectionEvent[] = ['dial', 'open', 'accept', 'end', 'close']
const METHOD = { authenticationMethod: 'M' }

/** An engine that has come to a state as real ones do. */
function rigIn(state: ConnectionState, version: 4 | 5 = 5): Rig {
  const rig = new Rig()
  const settings = { version, ...(version === 5 && METHOD) }
  if (state === 'dialling') rig.dial(settings)
  if (state === 'handshaking') rig.open(settings)
  if (state === 'connected' || state === 'closing') rig.connect({}, settings)
  if (state === 'closing') {
    rig.do((engine, now) => engine.disconnect(0, 2_000, now))
    rig.flush()
  }
  if (state === 'closed') {
    rig.open(settings)
    rig.close()
  }
  equal(rig.engine.state, state)
  rig.outputs = []
  return rig
}

const APPLY: { readonly [E in ConnectionEvent]: (rig: Rig) => void } = {
  dial: (rig) => rig.dial(),
  open: (rig) => rig.do((engine, now) => engine.handleOpened(now)),
  accept: (rig) => void rig.receive(connack()),
  end: (rig) => rig.do((engine, now) => engine.disconnect(0, 2_000, now)),
  close: (rig) => rig.close(),
}

/** What may be done to an engine whatever its state, and does not end a connection. */
const INPUTS: { readonly [name: string]: (rig: Rig) => void } = {
  'bytes that are no whole packet': (rig) => void rig.receiveBytes(new Uint8Array([0x30])),
  'no bytes': (rig) => void rig.receiveBytes(new Uint8Array(0)),
  'a write that begins': (rig) => rig.do((engine, now) => engine.handleWriteStarted(now)),
  'a write that is done': (rig) => rig.do((engine, now) => engine.handleWritten(now)),
  'a pause': (rig) => rig.do((engine, now) => engine.handlePaused(now)),
  'a resumption': (rig) => rig.do((engine, now) => engine.handleResumed(now)),
  'a timeout before its time': (rig) => rig.do((engine, now) => engine.handleTimeout(now)),
  'a publish at QoS 1': (rig) => void rig.publish('a', 1),
  'a publish that is cancelled': (rig) => {
    const operation = rig.publish('a', 2)
    rig.do((engine) => engine.cancel(operation))
  },
  'a ping': (rig) => void rig.ping(),
  'a subscribe': (rig) => void rig.subscribe('a'),
  'an unsubscribe': (rig) => void rig.unsubscribe('a'),
  'an answer to AUTH': (rig) => rig.do((engine, now) => engine.authenticate(undefined, false, now)),
}

const PACKETS: readonly Packet[] = [
  connack(),
  published('a'),
  published('a', { qos: 1, packetId: 9 }),
  published('a', { qos: 2, packetId: 9 }),
  puback(9),
  pubrec(9),
  pubrel(9),
  pubcomp(9),
  suback(9, 0),
  unsuback(9, 0),
  PINGRESP,
  disconnect(0x8b),
  auth(0, METHOD),
]

describe('the states of a connection', () => {
  for (const state of STATES) {
    for (const event of EVENTS) {
      const next = CONNECTION_TRANSITIONS[state][event]
      if (next !== undefined) {
        test(`a connection that is ${state} is ${next} after "${event}"`, () => {
          const rig = rigIn(state)
          APPLY[event](rig)
          equal(rig.engine.state, next)
        })
      } else if (event === 'dial') {
        test(`a connection that is ${state} refuses to dial, and goes on`, () => {
          const rig = rigIn(state)
          throws(() => APPLY.dial(rig), /Illegal "dial"/)
          equal(rig.engine.state, state)
        })
      } else if (event === 'accept' && state === 'connected') {
        test('a connection that is connected takes no second CONNACK [MQTT-3.2.0-2]', () => {
          const rig = rigIn(state)
          sentAre(rig.receive(connack()), ['DISCONNECT 0x82'])
          errorIs(rig.end(), ProtocolError, { clause: 'MQTT-3.2.0-2', reasonCode: 0x82 })
        })
      } else {
        test(`a connection that is ${state} ignores "${event}"`, () => {
          const rig = rigIn(state)
          APPLY[event](rig)
          equal(rig.engine.state, state)
          deepEqual(rig.outputs, [])
          equal(rig.engine.out.sizeBytes, 0)
        })
      }
    }

    for (const [name, apply] of Object.entries(INPUTS)) {
      test(`a connection that is ${state} stays so after ${name}`, () => {
        const rig = rigIn(state)
        apply(rig)
        equal(rig.engine.state, state)
        if (state !== 'connected' && state !== 'handshaking') {
          equal(rig.engine.out.sizeBytes, 0, 'Nothing may be written')
        }
        rig.flush()
      })

      test(`a connection that is ${state} comes to its end after ${name}`, () => {
        const rig = rigIn(state)
        apply(rig)
        rig.flush()
        if (state === 'idle' || state === 'closed') {
          rig.connect({}, {}, false)
        }
        rig.do((engine, now) => engine.disconnect(0, 2_000, now))
        if (rig.engine.state === 'closing') rig.flush()
        rig.elapse(100_000)
        rig.close()
        equal(rig.engine.state, 'closed')
        equal(rig.engine.nextTimeout(), Infinity)
        equal(rig.take('closed').length, 1)
      })
    }

    for (const packet of PACKETS) {
      if ((RECEIVABLE[state] & (1 << packet.type)) !== 0) continue
      const listening = RECEIVABLE[state] !== 0
      const clause = packet.type === PacketType.CONNACK ? 'MQTT-3.2.0-2' : 'MQTT-3.2.0-1'
      const name = brief(packet)
      test(`${name} ${listening ? 'ends' : 'does nothing to'} a connection that is ${state}`, () => {
        const rig = rigIn(state)
        const sent = rig.receive(packet)
        if (listening) {
          // Only an accepted connection is told why: a server that has not answered CONNECT is not.
          sentAre(sent, state === 'connected' ? ['DISCONNECT 0x82'] : [])
          deepEqual(rig.take('close'), [{ kind: 'close', orderly: true }])
          equal(rig.engine.state, 'closing')
          errorIs(rig.end(), ProtocolError, { clause, reasonCode: 0x82 })
        } else {
          deepEqual(sent, [])
          deepEqual(rig.outputs, [])
          equal(rig.engine.state, state)
        }
      })
    }
  }

  test('every receivable packet leaves a connection open, but for DISCONNECT', () => {
    for (const packet of PACKETS) {
      if ((RECEIVABLE.connected & (1 << packet.type)) === 0) continue
      const rig = rigIn('connected')
      rig.receive(packet)
      const next = packet.type === PacketType.DISCONNECT ? 'closing' : 'connected'
      equal(rig.engine.state, next, brief(packet))
    }
  })

  test('AUTH leaves a connection handshaking, and CONNACK accepts it', () => {
    const rig = rigIn('handshaking')
    rig.receive(auth(0x18, METHOD))
    equal(rig.engine.state, 'handshaking')
    rig.receive(connack())
    equal(rig.engine.state, 'connected')
  })

  test('packets behind the one that ended a connection are not read', () => {
    const rig = rigIn('connected')
    sentAre(rig.receive(connack(), published('a', { qos: 1, packetId: 1 })), ['DISCONNECT 0x82'])
    rig.messages(0)
    deepEqual(rig.receive(published('b')), [])
    rig.messages(0)
  })

  test('packets behind CONNACK are read in the same piece', () => {
    const rig = new Rig()
    rig.open()
    rig.receive(connack(), published('a'), published('b'))
    deepEqual(
      rig.messages(2).map(({ topic }) => topic),
      ['a', 'b'],
    )
  })

  test('each connection is told to have ended once, whatever comes after', () => {
    const rig = rigIn('connected')
    rig.close(new Error('reset'))
    rig.close(new Error('again'))
    const [closed, ...more] = rig.take('closed')
    equal(more.length, 0)
    errorIs(closed?.error, ConnectionLostError, { transient: true })
    ok(closed?.error?.message.includes('reset'))
  })

  test('the first reason of an end stands', () => {
    const rig = rigIn('connected')
    rig.receive(disconnect(0x8b))
    rig.do((engine, now) => engine.fail(new ClosedError('later'), 0x80, now))
    rig.close(new Error('reset'))
    ok(rig.take('closed')[0]?.error?.message.includes('0x8b'))
  })
})

describe('commands without a connection', () => {
  for (const state of ['idle', 'dialling', 'closing', 'closed'] as const) {
    test(`a request and a ping are refused unsent while ${state}`, () => {
      const rig = rigIn(state)
      errorIs(rig.subscribe('a').answer, ClosedError, { sent: 'no' })
      errorIs(rig.unsubscribe('a').answer, ClosedError, { sent: 'no' })
      errorIs(rig.ping().answer, ClosedError, { sent: 'no' })
      deepEqual(rig.outputs, [])
      equal(rig.engine.out.sizeBytes, 0)
      equal(rig.engine.busy, false)
    })
  }
})
