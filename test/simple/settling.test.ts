// portable
// Every promise settles: each operation in each way in which a connection can end, with the error, what it
// says of `sent`, and the time by which it has settled. The bounds are those of the docstrings.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { MqttError, TimeoutError } from '../../src/errors.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import { connected, type Connected, pass, reconnected, take, watch } from './conversation.ts'

/** A promise that goes through `await` unsettled. */
interface Boxed {
  readonly promise: Promise<unknown>
}

interface Started {
  readonly name: string
  /** Begins the operation; what it waits for has left when it returns. */
  readonly start: (made: Connected) => Promise<Boxed>
  /** By when it settles while the server is silent, ms. */
  readonly silentMs: number
  readonly sent: 'no' | 'maybe' | undefined
  /** Gets the reason of the end itself, not an error of its own with that as its cause. */
  readonly direct?: boolean
}

const OPERATIONS: readonly Started[] = [
  {
    name: 'publish at QoS 1',
    start: async ({ client, connection }) => {
      const promise = client.publish('a', 'b', { qos: 1 })
      await take(connection, PacketType.PUBLISH)
      return { promise }
    },
    silentMs: 20_000,
    sent: 'maybe',
  },
  {
    name: 'publish at QoS 2 before PUBREC',
    start: async ({ client, connection }) => {
      const promise = client.publish('a', 'b', { qos: 2 })
      await take(connection, PacketType.PUBLISH)
      return { promise }
    },
    silentMs: 20_000,
    sent: 'maybe',
  },
  {
    name: 'publish at QoS 2 after PUBREC',
    start: async ({ client, connection }) => {
      const promise = client.publish('a', 'b', { qos: 2 })
      connection.acknowledge(await take(connection, PacketType.PUBLISH))
      await take(connection, PacketType.PUBREL)
      return { promise }
    },
    silentMs: 20_000,
    sent: 'maybe',
  },
  {
    name: 'publish that waits for the window',
    start: async ({ client, connection }) => {
      for (let sent = 0; sent < 3; sent += 1) watch(client.publish('a', 'b', { qos: 1 }))
      const promise = client.publish('a', 'b', { qos: 1 })
      await take(connection, PacketType.PUBLISH)
      return { promise }
    },
    silentMs: 20_000,
    sent: 'no',
  },
  {
    name: 'publish at QoS 0 behind a write that stalls',
    start: async ({ client, server }) => {
      server.stallWrites = true
      await client.publish('a', 'b')
      await settle()
      const promise = client.publish('a', 'b')
      await settle()
      return { promise }
    },
    silentMs: 20_000,
    sent: 'no',
  },
  {
    name: 'subscribe',
    start: async ({ client, connection }) => {
      const promise = client.subscribe('a')
      await take(connection, PacketType.SUBSCRIBE)
      return { promise }
    },
    silentMs: 20_000,
    sent: 'maybe',
  },
  {
    name: 'unsubscribe',
    start: async ({ client, connection }) => {
      const promise = client.unsubscribe('a')
      await take(connection, PacketType.UNSUBSCRIBE)
      return { promise }
    },
    silentMs: 20_000,
    sent: 'maybe',
  },
  {
    name: 'ping',
    start: async ({ client, connection }) => {
      const promise = client.ping()
      await take(connection, PacketType.PINGREQ)
      return { promise }
    },
    silentMs: 10_000,
    sent: 'maybe',
  },
  {
    name: 'waitMsg',
    start: async ({ client }) => {
      const promise = client.waitMsg()
      await settle()
      return { promise }
    },
    // PINGREQ after nine tenths of Keep Alive, and its bound.
    silentMs: 64_000,
    sent: undefined,
    direct: true,
  },
  {
    name: 'the next of an iterator',
    start: async ({ client }) => {
      const promise = client.messages().next()
      await settle()
      return { promise }
    },
    silentMs: 64_000,
    sent: undefined,
    direct: true,
  },
  {
    name: 'reauthenticate',
    start: async ({ client, connection }) => {
      const promise = client.reauthenticate()
      await take(connection, PacketType.AUTH)
      return { promise }
    },
    silentMs: 20_000,
    sent: undefined,
    direct: true,
  },
]

interface Ending {
  readonly name: string
  readonly end: (made: Connected) => unknown
  /** The class of the reason. */
  readonly reason: string
  /** The server ends its side alone: what we have still to write goes on. */
  readonly closesItself?: boolean
}

const ENDINGS: readonly Ending[] = [
  {
    name: 'the server closes',
    end: ({ connection }) => connection.close(),
    reason: 'ConnectionLostError',
    closesItself: true,
  },
  {
    name: 'the connection breaks',
    end: ({ connection }) => connection.destroy(),
    reason: 'ConnectionLostError',
  },
  {
    name: 'the server sends DISCONNECT',
    end: ({ connection }) =>
      connection.send({ type: PacketType.DISCONNECT, reasonCode: 0x8b, properties: {} }),
    reason: 'ServerDisconnectError',
  },
  {
    name: 'the server sends what is no packet',
    end: ({ connection }) => connection.sendBytes(Uint8Array.of(0x00, 0x00)),
    reason: 'MalformedPacketError',
  },
  {
    name: 'the server breaks a rule',
    end: ({ connection }) => connection.sendBytes(Uint8Array.of(0x20, 0x03, 0x00, 0x00, 0x00)),
    reason: 'ProtocolError',
  },
]

const prepare = async (): Promise<Connected> => {
  const made = testClient({ properties: { authentication: { method: 'M' } } })
  made.server.bufferBytes = 0
  return { ...made, ...(await reconnected(made, { connack: { receiveMaximum: 3 } })) }
}

const describeError = (error: unknown): unknown => {
  ok(error instanceof MqttError, String(error))
  return { name: error.name, sent: error.sent, cause: (error.cause as Error | undefined)?.name }
}

for (const operation of OPERATIONS) {
  const { name, silentMs, sent, direct = false } = operation
  describe(name, () => {
    for (const { name: what, end, reason, closesItself } of ENDINGS) {
      test(`rejects at once when ${what}`, async () => {
        const made = await prepare()
        const { promise } = await operation.start(made)
        const outcome = watch(promise)
        end(made)
        await settle()
        // A peer that does not read takes no farewell: then the bounds on closing and writing count.
        if (made.server.stallWrites) await pass(made.clock, closesItself ? 20_000 : 2000)
        equal(outcome.status, 'rejected')
        const cause = made.server.stallWrites && closesItself ? 'TimeoutError' : reason
        if (direct) equal(outcome.error?.name, cause)
        else {
          const lost = { name: 'ConnectionLostError', sent, cause }
          deepEqual(describeError(outcome.error), lost)
        }
        await settle()
        deepEqual([made.client.state, made.clock.pending], ['closed', 0])
      })
    }

    test(`rejects within ${silentMs} ms when the server is silent`, async () => {
      const made = await prepare()
      const { promise } = await operation.start(made)
      const outcome = watch(promise)
      await pass(made.clock, silentMs - 1)
      equal(outcome.status, 'open')
      await pass(made.clock, 1)
      equal(outcome.status, 'rejected')
      if (direct) ok(outcome.error instanceof TimeoutError)
      else {
        const lost = { name: 'ConnectionLostError', sent, cause: 'TimeoutError' }
        deepEqual(describeError(outcome.error), lost)
      }
      deepEqual([made.client.state, made.clock.pending], ['closed', 0])
    })

    test('ends when the client disconnects', async () => {
      const made = await prepare()
      const { promise } = await operation.start(made)
      const outcome = watch(promise)
      const disconnecting = watch(made.client.disconnect())
      await pass(made.clock, 2000)
      equal(disconnecting.status, 'fulfilled')
      if (name === 'the next of an iterator') {
        deepEqual(outcome.value, { done: true, value: undefined })
      } else {
        equal(outcome.error?.name, 'ClosedError', String(outcome.error))
        equal((outcome.error as MqttError).sent, sent)
      }
      deepEqual([made.client.state, made.clock.pending], ['closed', 0])
    })
  })
}

describe('an operation that stays open while other things move', () => {
  /** Something is acknowledged every second, so that the connection is not given up. */
  const keepMoving = async (made: Connected, seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      const moving = made.client.subscribe('moving')
      await settle()
      const last = made.connection.received.at(-1)
      ok(last?.type === PacketType.SUBSCRIBE)
      made.connection.acknowledge(last)
      await moving
      await pass(made.clock, 1000)
    }
  }

  const acknowledged = ['publish at QoS 1', 'publish at QoS 2 before PUBREC', 'subscribe']
  const rows: readonly (readonly [name: string, sent: 'no' | 'maybe'])[] = [
    ...acknowledged.map((name) => [name, 'maybe'] as const),
    ['publish at QoS 2 after PUBREC', 'maybe'],
    ['publish that waits for the window', 'no'],
    ['unsubscribe', 'maybe'],
  ]
  for (const [name, sent] of rows) {
    test(`${name} rejects after operationMs, and the connection stays`, async () => {
      const made = await prepare()
      const operation = OPERATIONS.find((row) => row.name === name) as Started
      const { promise } = await operation.start(made)
      const outcome = watch(promise)
      await keepMoving(made, 59)
      await pass(made.clock, 999)
      equal(outcome.status, 'open')
      await pass(made.clock, 1)
      ok(outcome.error instanceof TimeoutError, String(outcome.error))
      deepEqual([outcome.error.sent, outcome.error.afterMs], [sent, 60_000])
      equal(made.client.state, 'connected')
    })
  }

  test('ping rejects after operationMs when bytes come and PINGRESP does not', async () => {
    const made = await connected()
    const outcome = watch(made.client.ping())
    for (let second = 0; second < 60; second += 1) {
      equal(outcome.status, 'open')
      made.connection.publish('a', 'b')
      await pass(made.clock, 1000)
    }
    ok(outcome.error instanceof TimeoutError)
    equal(made.client.state, 'connected')
  })
})

describe('without a connection', () => {
  for (const when of ['before the first connect', 'after disconnect'] as const) {
    test(`every operation rejects at once ${when}`, async () => {
      const made =
        when === 'after disconnect'
          ? await connected({ properties: { authentication: { method: 'M' } } })
          : testClient({ properties: { authentication: { method: 'M' } } })
      const { client } = made
      if (when === 'after disconnect') await client.disconnect()
      const calls: readonly (readonly [what: string, promise: Promise<unknown>])[] = [
        ['publish 0', client.publish('a', 'b')],
        ['publish 1', client.publish('a', 'b', { qos: 1 })],
        ['publish 2', client.publish('a', 'b', { qos: 2 })],
        ['subscribe', client.subscribe('a')],
        ['unsubscribe', client.unsubscribe('a')],
        ['ping', client.ping()],
        ['waitMsg', client.waitMsg()],
        ['reauthenticate', client.reauthenticate()],
      ]
      const outcomes = calls.map(([what, promise]) => [what, watch(promise)] as const)
      await settle()
      for (const [what, { error }] of outcomes) {
        equal(error?.name, 'ClosedError', what)
        if (what.startsWith('publish')) equal((error as MqttError).sent, 'no')
      }
      equal(client.checkMsg(), undefined)
      await client.disconnect()
      equal(made.clock.pending, 0)
    })
  }
})
