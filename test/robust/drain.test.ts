// Before sleep and at the end: idle, drain, disconnect with drain, and dispose.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ClosedError, StoreError } from '../../src/errors.ts'
import { guaranteed, latest, within } from '../../src/robust/policies.ts'
import { failure, take, watch } from '../simple/conversation.ts'
import { checkLinearWork } from '../support/cpu-time.ts'
import { KeptStore } from '../support/kept-store.ts'
import { accepted, brief, connectedRig, dialled, robustClient } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'
import { PacketType } from '../../src/codec/packets.ts'

describe('idle and drain', () => {
  test('are so before anything is published', async () => {
    const { client } = robustClient()
    equal(client.idle, true)
    await client.drain()
  })

  test('wait for what an earlier process has left, also without a call to connect', async () => {
    const outbox = new KeptStore()
    const before = robustClient({ outbox })
    before.server.refuse = new Error('away')
    await before.client.publish('a', 'left').stored
    await before.client[Symbol.asyncDispose]()

    const rig = robustClient({ outbox })
    deepEqual([rig.client.idle, rig.client.nextWake()], [false, 0])
    const draining = watch(rig.client.drain())
    const connection = await accepted(rig)
    equal(draining.status, 'open')
    connection.acknowledge(await take(connection, PacketType.PUBLISH))
    await settle()
    deepEqual([draining.status, rig.client.idle], ['fulfilled', true])
  })

  test('find an outbox that is empty, and say so', async () => {
    const { client, server } = robustClient({ outbox: new KeptStore(), connection: 'on-demand' })
    equal(client.idle, false)
    await client.drain()
    deepEqual([client.idle, client.nextWake(), server.dials], [true, Infinity, 0])
  })

  test('come when the server takes what is published, also when nothing is to be answered', async () => {
    const { client, clock } = await connectedRig()
    // More than is encoded ahead, twice over.
    const receipts = Array.from({ length: 40 }, () =>
      client.publish('a', new Uint8Array(65_536), { qos: 0 }),
    )
    const draining = watch(client.drain())
    await elapse(clock, 1_000)
    deepEqual(new Set(receipts.map(({ stage }) => stage)), new Set(['sent']))
    deepEqual([draining.status, client.idle], ['fulfilled', true])
  })

  test('fail with an outbox that cannot be opened, and open it when it is free', async () => {
    const outbox = new KeptStore()
    let isTaken = true
    const { open } = outbox
    outbox.open = () => {
      const text = 'Cannot open the outbox: process 7 has it'
      if (!isTaken) return open.call(outbox)
      return Promise.reject(new StoreError('ERR_MQTT_STORE_UNAVAILABLE', text))
    }
    const rig = robustClient({ outbox })
    match((await failure(rig.client.drain(), StoreError)).message, /process 7/)
    match((await failure(rig.client.open(), StoreError)).message, /process 7/)
    const refused = await rig.client.publish('a', 'x').settled
    deepEqual([refused.status, rig.client.idle], ['refused', false])
    isTaken = false
    await rig.client.open()
    equal(rig.client.idle, true)
    const receipt = rig.client.publish('a', 'y')
    const connection = await accepted(rig)
    connection.acknowledge(await take(connection, PacketType.PUBLISH))
    equal((await receipt.settled).status, 'delivered')
  })

  test('take no part of an outbox up twice that could not be opened to its end', async () => {
    let opens = 0
    class FullStore extends KeptStore {
      override open(): ReturnType<KeptStore['open']> {
        opens += 1
        return super.open()
      }
      override commit(): Promise<void> {
        return Promise.reject(new StoreError('ERR_MQTT_STORE_FULL', 'No room'))
      }
    }
    const { client } = robustClient({ outbox: new FullStore() })
    for (let i = 0; i < 2; i += 1) {
      match((await failure(client.open(), StoreError)).message, /No room/)
    }
    deepEqual([opens, client.idle], [1, false])
  })

  test('are refused by a client that was disposed of before its outbox was read', async () => {
    const outbox = new KeptStore()
    const { client } = robustClient({ outbox })
    await client[Symbol.asyncDispose]()
    await failure(client.drain(), ClosedError)
    // Nobody has it open.
    await outbox.open()
  })

  test('wait for every message, also over a lost connection', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    client.publish('a', 'x')
    client.publish('b', 'x', { qos: 2 })
    equal(client.idle, false)
    const draining = watch(client.drain())
    await take(connection, PacketType.PUBLISH)
    connection.destroy()
    await settle()
    equal(draining.status, 'open')
    const second = await accepted(rig, { sessionPresent: true })
    second.autoRespond()
    await settle()
    deepEqual([draining.status, client.idle], ['fulfilled', true])
  })

  test('count an outcome of any kind', async () => {
    const rig = robustClient()
    rig.server.refuse = new Error('away')
    rig.client.publish('a', 'x', { delivery: within('5s') })
    rig.client.publish('b', 'x').cancel()
    const draining = watch(rig.client.drain())
    await elapse(rig.clock, 4_999)
    equal(draining.status, 'open')
    await elapse(rig.clock, 1)
    equal(draining.status, 'fulfilled')
  })

  test('end with a signal', async () => {
    const rig = robustClient()
    rig.client.publish('a', 'x')
    const controller = new AbortController()
    const draining = failure(rig.client.drain({ signal: controller.signal }), Error)
    controller.abort(new Error('enough'))
    match(String(await draining), /enough/)
    match(String(await failure(rig.client.drain({ signal: controller.signal }), Error)), /enough/)
  })

  test('cost as much for each who gives up, however many wait', async () => {
    await checkLinearWork(async (count) => {
      const { client } = robustClient()
      client.publish('a', 'x')
      const aborter = new AbortController()
      const { signal } = aborter
      const waiting: Promise<unknown>[] = []
      for (let i = 0; i < count; i += 1) waiting.push(client.drain({ signal }))
      for (let i = 0; i < count; i += 1) waiting.push(client.connect({ signal }))
      const ends = Promise.allSettled(waiting)
      aborter.abort()
      ok((await ends).every(({ status }) => status === 'rejected'))
      await client[Symbol.asyncDispose]()
    }, 24_000)
  })

  test('end with disconnect', async () => {
    const rig = robustClient()
    rig.client.publish('a', 'x')
    const draining = failure(rig.client.drain(), ClosedError)
    await rig.client.disconnect()
    await draining
    equal(rig.client.idle, false)
  })
})

describe('disconnect with drain', () => {
  test('waits for the messages, and then says DISCONNECT', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    const receipt = client.publish('a', 'x')
    const packet = await take(connection, PacketType.PUBLISH)
    const disconnecting = watch(client.disconnect({ drain: true, timeoutMs: 10_000 }))
    await elapse(rig.clock, 5_000)
    equal(disconnecting.status, 'open')
    connection.acknowledge(packet)
    await settle()
    equal(brief(connection.received).at(-1), 'DISCONNECT')
    connection.close()
    await settle()
    deepEqual([disconnecting.status, receipt.stage], ['fulfilled', 'delivered'])
    equal(rig.clock.pending, 0)
  })

  test('takes no longer than it is told, with a server that has fallen silent', async () => {
    const rig = await connectedRig()
    rig.client.publish('a', 'x')
    await take(rig.connection, PacketType.PUBLISH)
    const disconnecting = watch(rig.client.disconnect({ drain: true, timeoutMs: 3_000 }))
    await elapse(rig.clock, 2_999)
    equal(disconnecting.status, 'open')
    await elapse(rig.clock, 2)
    deepEqual([disconnecting.status, rig.client.state], ['fulfilled', 'closed'])
  })

  test('waits for as long as it is told, and keeps the rest', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    const receipt = client.publish('a', 'x')
    await take(connection, PacketType.PUBLISH)
    const disconnecting = watch(client.disconnect({ drain: true, timeoutMs: 3_000 }))
    await elapse(rig.clock, 3_000)
    connection.close()
    await settle()
    deepEqual([disconnecting.status, receipt.stage, client.state], ['fulfilled', 'sent', 'closed'])
    void client.connect()
    const second = await accepted(rig, { sessionPresent: true })
    second.autoRespond()
    await settle()
    equal((await receipt.settled).status, 'delivered')
  })

  test('ends the wait of its own when another disconnect does not wait', async () => {
    const rig = await connectedRig()
    rig.client.publish('a', 'x')
    const first = watch(rig.client.disconnect({ drain: true, timeoutMs: 60_000 }))
    await settle()
    await rig.client.disconnect()
    await settle()
    equal(first.status, 'fulfilled')
    equal(rig.clock.pending, 0)
  })
})

describe('dispose', () => {
  test('leaves to the next process what the outbox keeps: it can be cancelled no more', async () => {
    const outbox = new KeptStore()
    const { client } = robustClient({ outbox })
    const receipt = client.publish('a', 'kept', { delivery: guaranteed() })
    await receipt.stored
    await client[Symbol.asyncDispose]()
    deepEqual([receipt.cancel(), receipt.stage], [false, 'stored'])
    const next = robustClient({ outbox })
    await next.client.open()
    equal(next.client.outbox.count, 1)
  })

  for (const when of ['idle', 'dialling', 'waiting', 'connected', 'in flight'] as const) {
    test(`while ${when} leaves no timer, no connection and no wait`, async () => {
      const rig = robustClient()
      const { client, server, clock } = rig
      const waits: ReturnType<typeof watch>[] = []
      if (when === 'dialling') server.blackHole = true
      if (when === 'waiting') server.refuse = new Error('away')
      if (when !== 'idle') {
        waits.push(watch(client.connect()))
        if (when === 'connected' || when === 'in flight') await accepted(rig)
        else waits.push(watch(client.subscribe('a')))
        waits.push(watch(client.waitMsg()))
      }
      const receipts = [
        client.publish('a', 'x', { delivery: within('1h') }),
        client.publish('b', 'x', { delivery: latest() }),
      ]
      if (when !== 'in flight') for (const receipt of receipts) receipt.cancel()
      await elapse(clock, 5_000)
      const disposing = client[Symbol.asyncDispose]()
      for (const connection of server.connections) connection.close()
      await disposing
      await settle()
      const { dials } = server
      deepEqual([clock.pending, client.state], [0, 'closed'])
      ok(waits.every(({ status }) => status !== 'open'))
      for (const receipt of receipts) ok(receipt.stage !== 'accepted')
      await elapse(clock, 3_600_000)
      equal(server.dials, dials)
    })
  }

  test('settles what was in memory alone, as it is', async () => {
    const rig = await connectedRig()
    const { client, connection } = rig
    const sent = client.publish('a', 'x')
    await take(connection, PacketType.PUBLISH)
    connection.destroy()
    await settle()
    const waiting = client.publish('b', 'x')
    await client[Symbol.asyncDispose]()
    deepEqual(
      [(await sent.settled).status, (await waiting.settled).status],
      ['maybe-delivered', 'cancelled'],
    )
    equal(client.idle, true)
  })

  test('never rejects: what its outbox could not make safe is told by a warning', async () => {
    class FailingStore extends KeptStore {
      override async close(): Promise<void> {
        throw new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Cannot write: the disk failed')
      }
    }
    const { client, warnings } = robustClient({ outbox: new FailingStore() })
    await client.open()
    await client[Symbol.asyncDispose]()
    equal(client.state, 'closed')
    deepEqual(
      warnings.map(({ code }) => code),
      ['outbox'],
    )
    match(warnings[0]?.message ?? '', /^Cannot write: the disk failed: after a restart/)
  })

  test('refuses what comes later', async () => {
    const rig = robustClient()
    const { client, clock, server } = rig
    await client[Symbol.asyncDispose]()
    const receipt = client.publish('a', 'x', { delivery: within('5s') })
    const outcome = await receipt.settled
    deepEqual([outcome.status, outcome.error?.name], ['refused', 'ClosedError'])
    await failure(client.connect(), ClosedError)
    await failure(client.subscribe('a'), ClosedError)
    await elapse(clock, 60_000)
    deepEqual([clock.pending, server.dials], [0, 0])
  })

  test('during the dial of a list of servers is the end of it', async () => {
    const rig = robustClient({ servers: ['mqtt://b.example'] })
    const connecting = failure(rig.client.connect(), ClosedError)
    const connection = await dialled(rig)
    await rig.client[Symbol.asyncDispose]()
    await connecting
    ok(connection.ended)
    deepEqual(rig.network.dialled, ['a.example'])
  })
})
