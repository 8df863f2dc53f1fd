// portable
// What a subscription leaves behind when it is taken back: what was kept for nobody else is acknowledged
// and counted, what somebody may still ask for stays, and others do not pay for it.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { cpuTimeOf } from '../support/cpu-time.ts'
import { paced } from '../support/pace.ts'
import { accepted, brief, robustClient } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'
import { acknowledgements, type Connected, connected, count, reconnected } from './conversation.ts'

/** A client whose server answers by itself, with messages of a topic that nobody has asked for yet. */
const withKept = async (filter: string, topic: string): Promise<Connected & Held> => {
  const made = await connected()
  made.connection.autoRespond()
  const subscription = await made.client.subscribe(filter)
  for (const packetId of [1, 2, 3]) {
    made.connection.publish(topic, `${packetId}`, { qos: 1, packetId })
  }
  await settle()
  deepEqual(acknowledgements(made.connection), [])
  return { ...made, subscription }
}

interface Held {
  readonly subscription: Awaited<ReturnType<Connected['client']['subscribe']>>
}

describe('what was kept for a subscription', () => {
  test('is acknowledged when it is taken back, and what comes after it too', async () => {
    const { client, connection, subscription } = await withKept('bulk', 'bulk')
    for await (const message of subscription) {
      equal(message.text(), '1')
      break
    }
    await subscription.unsubscribe()
    connection.publish('bulk', 'late', { qos: 1, packetId: 4 })
    await settle()
    deepEqual(
      acknowledgements(connection).map(([, id]) => id),
      [1, 2, 3, 4],
    )
    deepEqual([client.statistics.unclaimedMessages, client.statistics.inboxBytes], [3, 0])
    equal(client.checkMsg(), undefined)
  })

  test('is acknowledged when the client takes the filter back', async () => {
    const { client, connection } = await withKept('bulk/#', 'bulk/1')
    await client.unsubscribe('bulk/#')
    await settle()
    equal(acknowledgements(connection).length, 3)
  })

  test('costs little to look through, however many topics it is of', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const topics = Array.from({ length: paced(1000, 50) }, (_, i) => `bulk/${i}`)
    const subscriptions = await Promise.all(topics.map((topic) => client.subscribe(topic)))
    // As many bytes as are kept in any case: small messages of many topics, one after the other.
    for (const topic of [...topics, ...topics, ...topics]) {
      connection.publish(topic, 'x')
      await settle()
    }
    const usedUs = cpuTimeOf(() => {
      for (const subscription of subscriptions) void subscription.unsubscribe()
    })
    await settle()
    equal(client.statistics.inboxBytes, 0)
    // Three million looks; each of them took a search for its topic, and twenty times as long.
    ok(usedUs < 1_500_000, `${usedUs} µs`)
  })

  test('stays for another subscription that has not been iterated yet', async () => {
    const { client, connection, subscription } = await withKept('bulk/#', 'bulk/1')
    const other = await client.subscribe('+/1')
    await subscription.unsubscribe()
    await settle()
    deepEqual(acknowledgements(connection), [])
    const { value } = await other[Symbol.asyncIterator]().next()
    equal((value as { text(): string }).text(), '1')
  })

  test('stays for a program that asks for messages of any topic', async () => {
    const { client, connection, subscription } = await withKept('bulk', 'bulk')
    equal(client.checkMsg()?.text(), '1')
    await subscription.unsubscribe()
    await settle()
    equal(acknowledgements(connection).length, 1)
    deepEqual([client.checkMsg()?.text(), client.checkMsg()?.text()], ['2', '3'])
  })

  test('stays for who subscribes again after the session is lost', async () => {
    const made = await withKept('bulk', 'bulk')
    made.connection.destroy()
    await settle()
    const { connection } = await reconnected(made)
    connection.autoRespond()
    const again = await made.client.subscribe('bulk')
    const { value } = await again[Symbol.asyncIterator]().next()
    equal((value as { text(): string }).text(), '1')
  })

  test('is kept again by who iterates when the callback is gone', async () => {
    const made = await connected()
    made.connection.autoRespond()
    made.client.setCallback(() => undefined)
    const subscription = await made.client.subscribe('a')
    made.client.setCallback(undefined)
    await subscription[Symbol.asyncIterator]().return?.()
    made.connection.publish('a', 'x')
    await settle()
    const { value } = await subscription[Symbol.asyncIterator]().next()
    equal((value as { text(): string }).text(), 'x')
  })

  test('does not hold a connection on demand when it is taken back', async () => {
    const rig = robustClient({ connection: 'on-demand' })
    const subscribing = rig.client.subscribe('answers', { qos: 1 })
    const connection = await accepted(rig)
    connection.autoRespond()
    connection.publish('answers', '1', { qos: 1, packetId: 1 })
    connection.publish('answers', '2', { qos: 1, packetId: 2 })
    const answers = await subscribing
    for await (const message of answers) {
      equal(message.text(), '1')
      break
    }
    await answers.unsubscribe()
    await elapse(rig.clock, 10_000)
    equal(brief(connection.received).at(-1), 'DISCONNECT')
    equal(rig.client.state, 'idle')
  })
})

describe('taking subscriptions back', () => {
  test('looks at what goes alone, and tells the server of each filter once', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const made = []
    for (let index = 0; index < 300; index += 1) {
      made.push(await client.subscribe(`device/${index}`, {}, () => undefined))
    }
    // How many elements of lists are looked at, all told.
    const { filter, some, includes } = Array.prototype
    let looks = 0
    const counting = (method: (...given: never[]) => unknown) =>
      function (this: unknown[], ...given: never[]): unknown {
        looks += this.length
        return method.apply(this, given)
      }
    const counted = { filter: counting(filter), some: counting(some), includes: counting(includes) }
    try {
      Object.assign(Array.prototype, counted)
      for (const one of made) await one.unsubscribe()
    } finally {
      Object.assign(Array.prototype, { filter, some, includes })
    }
    ok(looks < 300 * 50, `${looks} looks at the lists of 300 subscriptions`)
    equal(count(connection, PacketType.UNSUBSCRIBE), 300)
  })
})
