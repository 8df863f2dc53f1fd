// portable
// subscribe() and unsubscribe(): what goes out, what was granted, partial refusals, filters that two
// subscriptions share, and messages that come before SUBACK.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { ConnectionLostError, NotSupportedError, RejectedError } from '../../src/errors.ts'
import type { Message } from '../../src/simple/types.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import {
  connected,
  type Connected,
  count,
  failure,
  reconnected,
  take,
  watch,
} from './conversation.ts'

/** Answers the SUBSCRIBE that comes next with these codes. */
const grant = async (connection: ScriptedConnection, ...reasonCodes: number[]): Promise<void> => {
  const { packetId } = await take(connection, PacketType.SUBSCRIBE)
  connection.send({ type: PacketType.SUBACK, packetId, reasonCodes, properties: {} })
}

/** The answers to UNSUBSCRIBE. */
const release = async (connection: ScriptedConnection, ...reasonCodes: number[]): Promise<void> => {
  const { packetId } = await take(connection, PacketType.UNSUBSCRIBE)
  connection.send({ type: PacketType.UNSUBACK, packetId, reasonCodes, properties: {} })
}

test('unsubscribe and disconnect carry what is given to them, and refuse what they have not', async () => {
  const { client, connection } = await connected({}, { request: { sessionExpirySeconds: 60 } })
  const userProperties = [['why', 'the end']] as const
  const unsubscribed = client.unsubscribe('a', { properties: { userProperties } })
  deepEqual((await take(connection, PacketType.UNSUBSCRIBE)).properties, { userProperties })
  connection.send({ type: PacketType.UNSUBACK, packetId: 1, reasonCodes: [0], properties: {} })
  await unsubscribed
  throws(() => client.unsubscribe('a', { properties: { subscriptionId: 1 } as never }), TypeError)
  for (const properties of [
    { sessionExpirySeconds: -1 },
    { reasonString: 'no\0' },
    { serverReference: 'there' } as never,
  ]) {
    throws(() => client.disconnect({ properties }), Error)
  }
  void client.disconnect({
    properties: { sessionExpirySeconds: 7, reasonString: 'done', userProperties },
  })
  deepEqual((await take(connection, PacketType.DISCONNECT)).properties, {
    sessionExpiryInterval: 7,
    reasonString: 'done',
    userProperties,
  })
})

test('disconnect refuses to prolong a session that connect did not ask for [§3.14.2.2.2]', async () => {
  const properties = { sessionExpirySeconds: 7 }
  const wrong = /sessionExpirySeconds "7": connect asked for no session/
  for (const request of [
    {},
    { sessionExpirySeconds: 0 },
    { cleanStart: false, sessionExpirySeconds: 0 },
  ]) {
    for (const protocol of [4, 5] as const) {
      // Also where the server grants one.
      const connack = protocol === 5 ? { sessionExpiryInterval: 60 } : {}
      const made = await connected({ protocol }, { request, connack })
      throws(() => made.client.disconnect({ properties }), RangeError)
      throws(() => made.client.disconnect({ properties }), wrong)
      equal(made.client.state, 'connected')
      await made.client.disconnect({ properties: { sessionExpirySeconds: 0 } })
      // What was asked for last counts, connected or not.
      throws(() => made.client.disconnect({ properties }), wrong)
      await reconnected(made, { request: { cleanStart: false } })
      await made.client.disconnect({ properties })
    }
  }
  await testClient().client.disconnect({ properties })
})

describe('subscribe', () => {
  test('sends every filter with its options in one SUBSCRIBE', async () => {
    const { client, connection } = await connected()
    watch(
      client.subscribe(['a/+', '$share/g/b/#'], {
        qos: 2,
        retainAsPublished: true,
        retainHandling: 1,
      }),
    )
    watch(client.subscribe('c', { qos: 1, noLocal: true }))
    const options = { qos: 2, noLocal: false, retainAsPublished: true, retainHandling: 1 }
    deepEqual((await take(connection, PacketType.SUBSCRIBE)).subscriptions, [
      { filter: 'a/+', ...options },
      { filter: '$share/g/b/#', ...options },
    ])
    deepEqual((await take(connection, PacketType.SUBSCRIBE)).subscriptions, [
      { filter: 'c', qos: 1, noLocal: true, retainAsPublished: false, retainHandling: 0 },
    ])
  })

  test('sends its properties once for all filters, and nothing of what is changed later', async () => {
    const { client, connection } = await connected()
    const pair: [string, string] = ['who', 'me']
    const properties = { subscriptionId: 268_435_455, userProperties: [pair] }
    watch(client.subscribe(['a', 'b'], { properties }))
    pair[1] = 'you'
    watch(client.subscribe('c'))
    deepEqual((await take(connection, PacketType.SUBSCRIBE)).properties, {
      subscriptionIdentifiers: [268_435_455],
      userProperties: [['who', 'me']],
    })
    deepEqual((await take(connection, PacketType.SUBSCRIBE)).properties, {})
  })

  test('gives what was granted, filter by filter, also below what was asked for', async () => {
    const { client, connection } = await connected()
    const subscribing = client.subscribe(['a', 'b', 'c'], { qos: 2 })
    await grant(connection, 2, 1, 0)
    deepEqual((await subscribing).granted, [
      { filter: 'a', reasonCode: 2, qos: 2 },
      { filter: 'b', reasonCode: 1, qos: 1 },
      { filter: 'c', reasonCode: 0, qos: 0 },
    ])
  })

  test('keeps what was granted when other filters were refused', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    const subscribing = client.subscribe(['a', 'b', 'c'], {}, (topic) => seen.push(topic))
    await grant(connection, 0, 0x87, 0)
    const subscription = await subscribing
    deepEqual(subscription.granted[1], { filter: 'b', reasonCode: 0x87, qos: undefined })
    for (const topic of ['a', 'b', 'c']) connection.publish(topic, 'x')
    await settle()
    deepEqual(seen, ['a', 'c'])
    const leaving = subscription.unsubscribe()
    const { filters, packetId } = await take(connection, PacketType.UNSUBSCRIBE)
    deepEqual(filters, ['a', 'c'])
    connection.send({ type: PacketType.UNSUBACK, packetId, reasonCodes: [0, 0], properties: {} })
    await leaving
  })

  test('rejects when every filter was refused, and its handler is gone', async () => {
    for (const reasonCode of [0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]) {
      const { client, connection } = await connected()
      const seen: string[] = []
      const subscribing = client.subscribe(['a', 'b'], {}, (topic) => seen.push(topic))
      await grant(connection, reasonCode, 0x80)
      const error = await failure(subscribing, RejectedError)
      deepEqual([error.reasonCode, error.packetType], [reasonCode, PacketType.SUBACK])
      match(error.message, /subscribe to "a"/)
      connection.publish('a', 'x')
      await settle()
      deepEqual([seen, client.state], [[], 'connected'])
    }
  })

  test('says what the server said with its refusal', async () => {
    const { client, connection } = await connected()
    const subscribing = client.subscribe('a')
    const { packetId } = await take(connection, PacketType.SUBSCRIBE)
    const properties = { reasonString: 'not for you' }
    const suback = { type: PacketType.SUBACK, packetId, reasonCodes: [0x87], properties }
    connection.send(suback)
    const error = await failure(subscribing, RejectedError)
    deepEqual([error.reasonString, error.message.endsWith(': not for you')], ['not for you', true])
    const leaving = client.unsubscribe('a')
    const asked = await take(connection, PacketType.UNSUBSCRIBE)
    connection.send({ ...suback, type: PacketType.UNSUBACK, packetId: asked.packetId })
    equal((await failure(leaving, RejectedError)).reasonString, 'not for you')
  })

  test('rejects what the server does not offer, before a byte is sent', async () => {
    const { client, connection } = await connected(
      {},
      {
        connack: {
          wildcardSubscriptionAvailable: false,
          sharedSubscriptionAvailable: false,
        },
      },
    )
    const rows = [
      ['a/#', 'wildcardSubscriptionAvailable'],
      ['a/+/b', 'wildcardSubscriptionAvailable'],
      ['$share/g/a', 'sharedSubscriptionAvailable'],
    ] as const
    for (const [filter, limit] of rows) {
      const error = await failure(client.subscribe(['a', filter]), NotSupportedError)
      deepEqual([error.limit, error.sent], [limit, 'no'])
      ok(error.message.includes(`"${filter}"`), error.message)
    }
    await settle()
    equal(connection.received.length, 1)
  })

  test('takes a message that comes before SUBACK', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    const first = client.subscribe('a', {}, (_, __, { retain }) => seen.push(`a ${retain}`))
    const second = client.subscribe('b')
    connection.publish('a', 'kept', { retain: true })
    connection.publish('b', 'kept', { retain: true })
    await grant(connection, 0)
    await grant(connection, 0)
    await first
    deepEqual(seen, ['a true'])
    const { value } = await (await second)[Symbol.asyncIterator]().next()
    equal((value as Message).topic, 'b')
  })

  test('is answered by packet id when the server answers out of order', async () => {
    const { client, connection } = await connected()
    const calls = [client.subscribe('a', { qos: 1 }), client.subscribe('b', { qos: 1 })]
    const ids = [
      (await take(connection, PacketType.SUBSCRIBE)).packetId,
      (await take(connection, PacketType.SUBSCRIBE)).packetId,
    ] as const
    const suback = { type: PacketType.SUBACK, properties: {} } as const
    connection.send({ ...suback, packetId: ids[1], reasonCodes: [1] })
    connection.send({ ...suback, packetId: ids[0], reasonCodes: [0] })
    const granted = (await Promise.all(calls)).map((one) => one.granted[0])
    deepEqual(granted, [
      { filter: 'a', reasonCode: 0, qos: 0 },
      { filter: 'b', reasonCode: 1, qos: 1 },
    ])
  })

  test('ends the connection when SUBACK has not a code for each filter [MQTT-3.8.4-6]', async () => {
    const { client, connection } = await connected()
    const subscribing = client.subscribe(['a', 'b'])
    await grant(connection, 0)
    const error = await failure(subscribing, ConnectionLostError)
    equal((error.cause as Error).name, 'ProtocolError')
    await settle()
    equal(client.state, 'closed')
  })
})

describe('unsubscribe', () => {
  const subscribed = async (): Promise<Connected & { seen: string[] }> => {
    const made = await connected()
    const seen: string[] = []
    const subscribing = made.client.subscribe(['a', 'b'], {}, (topic) => seen.push(topic))
    await grant(made.connection, 0, 0)
    await subscribing
    return { ...made, seen }
  }

  test('takes filters back at the server; their handlers are gone at once', async () => {
    const { client, connection, seen } = await subscribed()
    const leaving = watch(client.unsubscribe('a'))
    connection.publish('a', 'x')
    connection.publish('b', 'x')
    await settle()
    deepEqual([seen, leaving.status], [['b'], 'open'])
    await release(connection, 0)
    await settle()
    equal(leaving.status, 'fulfilled')
  })

  test('settles also when the server knew of no subscription (0x11)', async () => {
    const { client, connection } = await connected()
    const leaving = client.unsubscribe(['a', 'b'])
    await release(connection, 0x11, 0)
    await leaving
  })

  test('rejects when the server refuses', async () => {
    const { client, connection } = await connected()
    const leaving = client.unsubscribe(['a', 'b'])
    await release(connection, 0, 0x87)
    const error = await failure(leaving, RejectedError)
    deepEqual([error.reasonCode, error.packetType], [0x87, PacketType.UNSUBACK])
    match(error.message, /unsubscribe from "b"/)
  })

  test('works on MQTT 3.1.1, where UNSUBACK has no codes', async () => {
    const { client, connection } = await connected({ protocol: 4 })
    connection.autoRespond()
    await client.subscribe(['a', 'b'])
    await client.unsubscribe(['a', 'b'])
    equal(count(connection, PacketType.UNSUBSCRIBE), 1)
  })
})

describe('a subscription', () => {
  test('that is one of two on a filter leaves it to the other', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const seen: string[] = []
    const first = await client.subscribe(['a', 'b'], {}, (topic) => seen.push(`1 ${topic}`))
    const second = await client.subscribe('a', {}, (topic) => seen.push(`2 ${topic}`))
    await first.unsubscribe()
    const packet = connection.received.at(-1)
    ok(packet?.type === PacketType.UNSUBSCRIBE)
    deepEqual(packet.filters, ['b'])
    connection.publish('a', 'x')
    await settle()
    deepEqual(seen, ['2 a'])
    await second.unsubscribe()
    equal(count(connection, PacketType.UNSUBSCRIBE), 2)
  })

  test('with a lower QoS does not lower another one on its filter [MQTT-3.8.4-3]', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const asked = (): (readonly [string, number])[] => {
      const packet = connection.received.at(-1)
      ok(packet?.type === PacketType.SUBSCRIBE)
      return packet.subscriptions.map(({ filter, qos }) => [filter, qos] as const)
    }
    const first = await client.subscribe(['a', 'b', 'c'], { qos: 1 })
    const second = await client.subscribe(['b', 'd'])
    deepEqual(asked(), [
      ['b', 1],
      ['d', 0],
    ])
    equal(second.granted[0]?.qos, 1)
    const third = await client.subscribe('b', { qos: 2 })
    deepEqual(asked(), [['b', 2]])
    await third.unsubscribe()
    await first.unsubscribe()
    await client.subscribe('b')
    deepEqual(asked(), [['b', 0]])
  })

  test('may be taken back twice: the server is told once', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const subscription = await client.subscribe('a')
    await Promise.all([subscription.unsubscribe(), subscription.unsubscribe()])
    await subscription.unsubscribe()
    equal(count(connection, PacketType.UNSUBSCRIBE), 1)
  })

  test('ends its iterators when it is taken back, after what they have', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const subscription = await client.subscribe('a')
    const iterator = subscription[Symbol.asyncIterator]()
    connection.publish('a', '1')
    await settle()
    await client.unsubscribe('a')
    equal(((await iterator.next()).value as Message).text(), '1')
    deepEqual(await iterator.next(), { done: true, value: undefined })
  })

  test('is not made twice at the server by iterating twice', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const subscription = await client.subscribe('a')
    void subscription[Symbol.asyncIterator]().next()
    void subscription[Symbol.asyncIterator]().next()
    await settle()
    equal(count(connection, PacketType.SUBSCRIBE), 1)
  })

  test('is forgotten when the server has no session any more', async () => {
    const made = await connected({}, { request: { cleanStart: false } })
    const seen: string[] = []
    made.connection.autoRespond()
    await made.client.subscribe('a', {}, () => seen.push('handler'))
    made.client.setCallback(() => seen.push('callback'))
    made.connection.destroy()
    await settle()
    const { connection } = await reconnected(made)
    connection.publish('a', 'x')
    await settle()
    deepEqual(seen, ['callback'])
  })

  test('keeps its handler when the session is resumed', async () => {
    const made = await connected({}, { request: { cleanStart: false } })
    const seen: string[] = []
    made.connection.autoRespond()
    await made.client.subscribe('a', {}, () => seen.push('handler'))
    made.connection.destroy()
    await settle()
    const request = { cleanStart: false }
    const { connection } = await reconnected(made, { request, sessionPresent: true })
    connection.publish('a', 'x')
    await settle()
    deepEqual(seen, ['handler'])
    equal(connection.received.length, 1)
  })

  test('that was taken back without a connection rejects, and its handler is gone', async () => {
    const made = await connected({}, { request: { cleanStart: false } })
    const seen: string[] = []
    made.connection.autoRespond()
    const subscription = await made.client.subscribe('a', {}, () => seen.push('handler'))
    made.connection.destroy()
    await settle()
    equal(watch(subscription.unsubscribe()).status, 'open')
    const request = { cleanStart: false }
    const { connection } = await reconnected(made, { request, sessionPresent: true })
    connection.publish('a', 'x')
    await settle()
    deepEqual(seen, [])
  })
})

describe('request and response', () => {
  test('go by responseTopic and correlationData', async () => {
    const { client, connection } = await connected(
      { properties: { requestResponseInformation: true } },
      { connack: { responseInformation: 'answers/7' } },
    )
    connection.autoRespond()
    const answers = await client.subscribe('answers/7/#')
    const correlationData = Uint8Array.of(1, 2, 3)
    const responseTopic = 'answers/7/time'
    await client.publish('time', '', { properties: { responseTopic, correlationData } })
    await settle()
    const request = connection.received.at(-1)
    ok(request?.type === PacketType.PUBLISH)
    const { properties } = request
    connection.publish(properties.responseTopic ?? '', 'noon', {
      properties: { correlationData: properties.correlationData ?? new Uint8Array(0) },
    })
    const { value } = await answers[Symbol.asyncIterator]().next()
    const answer = value as Message
    deepEqual([answer.topic, answer.text()], [responseTopic, 'noon'])
    deepEqual(answer.properties.correlationData, correlationData)
  })
})
