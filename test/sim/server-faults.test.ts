// portable
// The faults of a model server that depend on what it is in the middle of.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import type { SentMessage } from '../../src/sim/observations.ts'
import { type PacketClient, pass, ServerRig } from '../support/sim-rig.ts'

const { CONNACK, PUBACK, DISCONNECT } = PacketType
const SESSION = { properties: { sessionExpiryInterval: 60 } }

describe('model server: faults at a moment', () => {
  test('it goes down after so many packets, and comes back with its sessions or without', async () => {
    for (const forgets of [0, 1]) {
      const rig = new ServerRig({ fallAtPacket: { packets: 1, forMs: 1000, forgets } })
      const client = rig.client('c').connect(SESSION)
      client.publish('t', 'm', { qos: 1, packetId: 1 })
      client.publish('t', 'm', { qos: 1, packetId: 2 })
      client.publish('t', 'm', { qos: 1, packetId: 3 })
      equal(client.end, 'destroyed')
      equal(rig.server.up, false)
      ok(rig.listener.faults.includes('server.fallAtPacket'))
      equal(rig.cluster.sessions.has('c') && forgets === 1, false)
      await pass(rig.world, 60_000)
      equal(rig.server.up, true)
    }
  })

  test('whoever it lets in it ends a little later', async () => {
    const kick = { everyMs: 1, forMs: 1, afterMs: 100, reasonCodes: [0x89] }
    const rig = new ServerRig({ acceptThenKick: kick })
    const early = rig.client('a').connect()
    rig.server.begin('acceptThenKick')
    const client = rig.client('c').connect()
    equal(client.of(CONNACK)[0]?.reasonCode, 0)
    equal(client.end, undefined)
    await pass(rig.world, 5000)
    deepEqual(
      client.of(DISCONNECT).map(({ reasonCode }) => reasonCode),
      [0x89],
    )
    equal(client.end, 'closed')
    equal(early.end, undefined)
  })

  test('each connection has a Receive Maximum of its own', () => {
    const rig = new ServerRig({ changingMaximum: { receiveMaximums: [1, 2, 3] } })
    const seen = new Set<number | undefined>()
    for (let i = 0; i < 30; i += 1) {
      const [connack] = rig.client(`c${i}`).connect().of(CONNACK)
      seen.add(connack?.properties.receiveMaximum)
    }
    deepEqual([...seen].sort(), [1, 2, 3])
    const old = rig.client('old', 4).connect().of(CONNACK)[0]
    equal(old?.properties.receiveMaximum, undefined)
    rig.world.healed = true
    equal(rig.client('c').connect().of(CONNACK)[0]?.properties.receiveMaximum, undefined)
  })

  test('one message ends every connection that brings it, and no other does', () => {
    const rig = new ServerRig({ poison: { oneIn: 1, reasonCodes: [0x99] } })
    const message = { number: 1, topic: 't', policy: { qos: 1 }, kills: 0, takes: [] }
    rig.ledger.message = (number) =>
      number === 1 ? (message as unknown as SentMessage) : undefined
    rig.ledger.numberIn = (payload) => (payload.length === 1 ? 1 : 0)
    const publish = (payload: string): PacketClient => {
      const client = rig.client('c').connect()
      client.publish('t', payload, { qos: 1, packetId: 1 })
      return client
    }
    const other = publish('mm')
    equal(other.of(PUBACK).length, 1)
    for (let times = 1; times <= 2; times += 1) {
      const client = publish('m')
      equal(client.of(DISCONNECT)[0]?.reasonCode, 0x99)
      equal(message.kills, times)
    }
    deepEqual(message.takes, [])
    rig.world.healed = true
    equal(publish('m').end, undefined)
  })
})
