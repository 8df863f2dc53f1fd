// Whose session a server has is recorded when there is one: a process after this one takes no other for its own,
// and recognises that which this one has used. The cuts are every commit of an outbox.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import type { MemoryStore } from '../../src/outbox/memory.ts'
import { take } from '../simple/conversation.ts'
import { HeldStore, KeptStore } from '../support/kept-store.ts'
import {
  accepted,
  brief,
  connectedRig,
  dialled,
  robustClient,
  type RobustRigOptions,
} from '../support/robust-rig.ts'
import { settle } from '../support/scripted-memory.ts'

const OWN = { adopt: false }

/** How the first CONNECT of a process is that finds this outbox, and takes no session that is not its own. */
async function nextConnect(outbox: MemoryStore, options: RobustRigOptions = {}): Promise<string> {
  const rig = robustClient({ outbox, session: OWN, ...options })
  void rig.client.connect()
  const connection = await dialled(rig)
  await settle()
  return brief([await connection.connect()])[0] ?? ''
}

describe('a session is taken for that of the process before', () => {
  test('not when it only opened its outbox', async () => {
    const outbox = new KeptStore()
    await robustClient({ outbox }).client.open()
    equal(await nextConnect(outbox), 'CONNECT clean')
  })

  test('not when it ended before the server had answered', async () => {
    const outbox = new KeptStore()
    equal(await nextConnect(outbox), 'CONNECT clean')
    equal(await nextConnect(outbox), 'CONNECT clean')
  })

  test('when the server had accepted it, with or without one of its own', async () => {
    for (const sessionPresent of [false, true]) {
      const outbox = new KeptStore()
      await connectedRig({ outbox }, { sessionPresent })
      equal(await nextConnect(outbox), 'CONNECT')
      equal(await nextConnect(outbox), 'CONNECT')
    }
  })

  test('not by a client of another identifier, nor by its own after that', async () => {
    const outbox = new KeptStore()
    await connectedRig({ outbox })
    equal(await nextConnect(outbox, { clientId: 'other' }), 'CONNECT clean')
    // What was in flight in it is known no more.
    equal(await nextConnect(outbox), 'CONNECT clean')
  })
})

test('no session is told as lost that none had', async () => {
  const outbox = new KeptStore()
  await robustClient({ outbox }).client.publish('a', 'x').stored
  const rig = await connectedRig({ outbox })
  equal(rig.told.filter((line) => line.startsWith('session-lost')).length, 0)
  rig.connection.destroy()
  await accepted(rig)
  equal(rig.told.filter((line) => line.startsWith('session-lost')).length, 1)
})

describe('until whose the session is is safe on the disk', () => {
  test('nothing is subscribed to in it that a clean start of the next process would lose', async () => {
    const outbox = new HeldStore()
    const rig = robustClient({ outbox, session: OWN })
    await rig.client.open()
    outbox.isHeld = true
    void rig.client.subscribe('cmd')
    const connection = await accepted(rig)
    rig.client.publish('a', 'x', { qos: 0 })
    await settle()
    deepEqual(brief(connection.received), ['CONNECT clean', 'PUBLISH a'])
    equal(await nextConnect(await outbox.copy()), 'CONNECT clean')
    await outbox.letAll()
    deepEqual(brief(connection.received).slice(2), ['SUBSCRIBE cmd'])
    equal(await nextConnect(await outbox.copy()), 'CONNECT')
  })

  test('what is sent in it at QoS 1 goes out with DUP in the next process [MQTT-3.3.1-1]', async () => {
    const outbox = new HeldStore()
    const rig = robustClient({ outbox })
    await rig.client.publish('a', 'x').stored
    outbox.isHeld = true
    const connection = await accepted(rig)
    await settle()
    deepEqual(brief(connection.received), ['CONNECT'])
    await outbox.letAll()
    deepEqual(brief(connection.received), ['CONNECT', 'PUBLISH a 1'])
    const next = { outbox: await outbox.copy() }
    const { connection: last } = await connectedRig(next, { sessionPresent: true })
    deepEqual(brief(last.received), ['CONNECT', 'PUBLISH a 1 DUP'])
  })

  test('who takes up any session subscribes at once', async () => {
    const outbox = new HeldStore()
    const rig = robustClient({ outbox })
    await rig.client.open()
    outbox.isHeld = true
    void rig.client.subscribe('cmd')
    const connection = await accepted(rig)
    rig.client.publish('a', 'x', { qos: 0 })
    await settle()
    deepEqual(brief(connection.received), ['CONNECT', 'SUBSCRIBE cmd', 'PUBLISH a'])
  })

  test('no packet id is, neither of ours nor of the server', async () => {
    const outbox = new HeldStore()
    const rig = robustClient({ outbox })
    await rig.client.publish('a', 'x', { qos: 2 }).stored
    outbox.isHeld = true
    void rig.client.subscribe('cmd', { qos: 2 }, () => undefined)
    const connection = await accepted(rig)
    connection.acknowledge(await take(connection, PacketType.SUBSCRIBE))
    connection.publish('cmd', 'x', { qos: 2, packetId: 5 })
    await settle()
    for (let cut = 0; cut < 10; cut += 1) {
      const keys = [...(await (await outbox.copy()).state()).keys()]
      const ids = keys.filter((key) => /^[io]\d/.test(key))
      ok(!keys.includes('unmade') || ids.length === 0, `${cut}: ${keys.join(' ')}`)
      equal(keys.includes('unmade'), cut === 0)
      await outbox.letOne()
    }
    deepEqual(brief(connection.received).slice(2).sort(), ['PUBLISH a 2', 'PUBREC 5'])
  })

  test('a disk that fails holds nothing up, and it is tried again at the next connection', async () => {
    const outbox = new HeldStore()
    const rig = robustClient({ outbox, session: OWN })
    await rig.client.open()
    outbox.isBroken = true
    void rig.client.subscribe('cmd')
    const connection = await accepted(rig)
    await settle()
    deepEqual(brief(connection.received), ['CONNECT clean', 'SUBSCRIBE cmd'])
    match(rig.warnings[0]?.message ?? '', /Cannot write: after a restart/)
    outbox.isBroken = false
    equal(await nextConnect(await outbox.copy()), 'CONNECT clean')
    connection.destroy()
    await accepted(rig, { sessionPresent: true })
    equal(await nextConnect(await outbox.copy()), 'CONNECT')
  })
})
