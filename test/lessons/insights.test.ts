// Rows of the lists that sum up, which no test of a layer shows by itself: what clients on the platform's own
// chance do together, and what becomes of all messages when the server forgets the session.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { MQTTClient } from '../../src/robust.node.ts'
import { ScriptedServer } from '../../src/testing/scripted-server.ts'
import { accepted, brief, connectedRig } from '../support/robust-rig.ts'
import { settle } from '../support/scripted-memory.ts'

test('lesson defect 2: devices that start in the same moment do not try again in the same', async () => {
  const listener = await ScriptedServer.start()
  const { url } = listener
  await listener.close()
  const clients = Array.from({ length: 20 }, (_, index) => new MQTTClient(`device-${index}`, url))
  const waits = clients.map(
    (client) =>
      new Promise<number>((resolve) => client.on('waiting', ({ delayMs }) => resolve(delayMs))),
  )
  for (const client of clients) client.connect().catch(() => undefined)
  const delays = await Promise.all(waits)
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
  // Between 1 and 13 s there is room for all: two of twenty rarely meet, three almost never.
  ok(new Set(delays).size >= 18, delays.join(' '))
})

test('lesson defect 4: a lost session costs neither what was in flight nor what was never sent', async () => {
  const connack = { receiveMaximum: 2 }
  const rig = await connectedRig({}, { connack })
  const receipts = ['1', '2', '3', '4'].map((text) => rig.client.publish('a', text))
  await settle()
  equal(brief(rig.connection.received).length, 3)
  rig.connection.destroy()
  const second = await accepted(rig, { connack })
  second.autoRespond()
  await settle()
  deepEqual(
    receipts.map(({ stage }) => stage),
    new Array(4).fill('delivered'),
  )
  equal(brief(second.received).filter((line) => line.startsWith('PUBLISH')).length, 4)
})
