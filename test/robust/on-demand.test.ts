// A connection that is there only while there is something to do.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { fleeting, latest, within } from '../../src/robust/policies.ts'
import type { DeliveryPolicy } from '../../src/robust/policies.ts'
import { take, watch } from '../simple/conversation.ts'
import {
  accepted,
  brief,
  connectedRig,
  dialled,
  robustClient,
  type RobustRigOptions,
} from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

const ON_DEMAND = { connection: 'on-demand' } as const

const energy = (spent: DeliveryPolicy['energy']): DeliveryPolicy => latest({ energy: spent })

describe('on demand', () => {
  for (const spent of ['normal', 'urgent', 'frugal'] as const) {
    test(`a message of energy "${spent}" opens a connection, which ends when it is through`, async () => {
      const rig = robustClient(ON_DEMAND)
      const { client, clock } = rig
      const receipt = client.publish('a', 'x', { delivery: energy(spent) })
      const connection = await accepted(rig)
      connection.acknowledge(await take(connection, PacketType.PUBLISH))
      await settle()
      equal((await receipt.settled).status, 'delivered')
      deepEqual(
        [brief(connection.received).at(-1), client.state],
        ['DISCONNECT', connection.ended ? 'idle' : 'closing'],
      )
      connection.close()
      await settle()
      await elapse(clock, 3_600_000)
      deepEqual([client.state, rig.server.dials, clock.pending], ['idle', 1, 0])
      equal(client.nextWake(), Infinity)
    })
  }

  test('a message at QoS 0 is written before its connection ends, however slow the link is', async () => {
    const rig = robustClient(ON_DEMAND)
    const { client, clock, server } = rig
    server.bufferBytes = 0
    const receipt = client.publish('a', new Uint8Array(100_000), { qos: 0 })
    const connection = await dialled(rig)
    await connection.accept()
    const { toPeer } = server.pipe(connection)
    toPeer.pieceBytes = 10_000
    for (let second = 0; second < 9; second += 1) {
      const before = toPeer.deliveredBytes
      toPeer.stalled = false
      for (let turn = 0; turn < 50 && toPeer.deliveredBytes === before; turn += 1) await undefined
      toPeer.stalled = true
      await elapse(clock, 1000)
      equal(client.state, 'connected')
    }
    equal((await receipt.settled).status, 'sent')
    toPeer.stalled = false
    toPeer.pieceBytes = Infinity
    await settle()
    await elapse(clock, 1000)
    deepEqual(brief(connection.received).slice(1), ['PUBLISH a', 'DISCONNECT'])
    equal(client.state, 'idle')
  })

  test('messages of energy "none" and "ride" open none, and ride along', async () => {
    const rig = robustClient(ON_DEMAND)
    const { client, clock, server } = rig
    const dropped = client.publish('a', 'x', { delivery: fleeting() })
    const riding = client.publish('b', 'x', { delivery: latest() })
    const none = client.publish('c', 'x', { delivery: energy('none') })
    await elapse(clock, 3_600_000)
    deepEqual(
      [server.dials, client.state, dropped.stage, riding.stage, none.stage],
      [0, 'idle', 'dropped', 'accepted', 'accepted'],
    )
    const asked = client.publish('d', 'x')
    const connection = await accepted(rig)
    connection.autoRespond()
    await settle()
    for (const receipt of [riding, none, asked]) equal((await receipt.settled).status, 'delivered')
    await elapse(clock, 10_000)
    deepEqual([brief(connection.received).at(-1), server.dials], ['DISCONNECT', 1])
  })

  test('a message that comes while the connection is closing has one of its own', async () => {
    const rig = robustClient(ON_DEMAND)
    const { client, server } = rig
    client.publish('a', 'x')
    const first = await accepted(rig)
    server.pipe(first).peer.answersEnd = false
    first.acknowledge(await take(first, PacketType.PUBLISH))
    await settle()
    equal(client.state, 'closing')
    const receipt = client.publish('b', 'x')
    const second = await accepted(rig, { sessionPresent: true })
    second.autoRespond()
    await settle()
    equal((await receipt.settled).status, 'delivered')
  })

  test('a message much later is sent at once, without the wait of an old failure', async () => {
    const rig = robustClient({ ...ON_DEMAND, random: () => 0.99 })
    const { client, clock } = rig
    const receipt = client.publish('a', 'x', {
      delivery: latest({ energy: 'normal', expiresAfterMs: 5_000 }),
    })
    const first = await accepted(rig)
    first.destroy()
    await elapse(clock, 3_600_000)
    deepEqual([receipt.stage, rig.server.dials, client.state], ['maybe-delivered', 1, 'idle'])
    client.publish('b', 'x')
    const before = clock.now()
    await accepted(rig, { sessionPresent: true })
    equal(clock.now(), before)
  })

  test('tries no more when what asked for it has expired', async () => {
    const rig = robustClient(ON_DEMAND)
    const { client, server, clock } = rig
    server.refuse = new Error('away')
    const receipt = client.publish('a', 'x', { delivery: within('60s') })
    await elapse(clock, 60_000)
    equal((await receipt.settled).status, 'expired')
    const { dials } = server
    equal(client.nextWake(), Infinity)
    await elapse(clock, 3_600_000)
    ok(server.dials <= dials + 1)
    deepEqual([client.state, clock.pending], ['idle', 0])
  })

  test('a subscribe opens a connection, is made, and is no hot loop', async () => {
    const rig = robustClient(ON_DEMAND)
    const { client, clock, server } = rig
    const subscribing = watch(client.subscribe('cmd/#', { qos: 1 }))
    const connection = await accepted(rig)
    connection.acknowledge(await take(connection, PacketType.SUBSCRIBE))
    await elapse(clock, 600_000)
    deepEqual([subscribing.status, server.dials, client.state], ['fulfilled', 1, 'idle'])
  })

  test('connect opens a connection, which ends when nothing asks for it', async () => {
    const rig = robustClient(ON_DEMAND)
    const connecting = rig.client.connect()
    const connection = await accepted(rig)
    await connecting
    await elapse(rig.clock, 600_000)
    deepEqual([connection.ended, rig.server.dials, rig.client.state], [true, 1, 'idle'])
  })

  test('a handler that is at work, and its publish, keep the connection', async () => {
    const rig = robustClient(ON_DEMAND)
    const { client, clock } = rig
    let finish = (): void => undefined
    client.setCallback(() => new Promise<void>((resolve) => (finish = resolve)))
    client.publish('a', 'x')
    const connection = await dialled(rig)
    await connection.connect()
    connection.send({
      type: PacketType.CONNACK,
      sessionPresent: true,
      reasonCode: 0,
      properties: {},
    })
    connection.publish('in', 'x', { qos: 1 })
    connection.acknowledge(await take(connection, PacketType.PUBLISH))
    await elapse(clock, 10_000)
    equal(client.state, 'connected')
    finish()
    await settle()
    deepEqual(brief(connection.received).slice(-2), ['PUBACK 1', 'DISCONNECT'])
  })

  test('a lost connection is not made again while nothing asks for it', async () => {
    const rig = robustClient(ON_DEMAND)
    rig.client.publish('a', 'x')
    const first = await accepted(rig)
    first.destroy()
    const second = await accepted(rig, { sessionPresent: true })
    second.autoRespond()
    await elapse(rig.clock, 600_000)
    equal(rig.server.dials, 2)
  })
})

describe('nextWake', () => {
  const away = async (options: RobustRigOptions = {}): ReturnType<typeof connectedRig> => {
    const rig = await connectedRig(options)
    rig.server.refuse = new Error('away')
    rig.connection.destroy()
    await settle()
    return rig
  }

  test('says when the next attempt is, and is kept', async () => {
    const { client, clock, server } = await away()
    const ms = client.nextWake() ?? 0
    ok(ms >= 1_000 && ms <= 13_000)
    await elapse(clock, ms - 1)
    equal(server.dials, 1)
    equal(client.nextWake(), 1)
    await elapse(clock, 1)
    equal(server.dials, 2)
  })

  test('says when a message expires, if that is sooner', async () => {
    const { client } = await away({ random: () => 0.99 })
    client.publish('a', 'x', { delivery: latest({ expiresAfterMs: 500 }) })
    equal(client.nextWake(), 500)
  })

  test('says when PINGREQ is due while connected', async () => {
    const { client, clock, connection } = await connectedRig()
    const ms = client.nextWake() ?? 0
    ok(ms > 10_000 && ms <= 60_000, `${ms}`)
    await elapse(clock, ms)
    equal(brief(connection.received).at(-1), 'PINGREQ')
  })

  test('is 0 as soon as something asks for a connection, and while credentials are asked for', async () => {
    let give: (value: Record<string, never>) => void = () => undefined
    const credentials = (): Promise<Record<string, never>> => new Promise((given) => (give = given))
    const { client, clock } = robustClient({ credentials })
    client.publish('a', 'x')
    equal(client.nextWake(), 0)
    await settle()
    await elapse(clock, 10)
    equal(client.nextWake(), 0)
    give({})
    await settle()
    const ms = client.nextWake() ?? 0
    ok(ms > 1_000 && ms <= 30_000, `${ms}`)
    await client.disconnect()
    equal(client.nextWake(), Infinity)
  })

  test('is Infinity before the first use, and after disconnect', async () => {
    const { client } = robustClient()
    equal(client.nextWake(), Infinity)
    const rig = await connectedRig()
    await rig.client.disconnect()
    equal(rig.client.nextWake(), Infinity)
    rig.client.publish('a', 'x')
    equal(rig.client.nextWake(), Infinity)
  })
})
