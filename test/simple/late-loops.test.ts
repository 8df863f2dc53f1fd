// portable
// Loops that begin when the connection, or the subscription, is gone already: they end as those do that
// were open, after what is kept, and none waits for what cannot come.

import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ClosedError } from '../../src/errors.ts'
import { MessageStream } from '../../src/simple/message-stream.ts'
import type { Message } from '../../src/simple/types.ts'
import { connectedRig } from '../support/robust-rig.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import { type Connected, connected, reconnected, watch } from './conversation.ts'

/** What a loop gets, until it is over. */
const readAll = async (messages: AsyncIterable<Message>): Promise<string[]> => {
  const texts: string[] = []
  for await (const message of messages) texts.push(message.text())
  return texts
}

/** A client with a subscription that has a message which nobody has asked for yet. */
const withMessage = async (): Promise<
  Connected & { readonly subscription: AsyncIterable<Message> & { unsubscribe(): Promise<void> } }
> => {
  const made = await connected()
  made.connection.autoRespond()
  const subscription = await made.client.subscribe('a')
  made.connection.publish('a', 'kept')
  await settle()
  return { ...made, subscription }
}

describe('a loop that begins', () => {
  for (const kind of ['messages()', 'a subscription'] as const) {
    test(`over ${kind} after the loss gets what is kept, and throws what waitMsg does`, async () => {
      const { client, connection, subscription } = await withMessage()
      connection.destroy()
      await settle()
      const messages = kind === 'messages()' ? client.messages() : subscription
      const seen: string[] = []
      const loop = watch(
        (async () => {
          for await (const message of messages) seen.push(message.text())
        })(),
      )
      await settle()
      deepEqual([seen, loop.status], [['kept'], 'rejected'])
      const waiting = watch(client.waitMsg())
      await settle()
      equal(loop.error instanceof ClosedError, true)
      equal(loop.error?.message, waiting.error?.message)
      match(loop.error?.message ?? '', /not connected/)
    })

    test(`over ${kind} after disconnect gets what is kept, and ends`, async () => {
      const { client, subscription } = await withMessage()
      await client.disconnect()
      const loop = watch(readAll(kind === 'messages()' ? client.messages() : subscription))
      await settle()
      deepEqual(loop.value, ['kept'])
    })

    test(`over ${kind} when a client that holds on was told to end, ends`, async () => {
      const { client, connection } = await connectedRig()
      connection.autoRespond()
      const subscription = await client.subscribe('a')
      const ending = client[Symbol.asyncDispose]()
      const meanwhile = watch(readAll(kind === 'messages()' ? client.messages() : subscription))
      connection.close()
      await ending
      const after = watch(readAll(kind === 'messages()' ? client.messages() : subscription))
      await settle()
      deepEqual([meanwhile.value, after.value], [[], []])
    })
  }

  test('while the client disconnects ends with it, whatever became of an earlier connection', async () => {
    const made = await connected()
    made.connection.destroy()
    await settle()
    await reconnected(made)
    const leaving = made.client.disconnect()
    const loop = watch(readAll(made.client.messages()))
    await leaving
    await settle()
    deepEqual(loop.value, [])
  })

  test('over a subscription that was taken back ends at once', async () => {
    const { connection, subscription } = await withMessage()
    await subscription.unsubscribe()
    const loop = watch(readAll(subscription))
    connection.publish('a', 'late')
    await settle()
    deepEqual(loop.value, [])
  })

  test('before the first connect, or just before the next one, waits for it', async () => {
    const made = testClient()
    const first = made.client.messages().next()
    await settle()
    const { connection } = await reconnected(made)
    connection.publish('a', '1')
    equal(((await first).value as Message).text(), '1')
    connection.destroy()
    await settle()
    const second = made.client.messages().next()
    const next = await reconnected(made)
    next.connection.publish('a', '2')
    equal(((await second).value as Message).text(), '2')
  })

  test('over a subscription again and again leaves nothing behind in it', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const subscription = await client.subscribe('a')
    for (let round = 0; round < 50; round += 1) {
      await subscription[Symbol.asyncIterator]().return?.()
    }
    const open = subscription[Symbol.asyncIterator]().next()
    // Those that it still has are those that it ends.
    const { end } = MessageStream.prototype
    let ended = 0
    MessageStream.prototype.end = function (error) {
      ended += 1
      end.call(this, error)
    }
    try {
      await subscription.unsubscribe()
    } finally {
      MessageStream.prototype.end = end
    }
    deepEqual([ended, (await open).done], [1, true])
  })
})
