// portable
// What a client keeps from one connection to the next: messages in flight, which a session that is resumed
// still delivers, packet ids, and nothing at all when the session is gone.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Packet, PacketType } from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import { ConnectionLostError } from '../../src/errors.ts'
import { settle } from '../support/scripted-memory.ts'
import { connected, failure, reconnected, take, watch } from './conversation.ts'

const KEPT = { request: { cleanStart: false } } as const
const RESUMED = { ...KEPT, sessionPresent: true } as const

const brief = (packets: readonly Packet[]): string[] =>
  packets.flatMap((packet) => {
    if (packet.type === PacketType.PUBLISH) {
      return [`PUBLISH ${packet.topic} ${packet.packetId}${packet.dup ? ' DUP' : ''}`]
    }
    return packet.type === PacketType.PUBREL ? [`PUBREL ${packet.packetId}`] : []
  })

describe('a publish in flight when the connection ends', () => {
  for (const protocol of [4, 5] as const) {
    test(`rejects with sent "maybe", and is delivered by a resumed session on ${protocol}`, async () => {
      const made = await connected({ protocol }, KEPT)
      const payload = new Uint8Array(500).fill(9)
      const calls = [
        made.client.publish('t/1', payload, { qos: 1, retain: true }),
        made.client.publish('t/2', 'text', { qos: 2 }),
        made.client.publish('t/3', 'x', { qos: 2 }),
        made.client.publish('t/4', 'x', { qos: 1 }),
      ]
      payload.fill(0)
      await take(made.connection, PacketType.PUBLISH)
      await take(made.connection, PacketType.PUBLISH)
      made.connection.acknowledge(await take(made.connection, PacketType.PUBLISH))
      made.connection.acknowledge(await take(made.connection, PacketType.PUBLISH))
      await take(made.connection, PacketType.PUBREL)
      await calls[3]
      made.connection.destroy()
      for (const call of calls.slice(0, 3)) {
        const error = await failure(call, ConnectionLostError)
        equal(error.sent, 'maybe')
      }
      const { connection } = await reconnected(made, RESUMED)
      await settle()
      deepEqual(brief(connection.received), ['PUBREL 3', 'PUBLISH t/1 1 DUP', 'PUBLISH t/2 2 DUP'])
      const again = connection.received.find(({ type }) => type === PacketType.PUBLISH)
      ok(again?.type === PacketType.PUBLISH)
      deepEqual([again.payload, again.retain], [new Uint8Array(500).fill(9), true])
      connection.autoRespond()
      await settle()
      deepEqual([made.client.state, made.client.statistics.inflight], ['connected', 0])
      equal(made.client.statistics.strayAcknowledgements, 0)
    })
  }

  test('is forgotten when the server has no session [MQTT-3.2.2-5]', async () => {
    const made = await connected({}, KEPT)
    const publishing = failure(made.client.publish('a', 'b', { qos: 1 }), ConnectionLostError)
    await take(made.connection, PacketType.PUBLISH)
    made.connection.destroy()
    equal((await publishing).sent, 'maybe')
    const { connection } = await reconnected(made, KEPT)
    await settle()
    equal(connection.received.length, 1)
    equal(made.client.statistics.inflight, 0)
  })

  test('is forgotten after a clean start', async () => {
    const made = await connected({}, KEPT)
    watch(made.client.publish('a', 'b', { qos: 1 }))
    await take(made.connection, PacketType.PUBLISH)
    made.connection.destroy()
    await settle()
    const { connection } = await reconnected(made)
    await settle()
    equal(connection.received.length, 1)
  })

  test('is forgotten when the session ended with its connection', async () => {
    const made = await connected()
    watch(made.client.publish('a', 'b', { qos: 1 }))
    await take(made.connection, PacketType.PUBLISH)
    made.connection.destroy()
    await settle()
    const { connection } = await reconnected(made, KEPT)
    await settle()
    equal(connection.received.length, 1)
  })

  test('is sent again through a second loss, still with DUP and its id', async () => {
    const made = await connected({}, KEPT)
    watch(made.client.publish('a', 'b', { qos: 1 }))
    await take(made.connection, PacketType.PUBLISH)
    let { connection } = made
    for (let round = 0; round < 3; round += 1) {
      connection.destroy()
      await settle()
      connection = (await reconnected(made, RESUMED)).connection
      await settle()
      deepEqual(brief(connection.received), ['PUBLISH a 1 DUP'])
    }
    connection.autoRespond()
    await settle()
    equal(made.client.statistics.inflight, 0)
  })

  test('survives a connect that fails in between', async () => {
    const made = await connected({}, KEPT)
    watch(made.client.publish('a', 'b', { qos: 2 }))
    await take(made.connection, PacketType.PUBLISH)
    made.connection.destroy()
    await settle()
    made.server.refuse = new Error('no route')
    await failure(made.client.connect({ cleanStart: false }), ConnectionLostError)
    made.server.refuse = undefined
    const { connection } = await reconnected(made, RESUMED)
    await settle()
    deepEqual(brief(connection.received), ['PUBLISH a 1 DUP'])
  })

  test('goes before what is published afterwards, within the new window', async () => {
    const made = await connected({}, KEPT)
    for (const topic of ['old/1', 'old/2']) watch(made.client.publish(topic, 'x', { qos: 1 }))
    await take(made.connection, PacketType.PUBLISH)
    await take(made.connection, PacketType.PUBLISH)
    made.connection.destroy()
    await settle()
    const connecting = made.client.connect({ cleanStart: false })
    const fresh = made.client.publish('new', 'x', { qos: 1 })
    const connection = await made.server.connection()
    await connection.accept({ receiveMaximum: 1 }, true)
    await connecting
    await settle()
    deepEqual(brief(connection.received), ['PUBLISH old/1 1 DUP'])
    connection.autoRespond()
    await fresh
    deepEqual(brief(connection.received), [
      'PUBLISH old/1 1 DUP',
      'PUBLISH old/2 2 DUP',
      'PUBLISH new 3',
    ])
  })

  test('has rejected when it was never sent with sent "no", and is not sent later', async () => {
    const made = await connected({}, { ...KEPT, connack: { receiveMaximum: 1 } })
    const [first, second] = [1, 2].map((n) => made.client.publish(`t/${n}`, 'x', { qos: 1 }))
    await take(made.connection, PacketType.PUBLISH)
    made.connection.destroy()
    equal((await failure(first as Promise<unknown>, ConnectionLostError)).sent, 'maybe')
    equal((await failure(second as Promise<unknown>, ConnectionLostError)).sent, 'no')
    const { connection } = await reconnected(made, RESUMED)
    await settle()
    deepEqual(brief(connection.received), ['PUBLISH t/1 1 DUP'])
  })
})

describe('packet ids', () => {
  test('go on across connections and are not given out while in flight', async () => {
    const made = await connected({}, KEPT)
    watch(made.client.publish('stuck', 'x', { qos: 1 }))
    await take(made.connection, PacketType.PUBLISH)
    made.connection.destroy()
    await settle()
    const { connection } = await reconnected(made, RESUMED)
    await take(connection, PacketType.PUBLISH)
    const ids = new Set<number>()
    for (let index = 0; index < 100; index += 1) {
      const publishing = made.client.publish('a', 'x', { qos: 1 })
      const packet = await take(connection, PacketType.PUBLISH)
      ids.add(packet.packetId)
      connection.acknowledge(packet)
      await publishing
    }
    deepEqual([ids.size, ids.has(1)], [100, false])
  })
})

describe('a QoS 2 message from the server', () => {
  test('is handled once when the connection ends between PUBREC and PUBREL', async () => {
    const made = await connected({}, KEPT)
    const seen: string[] = []
    made.client.setCallback((topic) => seen.push(topic))
    made.connection.publish('a', 'x', { qos: 2, packetId: 8 })
    await take(made.connection, PacketType.PUBREC)
    made.connection.destroy()
    await settle()
    const { connection } = await reconnected(made, RESUMED)
    connection.publish('a', 'x', { qos: 2, packetId: 8, dup: true })
    connection.acknowledge(await take(connection, PacketType.PUBREC))
    equal((await take(connection, PacketType.PUBCOMP)).reasonCode, 0)
    deepEqual(seen, ['a'])
  })

  test('is a new one when the session is gone', async () => {
    const made = await connected({}, KEPT)
    const seen: string[] = []
    made.client.setCallback((topic) => seen.push(topic))
    made.connection.publish('a', 'x', { qos: 2, packetId: 8 })
    await take(made.connection, PacketType.PUBREC)
    made.connection.destroy()
    await settle()
    const { connection } = await reconnected(made, KEPT)
    connection.publish('b', 'x', { qos: 2, packetId: 8 })
    await take(connection, PacketType.PUBREC)
    deepEqual(seen, ['a', 'b'])
  })
})

describe('topic aliases', () => {
  test('of ours begin anew with each connection [MQTT-3.3.2-7]', async () => {
    const made = await connected({}, { ...KEPT, connack: { topicAliasMaximum: 5 } })
    await made.client.publish('hall/temperature', '1')
    await made.client.publish('hall/temperature', '2')
    const [first, second] = [
      await take(made.connection, PacketType.PUBLISH),
      await take(made.connection, PacketType.PUBLISH),
    ]
    deepEqual([first.topic, first.properties.topicAlias], ['hall/temperature', 1])
    deepEqual([second.topic, second.properties.topicAlias], ['', 1])
    await made.client.disconnect()
    const { connection } = await reconnected(made, {
      ...RESUMED,
      connack: { topicAliasMaximum: 5 },
    })
    await made.client.publish('hall/temperature', '3')
    const third = await take(connection, PacketType.PUBLISH)
    deepEqual([third.topic, third.properties.topicAlias], ['hall/temperature', 1])
  })

  test('of the server give the topic at every QoS', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    client.setCallback((topic) => seen.push(topic))
    connection.publish('hall/temperature', 'x', { properties: { topicAlias: 3 } })
    for (const qos of [0, 1, 2] as const) {
      connection.publish('', 'x', { qos, properties: { topicAlias: 3 } })
    }
    await settle()
    deepEqual(seen, new Array(4).fill('hall/temperature'))
    deepEqual(encodeUtf8(seen[0] ?? '').length, 16)
  })
})
