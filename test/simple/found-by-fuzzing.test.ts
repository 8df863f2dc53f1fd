// portable
// What the fuzzer of operations has found, each as a conversation of its own: connections that end at
// the worst moment, and calls that cross.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { NO_PROPERTIES, type Packet, PacketType } from '../../src/codec/packets.ts'
import { ClosedError } from '../../src/errors.ts'
import { settle, testClient } from '../support/scripted-memory.ts'

const KEPT = { cleanStart: false, sessionExpirySeconds: 1_000 }

function topics(packets: readonly Packet[]): string[] {
  return packets.flatMap((packet) => (packet.type === PacketType.PUBLISH ? [packet.topic] : []))
}

test('a clean start whose CONNACK is lost forgets what was in flight [MQTT-3.1.2-4]', async () => {
  const { client, server } = testClient({ limits: { outboundTopicAliases: 0 } })
  void client.connect(KEPT)
  const first = await server.connection()
  await first.accept()
  await settle()
  const publish = client.publish('old', 'x', { qos: 2 }).catch((error: unknown) => error)
  await settle()
  first.destroy()
  ok((await publish) instanceof Error)

  const lost = client.connect({ cleanStart: true, sessionExpirySeconds: 1_000 }).catch(() => 'lost')
  const second = await server.connection()
  await second.connect()
  second.destroy()
  equal(await lost, 'lost')

  // The session that is present is the one that the lost CONNECT has made.
  void client.connect(KEPT)
  const third = await server.connection()
  await third.accept(NO_PROPERTIES, true)
  await settle()
  deepEqual(topics(third.received), [])
  equal(client.statistics.inflight, 0)
  await client.disconnect()
})

test('a clean start whose CONNACK is lost does not swallow messages of the new session [MQTT-4.3.3-10]', async () => {
  const { client, server } = testClient()
  const got: string[] = []
  client.setCallback((topic) => void got.push(topic))
  void client.connect(KEPT)
  const first = await server.connection()
  await first.accept()
  first.publish('old', 'x', { qos: 2, packetId: 7 })
  await settle()
  first.destroy()
  await settle()

  const lost = client.connect({ cleanStart: true, sessionExpirySeconds: 1_000 }).catch(() => 'lost')
  const second = await server.connection()
  await second.connect()
  second.destroy()
  equal(await lost, 'lost')

  void client.connect(KEPT)
  const third = await server.connection()
  await third.accept(NO_PROPERTIES, true)
  third.publish('new', 'x', { qos: 2, packetId: 7, dup: true })
  await settle()
  deepEqual(got, ['old', 'new'])
  await client.disconnect()
})

test('messages keep their order behind one whose packet id is cleared first', async () => {
  const { client, server } = testClient({ limits: { outboundTopicAliases: 0 } })
  void client.connect(KEPT)
  const connection = await server.connection()
  // The server has a session that this client knows nothing of.
  await connection.accept(NO_PROPERTIES, true)
  await settle()
  const publishes = [
    client.publish('1', 'x', { qos: 2 }),
    client.publish('2', 'x', { qos: 1 }),
    client.publish('3', 'x', { qos: 2 }),
    client.publish('4', 'x'),
  ]
  connection.autoRespond()
  await Promise.all(publishes)
  deepEqual(topics(connection.received), ['1', '2', '3', '4'])
  await client.disconnect()
})

test('disconnect keeps its own bound when the connection is ending already', async () => {
  const { client, server, clock } = testClient()
  void client.connect()
  await (await server.connection()).accept()
  await settle()
  server.stallWrites = true
  server.bufferBytes = 0
  void client.disconnect({ timeoutMs: 1_000 })
  await settle()
  let settled = false
  void client.disconnect({ timeoutMs: 10 }).then(() => {
    settled = true
  })
  await settle()
  equal(settled, false)
  clock.advance(10)
  await settle()
  equal(settled, true)
})

test('subscribe rejects with an error of ours when the signal of connect aborts', async () => {
  const { client, server } = testClient()
  server.blackHole = true
  let abort: () => void = () => undefined
  const signal = {
    aborted: false,
    reason: 'not for subscribe',
    addEventListener: (_type: string, listener: () => void): void => {
      abort = listener
    },
    removeEventListener: (): void => undefined,
  } as unknown as AbortSignal
  const connect = client.connect({ signal }).catch((error: unknown) => error)
  const subscribe = client.subscribe('a').catch((error: unknown) => error)
  abort()
  equal(await connect, 'not for subscribe')
  const error = await subscribe
  ok(error instanceof ClosedError)
  equal(error.sent, 'no')
})
