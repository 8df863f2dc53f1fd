// What an application sees and does of its outbox: the list, cancelling by id, the export of whole messages,
// what is set aside; before and after a restart, and while messages settle meanwhile.

import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import { OUTCOMES_KEPT } from '../../src/robust/constants.ts'
import type { ExportedMessage } from '../../src/robust/outbox-view.ts'
import { guaranteed, latest, within } from '../../src/robust/policies.ts'
import { checkLinearWork } from '../support/cpu-time.ts'
import { HeldStore, KeptStore } from '../support/kept-store.ts'
import { brief, connectedRig, robustClient, type RobustRig } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of source) found.push(one)
  return found
}

const topics = (found: readonly { readonly topic: string }[]): string =>
  found.map(({ topic }) => topic).join('')

/** A server that ends each connection on which a message comes. */
async function poisonedBy({ server }: RobustRig): Promise<void> {
  for (;;) {
    const connection = await server.connection()
    await connection.accept()
    for (;;) {
      const packet = await connection.next().catch(() => undefined)
      if (packet === undefined) break
      if (packet.type !== PacketType.PUBLISH) {
        connection.acknowledge(packet)
        continue
      }
      connection.send({ type: PacketType.DISCONNECT, reasonCode: 0x95, properties: {} })
      connection.close()
    }
  }
}

describe('the entries of an outbox', () => {
  test('are all that has no outcome: in flight, then what waits, in the order of sending', async () => {
    const rig = await connectedRig({}, { connack: { receiveMaximum: 2 } })
    const { client, connection } = rig
    for (const topic of ['a', 'b', 'c']) client.publish(topic, 'x', { qos: topic === 'b' ? 2 : 1 })
    client.publish('d', 'x', { delivery: within('15s') })
    await settle()
    const found = await all(client.outbox.entries())
    deepEqual(
      found.map(({ topic, stage }) => `${topic} ${stage}`),
      ['a sent', 'b sent', 'd accepted', 'c accepted'],
    )
    equal(found.length, client.outbox.count)
    deepEqual([found[2]?.expiresInMs, found[3]?.expiresInMs], [15_000, Infinity])
    connection.destroy()
    await settle()
    equal(topics(await all(client.outbox.entries())), 'abdc')
  })

  test('leave out what settles while they are gone through', async () => {
    const { client } = robustClient()
    const receipts = ['a', 'b', 'c', 'd'].map((topic) => client.publish(topic, 'x'))
    const seen: string[] = []
    for await (const { topic } of client.outbox.entries()) {
      seen.push(topic)
      if (topic === 'a') receipts[1]?.cancel()
      if (topic === 'c') client.publish('e', 'x')
    }
    deepEqual(seen, ['a', 'c', 'd'])
  })
})

describe('cancel of an outbox', () => {
  test('by the id of what waits is certain, and of what is in flight is not', async () => {
    const { client, connection } = await connectedRig({}, { connack: { receiveMaximum: 1 } })
    const [flying, waiting] = ['a', 'b'].map((topic) => client.publish(topic, 'x'))
    await settle()
    equal(await client.outbox.cancel(waiting?.id ?? ''), true)
    equal(await client.outbox.cancel(flying?.id ?? ''), false)
    deepEqual([waiting?.stage, flying?.stage], ['cancelled', 'maybe-delivered'])
    equal(await client.outbox.cancel(waiting?.id ?? ''), false)
    equal(await client.outbox.cancel('nobody'), false)
    deepEqual(brief(connection.received), ['CONNECT', 'PUBLISH a 1'])
    await rejects(client.outbox.cancel(5 as never), /Cannot use id "5"/)
  })

  test('works after a restart, and the message does not come back', async () => {
    const outbox = new KeptStore()
    const first = robustClient({ outbox })
    const { id } = first.client.publish('a', 'x', { delivery: guaranteed({ qos: 2 }) })
    first.client.publish('b', 'x', { delivery: guaranteed() })
    await settle()
    await first.client[Symbol.asyncDispose]()
    const second = robustClient({ outbox })
    equal(await second.client.outbox.cancel(id), true)
    equal(second.client.outbox.count, 1)
    await second.client[Symbol.asyncDispose]()
    const third = robustClient({ outbox })
    equal(topics(await all(third.client.outbox.entries())), 'b')
  })
})

describe('to cancel all that an outbox has', () => {
  // As the example of `export` does, and in any other order where the store knows the message.
  for (const [what, options, order] of [
    ['as it is exported', {}, 1],
    ['the last one first', {}, -1],
    ['the last one first, of what is durable', { outbox: new KeptStore() }, -1],
  ] as const) {
    test(`costs as much for each, however many there are: ${what}`, async () => {
      await checkLinearWork(async (count) => {
        const { client } = robustClient(options)
        const ids = Array.from({ length: count }, () => client.publish('a', 'x').id)
        for (let i = 0; i < count; i += 1) {
          equal(await client.outbox.cancel(ids.at(order === 1 ? i : -1 - i) ?? ''), true)
          // Nor does one that is not there.
          equal(await client.outbox.cancel(`none-${i}`), false)
        }
        equal(client.outbox.count, 0)
        await client[Symbol.asyncDispose]()
      }, 10_000)
    })
  }
})

describe('a message that no outbox keeps', () => {
  test('is found by its id as long as it is open', async () => {
    const { client, connection } = await connectedRig()
    const first = client.publish('a', 'x')
    equal((await client.receipt(first.id))?.stage, 'sent')
    const second = client.publish('b', 'x')
    equal((await client.receipt(second.id))?.topic, 'b')
    for (let i = 0; i < 2; i += 1) connection.acknowledge(await connection.next())
    await client.drain()
    equal(await client.receipt(first.id), undefined)
    equal(await client.receipt(second.id), undefined)
    equal(await client.outbox.cancel(second.id), false)
  })
})

describe('to look at many messages', () => {
  for (const what of ['entries', 'export'] as const) {
    test(`stops nothing else for long: ${what}`, async () => {
      const { client, clock } = robustClient({})
      const receipts = Array.from({ length: 2500 }, () => client.publish('a', 'x'))
      let seen = 0
      const looking = (async () => {
        for await (const { topic } of client.outbox[what]()) seen += topic.length
      })()
      const stops = async (at: number): Promise<void> => {
        for (let i = 0; i < 500; i += 1) await settle()
        equal(seen, at)
      }
      await stops(1000)
      // What is published meanwhile is left out, and what has its outcome.
      client.publish('b', 'x')
      receipts[2000]?.cancel()
      clock.advance(1)
      await stops(2000)
      clock.advance(1)
      await looking
      equal(seen, 2499)
      await client[Symbol.asyncDispose]()
    })
  }
})

describe('the export of an outbox', () => {
  const publishAll = ({ client }: RobustRig): void => {
    const properties = {
      contentType: 'text',
      correlationData: Uint8Array.of(1),
      userProperties: [['k', 'v']] as const,
    }
    const bytes = Uint8Array.of(0, 1, 2)
    client.publish('bytes', bytes, { retain: true, properties, delivery: guaranteed() })
    bytes.fill(9)
    client.publish('text', 'grüße', { qos: 2, delivery: within('15s') })
    client.publish('memory', 'm', { delivery: latest() })
  }
  const brieflyOf = ({
    topic,
    payload,
    qos,
    retain,
    properties,
    expiresInMs,
  }: ExportedMessage): unknown => [topic, [...payload], qos, retain, properties, expiresInMs]
  const PROPERTIES = {
    contentType: 'text',
    correlationData: Uint8Array.of(1),
    userProperties: [['k', 'v']],
  }
  const BYTES = ['bytes', [0, 1, 2], 1, true, PROPERTIES, Infinity]
  const TEXT = (left: number): unknown => ['text', [...encodeUtf8('grüße')], 2, false, {}, left]

  test('has whole messages, before an end and after a restart, that may be published again', async () => {
    const outbox = new KeptStore()
    const rig = robustClient({ outbox })
    publishAll(rig)
    await settle()
    const before = await all(rig.client.outbox.export())
    deepEqual(before.map(brieflyOf), [
      BYTES,
      TEXT(15_000),
      ['memory', [109], 1, false, {}, Infinity],
    ])
    await rig.client.disconnect()
    await rig.client[Symbol.asyncDispose]()
    const again = robustClient({ outbox })
    again.wall.epochMs += 5_000
    const after = await all(again.client.outbox.export())
    deepEqual(after.map(brieflyOf), [BYTES, TEXT(10_000)])
    deepEqual(
      after.map(({ id, stage }) => [id, stage]),
      before.slice(0, 2).map(({ id }) => [id, 'stored']),
    )
    deepEqual(after[0]?.policy, { ...guaranteed() })
    const elsewhere = robustClient({ outbox: new KeptStore() })
    for (const { topic, payload, retain, properties, policy } of after) {
      elsewhere.client.publish(topic, payload, { retain, properties, delivery: policy })
    }
    deepEqual((await all(elsewhere.client.outbox.export())).map(brieflyOf), [BYTES, TEXT(15_000)])
  })

  test('is nothing that the outbox needs: its payloads may be changed', async () => {
    const { client } = robustClient()
    client.publish('a', Uint8Array.of(1))
    for await (const { payload } of client.outbox.export()) payload.fill(7)
    deepEqual(
      (await all(client.outbox.export())).map(({ payload }) => [...payload]),
      [[1]],
    )
  })

  test('has what is set aside, with its payload, also after a restart', async () => {
    const outbox = new KeptStore()
    const rig = robustClient({ outbox })
    const { id } = rig.client.publish('bad', 'poison', { delivery: guaranteed() })
    void poisonedBy(rig)
    await elapse(rig.clock, 900_000)
    const check = async ({ client }: RobustRig): Promise<void> => {
      const [found, ...more] = await all(client.outbox.export())
      deepEqual([found?.id, found?.topic, found?.stage, more.length], [id, 'bad', 'poisoned', 0])
      deepEqual(found?.payload, encodeUtf8('poison'))
      equal(client.outbox.count, 0)
    }
    await check(rig)
    await rig.client[Symbol.asyncDispose]()
    const again = robustClient({ outbox })
    await check(again)
    const receipt = await again.client.outbox.resubmit(id)
    equal(receipt.stage, 'accepted')
    equal(topics(await all(again.client.outbox.export())), 'bad')
  })
})

describe('a message that is set aside', () => {
  /** A client whose outbox has one, and its id. */
  async function setAside(
    outbox: KeptStore,
  ): Promise<{ readonly rig: RobustRig; readonly id: string }> {
    const rig = robustClient({ outbox })
    const { id } = rig.client.publish('bad', 'poison', { delivery: guaranteed() })
    void poisonedBy(rig)
    await elapse(rig.clock, 900_000)
    equal((await rig.client.receipt(id))?.stage, 'poisoned')
    return { rig, id }
  }

  test('is resubmitted once, also by two at once', async () => {
    const { rig, id } = await setAside(new KeptStore())
    const { outbox } = rig.client
    const [first, second] = await Promise.allSettled([outbox.resubmit(id), outbox.resubmit(id)])
    deepEqual([first.status, second.status], ['fulfilled', 'rejected'])
    equal(outbox.count, 1)
    await rejects(
      outbox.resubmit(id),
      /RangeError: Cannot resubmit ".+": no message of that id is set aside/,
    )
  })

  test('leaves the outbox after it was resubmitted, however many had their outcome meanwhile', async () => {
    const outbox = new KeptStore()
    const { rig, id } = await setAside(outbox)
    await rig.client.outbox.resubmit(id)
    await elapse(rig.clock, 900_000)
    // It was set aside once more: two messages have the id, one after the other.
    const receipt = await rig.client.outbox.resubmit(id)
    // More than are known by their ids.
    for (let i = 0; i <= OUTCOMES_KEPT; i += 1) {
      rig.client.publish('t', 'x', { delivery: guaranteed() }).cancel()
    }
    equal((await rig.client.receipt(id))?.stage, receipt.stage)
    receipt.cancel()
    await rig.client[Symbol.asyncDispose]()
    const again = robustClient({ outbox })
    await again.client.open()
    equal(again.client.outbox.count, 0)
  })

  test('stays aside when the disk is full, or too much waits, and can be resubmitted later', async () => {
    const store = new HeldStore()
    const { rig, id } = await setAside(store)
    await rig.client[Symbol.asyncDispose]()
    const full = robustClient({ outbox: store })
    await full.client.open()
    store.isBroken = true
    const refused = await (await full.client.outbox.resubmit(id)).settled
    equal(refused.status, 'refused')
    store.isBroken = false
    deepEqual(topics(await all(full.client.outbox.export())), 'bad')
    await full.client[Symbol.asyncDispose]()

    const small = robustClient({ outbox: store, limits: { outboxMessages: 1 } })
    const { client } = small
    client.publish('a', 'x', { delivery: guaranteed() })
    const dropped = await (await client.outbox.resubmit(id)).settled
    equal(dropped.status, 'refused')
    deepEqual(
      (await all(client.outbox.quarantined())).map((one) => one.id),
      [id],
    )
    await client[Symbol.asyncDispose]()

    const last = await connectedRig({ outbox: store })
    last.connection.autoRespond()
    const receipt = await last.client.outbox.resubmit(id)
    equal((await receipt.settled).status, 'delivered')
    deepEqual(await all(last.client.outbox.export()), [])
    await last.client[Symbol.asyncDispose]()
    const over = robustClient({ outbox: store })
    await rejects(over.client.outbox.resubmit(id), RangeError)
    equal(over.client.outbox.count, 0)
  })
})
