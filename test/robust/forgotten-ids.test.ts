// A session that is lost takes the QoS 2 ids of messages to us along. Until an outbox has forgotten them as well
// nothing is subscribed to: the next process would take them for ids of the new session, and acknowledge what
// comes under one of them unread.

import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { MemoryStore } from '../../src/outbox/memory.ts'
import type { Op } from '../../src/outbox/store.ts'
import { SLOW_STORE_MS } from '../../src/robust/constants.ts'
import { take } from '../simple/conversation.ts'
import { HeldStore, KeptStore } from '../support/kept-store.ts'
import {
  accepted,
  brief,
  connectedRig,
  robustClient,
  type RobustRig,
} from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

/** A client with a subscription, and under id 5 a message that its handler is done with. */
async function received(outbox: MemoryStore, connects?: 'on-demand'): Promise<RobustRig> {
  const rig = robustClient({ outbox, ...(connects && { connection: connects }) })
  void rig.client.subscribe('cmd', { qos: 2 }, () => undefined)
  const connection = await accepted(rig)
  // A message that is not answered keeps the connection, and needs the next one.
  if (connects) rig.client.publish('a', 'x')
  connection.acknowledge(await take(connection, PacketType.SUBSCRIBE))
  connection.publish('cmd', 'first', { qos: 2, packetId: 5 })
  await settle()
  deepEqual(brief(connection.received).at(-1), 'PUBREC 5')
  connection.destroy()
  return rig
}

describe('after a lost session whose ids are being removed from the outbox', () => {
  test('nothing is subscribed to before that is safe, and all else goes on', async () => {
    const outbox = new HeldStore()
    const rig = await received(outbox)
    const connecting = rig.client.connect()
    outbox.isHeld = true
    const second = await accepted(rig)
    await connecting
    rig.client.publish('a', 'x')
    void rig.client.subscribe('later')
    void rig.client.unsubscribe('later')
    await settle()
    deepEqual(brief(second.received), ['CONNECT'], 'It is not recorded that it may have been sent')
    await elapse(rig.clock, SLOW_STORE_MS)
    deepEqual(brief(second.received), ['CONNECT', 'PUBLISH a 2'])
    await outbox.letAll()
    deepEqual(brief(second.received).slice(2), [
      'SUBSCRIBE cmd',
      'SUBSCRIBE later',
      'UNSUBSCRIBE later',
    ])
    second.autoRespond()
    // The process ends here: what comes under the old id is a new message.
    const next = await connectedRig({ outbox }, { sessionPresent: true })
    let handled = 0
    void next.client.subscribe('cmd', { qos: 2 }, () => (handled += 1))
    next.connection.publish('cmd', 'new', { qos: 2, packetId: 5 })
    await settle()
    equal(handled, 1)
  })

  test('a connection that ends meanwhile leaves it to the next one, which asks once', async () => {
    const outbox = new HeldStore()
    const rig = await received(outbox)
    outbox.isHeld = true
    const second = await accepted(rig)
    void rig.client.subscribe('later')
    second.destroy()
    const third = await accepted(rig, { sessionPresent: true })
    await elapse(rig.clock, 1000)
    deepEqual(brief(third.received), ['CONNECT'])
    await outbox.letAll()
    deepEqual(brief(third.received).slice(1), ['SUBSCRIBE cmd', 'SUBSCRIBE later'])
    third.destroy()
    const fourth = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(fourth.received).slice(1), ['SUBSCRIBE cmd', 'SUBSCRIBE later'])
  })

  test('the removal that comes to its end between two connections holds nothing up', async () => {
    const outbox = new HeldStore()
    const rig = await received(outbox)
    outbox.isHeld = true
    const second = await accepted(rig)
    second.destroy()
    await settle()
    await outbox.letAll()
    const third = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(third.received), ['CONNECT', 'SUBSCRIBE cmd'])
  })

  test('a client that connects on demand stays until it is subscribed again', async () => {
    const outbox = new HeldStore()
    const rig = await received(outbox, 'on-demand')
    outbox.isHeld = true
    const second = await accepted(rig)
    second.autoRespond()
    await elapse(rig.clock, SLOW_STORE_MS)
    equal(rig.client.idle, true)
    await outbox.letAll()
    deepEqual(brief(second.received).slice(1), ['PUBLISH a 3', 'SUBSCRIBE cmd', 'DISCONNECT'])
  })

  test('a disk that fails holds nothing up for ever, and a warning says what may come', async () => {
    const outbox = new HeldStore()
    const rig = await received(outbox)
    outbox.isBroken = true
    const second = await accepted(rig)
    deepEqual(brief(second.received), ['CONNECT', 'SUBSCRIBE cmd'])
    const [warning] = rig.warnings
    equal(warning?.code, 'outbox')
    match(warning.message, /after a restart .+ message to us /)
  })
})

test('a message whose session was lost while it was handled leaves no id in the outbox', async () => {
  const outbox = new KeptStore()
  const rig = await connectedRig({ outbox })
  rig.connection.autoRespond()
  let done: () => void = () => undefined
  await rig.client.subscribe('cmd', { qos: 2 }, () => new Promise<void>((go) => (done = go)))
  rig.connection.publish('cmd', 'old', { qos: 2, packetId: 5 })
  await settle()
  rig.connection.destroy()
  await accepted(rig)
  done()
  await settle()
  // The process ends here.
  const next = await connectedRig({ outbox }, { sessionPresent: true })
  let handled = 0
  void next.client.subscribe('cmd', { qos: 2 }, () => (handled += 1))
  next.connection.publish('cmd', 'new', { qos: 2, packetId: 5 })
  await settle()
  equal(handled, 1)
})

test('an id that shows to be one of a lost session is out of the outbox while its new message is handled', async () => {
  const outbox = new KeptStore()
  await received(outbox)
  // The process ends here. What comes without DUP under an id that is taken is a message of another session.
  const second = await connectedRig({ outbox }, { sessionPresent: true })
  let given = 0
  void second.client.subscribe('cmd', { qos: 2 }, () => {
    given += 1
    return new Promise<void>(() => undefined)
  })
  second.connection.publish('cmd', 'new', { qos: 2, packetId: 5 })
  await settle()
  equal(given, 1)
  // And that one ends here, before its handler is done.
  const third = await connectedRig({ outbox }, { sessionPresent: true })
  let handled = 0
  void third.client.subscribe('cmd', { qos: 2 }, () => (handled += 1))
  third.connection.publish('cmd', 'new', { qos: 2, packetId: 5, dup: true })
  await settle()
  equal(handled, 1)
})

describe('after a lost session SUBSCRIBE goes out while CONNACK is handled', () => {
  test('when there are no ids to be removed', async () => {
    const outbox = new HeldStore()
    const rig = await connectedRig({ outbox })
    rig.connection.autoRespond()
    await rig.client.subscribe('cmd')
    outbox.isHeld = true
    rig.connection.destroy()
    const second = await accepted(rig)
    deepEqual(brief(second.received), ['CONNECT', 'SUBSCRIBE cmd'])
  })

  test('when the outbox is in memory', async () => {
    class SlowMemory extends MemoryStore {
      isHeld = false
      override commit(ops: readonly Op[]): Promise<void> {
        return this.isHeld ? new Promise(() => undefined) : super.commit(ops)
      }
    }
    const outbox = new SlowMemory()
    const rig = await received(outbox)
    outbox.isHeld = true
    const second = await accepted(rig)
    deepEqual(brief(second.received), ['CONNECT', 'SUBSCRIBE cmd'])
  })
})
