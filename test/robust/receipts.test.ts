// Receipts, from the call of publish to the outcome: stages, promises that are made when asked for, and
// what the policies mean on the wire.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Packet, PacketType, type Properties } from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import { RejectedError } from '../../src/errors.ts'
import { OUTCOMES_KEPT } from '../../src/robust/constants.ts'
import { fleeting, guaranteed, latest, within } from '../../src/robust/policies.ts'
import { MessageReceipt } from '../../src/robust/receipt.ts'
import type { Receipt, Stage } from '../../src/robust/types.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { failure, take } from '../simple/conversation.ts'
import { makeEntry } from '../support/courier-rig.ts'
import { KeptStore } from '../support/kept-store.ts'
import {
  accepted,
  brief,
  connectedRig,
  dialled,
  robustClient,
  type RobustRig,
} from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

/** The stages of a receipt, as they come. */
function follow(receipt: Receipt): Stage[] {
  const stages: Stage[] = []
  void (async () => {
    for await (const stage of receipt.stages()) stages.push(stage)
    stages.push('end' as Stage)
  })()
  return stages
}

const ack = (type: number, packet: { readonly packetId: number }, reasonCode: number): Packet =>
  ({ type, packetId: packet.packetId, reasonCode, properties: {} }) as Packet

/** The Message Expiry Interval of each PUBLISH. */
const expiries = ({ received }: ScriptedConnection): (number | undefined)[] =>
  received.flatMap((packet) =>
    packet.type === PacketType.PUBLISH ? [packet.properties?.messageExpiryInterval] : [],
  )

describe('the stages of a receipt', () => {
  for (const [qos, expected] of [
    [0, ['accepted', 'sent', 'end']],
    [1, ['accepted', 'sent', 'delivered', 'end']],
    [2, ['accepted', 'sent', 'received', 'delivered', 'end']],
  ] as const) {
    test(`at QoS ${qos} are all told, to the outcome`, async () => {
      const rig = robustClient()
      const receipt = rig.client.publish('a', 'x', { qos })
      const stages = follow(receipt)
      equal(receipt.stage, 'accepted')
      const connection = await accepted(rig)
      await settle()
      connection.autoRespond()
      await settle()
      deepEqual(stages, expected)
      const late = follow(receipt)
      await settle()
      deepEqual(late, expected.slice(-2))
    })
  }

  test('may be left early, and asked for twice', async () => {
    const rig = await connectedRig()
    const receipt = rig.client.publish('a', 'x')
    for await (const stage of receipt.stages()) {
      equal(stage, 'accepted')
      break
    }
    const iterator = receipt.stages()[Symbol.asyncIterator]()
    // On a connection too, where it is sent in the call.
    equal((await iterator.next()).value, 'accepted')
    equal((await iterator.next()).value, 'sent')
    const pending = iterator.next()
    equal((await iterator.return?.())?.done, true)
    equal((await pending).done, true)
    equal((await iterator.next()).done, true)
    rig.connection.autoRespond()
    equal((await receipt.settled).status, 'delivered')
  })
})

describe('the promises of a receipt', () => {
  test('are made when asked for, the same each time', async () => {
    const rig = await connectedRig()
    rig.connection.autoRespond()
    const receipt = rig.client.publish('a', 'x')
    equal(receipt.settled, receipt.settled)
    equal(receipt.stored, receipt.stored)
    equal(await receipt.stored, 'memory')
    await receipt.settled
    const late = rig.client.publish('a', 'x')
    await settle()
    equal(await late.stored, 'settled')
    deepEqual(await late.settled, {
      status: 'delivered',
      attempts: 1,
      latencyMs: 0,
      possiblyDuplicated: false,
      reasonCode: 0,
    })
  })

  test('is no promise itself', () => {
    const { client } = robustClient()
    equal('then' in client.publish('a', 'x'), false)
  })

  test('tell how long it took, how often it was tried, and that nobody listens', async () => {
    const rig = robustClient()
    rig.server.refuse = new Error('away')
    const receipt = rig.client.publish('a', 'x')
    await elapse(rig.clock, 20_000)
    rig.server.refuse = undefined
    const first = await accepted(rig)
    await take(first, PacketType.PUBLISH)
    first.destroy()
    const second = await accepted(rig, { sessionPresent: true })
    second.send(ack(PacketType.PUBACK, await take(second, PacketType.PUBLISH), 0x10))
    const outcome = await receipt.settled
    deepEqual(outcome, {
      status: 'delivered',
      attempts: 2,
      latencyMs: rig.clock.now() - 1_000,
      possiblyDuplicated: false,
      subscribers: 'none',
      reasonCode: 0x10,
    })
    ok(outcome.latencyMs > 20_000)
  })

  test('wait ends with its signal, and leaves the message alone', async () => {
    const rig = robustClient()
    const receipt = rig.client.publish('a', 'x')
    const controller = new AbortController()
    const waiting = failure(receipt.wait({ signal: controller.signal }), Error)
    controller.abort(new Error('enough'))
    match(String(await waiting), /enough/)
    match(String(await failure(receipt.wait({ signal: controller.signal }), Error)), /enough/)
    const patient = receipt.wait({ signal: new AbortController().signal })
    const connection = await accepted(rig)
    connection.autoRespond()
    equal((await patient).status, 'delivered')
    throws(() => receipt.wait({ signal: 5 as never }), /Cannot use options.signal "5"/)
  })

  test('that nobody looks at reject nobody', async () => {
    const unhandled: unknown[] = []
    const listener = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', listener)
    const rig = robustClient()
    const receipts = [
      rig.client.publish('a', 'x'),
      rig.client.publish('b', 'x', { delivery: within('1s') }),
      rig.client.publish('c', 'x', { delivery: fleeting() }),
    ]
    for (const receipt of receipts) void [receipt.stored, receipt.settled]
    rig.client.publish('d', 'x', { delivery: within('1s') })
    await elapse(rig.clock, 2_000)
    await rig.client[Symbol.asyncDispose]()
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', listener)
    deepEqual(unhandled, [])
  })
})

describe('cancel', () => {
  test('of a message that waits is certain, and it is never sent', async () => {
    const rig = robustClient()
    const receipt = rig.client.publish('a', 'x')
    equal(receipt.cancel(), true)
    equal(receipt.cancel(), false)
    const outcome = await receipt.settled
    deepEqual([outcome.status, outcome.attempts], ['cancelled', 0])
    const connection = await accepted(rig)
    deepEqual(brief(connection.received), ['CONNECT'])
  })

  test('of a message in flight is not, and its exchange is finished all the same', async () => {
    const rig = await connectedRig()
    const receipt = rig.client.publish('a', 'x', { qos: 2 })
    const packet = await take(rig.connection, PacketType.PUBLISH)
    equal(receipt.cancel(), false)
    equal((await receipt.settled).status, 'maybe-delivered')
    rig.connection.destroy()
    const second = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(second.received), ['CONNECT', `PUBLISH a ${packet.packetId} DUP`])
    second.autoRespond()
    await settle()
    equal(brief(second.received).at(-1), `PUBREL ${packet.packetId}`)
  })
})

describe('what a server answers', () => {
  for (const reasonCode of [0x87, 0x90, 0x99]) {
    test(`0x${reasonCode.toString(16)} is "rejected", for good`, async () => {
      const rig = await connectedRig()
      const receipt = rig.client.publish('a', 'x')
      const packet = await take(rig.connection, PacketType.PUBLISH)
      rig.connection.send(ack(PacketType.PUBACK, packet, reasonCode))
      const outcome = await receipt.settled
      deepEqual([outcome.status, outcome.reasonCode], ['rejected', reasonCode])
      match(outcome.error?.message ?? '', new RegExp(`"a".*0x${reasonCode.toString(16)}`))
      await elapse(rig.clock, 30_000)
      equal(brief(rig.connection.received).length, 2)
    })
  }

  test('the words of a refusal are those of the last one', async () => {
    const rig = await connectedRig()
    const receipt = rig.client.publish('a', 'x', { qos: 2 })
    const answer = async (reasonCode: number, properties: Properties): Promise<void> => {
      const { packetId } = await take(rig.connection, PacketType.PUBLISH)
      rig.connection.send({ type: PacketType.PUBREC, packetId, reasonCode, properties })
      await elapse(rig.clock, 10_000)
    }
    await answer(0x97, { reasonString: 'later' })
    await answer(0x97, {})
    await answer(0x87, { reasonString: 'never' })
    const { status, error } = await receipt.settled
    ok(error instanceof RejectedError)
    deepEqual([status, error.reasonString], ['rejected', 'never'])
    match(error.message, /"a".*0x87 \(Not authorized\): never$/)
  })

  for (const reasonCode of [0x80, 0x83, 0x97]) {
    test(`0x${reasonCode.toString(16)} is tried again, within the deadline`, async () => {
      const rig = await connectedRig()
      const receipt = rig.client.publish('a', 'x', { delivery: within('60s') })
      const packet = await take(rig.connection, PacketType.PUBLISH)
      rig.connection.send(ack(PacketType.PUBACK, packet, reasonCode))
      await elapse(rig.clock, 10_000)
      rig.connection.acknowledge(await take(rig.connection, PacketType.PUBLISH))
      const outcome = await receipt.settled
      deepEqual([outcome.status, outcome.attempts], ['delivered', 2])
    })
  }

  test('0x92 to a PUBREL of a resumed session is "maybe-delivered"', async () => {
    const rig = await connectedRig()
    const receipt = rig.client.publish('a', 'x', { qos: 2 })
    rig.connection.acknowledge(await take(rig.connection, PacketType.PUBLISH))
    await take(rig.connection, PacketType.PUBREL)
    rig.connection.destroy()
    const second = await accepted(rig, { sessionPresent: true })
    second.send(ack(PacketType.PUBCOMP, await take(second, PacketType.PUBREL), 0x92))
    equal((await receipt.settled).status, 'maybe-delivered')
  })

  test('0x92 to a PUBREL of the same connection is "delivered"', async () => {
    const rig = await connectedRig()
    const receipt = rig.client.publish('a', 'x', { qos: 2 })
    rig.connection.acknowledge(await take(rig.connection, PacketType.PUBLISH))
    rig.connection.send(
      ack(PacketType.PUBCOMP, await take(rig.connection, PacketType.PUBREL), 0x92),
    )
    equal((await receipt.settled).status, 'delivered')
  })
})

describe('fleeting', () => {
  test('goes out on an open connection at QoS 0 without an expiry, and is dropped without one', async () => {
    const rig = robustClient()
    const before = rig.client.publish('a', 'x', { delivery: fleeting() })
    equal(before.stage, 'dropped')
    equal((await before.settled).status, 'dropped')
    const connection = await accepted(rig)
    const on = rig.client.publish('a', 'y', { delivery: fleeting() })
    await settle()
    equal((await on.settled).status, 'sent')
    deepEqual(
      [brief(connection.received), expiries(connection)],
      [['CONNECT', 'PUBLISH a'], [undefined]],
    )
    connection.destroy()
    await settle()
    equal(rig.client.publish('a', 'z', { delivery: fleeting() }).stage, 'dropped')
  })
})

describe('the receipt of a message that is sent as it is published', () => {
  test('tells as much as any other, whenever it is looked at', async () => {
    const rig = await connectedRig()
    const receipts = ['a', 'b'].map((topic) =>
      rig.client.publish(topic, 'x', { delivery: fleeting() }),
    )
    await settle()
    const [first, second] = receipts as [Receipt, Receipt]
    deepEqual([first.topic, second.topic, first.stage], ['a', 'b', 'sent'])
    ok(first.id !== second.id)
    equal(first.id, first.id)
    equal(first.settled, first.settled)
    deepEqual(await first.settled, {
      status: 'sent',
      attempts: 1,
      latencyMs: 0,
      possiblyDuplicated: false,
    })
    equal(await first.stored, 'settled')
    equal(first.cancel(), false)
    equal(await first.wait({ signal: new AbortController().signal }), await first.settled)
    const stages = follow(second)
    await settle()
    deepEqual(stages, ['sent', 'end'])
    equal(rig.client.idle, true)
  })

  for (const [what, look] of [
    ['waited', (receipt: Receipt, signal: AbortSignal) => failure(receipt.wait({ signal }), Error)],
    ['looked', (receipt: Receipt) => receipt.stages()[Symbol.asyncIterator]().return?.()],
  ] as const) {
    test(`holds nothing of those who have ${what} for a while`, async () => {
      const entry = makeEntry('a', guaranteed())
      entry.durable = true
      const receipt = new MessageReceipt(entry, { cancel: () => false, place: 'disk' })
      const stored = receipt.stored
      const controller = new AbortController()
      const looking = look(receipt, controller.signal)
      controller.abort(new Error('enough'))
      await looking
      entry.onDisk = true
      entry.watcher?.handleStage(entry)
      equal(await stored, 'disk')
      equal(entry.watcher, undefined)
    })
  }

  test('tells who still waits when others have given up', async () => {
    const rig = await connectedRig()
    const receipt = rig.client.publish('a', 'x')
    const controller = new AbortController()
    const { signal } = controller
    const waiting = [1, 2].map(() => receipt.wait({ signal }))
    const other = receipt.wait({ signal: new AbortController().signal })
    controller.abort(new Error('enough'))
    for (const one of waiting) match(String(await failure(one, Error)), /enough/)
    rig.connection.acknowledge(await take(rig.connection, PacketType.PUBLISH))
    equal((await other).status, 'delivered')
    deepEqual(await other, await receipt.settled)
  })

  test('is the same for who listens to the event', async () => {
    const rig = await connectedRig()
    const heard: unknown[] = []
    rig.client.on('settled', ({ receipt, outcome }) => heard.push(receipt.id, outcome))
    const receipt = rig.client.publish('a', 'x', { delivery: fleeting() })
    await settle()
    deepEqual(heard, [receipt.id, await receipt.settled])
  })

  test('comes behind what waits in the same topic', async () => {
    const rig = await connectedRig({}, { connack: { receiveMaximum: 1 } })
    const before = brief(rig.connection.received).length
    rig.client.publish('a', '1')
    rig.client.publish('b', '2')
    rig.client.publish('b', '3', { delivery: fleeting() })
    await settle()
    deepEqual(brief(rig.connection.received).slice(before), ['PUBLISH a 1'])
  })
})

describe('latest', () => {
  test('keeps the newest of each topic while it waits', async () => {
    const rig = robustClient()
    rig.server.refuse = new Error('away')
    const delivery = latest()
    const receipts = ['1', '2', '3'].map((payload) =>
      rig.client.publish('t', payload, { delivery }),
    )
    const other = rig.client.publish('u', '4', { delivery })
    deepEqual(
      receipts.map(({ stage }) => stage),
      ['superseded', 'superseded', 'accepted'],
    )
    rig.client.publish('go', 'x')
    rig.server.refuse = undefined
    const connection = await accepted(rig)
    connection.autoRespond()
    await settle()
    const payloads = connection.received.flatMap((packet) =>
      packet.type === PacketType.PUBLISH ? [String.fromCharCode(...packet.payload)] : [],
    )
    deepEqual(payloads, ['x', '3', '4'])
    equal((await other.settled).status, 'delivered')
  })

  test('does not replace one in flight', async () => {
    const rig = await connectedRig()
    const delivery = latest()
    const receipts = ['1', '2', '3'].map((payload) =>
      rig.client.publish('t', payload, { delivery }),
    )
    rig.connection.destroy()
    await settle()
    const waits = ['4', '5'].map((payload) => rig.client.publish('t', payload, { delivery }))
    const second = await accepted(rig, { sessionPresent: true })
    second.autoRespond()
    await settle()
    deepEqual(
      [...receipts, ...waits].map(({ stage }) => stage),
      ['delivered', 'delivered', 'delivered', 'superseded', 'delivered'],
    )
  })
})

describe('within', () => {
  for (const protocol of [4, 5] as const) {
    test(`says what is left of the deadline, rounded up, on ${protocol}`, async () => {
      const rig = robustClient({ protocol })
      rig.client.publish('a', 'x', { delivery: within('15s') })
      rig.client.publish('b', 'x', { delivery: within('90s') })
      const connection = await dialled(rig)
      await elapse(rig.clock, 4_300)
      await connection.accept()
      await settle()
      deepEqual(expiries(connection), protocol === 5 ? [11, 86] : [undefined, undefined])
    })
  }

  test('says at least one second', async () => {
    const rig = await connectedRig()
    rig.client.publish('a', 'x', { delivery: within('200ms') })
    await settle()
    deepEqual(expiries(rig.connection), [1])
  })

  test('says no more than the packet can', async () => {
    const rig = await connectedRig()
    const deadlines = [4_294_967_295_000, 4_294_967_296_000, Number.MAX_SAFE_INTEGER]
    const receipts = deadlines.map((ms) => rig.client.publish('a', 'x', { delivery: within(ms) }))
    rig.connection.autoRespond()
    await settle()
    deepEqual(expiries(rig.connection), Array(3).fill(4_294_967_295))
    for (const { stage } of receipts) equal(stage, 'delivered')
  })

  test('says less when it is sent again', async () => {
    const rig = await connectedRig()
    rig.client.publish('a', 'x', { delivery: within('60s') })
    await settle()
    rig.server.refuse = new Error('away')
    rig.connection.destroy()
    await elapse(rig.clock, 30_000)
    rig.server.refuse = undefined
    const second = await accepted(rig, { sessionPresent: true })
    const [first] = expiries(rig.connection)
    const [again] = expiries(second)
    equal(first, 60)
    ok(again !== undefined && again <= 30 && again >= 1, `${again}`)
  })

  test('expires while it waits, exactly then, and is never sent', async () => {
    const rig = robustClient()
    rig.server.refuse = new Error('away')
    const receipt = rig.client.publish('a', 'x', { delivery: within('15s') })
    await elapse(rig.clock, 14_999)
    equal(receipt.stage, 'accepted')
    await elapse(rig.clock, 1)
    const outcome = await receipt.settled
    deepEqual([outcome.status, outcome.latencyMs, outcome.attempts], ['expired', 15_000, 0])
    rig.server.refuse = undefined
    const connection = await accepted(rig)
    deepEqual(brief(connection.received), ['CONNECT'])
  })

  test('is "maybe-delivered" when the deadline comes while it is in flight', async () => {
    const rig = await connectedRig()
    const receipt = rig.client.publish('a', 'x', { delivery: within('15s') })
    const packet = await take(rig.connection, PacketType.PUBLISH)
    await elapse(rig.clock, 15_000)
    equal((await receipt.settled).status, 'maybe-delivered')
    rig.connection.acknowledge(packet)
    await settle()
    equal(receipt.stage, 'maybe-delivered')
  })

  test('of more days than timers run is kept', async () => {
    const rig = robustClient()
    rig.server.refuse = new Error('away')
    const receipt = rig.client.publish('a', 'x', { delivery: within('30d') })
    await rig.client.disconnect()
    await elapse(rig.clock, 30 * 86_400_000 - 1)
    equal(receipt.stage, 'accepted')
    await elapse(rig.clock, 1)
    equal((await receipt.settled).status, 'expired')
  })

  test('an outage longer than the deadline costs the message, and nothing else', async () => {
    const rig = await connectedRig()
    rig.server.refuse = new Error('away')
    rig.connection.destroy()
    await settle()
    const short = rig.client.publish('a', 'x', { delivery: within('1m') })
    const long = rig.client.publish('b', 'x', { delivery: within('1h') })
    await elapse(rig.clock, 600_000)
    rig.server.refuse = undefined
    const second = await accepted(rig, { sessionPresent: true })
    second.autoRespond()
    await settle()
    deepEqual([short.stage, long.stage], ['expired', 'delivered'])
  })
})

describe('an expiry of the message itself', () => {
  test('goes out as it is at once, and less when it has waited', async () => {
    const rig = robustClient()
    const properties = { messageExpirySeconds: 60 }
    rig.client.publish('a', 'x', { properties })
    const connection = await dialled(rig)
    await elapse(rig.clock, 20_000)
    await connection.accept()
    await settle()
    rig.client.publish('b', 'x', { properties })
    await settle()
    deepEqual(expiries(connection), [40, 60])
  })

  test('does not lengthen the deadline', async () => {
    const rig = await connectedRig()
    const properties = { messageExpirySeconds: 600 }
    rig.client.publish('a', 'x', { properties, delivery: within('15s') })
    await settle()
    deepEqual(expiries(rig.connection), [15])
  })
})

describe('guaranteed', () => {
  test('is refused at the call without a durable outbox, with words that say what to do', () => {
    const { client } = robustClient()
    throws(
      () => client.publish('a', 'x', { delivery: guaranteed() }),
      /Cannot publish to "a" with durable "required": set the option outbox/,
    )
  })
})

describe('outcomes that nobody has asked for', () => {
  const publishMany = async (rig: RobustRig, count: number): Promise<string[]> => {
    const receipts = Array.from({ length: count }, () =>
      rig.client.publish('a', 'x', { delivery: guaranteed() }),
    )
    await rig.client.drain()
    return receipts.map(({ id }) => id)
  }

  test('are kept up to a bound; then the older half is forgotten', async () => {
    const rig = await connectedRig({ outbox: new KeptStore() })
    const stageOf = async (id?: string): Promise<Stage | undefined> =>
      (await rig.client.receipt(id ?? ''))?.stage
    rig.connection.autoRespond()
    const ids = await publishMany(rig, OUTCOMES_KEPT)
    equal(await stageOf(ids[0]), 'delivered')
    equal(await stageOf(ids[1]), 'delivered')
    // Told once.
    equal(await stageOf(ids[1]), undefined)
    const [last] = await publishMany(rig, 1)
    equal(await stageOf(ids[OUTCOMES_KEPT / 2 - 1]), undefined)
    equal(await stageOf(ids[OUTCOMES_KEPT / 2]), 'delivered')
    equal(await stageOf(last), 'delivered')
  })

  test('are not kept for one that listens to "settled"', async () => {
    const rig = await connectedRig({ outbox: new KeptStore() })
    const heard: string[] = []
    rig.client.on('settled', ({ receipt, outcome }) => heard.push(receipt.id, outcome.status))
    rig.connection.autoRespond()
    const [id = ''] = await publishMany(rig, 1)
    deepEqual(heard, [id, 'delivered'])
    equal(await rig.client.receipt(id), undefined)
  })
})

describe('a payload', () => {
  test('may be changed after the call, whenever it is sent', async () => {
    const rig = await connectedRig()
    const payload = encodeUtf8('abc')
    const receipts = [rig.client.publish('a', payload)]
    rig.connection.destroy()
    await settle()
    receipts.push(rig.client.publish('b', payload))
    payload.fill(0)
    const second = await accepted(rig, { sessionPresent: true })
    const payloads = second.received.flatMap((packet) =>
      packet.type === PacketType.PUBLISH ? [String.fromCharCode(...packet.payload)] : [],
    )
    deepEqual(payloads, ['abc', 'abc'])
  })
})

describe('the order', () => {
  test('of one topic is kept over connections, over QoS and priorities', async () => {
    const rig = await connectedRig()
    const { client } = rig
    client.publish('t', '1')
    client.publish('t', '2', { qos: 2 })
    await settle()
    rig.connection.destroy()
    await settle()
    client.publish('t', '3', { delivery: latest({ collapseKey: 'none' }) })
    client.publish('t', '4', { qos: 0 })
    client.publish('t', '5', { delivery: within('1h') })
    const second = await accepted(rig, { sessionPresent: true })
    const payloads = second.received.flatMap((packet) =>
      packet.type === PacketType.PUBLISH ? [String.fromCharCode(...packet.payload)] : [],
    )
    deepEqual(payloads, ['1', '2', '3', '4', '5'])
  })
})
