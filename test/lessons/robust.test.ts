// portable
// umqtt.robust failure by failure, in the order of the table: what each does to one connection here. To
// connect again is the application's decision at this level.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { ClosedError, ConnectionLostError, ConnectRefusedError } from '../../src/errors.ts'
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

test('lesson robust 1: a name not found, a refused dial and a reset are told, and block nobody', async () => {
  const { client, server } = testClient()
  for (const what of ['getaddrinfo ENOTFOUND', 'connect ECONNREFUSED', 'read ECONNRESET']) {
    server.refuse = new Error(what)
    const error = await failure(client.connect(), ConnectionLostError)
    ok(error.message.endsWith(what) && error.transient)
  }
  server.refuse = undefined
  await reconnected({ client, server })
  equal(client.state, 'connected')
})

test('lesson robust 2: the end of the stream between two packets ends waitMsg', async () => {
  const { client, connection } = await connected()
  connection.publish('a', 'x')
  equal((await client.waitMsg()).topic, 'a')
  const waiting = failure(client.waitMsg(), ConnectionLostError)
  connection.close()
  await waiting
})

test('lesson robust 3: a publish whose PUBACK cannot come any more rejects and is not lost in silence', async () => {
  for (const how of ['close', 'destroy'] as const) {
    const { client, connection } = await connected()
    const publishing = client.publish('a', 'b', { qos: 1 })
    await take(connection, PacketType.PUBLISH)
    connection[how]()
    equal((await failure(publishing, ConnectionLostError)).sent, 'maybe')
  }
})

test('lesson robust 4: a subscribe whose SUBACK cannot come any more rejects', async () => {
  for (const how of ['close', 'destroy'] as const) {
    const { client, connection } = await connected()
    const subscribing = client.subscribe('a')
    await take(connection, PacketType.SUBSCRIBE)
    connection[how]()
    await failure(subscribing, ConnectionLostError)
  }
})

test('lesson robust 5: the end of the stream inside a packet is a lost connection', async () => {
  const made = await connected()
  const waiting = failure(made.client.waitMsg(), ConnectionLostError)
  made.connection.sendBytes(Uint8Array.of(0x30, 0x10, 0x00, 0x05, 0x61))
  made.connection.close()
  await waiting
  await reconnected(made)
  equal(made.client.state, 'connected')
})

test('lesson robust 6: a server that accepts and closes before CONNACK is a lost connection', async () => {
  const { client, server } = testClient()
  for (let round = 0; round < 3; round += 1) {
    const connecting = client.connect()
    // Each version may be what it did not like.
    for (const _ of [5, 4]) (await server.connection()).close()
    equal((await failure(connecting, ConnectionLostError)).transient, true)
  }
})

test('lesson robust 7: a refused CONNACK is a typed error of connect and of nothing else', async () => {
  const { client, server } = testClient({ protocol: 4 })
  const connecting = client.connect()
  const publishing = client.publish('a', 'b', { qos: 1 })
  const connection = await server.connection()
  await connection.connect()
  connection.sendBytes(Uint8Array.of(0x20, 0x02, 0x00, 0x03))
  const error = await failure(connecting, ConnectRefusedError)
  deepEqual([error.reasonCode, error.transient], [3, true])
  equal((await failure(publishing, ConnectionLostError)).sent, 'no')
})

test('lesson robust 8: a publish from a callback, while one outside waits, takes nothing from it', async () => {
  const { client, connection } = await connected()
  const inner: Promise<unknown>[] = []
  client.setCallback(() => {
    inner.push(client.publish('inner', 'x', { qos: 1 }))
    return inner[0]
  })
  const outer = client.publish('outer', 'x', { qos: 1 })
  const first = await take(connection, PacketType.PUBLISH)
  connection.publish('in', 'x', { qos: 1 })
  const second = await take(connection, PacketType.PUBLISH)
  connection.acknowledge(first)
  connection.acknowledge(second)
  await outer
  await inner[0]
  equal((await take(connection, PacketType.PUBACK)).packetId, 1)
})

test('lesson robust 9: a silent server is noticed by whoever waits, and also when nobody does', async () => {
  const { client, server, clock } = await connected()
  server.stallReads = true
  server.stallWrites = true
  const waits = [watch(client.waitMsg()), watch(client.publish('a', 'b', { qos: 1 }))]
  await pass(clock, 20_000)
  deepEqual(
    waits.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  const idle = await connected()
  await pass(idle.clock, 64_000)
  equal(idle.client.state, 'closed')
})

test('lesson robust 11: a publish after disconnect does not connect in secret', async () => {
  const { client, server } = await connected()
  await client.disconnect()
  equal((await failure(client.publish('a', 'b', { qos: 1 }), ClosedError)).sent, 'no')
  await settle()
  deepEqual([server.dials, client.state], [1, 'closed'])
})

test('lesson robust 12: the transport of every lost connection is closed', async () => {
  const made = testClient()
  for (let round = 0; round < 30; round += 1) {
    const { connection } = await reconnected(made)
    if (round % 3 === 0) connection.close()
    else if (round % 3 === 1) connection.sendBytes(Uint8Array.of(0))
    else await pass(made.clock, 64_000)
    await settle()
    ok(connection.ended, `round ${round}`)
    equal(count(connection, PacketType.CONNECT), 1)
  }
  deepEqual([made.clock.pending, made.server.dials], [0, 30])
})
