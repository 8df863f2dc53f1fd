// portable
// The regression scenarios, each of which broke at least one system, in the order of the list. Those that
// need a socket are in sockets.test.ts.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import {
  ConnectionLostError,
  ConnectRefusedError,
  ClosedError,
  QueueFullError,
  TimeoutError,
} from '../../src/errors.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import {
  acknowledgements,
  connected,
  count,
  failure,
  gate,
  pass,
  reconnected,
  take,
  watch,
} from '../simple/conversation.ts'
import { paced } from '../support/pace.ts'

const KEPT = { request: { cleanStart: false } } as const
const RESUMED = { ...KEPT, sessionPresent: true } as const

describe('cuts', () => {
  /** Everything a client does, with a friendly server; gives how each promise ended. */
  const exchange = async (cutToServer: number, cutToClient: number): Promise<string[]> => {
    const made = testClient()
    const connecting = watch(made.client.connect())
    const connection = await made.server.connection()
    const pipe = made.server.pipe(connection)
    pipe.toPeer.cutAfterBytes = cutToServer
    pipe.toClient.cutAfterBytes = cutToClient
    connection.autoRespond()
    const outcomes = [
      connecting,
      watch(made.client.publish('a', 'b')),
      watch(made.client.publish('a', 'b', { qos: 1 })),
      watch(made.client.publish('a', 'b', { qos: 2 })),
      watch(made.client.subscribe('a')),
      watch(made.client.unsubscribe('a')),
      watch(made.client.waitMsg()),
    ]
    await settle()
    if (connecting.status === 'fulfilled' && made.client.state === 'connected') {
      connection.publish('a', 'x', { qos: 2 })
    }
    await pass(made.clock, 130_000)
    ok(made.client.state !== 'connecting' && made.client.state !== 'closing', made.client.state)
    await made.client.disconnect()
    equal(made.clock.pending, 0, `cut at ${cutToServer} and ${cutToClient}`)
    return outcomes.map(({ status }) => status)
  }

  test('lesson scenario 1: cut after each single byte of every exchange, everything settles', async () => {
    for (let cut = 0; cut < 110; cut += paced(1, 7)) {
      const toServer = await exchange(cut, Infinity)
      ok(!toServer.includes('open'), `cut after ${cut} bytes to the server: ${toServer.join(' ')}`)
      const toClient = await exchange(Infinity, cut)
      ok(!toClient.includes('open'), `cut after ${cut} bytes to the client: ${toClient.join(' ')}`)
    }
  })

  test('lesson scenario 2: cut between a request and its answer', async () => {
    const made = await connected({}, KEPT)
    const { client, connection } = made
    const calls = [
      client.publish('a', 'b', { qos: 1 }),
      client.subscribe('a'),
      client.publish('a', 'b', { qos: 2 }),
    ]
    for (const type of [PacketType.PUBLISH, PacketType.SUBSCRIBE] as const) {
      await take(connection, type)
    }
    connection.acknowledge(await take(connection, PacketType.PUBLISH))
    await take(connection, PacketType.PUBREL)
    connection.destroy()
    for (const call of calls) equal((await failure(call, ConnectionLostError)).sent, 'maybe')
    const again = await reconnected(made, RESUMED)
    await settle()
    deepEqual(
      again.connection.received.map(({ type }) => type),
      [PacketType.CONNECT, PacketType.PUBREL, PacketType.PUBLISH],
    )
  })
})

describe('connecting', () => {
  test('lesson scenario 3: accept, then close before CONNACK', async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    for (const version of [5, 4]) {
      const connection = await server.connection()
      equal((await connection.connect()).version, version)
      connection.close()
    }
    await failure(connecting, ConnectionLostError)
    equal(client.state, 'closed')
  })

  test('lesson scenario 4: CONNACK codes 1 to 5, and then success', async () => {
    const { client, server } = testClient({ protocol: 4 })
    for (const code of [1, 2, 3, 4, 5]) {
      const connecting = client.connect()
      const connection = await server.connection()
      await connection.connect()
      connection.sendBytes(Uint8Array.of(0x20, 0x02, 0x00, code))
      equal((await failure(connecting, ConnectRefusedError)).reasonCode, code)
      await settle()
    }
    await reconnected({ client, server })
    equal(client.state, 'connected')
  })

  test('lesson scenario 5: session present 0 after 1, and 1 after 0', async () => {
    const made = await connected({}, KEPT)
    watch(made.client.publish('a', 'b', { qos: 1 }))
    let { connection } = made
    await take(connection, PacketType.PUBLISH)
    for (const [sessionPresent, again] of [
      [true, 1],
      [false, 0],
      [true, 0],
    ] as const) {
      connection.destroy()
      await settle()
      const next = await reconnected(made, { ...KEPT, sessionPresent })
      connection = next.connection
      await settle()
      equal(next.result.sessionPresent, sessionPresent)
      equal(count(connection, PacketType.PUBLISH), again)
    }
  })

  test('lesson scenario 24: disconnect while connecting, in each phase', async () => {
    for (const phase of ['dialling', 'handshaking'] as const) {
      const { client, server, clock } = testClient()
      server.blackHole = phase === 'dialling'
      const connecting = failure(client.connect(), ClosedError)
      const waiting = failure(client.publish('a', 'b', { qos: 1 }), ClosedError)
      if (phase === 'handshaking') await (await server.connection()).connect()
      await client.disconnect()
      await connecting
      equal((await waiting).sent, 'no')
      deepEqual([client.state, clock.pending], ['closed', 0])
    }
  })

  test('lesson scenario 25: publish after disconnect', async () => {
    const { client } = await connected()
    const disconnecting = client.disconnect()
    const during = failure(client.publish('a', 'b'), ClosedError)
    await disconnecting
    equal((await during).sent, 'no')
    equal((await failure(client.publish('a', 'b', { qos: 2 }), ClosedError)).sent, 'no')
  })

  test('lesson scenario 20: a handshake under MQTT that never ends is bounded', async () => {
    // TLS or not: the transport opens when its own handshake is done, and connectMs bounds that.
    const { client, server, clock } = testClient({ timeouts: { connectMs: 3000 } })
    server.blackHole = true
    const connecting = watch(client.connect())
    await pass(clock, 3000)
    ok(connecting.error instanceof TimeoutError)
    equal(clock.pending, 0)
  })

  test('lesson scenario 21: a name that is never found is bounded, and a signal is not needed', async () => {
    const { client, clock } = testClient({
      transport: (_, handler) => ({
        write: () => undefined,
        pause: () => undefined,
        resume: () => undefined,
        close: () => undefined,
        destroy: () => void Promise.resolve().then(() => handler.closed(undefined)),
      }),
    })
    const connecting = watch(client.connect())
    await pass(clock, 30_000)
    ok(connecting.error instanceof TimeoutError)
    equal(client.state, 'closed')
  })
})

describe('messages', () => {
  test('lesson scenario 6: a retained PUBLISH before SUBACK', async () => {
    const { client, connection } = await connected()
    const seen: boolean[] = []
    const subscribing = client.subscribe('a', {}, (_, __, { retain }) => seen.push(retain))
    const packet = await take(connection, PacketType.SUBSCRIBE)
    connection.publish('a', 'kept', { retain: true })
    connection.acknowledge(packet)
    await subscribing
    deepEqual(seen, [true])
  })

  test('lesson scenario 7: an inbound empty payload', async () => {
    const { client, connection } = await connected()
    const lengths: number[] = []
    client.setCallback((_, payload) => lengths.push(payload.length))
    for (const qos of [0, 1, 2] as const) connection.publish('a', '', { qos })
    await settle()
    deepEqual(lengths, [0, 0, 0])
  })

  test('lesson scenario 8: PUBACK twice, for nothing, and with ids that look like headers', async () => {
    const { client, connection } = await connected()
    for (const packetId of [0x3030, 0x4002, 0x9003, 0xd000, 0xffff]) {
      connection.send({ type: PacketType.PUBACK, packetId, reasonCode: 0, properties: {} })
    }
    const publishing = client.publish('a', 'b', { qos: 1 })
    const packet = await take(connection, PacketType.PUBLISH)
    connection.acknowledge(packet)
    connection.acknowledge(packet)
    await publishing
    await settle()
    deepEqual([client.statistics.strayAcknowledgements, client.state], [6, 'connected'])
  })

  test('lesson scenario 9: acknowledgements out of order', async () => {
    const { client, connection } = await connected()
    const calls = [1, 2, 3, 4].map(() => watch(client.publish('a', 'b', { qos: 1 })))
    const packets = []
    for (let index = 0; index < 4; index += 1) {
      packets.push(await take(connection, PacketType.PUBLISH))
    }
    for (const index of [2, 0, 3, 1]) {
      connection.acknowledge(packets[index] as (typeof packets)[0])
      await settle()
      equal(calls[index]?.status, 'fulfilled')
    }
    equal(client.statistics.inflight, 0)
  })

  test('lesson scenario 10: 70,000 publishes with one packet id stuck in flight', async () => {
    const { client, connection } = await connected({ timeouts: { acknowledgementMs: 600_000 } })
    const stuck = watch(client.publish('stuck', 'x', { qos: 1 }))
    const { packetId } = await take(connection, PacketType.PUBLISH)
    let used = 0
    for (let batch = 0; batch < paced(70, 1); batch += 1) {
      const calls = Array.from({ length: 1000 }, () => client.publish('a', 'x', { qos: 1 }))
      for (let index = 0; index < 1000; index += 1) {
        const packet = await take(connection, PacketType.PUBLISH)
        if (packet.packetId === packetId) used += 1
        connection.acknowledge(packet)
      }
      await Promise.all(calls)
    }
    deepEqual([used, stuck.status, client.statistics.inflight], [0, 'open', 1])
  })

  test('lesson scenario 11: an inbound QoS 2 duplicate, before and after a reconnect', async () => {
    const made = await connected({}, KEPT)
    const seen: string[] = []
    made.client.setCallback((_, __, message) => seen.push(message.text()))
    made.connection.publish('a', '1', { qos: 2, packetId: 9 })
    made.connection.publish('a', '1', { qos: 2, packetId: 9, dup: true })
    await settle()
    made.connection.destroy()
    await settle()
    const { connection } = await reconnected(made, RESUMED)
    connection.publish('a', '1', { qos: 2, packetId: 9, dup: true })
    await settle()
    deepEqual([seen, acknowledgements(connection)], [['1'], [['PUBREC', 9]]])
  })

  test('lesson scenario 12: non-ASCII topic and payload', async () => {
    const { client, connection } = await connected()
    const waiting = client.waitMsg()
    await client.publish('日本/ü', 'naïve 🎈')
    const { topic, payload } = await take(connection, PacketType.PUBLISH)
    connection.publish(topic, payload)
    const message = await waiting
    deepEqual([message.topic, message.text()], ['日本/ü', 'naïve 🎈'])
  })

  test('lesson scenario 13: topics of 123 and of 65,535 bytes', async () => {
    const { client, connection } = await connected()
    const lengths: number[] = []
    client.setCallback((topic) => lengths.push(topic.length))
    for (const length of [123, 65_535]) {
      await client.publish('t'.repeat(length), 'x')
      connection.publish((await take(connection, PacketType.PUBLISH)).topic, 'x')
    }
    await settle()
    deepEqual(lengths, [123, 65_535])
  })

  test('lesson scenario 14: a payload above 2 MiB, both ways', async () => {
    const { client, connection } = await connected()
    const payload = new Uint8Array(paced(3_000_000, 2_200_000))
    for (let index = 0; index < 256; index += 1) payload[index] = index * 7
    for (let at = 256; at < payload.length; at *= 2) payload.copyWithin(at, 0, at)
    const publishing = client.publish('a', payload, { qos: 1 })
    const packet = await take(connection, PacketType.PUBLISH)
    connection.acknowledge(packet)
    await publishing
    const waiting = client.waitMsg()
    connection.publish('a', packet.payload)
    const received = (await waiting).payload
    deepEqual(received, payload)
  })

  test('lesson scenario 15: publish from a handler at QoS 1 and 2, nested', async () => {
    for (const qos of [1, 2] as const) {
      const { client, connection } = await connected({}, { connack: { receiveMaximum: 1 } })
      const done: string[] = []
      connection.autoRespond()
      client.setCallback(async () => {
        await client.publish('1', 'x', { qos })
        await Promise.all([
          client.publish('2', 'x', { qos }).then(() => client.publish('4', 'x', { qos })),
          client.publish('3', 'x', { qos }),
        ])
        done.push('handled')
      })
      connection.publish('in', 'x', { qos })
      await settle()
      deepEqual([done, count(connection, PacketType.PUBLISH)], [['handled'], 4])
    }
  })
})

describe('handlers and limits', () => {
  test('lesson scenario 16: a handler throws', async () => {
    const { client, connection } = await connected()
    let calls = 0
    client.on('handler-error', () => undefined)
    client.setCallback(() => {
      calls += 1
      throw new Error('boom')
    })
    for (let index = 0; index < 10; index += 1) connection.publish('a', 'x', { qos: 1 })
    await settle()
    deepEqual([calls, count(connection, PacketType.PUBACK), client.state], [10, 10, 'connected'])
  })

  test('lesson scenario 17: a handler is slow and the inbox is full', async () => {
    const { client, connection, clock } = await connected({
      limits: { inboxBytes: 5000, inboxHardBytes: 5000 },
      keepAliveSeconds: 5,
      timeouts: { handlerTimeoutMs: 600_000 },
    })
    const busy = gate()
    let handled = 0
    client.setCallback(async () => {
      await busy.promise
      handled += 1
    })
    for (let index = 0; index < 100; index += 1) connection.publish('a', new Uint8Array(500))
    await pass(clock, 60_000)
    equal(client.state, 'connected')
    busy.open()
    await settle()
    equal(handled, 100)
  })

  test('lesson scenario 18: a half-open link while only QoS 0 is sent', async () => {
    const { client, server, clock } = await connected({ keepAliveSeconds: 4 })
    server.stallReads = true
    let lostAfter = 0
    for (let tenth = 0; tenth < 200 && client.state === 'connected'; tenth += 1) {
      watch(client.publish('a', 'x'))
      await pass(clock, 100)
      lostAfter += 100
    }
    equal(client.state, 'closed')
    ok(lostAfter <= 3600 + 10_000, `${lostAfter} ms`)
  })

  test('lesson scenario 19: the server is silent to PINGREQ', async () => {
    const { client, clock } = await connected({ keepAliveSeconds: 10 })
    await pass(clock, 9000)
    const pinging = watch(client.ping())
    await pass(clock, 10_000)
    deepEqual([pinging.status, client.state], ['rejected', 'closed'])
  })

  test('lesson scenario 22: the clock jumps an hour, as after a suspended night', async () => {
    const { client, connection, clock } = await connected()
    // No timer runs during the night; what is due fires late, in the morning.
    clock.advance(3_600_000)
    await pass(clock, 0)
    equal(count(connection, PacketType.PINGREQ), 1)
    equal(client.state, 'connected', 'One PINGREQ first: the server may be there')
    connection.acknowledge(await take(connection, PacketType.PINGREQ))
    await pass(clock, 20_000)
    equal(client.state, 'connected')
  })

  test('lesson scenario 27: a flood beyond the bound while the connection is being opened', async () => {
    const made = testClient({ limits: { waitingMessages: 1000 } })
    const opening = reconnected(made)
    const outcomes = Array.from({ length: 1500 }, () =>
      watch(made.client.publish('a', 'x', { qos: 1 })),
    )
    await settle()
    const refused = outcomes.filter(({ error }) => error instanceof QueueFullError)
    equal(refused.length, 500)
    const { connection } = await opening
    connection.autoRespond()
    await settle()
    equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1000)
  })
})
