// Subscriptions of a client that holds on: made when there is a connection, made again when the server has
// lost them, and never more often than that.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { ClosedError, ConnectRefusedError, RejectedError } from '../../src/errors.ts'
import type { Message } from '../../src/simple/types.ts'
import { count, failure, take, watch } from '../simple/conversation.ts'
import {
  accepted,
  brief,
  connectedRig,
  dialled,
  refused,
  robustClient,
  type RobustRig,
} from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

const suback = (packetId: number, ...reasonCodes: number[]): never =>
  ({ type: PacketType.SUBACK, packetId, reasonCodes, properties: {} }) as never

const names = (packets: Parameters<typeof brief>[0]): string[] =>
  brief(packets).filter((line) => /^(UN)?SUBSCRIBE/.test(line))

describe('subscribe without a connection', () => {
  for (const protocol of [4, 5] as const) {
    test(`connects by itself, and stays pending until it is made on ${protocol}`, async () => {
      const rig = robustClient({ protocol })
      rig.server.refuse = new Error('away')
      const subscribing = watch(rig.client.subscribe(['a', 'b'], { qos: 1 }))
      await elapse(rig.clock, 300_000)
      equal(subscribing.status, 'open')
      rig.server.refuse = undefined
      const connection = await accepted(rig)
      const packet = await take(connection, PacketType.SUBSCRIBE)
      connection.send(suback(packet.packetId, 1, 0x80))
      await settle()
      deepEqual(subscribing.value?.granted, [
        { filter: 'a', qos: 1, reasonCode: 1 },
        { filter: 'b', qos: undefined, reasonCode: 0x80 },
      ])
    })
  }

  test('is made once more when the connection ends before its SUBACK', async () => {
    const rig = await connectedRig()
    const received: string[] = []
    const subscribing = watch(rig.client.subscribe('a', {}, (topic) => received.push(topic)))
    await take(rig.connection, PacketType.SUBSCRIBE)
    rig.connection.destroy()
    const second = await dialled(rig)
    // The server had made it, and has a message by now.
    await second.connect()
    second.send({ type: PacketType.CONNACK, sessionPresent: true, reasonCode: 0, properties: {} })
    second.publish('a', 'x', { qos: 1 })
    await settle()
    deepEqual([received, subscribing.status], [['a'], 'open'])
    second.autoRespond()
    await settle()
    deepEqual([subscribing.status, names(second.received)], ['fulfilled', ['SUBSCRIBE a']])
  })

  test('does not go out when a listener of the event connected gives it up', async () => {
    const rig = robustClient()
    const controller = new AbortController()
    const reason = new Error('enough')
    rig.client.on('connected', () => controller.abort(reason))
    const { signal } = controller
    const subscribing = watch(rig.client.subscribe('a', { signal }, () => undefined))
    const connection = await accepted(rig)
    deepEqual([subscribing.error, brief(connection.received)], [reason, ['CONNECT']])
  })

  test('goes out before what is sent again', async () => {
    const rig = await connectedRig()
    rig.client.publish('a', 'x')
    await take(rig.connection, PacketType.PUBLISH)
    rig.connection.destroy()
    await settle()
    void rig.client.subscribe('b').catch(() => undefined)
    const second = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(second.received), ['CONNECT', 'SUBSCRIBE b', 'PUBLISH a 1 DUP'])
  })

  test('rejects when the server refuses the filter, and does not ask again', async () => {
    const rig = await connectedRig()
    const subscribing = failure(rig.client.subscribe('a'), RejectedError)
    const packet = await take(rig.connection, PacketType.SUBSCRIBE)
    rig.connection.send(suback(packet.packetId, 0x87))
    equal((await subscribing).reasonCode, 0x87)
    rig.connection.destroy()
    const second = await accepted(rig)
    deepEqual(brief(second.received), ['CONNECT'])
  })

  test('waits while the server refuses the client, which is said once, and loses nothing then', async () => {
    const rig = robustClient({ listens: false })
    const received: string[] = []
    const subscribing = watch(rig.client.subscribe('a', {}, (topic) => received.push(topic)))
    const connecting = failure(rig.client.connect(), ConnectRefusedError)
    await refused(rig, 0x87)
    await connecting
    await refused(rig, 0x87)
    deepEqual(
      [subscribing.status, rig.warnings.map(({ code }) => code)],
      ['open', ['connection-refused']],
    )
    match(rig.warnings[0]?.message ?? '', /0x87/)
    // The server has the session of an earlier process, and in it a message.
    const connection = await dialled(rig)
    await connection.connect()
    connection.send({
      type: PacketType.CONNACK,
      sessionPresent: true,
      reasonCode: 0,
      properties: {},
    })
    connection.publish('a', 'x', { qos: 1 })
    connection.autoRespond()
    await settle()
    deepEqual([received, subscribing.status], [['a'], 'fulfilled'])
  })

  test('rejects when a refusal ends the trying', async () => {
    const rig = robustClient({ reconnect: { whenRefused: 'stop' } })
    const subscribing = failure(rig.client.subscribe('a'), ConnectRefusedError)
    await refused(rig, 0x87)
    equal((await subscribing).reasonCode, 0x87)
  })

  test('that a refusal has ended left no handler: asked for again with connect, it has what the session kept', async () => {
    for (const isAskedAgain of [false, true]) {
      const rig = robustClient({ reconnect: { whenRefused: 'stop' } })
      const received: string[] = []
      const subscribe = (): Promise<unknown> =>
        rig.client.subscribe('a', {}, (topic) => received.push(topic))
      const subscribing = failure(subscribe(), ConnectRefusedError)
      await refused(rig, 0x87)
      await subscribing
      void rig.client.connect()
      if (isAskedAgain) void subscribe()
      const connection = await accepted(rig, { sessionPresent: true })
      connection.publish('a', 'x', { qos: 1, packetId: 9 })
      await settle()
      equal(brief(connection.received).at(-1), 'PUBACK 9')
      deepEqual(
        [received, rig.client.statistics.unclaimedMessages],
        isAskedAgain ? [['a'], 0] : [[], 1],
      )
    }
  })

  test('rejects when its signal aborts, and nothing is sent', async () => {
    const rig = robustClient()
    rig.server.refuse = new Error('away')
    const controller = new AbortController()
    const subscribing = failure(rig.client.subscribe('a', { signal: controller.signal }), Error)
    await elapse(rig.clock, 5_000)
    controller.abort(new Error('enough'))
    match(String(await subscribing), /enough/)
    rig.server.refuse = undefined
    const connection = await accepted(rig)
    deepEqual(brief(connection.received), ['CONNECT'])
  })

  test('rejects with disconnect', async () => {
    const rig = robustClient()
    rig.server.refuse = new Error('away')
    const waits = [
      failure(rig.client.subscribe('a'), ClosedError),
      failure(rig.client.unsubscribe('b'), ClosedError),
    ]
    await elapse(rig.clock, 5_000)
    await rig.client.disconnect()
    await Promise.all(waits)
    equal(rig.clock.pending, 0)
  })
})

describe('unsubscribe without a connection', () => {
  test('takes effect at once here, and at the server when there is one', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    const received: string[] = []
    const subscribing = client.subscribe('a', {}, (topic) => received.push(topic))
    connection.acknowledge(await take(connection, PacketType.SUBSCRIBE))
    await subscribing
    connection.destroy()
    await settle()
    const unsubscribing = watch(client.unsubscribe('a'))
    const second = await dialled(rig)
    await second.connect()
    second.send({ type: PacketType.CONNACK, sessionPresent: true, reasonCode: 0, properties: {} })
    second.publish('a', 'x')
    second.autoRespond()
    await settle()
    deepEqual([received, unsubscribing.status], [[], 'fulfilled'])
    deepEqual(names(second.received), ['UNSUBSCRIBE a'])
    second.destroy()
    const third = await accepted(rig)
    deepEqual(names(third.received), [])
  })

  test('of a subscription does the same', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    const subscribing = client.subscribe('a')
    connection.acknowledge(await take(connection, PacketType.SUBSCRIBE))
    const subscription = await subscribing
    connection.destroy()
    await settle()
    const unsubscribing = watch(subscription.unsubscribe())
    const second = await accepted(rig)
    second.autoRespond()
    await settle()
    deepEqual([unsubscribing.status, names(second.received)], ['fulfilled', ['UNSUBSCRIBE a']])
  })

  test('that had no answer takes nothing from who has subscribed again since', async () => {
    const rig = await connectedRig({ timeouts: { operationMs: 1000 } })
    const { client, connection, clock } = rig
    const unsubscribing = watch(client.unsubscribe(['a', 'b', 'c']))
    await take(connection, PacketType.UNSUBSCRIBE)
    await elapse(clock, 500)
    const subscribing = watch(client.subscribe(['a', 'c']))
    connection.acknowledge(await take(connection, PacketType.SUBSCRIBE))
    await elapse(clock, 500)
    connection.acknowledge(await take(connection, PacketType.UNSUBSCRIBE))
    await settle()
    deepEqual([unsubscribing.status, subscribing.status], ['fulfilled', 'fulfilled'])
    deepEqual(names(connection.received), ['UNSUBSCRIBE a b c', 'SUBSCRIBE a c', 'UNSUBSCRIBE b'])
  })
})

describe('subscriptions of a lost session', () => {
  test('are made again with their options, and bring messages to the same handlers', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    const received: string[] = []
    connection.autoRespond()
    await client.subscribe('a/#', { qos: 2, noLocal: true, retainHandling: 1 }, (topic) =>
      received.push(topic),
    )
    const others = await client.subscribe(['b', 'c'])
    const iterator = others[Symbol.asyncIterator]()
    connection.destroy()
    const second = await accepted(rig)
    const packet = second.received.find(({ type }) => type === PacketType.SUBSCRIBE)
    deepEqual(packet?.type === PacketType.SUBSCRIBE && packet.subscriptions[0], {
      filter: 'a/#',
      qos: 2,
      noLocal: true,
      retainAsPublished: false,
      retainHandling: 1,
    })
    second.autoRespond()
    second.publish('a/1', 'x')
    second.publish('b', 'x')
    await settle()
    deepEqual(received, ['a/1'])
    equal(((await iterator.next()).value as Message).topic, 'b')
    equal(count(second, PacketType.SUBSCRIBE), 1)
  })

  test('are made again with their properties: a SUBSCRIBE for those that share them', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    connection.autoRespond()
    await client.subscribe(['a', 'b'], { properties: { subscriptionId: 7 } })
    await client.subscribe('c', { properties: { userProperties: [['who', 'me']] } })
    await client.subscribe('d')
    await client.subscribe('e')
    connection.destroy()
    const second = await accepted(rig)
    deepEqual(
      second.received.flatMap((packet) =>
        packet.type === PacketType.SUBSCRIBE
          ? [[packet.subscriptions.map(({ filter }) => filter).join(), packet.properties]]
          : [],
      ),
      [
        ['a,b', { subscriptionIdentifiers: [7] }],
        ['c', { userProperties: [['who', 'me']] }],
        ['d,e', {}],
      ],
    )
  })

  test('are made again in parts of a bounded size, each filter once', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    connection.autoRespond()
    const filters = Array.from({ length: 5_000 }, (_, index) => `room/${index}/+`)
    for (let from = 0; from < 5_000; from += 500) {
      await client.subscribe(filters.slice(from, from + 500))
    }
    await client.subscribe(filters.slice(0, 3))
    connection.destroy()
    const second = await accepted(rig)
    const asked = second.received.flatMap((packet) =>
      packet.type === PacketType.SUBSCRIBE
        ? [packet.subscriptions.map(({ filter }) => filter)]
        : [],
    )
    equal(asked.length, 625)
    ok(asked.every((part) => part.length <= 8))
    deepEqual(asked.flat().sort(), [...filters].sort())
  })

  test('with long filters are made again in parts of less than 17 kB', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    connection.autoRespond()
    const filters = Array.from({ length: 20 }, (_, index) => `${'x'.repeat(6_000)}/${index}`)
    for (const filter of filters) await client.subscribe(filter)
    connection.destroy()
    const second = await accepted(rig)
    deepEqual(
      second.received.map((packet) =>
        packet.type === PacketType.SUBSCRIBE ? packet.subscriptions.length : 0,
      ),
      [0, ...new Array(10).fill(2)],
    )
  })

  test('that are not answered three times in a row are told of, and not when they are answered between', async () => {
    const rig = await connectedRig()
    let { connection } = rig
    connection.autoRespond()
    await rig.client.subscribe('a')
    const told = (): boolean => rig.warnings.some(({ code }) => code === 'request-unanswered')
    for (const answered of [false, false, true, false, false, false]) {
      ok(!told())
      connection.destroy()
      connection = await accepted(rig)
      const { packetId } = await take(connection, PacketType.SUBSCRIBE)
      if (answered) connection.send(suback(packetId, 0))
      await settle()
    }
    connection.destroy()
    await settle()
    ok(told())
  })

  test('that nobody has any more are waited for no longer', async () => {
    const rig = await connectedRig()
    rig.connection.autoRespond()
    await rig.client.subscribe('a')
    rig.connection.destroy()
    const second = await accepted(rig)
    await take(second, PacketType.SUBSCRIBE)
    second.destroy()
    await settle()
    const leaving = rig.client.unsubscribe('a')
    for (let i = 0; i < 4; i += 1) {
      const connection = await accepted(rig, { sessionPresent: true })
      connection.autoRespond()
      await leaving
      connection.destroy()
      await settle()
    }
    ok(!rig.warnings.some(({ code }) => code === 'request-unanswered'))
  })

  test('that are not answered before the client disconnects begin anew to be counted', async () => {
    const rig = await connectedRig()
    let { connection } = rig
    connection.autoRespond()
    await rig.client.subscribe('a')
    for (const isOrderly of [false, false, false, true, false, false]) {
      if (isOrderly) {
        void rig.client.disconnect()
        connection.autoRespond()
        await settle()
        void rig.client.connect()
      } else connection.destroy()
      connection = await accepted(rig)
      await take(connection, PacketType.SUBSCRIBE)
    }
    ok(!rig.warnings.some(({ code }) => code === 'request-unanswered'))
  })

  for (const all of [true, false]) {
    test(`that are refused ${all ? 'altogether' : 'in part'} are reported, and not asked for again`, async () => {
      const rig = await connectedRig()
      const { client, connection } = rig
      connection.autoRespond()
      const subscriptions = [await client.subscribe('kept'), await client.subscribe('refused')]
      connection.destroy()
      const second = await accepted(rig)
      const packet = await take(second, PacketType.SUBSCRIBE)
      second.send(suback(packet.packetId, all ? 0x87 : 0, 0x87))
      await settle()
      deepEqual(
        subscriptions.map(({ granted: [grant] }) => [grant?.qos, grant?.reasonCode]),
        [all ? [undefined, 0x87] : [0, 0], [undefined, 0x87]],
      )
      deepEqual(
        rig.warnings.map(({ code }) => code),
        ['subscription-refused'],
      )
      match(rig.warnings[0]?.message ?? '', all ? /"kept", "refused"/ : /"refused"/)
      second.destroy()
      const third = await accepted(rig)
      deepEqual(names(third.received), all ? [] : ['SUBSCRIBE kept'])
    })
  }

  test('are asked for again when the connection ended before SUBACK, also when the session is resumed', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    connection.autoRespond()
    await client.subscribe('a')
    connection.destroy()
    const second = await accepted(rig)
    deepEqual(names(second.received), ['SUBSCRIBE a'])
    second.destroy()
    const third = await accepted(rig, { sessionPresent: true })
    deepEqual(names(third.received), ['SUBSCRIBE a'])
    third.autoRespond()
    third.destroy()
    await settle()
    const fourth = await accepted(rig, { sessionPresent: true })
    fourth.autoRespond()
    await settle()
    fourth.destroy()
    const fifth = await accepted(rig, { sessionPresent: true })
    deepEqual(names(fifth.received), [])
    deepEqual(rig.warnings, [])
  })

  test('that nobody has any more are not made again', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    connection.autoRespond()
    const subscription = await client.subscribe(['a', 'b'])
    await client.unsubscribe('a')
    connection.destroy()
    await settle()
    const second = await accepted(rig)
    deepEqual(names(second.received), ['SUBSCRIBE b'])
    second.autoRespond()
    await subscription.unsubscribe()
    second.destroy()
    const third = await accepted(rig)
    deepEqual(names(third.received), [])
  })
})

describe('waits for messages', () => {
  test('go on over a lost connection', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    const waiting = watch(client.waitMsg())
    const stream = client.messages()
    const next = watch(stream.next())
    connection.destroy()
    const second = await accepted(rig, { sessionPresent: true })
    deepEqual([waiting.status, next.status], ['open', 'open'])
    second.publish('a', 'x')
    await settle()
    equal((next.value?.value as Message | undefined)?.topic, 'a')
    // The iterator is done with it when it asks for the next.
    void stream.next()
    await settle()
    equal(waiting.value?.topic, 'a')
  })

  test('checkMsg stays immediate while there is no connection', async () => {
    const rig = await connectedRig()
    rig.connection.destroy()
    await settle()
    equal(rig.client.checkMsg(), undefined)
  })
})

describe('after a CONNECT that had no answer', () => {
  /** A client with a subscription whose connection is gone, as is the CONNECT after it. */
  async function unanswered(): Promise<RobustRig> {
    const rig = await connectedRig()
    rig.connection.autoRespond()
    await rig.client.subscribe('cmd', { qos: 1, retainHandling: 1 })
    rig.connection.destroy()
    const connection = await dialled(rig)
    await connection.connect()
    connection.destroy()
    return rig
  }

  test('subscriptions are made anew as they were asked for, though the session is present', async () => {
    const rig = await unanswered()
    const next = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(next.received), ['CONNECT', 'SUBSCRIBE cmd'])
    const asked = await take(next, PacketType.SUBSCRIBE)
    deepEqual(asked.subscriptions, [
      { filter: 'cmd', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 1 },
    ])
    next.acknowledge(asked)
    await settle()
    // It is answered, and so was CONNECT.
    next.destroy()
    const last = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(last.received), ['CONNECT'])
  })

  test('a refusal in between changes nothing about it, and one alone is an answer', async () => {
    const rig = await unanswered()
    await refused(rig, 0x89)
    const next = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(next.received), ['CONNECT', 'SUBSCRIBE cmd'])
    next.autoRespond()
    await settle()
    next.destroy()
    await settle()
    await refused(rig, 0x89)
    const last = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(last.received), ['CONNECT'])
  })

  for (const [protocol, status] of [
    [4, 'maybe-delivered'],
    [5, 'delivered'],
  ] as const) {
    test(`PUBCOMP of ${protocol} for what had its PUBREC before means "${status}"`, async () => {
      const rig = await connectedRig({ protocol })
      const receipt = rig.client.publish('a', 'x', { qos: 2 })
      rig.connection.acknowledge(await take(rig.connection, PacketType.PUBLISH))
      await settle()
      rig.connection.destroy()
      const connection = await dialled(rig)
      await connection.connect()
      connection.destroy()
      const next = await accepted(rig, { sessionPresent: true })
      deepEqual(brief(next.received), ['CONNECT', 'PUBREL 1'])
      next.autoRespond()
      equal((await receipt.settled).status, status)
    })
  }

  test('a connection that was not opened sent none', async () => {
    const rig = await connectedRig()
    rig.connection.autoRespond()
    await rig.client.subscribe('cmd')
    rig.server.refuse = new Error('away')
    rig.connection.destroy()
    await elapse(rig.clock, 60_000)
    rig.server.refuse = undefined
    const next = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(next.received), ['CONNECT'])
  })
})

test('subscriptions of one filter are made again at the highest QoS that one of them asked for', async () => {
  const rig = await connectedRig()
  rig.connection.autoRespond()
  await rig.client.subscribe(['alarm', 'b'], { qos: 1 })
  await rig.client.subscribe('alarm', { qos: 0 })
  rig.connection.destroy()
  const second = await accepted(rig)
  const packet = await take(second, PacketType.SUBSCRIBE)
  deepEqual(
    packet.subscriptions.map(({ filter, qos }) => [filter, qos]),
    [
      ['alarm', 1],
      ['b', 1],
    ],
  )
})

test('each filter that the server refuses after a lost session is told to a listener', async () => {
  const rig = await connectedRig()
  const heard: string[] = []
  rig.client.on('warning', ({ code, message }) => heard.push(`${code} ${message}`))
  rig.connection.autoRespond()
  const filters = ['a', 'b', 'c']
  for (const filter of filters) await rig.client.subscribe(filter)
  let { connection } = rig
  for (const denied of filters) {
    connection.destroy()
    connection = await accepted(rig)
    const { packetId, subscriptions } = await take(connection, PacketType.SUBSCRIBE)
    connection.send(
      suback(packetId, ...subscriptions.map(({ filter }) => (filter === denied ? 0x87 : 0))),
    )
    await settle()
  }
  deepEqual(
    heard.flatMap((line) => /^subscription-refused .*"(.)"/.exec(line)?.[1] ?? []),
    filters,
  )
})
