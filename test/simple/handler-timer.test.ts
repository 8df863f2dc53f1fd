// portable
// The clock that watches over slow handlers runs only while a handler does: a program that has
// disconnected must be able to end.

import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { settle, testClient } from '../support/scripted-memory.ts'

test('client keeps no timer when its handlers are done and it has disconnected', async () => {
  const { client, server, clock } = testClient()
  const connecting = client.connect()
  const connection = await server.connection()
  connection.autoRespond()
  await connecting
  let finish: () => void = () => undefined
  await client.subscribe('a', {}, () => new Promise<void>((resolve) => (finish = resolve)))
  connection.publish('a', 'first')
  await settle()
  await client.disconnect()
  await settle()
  equal(clock.pending, 1, 'A handler that runs is watched, also after the end')
  finish()
  await settle()
  equal(clock.pending, 0)
})
