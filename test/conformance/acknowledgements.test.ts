// portable
// QoS 1 and 2, as sender and as receiver: who answers what, in which order, and with which code. §4.3, §4.6

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { PacketType } from '../../src/codec/packets.ts'
import { settle } from '../support/scripted-memory.ts'
import {
  CODES,
  brief,
  connected,
  endedFor,
  goesOn,
  hex,
  KEPT,
  only,
  reconnect,
  toHex,
} from './conversation.ts'
import { connectedClient } from './connected-client.ts'
import { rule } from './rule.ts'

const { PUBACK, PUBREC, PUBREL, PUBCOMP } = PacketType

rule(
  'a QoS 1 message goes out with DUP 0 and an identifier of its own',
  { v4: 'MQTT-4.3.2-1', v5: 'MQTT-4.3.2-1 MQTT-4.3.2-2' },
  (version) => {
    const talk = connected(version)
    talk.publish('a', 1)
    talk.publish('a', 1)
    equal(talk.sentBytes()[0], 0x32)
    talk.publish('a', 1)
    deepEqual(talk.sentBriefly(), ['PUBLISH a 3'])
  },
)

rule(
  'a QoS 1 message is unacknowledged until its PUBACK',
  { v4: 'MQTT-4.3.2-1', v5: 'MQTT-4.3.2-3' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    const [a, b] = [talk.publish('a', 1), talk.publish('b', 1)]
    talk.sent()
    talk.receiveAck(PUBACK, 2)
    deepEqual(talk.settled, [b])
    equal(a.answer, undefined)
    reconnect(talk, true)
    deepEqual(talk.sentBriefly(), ['PUBLISH a 1 dup'])
    talk.receiveAck(PUBACK, 1)
    reconnect(talk, true)
    deepEqual(talk.sentBriefly(), [])
  },
)

rule(
  'a QoS 1 message is answered with PUBACK once the application is done with it',
  { v4: 'MQTT-4.3.2-2', v5: 'MQTT-4.3.2-4' },
  async (version) => {
    const { client, connection } = await connectedClient({ protocol: version })
    let finish: () => void = () => undefined
    client.setCallback(() => new Promise<void>((resolve) => (finish = resolve)))
    connection.publish('t', 'x', { qos: 1, packetId: 9 })
    await settle()
    equal(connection.received.length, 1)
    finish()
    equal(brief(await connection.next(PUBACK)), 'PUBACK 9')
  },
)

rule(
  'after PUBACK the same identifier is a new message, whatever DUP says',
  { v4: 'MQTT-4.3.2-2', v5: 'MQTT-4.3.2-5' },
  (version) => {
    const talk = connected(version)
    for (const dup of [false, false, true, true]) {
      talk.receivePublish({ qos: 1, packetId: 9, dup }).acknowledge(talk.messages.at(-1))
      equal(only(talk, PUBACK).packetId, 9)
    }
    equal(talk.messages.length, 4)
  },
)

rule(
  'a QoS 2 message goes out with DUP 0 and an identifier of its own',
  { v4: 'MQTT-4.3.3-1', v5: 'MQTT-4.3.3-1 MQTT-4.3.3-2' },
  (version) => {
    const talk = connected(version)
    talk.publish('a', 2)
    equal(talk.sentBytes()[0], 0x34)
    talk.receiveAck(PUBREC, 1)
    // The identifier is in use until PUBCOMP.
    talk.publish('b', 2)
    deepEqual(talk.sentBriefly(), ['PUBREL 1', 'PUBLISH b 2'])
  },
)

rule(
  'a QoS 2 message is unacknowledged until its PUBREC',
  { v4: 'MQTT-4.3.3-1', v5: 'MQTT-4.3.3-3' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    talk.publish('a', 2)
    talk.sent()
    for (let i = 0; i < 2; i += 1) {
      reconnect(talk, true)
      deepEqual(talk.sentBriefly(), ['PUBLISH a 1 dup'])
    }
  },
)

rule(
  'PUBREC is answered with PUBREL of the same identifier',
  { v4: 'MQTT-4.3.3-1', v5: 'MQTT-4.3.3-4' },
  (version) => {
    const talk = connected(version)
    talk.publish('a', 2)
    talk.publish('b', 2)
    talk.sent()
    talk.receiveAck(PUBREC, 2)
    deepEqual(talk.sentBriefly(), ['PUBREL 2'])
    if (version === 5) {
      talk.receiveAck(PUBREC, 1, 0x10)
      deepEqual(talk.sentBriefly(), ['PUBREL 1'])
    }
  },
)

rule(
  'PUBREL is unacknowledged until its PUBCOMP, and the PUBLISH does not come again',
  { v4: 'MQTT-4.3.3-1', v5: 'MQTT-4.3.3-5 MQTT-4.3.3-6' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    const operation = talk.publish('a', 2)
    talk.receiveAck(PUBREC, 1)
    talk.sent()
    deepEqual(talk.settled, [])
    for (let i = 0; i < 2; i += 1) {
      reconnect(talk, true)
      deepEqual(talk.sentBriefly(), ['PUBREL 1'])
    }
    talk.receiveAck(PUBCOMP, 1)
    equal(operation.answer, 0)
    reconnect(talk, true)
    deepEqual(talk.sentBriefly(), [])
  },
)

rule('a message that was sent does not expire here', { v5: 'MQTT-4.3.3-7' }, () => {
  const talk = connected(5, { settings: KEPT })
  talk.publish('a', 2, { properties: { messageExpiryInterval: 2 } })
  talk.publish('b', 2, { properties: { messageExpiryInterval: 2 } })
  talk.receiveAck(PUBREC, 2)
  talk.sent()
  talk.elapse(10_000)
  reconnect(talk, true)
  deepEqual(talk.sentBriefly(), ['PUBREL 2', 'PUBLISH a 1 dup'])
  talk.receiveAck(PUBREC, 1)
  deepEqual(talk.sentBriefly(), ['PUBREL 1'])
})

rule(
  'a QoS 2 message is answered with PUBREC of its identifier',
  { v4: 'MQTT-4.3.3-2', v5: 'MQTT-4.3.3-8' },
  (version) => {
    const talk = connected(version)
    talk.receivePublish({ qos: 2, packetId: 0x0102 }).acknowledge(talk.messages[0])
    equal(toHex(talk.sentBytes()), '50 02 01 02')
  },
)

rule('after a refusing PUBREC the identifier is a new message', { v5: 'MQTT-4.3.3-9' }, () => {
  const talk = connected(5)
  talk.receivePublish({ qos: 2, packetId: 5 }).acknowledge(talk.messages[0], 0x83)
  deepEqual(talk.sentBriefly(), ['PUBREC 5 0x83'])
  talk.receivePublish({ qos: 2, packetId: 5 })
  equal(talk.messages.length, 2)
})

rule(
  'before PUBREL a repeated QoS 2 message gets PUBREC again and is not delivered twice',
  { v4: 'MQTT-4.3.3-2', v5: 'MQTT-4.3.3-10' },
  (version) => {
    const talk = connected(version)
    talk.receivePublish({ qos: 2, packetId: 5 })
    talk.receivePublish({ qos: 2, packetId: 5, dup: true })
    equal(talk.messages.length, 1)
    talk.acknowledge(talk.messages[0])
    ok(talk.sentBriefly().includes('PUBREC 5'))
    talk.receivePublish({ qos: 2, packetId: 5, dup: true })
    deepEqual(talk.sentBriefly(), ['PUBREC 5'])
    equal(talk.messages.length, 1)
  },
)

rule(
  'the receiver of QoS 2 remembers identifiers over a resumed session',
  { v4: 'MQTT-4.3.3-2', v5: 'MQTT-4.3.3-10 §4.3' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    talk.receivePublish({ qos: 2, packetId: 5 }).acknowledge(talk.messages[0])
    talk.sent()
    reconnect(talk, true)
    talk.receivePublish({ qos: 2, packetId: 5, dup: true })
    deepEqual(talk.sentBriefly(), ['PUBREC 5'])
    equal(talk.messages.length, 1)
    // And over a restart.
    const { session } = talk.engine
    const later = connected(version, { session, settings: KEPT, sessionPresent: true })
    later.receivePublish({ qos: 2, packetId: 5, dup: true })
    equal(later.messages.length, 0)
    later.receiveAck(PUBREL, 5)
    deepEqual(later.sentBriefly(), ['PUBREC 5', 'PUBCOMP 5'])
  },
)

rule(
  'a QoS 2 message that the application still has is not delivered twice',
  { v4: 'MQTT-4.3.3-2', v5: 'MQTT-4.3.3-10 §4.3' },
  (version) => {
    const talk = connected(version, { settings: KEPT })
    talk.receivePublish({ qos: 2, packetId: 5 })
    reconnect(talk, true)
    talk.receivePublish({ qos: 2, packetId: 5, dup: true })
    equal(talk.messages.length, 1)
    talk.acknowledge(talk.messages[0])
    deepEqual(talk.sentBriefly(), ['PUBREC 5'])
  },
)

rule(
  'PUBREL is answered with PUBCOMP of the same identifier',
  { v4: 'MQTT-4.3.3-2', v5: 'MQTT-4.3.3-11' },
  (version) => {
    const talk = connected(version)
    talk.receivePublish({ qos: 2, packetId: 0x0102 }).acknowledge(talk.messages[0])
    talk.sent()
    talk.receiveAck(PUBREL, 0x0102)
    equal(toHex(talk.sentBytes()), '70 02 01 02')
  },
)

rule(
  'PUBREL for an unknown identifier is answered with PUBCOMP',
  { v4: 'MQTT-4.3.3-2', v5: '§3.6.2.1 MQTT-4.3.3-11' },
  (version) => {
    const talk = connected(version).receiveAck(PUBREL, 77)
    deepEqual(talk.sentBriefly(), [version === 5 ? 'PUBCOMP 77 0x92' : 'PUBCOMP 77'])
    goesOn(talk)
  },
)

rule(
  'after PUBCOMP the identifier is a new message',
  { v4: 'MQTT-4.3.3-2', v5: 'MQTT-4.3.3-12' },
  (version) => {
    const talk = connected(version)
    for (let i = 0; i < 2; i += 1) {
      talk.receivePublish({ qos: 2, packetId: 5 }).acknowledge(talk.messages[i])
      talk.receiveAck(PUBREL, 5)
    }
    equal(talk.messages.length, 2)
    deepEqual(talk.sentBriefly(), ['PUBREC 5', 'PUBCOMP 5', 'PUBREC 5', 'PUBCOMP 5'])
  },
)

rule(
  'the exchange of a received message is finished after its expiry',
  { v5: 'MQTT-4.3.3-13' },
  () => {
    const talk = connected(5)
    const properties = { messageExpiryInterval: 1 }
    talk.receivePublish({ qos: 2, packetId: 5, properties })
    talk.elapse(5_000)
    talk.acknowledge(talk.messages[0])
    deepEqual(talk.sentBriefly(), ['PUBREC 5'])
    talk.elapse(5_000)
    talk.receiveAck(PUBREL, 5)
    deepEqual(talk.sentBriefly(), ['PUBCOMP 5'])
  },
)

rule('a refusing PUBACK or PUBREC ends the message', { v5: 'MQTT-4.4.0-2' }, () => {
  const talk = connected(5, { settings: KEPT })
  const [a, b] = [talk.publish('a', 1), talk.publish('b', 2)]
  talk.sent()
  talk.receiveAck(PUBACK, 1, 0x87).receiveAck(PUBREC, 2, 0x97)
  deepEqual([a.answer, b.answer], [0x87, 0x97])
  deepEqual(talk.sentBriefly(), [])
  reconnect(talk, true)
  deepEqual(talk.sentBriefly(), [])
})

rule('PUBACKs go out in the order of arrival', { both: 'MQTT-4.6.0-2' }, (version) => {
  const talk = connected(version)
  for (const packetId of [7, 3, 5]) talk.receivePublish({ qos: 1, packetId })
  talk.acknowledge(talk.messages[2]).acknowledge(talk.messages[1])
  deepEqual(talk.sentBriefly(), [])
  talk.acknowledge(talk.messages[0])
  deepEqual(talk.sentBriefly(), ['PUBACK 7', 'PUBACK 3', 'PUBACK 5'])
})

rule('PUBRECs go out in the order of arrival', { both: 'MQTT-4.6.0-3' }, (version) => {
  const talk = connected(version)
  for (const packetId of [7, 3, 5]) talk.receivePublish({ qos: 2, packetId })
  talk.acknowledge(talk.messages[1]).acknowledge(talk.messages[2])
  deepEqual(talk.sentBriefly(), [])
  talk.acknowledge(talk.messages[0])
  deepEqual(talk.sentBriefly(), ['PUBREC 7', 'PUBREC 3', 'PUBREC 5'])
})

rule('PUBRELs go out in the order of the PUBRECs', { both: 'MQTT-4.6.0-4' }, (version) => {
  const talk = connected(version, { settings: KEPT })
  for (const topic of ['a', 'b', 'c']) talk.publish(topic, 2)
  talk.sent()
  for (const packetId of [2, 3, 1]) talk.receiveAck(PUBREC, packetId)
  deepEqual(talk.sentBriefly(), ['PUBREL 2', 'PUBREL 3', 'PUBREL 1'])
  reconnect(talk, true)
  deepEqual(talk.sentBriefly(), ['PUBREL 2', 'PUBREL 3', 'PUBREL 1'])
})

for (const [name, type, id] of [
  ['PUBACK', PUBACK, 'MQTT-3.4.2-1'],
  ['PUBREC', PUBREC, 'MQTT-3.5.2-1'],
  ['PUBREL', PUBREL, 'MQTT-3.6.2-1'],
  ['PUBCOMP', PUBCOMP, 'MQTT-3.7.2-1'],
] as const) {
  rule(`a received ${name} with an undefined reason code ends the connection`, { v5: id }, () => {
    const defined =
      type === PUBREL || type === PUBCOMP
        ? [0, 0x92]
        : [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
    for (const code of CODES) {
      const talk = connected(5)
      if (type === PUBACK) talk.publish('a', 1)
      else talk.publish('a', 2)
      if (type === PUBCOMP) talk.receiveAck(PUBREC, 1)
      talk.sent()
      talk.receiveBytes(Uint8Array.of((type << 4) | (type === PUBREL ? 2 : 0), 3, 0, 1, code))
      if (defined.includes(code)) goesOn(talk)
      else endedFor(talk, 0x82)
    }
  })
}

rule(
  'an undefined reason code of the application is refused at the call',
  { v5: 'MQTT-3.4.2-1 MQTT-3.5.2-1' },
  async () => {
    const { client, connection } = await connectedClient({ acknowledge: 'manual' })
    for (const qos of [1, 2] as const) {
      const waiting = client.waitMsg()
      connection.publish('t', 'x', { qos })
      const message = await waiting
      // 0x10 is for servers.
      for (const code of [1, 0x10, 0x42, 0x81, 0x92, 0xff, 256, -1, 0.5]) {
        throws(() => message.acknowledge(code), TypeError, `${code}`)
      }
      message.acknowledge(0x97)
      equal(brief(await connection.next()), `${qos === 1 ? 'PUBACK' : 'PUBREC'} ${qos} 0x97`)
    }
  },
)

rule(
  'PUBREL and PUBCOMP have the reason codes 0 and 0x92',
  { v5: 'MQTT-3.6.2-1 MQTT-3.7.2-1' },
  () => {
    const talk = connected(5)
    talk.publish('a', 2)
    talk.sent()
    talk.receiveAck(PUBREC, 1).receiveAck(PUBREC, 9)
    equal(toHex(talk.sentBytes()), '62 02 00 01 62 03 00 09 92')
    talk.receivePublish({ qos: 2, packetId: 1 }).acknowledge(talk.messages[0])
    talk.sent()
    talk.receiveAck(PUBREL, 1).receiveAck(PUBREL, 9)
    equal(toHex(talk.sentBytes()), '70 02 00 01 70 03 00 09 92')
  },
)

// An acknowledgement of ours never has a reason string or a user property, so that it always fits.
rule('PUBACK is never longer than 5 bytes', { v5: 'MQTT-3.4.2-2 MQTT-3.4.2-3' }, () => {
  const talk = connected(5, { properties: { maximumPacketSize: 5 } })
  talk.receivePublish({ qos: 1, packetId: 1 }).acknowledge(talk.messages[0], 0x83)
  equal(toHex(talk.sentBytes()), '40 03 00 01 83')
})

rule('PUBREC is never longer than 5 bytes', { v5: 'MQTT-3.5.2-2 MQTT-3.5.2-3' }, () => {
  const talk = connected(5, { properties: { maximumPacketSize: 5 } })
  talk.receivePublish({ qos: 2, packetId: 1 }).acknowledge(talk.messages[0], 0x83)
  equal(toHex(talk.sentBytes()), '50 03 00 01 83')
})

rule('PUBREL is never longer than 5 bytes', { v5: 'MQTT-3.6.2-2 MQTT-3.6.2-3' }, () => {
  const talk = connected(5).receiveBytes(hex('50 03 00 09 00'))
  equal(toHex(talk.sentBytes()), '62 03 00 09 92')
})

rule('PUBCOMP is never longer than 5 bytes', { v5: 'MQTT-3.7.2-2 MQTT-3.7.2-3' }, () => {
  const talk = connected(5).receiveAck(PUBREL, 9)
  equal(toHex(talk.sentBytes()), '70 03 00 09 92')
})

rule(
  'an acknowledgement of the wrong kind ends the connection',
  { v4: 'MQTT-4.3.2-1 MQTT-4.3.3-1', v5: 'MQTT-4.3.2-3 MQTT-4.3.3-3' },
  (version) => {
    endedFor(wrong(version, 1, PUBREC), 0x82)
    endedFor(wrong(version, 1, PUBCOMP), 0x82)
    endedFor(wrong(version, 2, PUBACK), 0x82)
    endedFor(wrong(version, 2, PUBCOMP), 0x82)
  },
)

function wrong(version: 4 | 5, qos: 1 | 2, type: 4 | 5 | 7): ReturnType<typeof connected> {
  const talk = connected(version)
  talk.publish('a', qos)
  talk.sent()
  return talk.receiveAck(type, 1)
}
