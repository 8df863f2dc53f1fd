// How connections end: by our DISCONNECT, by the server's, by a rule that was broken, or by the transport.
// What was open is handed back and says whether it can have been sent. §3.14, §4.13

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Packet } from '../../src/codec/packets.ts'
import {
  ClosedError,
  ConnectionLostError,
  ConnectRefusedError,
  MalformedPacketError,
  type MqttError,
  PacketTooLargeError,
  ProtocolError,
  ServerDisconnectError,
} from '../../src/errors.ts'
import {
  brief,
  disconnect,
  errorIs,
  puback,
  published,
  refusal,
  Rig,
  sentAre,
  suback,
  unsuback,
} from '../support/engine-rig.ts'

/** What a server may get wrong, and the reason code to tell it with. */
const VIOLATIONS: readonly {
  readonly name: string
  readonly bytes: readonly number[]
  readonly type: new (...args: never[]) => MqttError
  readonly reasonCode: number
}[] = [
  { name: 'a packet type of 0', bytes: [0x00, 0], type: MalformedPacketError, reasonCode: 0x81 },
  {
    name: 'flags that are reserved',
    bytes: [0x4f, 2, 0, 1],
    type: MalformedPacketError,
    reasonCode: 0x81,
  },
  {
    name: 'a length of five bytes',
    bytes: [0x30, 0xff, 0xff, 0xff, 0xff, 1],
    type: MalformedPacketError,
    reasonCode: 0x81,
  },
  {
    name: 'a packet above our maximum',
    bytes: [0x30, 0x80, 0x80, 0x80, 0x01],
    type: PacketTooLargeError,
    reasonCode: 0x95,
  },
  {
    name: 'a topic with a wildcard',
    bytes: [0x30, 4, 0, 1, 0x23, 0],
    type: ProtocolError,
    reasonCode: 0x90,
  },
  {
    name: 'a packet of clients, SUBSCRIBE',
    bytes: [0x82, 2, 0, 1],
    type: ProtocolError,
    reasonCode: 0x82,
  },
]

describe('bytes that the specification forbids', () => {
  for (const { name, bytes, type, reasonCode } of VIOLATIONS) {
    test(`end the connection with their reason on 5.0 and by closing on 3.1.1: ${name}`, () => {
      for (const version of [5, 4] as const) {
        const rig = new Rig()
        rig.connect({}, { version })
        const code = reasonCode.toString(16)
        const sent = rig.receiveBytes(new Uint8Array(bytes))
        if (version === 4) deepEqual(sent, [])
        else {
          equal(sent.length, 1)
          ok(
            /^DISCONNECT 0x8|^DISCONNECT 0x9/.test(brief(sent[0] as Packet)),
            brief(sent[0] as Packet),
          )
        }
        equal(rig.engine.state, 'closing')
        deepEqual(rig.take('close'), [{ kind: 'close', orderly: true }])
        const error = rig.end()
        ok(error !== undefined && !(error instanceof ConnectionLostError), String(error))
        if (version === 5) {
          errorIs(error, type)
          sentAre(sent, [`DISCONNECT 0x${code}`])
        }
      }
    })
  }

  test('end the connection before CONNACK without a word [MQTT-3.1.4]', () => {
    const rig = new Rig()
    rig.open()
    deepEqual(rig.receiveBytes(new Uint8Array([0x48, 0x54, 0x54, 0x50])), [])
    equal(rig.engine.state, 'closing')
    ok(rig.end() !== undefined)
  })

  test('leave what came before them untouched', () => {
    const rig = new Rig()
    rig.connect()
    const operation = rig.publish('a', 1)
    rig.flush()
    rig.receive(puback(1), published('b'))
    rig.receiveBytes(new Uint8Array([0xf5, 0]))
    equal(operation.answer, 0)
    rig.messages(1)
  })
})

describe('our DISCONNECT', () => {
  test('is the last packet, and what was written before it goes out [MQTT-3.14.4-2]', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 0)
    rig.do((engine, now) => engine.disconnect(0, 1_000, now))
    rig.publish('b', 0)
    rig.publish('c', 1)
    sentAre(rig.flush(), ['PUBLISH a', 'DISCONNECT'])
    rig.receive(puback(1), published('m', { qos: 1, packetId: 1 }))
    sentAre(rig.flush(), [])
  })

  test('names its reason on 5.0, and on 3.1.1 only the normal one exists', () => {
    for (const [version, reasonCode, expected] of [
      [5, 0, ['DISCONNECT']],
      [5, 4, ['DISCONNECT 0x04']],
      [4, 0, ['DISCONNECT']],
      [4, 4, []],
    ] as const) {
      const rig = new Rig()
      rig.connect({}, { version })
      rig.do((engine, now) => engine.disconnect(reasonCode, 1_000, now))
      sentAre(rig.flush(), expected)
      equal(rig.end(), undefined, 'It is no error')
    }
  })

  test('is not sent before CONNACK, and the end is no error', () => {
    for (const state of ['dialling', 'handshaking'] as const) {
      const rig = new Rig()
      if (state === 'dialling') rig.dial()
      else rig.open()
      rig.do((engine, now) => engine.disconnect(0, 1_000, now))
      equal(rig.engine.out.sizeBytes, 0)
      deepEqual(rig.take('close'), [{ kind: 'close', orderly: state === 'handshaking' }])
      equal(rig.end(), undefined)
    }
  })

  test('does not wait for acknowledgements: what was open says what is known', () => {
    const rig = new Rig()
    rig.connect({ receiveMaximum: 1 })
    const sent = rig.publish('a', 1)
    const waiting = rig.publish('b', 1)
    const asked = rig.subscribe('c')
    const pinged = rig.ping()
    rig.do((engine, now) => engine.disconnect(0, 1_000, now))
    rig.flush()
    rig.close()
    errorIs(sent.answer, ClosedError, { sent: 'maybe' })
    errorIs(waiting.answer, ClosedError, { sent: 'no' })
    errorIs(asked.answer, ClosedError, { sent: 'maybe' })
    errorIs(pinged.answer, ClosedError)
    deepEqual(
      rig.outputs.map(({ kind }) => kind),
      ['close', 'publish', 'publish', 'subscribe', 'ping', 'closed'],
    )
  })

  test('ends a session whose expiry is 0, and keeps another', () => {
    for (const [sessionExpirySeconds, kept] of [
      [0, 0],
      [100, 1],
    ] as const) {
      const rig = new Rig()
      rig.connect({}, { sessionExpirySeconds })
      rig.publish('a', 1)
      rig.do((engine, now) => engine.disconnect(0, 1_000, now))
      rig.flush()
      rig.close()
      equal(rig.engine.session.publishes.length, kept)
    }
  })
})

describe('the end by the server', () => {
  test('gives its reason, text and other server [MQTT-3.14.4]', () => {
    const rig = new Rig()
    rig.connect()
    const properties = { reasonString: 'moved', serverReference: 'other:1883' }
    sentAre(rig.receive(disconnect(0x9d, properties)), [])
    deepEqual(rig.take('close'), [{ kind: 'close', orderly: true }])
    const error = rig.end()
    errorIs(error, ServerDisconnectError, {
      reasonCode: 0x9d,
      reasonString: 'moved',
      serverReference: 'other:1883',
      transient: true,
    })
    ok(error?.message.includes('Server moved'))
  })

  test('at CONNECT says whether to try again', () => {
    for (const [version, reasonCode, transient] of [
      [5, 0x84, false],
      [5, 0x86, false],
      [5, 0x87, false],
      [5, 0x88, true],
      [5, 0x89, true],
      [5, 0x8a, false],
      [5, 0x97, true],
      [5, 0x9c, true],
      [5, 0x9d, true],
      [5, 0x9f, true],
      [4, 1, false],
      [4, 2, false],
      [4, 3, true],
      [4, 4, false],
      [4, 5, false],
    ] as const) {
      const rig = new Rig()
      rig.open({ version })
      sentAre(rig.receive(refusal(reasonCode)), [])
      equal(rig.engine.state, 'closing')
      deepEqual(rig.take('connected'), [])
      errorIs(rig.end(), ConnectRefusedError, { reasonCode, transient })
    }
  })

  test('keeps the session for the next connection', () => {
    const rig = new Rig()
    rig.connect()
    const operation = rig.publish('a', 1)
    rig.flush()
    rig.receive(disconnect(0x8b))
    rig.close()
    errorIs(operation.answer, ConnectionLostError, { sent: 'maybe' })
    ok((operation.answer as Error).cause instanceof ServerDisconnectError)
    sentAre(rig.resume(), ['PUBLISH 1 a dup'])
  })
})

describe('the end of the transport', () => {
  test('says in which state it came, and why', () => {
    for (const [state, text] of [
      ['dialling', 'Cannot open the connection: broken'],
      ['handshaking', 'Server closed the connection before CONNACK: broken'],
      ['connected', 'Connection was lost: broken'],
    ] as const) {
      const rig = new Rig()
      if (state === 'dialling') rig.dial()
      else if (state === 'handshaking') rig.open()
      else rig.connect()
      const cause = new Error('broken')
      rig.close(cause)
      const error = rig.end()
      errorIs(error, ConnectionLostError, { transient: true })
      equal(error?.message, text)
      equal(error?.cause, cause)
    }
  })

  test('in the middle of a packet leaves nothing of it to the next connection', () => {
    const rig = new Rig()
    rig.connect()
    rig.receiveBytes(new Uint8Array([0x30, 100, 0, 1]))
    rig.close()
    rig.connect()
    rig.receive(published('a'))
    rig.messages(1)
  })

  test('throws away what was not written', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 0)
    rig.close()
    equal(rig.engine.out.sizeBytes, 0)
    rig.open()
    equal(rig.sent[0]?.type, 1, 'CONNECT is the first packet [MQTT-3.1.0-1]')
  })

  test('hands what waits back after it is told, unless a connection is begun by then', () => {
    for (const begun of [false, true]) {
      const rig = new Rig()
      rig.open()
      const operation = rig.publish('a', 1)
      const { engine } = rig
      engine.handleClosed(undefined, 0)
      const first = engine.poll()
      equal(first?.kind, 'closed')
      if (begun) {
        rig.connect({}, { version: 4 })
        sentAre(rig.sent, ['CONNECT', 'PUBLISH 1 a'])
        equal(operation.answer, undefined)
      } else {
        rig.poll()
        errorIs(operation.answer, ConnectionLostError, { sent: 'no' })
        deepEqual(rig.take('publish'), [operation])
      }
    }
  })

  test('hands back requests, whose ids are free on the next connection', () => {
    const rig = new Rig()
    rig.connect()
    const asked = rig.subscribe('a')
    rig.flush()
    rig.close()
    errorIs(asked.answer, ConnectionLostError, { sent: 'maybe' })
    sentAre(rig.resume(), [])
    rig.receive(suback(1, 0))
    equal(rig.engine.state, 'connected')
    deepEqual(rig.take('subscribe'), [asked])
  })
})

describe('requests', () => {
  test('are answered with one code for each filter, in their order [MQTT-3.8.4-5]', () => {
    const rig = new Rig()
    rig.connect()
    const asked = rig.subscribe([
      { filter: 'a', qos: 2, noLocal: true, retainHandling: 2 },
      { filter: 'b', qos: 1, retainAsPublished: true },
    ])
    const [packet] = rig.flush()
    ok(packet?.type === 8)
    deepEqual(
      packet.subscriptions.map(({ filter }) => filter),
      ['a', 'b'],
    )
    rig.receive(suback(1, 1, 0x87))
    deepEqual(asked.answer, [1, 0x87])
    const left = rig.unsubscribe('a', 'b')
    rig.receive(unsuback(2, 0, 0x11))
    deepEqual(left.answer, [0, 0x11])
    deepEqual(rig.take('subscribe'), [asked])
    deepEqual(rig.take('unsubscribe'), [left])
  })

  test('end the connection when the codes are not as many as the filters [MQTT-3.8.4-6]', () => {
    for (const [ask, answer] of [
      [(rig: Rig) => rig.subscribe('a'), suback(1, 0, 0)],
      [(rig: Rig) => rig.unsubscribe('a', 'b'), unsuback(1, 0)],
    ] as const) {
      const rig = new Rig()
      rig.connect()
      ask(rig)
      rig.flush()
      sentAre(rig.receive(answer), ['DISCONNECT 0x82'])
      errorIs(rig.end(), ProtocolError, { reasonCode: 0x82 })
    }
  })

  test('end the connection when the answer is to another kind [MQTT-2.2.1-6]', () => {
    for (const [ask, answer] of [
      [(rig: Rig) => rig.subscribe('a'), unsuback(1, 0)],
      [(rig: Rig) => rig.unsubscribe('a'), suback(1, 0)],
      [(rig: Rig) => rig.publish('a', 1), suback(1, 0)],
    ] as const) {
      const rig = new Rig()
      rig.connect()
      ask(rig)
      rig.flush()
      sentAre(rig.receive(answer), ['DISCONNECT 0x82'])
      errorIs(rig.end(), ProtocolError, { clause: 'MQTT-2.2.1-6' })
    }
  })

  test('are answered on 3.1.1 by an UNSUBACK without codes', () => {
    const rig = new Rig()
    rig.connect({}, { version: 4 })
    const left = rig.unsubscribe('a', 'b')
    rig.flush()
    rig.receive(unsuback(1))
    deepEqual(left.answer, [0, 0])
  })

  test('are not harmed by an answer to nothing', () => {
    const rig = new Rig()
    rig.connect()
    sentAre(rig.receive(suback(9, 0), unsuback(8, 0)), [])
    equal(rig.engine.state, 'connected')
  })
})
