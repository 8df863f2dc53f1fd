// What broke in the systems before this one when they reconnected: refusals, lists of servers, floods of
// clients, subscriptions, and batteries. Each test plays the situation against a client that holds on.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { ClosedError, ConnectRefusedError } from '../../src/errors.ts'
import { RobustClient } from '../../src/robust/client.ts'
import { within } from '../../src/robust/policies.ts'
import type { ConnectResult } from '../../src/simple/types.ts'
import { take, watch } from '../simple/conversation.ts'
import {
  accepted,
  brief,
  connectedRig,
  dialled,
  Network,
  refused,
  robustClient,
  seeded,
} from '../support/robust-rig.ts'
import { KeptStore } from '../support/kept-store.ts'
import { elapse, settle } from '../support/scripted-memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const AWAY = new Error('away')
const OPEN = ['open', 'open', 'open']

describe('umqtt', () => {
  test('lesson umqtt 7: checkMsg answers at once, whatever the connection does', async () => {
    const rig = await connectedRig()
    const { client, server, connection } = rig
    connection.autoRespond()
    await client.subscribe('a')
    server.refuse = AWAY
    connection.publish('a', 'x')
    await settle()
    connection.destroy()
    await settle()
    const { dials } = server
    equal(client.checkMsg()?.topic, 'a')
    equal(client.checkMsg(), undefined)
    deepEqual([server.dials, client.state], [dials, 'waiting'])
  })

  test('lesson umqtt 8: subscriptions are made again after a lost session, by themselves', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    const received: string[] = []
    connection.autoRespond()
    await client.subscribe('a/#', { qos: 1 }, (topic) => received.push(topic))
    connection.destroy()
    const second = await accepted(rig)
    deepEqual(brief(second.received), ['CONNECT', 'SUBSCRIBE a/#'])
    second.autoRespond()
    second.publish('a/b', 'x', { qos: 1 })
    await settle()
    deepEqual(received, ['a/b'])
  })

  test('lesson umqtt 9: every connection asks for the session in the same way', async () => {
    for (const protocol of [4, 5] as const) {
      const rig = robustClient({ protocol, session: { expirySeconds: 600 } })
      void rig.client.connect()
      const asked = []
      for (let round = 0; round < 4; round += 1) {
        const connection = await dialled(rig)
        const { cleanStart, properties } = await connection.accept({}, round > 0)
        asked.push([cleanStart, properties?.sessionExpiryInterval])
        connection.destroy()
        await settle()
      }
      deepEqual(asked, new Array(4).fill([false, protocol === 5 ? 600 : undefined]))
    }
  })

  test('lesson umqtt 10: the first connect is as patient as later ones, or fails at once', async () => {
    const rig = robustClient()
    rig.server.refuse = AWAY
    const patient = watch(rig.client.connect())
    const quick = watch(rig.client.connect({ retry: false }))
    await elapse(rig.clock, 600_000)
    deepEqual([patient.status, quick.status], ['open', 'rejected'])
    rig.server.refuse = undefined
    await accepted(rig)
    equal(patient.status, 'fulfilled')
  })

  test('lesson umqtt 30: a night without a server costs a bounded number of attempts', async () => {
    const usual = robustClient()
    const frugal = robustClient({ reconnect: { budget: { attempts: 6, perMs: 3_600_000 } } })
    for (const { client, server, clock } of [usual, frugal]) {
      server.refuse = AWAY
      client.publish('a', 'x', { delivery: within('10h') })
      await elapse(clock, 8 * 3_600_000)
    }
    ok(frugal.server.dials <= 8 * 6, `${frugal.server.dials}`)
    ok(frugal.server.dials >= 8 * 2)
    await usual.client.disconnect()
    const { dials } = usual.server
    await elapse(usual.clock, 3_600_000)
    equal(usual.server.dials, dials)
  })

  test('lesson robust 10: a subscription that the server has lost is noticed, and made again', async () => {
    const rig = await connectedRig()
    rig.connection.autoRespond()
    await rig.client.subscribe('a')
    rig.connection.destroy()
    const second = await accepted(rig)
    deepEqual(brief(second.received), ['CONNECT', 'SUBSCRIBE a'])
    ok(rig.told.includes('session-lost 0'))
  })
})

describe('MQTT.js', () => {
  test('lesson mqtt.js 01: tries become rarer, are spread, and are never below the floor', async () => {
    const times: number[] = []
    const rig = robustClient()
    rig.client.on('attempt', () => times.push(rig.clock.now()))
    rig.server.refuse = AWAY
    void rig.client.connect()
    await elapse(rig.clock, 3_600_000)
    const waits = times.slice(1).map((at, index) => at - (times[index] as number))
    ok(waits.every((ms) => ms >= 1_000 && ms <= 120_000))
    ok(Math.max(...waits.slice(-10)) > 40_000)
    equal(new Set(waits).size, waits.length)
  })

  test('lesson mqtt.js 02: a server that resets five hundred clients at once is not stormed', async () => {
    const network = new Network()
    const clock = new VirtualClock(1_000)
    const server = network.at('a.example')
    server.refuse = AWAY
    for (let index = 0; index < 500; index += 1) {
      const { client } = robustClient({ network, clock, random: seeded(index + 1) })
      void client.connect()
    }
    await settle()
    let most = 0
    let dials = server.dials
    for (let second = 0; second < 30; second += 1) {
      await elapse(clock, 1_000)
      most = Math.max(most, server.dials - dials)
      dials = server.dials
    }
    ok(most < 150, `${most}`)
  })

  test('lesson mqtt.js 22: two clients with one id do not throw each other out once a second', async () => {
    const network = new Network()
    const clock = new VirtualClock(1_000)
    const server = network.at('a.example')
    const serve = async (): Promise<void> => {
      for (let last; ;) {
        const connection = await server.connection()
        await connection.accept()
        last?.send({ type: PacketType.DISCONNECT, reasonCode: 0x8e, properties: {} })
        last = connection
      }
    }
    void serve()
    for (const seed of [1, 2]) {
      const { client } = robustClient({ network, clock, random: seeded(seed) })
      client.on('warning', () => undefined)
      void client.connect()
    }
    await elapse(clock, 600_000)
    ok(server.dials >= 4 && server.dials <= 20, `${server.dials}`)
  })

  for (const [protocol, codes] of [
    [4, [3, 5]],
    [5, [0x87, 0x88, 0x89, 0x9d, 0x9f]],
  ] as const) {
    for (const reasonCode of codes) {
      test(`lesson mqtt.js 23: 0x${reasonCode.toString(16)} while reconnecting does not end it on ${protocol}`, async () => {
        const rig = await connectedRig({ protocol })
        const receipt = rig.client.publish('a', 'x')
        await settle()
        rig.connection.destroy()
        for (let round = 0; round < 3; round += 1) await refused(rig, reasonCode)
        const connection = await accepted(rig, { sessionPresent: true })
        connection.autoRespond()
        await settle()
        equal((await receipt.settled).status, 'delivered')
      })
    }
  }

  test('lesson mqtt.js 34: a list with a dead and a silent server is walked once', async () => {
    const rig = robustClient({
      server: 'mqtt://dead.example',
      servers: ['mqtt://silent.example', 'mqtt://good.example'],
      timeouts: { connectMs: 3_000 },
    })
    const { client, network, clock } = rig
    network.at('dead.example').refuse = AWAY
    network.at('silent.example').blackHole = true
    void client.connect()
    const good = { server: network.at('good.example'), clock }
    const first = await accepted(good)
    equal(clock.now(), 4_000)
    await elapse(clock, 60_000)
    first.destroy()
    await accepted(good, { sessionPresent: true })
    deepEqual(network.dialled, ['dead.example', 'silent.example', 'good.example', 'good.example'])
  })

  test('lesson mqtt.js 06b: a host that vanishes and comes back is found again', async () => {
    const rig = await connectedRig()
    const { client, server, clock } = rig
    const receipt = client.publish('a', 'x')
    server.stallReads = true
    server.stallWrites = true
    server.blackHole = true
    await elapse(clock, 120_000)
    equal(receipt.stage, 'sent')
    server.stallReads = false
    server.stallWrites = false
    server.blackHole = false
    const connection = await accepted(rig, { sessionPresent: true })
    connection.autoRespond()
    await settle()
    equal((await receipt.settled).status, 'delivered')
  })

  test('lesson mqtt.js 32: five thousand subscriptions are made again in packets of a bounded size', async () => {
    for (const protocol of [4, 5] as const) {
      const rig = await connectedRig({ protocol })
      rig.connection.autoRespond()
      const filters = Array.from({ length: 5_000 }, (_, index) => `room/${index}`)
      for (let from = 0; from < 5_000; from += 1_000) {
        await rig.client.subscribe(filters.slice(from, from + 1_000))
      }
      rig.connection.destroy()
      const second = await accepted(rig)
      const sizes = second.received.flatMap((packet) =>
        packet.type === PacketType.SUBSCRIBE ? [packet.subscriptions.length] : [],
      )
      deepEqual(sizes, new Array(625).fill(8))
    }
  })

  test('lesson mqtt.js 27: a call of reconnect by the application loses nothing', async () => {
    class Client extends RobustClient {
      again(): Promise<ConnectResult> {
        return this.reconnect()
      }
    }
    const rig = robustClient({ Client })
    const client = rig.client as Client
    const receipts = [1, 2, 3, 4, 5].map((index) => client.publish('a', `${index}`))
    const connecting = watch(client.again())
    const connection = await accepted(rig)
    equal(connecting.status, 'fulfilled')
    await client.again()
    connection.autoRespond()
    await settle()
    for (const receipt of receipts) equal((await receipt.settled).status, 'delivered')
    equal(rig.server.dials, 1)
  })

  test('lesson mqtt.js 23: a refusal for good is told to whoever connects, and not swallowed', async () => {
    const rig = robustClient()
    const connecting = watch(rig.client.connect())
    await refused(rig, 0x87)
    ok(connecting.error instanceof ConnectRefusedError)
  })
})

describe('scenarios', () => {
  test('lesson scenario 24: disconnect while backing off ends the trying, and every wait', async () => {
    const rig = robustClient()
    const { client, server, clock } = rig
    server.refuse = AWAY
    const waits = [
      watch<unknown>(client.connect()),
      watch<unknown>(client.subscribe('a')),
      watch<unknown>(client.waitMsg()),
    ]
    await elapse(clock, 30_000)
    deepEqual([client.state, ...waits.map(({ status }) => status)], ['waiting', ...OPEN])
    await client.disconnect()
    await settle()
    ok(waits.every(({ error }) => error instanceof ClosedError))
    const { dials } = server
    server.refuse = undefined
    await elapse(clock, 3_600_000)
    deepEqual([server.dials, client.state, clock.pending], [dials, 'closed', 0])
  })

  test('lesson scenario 24: disconnect with a non-empty outbox keeps what is in it for later', async () => {
    const outbox = new KeptStore()
    for (const state of ['connected', 'waiting'] as const) {
      const rig = await connectedRig({ outbox }, { connack: { receiveMaximum: 1 } })
      const { client, server, clock, connection } = rig
      const receipts = ['flies', 'waits'].map((topic) => client.publish(topic, state))
      await settle()
      if (state === 'waiting') {
        server.refuse = AWAY
        connection.destroy()
        await settle()
      }
      equal(client.state, state)
      // Nobody answers: the wait for the messages has its bound.
      const ending = watch(client.disconnect({ drain: true, timeoutMs: 5_000 }))
      await elapse(clock, 4_999)
      equal(ending.status, 'open')
      await elapse(clock, 2_001)
      deepEqual([ending.status, client.state], ['fulfilled', 'closed'])
      if (state === 'connected') equal(brief(connection.received).at(-1), 'DISCONNECT')
      deepEqual(
        receipts.map(({ stage }) => stage),
        ['sent', 'stored'],
      )
      const { dials } = server
      await elapse(clock, 3_600_000)
      deepEqual([server.dials, client.outbox.count, clock.pending], [dials, 2, 0])
      server.refuse = undefined
      // The same client, and one of another process, to which the outbox tells what had only waited.
      const isSame = state === 'connected'
      if (!isSame) await client[Symbol.asyncDispose]()
      const next = isSame ? rig : robustClient({ outbox })
      void next.client.connect()
      const second = await accepted(next, { sessionPresent: true })
      second.autoRespond()
      await next.client.drain()
      deepEqual(brief(second.received).slice(1), ['PUBLISH flies 1 DUP', 'PUBLISH waits 2'])
      await next.client[Symbol.asyncDispose]()
    }
  })
})

test('lesson mqtt.js 13b: what is published while the replay runs waits its turn, and arrives', async () => {
  const rig = await connectedRig({}, { connack: { receiveMaximum: 5 } })
  const receipts = Array.from({ length: 20 }, (_, index) => rig.client.publish('a', `${index}`))
  await settle()
  for (let round = 0; round < 4; round += 1) {
    const before = rig.server.connections.at(-1)
    before?.send({ type: PacketType.DISCONNECT, reasonCode: 0x8b, properties: {} })
    const connection = await accepted(rig, {
      sessionPresent: true,
      connack: { receiveMaximum: 5 },
    })
    connection.acknowledge(await take(connection, PacketType.PUBLISH))
    receipts.push(rig.client.publish('a', `during ${round}`))
    await settle()
  }
  const last = rig.server.connections.at(-1)
  last?.autoRespond()
  await settle()
  deepEqual(new Set(receipts.map(({ stage }) => stage)), new Set(['delivered']))
})
