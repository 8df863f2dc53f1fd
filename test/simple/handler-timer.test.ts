// portable
// The clock that watches over slow handlers and loops runs only while one of them has a message: a program
// that has disconnected must be able to end.

import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { TimeoutError } from '../../src/errors.ts'
import type { Message } from '../../src/simple/types.ts'
import { connected, count, pass } from './conversation.ts'
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

describe('the body of a loop that does not end', () => {
  for (const kind of ['messages()', 'a subscription'] as const) {
    test(`is told of over ${kind}, once, while it holds the acknowledgement`, async () => {
      const { client, connection, clock } = await connected({
        timeouts: { handlerTimeoutMs: 5_000 },
      })
      connection.autoRespond()
      const subscription = await client.subscribe('a', { qos: 1 })
      const told: { readonly error: unknown; readonly message: Message }[] = []
      client.on('handler-error', (detail) => told.push(detail))
      const messages = kind === 'messages()' ? client.messages() : subscription
      const iterator = messages[Symbol.asyncIterator]()
      const first = iterator.next()
      connection.publish('a', 'first', { qos: 1 })
      await first
      await pass(clock, 4_999)
      equal(told.length, 0)
      await pass(clock, 20_000)
      equal(told.length, 1)
      const [{ error, message } = {}] = told
      equal(error instanceof TimeoutError, true)
      match(String(error), /Not done with "a" after 5000 ms: a handler or the body of a loop/)
      equal(message?.text(), 'first')
      equal(count(connection, PacketType.PUBACK), 0)
      // It ends after all, and the next one is watched anew.
      connection.publish('a', 'second', { qos: 1 })
      await iterator.next()
      await settle()
      equal(count(connection, PacketType.PUBACK), 1)
      await pass(clock, 5_000)
      equal(told.length, 2)
      await iterator.return?.()
      await client.disconnect()
      equal(clock.pending, 0)
    })
  }

  test('keeps no timer when it was left without a word, and the client has disconnected', async () => {
    const { client, connection, clock } = await connected()
    const first = client.messages().next()
    connection.publish('a', 'first')
    await first
    await client.disconnect()
    await settle()
    equal(clock.pending, 0)
  })

  test('is no concern as long as it asks for the next one in time', async () => {
    const { client, connection, clock, warnings } = await connected()
    const messages = client.messages()
    for (let index = 0; index < 5; index += 1) {
      const next = messages.next()
      await pass(clock, 35_000)
      connection.autoRespond()
      connection.publish('a', 'x')
      await next
      await pass(clock, 25_000)
    }
    deepEqual(warnings, [])
  })
})
