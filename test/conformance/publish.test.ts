// portable
// PUBLISH both ways: its flags, its topic, topic aliases and subscription identifiers. §3.3

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { NO_PROPERTIES, PacketType } from '../../src/codec/packets.ts'
import { testClient } from '../support/scripted-memory.ts'
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

/** PUBLISH packets of 5.0 end their variable header with this. */
const NONE = { 4: '', 5: '00 ' }

/** What one PUBLISH says of topic and alias. */
function sentTopics(talk: Conversation): [topic: string, alias: number | undefined][] {
  return talk
    .sent()
    .map((packet) =>
      packet.type === PacketType.PUBLISH ? [packet.topic, packet.properties.topicAlias] : ['', -1],
    )
}

rule('DUP is 1 when a message is sent again', { both: 'MQTT-3.3.1-1' }, (version) => {
  const talk = connected(version, { settings: KEPT })
  talk.publish('a', 1)
  talk.publish('b', 2)
  talk.sent()
  reconnect(talk, true)
  deepEqual(talk.sentBriefly(), ['PUBLISH a 1 dup', 'PUBLISH b 2 dup'])
  reconnect(talk, true)
  deepEqual(talk.sentBriefly(), ['PUBLISH a 1 dup', 'PUBLISH b 2 dup'])
})

rule(
  'DUP is 1 when a message is sent again after a restart',
  { both: 'MQTT-3.3.1-1' },
  (version) => {
    const first = connected(version, { settings: KEPT })
    first.publish('a', 1)
    const { session } = first.engine
    const resumed = new Conversation(version, { session, settings: KEPT }).open()
    resumed.sent()
    resumed.accept(NO_PROPERTIES, true)
    deepEqual(resumed.sentBriefly(), ['PUBLISH a 1 dup'])
  },
)

rule('a QoS 0 message has QoS 0 and DUP 0', { both: 'MQTT-3.3.1-2 MQTT-4.3.1-1' }, (version) => {
  const talk = connected(version)
  talk.publish('t')
  talk.publish('t', 0, { retain: true })
  const bytes = talk.sentBytes()
  equal(bytes[0], 0x30)
  equal(bytes[bytes.length / 2], 0x31)
})

rule('a QoS 0 message is sent once', { both: 'MQTT-4.3.1-1' }, (version) => {
  const talk = connected(version, { settings: KEPT })
  equal(talk.publish('t').answer, 0)
  deepEqual(talk.sentBriefly(), ['PUBLISH t'])
  reconnect(talk, true)
  deepEqual(talk.sentBriefly(), [])
})

rule(
  'a received QoS 0 PUBLISH with DUP ends the connection',
  { both: 'MQTT-3.3.1-2' },
  (version) => {
    const size = version === 5 ? '05' : '04'
    endedFor(connected(version).receiveBytes(hex(`38 ${size} 00 01 74 ${NONE[version]} 78`)), 0x81)
  },
)

rule('QoS 3 is refused at the call', { both: 'MQTT-3.3.1-4' }, (version) => {
  const { client } = testClient({ protocol: version })
  for (const qos of [3, -1, 1.5, '1']) {
    throws(() => client.publish('t', '', { qos: qos as 1 }), TypeError)
  }
})

rule('a received PUBLISH of QoS 3 ends the connection', { both: 'MQTT-3.3.1-4' }, (version) => {
  for (const first of ['36', '3e', '37']) {
    const size = version === 5 ? '07' : '06'
    const bytes = hex(`${first} ${size} 00 01 74 00 01 ${NONE[version]} 78`)
    endedFor(connected(version).receiveBytes(bytes), 0x81)
  }
})

rule('the topic is the first field and UTF-8', { both: 'MQTT-3.3.2-1' }, (version) => {
  const talk = connected(version)
  talk.publish('é/😀', 1)
  const bytes = toHex(talk.sentBytes())
  equal(bytes.slice(6), `00 07 c3 a9 2f f0 9f 98 80 00 01 ${NONE[version]}78`)
  talk.receiveBytes(hex(`30 ${version === 5 ? '06' : '05'} 00 02 c3 a9 ${NONE[version]} 78`))
  equal(talk.messages[0]?.topic, 'é')
})

rule(
  'a received topic that is no UTF-8 ends the connection',
  { both: 'MQTT-3.3.2-1' },
  (version) => {
    const bytes = hex(`30 ${version === 5 ? '06' : '05'} 00 02 c3 28 ${NONE[version]} 78`)
    endedFor(connected(version).receiveBytes(bytes), 0x81)
  },
)

rule('a wildcard in a topic is refused at the call', { both: 'MQTT-3.3.2-2' }, (version) => {
  const { client } = testClient({ protocol: version })
  for (const topic of ['#', '+', 'a/#', 'a/+/b', 'a#', '+b', 'a+']) {
    throws(() => client.publish(topic, ''), TypeError)
    throws(() => client.setLastWill(topic, ''), TypeError)
  }
})

rule('a wildcard in a received topic ends the connection', { both: 'MQTT-3.3.2-2' }, (version) => {
  for (const wildcard of ['23', '2b']) {
    const bytes = hex(
      `30 ${version === 5 ? '07' : '06'} 00 03 61 2f ${wildcard} ${NONE[version]} 78`,
    )
    const talk = connected(version).receiveBytes(bytes)
    equal(talk.messages.length, 0)
    endedFor(talk, 0x90)
  }
})

rule(
  'a response topic that is no UTF-8 or holds a wildcard is refused at the call',
  { v5: 'MQTT-3.3.2-13 MQTT-3.3.2-14' },
  () => {
    const { client } = testClient({ protocol: 5 })
    for (const responseTopic of ['\ud800', 'a\0', 'a/#', '+/b', '']) {
      const properties = { responseTopic }
      throws(() => client.publish('t', '', { properties }), TypeError)
      throws(() => client.setLastWill('t', '', { properties }), TypeError)
    }
  },
)

rule('a response topic is sent as it is', { v5: 'MQTT-3.3.2-13' }, () => {
  const talk = connected(5)
  talk.publish('t', 0, { properties: { responseTopic: 'é' } })
  equal(only(talk, PacketType.PUBLISH).properties.responseTopic, 'é')
})

rule(
  'a received response topic that is no UTF-8 ends the connection',
  { v5: 'MQTT-3.3.2-13' },
  () => {
    endedFor(connected(5).receiveBytes(hex('30 09 00 01 74 05 08 00 02 c3 28')), 0x81)
  },
)

rule('a wildcard in a received response topic ends the connection', { v5: 'MQTT-3.3.2-14' }, () => {
  endedFor(connected(5).receiveBytes(hex('30 08 00 01 74 04 08 00 01 23')), 0x90)
  goesOn(connected(5).receiveBytes(hex('30 08 00 01 74 04 08 00 01 61')))
})

rule('a content type that is no UTF-8 is refused at the call', { v5: 'MQTT-3.3.2-19' }, () => {
  const { client } = testClient({ protocol: 5 })
  for (const contentType of ['\ud800', 'a\0', 'x'.repeat(65_536)]) {
    throws(() => client.publish('t', '', { properties: { contentType } }))
    throws(() => client.setLastWill('t', '', { properties: { contentType } }))
  }
  const talk = connected(5)
  talk.publish('t', 0, { properties: { contentType: 'é' } })
  equal(only(talk, PacketType.PUBLISH).properties.contentType, 'é')
})

rule(
  'a received content type that is no UTF-8 ends the connection',
  { v5: 'MQTT-3.3.2-19' },
  () => {
    endedFor(connected(5).receiveBytes(hex('30 09 00 01 74 05 03 00 02 c3 28')), 0x81)
    const talk = connected(5).receiveBytes(hex('30 09 00 01 74 05 03 00 02 c3 a9'))
    equal(talk.messages[0]?.properties.contentType, 'é')
  },
)

rule(
  'a subscription identifier in a PUBLISH is refused at the call',
  { v5: 'MQTT-3.3.4-6' },
  () => {
    const { client } = testClient({ protocol: 5 })
    for (const name of ['subscriptionIds', 'subscriptionIdentifiers', 'subscriptionId']) {
      throws(() => client.publish('t', '', { properties: { [name]: [1] } }), TypeError)
    }
  },
)

rule('a message that is passed on has no subscription identifier', { v5: 'MQTT-3.3.4-6' }, () => {
  const talk = connected(5).receivePublish({ properties: { subscriptionIdentifiers: [7] } })
  const [message] = talk.messages
  talk.publish(`copy/${message?.topic}`)
  equal(only(talk, PacketType.PUBLISH).properties.subscriptionIdentifiers, undefined)
})

rule(
  'all subscription identifiers of a received PUBLISH are told',
  { v5: '§3.3.2.3.8' },
  async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.accept()
    await connecting
    const waiting = client.waitMsg()
    connection.publish('t', 'x', { properties: { subscriptionIdentifiers: [7, 268_435_455, 7] } })
    deepEqual((await waiting).properties.subscriptionIds, [7, 268_435_455, 7])
  },
)

rule('a received subscription identifier of 0 ends the connection', { v5: '§3.3.2.3.8' }, () => {
  endedFor(connected(5).receiveBytes(hex('30 06 00 01 74 02 0b 00')), 0x82)
})

rule(
  'our topic aliases are from 1 to the maximum of the server',
  { v5: 'MQTT-3.2.2-17 MQTT-3.3.2-8 MQTT-3.3.2-9' },
  () => {
    const talk = connected(5, { properties: { topicAliasMaximum: 2 } })
    for (const topic of ['a', 'b', 'a', 'c', 'b', 'a', 'c']) talk.publish(topic)
    const sent = sentTopics(talk)
    const topics = new Map<number, string>()
    const understood: string[] = []
    for (const [topic, alias] of sent) {
      if (alias === undefined) understood.push(topic)
      else {
        ok(alias >= 1 && alias <= 2, `Alias ${alias}`)
        if (topic !== '') topics.set(alias, topic)
        understood.push(topics.get(alias) ?? 'unknown')
      }
    }
    deepEqual(understood, ['a', 'b', 'a', 'c', 'b', 'a', 'c'])
    ok(sent.some(([topic]) => topic === ''))
  },
)

rule(
  'without a maximum of the server no topic alias is sent',
  { v5: 'MQTT-3.2.2-18 MQTT-3.3.2-9' },
  () => {
    for (const properties of [{}, { topicAliasMaximum: 0 }]) {
      const talk = connected(5, { properties })
      for (const topic of ['a', 'a', 'b', 'a']) talk.publish(topic)
      deepEqual(sentTopics(talk), [
        ['a', undefined],
        ['a', undefined],
        ['b', undefined],
        ['a', undefined],
      ])
    }
  },
)

rule('a topic alias cannot be given by hand', { v5: 'MQTT-3.3.2-8' }, () => {
  const { client } = testClient({ protocol: 5 })
  throws(() => client.publish('t', '', { properties: { topicAlias: 0 } as object }), TypeError)
})

rule('our topic aliases end with the connection', { v5: 'MQTT-3.3.2-7' }, () => {
  const talk = connected(5, { settings: KEPT, properties: { topicAliasMaximum: 5 } })
  talk.publish('a')
  talk.publish('a')
  deepEqual(sentTopics(talk), [
    ['a', 1],
    ['', 1],
  ])
  reconnect(talk, true, {}, { topicAliasMaximum: 5 })
  talk.publish('a')
  deepEqual(sentTopics(talk), [['a', 1]])
  reconnect(talk, true)
  talk.publish('a')
  deepEqual(sentTopics(talk), [['a', undefined]])
})

rule('a message is sent again with its topic', { v5: 'MQTT-3.3.2-7' }, () => {
  const properties = { topicAliasMaximum: 5 }
  const talk = connected(5, { settings: KEPT, properties })
  talk.publish('a', 1)
  talk.publish('a', 1)
  talk.sent()
  reconnect(talk, true, {}, properties)
  deepEqual(sentTopics(talk), [
    ['a', 1],
    ['', 1],
  ])
})

rule('the topic aliases of the server end with the connection', { v5: 'MQTT-3.3.2-7' }, () => {
  const talk = connected(5, { settings: KEPT })
  talk.receivePublish({ topic: 'a', properties: { topicAlias: 1 } })
  talk.receivePublish({ topic: '', properties: { topicAlias: 1 } })
  equal(talk.messages[1]?.topic, 'a')
  reconnect(talk, true)
  endedFor(talk.receivePublish({ topic: '', properties: { topicAlias: 1 } }), 0x82)
})

rule('every topic alias up to our maximum is understood', { v5: 'MQTT-3.3.2-10' }, () => {
  const talk = connected(5, { options: { topicAliasMaximum: 300 } })
  for (let alias = 1; alias <= 300; alias += 1) {
    talk.receivePublish({ topic: `t${alias}`, properties: { topicAlias: alias } })
  }
  for (let alias = 1; alias <= 300; alias += 1) {
    talk.receivePublish({ topic: '', properties: { topicAlias: alias } })
  }
  goesOn(talk)
  deepEqual(
    talk.messages.slice(300).map(({ topic }) => topic),
    talk.messages.slice(0, 300).map(({ topic }) => topic),
  )
  equal(talk.messages[599]?.topic, 't300')
})

rule('a topic alias can get another topic', { v5: 'MQTT-3.3.2-10' }, () => {
  const talk = connected(5)
  for (const topic of ['a', '', 'b', ''])
    talk.receivePublish({ topic, properties: { topicAlias: 3 } })
  deepEqual(
    talk.messages.map(({ topic }) => topic),
    ['a', 'a', 'b', 'b'],
  )
})

rule('our maximum of topic aliases is in CONNECT', { v5: 'MQTT-3.1.2-26 MQTT-3.1.2-27' }, () => {
  for (const topicAliasMaximum of [0, 300]) {
    const talk = connected(5, { options: { topicAliasMaximum } })
    talk.drop().open()
    const { properties } = only(talk, PacketType.CONNECT)
    equal(properties?.topicAliasMaximum ?? 0, topicAliasMaximum)
  }
})

rule(
  'a topic alias above our maximum ends the connection',
  { v5: 'MQTT-3.1.2-26 MQTT-3.3.2-11 §3.3.2.3.4' },
  () => {
    const talk = connected(5, { options: { topicAliasMaximum: 300 } })
    endedFor(talk.receivePublish({ topic: 'a', properties: { topicAlias: 301 } }), 0x94)
  },
)

rule(
  'any topic alias ends the connection when we take none',
  { v5: 'MQTT-3.1.2-27 MQTT-3.3.2-11' },
  () => {
    const talk = connected(5, { options: { topicAliasMaximum: 0 } })
    endedFor(talk.receivePublish({ topic: 'a', properties: { topicAlias: 1 } }), 0x94)
  },
)

rule('a topic alias of 0 ends the connection', { v5: '§3.3.2.3.4' }, () => {
  endedFor(connected(5).receiveBytes(hex('30 07 00 01 74 03 23 00 00')), 0x94)
})

rule('an unknown topic alias without a topic ends the connection', { v5: '§3.3.2.3.4' }, () => {
  endedFor(connected(5).receivePublish({ topic: '', properties: { topicAlias: 2 } }), 0x82)
})

rule(
  'a received message is answered as its QoS demands',
  { both: 'MQTT-3.3.4-1 MQTT-4.5.0-2' },
  (version) => {
    const talk = connected(version)
    talk.receivePublish().acknowledge(talk.messages[0])
    deepEqual(talk.sentBriefly(), [])
    talk.receivePublish({ qos: 1, packetId: 7 }).acknowledge(talk.messages[1])
    deepEqual(talk.sentBriefly(), ['PUBACK 7'])
    talk.receivePublish({ qos: 2, packetId: 8 }).acknowledge(talk.messages[2])
    deepEqual(talk.sentBriefly(), ['PUBREC 8'])
    talk.receiveAck(PacketType.PUBREL, 8)
    deepEqual(talk.sentBriefly(), ['PUBCOMP 8'])
  },
)

rule(
  'a message that nobody wants and no filter matches is acknowledged',
  { both: 'MQTT-4.5.0-2' },
  async (version) => {
    const { client, server, warnings } = testClient({ protocol: version })
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.accept()
    await connecting
    connection.publish('never/asked/for', 'x', { qos: 1, packetId: 3 })
    connection.publish('never/asked/for', 'x', { qos: 2, packetId: 4 })
    deepEqual(
      [await connection.next(), await connection.next()].map(({ type }) => type),
      [PacketType.PUBACK, PacketType.PUBREC],
    )
    equal(warnings[0]?.code, 'unclaimed-message')
    equal(client.state, 'connected')
  },
)

rule('a message whose handler fails is acknowledged', { both: 'MQTT-4.5.0-2' }, async (version) => {
  const { client, server } = testClient({ protocol: version })
  const connecting = client.connect()
  const connection = await server.connection()
  await connection.accept()
  await connecting
  client.setCallback(() => Promise.reject(new Error('Out of paper')))
  connection.publish('t', 'x', { qos: 1, packetId: 3 })
  equal((await connection.next(PacketType.PUBACK)).type, PacketType.PUBACK)
})
