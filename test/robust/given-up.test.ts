// A message that is given up in flight: its outcome comes at once, and its exchange is ended all the same.

import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { MemoryStore } from '../../src/outbox/memory.ts'
import { guaranteed, within } from '../../src/robust/policies.ts'
import { take } from '../simple/conversation.ts'
import { HeldStore, KeptStore } from '../support/kept-store.ts'
import { accepted, brief, connectedRig, robustClient } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

describe('a message given up in flight', () => {
  for (const kept of [false, true]) {
    test(`at QoS 2 ${kept ? 'from an outbox' : 'from memory'} is finished with PUBREL`, async () => {
      const { client, connection } = await connectedRig(kept ? { outbox: new MemoryStore() } : {})
      const receipt = client.publish('t', 'x', { qos: 2 })
      const packet = await take(connection, PacketType.PUBLISH)
      equal(receipt.cancel(), false)
      equal((await receipt.settled).status, 'maybe-delivered')
      connection.acknowledge(packet)
      connection.acknowledge(await take(connection, PacketType.PUBREL))
      await settle()
      const next = client.publish('u', 'x', { qos: 2 })
      connection.acknowledge(await take(connection, PacketType.PUBLISH))
      connection.acknowledge(await take(connection, PacketType.PUBREL))
      equal((await next.settled).status, 'delivered')
      equal(client.idle, true)
    })
  }

  test('is sent again by a session that goes on, and forgotten by a new one', async () => {
    for (const sessionPresent of [true, false]) {
      const rig = await connectedRig()
      const receipt = rig.client.publish('t', 'x')
      await take(rig.connection, PacketType.PUBLISH)
      receipt.cancel()
      rig.connection.destroy()
      const second = await accepted(rig, { sessionPresent })
      const again = sessionPresent ? ['PUBLISH t 1 DUP'] : []
      deepEqual(brief(second.received).slice(1), again)
    }
  })

  test('in a session that was to end with its connection is not waited for', async () => {
    const rig = await connectedRig({ session: { expirySeconds: 0 } })
    const receipt = rig.client.publish('t', 'x')
    await take(rig.connection, PacketType.PUBLISH)
    rig.connection.destroy()
    // A server that says that it kept the session all the same.
    const second = await accepted(rig, { sessionPresent: true })
    second.acknowledge(await take(second, PacketType.PUBLISH))
    equal((await receipt.settled).possiblyDuplicated, true)
  })

  test('by the next process may have arrived in a session before the one that turned it away', async () => {
    const outbox = new KeptStore()
    const first = await connectedRig({ outbox })
    const delivery = guaranteed({ qos: 2, onSessionLoss: 'resend' })
    const { id } = first.client.publish('t', 'x', { delivery })
    await take(first.connection, PacketType.PUBLISH)
    first.connection.destroy()
    const second = await accepted(first)
    const { packetId } = await take(second, PacketType.PUBLISH)
    second.send({ type: PacketType.PUBREC, packetId, reasonCode: 0x97, properties: {} })
    await settle()
    const next = robustClient({ outbox })
    const receipt = await next.client.receipt(id)
    equal(receipt?.cancel(), false)
    equal((await receipt?.settled)?.status, 'maybe-delivered')
  })

  test('by its deadline in the process after the one that was turned away is called so', async () => {
    for (const [qos, status] of [
      [1, 'maybe-delivered'],
      [2, 'expired'],
    ] as const) {
      const outbox = new KeptStore()
      const first = await connectedRig({ outbox })
      const delivery = within('1m', { qos })
      const { id } = first.client.publish('t', 'x', { delivery })
      const { packetId } = await take(first.connection, PacketType.PUBLISH)
      const type = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC
      first.connection.send({ type, packetId, reasonCode: 0x97, properties: {} })
      await settle()
      await first.client[Symbol.asyncDispose]()
      const next = robustClient({ outbox })
      const receipt = await next.client.receipt(id)
      await elapse(next.clock, 60_000)
      equal(receipt?.stage, status)
    }
  })

  test('after two restarts may have arrived in a session before the one that goes on', async () => {
    for (const ending of ['delivered', 'cancelled'] as const) {
      const outbox = new KeptStore()
      const delivery = guaranteed({ qos: 2 })
      const first = await connectedRig({ outbox })
      const { id } = first.client.publish('t', 'x', { delivery })
      await take(first.connection, PacketType.PUBLISH)
      const second = robustClient({ outbox })
      void second.client.connect()
      await take(await accepted(second), PacketType.PUBLISH)
      const third = robustClient({ outbox })
      const receipt = await third.client.receipt(id)
      void third.client.connect()
      const connection = await accepted(third, { sessionPresent: true })
      if (ending === 'cancelled') equal(receipt?.cancel(), false)
      connection.autoRespond()
      const outcome = await receipt?.settled
      const status = ending === 'delivered' ? ending : 'maybe-delivered'
      deepEqual([outcome?.status, outcome?.possiblyDuplicated], [status, true])
    }
  })

  test('that waited for its record in a session that is lost too may have arrived before', async () => {
    const outbox = new HeldStore()
    const rig = await connectedRig({ outbox })
    const delivery = guaranteed({ qos: 2 })
    rig.client.publish('before', 'x', { delivery })
    const { id } = rig.client.publish('t', 'x', { delivery })
    await take(rig.connection, PacketType.PUBLISH)
    await take(rig.connection, PacketType.PUBLISH)
    rig.connection.destroy()
    outbox.isHeld = true
    const second = await accepted(rig)
    deepEqual(brief(second.received), ['CONNECT'])
    second.destroy()
    // It has no room for the second one, which gets no packet id.
    await accepted(rig, { connack: { receiveMaximum: 1 } })
    await outbox.letAll()
    const receipt = await robustClient({ outbox }).client.receipt(id)
    equal(receipt?.cancel(), false)
  })

  test('by limits that are lower, while it waited for its record, was never sent', async () => {
    const outbox = new HeldStore()
    const rig = await connectedRig({ outbox })
    outbox.isHeld = true
    const receipt = rig.client.publish('t', 'x', { delivery: guaranteed({ qos: 2 }) })
    await settle()
    rig.connection.destroy()
    const second = await accepted(rig, { sessionPresent: true, connack: { maximumQoS: 1 } })
    await outbox.letAll()
    const { status, attempts } = await receipt.settled
    deepEqual([status, brief(second.received)], ['refused', ['CONNECT']])
    // The second connection took on what the first had not sent.
    equal(attempts, 1)
  })

  test('by limits that are lower when its session goes on may have arrived', async () => {
    const rig = await connectedRig()
    const receipt = rig.client.publish('t', 'x', { qos: 2 })
    await take(rig.connection, PacketType.PUBLISH)
    rig.connection.destroy()
    const second = await accepted(rig, { sessionPresent: true, connack: { maximumQoS: 1 } })
    const { status, error } = await receipt.settled
    deepEqual(
      [status, (error as { code?: string }).code],
      ['maybe-delivered', 'ERR_MQTT_NOT_SUPPORTED'],
    )
    deepEqual(brief(second.received).slice(1), [])
  })

  test('counts as in flight when its session is lost', async () => {
    const rig = await connectedRig()
    rig.client.publish('t', 'x')
    await take(rig.connection, PacketType.PUBLISH)
    rig.connection.destroy()
    await accepted(rig, { sessionPresent: false })
    deepEqual(
      rig.told.filter((line) => line.startsWith('session-lost')),
      ['session-lost 1'],
    )
  })
})
