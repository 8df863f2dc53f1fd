// A message that makes the server end the connection, and the far more frequent case of a server that ends
// every connection: only the first is the message's fault.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Packet, PacketType } from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import type { Op } from '../../src/outbox/store.ts'
import { sleepFor } from '../../src/robust/connector.ts'
import { guaranteed } from '../../src/robust/policies.ts'
import { take } from '../simple/conversation.ts'
import { HeldStore, KeptStore } from '../support/kept-store.ts'
import {
  accepted,
  brief,
  connectedRig,
  robustClient,
  type RobustRig,
} from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** Answers like a friendly server, until a message to "bad" comes: then it ends the connection. */
async function serve(rig: RobustRig, protocol: 4 | 5, keepsSession = true): Promise<void> {
  for (let round = 0; ; round += 1) {
    const connection = await rig.server.connection()
    await connection.accept({}, keepsSession && round > 0)
    for (;;) {
      const packet = await connection.next().catch(() => undefined)
      if (packet === undefined) break
      if (packet.type !== PacketType.PUBLISH || packet.topic !== 'bad') {
        connection.acknowledge(packet)
        continue
      }
      if (protocol === 5) {
        connection.send({ type: PacketType.DISCONNECT, reasonCode: 0x95, properties: {} })
      }
      connection.close()
    }
  }
}

describe('a server that ends every connection', () => {
  for (const protocol of [4, 5] as const) {
    for (const sessionPresent of [true, false]) {
      test(`right after CONNACK poisons nothing on ${protocol}${sessionPresent ? '' : ', nor when it forgets the session'}`, async () => {
        const rig = await connectedRig({ protocol })
        const receipts = ['a', 'b'].map((topic) => rig.client.publish(topic, 'x'))
        await settle()
        for (let round = 0; round < 20; round += 1) {
          rig.server.connections.at(-1)?.destroy()
          await accepted(rig, { sessionPresent })
        }
        deepEqual(
          receipts.map(({ stage }) => stage),
          ['sent', 'sent'],
        )
        rig.server.connections.at(-1)?.autoRespond()
        await settle()
        deepEqual(
          receipts.map(({ stage }) => stage),
          ['delivered', 'delivered'],
        )
      })
    }
  }
})

test('a server that closes at a subscribe poisons no message, and a warning names the subscribe', async () => {
  const rig = robustClient({ protocol: 4 })
  const filters = Array.from({ length: 9 }, (_, i) => `f/${i}`)
  const subscribing = rig.client.subscribe(filters)
  const receipts = ['a', 'b', 'c'].map((topic) => rig.client.publish(topic, 'x'))
  let rounds = 0
  void (async () => {
    for (; ; rounds += 1) {
      const connection = await rig.server.connection()
      await connection.accept({}, rounds > 0)
      if (rounds === 20) return connection.autoRespond()
      for (;;) {
        const packet = await connection.next().catch(() => undefined)
        if (packet === undefined) break
        if (packet.type === PacketType.SUBSCRIBE) connection.close()
        // What follows it is not read any more.
        if (packet.type === PacketType.SUBSCRIBE) break
        connection.acknowledge(packet)
      }
      await connection.closed
    }
  })()
  await elapse(rig.clock, 3_600_000)
  equal(rounds, 20)
  await subscribing
  deepEqual(
    receipts.map(({ stage }) => stage),
    ['delivered', 'delivered', 'delivered'],
  )
  deepEqual(
    rig.warnings.map(({ code }) => code),
    ['request-unanswered'],
  )
  match(rig.warnings[0]?.message ?? '', /3 times .*subscribe.*filters/)
})

test('a suspect waits for a subscribe that waits for the outbox', async () => {
  const outbox = new HeldStore()
  const rig = robustClient({ protocol: 4, outbox })
  void rig.client.subscribe('cmd', { qos: 2 }, () => undefined)
  let connection = await accepted(rig)
  connection.acknowledge(await take(connection, PacketType.SUBSCRIBE))
  connection.publish('cmd', 'x', { qos: 2, packetId: 5 })
  await settle()
  const receipt = rig.client.publish('a', 'x')
  await settle()
  for (let round = 0; round < 3; round += 1) {
    outbox.isHeld = round === 2
    connection.close()
    await settle()
    connection = await accepted(rig, { sessionPresent: round < 2 })
  }
  connection.autoRespond()
  await settle()
  deepEqual([brief(connection.received), receipt.stage], [['CONNECT'], 'sent'])
  await outbox.letAll()
  deepEqual(brief(connection.received).slice(1, 4), ['SUBSCRIBE cmd', 'PINGREQ', 'PUBLISH a 4'])
  equal(receipt.stage, 'delivered')
})

test('what a listener publishes at once waits too until the server has answered', async () => {
  const rig = robustClient()
  let told = 0
  rig.client.on('connected', () => void rig.client.publish(`told/${(told += 1)}`, 'x'))
  const receipts = ['bad', 'good'].map((topic) => rig.client.publish(topic, 'x'))
  const first: number[] = []
  void (async () => {
    for (;;) {
      const connection = await rig.server.connection()
      await connection.accept({})
      for (let place = 0; ; place += 1) {
        const packet = await connection.next().catch(() => undefined)
        if (packet === undefined) break
        if (place === 0) first.push(packet.type)
        if (packet.type !== PacketType.PUBLISH || packet.topic !== 'bad') {
          connection.acknowledge(packet)
          continue
        }
        connection.send({ type: PacketType.DISCONNECT, reasonCode: 0x95, properties: {} })
        connection.close()
      }
    }
  })()
  await elapse(rig.clock, 600_000)
  deepEqual(
    receipts.map(({ stage }) => stage),
    ['poisoned', 'delivered'],
  )
  ok(first.length > 2)
  // The first two deaths make them suspects.
  for (const [round, packet] of first.entries())
    equal(packet, round < 2 ? PacketType.PUBLISH : PacketType.PINGREQ, `${round}`)
})

test('what could not be stored is not set aside', async () => {
  const outbox = new HeldStore()
  const rig = robustClient({ outbox })
  void serve(rig, 5)
  void rig.client.connect()
  await elapse(rig.clock, 1000)
  outbox.isHeld = true
  const receipt = rig.client.publish('bad', 'x')
  await settle()
  equal(receipt.stage, 'sent')
  outbox.isBroken = true
  await outbox.letAll()
  outbox.isBroken = false
  await elapse(rig.clock, 600_000)
  equal(receipt.stage, 'poisoned')
  const aside: unknown[] = []
  for await (const one of rig.client.outbox.quarantined()) aside.push(one)
  deepEqual(
    [aside, [...(await outbox.state()).keys()].filter((key) => key.startsWith('q'))],
    [[], []],
  )
})

test('a message is found too whose bytes leave long after it was handed over, when a slow disk has its packet id', async () => {
  const clock = new VirtualClock(1_000)
  class SlowStore extends KeptStore {
    override async commit(ops: readonly Op[]): Promise<void> {
      await sleepFor(clock, 4000, undefined)
      return super.commit(ops)
    }
  }
  const rig = robustClient({ protocol: 4, outbox: new SlowStore(), clock })
  void serve(rig, 4, false)
  const [bad, good] = ['bad', 'good'].map((topic) =>
    rig.client.publish(topic, 'x', { delivery: guaranteed({ qos: 2 }) }),
  )
  await elapse(clock, 1_800_000)
  deepEqual([bad?.stage, good?.stage], ['poisoned', 'delivered'])
  ok(rig.server.dials <= 6, `${rig.server.dials} connections`)
})

test('of a thousand that are set aside the oldest makes room for one more, and a warning says so', async () => {
  const outbox = new HeldStore()
  const before = new Outbox(outbox)
  await before.open()
  // Not in the order of their numbers, as a store may have them.
  const numbers = Array.from({ length: 1000 }, (_, i) => ((i + 500) % 1000) + 1)
  const ops = numbers.flatMap((seq): Op[] => [
    ['put', seq, Uint8Array.of(1)],
    ['set', `q${seq}`, encodeUtf8(JSON.stringify({ id: `old-${seq}`, reason: 'it was so' }))],
  ])
  await before.write(ops, 'power')
  await before.close()
  const rig = robustClient({ outbox })
  void serve(rig, 5)
  const receipt = rig.client.publish('bad', 'x')
  await elapse(rig.clock, 600_000)
  equal(receipt.stage, 'poisoned')
  const ids: string[] = []
  for await (const { id } of rig.client.outbox.quarantined()) ids.push(id)
  deepEqual(
    [ids.length, ids.includes('old-1'), ids.includes('old-2'), ids.includes(receipt.id)],
    [1000, false, true, true],
  )
  const kept = [...(await outbox.state()).keys()].filter((key) => key.startsWith('q'))
  deepEqual([kept.length, kept.includes('q1'), (await outbox.scan(1, 1))[0]?.[0]], [1000, false, 2])
  match(
    rig.warnings.find(({ code }) => code === 'set-aside-full')?.message ?? '',
    /^More than 1000 messages are set aside: the oldest is removed, "old-1"/,
  )
})

describe('a connection that ended while the device slept', () => {
  test('is no fault of what waits for the answer to a ping that came before', async () => {
    const rig = await connectedRig({ protocol: 4 })
    const receipt = rig.client.publish('a', 'x')
    await settle()
    rig.connection.close()
    const second = await accepted(rig, { sessionPresent: true })
    second.close()
    const third = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(third.received), ['CONNECT', 'PINGREQ'])
    rig.clock.jump(600_000)
    third.send({ type: PacketType.PINGRESP })
    third.close()
    await settle()
    deepEqual(brief(third.received), ['CONNECT', 'PINGREQ', 'PINGREQ'])
    const fourth = await accepted(rig, { sessionPresent: true })
    fourth.autoRespond()
    await settle()
    fourth.acknowledge({ type: PacketType.PINGREQ })
    await settle()
    equal(receipt.stage, 'delivered')
  })
})

describe('a server that is slow to answer the ping before a suspect', () => {
  test('is asked again when the ping was given up and the connection was not', async () => {
    const rig = await connectedRig({ timeouts: { operationMs: 1000, pingMs: 8000 } })
    const receipt = rig.client.publish('a', 'x')
    await settle()
    rig.connection.close()
    const second = await accepted(rig, { sessionPresent: true })
    second.close()
    const third = await accepted(rig, { sessionPresent: true })
    deepEqual(brief(third.received), ['CONNECT', 'PINGREQ'])
    await elapse(rig.clock, 1500)
    deepEqual(brief(third.received), ['CONNECT', 'PINGREQ', 'PINGREQ'])
    third.autoRespond()
    for (let i = 0; i < 2; i += 1) third.acknowledge({ type: PacketType.PINGREQ })
    await settle()
    equal(receipt.stage, 'delivered')
  })
})

describe('a message that ends every connection', () => {
  for (const protocol of [4, 5] as const) {
    test(`is found, and what came with it is delivered on ${protocol}`, async () => {
      const rig = await connectedRig({ protocol })
      rig.connection.destroy()
      await settle()
      void serve(rig, protocol)
      const receipts = ['a', 'bad', 'b', 'c'].map((topic) => rig.client.publish(topic, 'x'))
      await elapse(rig.clock, 900_000)
      deepEqual(
        receipts.map(({ stage }) => stage),
        ['delivered', 'poisoned', 'delivered', 'delivered'],
      )
      const { error } = (await receipts[1]?.settled) ?? {}
      match(error?.message ?? '', protocol === 5 ? /0x95/ : /[Cc]onnection was lost/)
      ok(rig.server.dials <= 8, `${rig.server.dials}`)
      equal(rig.client.state, 'connected')
      const last = rig.server.connections.at(-1)
      ok(!brief(last?.received ?? []).some((line) => line.startsWith('PUBLISH bad')))
    })
  }
})

describe('a server of 3.1.1 that has no QoS 2', () => {
  test('and answers with PUBACK stops one message, and says what to do', async () => {
    const rig = await connectedRig({ protocol: 4 })
    const losses: string[] = []
    rig.client.on('connection-lost', ({ message }) => losses.push(message))
    const receipts = ([1, 2, 1] as const).map((qos) => rig.client.publish(`${qos}`, 'x', { qos }))
    await settle()
    void serveWithPuback(rig)
    await elapse(rig.clock, 900_000)
    deepEqual(
      receipts.map(({ stage }) => stage),
      ['delivered', 'poisoned', 'delivered'],
    )
    ok(rig.server.dials <= 8, `${rig.server.dials}`)
    match(losses.at(-1) ?? '', /^Packet 4 .*: a server without QoS 2 does so; publish at QoS 1$/)
  })

  test('and closes at the PUBREL that clears an old id stops one message', async () => {
    const rig = await connectedRig({ protocol: 4 }, { sessionPresent: true })
    rig.connection.destroy()
    await settle()
    void serveWithoutPubrel(rig)
    const receipts = ([1, 2, 1] as const).map((qos) => rig.client.publish(`${qos}`, 'x', { qos }))
    await elapse(rig.clock, 900_000)
    deepEqual(
      receipts.map(({ stage }) => stage),
      ['delivered', 'poisoned', 'delivered'],
    )
    ok(rig.server.dials <= 8, `${rig.server.dials}`)
  })
})

describe('a server that answers with the wrong packet for ever', () => {
  test('a SUBSCRIBE, poisons no message that is in flight beside it', async () => {
    const rig = await connectedRig()
    const receipts = ['a', 'b'].map((topic) => rig.client.publish(topic, 'x'))
    void rig.client.subscribe('cmd')
    await settle()
    void serveWrongly(rig, ({ type }) => type === PacketType.SUBSCRIBE, false)
    await elapse(rig.clock, 900_000)
    ok(rig.server.dials > 5, `${rig.server.dials}`)
    deepEqual(
      receipts.map(({ stage }) => stage),
      ['sent', 'sent'],
    )
  })

  for (const type of [PacketType.PUBCOMP, PacketType.SUBACK] as const) {
    test(`one of several messages, poisons that one: type ${type}`, async () => {
      const rig = await connectedRig()
      const receipts = ['a', 'bad', 'b'].map((topic) => rig.client.publish(topic, 'x'))
      await settle()
      const isBad = (packet: Packet): boolean => 'topic' in packet && packet.topic === 'bad'
      void serveWrongly(rig, isBad, true, type)
      await elapse(rig.clock, 900_000)
      deepEqual(
        receipts.map(({ stage }) => stage),
        ['delivered', 'poisoned', 'delivered'],
      )
      ok(rig.server.dials <= 8, `${rig.server.dials}`)
    })
  }
})

/** Answers what is bad with a packet of another type, and the rest as a friendly server does, or not at all. */
async function serveWrongly(
  rig: Awaited<ReturnType<typeof connectedRig>>,
  isBad: (packet: Packet) => boolean,
  answersRest: boolean,
  type: 4 | 7 | 9 = PacketType.PUBACK,
): Promise<void> {
  let { connection } = rig
  for (;;) {
    for (;;) {
      const packet = await connection.next().catch(() => undefined)
      if (packet === undefined) break
      if (isBad(packet)) {
        const { packetId } = packet as { packetId: number }
        connection.send(
          type === PacketType.SUBACK
            ? { type, packetId, reasonCodes: [0], properties: {} }
            : { type, packetId, reasonCode: 0, properties: {} },
        )
      } else if (answersRest || packet.type === PacketType.PINGREQ) connection.acknowledge(packet)
    }
    connection = await rig.server.connection()
    await connection.accept({}, true)
  }
}

/** As RabbitMQ 3 does. */
async function serveWithPuback(rig: Awaited<ReturnType<typeof connectedRig>>): Promise<void> {
  let { connection } = rig
  for (;;) {
    for (;;) {
      const packet = await connection.next().catch(() => undefined)
      if (packet === undefined) break
      if (packet.type !== PacketType.PUBLISH) connection.acknowledge(packet)
      else if (packet.qos > 0) {
        const { packetId } = packet
        connection.send({ type: PacketType.PUBACK, packetId, reasonCode: 0, properties: {} })
      }
    }
    connection = await rig.server.connection()
    await connection.accept({}, true)
  }
}

/** As NATS 2.9 does. */
async function serveWithoutPubrel(rig: RobustRig): Promise<void> {
  for (;;) {
    const connection = await rig.server.connection()
    await connection.accept({}, true)
    for (;;) {
      const packet = await connection.next().catch(() => undefined)
      if (packet === undefined) break
      if (packet.type === PacketType.PUBREL) connection.close()
      else connection.acknowledge(packet)
    }
  }
}
