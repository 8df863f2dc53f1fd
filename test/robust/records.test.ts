// What is recorded ahead of the bytes, on a store that takes its time: a connection may end, and its session
// be lost, between a packet id and its record. Nothing goes out then that is not whole, nor before its record.

import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Packet, PacketType } from '../../src/codec/packets.ts'
import { StoreError } from '../../src/errors.ts'
import type { Op, SyncLevel } from '../../src/outbox/store.ts'
import { guaranteed, within } from '../../src/robust/policies.ts'
import { HeldStore, KeptStore } from '../support/kept-store.ts'
import { accepted, brief, connectedRig, dialled, robustClient } from '../support/robust-rig.ts'
import { take } from '../simple/conversation.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

const ack = (type: 7): Packet => ({ type, packetId: 1, reasonCode: 0, properties: {} })

describe('a QoS 2 message that had its PUBREC before its process ended', () => {
  for (const [protocol, status] of [
    [4, 'maybe-delivered'],
    [5, 'delivered'],
  ] as const) {
    test(`is "${status}" by the PUBCOMP of ${protocol}: that process may have asked for another session`, async () => {
      const outbox = new KeptStore()
      const first = await connectedRig({ outbox, protocol })
      const { id } = first.client.publish('a', 'x', { delivery: guaranteed({ qos: 2 }) })
      first.connection.acknowledge(await take(first.connection, PacketType.PUBLISH))
      await settle()
      const next = await connectedRig({ outbox, protocol }, { sessionPresent: true })
      deepEqual(brief(next.connection.received), ['CONNECT', 'PUBREL 1'])
      const receipt = await next.client.receipt(id)
      next.connection.autoRespond()
      equal((await receipt?.settled)?.status, status)
    })
  }
})

describe('a QoS 2 message that has its PUBREC before a connection whose CONNACK is lost', () => {
  for (const isRecorded of [true, false]) {
    for (const [protocol, status] of [
      [4, 'maybe-delivered'],
      [5, 'delivered'],
    ] as const) {
      const how = isRecorded ? 'recorded' : 'still being recorded'
      test(`is "${status}" by the PUBCOMP of ${protocol} when that is ${how}`, async () => {
        const outbox = new HeldStore()
        const rig = await connectedRig({ outbox, protocol })
        const receipt = rig.client.publish('a', 'x', { delivery: guaranteed({ qos: 2 }) })
        const packet = await take(rig.connection, PacketType.PUBLISH)
        outbox.isHeld = !isRecorded
        rig.connection.acknowledge(packet)
        await settle()
        equal(receipt.stage, 'received')
        rig.connection.destroy()
        // The server may have made a new session for it, which the next CONNACK calls present.
        const unanswered = await dialled(rig)
        await unanswered.connect()
        unanswered.destroy()
        const next = await accepted(rig, { sessionPresent: true })
        next.autoRespond()
        await outbox.letAll()
        deepEqual(brief(next.received), ['CONNECT', 'PUBREL 1'])
        equal((await receipt.settled).status, status)
      })
    }
  }
})

describe('a QoS 2 message that was given up in flight', () => {
  test('leaves a packet id that the next process clears before it uses it', async () => {
    const outbox = new KeptStore()
    const first = await connectedRig({ outbox })
    const receipt = first.client.publish('a', 'x', { delivery: within(1000, { qos: 2 }) })
    await elapse(first.clock, 1000)
    deepEqual(brief(first.connection.received), ['CONNECT', 'PUBLISH a 1'])
    equal((await receipt.settled).status, 'maybe-delivered')
    // The process ends here, and the server holds the id.
    const next = await connectedRig({ outbox }, { sessionPresent: true })
    const second = next.client.publish('b', 'y', { delivery: guaranteed({ qos: 2 }) })
    await settle()
    deepEqual(brief(next.connection.received), ['CONNECT', 'PUBREL 1'])
    next.connection.autoRespond()
    equal((await second.settled).status, 'delivered')
  })

  test('leaves it to none that a crash keeps from clearing it', async () => {
    const outbox = new KeptStore()
    const first = await connectedRig({ outbox })
    first.client.publish('a', 'x', { delivery: within(1000, { qos: 2 }) })
    await elapse(first.clock, 1000)
    // The process ends here, and the next one before the id is clear.
    const second = await connectedRig({ outbox }, { sessionPresent: true })
    second.client.publish('b', 'y', { delivery: guaranteed({ qos: 2 }) })
    await settle()
    deepEqual(brief(second.connection.received), ['CONNECT', 'PUBREL 1'])
    const third = await connectedRig({ outbox }, { sessionPresent: true })
    deepEqual(brief(third.connection.received), ['CONNECT', 'PUBREL 1'])
    third.connection.send(ack(PacketType.PUBCOMP))
    await settle()
    deepEqual(brief(third.connection.received).slice(2), ['PUBLISH b 1'])
  })
})

/** A disk that is broken while somebody says so: nothing more gets on it. */
class BrokenStore extends KeptStore {
  isBroken = false

  override async commit(ops: readonly Op[]): Promise<void> {
    if (this.isBroken) throw new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Cannot write')
    return super.commit(ops)
  }
}

describe('a message that cannot be stored', () => {
  test('is told of once, and goes out on a connection that is there', async () => {
    const outbox = new BrokenStore()
    const { client, connection } = await connectedRig({ outbox })
    const warnings: string[] = []
    client.on('warning', ({ code, message }) => warnings.push(`${code}: ${message}`))
    outbox.isBroken = true
    for (const topic of ['a', 'b', 'c']) {
      client.publish(topic, 'x', { delivery: guaranteed() })
      await settle()
    }
    deepEqual(warnings, ['outbox: Cannot write'])
    deepEqual(brief(connection.received).slice(1), ['PUBLISH a 1', 'PUBLISH b 2', 'PUBLISH c 3'])
  })
})

describe('a packet id that cannot be recorded', () => {
  test('keeps no message back, and the warning says what a restart may do now', async () => {
    const outbox = new BrokenStore()
    const first = robustClient({ outbox })
    await first.client.open()
    const receipt = first.client.publish('a', 'x', { delivery: guaranteed({ qos: 2 }) })
    await settle()
    equal(receipt.stage, 'stored')
    outbox.isBroken = true
    const connection = await accepted(first)
    deepEqual(brief(connection.received), ['CONNECT', 'PUBLISH a 1'])
    const [warning] = first.warnings
    equal(warning?.code, 'outbox')
    match(warning.message, /after a restart .+ again/)
    connection.autoRespond()
    connection.send({ ...ack(PacketType.PUBCOMP), type: PacketType.PUBREC } as Packet)
    await settle()
    const { status, possiblyDuplicated } = await receipt.settled
    deepEqual([status, possiblyDuplicated], ['delivered', false])
  })
})

describe('what waits behind a packet id that is being recorded', () => {
  test('goes out when it is recorded, and waits for no answer of the server', async () => {
    const { client, connection } = await connectedRig({ outbox: new KeptStore() })
    for (const [topic, qos] of [
      ['a', 2],
      ['b', 1],
      ['c', 2],
      ['d', 1],
    ] as const) {
      client.publish(topic, 'x', { delivery: guaranteed({ qos }) })
    }
    await settle()
    deepEqual(brief(connection.received).slice(1), [
      'PUBLISH a 1',
      'PUBLISH b 2',
      'PUBLISH c 3',
      'PUBLISH d 4',
    ])
  })
})

describe('the record of a packet id whose message was turned away', () => {
  test("goes with the exchange: the id may be another message's when the process ends", async () => {
    const outbox = new KeptStore()
    const first = await connectedRig({ outbox })
    const receipt = first.client.publish('a', 'x', { delivery: guaranteed({ qos: 2 }) })
    await settle()
    deepEqual(brief(first.connection.received), ['CONNECT', 'PUBLISH a 1'])
    // 0x97 Quota exceeded: it is sent again in a while.
    first.connection.send({
      type: PacketType.PUBREC,
      packetId: 1,
      reasonCode: 0x97,
      properties: {},
    })
    await settle()
    equal(receipt.stage, 'sent')
    // The process ends here: nothing of the message is in flight.
    const second = await connectedRig({ outbox }, { sessionPresent: true })
    deepEqual(brief(second.connection.received), ['CONNECT', 'PUBREL 1'])
    second.connection.send(ack(PacketType.PUBCOMP))
    await settle()
    deepEqual(brief(second.connection.received).slice(2), ['PUBLISH a 1'])
  })
})

describe('the removal of a message at QoS 1', () => {
  class WatchedStore extends KeptStore {
    readonly removals: SyncLevel[] = []

    override commit(ops: readonly Op[], sync: SyncLevel = 'power'): Promise<void> {
      if (ops.some(([kind]) => kind === 'delete')) this.removals.push(sync)
      return super.commit(ops)
    }
  }
  for (const [reasonCode, sync, comes] of [
    [0x00, 'lazy', 'may come again after a loss of power: the server has it'],
    [0x87, 'power', 'never comes again: it was called rejected'],
  ] as const) {
    test(`that is answered with ${reasonCode} ${comes}`, async () => {
      const outbox = new WatchedStore()
      const { client, connection } = await connectedRig({ outbox })
      const receipt = client.publish('t', 'x', { delivery: guaranteed() })
      const { packetId } = await take(connection, PacketType.PUBLISH)
      equal(await receipt.stored, 'disk')
      connection.send({ type: PacketType.PUBACK, packetId, reasonCode, properties: {} })
      await receipt.settled
      await settle()
      deepEqual(outbox.removals, [sync])
    })
  }
})

describe('the record of a packet id of a message that was sent afresh', () => {
  test('says that a session before may have had it, also to the next process', async () => {
    for (const hasReceived of [false, true]) {
      const outbox = new KeptStore()
      const first = await connectedRig({ outbox })
      const delivery = guaranteed({ qos: 2, onSessionLoss: 'resend' })
      const { id } = first.client.publish('a', 'x', { delivery })
      await take(first.connection, PacketType.PUBLISH)
      // The process ends here, and the server loses the session.
      const { connection } = await connectedRig({ outbox })
      await take(connection, PacketType.PUBLISH)
      if (hasReceived) {
        connection.send({ type: PacketType.PUBREC, packetId: 1, reasonCode: 0, properties: {} })
        await take(connection, PacketType.PUBREL)
      }
      // The process ends here, and the server has the session.
      const last = await connectedRig({ outbox }, { sessionPresent: true })
      const receipt = await last.client.receipt(id)
      if (!hasReceived) {
        await take(last.connection, PacketType.PUBLISH)
        last.connection.send({
          type: PacketType.PUBREC,
          packetId: 1,
          reasonCode: 0,
          properties: {},
        })
      }
      await take(last.connection, PacketType.PUBREL)
      last.connection.send(ack(PacketType.PUBCOMP))
      const outcome = await receipt?.settled
      deepEqual([outcome?.status, outcome?.possiblyDuplicated], ['delivered', true])
    }
  })
})

describe('the record of a packet id that two messages have had', () => {
  test('is that of the later one, also when the earlier one gets another id', async () => {
    const outbox = new KeptStore()
    const first = robustClient({ outbox })
    await first.client.open()
    // The second goes first: "a" gets the packet id 2, "b" 1.
    first.client.publish('a', 'x', { delivery: guaranteed({ qos: 2, priority: 1 }) })
    first.client.publish('b', 'y', { delivery: guaranteed({ qos: 2 }) })
    const { received } = await accepted(first)
    deepEqual(brief(received), ['CONNECT', 'PUBLISH b 1', 'PUBLISH a 2'])
    // The process ends here. The server has lost the session: the ids change hands.
    const second = await connectedRig({ outbox })
    deepEqual(brief(second.connection.received), ['CONNECT', 'PUBLISH a 1', 'PUBLISH b 2'])
    // The process ends here, and the server has the session.
    const third = await connectedRig({ outbox }, { sessionPresent: true })
    deepEqual(brief(third.connection.received), ['CONNECT', 'PUBLISH a 1 DUP', 'PUBLISH b 2 DUP'])
  })

  test('stays when the earlier one has its outcome', async () => {
    const outbox = new KeptStore()
    const first = robustClient({ outbox })
    await first.client.open()
    first.client.publish('a', 'x', { delivery: guaranteed({ qos: 2, priority: 1 }) })
    first.client.publish('b', 'y', { delivery: guaranteed({ qos: 2 }) })
    await accepted(first)
    // The process ends here. In the new session only one may be in flight.
    const second = await connectedRig({ outbox }, { connack: { receiveMaximum: 1 } })
    deepEqual(brief(second.connection.received), ['CONNECT', 'PUBLISH a 1'])
    for await (const { id, topic } of second.client.outbox.entries()) {
      if (topic === 'b') await second.client.outbox.cancel(id)
    }
    await settle()
    // The process ends here, and the server has the session.
    const third = await connectedRig({ outbox }, { sessionPresent: true })
    deepEqual(brief(third.connection.received), ['CONNECT', 'PUBLISH a 1 DUP'])
  })
})

describe('a QoS 2 message whose packet id is being recorded when the session is lost', () => {
  for (const onSessionLoss of ['resend', 'report'] as const) {
    test(`is sent whole, under an id that is recorded, with ${onSessionLoss}`, async () => {
      const outbox = new HeldStore()
      const rig = await connectedRig({ outbox })
      outbox.isHeld = true
      const delivery = guaranteed({ qos: 2, onSessionLoss })
      const receipt = rig.client.publish('a', 'payload', { delivery })
      await settle()
      rig.connection.destroy()
      const second = await accepted(rig)
      await settle()
      // The record of the first id: nothing follows from it any more.
      await outbox.letOne()
      deepEqual(brief(second.received), ['CONNECT'])
      outbox.isHeld = false
      await outbox.letOne()
      await outbox.letOne()
      const published = second.received.find(({ type }) => type === PacketType.PUBLISH)
      deepEqual(
        published?.type === PacketType.PUBLISH && String.fromCharCode(...published.payload),
        'payload',
      )
      deepEqual(brief(second.received), ['CONNECT', 'PUBLISH a 2'])
      second.autoRespond()
      const { status, possiblyDuplicated, attempts } = await receipt.settled
      deepEqual([status, possiblyDuplicated, attempts], ['delivered', false, 1])
      equal(rig.client.outbox.count, 0)
    })
  }

  test('is not sent at all when it was given up meanwhile', async () => {
    const outbox = new HeldStore()
    const rig = await connectedRig({ outbox })
    outbox.isHeld = true
    const receipt = rig.client.publish('a', 'payload', { delivery: guaranteed({ qos: 2 }) })
    await settle()
    receipt.cancel()
    rig.connection.destroy()
    const second = await accepted(rig)
    // The record of its id, which nothing has any more.
    await outbox.letAll()
    const next = rig.client.publish('b', 'x', { delivery: guaranteed({ qos: 2 }) })
    second.autoRespond()
    equal((await next.settled).status, 'delivered')
    deepEqual(brief(second.received), ['CONNECT', 'PUBLISH b 2', 'PUBREL 2'])
  })
})
