// portable
// publish(): what goes out, what the promise says, the order, what waits, and the limits of the server and
// our own, which are checked before a byte leaves.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType, type Properties, type PublishPacket } from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import {
  ConnectionLostError,
  NotSupportedError,
  PacketTooLargeError,
  QueueFullError,
  RejectedError,
  TimeoutError,
} from '../../src/errors.ts'
import type { QoS } from '../../src/simple/types.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import { connected, failure, pass, reconnected, take, watch } from './conversation.ts'

const topics = (packets: readonly { type: number }[]): string[] =>
  packets
    .filter(({ type }) => type === PacketType.PUBLISH)
    .map((packet) => (packet as PublishPacket).topic)

describe('a publish', () => {
  test('carries topic, payload, QoS, retain and properties', async () => {
    const { client, connection } = await connected()
    watch(
      client.publish('hall/temperature', '21.5 °C', {
        qos: 1,
        retain: true,
        properties: {
          payloadFormatIndicator: 1,
          messageExpirySeconds: 60,
          contentType: 'text/plain',
          responseTopic: 'answers',
          correlationData: Uint8Array.of(1, 2),
          userProperties: [['a', 'b']],
        },
      }),
    )
    deepEqual(await take(connection, PacketType.PUBLISH), {
      type: PacketType.PUBLISH,
      topic: 'hall/temperature',
      payload: encodeUtf8('21.5 °C'),
      qos: 1,
      retain: true,
      dup: false,
      packetId: 1,
      properties: {
        payloadFormatIndicator: 1,
        messageExpiryInterval: 60,
        contentType: 'text/plain',
        responseTopic: 'answers',
        correlationData: Uint8Array.of(1, 2),
        userProperties: [['a', 'b']],
      },
    })
  })

  test('carries an empty payload, as bytes and as text', async () => {
    const { client, connection } = await connected()
    await client.publish('a', '')
    await client.publish('a', new Uint8Array(0))
    equal((await take(connection, PacketType.PUBLISH)).payload.length, 0)
    equal((await take(connection, PacketType.PUBLISH)).payload.length, 0)
  })

  test('settles at QoS 0 when it is handed over, at 1 at PUBACK, at 2 at PUBCOMP', async () => {
    const { client, connection } = await connected()
    deepEqual(await client.publish('a', 'b'), { reasonCode: 0 })
    await take(connection, PacketType.PUBLISH)
    const atLeastOnce = watch(client.publish('a', 'b', { qos: 1 }))
    const exactlyOnce = watch(client.publish('a', 'b', { qos: 2 }))
    const [first, second] = [await connection.next(), await connection.next()]
    await settle()
    deepEqual([atLeastOnce.status, exactlyOnce.status], ['open', 'open'])
    connection.acknowledge(first)
    connection.acknowledge(second)
    const released = await take(connection, PacketType.PUBREL)
    deepEqual([atLeastOnce.value, exactlyOnce.status], [{ reasonCode: 0 }, 'open'])
    connection.acknowledge(released)
    await settle()
    deepEqual(exactlyOnce.value, { reasonCode: 0 })
    equal(client.statistics.inflight, 0)
  })

  test('says that there are no subscribers when the server does', async () => {
    const { client, connection } = await connected()
    for (const qos of [1, 2] as const) {
      const publishing = client.publish('a', 'b', { qos })
      const { packetId } = await take(connection, PacketType.PUBLISH)
      const type = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC
      connection.send({ type, packetId, reasonCode: 0x10, properties: {} })
      if (qos === 2) connection.acknowledge(await take(connection, PacketType.PUBREL))
      deepEqual(await publishing, { reasonCode: 0x10, subscribers: 'none' })
    }
  })

  for (const qos of [1, 2] as const) {
    test(`says what the server said with its refusal at QoS ${qos}, and nothing else's words`, async () => {
      const { client, connection } = await connected()
      const type = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC
      const refusal = async (properties: Properties): Promise<RejectedError> => {
        const publishing = client.publish('hall/temperature', 'b', { qos })
        const { packetId } = await take(connection, PacketType.PUBLISH)
        connection.send({ type, packetId, reasonCode: 0x97, properties })
        return failure(publishing, RejectedError)
      }
      const told = await refusal({ reasonString: 'quota of 7' })
      equal(told.reasonString, 'quota of 7')
      match(told.message, /0x97 \(Quota exceeded\): quota of 7$/)
      const untold = await refusal({})
      equal(untold.reasonString, undefined)
      match(untold.message, /0x97 \(Quota exceeded\)$/)
    })
  }

  for (const qos of [1, 2] as const) {
    test(`rejects when the server refuses it at QoS ${qos}, and frees its packet id`, async () => {
      const { client, connection } = await connected()
      for (const reasonCode of [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]) {
        const publishing = client.publish('hall/temperature', 'b', { qos })
        const { packetId } = await take(connection, PacketType.PUBLISH)
        const type = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC
        connection.send({ type, packetId, reasonCode, properties: {} })
        const error = await failure(publishing, RejectedError)
        deepEqual([error.reasonCode, error.packetType, error.sent], [reasonCode, type, undefined])
        match(error.message, /"hall\/temperature".*0x/)
        equal(client.statistics.inflight, 0)
      }
      equal(client.state, 'connected')
    })
  }

  test('says that it may have arrived when PUBCOMP knows its packet id no more', async () => {
    const { client, connection } = await connected()
    const publishing = client.publish('hall/temperature', 'b', { qos: 2 })
    connection.acknowledge(await take(connection, PacketType.PUBLISH))
    const { packetId } = await take(connection, PacketType.PUBREL)
    const type = PacketType.PUBCOMP
    connection.send({ type, packetId, reasonCode: 0x92, properties: {} })
    const error = await failure(publishing, RejectedError)
    deepEqual([error.reasonCode, error.packetType, error.sent], [0x92, type, 'maybe'])
    deepEqual([client.state, client.statistics.inflight], ['connected', 0])
  })

  test('copies the payload, so that the caller may change it at once', async () => {
    const { client, connection } = await connected()
    for (const qos of [0, 1, 2] as const) {
      const payload = new Uint8Array(300).fill(7)
      const outcome = watch(client.publish('a', payload, { qos }))
      if (qos !== 0) payload.fill(0)
      const packet = await take(connection, PacketType.PUBLISH)
      deepEqual(packet.payload, new Uint8Array(300).fill(7))
      equal(outcome.status === 'rejected', false)
    }
  })

  test('keeps the topic of one call apart from that of the next', async () => {
    const { client, connection } = await connected()
    const sent = ['a', 'a', 'ab', 'ä', 'a', '', 'a'].filter((topic) => topic !== '')
    for (const topic of sent) await client.publish(topic, 'x')
    await settle()
    deepEqual(topics(connection.received), sent)
  })

  test('without options is on the wire what it is with those that say the same', async () => {
    for (const topicAliasMaximum of [0, 2]) {
      const { client, connection } = await connected({}, { connack: { topicAliasMaximum } })
      const payloads = ['', 'text ä', Uint8Array.of(), new Uint8Array(300).fill(7)]
      for (const payload of payloads) {
        await client.publish('t/ä', payload)
        await client.publish('t/ä', payload, { qos: 0 })
      }
      await settle()
      const publishes = connection.received.filter(({ type }) => type === PacketType.PUBLISH)
      equal(publishes.length, payloads.length * 2)
      equal(client.statistics.packetsSent, 1 + publishes.length)
      // The first one alone tells the alias.
      for (const [index, payload] of payloads.entries()) {
        const [plain, said] = publishes.slice(index * 2, index * 2 + 2) as PublishPacket[]
        if (index > 0 || topicAliasMaximum === 0) deepEqual(plain, said)
        deepEqual(plain?.payload, typeof payload === 'string' ? encodeUtf8(payload) : payload)
      }
    }
  })

  test('without options keeps its place behind what waits', async () => {
    const { client, connection } = await connected({}, { connack: { receiveMaximum: 1 } })
    const calls = [
      client.publish('a', 'x', { qos: 1 }),
      client.publish('b', 'x', { qos: 1 }),
      client.publish('c', 'x'),
    ]
    await settle()
    deepEqual(topics(connection.received), ['a'])
    connection.autoRespond()
    await Promise.all(calls)
    deepEqual(topics(connection.received), ['a', 'b', 'c'])
  })

  test('refuses a topic however many others were checked before', async () => {
    const { client, connection } = await connected()
    const sent = Array.from({ length: 600 }, (_, index) => `t/${index % 300}`)
    for (const topic of sent) {
      void client.publish(topic, 'x')
      for (const wrong of ['', `${topic}/#`]) {
        throws(() => void client.publish(wrong, 'x'), TypeError)
        throws(() => void client.publish(wrong, 'x'), TypeError)
      }
    }
    await settle()
    deepEqual(topics(connection.received), sent)
  })

  test('goes out in the order of the calls, over all QoS', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const calls: Promise<unknown>[] = []
    const expected: string[] = []
    for (let index = 0; index < 300; index += 1) {
      expected.push(`t/${index}`)
      calls.push(client.publish(`t/${index}`, 'x', { qos: (index % 3) as QoS }))
    }
    await Promise.all(calls)
    deepEqual(topics(connection.received), expected)
  })

  test('waits while connecting, and goes out in order after CONNACK', async () => {
    const made = testClient()
    const opening = reconnected(made)
    const calls = [0, 1, 2].map((qos) => made.client.publish(`t/${qos}`, 'x', { qos: qos as QoS }))
    equal(made.client.statistics.waitingMessages, 3)
    const { connection } = await opening
    connection.autoRespond()
    await Promise.all(calls)
    deepEqual(topics(connection.received), ['t/0', 't/1', 't/2'])
    equal(made.client.statistics.waitingMessages, 0)
  })
})

describe('what the server does not take', () => {
  test('rejects before a byte is sent, with the limit and sent "no"', async () => {
    const { client, connection } = await connected(
      {},
      { connack: { maximumQoS: 1, retainAvailable: false, maximumPacketSize: 100 } },
    )
    const quality = await failure(client.publish('a', 'b', { qos: 2 }), NotSupportedError)
    deepEqual([quality.limit, quality.sent], ['maximumQoS', 'no'])
    const retain = await failure(client.publish('a', 'b', { retain: true }), NotSupportedError)
    deepEqual([retain.limit, retain.sent], ['retainAvailable', 'no'])
    for (const qos of [0, 1] as const) {
      const large = await failure(
        client.publish('a', new Uint8Array(100), { qos }),
        PacketTooLargeError,
      )
      deepEqual([large.limitBytes, large.limitedBy, large.sent], [100, 'server', 'no'])
      ok(large.sizeBytes > 100)
    }
    await settle()
    equal(connection.received.length, 1)
    await client.publish('a', new Uint8Array(90))
    equal((await take(connection, PacketType.PUBLISH)).payload.length, 90)
  })

  test('rejects also what waited for CONNACK', async () => {
    const made = testClient()
    const opening = reconnected(made, { connack: { maximumQoS: 0 } })
    const refused = failure(made.client.publish('a', 'b', { qos: 1 }), NotSupportedError)
    const sent = made.client.publish('c', 'd')
    const { connection } = await opening
    await refused
    await sent
    deepEqual(topics(connection.received), ['c'])
  })

  test('rejects properties on MQTT 3.1.1, but keeps the expiry while it waits', async () => {
    const { client, connection } = await connected({ protocol: 4 })
    const properties = { contentType: 'text/plain' }
    const error = await failure(client.publish('a', 'b', { properties }), NotSupportedError)
    match(error.message, /MQTT 5\.0/)
    await client.publish('a', 'b', { properties: { messageExpirySeconds: 5 } })
    deepEqual((await take(connection, PacketType.PUBLISH)).properties, {})
  })
})

describe('what waits', () => {
  test('is bounded by number; the error names the limit', async () => {
    const { client, connection } = await connected(
      { limits: { waitingMessages: 3 } },
      { connack: { receiveMaximum: 1 } },
    )
    const calls = [1, 2, 3, 4].map(() => client.publish('a', 'b', { qos: 1 }))
    const error = await failure(client.publish('a', 'b', { qos: 1 }), QueueFullError)
    deepEqual([error.limit, error.limitValue, error.sent], ['waitingMessages', 3, 'no'])
    match(error.message, /waitingMessages of 3/)
    connection.autoRespond()
    await Promise.all(calls)
    await client.publish('a', 'b', { qos: 1 })
  })

  test('is bounded by bytes of topics and payloads', async () => {
    const { client, connection } = await connected(
      { limits: { waitingBytes: 100 } },
      { connack: { receiveMaximum: 1 } },
    )
    const calls = [1, 2].map(() => client.publish('a', new Uint8Array(60), { qos: 1 }))
    equal(client.statistics.waitingBytes, 61)
    const error = await failure(client.publish('a', new Uint8Array(40), { qos: 1 }), QueueFullError)
    deepEqual([error.limit, error.limitValue], ['waitingBytes', 100])
    calls.push(client.publish('a', new Uint8Array(38), { qos: 1 }))
    connection.autoRespond()
    await Promise.all(calls)
    equal(client.statistics.waitingBytes, 0)
  })

  test('holds back QoS 0 behind it, so that the order stays', async () => {
    const { client, connection } = await connected({}, { connack: { receiveMaximum: 1 } })
    const calls = [
      client.publish('t/1', 'x', { qos: 1 }),
      client.publish('t/2', 'x', { qos: 1 }),
      client.publish('t/3', 'x'),
    ]
    await settle()
    deepEqual(topics(connection.received), ['t/1'])
    connection.autoRespond()
    await Promise.all(calls)
    deepEqual(topics(connection.received), ['t/1', 't/2', 't/3'])
  })

  test('expires by its own expiry while it waits', async () => {
    const { client, connection, clock } = await connected({}, { connack: { receiveMaximum: 1 } })
    watch(client.publish('a', 'b', { qos: 1 }))
    const first = await take(connection, PacketType.PUBLISH)
    const properties = { messageExpirySeconds: 3 }
    const expired = watch(client.publish('old', 'b', { qos: 1, properties }))
    const late = watch(
      client.publish('new', 'b', { qos: 1, properties: { messageExpirySeconds: 30 } }),
    )
    await pass(clock, 5000)
    connection.acknowledge(first)
    const packet = await take(connection, PacketType.PUBLISH)
    await settle()
    ok(expired.error instanceof TimeoutError)
    deepEqual([expired.error.operation, expired.error.sent], ['message expiry', 'no'])
    deepEqual([packet.topic, packet.properties], ['new', { messageExpiryInterval: 25 }])
    equal(late.status, 'open')
  })
})

describe('what is said of a QoS 0 message that a broken connection took', () => {
  test('"no" is said only of what the server cannot have', async () => {
    const made = testClient()
    made.server.bufferBytes = 0
    const { connection } = await reconnected(made)
    const payload = new Uint8Array(65_536)
    const outcomes = Array.from({ length: 12 }, (_, index) =>
      watch(made.client.publish(`t/${index}`, payload)),
    )
    made.server.pipe(connection).toPeer.cutAfterBytes = 300_000
    await pass(made.clock, 2000)
    const arrived = topics(connection.received)
    ok(arrived.length >= 2, `${arrived.length} messages arrived`)
    for (const [index, { status, error }] of outcomes.entries()) {
      ok(status !== 'open')
      if (!arrived.includes(`t/${index}`) || status === 'fulfilled') continue
      ok(error instanceof ConnectionLostError)
      equal(error.sent, 'maybe', `t/${index} arrived`)
    }
    equal(outcomes.at(-1)?.status, 'rejected')
  })
})
