// portable
// A slow application: QoS 1 and 2 are held back by the Receive Maximum while everything else goes on, and
// reading stops only at a weight, when our own clocks stand still. Nothing is discarded.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType, type QoS } from '../../src/codec/packets.ts'
import { ConnectionLostError, ProtocolError } from '../../src/errors.ts'
import { settle, type TestClientOptions } from '../support/scripted-memory.ts'
import {
  acknowledgements,
  connected,
  type Connected,
  count,
  gate,
  type Gate,
  pass,
  take,
  watch,
} from './conversation.ts'

/** A message of these tests weighs its topic, its payload and 200 bytes. */
const WEIGHT = 1201
const PAYLOAD = new Uint8Array(1000)

interface Slow extends Connected {
  /** Handlers that are not finished, oldest first. */
  readonly busy: Gate[]
}

/** A client whose handlers are finished by hand. */
async function slow(options: TestClientOptions = {}): Promise<Slow> {
  const made = await connected(options)
  const busy: Gate[] = []
  made.client.setCallback(() => {
    const one = gate()
    busy.push(one)
    return one.promise
  })
  return { ...made, busy }
}

async function finish({ busy }: Slow, howMany: number): Promise<void> {
  for (const one of busy.splice(0, howMany)) one.open()
  await settle()
}

const send = ({ connection }: Connected, howMany: number, qos: QoS = 0): void => {
  for (let index = 0; index < howMany; index += 1) connection.publish('a', PAYLOAD, { qos })
}

/** Bytes that the server has written and the client has not read. */
const unread = ({ server, connection }: Connected): number =>
  server.pipe(connection).toClient.waitingBytes

/** A little over what ten messages weigh, and four times that. */
const LIMITS = { inboxBytes: WEIGHT * 10, inboxHardBytes: WEIGHT * 40 }

describe('the Receive Maximum', () => {
  test('holds messages back while pings, acknowledgements and QoS 0 go on', async () => {
    const made = await slow({ limits: { receiveMaximum: 2 } })
    const { client, connection, clock, connectPacket } = made
    equal(connectPacket.properties?.receiveMaximum, 2)
    connection.publish('a', 'x', { qos: 1, packetId: 1 })
    connection.publish('a', 'x', { qos: 2, packetId: 2 })
    await settle()
    equal(made.busy.length, 2)
    for (let minute = 0; minute < 5; minute += 1) {
      await pass(clock, 54_000)
      connection.acknowledge(await take(connection, PacketType.PINGREQ))
      const publishing = client.publish('b', 'y', { qos: 1 })
      connection.acknowledge(await take(connection, PacketType.PUBLISH))
      await publishing
      connection.publish('a', 'x')
    }
    await settle()
    deepEqual([made.busy.length, client.state, unread(made)], [7, 'connected', 0])
    deepEqual(acknowledgements(connection), [])
    await finish(made, 7)
    deepEqual(acknowledgements(connection), [
      ['PUBACK', 1],
      ['PUBREC', 2],
    ])
  })

  test('that the application has set cuts a server off that exceeds it [MQTT-3.3.4-9]', async () => {
    const made = await slow({ limits: { receiveMaximum: 2 } })
    const lost: Error[] = []
    made.client.on('connection-lost', (error) => lost.push(error))
    for (const packetId of [1, 2, 3]) made.connection.publish('a', 'x', { qos: 1, packetId })
    await made.connection.closed
    const disconnect = made.connection.received.at(-1)
    ok(disconnect?.type === PacketType.DISCONNECT)
    equal(disconnect.reasonCode, 0x93)
    await settle()
    equal(made.client.state, 'closed')
    ok(lost[0] instanceof ProtocolError)
    equal(made.busy.length, 2)
  })

  test('that is the default is only counted when a server exceeds it', async () => {
    const made = await slow()
    for (let packetId = 1; packetId <= 1030; packetId += 1) {
      made.connection.publish('a', 'x', { qos: 1, packetId })
    }
    await settle()
    deepEqual([made.client.state, made.client.statistics.receiveMaximumOverruns], ['connected', 6])
    await finish(made, 1030)
    equal(count(made.connection, PacketType.PUBACK), 1030)
  })

  test('counts a QoS 2 exchange until PUBREL', async () => {
    const made = await slow({ limits: { receiveMaximum: 1 } })
    const { connection, client } = made
    for (const packetId of [1, 2, 3]) {
      connection.publish('a', 'x', { qos: 2, packetId })
      await settle()
      await finish(made, 1)
      const pubrec = await take(connection, PacketType.PUBREC)
      connection.send({ ...pubrec, type: PacketType.PUBREL })
      await take(connection, PacketType.PUBCOMP)
    }
    equal(client.state, 'connected')
    connection.publish('a', 'x', { qos: 2, packetId: 4 })
    await settle()
    await finish(made, 1)
    await take(connection, PacketType.PUBREC)
    connection.publish('a', 'x', { qos: 1, packetId: 5 })
    await settle()
    equal(client.state, 'closed')
  })
})

describe('the weight at which reading stops', () => {
  test('is inboxBytes: what came with the last read is handled, the rest waits in the pipe', async () => {
    const made = await slow({ limits: LIMITS })
    send(made, 100)
    await settle()
    equal(made.busy.length, 10)
    equal(made.client.statistics.inboxBytes, WEIGHT * 10)
    ok(unread(made) > 80_000, `${unread(made)} bytes`)
    await finish(made, 4)
    equal(made.busy.length, 6)
    await finish(made, 1)
    equal(made.busy.length, 10)
    for (let rounds = 0; made.busy.length > 0; rounds += 1) {
      ok(rounds < 100)
      await finish(made, 10)
    }
    deepEqual([unread(made), made.client.statistics.inboxBytes], [0, 0])
  })

  test('keeps the order and loses nothing', async () => {
    const made = await connected({ limits: LIMITS })
    const seen: number[] = []
    const busy: Gate[] = []
    made.client.setCallback((_, payload) => {
      seen.push((payload[0] ?? 0) * 256 + (payload[1] ?? 0))
      const one = gate()
      busy.push(one)
      return one.promise
    })
    const sent: number[] = []
    for (let index = 0; index < 500; index += 1) {
      sent.push(index)
      const payload = new Uint8Array(1000)
      payload.set([index >> 8, index & 255])
      made.connection.publish('a', payload, { qos: index % 2 === 0 ? 0 : 1 })
    }
    for (let rounds = 0; rounds < 1000 && seen.length < 500; rounds += 1) {
      await settle()
      busy.shift()?.open()
    }
    for (const one of busy) one.open()
    await settle()
    deepEqual(seen, sent)
    equal(count(made.connection, PacketType.PUBACK), 250)
  })

  test('is raised to inboxHardBytes while an operation waits for its answer', async () => {
    const made = await slow({ limits: LIMITS })
    send(made, 100)
    await settle()
    const publishing = watch(made.client.publish('b', 'x', { qos: 1 }))
    await settle()
    equal(made.busy.length, 40)
    made.connection.acknowledge(await take(made.connection, PacketType.PUBLISH))
    await settle()
    equal(publishing.status, 'open')
    await finish(made, 20)
    for (let rounds = 0; publishing.status === 'open'; rounds += 1) {
      ok(rounds < 10)
      await finish(made, 20)
    }
    deepEqual(publishing.value, { reasonCode: 0 })
  })

  const operations: readonly (readonly [string, (made: Connected) => Promise<unknown>])[] = [
    ['publish at QoS 1', ({ client }) => client.publish('b', 'x', { qos: 1 })],
    ['publish at QoS 2', ({ client }) => client.publish('b', 'x', { qos: 2 })],
    ['subscribe', ({ client }) => client.subscribe('b', {}, () => undefined)],
    ['unsubscribe', ({ client }) => client.unsubscribe('b')],
    ['ping', ({ client }) => client.ping()],
  ]
  for (const [name, operate] of operations) {
    test(`does not keep a handler from waiting for ${name}`, async () => {
      const made = await connected({ limits: LIMITS })
      made.connection.autoRespond()
      let done = 0
      made.client.setCallback(async () => {
        await operate(made)
        done += 1
      })
      send(made, 30)
      await settle()
      equal(done, 30)
      equal(made.client.statistics.inboxBytes, 0)
    })
  }

  test('is no bound for as many at QoS 1 as the Receive Maximum, while an operation waits for its answer', async () => {
    const made = await connected({ limits: { ...LIMITS, receiveMaximum: 60 } })
    made.connection.autoRespond()
    const start = gate()
    let done = 0
    made.client.setCallback(async () => {
      await start.promise
      await made.client.publish('b', 'x', { qos: 1 })
      done += 1
    })
    send(made, 30, 1)
    void made.client.ping()
    send(made, 30, 1)
    await settle()
    equal(made.client.statistics.inboxBytes, WEIGHT * 60)
    start.open()
    await settle()
    deepEqual([done, made.client.statistics.inboxBytes], [60, 0])
  })

  test('is one when more come than the Receive Maximum, with either version', async () => {
    for (const protocol of [4, 5] as const) {
      const made = await slow({ protocol, limits: LIMITS })
      send(made, 2000, 1)
      const pinging = watch(made.client.ping())
      await settle()
      ok(made.busy.length < 1100, `${made.busy.length} handlers with MQTT ${protocol}`)
      equal(pinging.status, 'open')
    }
  })

  test('is one at nine times its bytes for QoS 1 as well, however high the Receive Maximum is', async () => {
    for (const protocol of [4, 5] as const) {
      const limits = { ...LIMITS, inboxHardBytes: WEIGHT * 20, receiveMaximum: 1000 }
      const made = await slow({ protocol, limits })
      send(made, 500, 1)
      const pinging = watch(made.client.ping())
      await settle()
      equal(made.client.statistics.inboxBytes, WEIGHT * 180)
      equal(pinging.status, 'open')
    }
  })

  test('warns when it is reached by messages that nobody has asked for yet', async () => {
    const made = await connected({ limits: LIMITS })
    made.client.checkMsg()
    send(made, 20)
    await settle()
    deepEqual(
      made.warnings.map(({ code }) => code),
      ['inbox-full'],
    )
    match(made.warnings[0]?.message ?? '', /12010 bytes/)
    let taken = 0
    while (made.client.checkMsg() !== undefined) {
      taken += 1
      await settle()
    }
    equal(taken, 20)
  })

  test('warns when handlers hold so much that the answer for which they wait may be behind it', async () => {
    for (const outbound of [0, 1] as const) {
      const made = await connected({ limits: LIMITS })
      made.connection.autoRespond()
      // At QoS 0 nothing is waited for, and slow handlers are no news.
      const never = new Promise(() => undefined)
      made.client.setCallback(async () => {
        await made.client.publish('b', 'x', { qos: outbound })
        if (outbound === 0) await never
      })
      send(made, 100)
      await settle()
      deepEqual(
        made.warnings.map(({ code, message }) => `${code} ${message.includes('inboxHardBytes')}`),
        outbound === 1 ? ['inbox-full true'] : [],
      )
    }
  })

  test('holds for an iterator that is not asked', async () => {
    const made = await connected({ limits: LIMITS })
    const messages = made.client.messages()
    send(made, 100)
    await settle()
    ok(unread(made) > 80_000)
    for (let taken = 0; taken < 100; taken += 1) await messages.next()
    void messages.next()
    await settle()
    deepEqual([unread(made), made.client.statistics.inboxBytes], [0, 0])
  })
})

describe('while we do not read', () => {
  test('PINGREQ goes out, and the silence is not held against the server', async () => {
    const made = await slow({ limits: LIMITS, keepAliveSeconds: 10 })
    send(made, 100)
    await settle()
    const before = count(made.connection, PacketType.PINGREQ)
    await pass(made.clock, 100_000)
    equal(made.client.state, 'connected')
    const pings = count(made.connection, PacketType.PINGREQ) - before
    ok(pings >= 10 && pings <= 12, `${pings} PINGREQ in 100 s`)
  })

  test('the clock of acknowledgements stands still, and goes on when we read again', async () => {
    const limits = { inboxBytes: WEIGHT * 10, inboxHardBytes: WEIGHT * 10 }
    const timeouts = { operationMs: 600_000, handlerTimeoutMs: 600_000 }
    const made = await slow({ limits, timeouts, keepAliveSeconds: 0 })
    const publishing = watch(made.client.publish('b', 'x', { qos: 1 }))
    send(made, 40)
    await pass(made.clock, 300_000)
    deepEqual([made.client.state, publishing.status], ['connected', 'open'])
    for (let rounds = 0; rounds < 10; rounds += 1) await finish(made, 10)
    equal(unread(made), 0)
    await pass(made.clock, 19_999)
    equal(made.client.state, 'connected')
    await pass(made.clock, 1)
    equal(made.client.state, 'closed')
    ok(publishing.error instanceof ConnectionLostError)
  })

  test('the bound on an operation counts all the same', async () => {
    const limits = { inboxBytes: WEIGHT * 10, inboxHardBytes: WEIGHT * 10 }
    const made = await slow({ limits, keepAliveSeconds: 0 })
    const publishing = watch(made.client.publish('b', 'x', { qos: 1 }))
    send(made, 40)
    await pass(made.clock, 60_000)
    equal(publishing.error?.name, 'TimeoutError')
    equal(made.client.state, 'connected')
  })

  test('disconnect settles', async () => {
    const made = await slow({ limits: LIMITS })
    send(made, 100)
    await settle()
    const disconnecting = watch(made.client.disconnect())
    await pass(made.clock, 2000)
    equal(disconnecting.status, 'fulfilled')
    equal(made.client.state, 'closed')
    equal(made.connection.received.at(-1)?.type, PacketType.DISCONNECT)
    await finish(made, 100)
    equal(made.client.statistics.inboxBytes, 0)
    equal(made.clock.pending, 0)
  })

  test('a lost connection leaves nothing paused for the next one', async () => {
    const made = await slow({ limits: LIMITS })
    send(made, 100)
    await settle()
    made.connection.destroy()
    await settle()
    equal(made.client.state, 'closed')
    await finish(made, 100)
    const connecting = made.client.connect()
    const connection = await made.server.connection()
    await connection.accept()
    await connecting
    for (let index = 0; index < 5; index += 1) connection.publish('a', PAYLOAD)
    await settle()
    equal(made.busy.length, 5)
  })
})
