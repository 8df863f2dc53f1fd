// portable
// PINGREQ and Keep Alive, DISCONNECT both ways, and what ends a connection. §3.12 to §3.14, §4.13

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { NO_PROPERTIES, PacketType } from '../../src/codec/packets.ts'
import { elapse, settle, testClient } from '../support/scripted-memory.ts'
import {
  CODES,
  brief,
  connected,
  endedFor,
  endOf,
  goesOn,
  hex,
  only,
  toHex,
} from './conversation.ts'
import { connectedClient } from './connected-client.ts'
import { rule } from './rule.ts'

const properties = NO_PROPERTIES
const { CONNECT, DISCONNECT } = PacketType

rule(
  'PINGREQ goes out when nothing else does within Keep Alive',
  { v4: 'MQTT-3.1.2-23', v5: 'MQTT-3.1.2-20' },
  (version) => {
    const talk = connected(version, {
      settings: { keepAliveSeconds: 10 },
      options: { pingMs: 1_000_000 },
    })
    let last = 0
    for (let i = 0; i < 20; i += 1) {
      while (talk.sentBriefly().length === 0 && talk.now - last <= 10_000) talk.elapse(100)
      ok(talk.now - last <= 10_000, `${talk.now - last} ms without a packet`)
      ok(talk.now - last > 2_000, 'Pings come far too often')
      last = talk.now
      // The server is alive, and says nothing but what it must.
      talk.receive({ type: 13 })
    }
  },
)

rule(
  'only what is sent puts PINGREQ off',
  { v4: 'MQTT-3.1.2-23', v5: 'MQTT-3.1.2-20' },
  (version) => {
    const talk = connected(version, {
      settings: { keepAliveSeconds: 10 },
      options: { pingMs: 1_000_000 },
    })
    for (let i = 0; i < 11; i += 1) talk.elapse(1_000).receivePublish()
    deepEqual(talk.sentBriefly(), ['PINGREQ'])
  },
)

rule(
  'without a Keep Alive no PINGREQ goes out',
  { v4: 'MQTT-3.1.2-23', v5: 'MQTT-3.1.2-20' },
  (version) => {
    const talk = connected(version, { settings: { keepAliveSeconds: 0 } })
    deepEqual(talk.elapse(1_000_000).sentBriefly(), [])
  },
)

rule("the server's Keep Alive replaces ours", { v5: 'MQTT-3.1.2-21 MQTT-3.2.2-21' }, () => {
  const talk = connected(5, {
    settings: { keepAliveSeconds: 100 },
    properties: { serverKeepAlive: 10 },
  })
  equal(talk.engine.limits.keepAliveSeconds, 10)
  deepEqual(talk.elapse(10_000).sentBriefly(), ['PINGREQ'])
  const longer = connected(5, {
    settings: { keepAliveSeconds: 10 },
    properties: { serverKeepAlive: 100 },
  })
  deepEqual(longer.elapse(50_000).sentBriefly(), [])
  deepEqual(longer.elapse(50_000).sentBriefly(), ['PINGREQ'])
})

rule("the server's Keep Alive of 0 switches pings off", { v5: 'MQTT-3.1.2-21' }, () => {
  const talk = connected(5, {
    settings: { keepAliveSeconds: 10 },
    properties: { serverKeepAlive: 0 },
  })
  deepEqual(talk.elapse(1_000_000).sentBriefly(), [])
})

rule(
  'the Keep Alive of the application holds on the next connection',
  { v5: 'MQTT-3.2.2-21' },
  () => {
    const talk = connected(5, {
      settings: { keepAliveSeconds: 10 },
      properties: { serverKeepAlive: 100 },
    })
    talk.drop().open()
    equal(only(talk, CONNECT).keepAlive, 10)
    talk.accept()
    deepEqual(talk.elapse(10_000).sentBriefly(), ['PINGREQ'])
  },
)

rule(
  'PINGREQ without an answer ends the connection',
  { v4: 'MQTT-3.12.4-1', v5: 'MQTT-3.12.4-1 §3.12.4' },
  (version) => {
    const talk = connected(version, {
      settings: { keepAliveSeconds: 10 },
      options: { pingMs: 5_000 },
    })
    talk.elapse(10_000)
    deepEqual(talk.sentBriefly(), ['PINGREQ'])
    goesOn(talk)
    talk.elapse(5_000)
    deepEqual(talk.closing, { kind: 'close', orderly: false })
    equal(endOf(talk).code, 'ERR_MQTT_TIMEOUT')
  },
)

rule('PINGRESP answers a ping', { both: 'MQTT-3.12.4-1' }, async (version) => {
  const { client, clock, connection } = await connectedClient({ protocol: version })
  const pinging = client.ping()
  equal(brief(await connection.next()), 'PINGREQ')
  await elapse(clock, 40)
  connection.send({ type: 13 })
  equal(await pinging, 40)
})

rule('DISCONNECT of 3.1.1 is two bytes', { v4: 'MQTT-3.14.1-1' }, () => {
  equal(toHex(connected(4).disconnect().sentBytes()), 'e0 00')
})

rule(
  'after DISCONNECT nothing more is sent',
  { v4: 'MQTT-3.14.4-2', v5: 'MQTT-3.14.4-1' },
  (version) => {
    const talk = connected(version, { settings: { keepAliveSeconds: 1 } })
    talk.receivePublish({ qos: 1, packetId: 7 })
    talk.receivePublish({ qos: 2, packetId: 8 })
    talk.publish('a', 2)
    talk.sent()
    talk.disconnect()
    talk.acknowledge(talk.messages[0]).acknowledge(talk.messages[1])
    talk.publish('b')
    talk.publish('c', 1)
    talk.ping()
    talk.subscribe('d')
    talk.unsubscribe('e')
    talk.receiveAck(PacketType.PUBREC, 1).receiveAck(PacketType.PUBREL, 8)
    talk.elapse(1_900).disconnect()
    deepEqual(talk.sentBriefly(), ['DISCONNECT'])
  },
)

rule(
  'after DISCONNECT the client closes the connection',
  { v4: 'MQTT-3.14.4-1', v5: 'MQTT-3.14.4-2' },
  async (version) => {
    const { client, connection } = await connectedClient({ protocol: version })
    const ended = client.disconnect()
    equal(brief(await connection.next()), 'DISCONNECT')
    await connection.closed
    await ended
    equal(client.state, 'closed')
  },
)

rule(
  'a server that does not end its side after DISCONNECT is cut off',
  { v4: 'MQTT-3.14.4-1', v5: 'MQTT-3.14.4-2' },
  (version) => {
    const talk = connected(version).disconnect()
    deepEqual(talk.closing, { kind: 'close', orderly: true })
    talk.elapse(2_000)
    deepEqual(talk.closing, { kind: 'close', orderly: false })
  },
)

rule(
  'a received DISCONNECT with an undefined reason code ends the connection as an error',
  { v5: 'MQTT-3.14.2-1' },
  () => {
    const defined = [
      0, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95,
      0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
    ]
    for (const code of CODES) {
      const talk = connected(5).receiveBytes(Uint8Array.of(0xe0, 1, code))
      if (defined.includes(code)) equal(endOf(talk).code, 'ERR_MQTT_SERVER_DISCONNECT')
      else endedFor(talk, 0x82)
    }
  },
)

rule('DISCONNECT has a reason code that a client may send', { v5: 'MQTT-3.14.2-1' }, () => {
  const { client } = testClient()
  // 0x87, 0x8b, 0x8e and their like are for servers.
  for (const reasonCode of [1, 2, 0x10, 0x84, 0x87, 0x8b, 0x8e, 0x9c, 0xa2, 256, -1]) {
    throws(() => client.disconnect({ reasonCode }), TypeError)
  }
  for (const reasonCode of [4, 0x80, 0x83, 0x93]) {
    equal(only(connected(5).disconnect(reasonCode), DISCONNECT).reasonCode, reasonCode)
  }
})

rule(
  'a received DISCONNECT with a Session Expiry Interval ends the connection as an error',
  { v5: 'MQTT-3.14.2-2' },
  () => {
    endedFor(connected(5).receiveBytes(hex('e0 07 00 05 11 00 00 00 01')), 0x81)
  },
)

// AUTH of ours has neither reason string nor user properties, so that it always fits.
rule(
  'DISCONNECT fits the largest packet of the server, and asks for no session where there is none',
  { v5: 'MQTT-3.14.2-3 MQTT-3.14.2-4 §3.14.2.2.2' },
  () => {
    for (const [reasonCode, bytes] of [
      [0, 'e0 00'],
      [4, 'e0 01 04'],
      [0x82, 'e0 01 82'],
    ] as const) {
      const talk = connected(5, { properties: { maximumPacketSize: 3 } })
      equal(toHex(talk.disconnect(reasonCode).sentBytes()), bytes)
    }
    const long = { reasonString: 'over', sessionExpiryInterval: 5 }
    for (const [maximumPacketSize, sessionExpirySeconds, bytes] of [
      [16, 60, 'e0 0e 00 0c 1f 00 04 6f 76 65 72 11 00 00 00 05'],
      // What becomes of the session matters more than words.
      [15, 60, 'e0 07 00 05 11 00 00 00 05'],
      [8, 60, 'e0 00'],
      [16, 0, 'e0 09 00 07 1f 00 04 6f 76 65 72'],
      [10, 0, 'e0 00'],
    ] as const) {
      const settings = { sessionExpirySeconds }
      const talk = connected(5, { settings, properties: { maximumPacketSize } })
      equal(toHex(talk.disconnect(0, long).sentBytes()), bytes)
    }
    // Who asked for none in CONNECT may end what the server grants all the same, and not prolong it.
    for (const [sessionExpiryInterval, bytes] of [
      [5, 'e0 00'],
      [0, 'e0 07 00 05 11 00 00 00 00'],
    ] as const) {
      const settings = { sessionExpirySeconds: 0 }
      const talk = connected(5, { settings, properties: { sessionExpiryInterval: 60 } })
      equal(toHex(talk.disconnect(0, { sessionExpiryInterval }).sentBytes()), bytes)
    }
    // MQTT 3.1.1 has no room for any of it.
    equal(toHex(connected(4).disconnect(0, long).sentBytes()), 'e0 00')
  },
)

rule('a DISCONNECT of the server closes the connection', { v5: 'MQTT-4.13.2-1' }, async () => {
  for (const reasonCode of [0, 0x8e]) {
    const { client, server } = testClient()
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.accept()
    await connecting
    connection.send({ type: DISCONNECT, reasonCode, properties })
    await connection.closed
    await settle()
    equal(connection.received.length, 1)
    equal(client.state, 'closed')
  }
})

rule(
  'a DISCONNECT of ours with an error closes the connection',
  { v5: 'MQTT-4.13.2-1 MQTT-4.13.1-1' },
  async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.accept()
    await connecting
    connection.sendBytes(hex('30 05 00 01 23 00 78'))
    equal(brief(await connection.next()), 'DISCONNECT 0x90')
    await connection.closed
    await settle()
    equal(client.state, 'closed')
  },
)

rule(
  'malformed packets and protocol errors end the connection, after CONNACK with their code',
  { v4: 'MQTT-4.8.0-1', v5: 'MQTT-4.13.1-1 §4.13.1' },
  (version) => {
    for (const [bytes, code] of [
      ['00 00', 0x81],
      ['d0 01 00', 0x81],
      ['40 01 00', 0x81],
      ['30 01 00', 0x81],
      ['40 02 00 00', 0x81],
      ['10 00', 0x82],
      ['82 06 00 01 00 00 01 61 00', 0x82],
      ['c0 00', 0x82],
      ['d0 ff ff ff ff', 0x81],
    ] as const) {
      const talk = connected(version).receiveBytes(hex(bytes))
      const error = endedFor(talk, code)
      match(error.code, /MALFORMED_PACKET|PROTOCOL_ERROR/, bytes)
    }
  },
)
