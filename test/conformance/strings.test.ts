// portable
// Strings and integers on the wire: well-formed, without U+0000, in their shortest form. §1.5

import { deepEqual, equal, throws } from 'node:assert/strict'
import { NO_PROPERTIES, type Properties } from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import { PublishOperation, SubscribeOperation } from '../../src/engine/operations.ts'
import { testClient } from '../support/scripted-memory.ts'
import { connected, Conversation, endedFor, goesOn, hex, only, toHex } from './conversation.ts'
import { rule } from './rule.ts'

/** What is no UTF-8: a lone continuation, cut short, overlong, a surrogate, above U+10FFFF, no lead. */
const ILL_FORMED = ['80', 'c3', 'c0 80', 'e0 80 af', 'ed a0 80', 'ed bf bf', 'f4 90 80 80', 'ff']

/** A PUBLISH whose topic is these bytes. */
function publishTo(version: 4 | 5, topic: string): Uint8Array {
  const bytes = hex(topic)
  const rest = version === 5 ? '00' : ''
  return hex(
    `30 ${length(2 + bytes.length + rest.length / 2)} 00 ${length(bytes.length)} ${topic} ${rest}`,
  )
}

function length(value: number): string {
  return value.toString(16).padStart(2, '0')
}

/** A PUBLISH to `t` with these properties. */
function publishWith(properties: string): Uint8Array {
  const size = hex(properties).length
  return hex(`30 ${length(4 + size)} 00 01 74 ${length(size)} ${properties}`)
}

/** Every call that takes a string which ends up in a packet. */
function calls(version: 4 | 5, text: string): (() => unknown)[] {
  const make = (options: object) => () => testClient({ protocol: version, ...options })
  const { client } = testClient({ protocol: version })
  return [
    make({ clientId: text }),
    make({ user: text }),
    make({ will: { topic: text, payload: '' } }),
    () => client.setLastWill(text, ''),
    () => client.publish(text, ''),
    () => client.subscribe(text),
    () => client.unsubscribe(text),
    ...(version === 4
      ? []
      : [
          () => client.publish('t', '', { properties: { contentType: text } }),
          () => client.publish('t', '', { properties: { responseTopic: text } }),
          () => client.publish('t', '', { properties: { userProperties: [[text, 'v']] } }),
          () => client.publish('t', '', { properties: { userProperties: [['n', text]] } }),
          make({ properties: { userProperties: [[text, 'v']] } }),
          make({ properties: { authentication: { method: text } } }),
        ]),
  ]
}

rule(
  'ill-formed UTF-8 in a received string ends the connection',
  { v4: 'MQTT-1.5.3-1', v5: 'MQTT-1.5.4-1' },
  (version) => {
    for (const bytes of ILL_FORMED) {
      const talk = connected(version).receiveBytes(publishTo(version, bytes))
      const error = endedFor(talk, 0x81)
      equal(error.code, 'ERR_MQTT_MALFORMED_PACKET')
      equal(talk.messages.length, 0, bytes)
    }
    if (version === 4) return
    for (const bytes of ILL_FORMED) {
      const properties = `03 00 ${length(hex(bytes).length)} ${bytes}`
      endedFor(connected(5).receiveBytes(publishWith(properties)), 0x81)
    }
  },
)

rule(
  'an unpaired surrogate in any string is refused at the call',
  { v4: 'MQTT-1.5.3-1', v5: 'MQTT-1.5.4-1' },
  (version) => {
    for (const text of ['a\ud800', '\udc00b', '\ud83d\ud83d']) {
      for (const call of calls(version, text)) throws(call, TypeError, String(call))
    }
  },
)

rule(
  'U+0000 in a received string ends the connection',
  { v4: 'MQTT-1.5.3-2', v5: 'MQTT-1.5.4-2' },
  (version) => {
    endedFor(connected(version).receiveBytes(publishTo(version, '61 00 62')), 0x81)
    if (version === 5) endedFor(connected(5).receiveBytes(publishWith('03 00 01 00')), 0x81)
  },
)

rule(
  'U+0000 in any string is refused at the call',
  { v4: 'MQTT-1.5.3-2', v5: 'MQTT-1.5.4-2' },
  (version) => {
    for (const call of calls(version, 'a\0b')) throws(call, TypeError, String(call))
  },
)

rule(
  'EF BB BF in a string is a character in both directions',
  { v4: 'MQTT-1.5.3-3', v5: 'MQTT-1.5.4-3' },
  (version) => {
    const talk = connected(version).receiveBytes(publishTo(version, 'ef bb bf 61'))
    equal(talk.messages[0]?.topic, '\ufeffa')
    goesOn(talk)
    talk.publish('\ufeffa')
    equal(toHex(talk.sentBytes()).slice(6, 23), '00 04 ef bb bf 61')
  },
)

rule('control characters in a received string are kept', { v5: '§1.5.4' }, () => {
  const talk = connected(5).receiveBytes(publishTo(5, '01 7f ef bf bf'))
  equal(talk.messages[0]?.topic, '\u0001\u007f\uffff')
  talk.receiveBytes(publishWith('03 00 02 01 7f'))
  equal(talk.messages[1]?.properties.contentType, '\u0001\u007f')
  goesOn(talk)
})

rule('a Remaining Length is written in its shortest form', { v5: 'MQTT-1.5.5-1' }, () => {
  const talk = connected(5)
  // Topic `t` and no properties are 4 bytes of it.
  for (const [remaining, written] of [
    [4, '04'],
    [127, '7f'],
    [128, '80 01'],
    [16_383, 'ff 7f'],
    [16_384, '80 80 01'],
    [2_097_151, 'ff ff 7f'],
    [2_097_152, '80 80 80 01'],
  ] as const) {
    const payload = new Uint8Array(remaining - 4)
    const operation = new PublishOperation('t', 1, payload, payload.length, 0, false)
    talk.engine.publish(operation, true, 0)
    const bytes = talk.sentBytes()
    equal(toHex(bytes.subarray(1, bytes.length - remaining)), written)
  }
})

rule(
  'lengths and identifiers of properties are written in their shortest form',
  { v5: 'MQTT-1.5.5-1' },
  () => {
    const talk = connected(5)
    for (const [value, written] of [
      [1, '02 0b 01'],
      [127, '02 0b 7f'],
      [128, '03 0b 80 01'],
      [16_383, '03 0b ff 7f'],
      [16_384, '04 0b 80 80 01'],
      [268_435_455, '05 0b ff ff ff 7f'],
    ] as const) {
      const properties: Properties = { subscriptionIdentifiers: [value] }
      talk.request(new SubscribeOperation([{ filter: 'f', qos: 0 }], properties))
      const bytes = toHex(talk.sentBytes())
      equal(bytes.slice(12, 12 + written.length), written)
    }
    // 3 + 2 + 122 bytes of properties, and one more.
    for (const [size, written] of [
      [122, '7f 26'],
      [123, '80 01 26'],
    ] as const) {
      talk.publish('t', 0, { properties: { userProperties: [['', 'v'.repeat(size)]] } })
      const bytes = talk.sentBytes()
      const start = bytes.indexOf(0x74) + 1
      equal(toHex(bytes.subarray(start, start + written.length / 3 + 1)), written)
    }
  },
)

rule('an integer that is longer than need be ends the connection', { v5: 'MQTT-1.5.5-1' }, () => {
  for (const [what, bytes] of [
    ['Remaining Length 0 in two bytes', 'd0 80 00'],
    ['Remaining Length 5 in two bytes', '30 85 00 00 01 74 00 78'],
    ['Property Length 0 in two bytes', '30 05 00 01 74 80 00'],
    ['a subscription identifier of 1 in two bytes', '30 07 00 01 74 03 0b 81 00'],
    ['a property identifier in two bytes', '30 07 00 01 74 03 81 00 01'],
  ] as const) {
    const error = endedFor(connected(5).receiveBytes(hex(bytes)), 0x81)
    equal(error.code, 'ERR_MQTT_MALFORMED_PACKET', what)
  }
})

rule('both halves of a user property are checked when they come in', { v5: 'MQTT-1.5.7-1' }, () => {
  for (const bytes of [...ILL_FORMED, '00', '61 00']) {
    const half = `00 ${length(hex(bytes).length)} ${bytes}`
    endedFor(connected(5).receiveBytes(publishWith(`26 ${half} 00 00`)), 0x81)
    endedFor(connected(5).receiveBytes(publishWith(`26 00 00 ${half}`)), 0x81)
  }
  const talk = connected(5).receiveBytes(publishWith('26 00 01 6e 00 02 c3 a9'))
  deepEqual(talk.messages[0]?.properties.userProperties, [['n', 'é']])
})

rule('both halves of a user property are checked at the call', { v5: 'MQTT-1.5.7-1' }, () => {
  const { client } = testClient({ protocol: 5 })
  for (const bad of ['\ud800', '\0', 'v'.repeat(65_536)]) {
    for (const pair of [[bad, 'v'] as const, ['n', bad] as const]) {
      const properties = { userProperties: [pair] }
      throws(() => client.publish('t', '', { properties }))
      throws(() => testClient({ properties }))
      throws(() => client.setLastWill('t', '', { properties }))
    }
  }
})

rule('a packet without properties has a Property Length of 0', { v5: 'MQTT-2.2.2-1' }, () => {
  const talk = connected(5)
  talk.publish('t')
  equal(toHex(talk.sentBytes()), '30 05 00 01 74 00 78')
  talk.publish('t', 1)
  equal(toHex(talk.sentBytes()), '32 07 00 01 74 00 01 00 78')
  talk.subscribe('f')
  equal(toHex(talk.sentBytes()), '82 07 00 02 00 00 01 66 01')
  talk.unsubscribe('f')
  equal(toHex(talk.sentBytes()), 'a2 06 00 03 00 00 01 66')
  const will = { topic: 't', payload: encodeUtf8('w'), qos: 0, retain: false } as const
  const bytes = toHex(new Conversation(5, { settings: { will } }).open().sentBytes())
  // After the client id: will properties, will topic, will payload.
  equal(bytes.split('73 65 6e 73 6f 72 ')[1], '00 00 01 74 00 01 77')
  const other = new Conversation(5, { settings: { will: { ...will, properties: NO_PROPERTIES } } })
  equal(toHex(other.open().sentBytes()), bytes)
})

rule('AUTH carries a Property Length with its properties', { v5: 'MQTT-2.2.2-1' }, () => {
  const talk = connected(5, { settings: { authenticationMethod: 'M' } })
  talk.engine.authenticate(undefined, true, 0)
  equal(only(talk, 15).properties.authenticationMethod, 'M')
})
