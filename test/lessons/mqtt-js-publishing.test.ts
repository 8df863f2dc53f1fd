// portable
// What MQTT.js was seen to lose, to double, to hold and to leave open under faults, by the numbers of its
// tables, as far as one connection and its session are concerned. What a server sends is in
// mqtt-js-receiving.test.ts, what needs sockets in sockets.test.ts.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Packet, PacketType, type PublishPacket } from '../../src/codec/packets.ts'
import {
  ClosedError,
  ConnectionLostError,
  NotSupportedError,
  PacketTooLargeError,
  QueueFullError,
  TimeoutError,
} from '../../src/errors.ts'
import type { QoS } from '../../src/simple/types.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import {
  connected,
  count,
  failure,
  pass,
  reconnected,
  take,
  watch,
} from '../simple/conversation.ts'
import { paced } from '../support/pace.ts'

const KEPT = { request: { cleanStart: false } } as const
const RESUMED = { ...KEPT, sessionPresent: true } as const

const topics = (packets: readonly Packet[]): string[] =>
  packets.flatMap((packet) => (packet.type === PacketType.PUBLISH ? [packet.topic] : []))

/** Acknowledges every PUBLISH from the one with this index on, in few writes; gives how many. */
const acknowledgeAll = (connection: ScriptedConnection, from: number): number => {
  const answers = connection.received
    .filter((packet): packet is PublishPacket => packet.type === PacketType.PUBLISH)
    .slice(from)
    .map(({ packetId }) => ({ type: PacketType.PUBACK, packetId, reasonCode: 0, properties: {} }))
  for (let start = 0; start < answers.length; start += 1000) {
    connection.send(...answers.slice(start, start + 1000))
  }
  return from + answers.length
}

describe('loss, duplicates, order', () => {
  test('lesson mqtt.js 08: a cut anywhere in QoS 1 and 2 loses nothing and reports no false success', async () => {
    for (const version of [4, 5] as const) {
      for (let cut = 1; cut <= 8; cut += 1) {
        const made = await connected({ protocol: version }, KEPT)
        const first = made.connection
        const outcomes = [1, 2].map((qos) =>
          watch(made.client.publish('a', 'x', { qos: qos as QoS })),
        )
        await settle()
        // The server answers `cut` packets, and is gone.
        for (let answered = 0; answered < cut; answered += 1) {
          const packet = first.received[answered + 1]
          if (packet !== undefined) first.acknowledge(packet)
          await settle()
        }
        const finished = new Set(
          first.received.flatMap((packet) => (packet.type === PacketType.PUBREL ? [2] : [])),
        )
        first.destroy()
        await settle()
        const { connection } = await reconnected(made, RESUMED)
        connection.autoRespond()
        await settle()
        for (const packet of connection.received) {
          if (packet.type !== PacketType.PUBLISH) continue
          ok(packet.dup, 'What is sent again says so [MQTT-3.3.1-1]')
          ok(packet.qos !== 2 || !finished.has(2), 'QoS 2 is not sent again after PUBREC')
        }
        equal(made.client.statistics.inflight, 0)
        ok(outcomes.every(({ status }) => status !== 'open'))
      }
    }
  })

  test('lesson mqtt.js 08b: a cut anywhere in inbound QoS 2 hands the message over once', async () => {
    for (const cutAfter of [PacketType.PUBLISH, PacketType.PUBREC, PacketType.PUBREL] as const) {
      const made = await connected({}, KEPT)
      let handled = 0
      made.client.setCallback(() => void (handled += 1))
      made.connection.publish('a', 'x', { qos: 2, packetId: 3 })
      if (cutAfter !== PacketType.PUBLISH) {
        const pubrec = await take(made.connection, PacketType.PUBREC)
        if (cutAfter === PacketType.PUBREL) made.connection.acknowledge(pubrec)
      }
      await settle()
      made.connection.destroy()
      await settle()
      const { connection } = await reconnected(made, RESUMED)
      if (cutAfter === PacketType.PUBREL) {
        connection.send({ type: PacketType.PUBREL, packetId: 3, reasonCode: 0, properties: {} })
      } else {
        connection.publish('a', 'x', { qos: 2, packetId: 3, dup: true })
        connection.acknowledge(await take(connection, PacketType.PUBREC))
      }
      await take(connection, PacketType.PUBCOMP)
      equal(handled, 1)
    }
  })

  test('lesson mqtt.js 10: what is sent again goes out at once, not one for each round trip', async () => {
    const made = await connected({}, KEPT)
    for (let index = 0; index < 200; index += 1)
      watch(made.client.publish(`${index}`, 'x', { qos: 1 }))
    await settle()
    made.connection.destroy()
    await settle()
    const connecting = made.client.connect({ cleanStart: false })
    const fresh = watch(made.client.publish('fresh', 'x'))
    const connection = await made.server.connection()
    await connection.accept({}, true)
    await connecting
    await settle()
    // Nothing was acknowledged yet.
    equal(count(connection, PacketType.PUBLISH), 201)
    equal(fresh.status, 'fulfilled')
  })

  test('lesson mqtt.js 11: a message that is never acknowledged blocks no other', async () => {
    const made = await connected({}, KEPT)
    for (const topic of ['never', 'stored']) watch(made.client.publish(topic, 'x', { qos: 1 }))
    await settle()
    made.connection.destroy()
    await settle()
    const { connection } = await reconnected(made, RESUMED)
    const calls = [
      made.client.publish('later 0', 'x'),
      made.client.publish('later 1', 'x', { qos: 1 }),
      made.client.subscribe('a'),
    ]
    await settle()
    deepEqual(topics(connection.received), ['never', 'stored', 'later 0', 'later 1'])
    for (const packet of connection.received) {
      const never = packet.type === PacketType.PUBLISH && packet.topic === 'never'
      if (!never && packet.type !== PacketType.CONNECT) connection.acknowledge(packet)
    }
    await Promise.all(calls)
    equal(made.client.statistics.inflight, 1)
  })

  test('lesson mqtt.js 13: a QoS 2 message whose session is gone is never called delivered', async () => {
    for (const protocol of [4, 5] as const) {
      const made = await connected({ protocol }, KEPT)
      const publishing = failure(made.client.publish('a', 'x', { qos: 2 }), ConnectionLostError)
      made.connection.acknowledge(await take(made.connection, PacketType.PUBLISH))
      await take(made.connection, PacketType.PUBREL)
      made.connection.destroy()
      equal((await publishing).sent, 'maybe')
      const { connection } = await reconnected(made, KEPT)
      await settle()
      equal(connection.received.length, 1, 'No PUBREL for an id that the server does not know')
    }
  })

  test('lesson mqtt.js 04: 70,000 messages may wait for a connection, and none is lost', async () => {
    const made = testClient()
    const opening = reconnected(made)
    let delivered = 0
    const waiting = paced(70_000, 1_000)
    for (let index = 0; index < waiting; index += 1) {
      void made.client.publish('a', 'x', { qos: 1 }).then(() => (delivered += 1))
    }
    const { connection } = await opening
    await settle()
    const window = acknowledgeAll(connection, 0)
    await settle()
    acknowledgeAll(connection, window)
    await settle()
    deepEqual([delivered, count(connection, PacketType.PUBLISH)], [waiting, waiting])
  })

  test('lesson mqtt.js 19: with a silent server no packet id is used twice', async () => {
    const { client, connection } = await connected()
    const offered = paced(70_000, 1_000)
    const outcomes = Array.from({ length: offered }, () =>
      watch(client.publish('a', 'x', { qos: 1 })),
    )
    await settle()
    const ids = new Set(
      connection.received.flatMap((packet) =>
        packet.type === PacketType.PUBLISH ? [packet.packetId] : [],
      ),
    )
    const sent = Math.min(offered, 65_535)
    deepEqual([ids.size, count(connection, PacketType.PUBLISH)], [sent, sent])
    const window = acknowledgeAll(connection, 0)
    await settle()
    acknowledgeAll(connection, window)
    await settle()
    ok(outcomes.every(({ status }) => status === 'fulfilled'))
  })

  test('lesson mqtt.js 09: QoS 0 and 1 keep one order, also what waits', async () => {
    const made = testClient()
    const opening = reconnected(made, { connack: { receiveMaximum: 5 } })
    const expected: string[] = []
    const calls: Promise<unknown>[] = []
    for (let index = 0; index < 300; index += 1) {
      expected.push(`${index}`)
      calls.push(made.client.publish(`${index}`, 'x', { qos: (index % 2) as QoS }))
    }
    const { connection } = await opening
    connection.autoRespond()
    await Promise.all(calls)
    deepEqual(topics(connection.received), expected)
  })

  test('lesson mqtt.js 15: an expiry of 2 s is over after 5 s of waiting, and counts down before', async () => {
    const { client, connection, clock } = await connected({}, { connack: { receiveMaximum: 1 } })
    watch(client.publish('first', 'x', { qos: 1 }))
    const first = await take(connection, PacketType.PUBLISH)
    const publish = (topic: string, messageExpirySeconds: number) =>
      watch(client.publish(topic, 'x', { qos: 1, properties: { messageExpirySeconds } }))
    const short = publish('short', 2)
    publish('long', 12)
    await pass(clock, 5000)
    connection.acknowledge(first)
    const next = await take(connection, PacketType.PUBLISH)
    await settle()
    ok(short.error instanceof TimeoutError)
    deepEqual([next.topic, next.properties.messageExpiryInterval], ['long', 7])
  })
})

describe('queues and memory', () => {
  test('lesson mqtt.js 03: a flood without a connection is bounded, and says so', async () => {
    const many = paced(5000, 500)
    for (const [limits, payload, waiting] of [
      [{}, new Uint8Array(1_048_575), 64],
      [{ waitingMessages: many }, new Uint8Array(0), many],
    ] as const) {
      const made = testClient({ limits })
      made.server.blackHole = true
      watch(made.client.connect())
      const outcomes = Array.from({ length: waiting + 10 }, () =>
        watch(made.client.publish('a', payload, { transfer: true })),
      )
      await settle()
      const refused = outcomes.filter(({ error }) => error instanceof QueueFullError)
      deepEqual([made.client.statistics.waitingMessages, refused.length], [waiting, 10])
      await made.client.disconnect()
      await settle()
      ok(outcomes.every(({ status }) => status === 'rejected'))
    }
  })

  test('lesson mqtt.js 40: 30,000 tiny messages that waited overflow no stack', async () => {
    for (const payload of ['', '21.5']) {
      const made = testClient()
      const opening = reconnected(made)
      const tiny = paced(30_000, 1_000)
      const calls = Array.from({ length: tiny }, () => made.client.publish('t', payload))
      const { connection } = await opening
      await Promise.all(calls)
      await settle()
      equal(count(connection, PacketType.PUBLISH), tiny)
    }
  })

  test('lesson mqtt.js 29: a flood into a stalled link settles, every one of it', async () => {
    const made = await connected({ limits: { waitingBytes: 1_000_000 } })
    made.server.stallWrites = true
    const payload = new Uint8Array(1000)
    const outcomes = Array.from({ length: 5000 }, () => watch(made.client.publish('a', payload)))
    await settle()
    const full = outcomes.filter(({ error }) => error instanceof QueueFullError).length
    ok(full > 2000, `${full} were refused`)
    ok(made.client.statistics.waitingBytes <= 1_000_000)
    made.connection.destroy()
    await settle()
    equal(outcomes.filter(({ status }) => status === 'open').length, 0)
    made.server.stallWrites = false
    await reconnected(made)
  })
})

describe('promises and ends', () => {
  test('lesson mqtt.js 05: no situation leaves a promise open', async () => {
    const situations: readonly (readonly [string, (qos: QoS) => Promise<Promise<unknown>[]>])[] = [
      [
        'waiting for a connection, then disconnect',
        async (qos) => {
          const { client, server } = testClient()
          server.blackHole = true
          return [client.connect(), client.publish('a', 'x', { qos }), client.disconnect()]
        },
      ],
      [
        'the link is lost',
        async (qos) => {
          const { client, connection } = await connected()
          const calls = [client.publish('a', 'x', { qos })]
          connection.destroy()
          return calls
        },
      ],
      [
        'after disconnect',
        async (qos) => {
          const { client } = await connected()
          return [client.disconnect(), client.publish('a', 'x', { qos }), client.disconnect()]
        },
      ],
      [
        'unacknowledged, then disconnect',
        async (qos) => {
          const { client } = await connected()
          return [client.publish('a', 'x', { qos }), client.disconnect()]
        },
      ],
      [
        'unacknowledged on a stalled link, then disconnect',
        async (qos) => {
          const { client, server, clock } = await connected()
          server.stallWrites = true
          server.stallReads = true
          const calls = [client.publish('a', 'x', { qos }), client.disconnect()]
          for (const call of calls) watch<unknown>(call)
          await pass(clock, 2000)
          return calls
        },
      ],
    ]
    for (const [what, play] of situations) {
      for (const qos of [0, 1, 2] as const) {
        const outcomes = (await play(qos)).map((promise) => watch(promise))
        await settle()
        ok(
          outcomes.every(({ status }) => status !== 'open'),
          `${what} at QoS ${qos}: ${outcomes.map(({ status }) => status).join(' ')}`,
        )
      }
    }
  })

  test('lesson mqtt.js 07: disconnect always settles, and a second one not before the first', async () => {
    const { client, server, connection, clock } = await connected()
    server.stallWrites = true
    server.pipe(connection).peer.answersEnd = false
    const publishing = watch(client.publish('a', 'x', { qos: 1 }))
    const ends = [watch(client.disconnect()), watch(client.disconnect())]
    await pass(clock, 1999)
    deepEqual([ends[0]?.status, ends[1]?.status], ['open', 'open'])
    await pass(clock, 1)
    deepEqual([ends[0]?.status, ends[1]?.status], ['fulfilled', 'fulfilled'])
    ok(publishing.error instanceof ClosedError)
    const other = testClient()
    const connecting = failure(other.client.connect(), ClosedError)
    const early = await other.server.connection()
    await early.connect()
    await other.client.disconnect()
    await connecting
    ok(early.ended, 'No socket stays open')
  })

  test('lesson mqtt.js 25b: a subscribe without a connection rejects once and sends nothing later', async () => {
    const made = testClient()
    await failure(made.client.subscribe('a'), ClosedError)
    made.server.refuse = new Error('no route')
    const connecting = failure(made.client.connect(), ConnectionLostError)
    const subscribing = failure(made.client.subscribe('a'), ConnectionLostError)
    await connecting
    await subscribing
    made.server.refuse = undefined
    const { connection } = await reconnected(made)
    await settle()
    equal(count(connection, PacketType.SUBSCRIBE), 0)
    connection.autoRespond()
    equal((await made.client.subscribe('a')).granted.length, 1)
    equal((await made.client.subscribe('a')).granted.length, 1)
    equal(count(connection, PacketType.SUBSCRIBE), 2)
  })

  test('lesson mqtt.js 25: one refused filter of two takes nothing from the other', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    const subscribing = client.subscribe(['good', 'bad'], {}, (topic) => seen.push(topic))
    const { packetId } = await take(connection, PacketType.SUBSCRIBE)
    const reasonCodes = [0, 0x87]
    connection.send({ type: PacketType.SUBACK, packetId, reasonCodes, properties: {} })
    const { granted } = await subscribing
    deepEqual(
      granted.map(({ filter, qos }) => [filter, qos]),
      [
        ['good', 0],
        ['bad', undefined],
      ],
    )
    connection.publish('good', 'x')
    await settle()
    deepEqual(seen, ['good'])
  })

  test('lesson mqtt.js 42: connect rejects while nobody listens, and when each try is cut', async () => {
    const { client, server } = testClient()
    server.refuse = new Error('connect ECONNREFUSED')
    await failure(client.connect(), ConnectionLostError)
    server.refuse = undefined
    const connecting = client.connect()
    const connection = await server.connection()
    connection.destroy()
    await failure(connecting, ConnectionLostError)
    equal(server.dials, 2)
    await reconnected({ client, server })
  })
})

describe("the server's limits", () => {
  test('lesson mqtt.js 21: they are obeyed before a byte is sent, and nothing else is held up', async () => {
    const { client, connection } = await connected(
      {},
      { connack: { maximumPacketSize: 1000, maximumQoS: 1, retainAvailable: false } },
    )
    connection.autoRespond()
    const large = client.publish('a', new Uint8Array(5000), { qos: 1 })
    equal((await failure(large, PacketTooLargeError)).limitBytes, 1000)
    await failure(client.publish('a', 'x', { qos: 2 }), NotSupportedError)
    await failure(client.publish('a', 'x', { retain: true }), NotSupportedError)
    await client.publish('a', 'x', { qos: 1 })
    deepEqual([topics(connection.received), client.state], [['a'], 'connected'])
    const narrow = await connected({}, { connack: { receiveMaximum: 10 } })
    const calls = Array.from({ length: 200 }, (_, index) =>
      narrow.client.publish('a', 'x', { qos: index % 2 === 0 ? 1 : 2 }),
    )
    await settle()
    equal(count(narrow.connection, PacketType.PUBLISH), 10)
    narrow.connection.autoRespond()
    await Promise.all(calls)
  })
})
