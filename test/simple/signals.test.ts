// Every wait that takes a signal ends with the signal's reason, in each phase, and what has not been sent
// by then never is. Needs AbortController, which not every engine of JavaScript has.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { watch as watchSignal } from '../../src/simple/waiting.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import { connected, count, pass, reconnected, take, watch } from './conversation.ts'

const REASON = new Error('the user went away')

/** How many listeners the signal has, from now on. */
function countListeners(signal: AbortSignal): { readonly count: number } {
  const held = { count: 0 }
  const { addEventListener, removeEventListener } = signal
  Object.assign(signal, {
    addEventListener(...call: Parameters<typeof addEventListener>) {
      held.count += 1
      addEventListener.apply(signal, call)
    },
    removeEventListener(...call: Parameters<typeof removeEventListener>) {
      held.count -= 1
      removeEventListener.apply(signal, call)
    },
  })
  return held
}

describe('connect with a signal', () => {
  test('that has aborted already rejects and does not dial', async () => {
    const { client, server } = testClient()
    const connecting = watch(client.connect({ signal: AbortSignal.abort(REASON) }))
    await settle()
    equal(connecting.error, REASON)
    deepEqual([server.dials, client.state], [0, 'idle'])
  })

  test('gives up a dial that never opens', async () => {
    const { client, server, clock } = testClient()
    server.blackHole = true
    const controller = new AbortController()
    const connecting = watch(client.connect({ signal: controller.signal }))
    await pass(clock, 100)
    controller.abort(REASON)
    await settle()
    equal(connecting.error, REASON)
    deepEqual([client.state, clock.pending], ['closed', 0])
  })

  test('gives up the wait for CONNACK, and closes', async () => {
    const { client, server, clock } = testClient()
    const controller = new AbortController()
    const connecting = watch(client.connect({ signal: controller.signal }))
    const connection = await server.connection()
    await connection.connect()
    controller.abort(REASON)
    await connection.closed
    await settle()
    equal(connecting.error, REASON)
    deepEqual([client.state, clock.pending, connection.received.length], ['closed', 0, 1])
  })

  test('gives up the fall-back to MQTT 3.1.1', async () => {
    const { client, server } = testClient()
    const controller = new AbortController()
    const connecting = watch(client.connect({ signal: controller.signal }))
    const first = await server.connection()
    await first.connect()
    first.sendBytes(Uint8Array.of(0x20, 0x03, 0x00, 0x84, 0x00))
    await (await server.connection()).connect()
    controller.abort(REASON)
    await settle()
    equal(connecting.error, REASON)
    deepEqual([client.state, server.dials], ['closed', 2])
  })

  test('gives up the wait for the connection before to close', async () => {
    const { client, server } = await connected()
    const controller = new AbortController()
    const disconnecting = client.disconnect()
    const connecting = watch(client.connect({ signal: controller.signal }))
    controller.abort(REASON)
    await disconnecting
    await settle()
    equal(connecting.error, REASON)
    deepEqual([client.state, server.dials], ['closed', 1])
  })

  test('that aborts after CONNACK does nothing', async () => {
    const controller = new AbortController()
    const { client } = await connected({}, { request: { signal: controller.signal } })
    controller.abort(REASON)
    await settle()
    equal(client.state, 'connected')
  })

  test('leaves what waits for the connection rejected, too', async () => {
    const { client, server } = testClient()
    server.blackHole = true
    const controller = new AbortController()
    watch(client.connect({ signal: controller.signal }))
    const outcomes = [
      watch(client.publish('a', 'b', { qos: 1 })),
      watch(client.publish('a', 'b')),
      watch(client.subscribe('a')),
      watch(client.waitMsg()),
    ]
    controller.abort(REASON)
    await settle()
    deepEqual(
      outcomes.map(({ status }) => status),
      new Array(4).fill('rejected'),
    )
  })
})

describe('publish with a signal', () => {
  test('that has aborted already rejects and sends nothing', async () => {
    const { client, connection } = await connected()
    for (const qos of [0, 1, 2] as const) {
      const publishing = watch(client.publish('a', 'b', { qos, signal: AbortSignal.abort(REASON) }))
      await settle()
      equal(publishing.error, REASON)
    }
    equal(connection.received.length, 1)
  })

  test('takes a message back that waits for the window; it is never sent', async () => {
    const { client, connection } = await connected({}, { connack: { receiveMaximum: 1 } })
    const controller = new AbortController()
    const { signal } = controller
    const calls = ['1', '2', '3', '4'].map((topic) =>
      watch(client.publish(topic, 'x', topic === '2' ? { qos: 1, signal } : { qos: 1 })),
    )
    await settle()
    controller.abort(REASON)
    await settle()
    equal(calls[1]?.error, REASON)
    equal(client.statistics.waitingMessages, 2)
    connection.autoRespond()
    await settle()
    const sent = connection.received.flatMap((packet) =>
      packet.type === PacketType.PUBLISH ? [packet.topic] : [],
    )
    deepEqual(sent, ['1', '3', '4'])
  })

  test('takes back a thousand of them, and the memory that they count for', async () => {
    const { client, connection } = await connected({}, { connack: { receiveMaximum: 1 } })
    const controller = new AbortController()
    const { signal } = controller
    const kept = Array.from({ length: 5 }, () => watch(client.publish('kept', 'x', { qos: 1 })))
    for (let index = 0; index < 1000; index += 1)
      watch(client.publish('a', 'x', { qos: 2, signal }))
    controller.abort(REASON)
    await settle()
    deepEqual([client.statistics.waitingMessages, client.statistics.waitingBytes], [4, 20])
    connection.autoRespond()
    await settle()
    deepEqual(
      kept.map(({ status }) => status),
      new Array(5).fill('fulfilled'),
    )
    equal(count(connection, PacketType.PUBLISH), 5)
  })

  test('stops waiting for an answer; the exchange itself goes on to its end', async () => {
    const { client, connection } = await connected()
    const controller = new AbortController()
    const publishing = watch(client.publish('a', 'b', { qos: 2, signal: controller.signal }))
    const packet = await take(connection, PacketType.PUBLISH)
    controller.abort(REASON)
    await settle()
    equal(publishing.error, REASON)
    equal(client.statistics.inflight, 1)
    connection.acknowledge(packet)
    connection.acknowledge(await take(connection, PacketType.PUBREL))
    await settle()
    deepEqual([client.statistics.inflight, client.state], [0, 'connected'])
  })

  test('shares one listener with all that wait, and tells each of them', async () => {
    const { client } = await connected()
    const controller = new AbortController()
    const { signal } = controller
    const held = countListeners(signal)
    const calls = Array.from({ length: 20 }, () => [
      watch(client.publish('a', 'b', { qos: 1, signal })),
      watch(client.subscribe('a', { signal })),
      watch(client.unsubscribe('b', { signal })),
      watch(client.waitMsg({ signal })),
    ]).flat()
    equal(held.count, 1)
    controller.abort(REASON)
    await settle()
    ok(calls.every(({ error }) => error === REASON))
  })

  test('leaves nothing at a signal that has aborted', async () => {
    const { client } = await connected()
    const controller = new AbortController()
    const { signal } = controller
    const own = new Set(Reflect.ownKeys(signal))
    const publishing = watch(client.publish('a', 'b', { qos: 1, signal }))
    controller.abort(REASON)
    await settle()
    equal(publishing.error, REASON)
    const left = Reflect.ownKeys(signal).filter((key) => !own.has(key))
    deepEqual(
      left.map((key): unknown => Reflect.get(signal, key)),
      left.map(() => undefined),
    )
  })

  test('shares it again after all that waited are done, however often one is told to stop', () => {
    const { signal } = new AbortController()
    const held = countListeners(signal)
    const ignored = (): void => undefined
    const stopFirst = watchSignal(signal, ignored)
    stopFirst()
    const stopSecond = watchSignal(signal, ignored)
    stopFirst()
    const stopThird = watchSignal(signal, ignored)
    equal(held.count, 1)
    stopSecond()
    stopThird()
    equal(held.count, 0)
  })

  test('tells nobody who begins to wait while it aborts', () => {
    const controller = new AbortController()
    const told: string[] = []
    watchSignal(controller.signal, () => {
      told.push('first')
      watchSignal(controller.signal, () => told.push('late'))
    })
    controller.abort(REASON)
    deepEqual(told, ['first'])
  })

  test('holds no listener when it is done', async () => {
    const { client, connection } = await connected()
    const { signal } = new AbortController()
    const held = countListeners(signal)
    connection.autoRespond()
    for (let index = 0; index < 100; index += 1) {
      await client.publish('a', 'b', { qos: (index % 3) as 0 | 1 | 2, signal })
    }
    await client.subscribe('a', { signal })
    const waiting = client.waitMsg({ signal })
    connection.publish('a', 'x')
    await waiting
    equal(held.count, 0)
  })
})

describe('subscribe with a signal', () => {
  test('that has aborted already rejects and sends nothing', async () => {
    const { client, connection } = await connected()
    const subscribing = watch(client.subscribe('a', { signal: AbortSignal.abort(REASON) }))
    await settle()
    equal(subscribing.error, REASON)
    equal(connection.received.length, 1)
  })

  test('takes its handler back, and the subscription too when it is granted later', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    const controller = new AbortController()
    const options = { signal: controller.signal }
    const subscribing = watch(client.subscribe('a', options, (topic) => seen.push(topic)))
    const packet = await take(connection, PacketType.SUBSCRIBE)
    controller.abort(REASON)
    await settle()
    equal(subscribing.error, REASON)
    connection.publish('a', 'x')
    connection.acknowledge(packet)
    deepEqual((await take(connection, PacketType.UNSUBSCRIBE)).filters, ['a'])
    deepEqual(seen, [])
  })

  test('leaves a filter that another subscription has', async () => {
    const { client, connection } = await connected()
    const first = client.subscribe('a')
    connection.acknowledge(await take(connection, PacketType.SUBSCRIBE))
    await first
    const controller = new AbortController()
    watch(client.subscribe('a', { signal: controller.signal }))
    const packet = await take(connection, PacketType.SUBSCRIBE)
    controller.abort(REASON)
    connection.acknowledge(packet)
    await settle()
    equal(count(connection, PacketType.UNSUBSCRIBE), 0)
  })

  test('that aborts while connecting sends nothing afterwards', async () => {
    const made = testClient()
    const opening = reconnected(made)
    const controller = new AbortController()
    const subscribing = watch(made.client.subscribe('a', { signal: controller.signal }))
    controller.abort(REASON)
    await settle()
    equal(subscribing.error, REASON)
    const { connection } = await opening
    await settle()
    equal(count(connection, PacketType.SUBSCRIBE), 0)
  })
})

describe('unsubscribe with a signal', () => {
  test('that has aborted already rejects, and nothing is taken back', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const received: string[] = []
    await client.subscribe('a', {}, (topic) => received.push(topic))
    const leaving = watch(client.unsubscribe('a', { signal: AbortSignal.abort(REASON) }))
    connection.publish('a', 'x')
    await settle()
    equal(leaving.error, REASON)
    deepEqual([received, count(connection, PacketType.UNSUBSCRIBE)], [['a'], 0])
  })

  test('gives up the wait for UNSUBACK, and leaves nothing at the signal', async () => {
    const { client, connection } = await connected()
    const controller = new AbortController()
    const leaving = watch(client.unsubscribe('a', { signal: controller.signal }))
    const packet = await take(connection, PacketType.UNSUBSCRIBE)
    controller.abort(REASON)
    await settle()
    equal(leaving.error, REASON)
    connection.acknowledge(packet)
    await settle()
    equal(client.state, 'connected')
  })

  test('that aborts while connecting ends the wait alone: the server is told', async () => {
    const made = testClient()
    const opening = reconnected(made)
    const controller = new AbortController()
    const leaving = watch(made.client.unsubscribe('a', { signal: controller.signal }))
    controller.abort(REASON)
    await settle()
    equal(leaving.error, REASON)
    const { connection } = await opening
    await settle()
    equal(count(connection, PacketType.UNSUBSCRIBE), 1)
  })
})

describe('waitMsg with a signal', () => {
  test('rejects, and the message that comes then goes to the next one who waits', async () => {
    const { client, connection } = await connected()
    const controller = new AbortController()
    const first = watch(client.waitMsg({ signal: controller.signal }))
    const second = client.waitMsg()
    controller.abort(REASON)
    await settle()
    equal(first.error, REASON)
    connection.publish('a', 'x')
    equal((await second).text(), 'x')
    const aborted = watch(client.waitMsg({ signal: AbortSignal.abort(REASON) }))
    await settle()
    equal(aborted.error, REASON)
  })

  test('keeps the message when nobody else waits', async () => {
    const { client, connection } = await connected()
    const controller = new AbortController()
    watch(client.waitMsg({ signal: controller.signal }))
    controller.abort(REASON)
    connection.publish('a', 'x', { qos: 1 })
    await settle()
    equal(count(connection, PacketType.PUBACK), 0)
    ok(client.checkMsg())
  })

  test('leaves nothing behind after ten thousand waits that were given up', async () => {
    const { client, connection } = await connected()
    for (let index = 0; index < 10_000; index += 1) {
      const controller = new AbortController()
      watch(client.waitMsg({ signal: controller.signal }))
      controller.abort(REASON)
    }
    const waiting = client.waitMsg()
    connection.publish('a', 'x')
    equal((await waiting).text(), 'x')
  })
})
