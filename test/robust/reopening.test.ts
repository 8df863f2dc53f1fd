// An outbox with more in it than one page: what waits is sent while the rest is read, in its order, and what
// is published meanwhile comes behind it. And what a store that may be cleared, or forgets, is said to be.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { StoreError } from '../../src/errors.ts'
import type { StoredRecord, StoreTraits } from '../../src/outbox/store.ts'
import { LOST, OUTBOUND } from '../../src/robust/keeper.ts'
import {
  type DeliveryPolicy,
  fleeting,
  guaranteed,
  latest,
  within,
} from '../../src/robust/policies.ts'
import type { Receipt } from '../../src/robust/types.ts'
import { failure, take } from '../simple/conversation.ts'
import { KeptStore } from '../support/kept-store.ts'
import { accepted, brief, connectedRig, robustClient, seeded } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

const COUNT = 2500
const PAGE = 1000

/** Gives its pages when it is let; `closed` says how often it was closed. */
class SlowStore extends KeptStore {
  pagesFree = Infinity
  closed = 0
  #waiting: (() => void)[] = []
  error: StoreError | undefined

  override async scan(from: number, limit: number): Promise<readonly StoredRecord[]> {
    if (limit === PAGE) {
      if (this.pagesFree === 0) await new Promise<void>((go) => this.#waiting.push(go))
      else this.pagesFree -= 1
      if (this.error !== undefined) throw this.error
    }
    return super.scan(from, limit)
  }

  /** One page more. */
  letOne(): void {
    this.#waiting.shift()?.()
  }

  letAll(): void {
    this.pagesFree = Infinity
    for (const go of this.#waiting.splice(0)) go()
  }

  override async close(): Promise<void> {
    this.closed += 1
  }
}

/** A store in which messages wait, two topics in turns. */
async function filled(): Promise<SlowStore> {
  const outbox = new SlowStore()
  // Another device's chance: its ids are its own.
  const { client } = robustClient({ outbox, random: seeded(2) })
  await client.disconnect()
  for (let i = 0; i < COUNT; i += 1) client.publish(i % 2 ? 'odd' : 'even', `${i}`)
  await settle()
  await client[Symbol.asyncDispose]()
  equal((await outbox.open()).count, COUNT)
  return outbox
}

describe('an outbox of more than one page', () => {
  test('is sent from while it is read, and what is published meanwhile keeps its place', async () => {
    const outbox = await filled()
    outbox.pagesFree = 1
    const rig = robustClient({ outbox })
    const connecting = rig.client.connect()
    const connection = await accepted(rig)
    await connecting
    connection.autoRespond()
    await settle()
    const sent = (): string[] =>
      connection.received.flatMap((packet) =>
        packet.type === PacketType.PUBLISH ? [String.fromCharCode(...packet.payload)] : [],
      )
    equal(sent().length, PAGE)
    let opened = false
    void rig.client.open().then(() => (opened = true))
    const late = rig.client.publish('even', 'late')
    await settle()
    deepEqual(
      [late.stage, opened, rig.client.idle, sent().length],
      ['accepted', false, false, PAGE],
    )
    outbox.letAll()
    await rig.client.drain()
    ok(opened)
    deepEqual(sent(), [...Array.from({ length: COUNT }, (_, i) => `${i}`), 'late'])
    await settle()
    equal((await outbox.open()).count, 0)
    deepEqual(rig.warnings, [])
  })

  test('sends nothing of a later page whose time was up before it was read', async () => {
    const outbox = new SlowStore()
    const first = robustClient({ outbox, random: seeded(2) })
    await first.client.disconnect()
    for (let i = 0; i < COUNT; i += 1) {
      const isOld = i % 2 === 1
      first.client.publish(isOld ? 'old' : 'good', `${i}`, {
        delivery: within(isOld ? '1m' : '1d', { durable: 'required' }),
      })
    }
    await settle()
    await first.client[Symbol.asyncDispose]()
    outbox.pagesFree = 1
    const rig = robustClient({ outbox })
    rig.wall.epochMs += 120_000
    void rig.client.connect()
    const connection = await accepted(rig)
    connection.autoRespond()
    // Nothing is under way whose answer would look at the clock.
    await settle()
    outbox.letAll()
    await rig.client.drain()
    const sent = brief(connection.received).filter((line) => line.startsWith('PUBLISH'))
    deepEqual([sent.length, sent.filter((line) => line.includes('old')).length], [COUNT / 2, 0])
  })

  test('knows what was in flight before it connects, wherever that is stored', async () => {
    const outbox = await filled()
    const first = await connectedRig({ outbox }, { connack: { receiveMaximum: COUNT + 10 } })
    first.client.publish('twice', 'x', { qos: 2 })
    const { packetId } = await take(first.connection, PacketType.PUBLISH).then(async () => {
      await settle()
      const found = first.connection.received.find(
        (packet) => packet.type === PacketType.PUBLISH && packet.qos === 2,
      )
      return found as { packetId: number }
    })
    await first.client[Symbol.asyncDispose]()
    outbox.pagesFree = 0
    const rig = robustClient({ outbox })
    void rig.client.connect()
    const connection = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(connection.received), ['CONNECT', `PUBLISH twice ${packetId} DUP`])
    connection.autoRespond()
    outbox.letAll()
    await rig.client.drain()
    equal(brief(connection.received).filter((line) => line.includes('twice')).length, 1)
    equal(connection.received.filter(({ type }) => type === PacketType.PUBLISH).length, COUNT + 1)
  })

  test('that cannot be read to its end says so, and takes nothing that would overtake the rest', async () => {
    const outbox = await filled()
    outbox.pagesFree = 1
    const rig = robustClient({ outbox })
    const opening = failure(rig.client.open(), StoreError)
    const receipt = rig.client.publish('even', 'late')
    await settle()
    outbox.error = new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Cannot read the disk')
    outbox.letAll()
    equal((await opening).message, 'Cannot read the disk')
    const { status, error } = await receipt.settled
    deepEqual([status, error?.message], ['refused', 'Cannot read the disk'])
    ok(rig.warnings.some(({ message }) => message === 'Cannot read the disk'))
    await rig.client[Symbol.asyncDispose]()
    ok(outbox.closed > 1)
    outbox.error = undefined
    equal((await outbox.open()).count, COUNT)
  })

  test('that cannot be read to its end holds back nothing that is fleeting', async () => {
    const outbox = await filled()
    outbox.pagesFree = 0
    outbox.error = new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Cannot read the disk')
    const { client, connection } = await connectedRig({ outbox })
    connection.autoRespond()
    const early = client.publish('odd', 'early', { delivery: fleeting() })
    const firm = client.publish('odd', 'firm')
    const newest = client.publish('odd', 'newest', { delivery: latest() })
    await settle()
    deepEqual(brief(connection.received), ['CONNECT'])
    outbox.letAll()
    await settle()
    const late = client.publish('odd', 'late', { delivery: fleeting() })
    await settle()
    // Nothing of what could not be read goes out from here, so nothing is overtaken. The others would come before it
    // when the next process can read it.
    deepEqual(brief(connection.received).slice(1), ['PUBLISH odd', 'PUBLISH odd'])
    deepEqual(
      [early, late, firm, newest].map(({ stage }) => stage),
      ['sent', 'sent', 'refused', 'refused'],
    )
    connection.destroy()
    const away = client.publish('odd', 'away', { delivery: fleeting() })
    await settle()
    equal(away.stage, 'dropped')
  })

  test('keeps what had its outcome at once until it can be asked for', async () => {
    const outbox = await filled()
    const rig = { outbox, clientId: 'before' }
    const first = await connectedRig(rig, { connack: { receiveMaximum: COUNT + 10 } })
    const delivery = guaranteed({ qos: 2, onSessionLoss: 'report' })
    const { id } = first.client.publish('t', 'x', { delivery })
    await settle()
    ok(
      first.connection.received.some(
        (packet) => packet.type === PacketType.PUBLISH && packet.qos === 2,
      ),
    )
    await first.client[Symbol.asyncDispose]()
    const kept = async (): Promise<boolean> =>
      (await outbox.scan(0, COUNT + 1)).some(([seq]) => seq === COUNT + 1)
    outbox.pagesFree = 1
    // Its session is that of another name: it is lost.
    const { client } = robustClient({ outbox, clientId: 'after' })
    const asked = client.receipt(id)
    await settle()
    // A process that ends now leaves it to the next one.
    ok(await kept())
    outbox.letAll()
    equal((await (await asked)?.settled)?.status, 'maybe-delivered')
    await settle()
    equal(await kept(), false)
  })

  test('keeps what is lost with its session meanwhile, and that it is', async () => {
    const outbox = await filled()
    const first = await connectedRig({ outbox }, { connack: { receiveMaximum: COUNT + 10 } })
    const delivery = guaranteed({ qos: 2, onSessionLoss: 'report' })
    const { id } = first.client.publish('t', 'x', { delivery })
    await settle()
    await first.client[Symbol.asyncDispose]()
    outbox.pagesFree = 1
    const rig = robustClient({ outbox })
    void rig.client.connect()
    await accepted(rig, { connack: { receiveMaximum: 1 } })
    const asked = rig.client.receipt(id)
    const kept = async (): Promise<boolean> =>
      (await outbox.scan(0, COUNT + 1)).some(([seq]) => seq === COUNT + 1)
    ok(await kept())
    // Above all packet ids: a process that begins now does not send it in the session that there is.
    ok((await outbox.state()).has(`${OUTBOUND}${LOST + COUNT + 1}`))
    outbox.letAll()
    equal((await (await asked)?.settled)?.status, 'maybe-delivered')
    await settle()
    equal(await kept(), false)
  })

  test('keeps what was not read when the client ends meanwhile', async () => {
    const outbox = await filled()
    outbox.pagesFree = 1
    const { client } = robustClient({ outbox })
    void client.open()
    const late = client.publish('even', 'late', { delivery: guaranteed() })
    await settle()
    const ending = client[Symbol.asyncDispose]()
    outbox.letAll()
    await ending
    equal(late.stage, 'stored')
    const again = robustClient({ outbox })
    await again.client.open()
    equal(again.client.outbox.count, COUNT + 1)
  })
})

/** A store in memory that says something else of itself. */
class NamedStore extends KeptStore {
  override readonly traits: StoreTraits

  constructor(traits: Partial<StoreTraits>) {
    super()
    this.traits = { power: true, process: true, engine: 'named', formatVersion: 1, ...traits }
  }
}

describe('what a store promises', () => {
  for (const [word, traits] of [
    ['disk', {}],
    ['memory', { power: false }],
    ['memory', { power: false, process: false }],
  ] as const) {
    test(`is "${word}" for the traits ${JSON.stringify(traits)}`, async () => {
      const { client } = robustClient({ outbox: new NamedStore(traits) })
      const receipt = client.publish('a', 'x')
      equal(await receipt.stored, word)
      equal(receipt.stage, 'stored')
      const late = client.publish('b', 'x')
      await settle()
      equal(await late.stored, word)
    })
  }

  test('may be cleared by the platform: said once, when the first message is stored', async () => {
    const rig = robustClient({ outbox: new NamedStore({ evictable: true }) })
    await rig.client.open()
    equal(rig.warnings.length, 0)
    const receipts = ['a', 'b'].map((topic) => rig.client.publish(topic, 'x'))
    equal(await receipts[0]?.stored, 'disk')
    rig.client.publish('c', 'x')
    await settle()
    deepEqual(
      rig.warnings.map(({ code }) => code),
      ['outbox-evictable'],
    )
    match(rig.warnings[0]?.message ?? '', /may clear the outbox: it has granted no persistent/)
  })
})

describe('what is published before the outbox is read', () => {
  test('is given up by cancel, and not sent later', async () => {
    const outbox = await filled()
    outbox.pagesFree = 0
    const rig = robustClient({ outbox })
    const receipt = rig.client.publish('a', 'x', { delivery: guaranteed() })
    equal(rig.client.outbox.count, 1)
    equal(receipt.cancel(), true)
    equal((await receipt.settled).status, 'cancelled')
    equal(rig.client.outbox.count, 0)
    outbox.letAll()
    const connection = await accepted(rig)
    connection.autoRespond()
    await settle()
    equal(brief(connection.received).includes('PUBLISH a'), false)
    equal(receipt.stage, 'cancelled')
  })

  test('comes behind what is read, also when it needs no outbox and no answer', async () => {
    const outbox = await filled()
    outbox.pagesFree = 0
    const { client, connection } = await connectedRig({ outbox })
    connection.autoRespond()
    client.publish('odd', 'early', { delivery: fleeting() })
    await settle()
    equal(brief(connection.received).filter((packet) => packet.startsWith('PUBLISH')).length, 0)
    outbox.letAll()
    await settle()
    const topics = brief(connection.received).filter((packet) => packet.startsWith('PUBLISH odd'))
    equal(topics.length, COUNT / 2 + 1)
    const last = connection.received.filter((packet) => packet.type === PacketType.PUBLISH).at(-1)
    equal(last?.qos, 0)
  })

  test('has its outcome at its deadline', async () => {
    const outbox = await filled()
    outbox.pagesFree = 0
    const rig = robustClient({ outbox })
    const receipt = rig.client.publish('a', 'x', { delivery: within(5000) })
    await elapse(rig.clock, 5000)
    equal(receipt.stage, 'expired')
    equal((await receipt.settled).attempts, 0)
    outbox.letAll()
    await settle()
    equal(rig.client.outbox.count, COUNT)
  })

  test('keeps to the limits, and replaces what is older', async () => {
    const outbox = await filled()
    outbox.pagesFree = 0
    const rig = robustClient({ outbox, limits: { outboxMessages: 3 } })
    const stages = (receipts: readonly Receipt[]): string[] => receipts.map(({ stage }) => stage)
    const publish = (topic: string, delivery: DeliveryPolicy): Receipt =>
      rig.client.publish(topic, 'x', { delivery })
    const some = [
      publish('a', guaranteed()),
      publish('b', latest()),
      publish('b', latest()),
      publish('c', guaranteed()),
      publish('d', guaranteed()),
    ]
    await settle()
    deepEqual(stages(some), ['accepted', 'superseded', 'accepted', 'accepted', 'refused'])
    equal((await some[4]?.settled)?.error?.name, 'QueueFullError')
    publish('b', latest())
    await settle()
    deepEqual(stages(some).slice(0, 3), ['accepted', 'superseded', 'superseded'])
  })

  test('has its place beside what is read, or none: the latest goes first', async () => {
    const outbox = await filled()
    outbox.pagesFree = 0
    const rig = robustClient({ outbox, limits: { outboxMessages: PAGE + 3 } })
    const publish = (priority: 1 | 2 | 3): Receipt =>
      rig.client.publish('x', 'x', { delivery: { ...guaranteed(), priority } })
    const some = [publish(2), publish(2), publish(3), publish(2), publish(2), publish(2)]
    await settle()
    const stages = (): string[] => some.map(({ stage }) => stage)
    deepEqual(
      stages(),
      some.map(() => 'accepted'),
    )
    outbox.letOne()
    await settle()
    equal(rig.client.outbox.count, PAGE + 3)
    deepEqual(stages(), ['accepted', 'accepted', 'accepted', 'refused', 'refused', 'refused'])
    equal((await some[5]?.settled)?.error?.name, 'QueueFullError')
  })
})
