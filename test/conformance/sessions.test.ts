// portable
// What is kept between connections, and what is sent again. §3.1.2.4, §4.1, §4.4, §4.6

import { deepEqual, equal } from 'node:assert/strict'
import { PacketType } from '../../src/codec/packets.ts'
import { connected, Conversation, KEPT, only, reconnect } from './conversation.ts'
import { rule } from './rule.ts'

const { PUBACK, PUBCOMP, PUBREC, PUBREL } = PacketType

rule(
  'a session that ends with its connection is not taken up again',
  { v4: 'MQTT-3.1.2-6', v5: 'MQTT-3.1.2-4' },
  (version) => {
    const talk = connected(version)
    talk.publish('a', 1)
    talk.receivePublish({ qos: 2, packetId: 5 }).acknowledge(talk.messages[0])
    talk.sent()
    talk.drop()
    deepEqual(talk.engine.session.publishes, [])
    deepEqual(talk.engine.session.receivedIds, [])
  },
)

rule(
  'a clean start drops the session of before',
  { v4: 'MQTT-3.1.2-6', v5: 'MQTT-3.1.2-4' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    talk.publish('a', 1)
    talk.receivePublish({ qos: 2, packetId: 5 }).acknowledge(talk.messages[0])
    talk.sent()
    reconnect(talk, false, { cleanStart: true })
    deepEqual(talk.sent(), [])
    deepEqual(talk.engine.session.publishes, [])
    // The same identifier is a new message.
    talk.receivePublish({ qos: 2, packetId: 5 })
    equal(talk.messages.length, 2)
  },
)

rule(
  'a clean start drops the session of before, also when its CONNACK is lost',
  { v4: 'MQTT-3.1.2-6', v5: 'MQTT-3.1.2-4' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    talk.publish('a', 1)
    talk.receivePublish({ qos: 2, packetId: 5 }).acknowledge(talk.messages[0])
    talk.drop().open({ cleanStart: true }).sent()
    talk.drop().open({ cleanStart: false }).sent()
    talk.accept({}, true)
    deepEqual(talk.sentBriefly(), [])
    deepEqual(talk.engine.session.publishes, [])
    talk.receivePublish({ qos: 2, packetId: 5 })
    equal(talk.messages.length, 2)
  },
)

rule(
  'a kept session outlives its connection on this side too',
  { v4: 'MQTT-3.1.2-4', v5: 'MQTT-3.1.2-23' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    talk.publish('a', 1)
    talk.receivePublish({ qos: 2, packetId: 5 }).acknowledge(talk.messages[0])
    talk.sent()
    reconnect(talk, true)
    deepEqual(talk.sentBriefly(), ['PUBLISH a 1 dup'])
    talk.receivePublish({ qos: 2, packetId: 5, dup: true })
    equal(talk.messages.length, 1)
    deepEqual(talk.sentBriefly(), ['PUBREC 5'])
  },
)

rule(
  'an orderly end does not end a kept session',
  { v4: 'MQTT-3.1.2-4', v5: 'MQTT-3.1.2-23' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    talk.publish('a', 1)
    talk.disconnect().sent()
    talk.drop().open()
    talk.sent()
    talk.accept({}, true)
    deepEqual(talk.sentBriefly(), ['PUBLISH a 1 dup'])
  },
)

rule(
  'a Session Expiry Interval is in CONNECT when the session is to be kept',
  { v5: 'MQTT-3.1.2-23' },
  () => {
    for (const [settings, seconds] of [
      [KEPT, 600],
      [{}, undefined],
    ] as const) {
      const { properties } = only(new Conversation(5, { settings }).open(), PacketType.CONNECT)
      equal(properties?.sessionExpiryInterval, seconds)
    }
  },
)

rule(
  'both directions are remembered while connected, whatever becomes of the session',
  { v4: 'MQTT-4.1.0-2', v5: 'MQTT-4.1.0-1' },
  (version) => {
    const talk = connected(version)
    const operation = talk.publish('a', 2)
    talk.receivePublish({ qos: 2, packetId: 5 }).acknowledge(talk.messages[0])
    talk.sent()
    // An hour later both exchanges go on where they were.
    talk.now += 3_600_000
    talk.receivePublish({ qos: 2, packetId: 5, dup: true })
    equal(talk.messages.length, 1)
    talk.receiveAck(PUBREC, 1).receiveAck(PUBREL, 5).receiveAck(PUBCOMP, 1)
    deepEqual(talk.sentBriefly(), ['PUBREC 5', 'PUBREL 1', 'PUBCOMP 5'])
    equal(operation.answer, 0)
  },
)

rule(
  'everything of a kept session is stored for its length',
  { v4: 'MQTT-4.1.0-1 MQTT-4.4.0-1', v5: 'MQTT-3.1.2-23 MQTT-4.4.0-1' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    for (const topic of ['a', 'b', 'c']) talk.publish(topic, topic === 'a' ? 1 : 2)
    talk.receiveAck(PUBREC, 2)
    talk.receivePublish({ qos: 2, packetId: 5 }).acknowledge(talk.messages[0])
    talk.receivePublish({ qos: 2, packetId: 6 }).acknowledge(talk.messages[1]).receiveAck(PUBREL, 6)
    talk.drop()
    const { session } = talk.engine
    deepEqual(session.receivedIds, [5])
    deepEqual(
      session.publishes.map(({ packetId, state }) => [packetId, state]),
      [
        [1, 'sent'],
        [3, 'sent'],
        [2, 'released'],
      ],
    )
    // The same after a restart of the program.
    const later = new Conversation(version, { session: structured(session), settings: KEPT })
    later.open().sent()
    later.accept({}, true)
    deepEqual(later.sentBriefly(), ['PUBREL 2', 'PUBLISH a 1 dup', 'PUBLISH c 3 dup'])
  },
)

/** What is left of a value that was stored as text and read again. */
function structured<T>(value: T): T {
  const text = JSON.stringify(value, (_, item: unknown) =>
    item instanceof Uint8Array ? { bytes: Array.from(item) } : item,
  )
  return JSON.parse(text, (_, item: { bytes?: number[] }) =>
    item?.bytes === undefined ? item : Uint8Array.from(item.bytes),
  ) as T
}

rule(
  'unacknowledged PUBLISH and PUBREL are sent again with their identifiers',
  { both: 'MQTT-4.4.0-1' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    for (const topic of ['a', 'b', 'c', 'd']) talk.publish(topic, topic < 'c' ? 1 : 2)
    talk.receiveAck(PUBACK, 1).receiveAck(PUBREC, 3)
    talk.sent()
    reconnect(talk, true)
    deepEqual(talk.sentBriefly(), ['PUBREL 3', 'PUBLISH b 2 dup', 'PUBLISH d 4 dup'])
  },
)

rule('a PUBLISH is sent again as it was', { both: 'MQTT-4.4.0-1' }, (version) => {
  const talk = connected(version, { settings: KEPT })
  const properties = version === 5 ? { contentType: 'text/plain' } : undefined
  talk.publish('a', 1, { payload: 'payload', retain: true, ...(properties && { properties }) })
  const first = only(talk, PacketType.PUBLISH)
  reconnect(talk, true)
  deepEqual(only(talk, PacketType.PUBLISH), { ...first, dup: true })
})

rule('nothing is sent again on the same connection', { v5: 'MQTT-4.4.0-1' }, () => {
  const talk = connected(5, { settings: KEPT, options: { acknowledgementMs: 10_000_000 } })
  talk.publish('a', 1)
  talk.publish('b', 2)
  talk.publish('c', 2)
  talk.receiveAck(PUBREC, 3)
  talk.sent()
  talk.elapse(1_000_000)
  talk.publish('d')
  deepEqual(talk.sentBriefly(), ['PUBLISH d'])
})

rule(
  'what is sent again keeps its order, and goes before what is new',
  { both: 'MQTT-4.6.0-1' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    const topics = Array.from({ length: 15 }, (_, i) => `t${i}`)
    for (const [i, topic] of topics.entries()) talk.publish(topic, i % 3 === 0 ? 2 : 1)
    for (const packetId of [5, 9, 2]) talk.receiveAck(PUBACK, packetId)
    talk.sent()
    talk.drop(new Error('The link broke')).open()
    talk.publish('new', 1)
    talk.sent()
    talk.accept({}, true)
    const left = topics.flatMap((topic, i) =>
      [5, 9, 2].includes(i + 1) ? [] : [`PUBLISH ${topic} ${i + 1} dup`],
    )
    deepEqual(talk.sentBriefly(), [...left, 'PUBLISH new 16'])
  },
)

rule(
  'what is sent again keeps its order after the identifiers have begun anew',
  { both: 'MQTT-4.6.0-1' },
  (version) => {
    const session = { clientId: 'sensor', lastId: 65_533, receivedIds: [], publishes: [] }
    const talk = connected(version, { session, settings: KEPT })
    for (const topic of ['a', 'b', 'c', 'd']) talk.publish(topic, 1)
    talk.sent()
    reconnect(talk, true)
    deepEqual(talk.sentBriefly(), [
      'PUBLISH a 65534 dup',
      'PUBLISH b 65535 dup',
      'PUBLISH c 1 dup',
      'PUBLISH d 2 dup',
    ])
  },
)
