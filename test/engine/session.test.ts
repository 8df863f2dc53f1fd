// The session: what is sent again after a reconnect, what is forgotten when the server has forgotten it,
// a session that is the server's alone, and the whole as data. §4.1, §4.4, §3.1.2.11.2

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import { makeRuntime } from '../../src/engine/runtime.ts'
import { EMPTY_SESSION } from '../../src/engine/session.ts'
import { ConnectionLostError, ProtocolError } from '../../src/errors.ts'
import {
  connack,
  errorIs,
  puback,
  pubcomp,
  published,
  pubrec,
  pubrel,
  Rig,
  sentAre,
} from '../support/engine-rig.ts'

describe('a session that the server has kept', () => {
  test('is asked for without Clean Start, and for how long', () => {
    const rig = new Rig()
    rig.open({ cleanStart: false, sessionExpirySeconds: 300 })
    const [packet] = rig.sent
    ok(packet?.type === 1)
    equal(packet.cleanStart, false)
    equal(packet.properties?.sessionExpiryInterval, 300)
  })

  test('sends a PUBLISH again with DUP and its id, its payload and its properties [MQTT-4.4.0-1]', () => {
    const rig = new Rig()
    rig.connect()
    const properties = { contentType: 'text/plain', userProperties: [['a', 'b']] as const }
    rig.publish('a', 1, { payload: 'ä text', retain: true, properties })
    rig.publish('b', 2, { payload: new Uint8Array([1, 2, 3]) })
    const first = rig.flush()
    rig.close()
    const again = rig.resume()
    deepEqual(
      again,
      first.map((packet) => ({ ...packet, dup: true })),
    )
  })

  test('sends a PUBREL again, and not the PUBLISH [MQTT-4.3.3-4]', () => {
    const rig = new Rig()
    rig.connect()
    const operation = rig.publish('a', 2)
    rig.flush()
    rig.receive(pubrec(1))
    rig.close()
    errorIs(operation.answer, ConnectionLostError, { sent: 'maybe' })
    sentAre(rig.resume(), ['PUBREL 1'])
    rig.receive(pubcomp(1))
    equal(operation.state, 'done')
    equal(rig.engine.counters.inflight, 0)
  })

  test('sends nothing again while the connection lasts [MQTT-4.4.0-1]', () => {
    const rig = new Rig({ acknowledgementMs: 10_000_000 })
    rig.connect()
    rig.publish('a', 1)
    rig.publish('b', 2)
    rig.flush()
    deepEqual(rig.elapse(1_000_000), [])
  })

  test('sends again each time, until it is acknowledged', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1)
    rig.flush()
    for (let i = 0; i < 3; i += 1) {
      rig.close()
      sentAre(rig.resume(), ['PUBLISH 1 a dup'])
    }
    rig.receive(puback(1))
    rig.close()
    sentAre(rig.resume(), [])
  })

  test('keeps the copy of a payload that the caller has changed since', () => {
    for (const sizeBytes of [10, 5_000, 40_000]) {
      const rig = new Rig()
      rig.connect()
      const payload = new Uint8Array(sizeBytes).fill(7)
      rig.publish('a', 1, { payload })
      rig.flush()
      payload.fill(9)
      rig.close()
      const [again] = rig.resume()
      ok(again?.type === 3)
      ok(
        again.payload.every((byte) => byte === 7),
        `${sizeBytes} bytes`,
      )
    }
  })

  test('keeps the payloads that a write has carried, whatever other clients write after it', () => {
    const runtime = makeRuntime()
    const rig = new Rig({}, undefined, runtime)
    rig.connect()
    const payload = new Uint8Array(100)
    for (let i = 0; i < 900; i += 1) {
      rig.publish('a', i % 2 === 0 ? 1 : 2, { payload: payload.fill(i) })
    }
    rig.flush()
    for (let i = 0; i < 900; i += 3) rig.receive(i % 2 === 0 ? puback(i + 1) : pubrec(i + 1, 0x80))
    rig.close()
    const other = new Rig({}, undefined, runtime)
    other.connect()
    for (let i = 0; i < 900; i += 1) other.publish('b', 1, { payload: payload.fill(0xff) })
    other.flush()
    const again = rig.resume()
    equal(again.length, 600)
    for (const packet of again) {
      ok(packet.type === 3)
      deepEqual(packet.payload, new Uint8Array(100).fill(packet.packetId - 1))
    }
  })

  test('is not resumed by the server when it was not asked for [MQTT-3.2.2-2]', () => {
    const rig = new Rig()
    rig.open({ cleanStart: true })
    sentAre(rig.receive(connack({}, true)), [])
    equal(rig.engine.state, 'closing')
    errorIs(rig.end(), ProtocolError, { clause: 'MQTT-3.2.2-2' })
  })

  test('survives a dial that failed, and a refusal', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1)
    rig.flush()
    rig.close()
    // What these ask for was never granted.
    rig.dial({ sessionExpirySeconds: 0 })
    rig.close(new Error('refused'))
    rig.open({ sessionExpirySeconds: 0 })
    rig.receive({ type: 2, sessionPresent: false, reasonCode: 0x88, properties: {} })
    rig.close()
    sentAre(rig.resume(), ['PUBLISH 1 a dup'])
  })
})

describe('a session that is over', () => {
  test('drops what was in flight when the server has lost it, and uses ids afresh', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1)
    rig.publish('b', 2)
    rig.receive(pubrec(2))
    rig.close()
    sentAre(rig.connect(), [])
    equal(rig.engine.counters.inflight, 0)
    rig.receive(puback(1))
    equal(rig.engine.counters.strayAcknowledgements, 1)
    equal(rig.publish('c', 1).dup, false)
    sentAre(rig.flush(), ['PUBLISH 3 c'])
  })

  test('forgets the QoS 2 ids of the server, so that they mean new messages', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a', { qos: 2, packetId: 1 }))
    rig.acknowledge(rig.message())
    rig.close()
    rig.connect()
    rig.receive(published('b', { qos: 2, packetId: 1 }))
    equal(rig.message().topic, 'b')
  })

  test('ends with the connection when its expiry is 0, as asked or as the server says', () => {
    for (const server of [undefined, 0]) {
      const rig = new Rig()
      const properties = server === undefined ? {} : { sessionExpiryInterval: server }
      const settings = server === undefined ? { sessionExpirySeconds: 0 } : {}
      rig.connect(properties, settings)
      rig.publish('a', 1)
      rig.flush()
      rig.close()
      deepEqual(rig.engine.session.publishes, [])
    }
  })

  test('lasts when the server gives it longer than was asked', () => {
    const rig = new Rig()
    rig.connect({ sessionExpiryInterval: 60 }, { sessionExpirySeconds: 0 })
    rig.publish('a', 1)
    rig.flush()
    rig.close()
    sentAre(rig.resume(), ['PUBLISH 1 a dup'])
  })

  test('lasts as the server gave it when DISCONNECT must not ask for longer, and ends when it says so', () => {
    for (const [sessionExpiryInterval, kept] of [
      [5, 1],
      [0, 0],
    ] as const) {
      const rig = new Rig()
      rig.connect({ sessionExpiryInterval: 60 }, { sessionExpirySeconds: 0 })
      rig.publish('a', 1)
      rig.do((engine, now) => engine.disconnect(0, 1_000, now, { sessionExpiryInterval }))
      equal(rig.engine.limits.sessionExpirySeconds, kept * 60)
      rig.close()
      equal(rig.engine.session.publishes.length, kept)
    }
  })

  test('ends with a clean start', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1)
    rig.flush()
    rig.close()
    sentAre(rig.connect({}, { cleanStart: true }), [])
    deepEqual(rig.engine.session.publishes, [])
  })
})

describe('a session that only the server has', () => {
  test('has each id cleared with PUBREL before its first use at QoS 2', () => {
    const rig = new Rig()
    rig.resume()
    rig.publish('a', 2)
    sentAre(rig.flush(), ['PUBREL 1'])
    sentAre(rig.receive(pubcomp(1, 0x92)), ['PUBLISH 1 a'])
    sentAre(rig.receive(pubrec(1)), ['PUBREL 1'])
    rig.receive(pubcomp(1))
    equal(rig.take('publish')[0]?.answer, 0)
  })

  test('is not ours when ours ended with its connection', () => {
    const rig = new Rig()
    rig.connect({}, { sessionExpirySeconds: 0 })
    rig.close()
    rig.resume()
    rig.publish('a', 2)
    sentAre(rig.flush(), ['PUBREL 1'])
  })

  test('is not ours because of a dial that failed', () => {
    const rig = new Rig()
    rig.dial()
    rig.close(new Error('refused'))
    rig.resume()
    rig.publish('a', 2)
    sentAre(rig.flush(), ['PUBREL 1'])
  })

  test('has an id cleared once, also over reconnects', () => {
    const rig = new Rig()
    rig.resume()
    rig.publish('a', 2)
    rig.flush()
    rig.receive(pubcomp(1))
    rig.close()
    sentAre(rig.resume(), ['PUBLISH 1 a dup'])
    sentAre(rig.receive(pubrec(1), pubcomp(1)), ['PUBREL 1'])
  })

  test('needs no clearing at QoS 1, whose ids the server does not keep', () => {
    const rig = new Rig()
    rig.resume()
    rig.publish('a', 1)
    sentAre(rig.flush(), ['PUBLISH 1 a'])
  })

  test('has the payload that was given, whatever is written while an id is cleared', () => {
    const rig = new Rig()
    rig.resume()
    const payload = new Uint8Array(100)
    for (let i = 0; i < 400; i += 1) rig.publish('a', 1, { payload: payload.fill(7) })
    rig.publish('b', 2, { payload: payload.fill(9) })
    payload.fill(0)
    rig.flush()
    const [cleared] = rig.receive(pubcomp(401))
    ok(cleared?.type === 3)
    deepEqual(cleared.payload, new Uint8Array(100).fill(9))
  })

  test('takes the clearing as a place in the window', () => {
    const rig = new Rig()
    rig.resume({ receiveMaximum: 1 })
    rig.publish('a', 2)
    rig.publish('b', 1)
    sentAre(rig.flush(), ['PUBREL 1'])
    sentAre(rig.receive(pubcomp(1)), ['PUBLISH 1 a'])
    sentAre(rig.receive(pubrec(1)), ['PUBREL 1'])
    sentAre(rig.receive(pubcomp(1)), ['PUBLISH 2 b'])
  })

  test('keeps the order of messages whose ids are cleared in another', () => {
    const rig = new Rig()
    rig.resume()
    rig.publish('a', 2)
    rig.publish('b', 2)
    rig.publish('c', 2)
    sentAre(rig.flush(), ['PUBREL 1', 'PUBREL 2', 'PUBREL 3'])
    sentAre(rig.receive(pubcomp(2)), [])
    sentAre(rig.receive(pubcomp(1)), ['PUBLISH 1 a', 'PUBLISH 2 b'])
    sentAre(rig.receive(pubcomp(3)), ['PUBLISH 3 c'])
  })

  test('hands back a message whose id is clear while one before it is not', () => {
    const rig = new Rig()
    rig.resume()
    rig.publish('a', 2)
    rig.publish('b', 2)
    rig.flush()
    rig.receive(pubcomp(2))
    rig.close()
    sentAre(rig.resume(), [])
    rig.publish('b', 2)
    sentAre(rig.flush(), ['PUBREL 3'])
    sentAre(rig.receive(pubcomp(3)), ['PUBLISH 3 b'])
  })

  test('is forgotten when the server loses it', () => {
    const rig = new Rig()
    rig.resume()
    rig.close()
    rig.connect()
    rig.publish('a', 2)
    sentAre(rig.flush(), ['PUBLISH 1 a'])
  })

  test('has its messages taken, also with DUP', () => {
    const rig = new Rig()
    rig.resume()
    rig.receive(published('a', { qos: 2, packetId: 5, dup: true }))
    sentAre(rig.acknowledge(rig.message()), ['PUBREC 5'])
    sentAre(rig.receive(pubrel(5)), ['PUBCOMP 5'])
  })
})

describe('a QoS 2 message under an id that is known, in a session that may be a new one,', () => {
  const message = published('m', { qos: 2, packetId: 9 })

  /** An engine that has sent PUBREC 9, and whose next CONNECT had no answer. */
  function unanswered(): Rig {
    const rig = new Rig()
    rig.connect()
    rig.receive(message)
    rig.acknowledge(rig.message())
    rig.close()
    rig.open()
    rig.close()
    rig.resume()
    return rig
  }

  test('is a new one when it does not come again [MQTT-3.3.1-1]', () => {
    const rig = unanswered()
    rig.receive(message)
    equal(rig.message().packet.packetId, 9)
    rig.receive(published('m', { qos: 2, packetId: 9, dup: true }))
    rig.messages(0)
  })

  test('is the old one when it comes again', () => {
    const rig = unanswered()
    rig.receive(published('m', { qos: 2, packetId: 9, dup: true }))
    rig.messages(0)
    deepEqual(rig.engine.session.receivedIds, [9])
  })

  test('is the old one for a server that forgets DUP, where no CONNECT was unanswered', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(message)
    rig.acknowledge(rig.message())
    rig.close()
    rig.resume()
    rig.receive(message)
    rig.messages(0)
  })

  test('takes nothing along that came in this session', () => {
    const rig = unanswered()
    rig.receive(published('handled', { qos: 2, packetId: 1 }))
    rig.acknowledge(rig.message())
    rig.receive(published('with the application', { qos: 2, packetId: 2 }))
    const held = rig.message()
    rig.receive(message)
    rig.acknowledge(rig.message())
    rig.close()
    rig.resume()
    for (const packetId of [1, 2, 9]) {
      rig.receive(published('m', { qos: 2, packetId, dup: true }))
    }
    rig.messages(0)
    rig.acknowledge(held)
    deepEqual(new Set(rig.engine.session.receivedIds), new Set([1, 2, 9]))
  })

  test('shows it although the id was free in between', () => {
    const rig = unanswered()
    rig.receive(pubrel(9))
    rig.receive(message)
    rig.acknowledge(rig.message())
    rig.receive(message)
    rig.messages(0)
  })

  test('is a new one in the engine of another process', () => {
    const { session } = unanswered().engine
    const rig = new Rig({}, session)
    rig.resume()
    rig.receive(message)
    equal(rig.message().packet.packetId, 9)
  })
})

describe('a session as data', () => {
  test('is empty before anything has happened', () => {
    deepEqual(new Rig().engine.session, EMPTY_SESSION)
  })

  test('is the same when it is taken up and taken again', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1, { payload: 'text', properties: { contentType: 'x' } })
    rig.publish('b', 2, { payload: encodeUtf8('bytes'), retain: true })
    rig.publish('c', 2)
    rig.receive(pubrec(3))
    rig.receive(published('m', { qos: 2, packetId: 9 }))
    rig.acknowledge(rig.message())
    const { session } = rig.engine
    deepEqual(session.receivedIds, [9])
    deepEqual(
      session.publishes.map(({ packetId, state }) => [packetId, state]),
      [
        [1, 'sent'],
        [2, 'sent'],
        [3, 'released'],
      ],
    )
    deepEqual(new Rig({}, session).engine.session, session)
  })

  test('goes on in another engine as it would have in its own', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1)
    rig.publish('b', 2)
    rig.publish('c', 2)
    rig.receive(pubrec(3))
    const restarted = new Rig({}, rig.engine.session)
    sentAre(restarted.resume(), ['PUBREL 3', 'PUBLISH 1 a dup', 'PUBLISH 2 b dup'])
    restarted.receive(puback(1), pubrec(2), pubcomp(2), pubcomp(3))
    deepEqual(restarted.engine.session.publishes, [])
    deepEqual(restarted.take('publish'), [], 'Nobody waits for what was restored')
  })

  test('is taken up where a message was being cleared, though nothing else is known', () => {
    const rig = new Rig()
    rig.resume()
    rig.publish('a', 2)
    rig.flush()
    const restarted = new Rig({}, { ...rig.engine.session, adopted: false })
    sentAre(restarted.resume(), ['PUBREL 1'])
    sentAre(restarted.receive(pubcomp(1)), ['PUBLISH 1 a'])
  })

  test('keeps a message that is being cleared', () => {
    const rig = new Rig()
    rig.resume()
    rig.publish('a', 2)
    rig.flush()
    const restarted = new Rig({}, rig.engine.session)
    sentAre(restarted.resume(), ['PUBREL 1'])
    sentAre(restarted.receive(pubcomp(1)), ['PUBLISH 1 a'])
  })

  test('keeps that the server may hold ids of which nothing is known', () => {
    const before = new Rig({}, new Rig().engine.session)
    before.resume()
    before.publish('a', 2)
    sentAre(before.flush(), ['PUBREL 1'])
    const after = new Rig({}, before.engine.session)
    after.resume()
    after.receive(pubcomp(1), pubrec(1), pubcomp(1))
    after.publish('b', 2)
    sentAre(after.flush(), ['PUBREL 2'])
    after.close()
    after.connect()
    after.publish('c', 2)
    sentAre(after.flush(), ['PUBLISH 3 c'])
  })

  test('keeps the client id that the server has assigned [MQTT-3.2.2-16]', () => {
    const rig = new Rig()
    rig.connect({ assignedClientIdentifier: 'given' }, { clientId: '', cleanStart: true })
    equal(rig.engine.clientId, 'given')
    equal(rig.engine.session.clientId, 'given')
    rig.close()
    rig.open({ clientId: '' })
    const [packet] = rig.sent
    ok(packet?.type === 1)
    equal(packet.clientId, 'given')
  })

  test('does not change with the payload that was given', () => {
    const rig = new Rig()
    rig.connect()
    const payload = new Uint8Array([1, 2, 3])
    rig.publish('a', 1, { payload })
    const [stored] = rig.engine.session.publishes
    payload.fill(0)
    deepEqual(stored?.payload, new Uint8Array([1, 2, 3]))
  })

  test('remembers the QoS 2 ids whose PUBREC is out, and those alone', () => {
    const rig = new Rig()
    rig.connect()
    for (const packetId of [1, 2, 3]) rig.receive(published('m', { qos: 2, packetId }))
    const [a, b] = rig.messages(3)
    ok(a && b)
    rig.acknowledge(a)
    rig.acknowledge(b, 0x83)
    deepEqual(rig.engine.session.receivedIds, [1])
    rig.receive(pubrel(1))
    deepEqual(rig.engine.session.receivedIds, [])
  })
})
