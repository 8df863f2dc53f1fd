// portable
// CONNECT: the first packet, its flags and its payload, and what the client id stands for. §3.1

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { type ConnectPacket, PacketType, type WillFields } from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import type { ConnectSettings } from '../../src/engine/types.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import { connected, Conversation, endOf, KEPT, only, toHex } from './conversation.ts'
import { rule } from './rule.ts'

const WILL: WillFields = {
  topic: 'w/t',
  payload: encodeUtf8('gone'),
  qos: 1,
  retain: true,
}

function connectBytes(version: 4 | 5, settings: Partial<ConnectSettings> = {}): Uint8Array {
  return new Conversation(version, { settings }).open().sentBytes()
}

/** Where the connect flags are: after the header, the name and the level. */
function flagsOf(version: 4 | 5, settings: Partial<ConnectSettings> = {}): number {
  return connectBytes(version, settings)[9] ?? -1
}

function connectPacket(version: 4 | 5, settings: Partial<ConnectSettings> = {}): ConnectPacket {
  return only(new Conversation(version, { settings }).open(), PacketType.CONNECT)
}

/** Every combination of what the flags speak of. */
const SETTINGS: readonly Partial<ConnectSettings>[] = [
  {},
  KEPT,
  { will: WILL },
  { will: { ...WILL, qos: 2, retain: false } },
  { userName: 'u' },
  { userName: 'u', password: encodeUtf8('p') },
  { userName: '', password: new Uint8Array(0), will: WILL, ...KEPT },
]

rule('CONNECT is the first packet', { both: 'MQTT-3.1.0-1' }, (version) => {
  const talk = new Conversation(version)
  talk.open()
  talk.publish('a')
  talk.publish('b', 1)
  deepEqual(talk.sentBriefly(), ['CONNECT'])
  talk.accept()
  deepEqual(talk.sentBriefly(), ['PUBLISH a', 'PUBLISH b 1'])
})

rule('nothing of the public client precedes CONNECT', { both: 'MQTT-3.1.0-1' }, async (version) => {
  const { client, server } = testClient({ protocol: version })
  const connecting = client.connect()
  const answers = [
    client.publish('a', ''),
    client.subscribe('b'),
    client.publish('c', '', { qos: 1 }),
  ]
  await rejects(client.ping())
  const connection = await server.connection()
  await settle()
  deepEqual(
    connection.received.map(({ type }) => type),
    [PacketType.CONNECT],
  )
  connection.autoRespond()
  await Promise.all([connecting, ...answers])
})

rule('CONNECT is sent once for a connection', { both: 'MQTT-3.1.0-2' }, (version) => {
  const talk = new Conversation(version).open()
  talk.engine.handleOpened(0)
  throws(() => talk.engine.connect({} as ConnectSettings, 0))
  talk.accept()
  talk.engine.handleOpened(0)
  throws(() => talk.engine.connect({} as ConnectSettings, 0))
  talk.publish('a')
  deepEqual(talk.sentBriefly(), ['CONNECT', 'PUBLISH a'])
})

rule('a second call of connect is refused', { both: 'MQTT-3.1.0-2' }, async (version) => {
  const { client, server } = testClient({ protocol: version })
  const connecting = client.connect()
  throws(() => client.connect(), TypeError)
  await (await server.connection()).accept()
  await connecting
  throws(() => client.connect(), TypeError)
  await settle()
  equal(server.dials, 1)
  equal(server.connections[0]?.received.length, 1)
})

rule('the protocol name is MQTT', { both: 'MQTT-3.1.2-1' }, (version) => {
  equal(toHex(connectBytes(version).subarray(2, 8)), '00 04 4d 51 54 54')
})

rule('the protocol level is that of the version', { both: 'MQTT-3.1.2-2' }, (version) => {
  equal(connectBytes(version)[8], version)
})

rule(
  'a refused version is told to the application',
  { v4: 'MQTT-3.1.2-2', v5: 'MQTT-3.1.2-1 MQTT-3.1.2-2' },
  async (version) => {
    const { client, server } = testClient({ protocol: version })
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.connect()
    const reasonCode = version === 5 ? 0x84 : 1
    connection.send({ type: 2, sessionPresent: false, reasonCode, properties: {} })
    await rejects(connecting, { code: 'ERR_MQTT_CONNECT_REFUSED', reasonCode, transient: false })
    await connection.closed
    await settle()
    equal(server.dials, 1)
  },
)

rule(
  'a refused version is followed by 3.1.1 once, when none is asked for',
  { v5: 'MQTT-3.1.2-2' },
  async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    for (const [version, reasonCode] of [
      [5, 0x84],
      [4, 1],
    ] as const) {
      const connection = await server.connection()
      equal((await connection.connect()).version, version)
      connection.send({ type: 2, sessionPresent: false, reasonCode, properties: {} })
    }
    await rejects(connecting, { code: 'ERR_MQTT_CONNECT_REFUSED', reasonCode: 1 })
    await settle()
    equal(server.dials, 2)
  },
)

rule('the reserved connect flag is 0', { both: 'MQTT-3.1.2-3' }, (version) => {
  for (const settings of SETTINGS) equal(flagsOf(version, settings) & 1, 0)
})

rule(
  'Clean Session and Clean Start say what the application asked for',
  { v4: 'MQTT-3.1.2-4 MQTT-3.1.2-6', v5: 'MQTT-3.1.2-4' },
  (version) => {
    equal(flagsOf(version), 2)
    equal(flagsOf(version, KEPT), 0)
  },
)

rule(
  'a will has its flag, topic, payload and on 5.0 its properties',
  { both: 'MQTT-3.1.2-9' },
  (version) => {
    const properties = { willDelayInterval: 7 }
    const packet = connectPacket(version, { will: { ...WILL, properties } })
    deepEqual(packet.will, { ...WILL, properties: version === 5 ? properties : {} })
    equal(flagsOf(version, { will: WILL }), 0b0010_1110)
    equal(flagsOf(version, { will: { ...WILL, qos: 2, retain: false } }), 0b0001_0110)
  },
)

rule(
  'without a will its flag, QoS and retain are 0 and its fields are absent',
  {
    v4: 'MQTT-3.1.2-11 MQTT-3.1.2-13 MQTT-3.1.2-15',
    v5: 'MQTT-3.1.2-11 MQTT-3.1.2-13',
  },
  (version) => {
    for (const settings of SETTINGS.filter(({ will }) => will === undefined)) {
      equal(flagsOf(version, settings) & 0b0011_1100, 0)
      equal(connectPacket(version, settings).will, undefined)
    }
    // The client id is the last field: nothing of a will follows.
    match(toHex(connectBytes(version)), / 00 06 73 65 6e 73 6f 72$/)
  },
)

rule('a will of QoS 3 is refused', { v4: 'MQTT-3.1.2-14', v5: 'MQTT-3.1.2-12' }, (version) => {
  const will = { topic: 't', payload: '', qos: 3 as 2 }
  throws(() => testClient({ protocol: version, will }), TypeError)
  const { client } = testClient({ protocol: version })
  throws(() => client.setLastWill('t', '', { qos: 3 as 2 }), TypeError)
  throws(() => connectBytes(version, { will: { ...WILL, qos: 3 as 2 } }), RangeError)
})

rule(
  'without a user name its flag is 0 and the field absent',
  { v4: 'MQTT-3.1.2-18', v5: 'MQTT-3.1.2-16' },
  (version) => {
    equal(flagsOf(version) & 0x80, 0)
    equal(connectPacket(version).userName, undefined)
    match(toHex(connectBytes(version)), / 00 06 73 65 6e 73 6f 72$/)
  },
)

rule(
  'a user name has its flag and its field',
  { v4: 'MQTT-3.1.2-19', v5: 'MQTT-3.1.2-17' },
  (version) => {
    for (const userName of ['u', '']) {
      equal(flagsOf(version, { userName }) & 0xc0, 0x80)
      equal(connectPacket(version, { userName }).userName, userName)
    }
  },
)

rule(
  'without a password its flag is 0 and the field absent',
  { v4: 'MQTT-3.1.2-20', v5: 'MQTT-3.1.2-18' },
  (version) => {
    equal(flagsOf(version, { userName: 'u' }) & 0x40, 0)
    equal(connectPacket(version, { userName: 'u' }).password, undefined)
    match(toHex(connectBytes(version, { userName: 'u' })), / 73 6f 72 00 01 75$/)
  },
)

rule(
  'a password has its flag and its field',
  { v4: 'MQTT-3.1.2-21', v5: 'MQTT-3.1.2-19' },
  (version) => {
    for (const password of [encodeUtf8('p'), new Uint8Array(0)]) {
      equal(flagsOf(version, { userName: 'u', password }) & 0xc0, 0xc0)
      deepEqual(connectPacket(version, { userName: 'u', password }).password, password)
    }
  },
)

rule('a password goes without a user name on 5.0', { v5: 'MQTT-3.1.2-19' }, () => {
  const password = encodeUtf8('p')
  equal(flagsOf(5, { password }) & 0xc0, 0x40)
  const { password: read, userName } = connectPacket(5, { password })
  deepEqual(read, password)
  equal(userName, undefined)
})

rule('a password without a user name is refused on 3.1.1', { v4: 'MQTT-3.1.2-22' }, () => {
  throws(() => testClient({ protocol: 4, password: 'p' }), TypeError)
})

rule(
  'a password without a user name ends the fall-back to 3.1.1',
  { v4: 'MQTT-3.1.2-22' },
  async () => {
    const { client, server } = testClient({ password: 'p' })
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.connect()
    connection.send({ type: 2, sessionPresent: false, reasonCode: 0x84, properties: {} })
    await settle()
    equal(server.dials, 1)
    await rejects(connecting, { code: 'ERR_MQTT_CONNECT_REFUSED', reasonCode: 0x84 })
  },
)

rule('the fields of the payload come in their order', { both: 'MQTT-3.1.3-1' }, (version) => {
  const settings = { will: WILL, userName: 'u', password: encodeUtf8('p') }
  const bytes = toHex(connectBytes(version, settings))
  const properties = version === 5 ? '00 ' : ''
  const payload =
    `00 06 73 65 6e 73 6f 72 ${properties}` + '00 03 77 2f 74 00 04 67 6f 6e 65 00 01 75 00 01 70'
  ok(bytes.endsWith(` ${payload}`), bytes)
})

rule('the client id is always there and first', { both: 'MQTT-3.1.3-3' }, (version) => {
  for (const settings of SETTINGS) {
    const bytes = connectBytes(version, { ...settings, clientId: 'id' })
    // After the keep alive, and on 5.0 the properties, whose length is one byte here.
    const start = version === 5 ? 13 + (bytes[12] ?? 0) : 12
    equal(toHex(bytes.subarray(start, start + 4)), '00 02 69 64')
  }
  const { length } = connectBytes(version, { clientId: '' })
  equal(toHex(connectBytes(version, { clientId: '' }).subarray(length - 2)), '00 00')
})

rule('a client id that is no UTF-8 string is refused', { both: 'MQTT-3.1.3-4' }, (version) => {
  for (const clientId of ['\ud800', 'a\0', 'x'.repeat(65_536)]) {
    throws(() => testClient({ protocol: version, clientId }))
    throws(() => connectBytes(version, { clientId }))
  }
  equal(connectPacket(version, { clientId: 'é😀' }).clientId, 'é😀')
})

rule(
  'a will topic that is no UTF-8 string is refused',
  { v4: 'MQTT-3.1.3-10', v5: 'MQTT-3.1.3-11' },
  (version) => {
    const { client } = testClient({ protocol: version })
    for (const topic of ['\ud800', 'a\0', 'x'.repeat(65_536)]) {
      throws(() => client.setLastWill(topic, ''))
      throws(() => testClient({ protocol: version, will: { topic, payload: '' } }))
      throws(() => connectBytes(version, { will: { ...WILL, topic } }))
    }
    equal(connectPacket(version, { will: { ...WILL, topic: 'é' } }).will?.topic, 'é')
  },
)

rule(
  'a user name that is no UTF-8 string is refused',
  { v4: 'MQTT-3.1.3-11', v5: 'MQTT-3.1.3-12' },
  (version) => {
    for (const user of ['\ud800', 'a\0', 'x'.repeat(65_536)]) {
      throws(() => testClient({ protocol: version, user }))
      throws(() => connectBytes(version, { userName: user }))
    }
    equal(connectPacket(version, { userName: 'é' }).userName, 'é')
  },
)

rule(
  'every connection of a session names the same client id',
  { both: 'MQTT-3.1.3-2' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    equal(talk.engine.session.clientId, 'sensor')
    talk.drop().open()
    equal(only(talk, PacketType.CONNECT).clientId, 'sensor')
    // After a restart the stored session names it.
    const { session } = talk.engine
    const later = new Conversation(version, { session, settings: { ...KEPT, clientId: '' } }).open()
    equal(only(later, PacketType.CONNECT).clientId, 'sensor')
  },
)

rule(
  'an assigned client id is that of the later connections',
  { v5: 'MQTT-3.1.3-2 §3.2.2.3.7' },
  () => {
    const settings = { ...KEPT, clientId: '' }
    const talk = connected(5, { settings, properties: { assignedClientIdentifier: 'given' } })
    equal(talk.engine.clientId, 'given')
    equal(talk.engine.session.clientId, 'given')
    talk.drop().open()
    equal(only(talk, PacketType.CONNECT).clientId, 'given')
  },
)

rule('an assigned client id is told to the application', { v5: '§3.2.2.3.7' }, async () => {
  const { client, server } = testClient({ clientId: '' })
  for (const sent of ['', 'given']) {
    const connecting = client.connect({ cleanStart: sent === '', sessionExpirySeconds: 60 })
    const connection = await server.connection()
    equal((await connection.connect()).clientId, sent)
    const properties = sent === '' ? { assignedClientIdentifier: 'given' } : {}
    connection.send({ type: 2, sessionPresent: sent !== '', reasonCode: 0, properties })
    equal((await connecting).clientId, 'given')
    connection.autoRespond()
    await client.disconnect()
  }
})

rule('an empty client id without a clean session is refused', { v4: 'MQTT-3.1.3-7' }, () => {
  const { client, server } = testClient({ clientId: '', protocol: 4 })
  throws(() => client.connect({ cleanStart: false }), TypeError)
  equal(server.dials, 0)
})

rule(
  'an empty client id without a clean session ends the fall-back to 3.1.1',
  { v4: 'MQTT-3.1.3-7' },
  async () => {
    const { client, server } = testClient({ clientId: '' })
    const connecting = client.connect({ cleanStart: false })
    const connection = await server.connection()
    await connection.connect()
    connection.send({ type: 2, sessionPresent: false, reasonCode: 0x84, properties: {} })
    await settle()
    equal(server.dials, 1)
    await rejects(connecting, { code: 'ERR_MQTT_CONNECT_REFUSED', reasonCode: 0x84 })
  },
)

rule(
  'a Keep Alive of the application is in CONNECT',
  { v4: 'MQTT-3.1.2-23', v5: 'MQTT-3.1.2-20' },
  (version) => {
    equal(connectPacket(version, { keepAliveSeconds: 0x1234 }).keepAlive, 0x1234)
  },
)

rule(
  'a client with an authentication method sends nothing but AUTH before CONNACK',
  { v5: 'MQTT-3.1.2-30' },
  async () => {
    const respond = (): Uint8Array => encodeUtf8('proof')
    const { client, server } = testClient({
      properties: { authentication: { method: 'M', respond } },
    })
    const connecting = client.connect()
    const answers = [
      client.publish('a', '', { qos: 1 }),
      client.publish('b', ''),
      client.subscribe('c'),
    ]
    const connection = await server.connection()
    await connection.connect()
    connection.send({ type: 15, reasonCode: 0x18, properties: { authenticationMethod: 'M' } })
    await settle()
    deepEqual(
      connection.received.map(({ type }) => type),
      [PacketType.CONNECT, PacketType.AUTH],
    )
    connection.send({ type: 2, sessionPresent: false, reasonCode: 0, properties: {} })
    connection.autoRespond()
    await Promise.all([connecting, ...answers])
  },
)

rule('a connection that ends before CONNACK is an error', { v5: 'MQTT-3.1.2-1' }, () => {
  equal(endOf(new Conversation(5).open()).code, 'ERR_MQTT_CONNECTION_LOST')
})
