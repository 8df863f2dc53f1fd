// A slow application that holds on: what it publishes while reading is paused has its outcome, since reading
// goes on up to the hard limit, as in umqtt/simple.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { QoS } from '../../src/codec/packets.ts'
import { gate } from '../simple/conversation.ts'
import { KeptStore } from '../support/kept-store.ts'
import { connectedRig, type RobustRigOptions } from '../support/robust-rig.ts'
import { settle } from '../support/scripted-memory.ts'

/** A message of these tests weighs its topic, its payload and 200 bytes. */
const WEIGHT = 1201

describe('a handler that waits for the outcome of what it publishes', () => {
  const settings: readonly (readonly [string, QoS, RobustRigOptions])[] = [
    ['at QoS 1', 1, {}],
    ['at QoS 2', 2, {}],
    ['at QoS 1 with an outbox', 1, { outbox: new KeptStore() }],
    ['at QoS 2 with an outbox', 2, { outbox: new KeptStore() }],
  ]
  for (const [name, qos, options] of settings) {
    test(`has it ${name}, though reading has stopped before it published`, async () => {
      const limits = { inboxBytes: WEIGHT * 10, inboxHardBytes: WEIGHT * 40 }
      const { client, connection } = await connectedRig({ limits, ...options })
      connection.autoRespond()
      const start = gate()
      const statuses: string[] = []
      client.setCallback(async () => {
        await start.promise
        statuses.push((await client.publish('b', 'x', { qos }).settled).status)
      })
      for (let i = 0; i < 30; i += 1) connection.publish('a', new Uint8Array(1000))
      await settle()
      equal(client.statistics.inboxBytes, WEIGHT * 10)
      start.open()
      for (let rounds = 0; statuses.length < 30; rounds += 1) {
        ok(rounds < 100, `${statuses.length} of 30 have their outcome`)
        await settle()
      }
      deepEqual(new Set(statuses), new Set(['delivered']))
    })
  }

  test('has it behind as many messages at QoS 1 as the Receive Maximum, though they weigh more than the hard limit', async () => {
    const limits = { inboxBytes: WEIGHT * 10, inboxHardBytes: WEIGHT * 20, receiveMaximum: 50 }
    const { client, connection } = await connectedRig({ limits })
    connection.autoRespond()
    const start = gate()
    const statuses: string[] = []
    client.setCallback(async () => {
      await start.promise
      statuses.push((await client.publish('b', 'x', { qos: 1 }).settled).status)
    })
    for (let i = 0; i < 50; i += 1) connection.publish('a', new Uint8Array(1000), { qos: 1 })
    await settle()
    start.open()
    await settle()
    deepEqual(statuses, Array(50).fill('delivered'))
  })
})
