// Lessons that only real sockets, real memory and real handles show: over TCP and WebSocket on loopback,
// with the client as Node has it.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import {
  ClosedError,
  ConnectionLostError,
  PacketTooLargeError,
  QueueFullError,
  TimeoutError,
} from '../../src/errors.ts'
import { MQTTClient } from '../../src/simple.node.ts'
import type { ClientOptions } from '../../src/simple/types.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { listenTcp, listenWebSocket, type SocketPeer } from '../support/peers.ts'
import { ScriptedServer } from '../../src/testing/scripted-server.ts'
import { failure, take, watch } from '../simple/conversation.ts'

const CONNACK = Uint8Array.of(0x20, 0x03, 0x00, 0x00, 0x00)
const MEGABYTE = 1_048_576
/** The longest that a timer can be set to. */
const LONGEST_MS = 2_147_483_647

/** A listener for one test. */
async function listening(t: TestContext): Promise<ScriptedServer> {
  const listener = await ScriptedServer.start()
  t.after(() => listener.close())
  return listener
}

/** A client that has connected over TCP. */
async function overTcp(
  t: TestContext,
  options: ClientOptions = {},
): Promise<{ client: MQTTClient; connection: ScriptedConnection }> {
  const listener = await listening(t)
  const client = new MQTTClient('client', listener.url, options)
  t.after(() => client.disconnect())
  const connecting = client.connect()
  const connection = await listener.connection()
  await connection.accept()
  await connecting
  return { client, connection }
}

/** A client that has connected to a server that can stop reading. */
async function overStallingTcp(
  t: TestContext,
  options: ClientOptions = {},
): Promise<{ client: MQTTClient; peer: SocketPeer }> {
  const server = await listenTcp()
  t.after(() => server.close())
  const client = new MQTTClient('client', `mqtt://127.0.0.1:${server.port}`, options)
  t.after(() => client.disconnect())
  const connecting = client.connect()
  const peer = await server.accept()
  await peer.until(() => peer.receivedBytes > 0)
  peer.write(CONNACK)
  await connecting
  return { client, peer }
}

/** Sockets and timers that keep this process alive. */
const handles = (): number =>
  process.getActiveResourcesInfo().filter((name) => /TCPSocketWrap|Timeout/.test(name)).length

/** Waits for a turn of the event loop, in which sockets report what became of them. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Waits until it is true, as long as the events of sockets make it so. */
async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns += 1) {
    if (turns > 1_000_000) throw new Error('It does not become true')
    await turn()
  }
}

describe('over TCP', () => {
  test('lesson scenario 3: accept, then close before CONNACK, leaves no socket', async (t) => {
    const listener = await listening(t)
    const before = handles()
    const client = new MQTTClient('client', listener.url, { protocol: 5 })
    for (const how of ['close', 'destroy'] as const) {
      for (let round = 0; round < 20; round += 1) {
        const connecting = failure(client.connect(), ConnectionLostError)
        const connection = await listener.connection()
        connection[how]()
        await connecting
        await connection.closed
      }
    }
    await until(() => handles() <= before)
  })

  test('lesson scenario 23: 10,000 connects leave no socket and no timer', async (t) => {
    const listener = await listening(t)
    const client = new MQTTClient('client', listener.url)
    const before = handles()
    for (let round = 0; round < 10_000; round += 1) {
      const connecting = client.connect()
      const connection = await listener.connection()
      await connection.accept()
      await connecting
      // A reset, so that ten thousand ports need not rest.
      connection.destroy()
      await connection.closed
      await until(() => client.state === 'closed')
    }
    await until(() => handles() <= before)
  })

  test('lesson umqtt 1: connect is bounded when the server accepts and is silent', async (t) => {
    const listener = await listening(t)
    const client = new MQTTClient('client', listener.url, { timeouts: { connectMs: 200 } })
    const connecting = client.connect()
    const connection = await listener.connection()
    await failure(connecting, TimeoutError)
    await connection.closed
    equal(client.state, 'closed')
  })

  test('lesson umqtt 17: non-ASCII text goes over a socket in bytes', async (t) => {
    const { client, connection } = await overTcp(t)
    const publishing = client.publish('Küche/🌡', '21,5 °C', { qos: 1 })
    const packet = await take(connection, PacketType.PUBLISH)
    connection.acknowledge(packet)
    await publishing
    const waiting = client.waitMsg()
    connection.publish(packet.topic, packet.payload)
    const message = await waiting
    deepEqual([message.topic, message.text()], ['Küche/🌡', '21,5 °C'])
  })

  test('lesson mqtt.js 07: disconnect settles on a link whose server reads no more', async (t) => {
    const { client, peer } = await overStallingTcp(t)
    peer.pause()
    const payload = new Uint8Array(MEGABYTE)
    const outcomes = Array.from({ length: 40 }, () =>
      watch(client.publish('a', payload, { qos: 1 })),
    )
    await turn()
    const started = performance.now()
    await client.disconnect({ timeoutMs: 300 })
    const tookMs = performance.now() - started
    ok(tookMs < 2000, `${tookMs} ms`)
    await turn()
    ok(outcomes.every(({ error }) => error instanceof ClosedError))
  })

  test('lesson mqtt.js 29: a stalled link costs bounded memory, and every promise settles', async (t) => {
    // Memory is what this is about: on a busy machine the calls take longer than the client waits for a stalled link.
    const { client, peer } = await overStallingTcp(t, {
      limits: { waitingBytes: 8 * MEGABYTE },
      timeouts: { writeMs: LONGEST_MS, operationMs: LONGEST_MS },
      keepAliveSeconds: 0,
    })
    peer.pause()
    const before = process.memoryUsage.rss()
    const counts = { full: 0, lost: 0, done: 0 }
    const calls: Promise<void>[] = []
    for (let index = 0; index < 100_000; index += 1) {
      calls.push(
        client.publish('a', new Uint8Array(1000)).then(
          () => void (counts.done += 1),
          (error: unknown) => void (counts[error instanceof QueueFullError ? 'full' : 'lost'] += 1),
        ),
      )
      if (index % 1000 === 0) await turn()
    }
    const grown = process.memoryUsage.rss() - before
    ok(counts.full > 70_000, `${counts.full} were refused`)
    // A hundred thousand kilobytes were offered, beside what a rejected promise costs.
    ok(grown < 150 * MEGABYTE, `${Math.round(grown / MEGABYTE)} MB`)
    peer.reset()
    await Promise.all(calls)
    equal(counts.full + counts.lost + counts.done, 100_000)
  })

  test('lesson mqtt.js 18: 200 MB against a limit of 10 kB cost neither memory nor time', async (t) => {
    for (const protocol of [4, 5] as const) {
      const listener = await listening(t)
      const client = new MQTTClient('client', listener.url, {
        protocol,
        limits: { maximumPacketSizeBytes: 10_000 },
      })
      const lost = new Promise<Error>((resolve) => client.on('connection-lost', resolve))
      const connecting = client.connect()
      const connection = await listener.connection()
      await connection.accept()
      await connecting
      const before = process.memoryUsage.rss()
      // The header of a PUBLISH of 200 MB, and its first bytes.
      connection.sendBytes(Uint8Array.of(0x30, 0x80, 0x84, 0xaf, 0x5f, 0x00, 0x01, 0x61, 0x00))
      const chunk = new Uint8Array(MEGABYTE)
      for (let sent = 0; sent < 200 && !connection.ended; sent += 1) {
        connection.sendBytes(chunk)
        await turn()
      }
      const error = await lost
      ok(error instanceof PacketTooLargeError)
      deepEqual([error.limitBytes, error.limitedBy], [10_000, 'client'])
      ok(error.sizeBytes > 199_000_000)
      await connection.closed
      const grown = process.memoryUsage.rss() - before
      ok(grown < 60 * MEGABYTE, `${Math.round(grown / MEGABYTE)} MB`)
      ok(client.statistics.bytesReceived < 10 * MEGABYTE)
    }
  })

  test('lesson mqtt.js 33: connects, subscribes and 600 clients leave nothing behind', async (t) => {
    const listener = await listening(t)
    const before = handles()
    const client = new MQTTClient('client', listener.url)
    for (let round = 0; round < 30; round += 1) {
      const connecting = client.connect()
      const connection = await listener.connection()
      connection.autoRespond()
      await connecting
      for (let index = 0; index < 100; index += 1) {
        const subscription = await client.subscribe(`a/${index}`, {}, () => undefined)
        await subscription.unsubscribe()
      }
      await client.disconnect()
    }
    const clients = Array.from({ length: 600 }, (_, n) => new MQTTClient(`c${n}`, listener.url))
    const connecting = Promise.all(clients.map((one) => one.connect()))
    for (const one of clients) {
      ok(one)
      ;(await listener.connection()).autoRespond()
    }
    await connecting
    await Promise.all(clients.map((one) => one.disconnect()))
    await until(() => handles() <= before)
  })
})

describe('over WebSocket', () => {
  test('lesson mqtt.js 41: disconnect before the upgrade leaves no socket', async (t) => {
    const server = await listenTcp()
    t.after(() => server.close())
    const client = new MQTTClient('client', `ws://127.0.0.1:${server.port}`)
    const connecting = failure(client.connect(), ClosedError)
    const peer = await server.accept()
    await peer.until(() => peer.receivedBytes > 0)
    await client.disconnect()
    await connecting
    await peer.until(() => peer.ended)
  })

  test('lesson mqtt.js 41: disconnect on a stalled link is bounded', async (t) => {
    const server = await listenWebSocket()
    t.after(() => server.close())
    const client = new MQTTClient('client', `ws://127.0.0.1:${server.port}`)
    const connecting = client.connect()
    const peer = await server.accept()
    await peer.until(() => peer.receivedBytes > 0)
    peer.write(CONNACK)
    await connecting
    peer.pause()
    const publishing = watch(client.publish('a', new Uint8Array(8 * MEGABYTE), { qos: 1 }))
    await turn()
    const started = performance.now()
    await client.disconnect({ timeoutMs: 300 })
    ok(performance.now() - started < 2000)
    await turn()
    ok(publishing.error instanceof ClosedError)
  })
})

describe('the cost of a backlog', () => {
  /** Processor time for each message that has waited, µs. */
  const drain = async (t: TestContext, messages: number): Promise<number> => {
    const listener = await listening(t)
    const client = new MQTTClient('client', listener.url)
    const connecting = client.connect()
    const calls = Array.from({ length: messages }, () => client.publish('a', '21.5'))
    const connection = await listener.connection()
    const started = process.cpuUsage()
    await connection.accept()
    await connecting
    await Promise.all(calls)
    const { user, system } = process.cpuUsage(started)
    await client.disconnect()
    return (user + system) / messages
  }

  test('lesson mqtt.js 03b: it grows with the number of messages, not with its square', async (t) => {
    await drain(t, 5000)
    const small = Math.min(await drain(t, 10_000), await drain(t, 10_000))
    const large = await drain(t, 100_000)
    ok(large < small * 4 + 2, `${small.toFixed(2)} µs and ${large.toFixed(2)} µs a message`)
  })
})
