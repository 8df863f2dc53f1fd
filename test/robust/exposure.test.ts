// What the next process knows of messages at QoS 1, of which no packet id is recorded: that one which had only
// waited was never sent. It is said of none that may have been.

import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { SLOW_STORE_MS } from '../../src/robust/constants.ts'
import { within } from '../../src/robust/policies.ts'
import type { Outcome } from '../../src/robust/types.ts'
import { take } from '../simple/conversation.ts'
import { HeldStore, KeptStore } from '../support/kept-store.ts'
import { accepted, brief, connectedRig, robustClient } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

/** What becomes of a message in a process that begins when its time is up. */
async function outcomeLater(outbox: KeptStore, id: string): Promise<Outcome> {
  const rig = robustClient({ outbox })
  rig.wall.epochMs += 60_000
  await rig.client.open()
  const receipt = await rig.client.receipt(id)
  return receipt!.settled
}

/** What the next process sends, up to the first PUBLISH. */
async function sentNext(outbox: KeptStore): Promise<readonly string[]> {
  const { connection } = await connectedRig({ outbox }, { sessionPresent: true })
  return brief(connection.received).slice(1)
}

const press = { delivery: within('15s') }

describe('a message at QoS 1 of an earlier process', () => {
  test('that never had a connection was never sent', async () => {
    const outbox = new HeldStore()
    const rig = robustClient({ outbox })
    rig.server.refuse = new Error('away')
    const receipt = rig.client.publish('light', 'on', press)
    await receipt.stored
    const { status, attempts, possiblyDuplicated } = await outcomeLater(
      await outbox.copy(),
      receipt.id,
    )
    deepEqual([status, attempts, possiblyDuplicated], ['expired', 0, false])
    deepEqual(await sentNext(await outbox.copy()), ['PUBLISH light 1'])
  })

  test('published while the link was down was never sent, and what went before it may have been', async () => {
    const outbox = new HeldStore()
    const rig = await connectedRig({ outbox })
    const first = rig.client.publish('light', 'on', press)
    await take(rig.connection, PacketType.PUBLISH)
    rig.server.refuse = new Error('away')
    rig.connection.destroy()
    await settle()
    const second = rig.client.publish('light', 'off', press)
    await second.stored
    equal((await outcomeLater(await outbox.copy(), first.id)).status, 'maybe-delivered')
    equal((await outcomeLater(await outbox.copy(), second.id)).status, 'expired')
    deepEqual(await sentNext(await outbox.copy()), ['PUBLISH light 1 DUP', 'PUBLISH light 2'])
  })

  test('may have been sent by one that ended while it was connected', async () => {
    const outbox = new HeldStore()
    const rig = await connectedRig({ outbox })
    const { id, stored } = rig.client.publish('light', 'on', press)
    await take(rig.connection, PacketType.PUBLISH)
    await stored
    const last = await outbox.copy()
    equal((await outcomeLater(await outbox.copy(), id)).status, 'maybe-delivered')
    deepEqual(await sentNext(last), ['PUBLISH light 1 DUP'])
  })

  test('may have been sent by a process before the last, which had no connection', async () => {
    const outbox = new HeldStore()
    const rig = await connectedRig({ outbox })
    const { stored } = rig.client.publish('light', 'on', press)
    await take(rig.connection, PacketType.PUBLISH)
    await stored
    const second = await outbox.copy()
    const offline = robustClient({ outbox: second })
    offline.server.refuse = new Error('away')
    await offline.client.publish('light', 'off', press).stored
    deepEqual(await sentNext(second), ['PUBLISH light 1 DUP', 'PUBLISH light 2'])
  })

  test('goes out when it is recorded that it may have been sent, and no sooner', async () => {
    for (const sends of [true, false]) {
      const outbox = new HeldStore()
      const rig = await connectedRig({ outbox })
      rig.connection.destroy()
      await settle()
      const receipt = rig.client.publish('light', 'on')
      await receipt.stored
      outbox.isHeld = true
      const second = await accepted(rig, { sessionPresent: true })
      const before = await outbox.copy()
      deepEqual(brief(second.received), ['CONNECT'])
      if (sends) await outbox.letAll()
      // A disk that hangs is not waited for for ever.
      else await elapse(rig.clock, SLOW_STORE_MS)
      deepEqual(brief(second.received), ['CONNECT', 'PUBLISH light 1'])
      // A process that ended before that sends it for the first time.
      deepEqual(await sentNext(before), ['PUBLISH light 1'])
      if (sends) deepEqual(await sentNext(await outbox.copy()), ['PUBLISH light 1 DUP'])
    }
  })

  test('is not held by a connection that has ended, nor is a process by the wait', async () => {
    const outbox = new HeldStore()
    const rig = await connectedRig({ outbox })
    outbox.isHeld = true
    rig.connection.destroy()
    await accepted(rig, { sessionPresent: true })
    await settle()
    void rig.client.disconnect()
    await outbox.letAll()
    equal(rig.clock.next, Infinity, 'No timer is left')
    void rig.client.connect()
    const third = await accepted(rig, { sessionPresent: true })
    rig.client.publish('light', 'on')
    await settle()
    deepEqual(brief(third.received), ['CONNECT', 'PUBLISH light 1'])
  })
})
