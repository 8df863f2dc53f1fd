// portable
// Flow control and packet sizes both ways: Receive Maximum and Maximum Packet Size. §4.9, §3.1.2.11

import { deepEqual, equal, ok } from 'node:assert/strict'
import { PacketType } from '../../src/codec/packets.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import {
  connected,
  Conversation,
  endedFor,
  goesOn,
  hex,
  KEPT,
  only,
  publishPacket,
  reconnect,
} from './conversation.ts'
import { rule } from './rule.ts'

const { PUBACK, PUBREC, PUBREL, PUBCOMP } = PacketType

rule(
  "no more messages are under way than the server's Receive Maximum",
  { v5: 'MQTT-3.3.4-7 MQTT-4.9.0-1 MQTT-4.9.0-2' },
  () => {
    const talk = connected(5, { properties: { receiveMaximum: 2 } })
    for (const topic of ['a', 'b', 'c', 'd']) talk.publish(topic, topic === 'b' ? 2 : 1)
    deepEqual(talk.sentBriefly(), ['PUBLISH a 1', 'PUBLISH b 2'])
    talk.receiveAck(PUBACK, 1)
    deepEqual(talk.sentBriefly(), ['PUBLISH c 3'])
    // PUBREC does not end an exchange, PUBCOMP does.
    talk.receiveAck(PUBREC, 2)
    deepEqual(talk.sentBriefly(), ['PUBREL 2'])
    talk.receiveAck(PUBCOMP, 2)
    deepEqual(talk.sentBriefly(), ['PUBLISH d 4'])
  },
)

rule('a refusing PUBREC makes room in the window', { v5: 'MQTT-4.9.0-2' }, () => {
  const talk = connected(5, { properties: { receiveMaximum: 1 } })
  talk.publish('a', 2)
  talk.publish('b', 2)
  talk.sent()
  talk.receiveAck(PUBREC, 1, 0x97)
  deepEqual(talk.sentBriefly(), ['PUBLISH b 2'])
})

rule(
  'messages that wait for CONNACK keep to the Receive Maximum',
  { v5: 'MQTT-3.3.4-7 MQTT-4.9.0-1' },
  () => {
    const talk = new Conversation(5).open()
    for (const topic of ['a', 'b', 'c']) talk.publish(topic, 1)
    talk.sent()
    talk.accept({ receiveMaximum: 2 })
    deepEqual(talk.sentBriefly(), ['PUBLISH a 1', 'PUBLISH b 2'])
  },
)

rule(
  'messages that are sent again keep to the Receive Maximum',
  { v5: 'MQTT-3.3.4-7 MQTT-4.9.0-1' },
  () => {
    const talk = connected(5, { settings: KEPT })
    for (const topic of ['a', 'b', 'c', 'd']) talk.publish(topic, 2)
    talk.receiveAck(PUBREC, 1)
    talk.sent()
    reconnect(talk, true, {}, { receiveMaximum: 2 })
    deepEqual(talk.sentBriefly(), ['PUBREL 1', 'PUBLISH b 2 dup'])
    talk.publish('e', 1)
    talk.receiveAck(PUBCOMP, 1)
    deepEqual(talk.sentBriefly(), ['PUBLISH c 3 dup'])
  },
)

rule(
  'an absent Receive Maximum is 65,535, whatever the connection before said',
  { v5: '§3.2.2.3.3' },
  () => {
    const talk = connected(5, { settings: KEPT, properties: { receiveMaximum: 1 } })
    equal(talk.engine.limits.receiveMaximum, 1)
    reconnect(talk, true)
    equal(talk.engine.limits.receiveMaximum, 65_535)
    for (const topic of ['a', 'b', 'c']) talk.publish(topic, 1)
    equal(talk.sent().length, 3)
  },
)

rule('a full window does not hold up other packets', { v5: 'MQTT-3.3.4-8 MQTT-4.9.0-3' }, () => {
  const talk = connected(5, { properties: { receiveMaximum: 1 } })
  talk.publish('a', 2)
  talk.publish('b', 2)
  talk.sent()
  talk.subscribe('c')
  talk.unsubscribe('d')
  talk.ping()
  deepEqual(talk.sentBriefly(), ['SUBSCRIBE 2', 'UNSUBSCRIBE 3', 'PINGREQ'])
  talk.receivePublish({ qos: 1, packetId: 7 }).acknowledge(talk.messages[0])
  talk.receivePublish({ qos: 2, packetId: 8 }).acknowledge(talk.messages[1])
  talk.receiveAck(PUBREL, 8)
  deepEqual(talk.sentBriefly(), ['PUBACK 7', 'PUBREC 8', 'PUBCOMP 8'])
  talk.receiveAck(PUBREC, 1)
  deepEqual(talk.sentBriefly(), ['PUBREL 1'])
  goesOn(talk.receive({ type: 13 }))
  talk.disconnect()
  deepEqual(talk.sentBriefly(), ['DISCONNECT'])
})

rule('our Receive Maximum is in CONNECT', { v5: 'MQTT-3.3.4-9' }, () => {
  const talk = new Conversation(5, { options: { receiveMaximum: 3 } }).open()
  equal(only(talk, PacketType.CONNECT).properties?.receiveMaximum, 3)
})

rule(
  'a server that exceeds a Receive Maximum of the application is cut off',
  { v5: 'MQTT-3.3.4-9 §3.1.2.11.3' },
  () => {
    const options = { receiveMaximum: 2 }
    const within = connected(5, { options })
    for (let packetId = 1; packetId < 9; packetId += 1) {
      within.receivePublish({ qos: packetId % 2 ? 1 : 2, packetId })
      within.acknowledge(within.messages.at(-1))
      if (packetId % 2 === 0) within.receiveAck(PUBREL, packetId)
    }
    goesOn(within)
    for (const qos of [1, 2] as const) {
      const talk = connected(5, { options })
      for (const packetId of [1, 2, 3]) talk.receivePublish({ qos, packetId })
      equal(talk.messages.length, 2)
      endedFor(talk, 0x93)
    }
    // PUBREC alone does not make room.
    const talk = connected(5, { options })
    for (const packetId of [1, 2]) {
      talk.receivePublish({ qos: 2, packetId }).acknowledge(talk.messages.at(-1))
    }
    endedFor(talk.receivePublish({ qos: 1, packetId: 3 }), 0x93)
  },
)

rule('QoS 0 does not count against our Receive Maximum', { v5: 'MQTT-3.3.4-9' }, () => {
  const talk = connected(5, { options: { receiveMaximum: 1 } })
  talk.receivePublish({ qos: 1 }).receive(publishPacket(), publishPacket(), publishPacket())
  goesOn(talk)
})

rule(
  'the default Receive Maximum is only counted when the server exceeds it',
  { v5: 'MQTT-3.3.4-9 §3.1.2.11.3' },
  async () => {
    for (const [limits, overruns] of [
      [{}, 1],
      [{ receiveMaximum: 1024 }, 0],
    ] as const) {
      const { client, server } = testClient({ limits, acknowledge: 'manual' })
      client.setCallback(() => undefined)
      const connecting = client.connect()
      const connection = await server.connection()
      equal((await connection.accept()).properties?.receiveMaximum, 1024)
      await connecting
      for (let i = 0; i < 1025; i += 1) connection.publish('t', 'x', { qos: 1 })
      await settle()
      equal(client.state, overruns === 1 ? 'connected' : 'closed')
      if (overruns === 1) equal(client.statistics.receiveMaximumOverruns, 1)
    }
  },
)

rule('our Maximum Packet Size is in CONNECT', { v5: 'MQTT-3.1.2-24' }, () => {
  const talk = new Conversation(5, { options: { maximumPacketSizeBytes: 100 } }).open()
  equal(only(talk, PacketType.CONNECT).properties?.maximumPacketSize, 100)
})

rule(
  'a packet above our Maximum Packet Size ends the connection',
  { v5: 'MQTT-3.1.2-24 §3.1.2.11.4' },
  () => {
    const options = { maximumPacketSizeBytes: 100 }
    const fits = connected(5, { options })
    fits.receivePublish({ payload: new Uint8Array(94) })
    equal(fits.messages[0]?.payload.length, 94)
    goesOn(fits)
    const talk = connected(5, { options })
    talk.receivePublish({ payload: new Uint8Array(95) })
    const error = endedFor(talk, 0x95)
    equal(error.code, 'ERR_MQTT_PACKET_TOO_LARGE')
    // Its header is enough.
    endedFor(connected(5, { options }).receiveBytes(hex('30 ff ff ff 7f')), 0x95)
  },
)

rule('a packet above our limit ends the connection', { v4: 'MQTT-4.8.0-1' }, () => {
  const talk = connected(4, { options: { maximumPacketSizeBytes: 100 } })
  ok(endedFor(talk.receiveBytes(hex('30 ff ff ff 7f')), 0x95))
})
