// portable
// CONNACK: what may come before it, what it must look like, and the limits that it sets. §3.2

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { NO_PROPERTIES, type Packet, PacketType, type Properties } from '../../src/codec/packets.ts'
import { NotSupportedError, PacketTooLargeError } from '../../src/errors.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import {
  CODES,
  brief,
  connected,
  Conversation,
  endedFor,
  endOf,
  goesOn,
  hex,
  KEPT,
  publishPacket,
  reconnect,
} from './conversation.ts'
import { connectedClient } from './connected-client.ts'
import { rule } from './rule.ts'

const properties = NO_PROPERTIES

/** What a server may send, but for CONNACK and AUTH. */
const SERVER_PACKETS: readonly Packet[] = [
  publishPacket(),
  publishPacket({ qos: 1 }),
  { type: 4, packetId: 1, reasonCode: 0, properties },
  { type: 5, packetId: 1, reasonCode: 0, properties },
  { type: 6, packetId: 1, reasonCode: 0, properties },
  { type: 7, packetId: 1, reasonCode: 0, properties },
  { type: 9, packetId: 1, reasonCodes: [0], properties },
  { type: 13 },
]

function refusing(version: 4 | 5): number {
  return version === 5 ? 0x87 : 5
}

/** A client that waits for CONNACK, which carries these bytes of properties. */
function connackWith(property: string): Conversation {
  const size = hex(property).length
  const byte = (value: number): string => value.toString(16).padStart(2, '0')
  return new Conversation(5)
    .open()
    .receiveBytes(hex(`20 ${byte(size + 3)} 00 00 ${byte(size)} ${property}`))
}

rule(
  'a packet before CONNACK ends the connection without a word',
  { v4: 'MQTT-3.2.0-1 MQTT-4.8.0-1', v5: 'MQTT-3.2.0-1 §4.13.1' },
  (version) => {
    for (const packet of SERVER_PACKETS) {
      const talk = new Conversation(version).open()
      talk.sent()
      talk.receive(packet)
      deepEqual(talk.sentBriefly(), [])
      equal(endedFor(talk, 0x82).code, 'ERR_MQTT_PROTOCOL_ERROR', brief(packet))
      equal(talk.messages.length, 0)
    }
  },
)

rule('malformed bytes before CONNACK end the connection without a word', { v5: '§4.13.1' }, () => {
  const talk = new Conversation(5).open()
  talk.sent()
  talk.receiveBytes(hex('20 03 04 00 00'))
  deepEqual(talk.sentBriefly(), [])
  endedFor(talk, 0x81)
})

rule(
  'DISCONNECT before CONNACK ends the connection as a protocol error',
  { v5: 'MQTT-3.14.0-1' },
  () => {
    for (const reasonCode of [0, 0x87]) {
      const talk = new Conversation(5).open()
      talk.receive({ type: 14, reasonCode, properties })
      equal(endedFor(talk, 0x82).code, 'ERR_MQTT_PROTOCOL_ERROR')
    }
  },
)

rule(
  'a second CONNACK ends the connection',
  { v4: 'MQTT-4.8.0-1', v5: 'MQTT-3.2.0-2' },
  (version) => {
    const talk = connected(version)
    talk.receive({ type: 2, sessionPresent: false, reasonCode: 0, properties })
    equal(endedFor(talk, 0x82).code, 'ERR_MQTT_PROTOCOL_ERROR')
  },
)

rule('CONNACK with reserved flags set ends the connection', { v5: 'MQTT-3.2.2-1' }, () => {
  for (let flags = 2; flags < 256; flags += 1) {
    const talk = new Conversation(5, { settings: KEPT }).open()
    endedFor(talk.receiveBytes(Uint8Array.of(0x20, 3, flags, 0, 0)), 0x81)
  }
})

rule('Session Present after a clean start ends the connection', { v5: 'MQTT-3.2.2-2' }, () => {
  const talk = new Conversation(5).open().accept(properties, true)
  equal(talk.connected, undefined)
  endedFor(talk, 0x82)
})

rule('Session Present 0 makes the client forget its session', { v5: 'MQTT-3.2.2-5' }, () => {
  const talk = connected(5, { settings: KEPT })
  talk.publish('a', 1)
  talk.publish('b', 2)
  talk.receiveAck(PacketType.PUBREC, 2)
  talk.receivePublish({ qos: 2, packetId: 5 }).acknowledge(talk.messages[0])
  talk.sent()
  reconnect(talk, false)
  deepEqual(talk.sentBriefly(), [])
  deepEqual(talk.engine.session.publishes, [])
  deepEqual(talk.engine.session.receivedIds, [])
  talk.receivePublish({ qos: 2, packetId: 5 })
  equal(talk.messages.length, 2)
})

rule(
  'a session that only the server has is taken over with its packet identifiers cleared',
  { v5: 'MQTT-3.2.2-4' },
  () => {
    const talk = new Conversation(5, { settings: KEPT }).open().accept(properties, true)
    talk.sent()
    goesOn(talk)
    const operation = talk.publish('a', 2)
    deepEqual(talk.sentBriefly(), ['PUBREL 1'])
    talk.receiveAck(PacketType.PUBCOMP, 1, 0x92)
    deepEqual(talk.sentBriefly(), ['PUBLISH a 1'])
    talk.receiveAck(PacketType.PUBREC, 1).receiveAck(PacketType.PUBCOMP, 1)
    equal(operation.answer, 0)
  },
)

rule(
  'a refusal with Session Present ends the connection',
  { v4: 'MQTT-3.2.2-4', v5: 'MQTT-3.2.2-6' },
  (version) => {
    const code = refusing(version)
    const bytes = version === 5 ? [0x20, 3, 1, code, 0] : [0x20, 2, 1, code]
    const talk = new Conversation(version, { settings: KEPT }).open()
    talk.receiveBytes(Uint8Array.from(bytes))
    equal(endedFor(talk, 0x82).code, 'ERR_MQTT_PROTOCOL_ERROR')
  },
)

rule(
  'after a refusal the client closes and sends nothing',
  { v4: 'MQTT-3.2.2-5', v5: 'MQTT-3.2.2-7' },
  (version) => {
    const talk = new Conversation(version).open()
    const waiting = talk.publish('a', 1)
    talk.sent()
    const reasonCode = refusing(version)
    talk.receive({ type: 2, sessionPresent: false, reasonCode, properties })
    // What comes after it is not read.
    talk.receive({ type: 2, sessionPresent: false, reasonCode: 0, properties })
    deepEqual(talk.sentBriefly(), [])
    equal(talk.connected, undefined)
    deepEqual(talk.closing, { kind: 'close', orderly: true })
    const error = endOf(talk)
    equal(error.code, 'ERR_MQTT_CONNECT_REFUSED')
    ok(waiting.answer instanceof Error)
  },
)

rule(
  'CONNACK with an undefined code ends the connection',
  { v4: 'MQTT-4.8.0-1', v5: 'MQTT-3.2.2-8' },
  (version) => {
    const defined =
      version === 4
        ? [0, 1, 2, 3, 4, 5]
        : [
            0, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95,
            0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
          ]
    for (const code of CODES.slice(1)) {
      const bytes = version === 5 ? [0x20, 3, 0, code, 0] : [0x20, 2, 0, code]
      const talk = new Conversation(version).open().receiveBytes(Uint8Array.from(bytes))
      if (defined.includes(code)) equal(endOf(talk).code, 'ERR_MQTT_CONNECT_REFUSED')
      else equal(endedFor(talk, 0x82).code, 'ERR_MQTT_PROTOCOL_ERROR', `${code}`)
    }
  },
)

rule(
  'a Maximum QoS other than 0 or 1 ends the connection',
  { v5: 'MQTT-3.2.2-9 §3.2.2.3.4' },
  () => {
    for (const value of ['02', '03', 'ff']) endedFor(connackWith(`24 ${value}`), 0x82)
    goesOn(connackWith('24 00'))
    goesOn(connackWith('24 01'))
  },
)

rule('a Maximum QoS that comes twice ends the connection', { v5: '§3.2.2.3.4' }, () => {
  endedFor(connackWith('24 01 24 01'), 0x82)
})

rule('a Receive Maximum of 0 ends the connection', { v5: '§3.2.2.3.3' }, () => {
  endedFor(connackWith('21 00 00'), 0x82)
})

rule('a Maximum Packet Size of 0 ends the connection', { v5: '§3.2.2.3.6' }, () => {
  endedFor(connackWith('27 00 00 00 00'), 0x82)
  goesOn(connackWith('27 00 00 00 20'))
})

rule('a message above the Maximum QoS is not sent', { v5: 'MQTT-3.2.2-11' }, () => {
  for (const maximumQoS of [0, 1] as const) {
    const talk = connected(5, { properties: { maximumQoS } })
    for (const qos of [0, 1, 2] as const) {
      const { answer } = talk.publish('a', qos)
      equal(answer instanceof NotSupportedError, qos > maximumQoS)
    }
    equal(talk.sent().length, maximumQoS + 1)
  }
})

rule(
  'a message above the Maximum QoS is not sent when it waited for CONNACK',
  { v5: 'MQTT-3.2.2-11' },
  () => {
    const talk = new Conversation(5).open()
    const [low, high] = [talk.publish('a', 1), talk.publish('b', 2)]
    talk.sent()
    talk.accept({ maximumQoS: 1 })
    deepEqual(talk.sentBriefly(), ['PUBLISH a 1'])
    ok(high.answer instanceof NotSupportedError)
    equal(low.answer, undefined)
  },
)

rule(
  'a message above the Maximum QoS is not sent again after a reconnect with other limits',
  { v5: 'MQTT-3.2.2-11' },
  () => {
    const talk = connected(5, { settings: KEPT })
    talk.publish('a', 2)
    talk.publish('b', 1)
    talk.sent()
    reconnect(talk, true, {}, { maximumQoS: 1 })
    deepEqual(talk.sentBriefly(), ['PUBLISH b 2 dup'])
  },
)

rule(
  'a message with RETAIN is not sent when the server keeps none',
  { v5: 'MQTT-3.2.2-14' },
  () => {
    const talk = new Conversation(5).open()
    const waited = talk.publish('a', 1, { retain: true })
    talk.sent()
    talk.accept({ retainAvailable: false })
    const now = talk.publish('b', 0, { retain: true })
    for (const { answer } of [waited, now]) ok(answer instanceof NotSupportedError)
    talk.publish('c')
    deepEqual(talk.sentBriefly(), ['PUBLISH c'])
  },
)

rule("a packet above the server's Maximum Packet Size is not sent", { v5: 'MQTT-3.2.2-15' }, () => {
  // 13 bytes of text, beside the topic and the rest of a packet.
  const payload = 'x'.repeat(13)
  const talk = new Conversation(5).open()
  const waited = talk.publish('a', 1, { payload: `${payload}x` })
  talk.sent()
  talk.accept({ maximumPacketSize: 21 })
  for (const { answer } of [
    waited,
    talk.publish('a', 1, { payload: `${payload}x` }),
    talk.subscribe(`${payload}x`),
    talk.unsubscribe(`${payload}xx`),
  ]) {
    ok(answer instanceof PacketTooLargeError)
    equal(answer.limitBytes, 21)
  }
  talk.publish('a', 1, { payload })
  talk.subscribe(payload)
  talk.unsubscribe(`${payload}x`)
  equal(talk.sentBytes().length, 3 * 21)
})

rule(
  "an AUTH above the server's Maximum Packet Size is not sent",
  { v5: 'MQTT-3.2.2-15' },
  async () => {
    const { client, connection } = await connectedClient(
      { properties: { authentication: { method: 'M' } } },
      { maximumPacketSize: 40, authenticationMethod: 'M' },
    )
    const answer = client.reauthenticate(new Uint8Array(40)).catch((error: unknown) => error)
    await settle()
    equal(connection.received.length, 1)
    equal(client.state, 'connected')
    ok((await answer) instanceof PacketTooLargeError)
  },
)

rule(
  'a topic alias does not make a packet larger than the server allows',
  { v5: 'MQTT-3.2.2-15' },
  () => {
    const talk = connected(5, { properties: { maximumPacketSize: 20, topicAliasMaximum: 5 } })
    for (let size = 1; size < 16; size += 1) {
      talk.publish('t', 0, { payload: 'x'.repeat(size) })
      talk.publish(`t${size}`, 0, { payload: 'x'.repeat(size) })
      for (const bytes of [talk.sentBytes()]) {
        // Each packet is a byte, its length, and that many more.
        for (let at = 0; at < bytes.length; at += 2 + (bytes[at + 1] ?? 0))
          ok(2 + (bytes[at + 1] ?? 0) <= 20)
      }
    }
  },
)

rule("the server's Session Expiry Interval replaces ours", { v5: '§3.2.2.3.2' }, () => {
  for (const [asked, given, kept] of [
    [600, 0, false],
    [0, 600, true],
    [600, undefined, true],
    [0, undefined, false],
  ] as const) {
    const said: Properties = given === undefined ? {} : { sessionExpiryInterval: given }
    const settings = { cleanStart: false, sessionExpirySeconds: asked }
    const talk = connected(5, { settings, properties: said })
    equal(talk.engine.limits.sessionExpirySeconds, given ?? asked)
    talk.publish('a', 1)
    talk.drop()
    equal(talk.engine.session.publishes.length, kept ? 1 : 0)
  }
})

rule(
  'a Server Reference is told to the application, and not followed',
  { v5: '§3.2.2.3.16' },
  async () => {
    for (const reasonCode of [0x9c, 0x9d]) {
      const { client, server } = testClient()
      const connecting = client.connect()
      const connection = await server.connection()
      await connection.connect()
      const said = { serverReference: 'other.example:1883', reasonString: 'Moved' }
      connection.send({ type: 2, sessionPresent: false, reasonCode, properties: said })
      await rejects(connecting, { code: 'ERR_MQTT_CONNECT_REFUSED', reasonCode, ...said })
      await settle()
      equal(server.dials, 1)
    }
  },
)

rule(
  'every property of CONNACK that may come once ends the connection when it comes twice',
  { v5: 'MQTT-4.13.1-1 §3.2.2.3.4' },
  () => {
    // A value for each way of writing: a byte, two, four, a string.
    const values = ['01', '00 01', '00 00 00 01', '00 01 61']
    let count = 0
    for (let id = 1; id < 0x80; id += 1) {
      for (const value of values) {
        const one = `${id.toString(16).padStart(2, '0')} ${value} `
        // User properties may come again.
        if (id === 0x26 || connackWith(one).connected === undefined) continue
        count += 1
        equal(endedFor(connackWith(one + one), 0x82).code, 'ERR_MQTT_PROTOCOL_ERROR', one)
      }
    }
    // All of table 2-4 that CONNACK has, but for authentication data, which needs a method.
    equal(count, 15)
  },
)
