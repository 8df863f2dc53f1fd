// portable
// What is common to packets: the flags of the fixed header and the packet identifier. §2

import { deepEqual, equal, notEqual, ok, throws } from 'node:assert/strict'
import { NO_PROPERTIES, type Packet, PacketType } from '../../src/codec/packets.ts'
import { SubscribeOperation, UnsubscribeOperation } from '../../src/engine/operations.ts'
import type { Session, StoredPublish } from '../../src/engine/session.ts'
import {
  connected,
  Conversation,
  endedFor,
  goesOn,
  hex,
  KEPT,
  only,
  reconnect,
  toHex,
} from './conversation.ts'
import { rule } from './rule.ts'

const STORED: StoredPublish = {
  packetId: 1,
  state: 'sent',
  topic: 'old',
  topicBytes: 3,
  payload: 'x',
  payloadLength: 1,
  qos: 1,
  retain: false,
  properties: NO_PROPERTIES,
}

/** A session that has given out identifiers up to `lastId`. */
function sessionAt(lastId: number, publishes: readonly StoredPublish[] = []): Session {
  return { clientId: 'sensor', lastId, receivedIds: [], publishes }
}

function firstByte(talk: Conversation): number | undefined {
  return talk.sentBytes()[0]
}

/** A server's packets with each wrong lower half of the first byte. */
function wrongFlags(type: number, right: number, rest: string): Uint8Array[] {
  return Array.from({ length: 16 }, (_, flags) => flags)
    .filter((flags) => flags !== right)
    .map((flags) => Uint8Array.of((type << 4) | flags, ...hex(rest)))
}

rule(
  'CONNECT, the acknowledgements and PINGREQ have flags 0000',
  { v4: 'MQTT-2.2.2-1', v5: 'MQTT-2.1.3-1' },
  (version) => {
    equal(firstByte(new Conversation(version).open()), 0x10)
    const talk = connected(version)
    talk.receivePublish({ qos: 1 }).acknowledge(talk.messages[0])
    equal(firstByte(talk), 0x40)
    talk.receivePublish({ qos: 2, packetId: 2 }).acknowledge(talk.messages[1])
    equal(firstByte(talk), 0x50)
    talk.receiveAck(PacketType.PUBREL, 2)
    equal(firstByte(talk), 0x70)
    talk.ping()
    equal(firstByte(talk), 0xc0)
  },
)

rule(
  'PUBREL has flags 0010',
  { v4: 'MQTT-2.2.2-1 MQTT-3.6.1-1', v5: 'MQTT-2.1.3-1 MQTT-3.6.1-1' },
  (version) => {
    const talk = connected(version)
    const { packetId } = talk.publish('a', 2)
    talk.sent()
    talk.receiveAck(PacketType.PUBREC, packetId)
    equal(firstByte(talk), 0x62)
  },
)

rule(
  'SUBSCRIBE has flags 0010',
  { v4: 'MQTT-2.2.2-1 MQTT-3.8.1-1', v5: 'MQTT-2.1.3-1 MQTT-3.8.1-1' },
  (version) => {
    const talk = connected(version)
    talk.subscribe('a')
    equal(firstByte(talk), 0x82)
  },
)

rule(
  'UNSUBSCRIBE has flags 0010',
  { v4: 'MQTT-2.2.2-1 MQTT-3.10.1-1', v5: 'MQTT-2.1.3-1 MQTT-3.10.1-1' },
  (version) => {
    const talk = connected(version)
    talk.unsubscribe('a')
    equal(firstByte(talk), 0xa2)
  },
)

rule(
  'DISCONNECT has flags 0000',
  { v4: 'MQTT-2.2.2-1 MQTT-3.14.1-1', v5: 'MQTT-2.1.3-1' },
  (version) => {
    const talk = connected(version).disconnect()
    equal(firstByte(talk), 0xe0)
  },
)

rule('AUTH has flags 0000', { v5: 'MQTT-2.1.3-1 MQTT-3.15.1-1' }, () => {
  const talk = connected(5, { settings: { authenticationMethod: 'M' } })
  talk.engine.authenticate(undefined, true, 0)
  equal(firstByte(talk), 0xf0)
})

rule(
  'reserved flags in a received packet end the connection',
  { v4: 'MQTT-2.2.2-2', v5: 'MQTT-2.1.3-1' },
  (version) => {
    const properties = version === 5 ? '00' : ''
    const size = (bytes: number): string => `0${bytes + version - 4}`
    for (const [type, rest] of [
      [PacketType.PUBACK, '02 00 01'],
      [PacketType.PUBREC, '02 00 01'],
      [PacketType.PUBCOMP, '02 00 01'],
      [PacketType.SUBACK, `${size(3)} 00 01 ${properties} 00`],
      [PacketType.UNSUBACK, version === 5 ? '04 00 01 00 00' : '02 00 01'],
      [PacketType.PINGRESP, '00'],
    ] as const) {
      for (const bytes of wrongFlags(type, 0, rest)) {
        const talk = connected(version).receiveBytes(bytes)
        equal(endedFor(talk, 0x81).code, 'ERR_MQTT_MALFORMED_PACKET', toHex(bytes))
      }
    }
    for (const bytes of wrongFlags(PacketType.CONNACK, 0, `${size(2)} 00 00 ${properties}`)) {
      const talk = new Conversation(version).open().receiveBytes(bytes)
      equal(talk.connected, undefined)
      equal(endedFor(talk, 0x81).code, 'ERR_MQTT_MALFORMED_PACKET', toHex(bytes))
    }
  },
)

rule(
  'a received PUBREL with other flags than 0010 ends the connection',
  { both: 'MQTT-3.6.1-1' },
  (version) => {
    for (const bytes of wrongFlags(PacketType.PUBREL, 2, '02 00 01')) {
      endedFor(connected(version).receiveBytes(bytes), 0x81)
    }
    goesOn(connected(version).receiveBytes(hex('62 02 00 01')))
  },
)

rule('a received DISCONNECT with flags set is malformed', { v5: 'MQTT-3.14.1-1' }, () => {
  for (const bytes of wrongFlags(PacketType.DISCONNECT, 0, '00')) {
    endedFor(connected(5).receiveBytes(bytes), 0x81)
  }
})

rule('a received AUTH with flags set is malformed', { v5: 'MQTT-3.15.1-1' }, () => {
  for (const bytes of wrongFlags(PacketType.AUTH, 0, '06 18 04 15 00 01 4d')) {
    const talk = connected(5, { settings: { authenticationMethod: 'M' } })
    endedFor(talk.receiveBytes(bytes), 0x81)
  }
})

rule(
  'each packet that needs an identifier has one that is not 0',
  { v4: 'MQTT-2.3.1-1', v5: 'MQTT-2.2.1-3' },
  (version) => {
    const talk = connected(version)
    const operations = [
      talk.publish('a', 1),
      talk.publish('b', 2),
      talk.subscribe('c'),
      talk.unsubscribe('d'),
    ]
    const ids = talk.sent().map((packet) => ('packetId' in packet ? packet.packetId : 0))
    deepEqual(
      ids,
      operations.map(({ packetId }) => packetId),
    )
    equal(new Set(ids).size, 4)
    for (const id of ids) ok(id > 0 && id < 65_536)
  },
)

rule(
  'identifiers go on from 1 after 65,535',
  { v4: 'MQTT-2.3.1-1', v5: 'MQTT-2.2.1-3' },
  (version) => {
    const talk = connected(version, { session: sessionAt(65_534) })
    deepEqual(
      [talk.publish('a', 1), talk.publish('b', 1), talk.publish('c', 2)].map((o) => o.packetId),
      [65_535, 1, 2],
    )
  },
)

rule(
  'an identifier in use is not given to another packet after the numbers begin anew',
  { v4: 'MQTT-2.3.1-2 MQTT-4.3.2-1', v5: 'MQTT-2.2.1-3 MQTT-4.3.2-1' },
  (version) => {
    const start = { session: sessionAt(65_535, [STORED]), settings: KEPT, sessionPresent: true }
    for (const next of [
      (talk: Conversation) => talk.publish('a', 1),
      (talk: Conversation) => talk.publish('a', 2),
      (talk: Conversation) => talk.request(new SubscribeOperation([{ filter: 'f', qos: 0 }])),
      (talk: Conversation) => talk.request(new UnsubscribeOperation(['f'])),
    ]) {
      notEqual(next(connected(version, start)).packetId, 1)
    }
  },
)

rule(
  'an identifier is not used again before the QoS 2 exchange that has it is over',
  { v4: 'MQTT-2.3.1-2 MQTT-4.3.3-1', v5: 'MQTT-2.2.1-3 MQTT-4.3.3-1' },
  (version) => {
    const released = { ...STORED, qos: 2, state: 'released' } as const
    const start = { session: sessionAt(65_535, [released]), settings: KEPT, sessionPresent: true }
    notEqual(connected(version, start).publish('a', 2).packetId, 1)
    const talk = connected(version, start).receiveAck(PacketType.PUBCOMP, 1)
    equal(talk.publish('a', 2).packetId, 1)
  },
)

rule(
  'a re-send keeps its identifier, which is free after the last acknowledgement',
  { v4: 'MQTT-2.3.1-3' },
  (version) => {
    for (const qos of [1, 2] as const) {
      const talk = connected(version, { settings: KEPT })
      const { packetId } = talk.publish('a', qos)
      talk.sent()
      reconnect(talk, true)
      equal(only(talk, 3).packetId, packetId)
      ok(talk.engine.session.publishes.some((one) => one.packetId === packetId))
      if (qos === 1) talk.receiveAck(PacketType.PUBACK, packetId)
      else talk.receiveAck(PacketType.PUBREC, packetId).receiveAck(PacketType.PUBCOMP, packetId)
      deepEqual(talk.engine.session.publishes, [])
    }
  },
)

rule('a QoS 0 PUBLISH has no identifier', { v4: 'MQTT-2.3.1-5', v5: 'MQTT-2.2.1-2' }, (version) => {
  const talk = connected(version)
  talk.publish('t')
  equal(toHex(talk.sentBytes()), version === 5 ? '30 05 00 01 74 00 78' : '30 04 00 01 74 78')
})

rule(
  'a received QoS 0 PUBLISH is read without an identifier',
  { v4: 'MQTT-2.3.1-5', v5: 'MQTT-2.2.1-2' },
  (version) => {
    const bytes = version === 5 ? '30 07 00 01 74 00 78 79 7a' : '30 06 00 01 74 78 79 7a'
    const talk = connected(version).receiveBytes(hex(bytes))
    deepEqual(talk.messages[0]?.payload, hex('78 79 7a'))
  },
)

rule(
  'PUBACK, PUBREC and PUBCOMP carry the identifier of the PUBLISH',
  { v4: 'MQTT-2.3.1-6', v5: 'MQTT-2.2.1-5' },
  (version) => {
    const talk = connected(version)
    talk.receivePublish({ qos: 1, packetId: 0x1234 }).acknowledge(talk.messages[0])
    equal(only(talk, PacketType.PUBACK).packetId, 0x1234)
    talk.receivePublish({ qos: 2, packetId: 0x2345 }).acknowledge(talk.messages[1])
    equal(only(talk, PacketType.PUBREC).packetId, 0x2345)
    talk.receiveAck(PacketType.PUBREL, 0x2345)
    equal(only(talk, PacketType.PUBCOMP).packetId, 0x2345)
  },
)

rule(
  'PUBREL carries the identifier of the PUBLISH',
  { v4: 'MQTT-2.3.1-6', v5: 'MQTT-2.2.1-5' },
  (version) => {
    const talk = connected(version, { session: sessionAt(0x1233) })
    talk.publish('a', 2)
    talk.publish('b', 2)
    talk.sent()
    talk.receiveAck(PacketType.PUBREC, 0x1235)
    equal(only(talk, PacketType.PUBREL).packetId, 0x1235)
    talk.receiveAck(PacketType.PUBREC, 0x1234)
    equal(only(talk, PacketType.PUBREL).packetId, 0x1234)
  },
)

rule(
  'a received PUBLISH of QoS 1 or 2 with identifier 0 ends the connection',
  { v5: 'MQTT-2.2.1-4' },
  () => {
    endedFor(connected(5).receiveBytes(hex('32 06 00 01 74 00 00 00')), 0x81)
    endedFor(connected(5).receiveBytes(hex('34 06 00 01 74 00 00 00')), 0x81)
  },
)

rule(
  'SUBACK and UNSUBACK answer the request of their identifier',
  { v4: 'MQTT-2.3.1-7', v5: 'MQTT-2.2.1-6' },
  (version) => {
    const talk = connected(version)
    const requests = [talk.subscribe('a'), talk.subscribe('b'), talk.unsubscribe('c')]
    const ids = requests.map(({ packetId }) => packetId) as [number, number, number]
    const properties = NO_PROPERTIES
    talk.receive({ type: 11, packetId: ids[2], reasonCodes: version === 5 ? [0] : [], properties })
    talk.receive({ type: 9, packetId: ids[1], reasonCodes: [1], properties })
    deepEqual(talk.settled, [requests[2], requests[1]])
    deepEqual(requests[1]?.answer, [1])
    equal(requests[0]?.answer, undefined)
  },
)

rule(
  'SUBACK or UNSUBACK for the identifier of another kind of packet ends the connection',
  { v4: 'MQTT-2.3.1-7', v5: 'MQTT-2.2.1-6' },
  (version) => {
    const properties = NO_PROPERTIES
    const suback = (packetId: number): Packet => ({
      type: 9,
      packetId,
      reasonCodes: [0],
      properties,
    })
    const unsuback = (packetId: number): Packet => ({
      type: 11,
      packetId,
      reasonCodes: version === 5 ? [0] : [],
      properties,
    })
    for (const [ask, answer] of [
      [(talk: Conversation) => talk.unsubscribe('a'), suback],
      [(talk: Conversation) => talk.publish('a', 1), suback],
      [(talk: Conversation) => talk.subscribe('a'), unsuback],
      [(talk: Conversation) => talk.publish('a', 2), unsuback],
    ] as const) {
      const talk = connected(version)
      endedFor(talk.receive(answer(ask(talk).packetId)), 0x82)
    }
  },
)

rule(
  'all identifiers in use make no packet without one',
  { v4: 'MQTT-2.3.1-2', v5: 'MQTT-2.2.1-3' },
  (version) => {
    const publishes = Array.from({ length: 65_535 }, (_, i) => ({ ...STORED, packetId: i + 1 }))
    const session = sessionAt(65_535, publishes)
    const talk = new Conversation(version, { session, settings: KEPT })
    // In use are also those that the server does not take again yet.
    talk.open().accept(version === 5 ? { receiveMaximum: 1 } : NO_PROPERTIES, true)
    const request = talk.subscribe('f')
    equal(request.packetId, 0)
    ok(request.answer instanceof Error)
    throws(() => new Conversation(version, { session: sessionAt(1, [STORED, STORED]) }), RangeError)
  },
)
