// How long answers are waited for on a slow link: a large message whose answer did not come in time has longer at
// each attempt, and nothing else has, on the same connection neither.

import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { take } from '../simple/conversation.ts'
import { accepted, connectedRig, type RobustRig } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

const LARGE = 65_536
const ACK_MS = 20_000

/** The connection of the moment ends at exactly this time from now, for want of an answer. */
async function diesAfter({ client, clock, told }: RobustRig, ms: number): Promise<void> {
  const before = told.length
  await elapse(clock, ms - 1)
  deepEqual([client.state, told.slice(before)], ['connected', []])
  await elapse(clock, 1)
  equal(told[before], 'connection-lost TimeoutError')
}

describe('an answer that does not come in time', () => {
  for (const resumed of [true, false]) {
    test(`is waited for twice as long behind a large message, ${resumed ? 'resumed' : 'sent afresh'}`, async () => {
      // Without pings.
      const rig = await connectedRig({ keepAliveSeconds: 0 })
      const receipt = rig.client.publish('t', new Uint8Array(LARGE), { qos: 1 })
      let { connection } = rig
      let last = await take(connection, PacketType.PUBLISH)
      for (const times of [1, 2, 4, 8, 16, 16]) {
        await diesAfter(rig, times * ACK_MS)
        connection = await accepted(rig, { sessionPresent: resumed })
        last = await take(connection, PacketType.PUBLISH)
      }
      connection.acknowledge(last)
      await settle()
      equal((await receipt.settled).status, 'delivered')
    })
  }

  for (const name of ['that is not asked for', 'that the server does not keep']) {
    test(`is waited for twice as long behind a large message, without a session ${name}`, async () => {
      const isAsked = name !== 'that is not asked for'
      const connack = isAsked ? { sessionExpiryInterval: 0 } : {}
      const options = { keepAliveSeconds: 0, ...(!isAsked && { session: { expirySeconds: 0 } }) }
      const rig = await connectedRig(options, { connack })
      rig.client.publish('t', new Uint8Array(LARGE), { qos: 1 })
      for (const times of [1, 2, 4]) {
        await diesAfter(rig, times * ACK_MS)
        await take(await accepted(rig, { connack }), PacketType.PUBLISH)
      }
    })
  }

  test('is waited for no longer where the large message has arrived, and its end alone has not', async () => {
    const rig = await connectedRig({ keepAliveSeconds: 0 })
    rig.client.publish('t', new Uint8Array(LARGE), { qos: 2 })
    const { packetId } = await take(rig.connection, PacketType.PUBLISH)
    rig.connection.send({ type: PacketType.PUBREC, packetId, reasonCode: 0, properties: {} })
    await take(rig.connection, PacketType.PUBREL)
    for (let i = 0; i < 3; i += 1) {
      await diesAfter(rig, ACK_MS)
      await take(await accepted(rig, { sessionPresent: true }), PacketType.PUBREL)
    }
  })

  test('is waited for twice as long behind a large message that was given up on its way', async () => {
    const rig = await connectedRig({ keepAliveSeconds: 0 })
    const receipt = rig.client.publish('t', new Uint8Array(LARGE), { qos: 1 })
    await take(rig.connection, PacketType.PUBLISH)
    receipt.cancel()
    await diesAfter(rig, ACK_MS)
    await take(await accepted(rig, { sessionPresent: true }), PacketType.PUBLISH)
    await diesAfter(rig, 2 * ACK_MS)
  })

  test('is waited for no longer behind a small one, nor after that behind a large one', async () => {
    const rig = await connectedRig({ keepAliveSeconds: 0 })
    rig.client.publish('t', new Uint8Array(LARGE), { qos: 1 })
    await diesAfter(rig, ACK_MS)
    const second = await accepted(rig, { sessionPresent: true })
    second.acknowledge(await take(second, PacketType.PUBLISH))
    rig.client.publish('t', new Uint8Array(LARGE - 1), { qos: 1 })
    await diesAfter(rig, ACK_MS)
    const third = await accepted(rig, { sessionPresent: true })
    third.acknowledge(await take(third, PacketType.PUBLISH))
    rig.client.publish('t', new Uint8Array(LARGE), { qos: 1 })
    await diesAfter(rig, ACK_MS)
  })

  test('is waited for as long as before when a connection ends for another reason', async () => {
    const rig = await connectedRig({ keepAliveSeconds: 0 })
    rig.client.publish('t', new Uint8Array(LARGE), { qos: 1 })
    await diesAfter(rig, ACK_MS)
    const second = await accepted(rig, { sessionPresent: true })
    second.destroy()
    await accepted(rig, { sessionPresent: true })
    await diesAfter(rig, 2 * ACK_MS)
  })
})
