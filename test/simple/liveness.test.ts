// portable
// Keep alive, ping and the clocks: when PINGREQ goes out, what counts as life and as progress, when a
// connection is given up, what the statistics say of it, and that no timer is left behind.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { ConnectionLostError, TimeoutError } from '../../src/errors.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import { connected, count, failure, pass, reconnected, take, watch } from './conversation.ts'

describe('keep alive', () => {
  test('sends PINGREQ before its time is over, again and again [MQTT-3.1.2-20]', async () => {
    const { client, connection, clock } = await connected({ keepAliveSeconds: 10 })
    for (let round = 1; round <= 5; round += 1) {
      await pass(clock, 8999)
      equal(count(connection, PacketType.PINGREQ), round - 1)
      await pass(clock, 1)
      connection.acknowledge(await take(connection, PacketType.PINGREQ))
      await settle()
    }
    equal(client.state, 'connected')
  })

  test("is the server's when it names one [MQTT-3.2.2-21]", async () => {
    const made = await connected({ keepAliveSeconds: 10 }, { connack: { serverKeepAlive: 4 } })
    await pass(made.clock, 3600)
    equal(count(made.connection, PacketType.PINGREQ), 1)
    equal(made.result.limits['keepAliveSeconds'], 4)
  })

  test("of 0 sends nothing, ours or the server's", async () => {
    const made = await connected({ keepAliveSeconds: 0 })
    const other = await connected({ keepAliveSeconds: 5 }, { connack: { serverKeepAlive: 0 } })
    for (const { client, connection, clock } of [made, other]) {
      await pass(clock, 24 * 3_600_000)
      deepEqual([connection.received.length, client.state], [1, 'connected'])
    }
  })

  test('sends PINGREQ also when only we are sending, and only the server is', async () => {
    const sending = await connected({ keepAliveSeconds: 10 })
    for (let second = 0; second < 20; second += 1) {
      await sending.client.publish('a', 'x')
      if (second === 9) sending.connection.acknowledge({ type: PacketType.PINGREQ })
      await pass(sending.clock, 1000)
    }
    ok(count(sending.connection, PacketType.PINGREQ) >= 1, 'Nothing came in for 9 s')
    const receiving = await connected({ keepAliveSeconds: 10 })
    for (let second = 0; second < 20; second += 1) {
      receiving.connection.publish('a', 'x')
      await pass(receiving.clock, 1000)
    }
    ok(count(receiving.connection, PacketType.PINGREQ) >= 2, 'Nothing was sent for 9 s')
  })

  test('gives the connection up pingMs after a PINGREQ without any byte', async () => {
    const { client, connection, clock } = await connected({
      keepAliveSeconds: 10,
      timeouts: { pingMs: 3000 },
    })
    const lost: Error[] = []
    client.on('connection-lost', (error) => lost.push(error))
    await pass(clock, 11_999)
    equal(client.state, 'connected')
    await pass(clock, 1)
    const [error] = lost
    ok(error instanceof TimeoutError)
    deepEqual([error.operation, error.afterMs], ['ping-response', 3000])
    ok(connection.ended)
    deepEqual([client.state, clock.pending], ['closed', 0])
  })

  test('takes any byte for life, also in the middle of a packet', async () => {
    const { client, connection, clock } = await connected({ keepAliveSeconds: 10 })
    const waiting = watch(client.waitMsg())
    // PUBLISH of 200 bytes, one byte every five seconds: no PINGRESP can come between them.
    const bytes = Uint8Array.of(0x30, 0xc8, 0x01, 0x00, 0x01, 0x61, 0x00, ...new Uint8Array(196))
    for (const byte of bytes) {
      equal(client.state, 'connected')
      connection.sendBytes(Uint8Array.of(byte))
      await pass(clock, 5000)
    }
    equal(waiting.status, 'fulfilled')
  })
})

describe('ping', () => {
  test('gives the round trip in ms, and the statistics keep the last one', async () => {
    const { client, connection, clock } = await connected()
    equal(client.statistics.roundTripMs, -1)
    const pinging = client.ping()
    const packet = await take(connection, PacketType.PINGREQ)
    clock.advance(37)
    connection.acknowledge(packet)
    deepEqual([await pinging, client.statistics.roundTripMs], [37, 37])
  })

  test('answers every call that was made before PINGRESP', async () => {
    const { client, connection } = await connected()
    const pings = [client.ping(), client.ping()]
    connection.acknowledge(await take(connection, PacketType.PINGREQ))
    deepEqual((await Promise.all(pings)).length, 2)
  })
})

describe('a slow link', () => {
  test('that takes writes bit by bit is alive; one that takes nothing is given up', async () => {
    const made = testClient({ keepAliveSeconds: 0, timeouts: { operationMs: 600_000 } })
    made.server.bufferBytes = 0
    made.server.stallWrites = false
    const { connection } = await reconnected(made)
    const lane = made.server.pipe(connection).toPeer
    lane.pieceBytes = 32_768
    made.server.stallWrites = true
    const publishing = watch(made.client.publish('a', new Uint8Array(1_000_000), { qos: 1 }))
    await settle()
    let seconds = 0
    while (count(connection, PacketType.PUBLISH) === 0) {
      const before = lane.deliveredBytes
      made.server.stallWrites = false
      while (lane.deliveredBytes === before) await undefined
      made.server.stallWrites = true
      // A write of 256 KiB takes 8 pieces, 16 s: less than writeMs.
      await pass(made.clock, 2000)
      seconds += 2
      equal(made.client.state, 'connected', `after ${seconds} s`)
    }
    ok(seconds > 60, 'It took longer than any of the bounds on silence')
    made.server.stallWrites = true
    watch(made.client.publish('b', 'x'))
    await pass(made.clock, 20_000)
    equal(made.client.state, 'closed')
    ok(publishing.error instanceof ConnectionLostError)
  })

  test('that acknowledges one of many every 15 s is alive', async () => {
    const { client, connection, clock } = await connected({
      keepAliveSeconds: 0,
      timeouts: { operationMs: 600_000 },
    })
    const calls = Array.from({ length: 10 }, () => client.publish('a', 'x', { qos: 1 }))
    for (const call of calls) {
      await pass(clock, 15_000)
      connection.acknowledge(await take(connection, PacketType.PUBLISH))
      await call
    }
    equal(client.state, 'connected')
  })
})

describe('the statistics', () => {
  test('count bytes and packets both ways', async () => {
    const { client, connection } = await connected()
    const before = { ...client.statistics }
    deepEqual([before.packetsSent, before.packetsReceived], [1, 1])
    const publishing = client.publish('a', 'bc', { qos: 1 })
    connection.acknowledge(await take(connection, PacketType.PUBLISH))
    await publishing
    const after = client.statistics
    deepEqual([after.packetsSent, after.packetsReceived], [2, 2])
    // 32 08 00 01 61 00 01 00 62 63, and 40 02 00 01.
    deepEqual(
      [after.bytesSent - before.bytesSent, after.bytesReceived - before.bytesReceived],
      [10, 4],
    )
  })

  test('say what is under way, what waits, and how old the last byte is', async () => {
    const made = testClient()
    equal(made.client.statistics.lastReceivedAgeMs, -1)
    const { connection } = await reconnected(made, { connack: { receiveMaximum: 1 } })
    const { client, clock } = made
    for (const payload of ['1', '22', '333']) watch(client.publish('a', payload, { qos: 1 }))
    await take(connection, PacketType.PUBLISH)
    await pass(clock, 1234)
    const { inflight, waitingMessages, waitingBytes, lastReceivedAgeMs } = client.statistics
    deepEqual(
      { inflight, waitingMessages, waitingBytes, lastReceivedAgeMs },
      { inflight: 1, waitingMessages: 2, waitingBytes: 7, lastReceivedAgeMs: 1234 },
    )
  })

  test('count acknowledgements that nothing waits for, and the connection stays', async () => {
    const { client, connection } = await connected()
    for (const type of [PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBCOMP] as const) {
      connection.send({ type, packetId: 99, reasonCode: 0, properties: {} })
    }
    await settle()
    deepEqual([client.statistics.strayAcknowledgements, client.state], [3, 'connected'])
  })

  test('do not hold up the clocks when they are asked for', async () => {
    const { client, connection, clock } = await connected({ keepAliveSeconds: 10 })
    for (let second = 0; second < 8; second += 1) {
      equal(client.statistics.lastReceivedAgeMs, second * 1000)
      await pass(clock, 1000)
    }
    equal(client.statistics.lastReceivedAgeMs, 8000)
    await pass(clock, 1000)
    equal(count(connection, PacketType.PINGREQ), 1)
    await pass(clock, 10_000)
    equal(client.state, 'closed')
  })

  test('are all numbers, before, during and after a connection', async () => {
    const made = testClient()
    const names = Object.keys(made.client.statistics).sort()
    await reconnected(made)
    deepEqual(Object.keys(made.client.statistics).sort(), names)
    await made.client.disconnect()
    for (const [name, value] of Object.entries(made.client.statistics)) {
      ok(Number.isFinite(value), name)
    }
  })
})

describe('disconnect', () => {
  test('sends what is handed over, then DISCONNECT, then ends [MQTT-3.14.4-1]', async () => {
    const { client, connection, clock } = await connected()
    const publishing = client.publish('a', 'x')
    await client.disconnect()
    await publishing
    deepEqual(
      connection.received.map(({ type }) => type),
      [PacketType.CONNECT, PacketType.PUBLISH, PacketType.DISCONNECT],
    )
    ok(connection.ended)
    deepEqual([client.state, clock.pending], ['closed', 0])
  })

  test('says its reason on MQTT 5.0', async () => {
    const { client, connection } = await connected()
    await client.disconnect({ reasonCode: 4 })
    const packet = connection.received.at(-1)
    ok(packet?.type === PacketType.DISCONNECT)
    equal(packet.reasonCode, 4)
  })

  test('ends without DISCONNECT on 3.1.1 when the will is wanted, which says so there', async () => {
    const { client, connection } = await connected({ protocol: 4 })
    await client.disconnect({ reasonCode: 4 })
    equal(count(connection, PacketType.DISCONNECT), 0)
    ok(connection.ended)
    const other = await connected({ protocol: 4 })
    await other.client.disconnect()
    equal(count(other.connection, PacketType.DISCONNECT), 1)
  })

  test('settles within its bound on a link that takes nothing', async () => {
    const { client, server, connection, clock } = await connected()
    server.stallWrites = true
    server.pipe(connection).peer.answersEnd = false
    const publishing = failure(client.publish('a', 'x', { qos: 1 }), Error)
    const disconnecting = [watch(client.disconnect({ timeoutMs: 700 })), watch(client.disconnect())]
    await pass(clock, 699)
    equal(disconnecting[0]?.status, 'open')
    await pass(clock, 1)
    deepEqual(
      disconnecting.map(({ status }) => status),
      ['fulfilled', 'fulfilled'],
    )
    equal((await publishing).name, 'ClosedError')
    deepEqual([client.state, clock.pending], ['closed', 0])
  })

  test('settles at once when there is no connection', async () => {
    const { client } = testClient()
    await client.disconnect()
    equal(client.state, 'idle')
    const made = await connected()
    await made.client.disconnect()
    await made.client.disconnect()
    equal(made.client.state, 'closed')
  })

  test('is what `await using` does', async () => {
    const { client, connection } = await connected()
    await client[Symbol.asyncDispose]()
    equal(count(connection, PacketType.DISCONNECT), 1)
    equal(client.state, 'closed')
  })
})
