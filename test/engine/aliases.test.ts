// Topic aliases, both ways: used as far as the other side allows, least recently used first, and dead
// with their connection. §3.3.2.3.4

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Packet } from '../../src/codec/packets.ts'
import { InboundAliases, OutboundAliases } from '../../src/engine/aliases.ts'
import { ProtocolError } from '../../src/errors.ts'
import { errorIs, published, Rig, sentAre } from '../support/engine-rig.ts'
import { runs } from '../support/seed.ts'

/** Topic and alias of each PUBLISH. */
function aliasesOf(packets: readonly Packet[]): (readonly [string, number | undefined])[] {
  return packets.flatMap((packet) =>
    packet.type === 3 ? [[packet.topic, packet.properties.topicAlias] as const] : [],
  )
}

function publishAll(
  rig: Rig,
  topics: readonly string[],
): (readonly [string, number | undefined])[] {
  for (const topic of topics) rig.publish(topic, 0)
  return aliasesOf(rig.flush())
}

describe('topic aliases towards the server', () => {
  test('are used from the second time on [MQTT-3.3.2-8]', () => {
    const rig = new Rig({ outboundTopicAliases: 2 })
    rig.connect({ topicAliasMaximum: 10 })
    deepEqual(publishAll(rig, ['a', 'a', 'b', 'a', 'b', 'b']), [
      ['a', 1],
      ['', 1],
      ['b', 2],
      ['', 1],
      ['', 2],
      ['', 2],
    ])
  })

  test('go from the topic that was used longest ago to a new one', () => {
    const rig = new Rig({ outboundTopicAliases: 2 })
    rig.connect({ topicAliasMaximum: 2 })
    deepEqual(publishAll(rig, ['a', 'b', 'a', 'c', 'a', 'b', 'c']), [
      ['a', 1],
      ['b', 2],
      ['', 1],
      ['c', 2],
      ['', 1],
      ['b', 2],
      ['c', 1],
    ])
  })

  test('are as many as both sides allow [MQTT-3.2.2-17]', () => {
    for (const [ours, theirs] of [
      [2, 5],
      [5, 2],
    ] as const) {
      const rig = new Rig({ outboundTopicAliases: ours })
      rig.connect({ topicAliasMaximum: theirs })
      const used = publishAll(rig, ['a', 'b', 'c', 'd']).map(([, alias]) => alias)
      deepEqual(used, [1, 2, 1, 2])
    }
  })

  test('are not used when one side allows none, nor on 3.1.1 [MQTT-3.2.2-18]', () => {
    for (const [ours, theirs, version] of [
      [0, 5, 5],
      [5, 0, 5],
      [5, undefined, 5],
      [5, undefined, 4],
    ] as const) {
      const rig = new Rig({ outboundTopicAliases: ours })
      const said = theirs === undefined ? {} : { topicAliasMaximum: theirs }
      rig.connect(said, { version })
      deepEqual(publishAll(rig, ['a', 'a']), [
        ['a', undefined],
        ['a', undefined],
      ])
    }
  })

  test('begin anew with each connection [MQTT-3.3.2-7]', () => {
    const rig = new Rig({ outboundTopicAliases: 2 })
    rig.connect({ topicAliasMaximum: 2 })
    publishAll(rig, ['a'])
    rig.publish('a', 1)
    rig.flush()
    rig.close()
    deepEqual(aliasesOf(rig.resume({ topicAliasMaximum: 2 })), [['a', 1]])
    rig.close()
    deepEqual(aliasesOf(rig.resume()), [['a', undefined]])
  })

  test('mean the same to a reader as the topics, whatever is published', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 50 }),
        (maximum, topics) => {
          const ours = new OutboundAliases(maximum)
          const reader = new InboundAliases(maximum)
          for (const topic of topics) {
            const alias = ours.use(topic)
            equal(reader.resolve(alias, ours.known ? '' : topic), topic)
          }
        },
      ),
      runs(300),
    )
  })

  test('keep those used last, as a plain list of recent topics does', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 50 }),
        (maximum, topics) => {
          const ours = new OutboundAliases(maximum)
          let recent: string[] = []
          for (const topic of topics) {
            ours.use(topic)
            equal(ours.known, recent.includes(topic))
            recent = [topic, ...recent.filter((one) => one !== topic)].slice(0, maximum)
          }
        },
      ),
      runs(300),
    )
  })
})

describe('topic aliases of the server', () => {
  test('stand for the topic that came with them last', () => {
    const rig = new Rig({ topicAliasMaximum: 2 })
    rig.connect()
    const by = (topic: string, topicAlias: number): Packet =>
      published(topic, { properties: { topicAlias } })
    rig.receive(by('a', 1), by('', 1), by('b', 2), by('', 1), by('c', 1), by('', 1), by('', 2))
    const topics = rig.messages(7).map(({ topic }) => topic)
    deepEqual(topics, ['a', 'a', 'b', 'a', 'c', 'c', 'b'])
  })

  for (const [what, topic, topicAlias, reasonCode] of [
    ['is above our maximum [MQTT-3.1.2-26]', 'a', 3, 0x94],
    ['stands for nothing', '', 1, 0x82],
  ] as const) {
    test(`end the connection when one ${what}`, () => {
      const rig = new Rig({ topicAliasMaximum: 2 })
      rig.connect()
      const sent = rig.receive(published(topic, { properties: { topicAlias } }))
      sentAre(sent, [`DISCONNECT 0x${reasonCode.toString(16)}`])
      errorIs(rig.end(), ProtocolError, { reasonCode })
    })
  }

  test('are not allowed when our maximum is 0, which CONNECT leaves out [MQTT-3.1.2-27]', () => {
    const rig = new Rig({ topicAliasMaximum: 0 })
    rig.connect()
    const [connect] = rig.sent
    ok(connect?.type === 1)
    equal(connect.properties?.topicAliasMaximum, undefined)
    sentAre(rig.receive(published('a', { properties: { topicAlias: 1 } })), ['DISCONNECT 0x94'])
  })

  test('begin anew with each connection', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a', { properties: { topicAlias: 1 } }))
    rig.close()
    rig.resume()
    sentAre(rig.receive(published('', { properties: { topicAlias: 1 } })), ['DISCONNECT 0x82'])
  })

  test('are told in the copy of a QoS 2 message that the application has already', () => {
    const rig = new Rig()
    rig.connect()
    const properties = { topicAlias: 1 }
    rig.receive(published('a', { qos: 2, packetId: 1 }))
    rig.receive(published('b', { qos: 2, packetId: 1, dup: true, properties }))
    rig.message()
    rig.receive(published('', { properties }))
    equal(rig.message().topic, 'b')
  })
})
