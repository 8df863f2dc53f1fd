// What goes out after the end of a process: a QoS 2 message whose packet id is recorded is sent again at once, what
// was published before it at QoS 1, of which no id is recorded, before it; and what may have been sent says so.

import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Packet, PacketType } from '../../src/codec/packets.ts'
import { StoreError } from '../../src/errors.ts'
import type { Op } from '../../src/outbox/store.ts'
import { guaranteed } from '../../src/robust/policies.ts'
import { KeptStore } from '../support/kept-store.ts'
import { accepted, brief, connectedRig, robustClient } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

const ONE = guaranteed()
const TWO = guaranteed({ qos: 2 })

/** A store in which QoS 1 and 2 are in flight: "t" at 1 and 2, "other" at 1, "t" at 1 again. */
async function leftBehind(clientId?: string): Promise<KeptStore> {
  const outbox = new KeptStore()
  const { client, connection } = await connectedRig({ outbox, ...(clientId && { clientId }) })
  client.publish('t', 'first', { delivery: ONE })
  client.publish('t', 'second', { delivery: TWO })
  client.publish('other', 'x', { delivery: ONE })
  client.publish('t', 'third', { delivery: ONE })
  await settle()
  deepEqual(brief(connection.received), [
    'CONNECT',
    'PUBLISH t 1',
    'PUBLISH t 2',
    'PUBLISH other 3',
    'PUBLISH t 4',
  ])
  return outbox
}

/** Once armed, the next commit waits, and fails when it is let. */
class FailingStore extends KeptStore {
  fail: (() => void) | undefined
  isArmed = false

  override async commit(ops: readonly Op[]): Promise<void> {
    if (!this.isArmed) return super.commit(ops)
    this.isArmed = false
    await new Promise<void>((go) => (this.fail = go))
    throw new StoreError('ERR_MQTT_STORE_FULL', 'Cannot write: the disk is full')
  }
}

/** What arrived, as `payload qos`. */
function payloads(received: readonly Packet[]): string[] {
  return received.flatMap((packet) =>
    packet.type === PacketType.PUBLISH
      ? [`${String.fromCharCode(...packet.payload)} ${packet.qos}`]
      : [],
  )
}

describe('what was in flight when a process ended', () => {
  test('keeps the order of its topic over QoS 1 and 2', async () => {
    const outbox = await leftBehind()
    const { connection } = await connectedRig({ outbox }, { sessionPresent: true })
    deepEqual(payloads(connection.received), ['first 1', 'second 2', 'x 1', 'third 1'])
    deepEqual(brief(connection.received).slice(1, 3), ['PUBLISH t 1 DUP', 'PUBLISH t 2 DUP'])
  })

  test('keeps it when the server has room for one at a time', async () => {
    const outbox = await leftBehind()
    const connack = { receiveMaximum: 1 }
    const { connection } = await connectedRig({ outbox }, { connack, sessionPresent: true })
    deepEqual(payloads(connection.received), ['first 1'])
    connection.autoRespond()
    connection.send({ type: PacketType.PUBACK, packetId: 1, reasonCode: 0, properties: {} })
    await settle()
    deepEqual(payloads(connection.received), ['first 1', 'second 2', 'x 1', 'third 1'])
  })

  for (const onSessionLoss of ['resend', 'report'] as const) {
    test(`keeps it when the session is lost, with ${onSessionLoss} at QoS 1`, async () => {
      const outbox = new KeptStore()
      const first = await connectedRig({ outbox })
      const one = { ...ONE, onSessionLoss }
      first.client.publish('t', 'first', { delivery: one })
      first.client.publish('t', 'second', { delivery: { ...TWO, onSessionLoss: 'resend' } })
      await settle()
      // Nobody knows whether the first had been sent: it is not given up.
      const { connection } = await connectedRig({ outbox })
      deepEqual(payloads(connection.received), ['first 1', 'second 2'])
    })
  }

  test('keeps it in the outbox of another client id', async () => {
    const outbox = await leftBehind('before')
    const { connection } = await connectedRig({ outbox })
    deepEqual(payloads(connection.received), ['first 1', 'second 2', 'x 1', 'third 1'])
  })

  for (const sessionPresent of [true, false]) {
    test(`keeps it after a process that sent no more than the first; its session is ${sessionPresent ? 'there' : 'lost'}`, async () => {
      const outbox = new KeptStore()
      const { client } = await connectedRig({ outbox, clientId: 'before' })
      client.publish('t', 'first', { delivery: ONE })
      client.publish('t', 'second', { delivery: TWO })
      client.publish('t', 'third', { delivery: ONE })
      client.publish('t', 'fourth', { delivery: TWO })
      await settle()
      const inOrder = ['first 1', 'second 2', 'third 1', 'fourth 2']
      const { connection } = await connectedRig({ outbox }, { connack: { receiveMaximum: 1 } })
      deepEqual(payloads(connection.received), inOrder.slice(0, 1))
      const last = await connectedRig({ outbox }, { sessionPresent })
      last.connection.autoRespond()
      await settle()
      deepEqual(payloads(last.connection.received), inOrder)
    })
  }

  test('keeps it when a new session has given the packet id of one to another', async () => {
    const outbox = new KeptStore()
    const first = await connectedRig({ outbox })
    const inOrder = ['first 2', 'second 2', 'third 2']
    for (const line of inOrder) first.client.publish('t', line.slice(0, -2), { delivery: TWO })
    await settle()
    deepEqual(payloads(first.connection.received), inOrder)
    const rig = robustClient({ outbox })
    void rig.client.subscribe('f')
    const { received } = await accepted(rig, { connack: { receiveMaximum: 1 } })
    await settle()
    deepEqual(brief(received).slice(1), ['SUBSCRIBE f', 'PUBLISH t 2'])
    const last = await connectedRig({ outbox }, { sessionPresent: true })
    last.connection.autoRespond()
    await settle()
    deepEqual(payloads(last.connection.received), inOrder)
  })

  test('keeps it when a later message is acknowledged, and cannot be stored afterwards', async () => {
    const outbox = new FailingStore()
    const { client, connection } = await connectedRig({ outbox })
    client.publish('t', 'first', { delivery: ONE })
    await settle()
    outbox.isArmed = true
    const gone = client.publish('t', 'gone', { delivery: ONE })
    await settle()
    connection.send({ type: PacketType.PUBACK, packetId: 2, reasonCode: 0, properties: {} })
    equal((await gone.settled).status, 'delivered')
    outbox.fail?.()
    await settle()
    client.publish('t', 'second', { delivery: TWO })
    await settle()
    const next = await connectedRig({ outbox }, { sessionPresent: true })
    deepEqual(payloads(next.connection.received), ['first 1', 'second 2'])
  })

  test('needs none of it once PUBREC was in', async () => {
    const outbox = new KeptStore()
    const first = await connectedRig({ outbox })
    first.client.publish('t', 'first', { delivery: ONE })
    first.client.publish('t', 'second', { delivery: TWO })
    await settle()
    first.connection.send({ type: PacketType.PUBREC, packetId: 2, reasonCode: 0, properties: {} })
    await settle()
    const { connection } = await connectedRig({ outbox }, { sessionPresent: true })
    deepEqual(brief(connection.received), ['CONNECT', 'PUBREL 2', 'PUBLISH t 1 DUP'])
  })

  test('is read before the first connection as far as it has to go first', async () => {
    const outbox = new KeptStore()
    const first = robustClient({ outbox })
    await first.client.open()
    for (let i = 0; i < 1500; i += 1) {
      first.client.publish('slow', `${i}`, { delivery: guaranteed({ priority: 0 }) })
    }
    first.client.publish('t', 'first', { delivery: ONE })
    first.client.publish('t', 'second', { delivery: TWO })
    const { received } = await accepted(first, { connack: { receiveMaximum: 2 } })
    deepEqual(payloads(received), ['first 1', 'second 2'])
    const connack = { receiveMaximum: 2 }
    const { connection } = await connectedRig({ outbox }, { connack, sessionPresent: true })
    deepEqual(payloads(connection.received), ['first 1', 'second 2'])
    connection.autoRespond()
    connection.send({ type: PacketType.PUBACK, packetId: 1, reasonCode: 0, properties: {} })
    await settle()
    equal(payloads(connection.received).length, 1502)
  })
})

describe('what a process before this one may have sent at QoS 1', () => {
  const CONNACK_ONE = { connack: { receiveMaximum: 1 } }

  /** "a" was sent, "b" waited. */
  async function unfinished(): Promise<KeptStore> {
    const outbox = new KeptStore()
    const { client, connection } = await connectedRig({ outbox }, CONNACK_ONE)
    client.publish('a', 'x', { delivery: ONE })
    client.publish('b', 'y', { delivery: ONE })
    await settle()
    deepEqual(brief(connection.received), ['CONNECT', 'PUBLISH a 1'])
    return outbox
  }

  test('goes out with DUP in the session that it may have been sent in [MQTT-3.3.1-1]', async () => {
    const outbox = await unfinished()
    const { client, connection } = await connectedRig({ outbox }, { sessionPresent: true })
    client.publish('c', 'z', { delivery: ONE })
    await settle()
    // Of "b" nobody knows either.
    const sent = ['PUBLISH a 1 DUP', 'PUBLISH b 2 DUP', 'PUBLISH c 3']
    deepEqual(brief(connection.received), ['CONNECT', ...sent])
  })

  test('goes out without in a session that has never had it', async () => {
    const outbox = await unfinished()
    const rig = await connectedRig({ outbox }, CONNACK_ONE)
    deepEqual(brief(rig.connection.received), ['CONNECT', 'PUBLISH a 1'])
    rig.connection.destroy()
    const { received } = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(received), ['CONNECT', 'PUBLISH a 1 DUP', 'PUBLISH b 2'])
  })

  test('goes out without in the session of another client id', async () => {
    const outbox = await unfinished()
    const clientId = 'another'
    const { connection } = await connectedRig({ outbox, clientId }, { sessionPresent: true })
    deepEqual(brief(connection.received), ['CONNECT', 'PUBLISH a 1', 'PUBLISH b 2'])
  })

  test('goes out with DUP again when the server had turned it away', async () => {
    const outbox = await unfinished()
    const rig = await connectedRig({ outbox }, { ...CONNACK_ONE, sessionPresent: true })
    const { connection, clock } = rig
    const answer = { type: PacketType.PUBACK, packetId: 1, properties: {} } as const
    // 0x97 Quota exceeded: it is sent again in a while.
    connection.send({ ...answer, reasonCode: 0x97 })
    await settle()
    connection.send({ ...answer, packetId: 2, reasonCode: 0 })
    await elapse(clock, 60_000)
    const sent = brief(connection.received).filter((line) => line.startsWith('PUBLISH'))
    deepEqual(sent, ['PUBLISH a 1 DUP', 'PUBLISH b 2 DUP', 'PUBLISH a 3 DUP'])
  })
})
