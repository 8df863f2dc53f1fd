// Order: what waits goes out in the order of the calls over all QoS, what is sent again goes first and
// in its own order, and each acknowledgement keeps the order of what it answers. §4.6

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { QoS } from '../../src/codec/packets.ts'
import type { InboundMessage } from '../../src/engine/inbound-message.ts'
import { puback, pubcomp, published, pubrec, Rig, sentAre } from '../support/engine-rig.ts'
import { runs } from '../support/seed.ts'

/** The topics of the PUBLISH packets that were sent on this connection. */
function topicsOf(rig: Rig): string[] {
  return rig.sent.flatMap((packet) => (packet.type === 3 ? [packet.topic] : []))
}

describe('the order of sending', () => {
  test('is that of the calls over all QoS while everything waits', () => {
    const rig = new Rig()
    rig.dial()
    const qos: readonly QoS[] = [0, 1, 2, 0, 2, 1, 0]
    qos.forEach((level, i) => rig.publish(`t${i}`, level))
    rig.do((engine, now) => engine.handleOpened(now))
    rig.flush()
    rig.receive({ type: 2, sessionPresent: false, reasonCode: 0, properties: {} })
    deepEqual(
      topicsOf(rig),
      qos.map((_, i) => `t${i}`),
    )
  })

  test('is that of the calls behind a full window', () => {
    const rig = new Rig()
    rig.connect({ receiveMaximum: 1 })
    for (const [topic, qos] of [
      ['a', 1],
      ['b', 0],
      ['c', 2],
      ['d', 0],
      ['e', 1],
    ] as const) {
      rig.publish(topic, qos)
    }
    rig.receive(puback(1))
    rig.receive(pubrec(2))
    rig.receive(pubcomp(2))
    rig.receive(puback(3))
    deepEqual(topicsOf(rig), ['a', 'b', 'c', 'd', 'e'])
  })

  test('is that of the calls when the buffer is full of what is encoded', () => {
    const rig = new Rig()
    rig.connect()
    const payload = new Uint8Array(100_000)
    const topics = Array.from({ length: 30 }, (_, i) => `t${i}`)
    for (const topic of topics) rig.publish(topic, 0, { payload })
    ok(rig.engine.out.sizeBytes < 1_200_000, 'It does not encode without a bound')
    rig.publish('last', 1)
    rig.flush()
    deepEqual(topicsOf(rig), [...topics, 'last'])
  })

  test('puts what is sent again first, in its original order [MQTT-4.6.0-1]', () => {
    const rig = new Rig()
    rig.connect()
    for (const [topic, qos] of [
      ['a', 1],
      ['b', 2],
      ['c', 1],
      ['d', 2],
    ] as const) {
      rig.publish(topic, qos)
    }
    rig.flush()
    rig.close()
    rig.dial()
    rig.publish('new', 1)
    rig.do((engine, now) => engine.handleOpened(now))
    rig.flush()
    const present = { type: 2, sessionPresent: true, reasonCode: 0, properties: {} } as const
    sentAre(rig.receive(present), [
      'PUBLISH 1 a dup',
      'PUBLISH 2 b dup',
      'PUBLISH 3 c dup',
      'PUBLISH 4 d dup',
      'PUBLISH 5 new',
    ])
  })

  test('puts a new message at QoS 0 behind what is sent again, too', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1)
    rig.publish('b', 1)
    rig.flush()
    rig.close()
    sentAre(rig.resume({ receiveMaximum: 1 }), ['PUBLISH 1 a dup'])
    rig.publish('new', 0)
    sentAre(rig.flush(), [])
    sentAre(rig.receive(puback(1)), ['PUBLISH 2 b dup', 'PUBLISH new'])
  })

  test('keeps the original order past the wrap of packet ids and over several reconnects', () => {
    const session = {
      clientId: 'client',
      lastId: 65_533,
      adopted: false,
      receivedIds: [],
      publishes: [],
    }
    const rig = new Rig({}, session)
    rig.connect({}, {}, true)
    rig.close()
    rig.connect()
    for (const topic of 'abcd') rig.publish(topic, 1)
    sentAre(rig.flush(), ['PUBLISH 65534 a', 'PUBLISH 65535 b', 'PUBLISH 1 c', 'PUBLISH 2 d'])
    rig.close()
    rig.resume()
    rig.receive(puback(65_535))
    rig.close()
    sentAre(rig.resume(), ['PUBLISH 65534 a dup', 'PUBLISH 1 c dup', 'PUBLISH 2 d dup'])
  })

  test('has PUBRELs in the order of the PUBRECs, also when they are sent again [MQTT-4.6.0-4]', () => {
    const rig = new Rig()
    rig.connect()
    for (const topic of 'abc') rig.publish(topic, 2)
    rig.flush()
    sentAre(rig.receive(pubrec(3), pubrec(1), pubrec(2)), ['PUBREL 3', 'PUBREL 1', 'PUBREL 2'])
    rig.close()
    sentAre(rig.resume(), ['PUBREL 3', 'PUBREL 1', 'PUBREL 2'])
  })

  test('lets a cancelled message leave a gap and no more', () => {
    const rig = new Rig()
    rig.connect({ receiveMaximum: 1 })
    const operations = Array.from('abcdefgh', (topic) => rig.publish(topic, 1))
    for (const i of [1, 2, 5, 7]) {
      rig.do((engine) => engine.cancel(operations[i] as (typeof operations)[number]))
    }
    equal(rig.engine.counters.waitingMessages, 3)
    for (let id = 1; id <= 4; id += 1) rig.receive(puback(id))
    deepEqual(topicsOf(rig), ['a', 'd', 'e', 'g'])
    equal(rig.engine.counters.waitingMessages, 0)
    equal(rig.engine.counters.waitingBytes, 0)
  })

  test('survives many cancellations in a long queue', () => {
    const rig = new Rig()
    rig.connect({ receiveMaximum: 1 })
    rig.publish('first', 1)
    const operations = Array.from({ length: 1_000 }, (_, i) => rig.publish(`t${i}`, 1))
    operations.forEach((operation, i) => {
      if (i % 10 !== 0)
        equal(
          rig.do((engine) => engine.cancel(operation)),
          'no',
        )
    })
    equal(rig.engine.counters.waitingMessages, 100)
    for (let id = 1; id <= 101; id += 1) rig.receive(puback(id))
    const kept = operations.map((_, i) => `t${i}`).filter((_, i) => i % 10 === 0)
    deepEqual(topicsOf(rig), ['first', ...kept])
  })
})

describe('the order of acknowledging', () => {
  /** Messages of the server, by their packet ids. */
  function receive(rig: Rig, ...qos: readonly (1 | 2)[]): InboundMessage[] {
    rig.receive(...qos.map((level, i) => published('m', { qos: level, packetId: i + 1 })))
    return rig.messages(qos.length)
  }

  test('is that of arrival for PUBACKs, whatever the order of handling [MQTT-4.6.0-2]', () => {
    const rig = new Rig()
    rig.connect()
    const [a, b, c] = receive(rig, 1, 1, 1)
    ok(a && b && c)
    sentAre(rig.acknowledge(c), [])
    sentAre(rig.acknowledge(b), [])
    sentAre(rig.acknowledge(a), ['PUBACK 1', 'PUBACK 2', 'PUBACK 3'])
  })

  test('is that of arrival over PUBACKs and PUBRECs [MQTT-4.6.0-3]', () => {
    const rig = new Rig()
    rig.connect()
    const [a, b, c] = receive(rig, 2, 1, 2)
    ok(a && b && c)
    sentAre(rig.acknowledge(b), [])
    sentAre(rig.acknowledge(a), ['PUBREC 1', 'PUBACK 2'])
    sentAre(rig.acknowledge(c), ['PUBREC 3'])
  })

  test('has one acknowledgement for a message, however often it is given', () => {
    const rig = new Rig()
    rig.connect()
    const [a] = receive(rig, 1)
    ok(a)
    sentAre(rig.acknowledge(a), ['PUBACK 1'])
    sentAre(rig.acknowledge(a, 0x80), [])
    sentAre(rig.acknowledge(a), [])
  })

  test('does not wait for a message that is held', () => {
    const rig = new Rig()
    rig.connect()
    const [a, b] = receive(rig, 1, 1)
    ok(a && b)
    sentAre(rig.acknowledge(b), [])
    rig.do((engine) => engine.hold(a))
    sentAre(rig.flush(), ['PUBACK 2'])
  })

  test('is that of arrival for every order of handling', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(1 as const, 2 as const), { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        (qos, random) => {
          const rig = new Rig()
          rig.connect()
          const left = receive(rig, ...qos)
          while (left.length > 0) {
            const at = (random.next().value as number) % left.length
            rig.acknowledge(left.splice(at, 1)[0] as InboundMessage)
          }
          const acks = rig.sent.flatMap((packet) =>
            packet.type === 4 || packet.type === 5 ? [packet.packetId] : [],
          )
          deepEqual(
            acks,
            qos.map((_, i) => i + 1),
          )
        },
      ),
      runs(200),
    )
  })
})
