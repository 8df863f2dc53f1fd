// portable
// Handlers that fail, take long, or call the client: a failure is reported and harms nobody, and whatever a
// handler calls is safe.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { TimeoutError } from '../../src/errors.ts'
import type { ClientOptions, Message, QoS } from '../../src/simple/types.ts'
import { settle } from '../support/scripted-memory.ts'
import {
  acknowledgements,
  connected,
  type Connected,
  count,
  gate,
  pass,
  reconnected,
  take,
} from './conversation.ts'

type Policy = NonNullable<ClientOptions['onHandlerError']>

const BOOM = new Error('boom')

function throwBoom(): never {
  throw BOOM
}

/** Ways in which a handler fails. */
const FAILURES: readonly (readonly [how: string, handler: () => unknown])[] = [
  ['throws', throwBoom],
  ['rejects', () => Promise.reject(BOOM)],
  ['throws while it is awaited', () => Object.defineProperty({}, 'then', { get: throwBoom })],
]

/** The reason code that answers a failed handler, or undefined for no answer. */
const ANSWERS: readonly (readonly [Policy, version: 4 | 5, reasonCode: number | undefined])[] = [
  ['acknowledge', 5, 0],
  ['acknowledge', 4, 0],
  ['reject', 5, 0x83],
  ['reject', 4, 0],
  ['hold', 5, undefined],
  ['hold', 4, undefined],
]

describe('a handler that fails', () => {
  for (const [onHandlerError, protocol, reasonCode] of ANSWERS) {
    for (const [how, handler] of FAILURES) {
      for (const qos of [1, 2] as const) {
        test(`and ${how} at QoS ${qos} on ${protocol} with "${onHandlerError}"`, async () => {
          const { client, connection } = await connected({ onHandlerError, protocol })
          const errors: { error: unknown; message: Message }[] = []
          client.on('handler-error', (detail) => errors.push(detail))
          client.on('connection-lost', () => errors.push(undefined as never))
          client.setCallback(handler)
          connection.publish('a', 'b', { qos, packetId: 7 })
          await settle()
          equal(errors.length, 1)
          equal(errors[0]?.error, BOOM)
          equal(errors[0]?.message.topic, 'a')
          const answer = connection.received[1]
          if (reasonCode === undefined) equal(answer, undefined)
          else {
            ok(answer?.type === (qos === 1 ? PacketType.PUBACK : PacketType.PUBREC))
            deepEqual([answer.packetId, answer.reasonCode], [7, reasonCode])
          }
          deepEqual([client.state, client.statistics.handlerErrors], ['connected', 1])
        })
      }
    }
  }

  test('at QoS 0 is reported, and there is nothing to answer', async () => {
    const { client, connection, warnings } = await connected({ onHandlerError: 'reject' })
    client.setCallback(() => {
      throw BOOM
    })
    connection.publish('a', 'b')
    connection.publish('a', 'b')
    await settle()
    equal(client.statistics.handlerErrors, 2)
    equal(connection.received.length, 1)
    deepEqual(
      warnings.map(({ code }) => code),
      ['handler-error'],
    )
    match(warnings[0]?.message ?? '', /"a".*boom/)
  })

  test('does not keep the other handlers, nor later messages, from being handled', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    client.on('handler-error', () => seen.push('error'))
    client.setCallback((_, payload) => {
      seen.push(`callback ${payload.length}`)
      throw BOOM
    })
    connection.autoRespond()
    await client.subscribe('a', {}, (_, payload) => seen.push(`handler ${payload.length}`))
    connection.publish('a', 'x', { qos: 1 })
    connection.publish('a', 'xx', { qos: 1 })
    await settle()
    const each = (n: number): string[] => [`callback ${n}`, 'error', `handler ${n}`]
    deepEqual(seen, [...each(1), ...each(2)])
    equal(count(connection, PacketType.PUBACK), 2)
  })

  test('with "hold" gets the message again on the next connection, and no other one waits', async () => {
    const made = await connected({ onHandlerError: 'hold' }, { request: { cleanStart: false } })
    const { client, connection } = made
    const seen: string[] = []
    let broken = true
    client.on('handler-error', () => undefined)
    client.setCallback((topic, _, { dup }) => {
      seen.push(`${topic} ${dup}`)
      if (topic === 'held' && broken) throw BOOM
    })
    connection.publish('held', 'x', { qos: 1, packetId: 1 })
    connection.publish('held', 'x', { qos: 2, packetId: 2 })
    connection.publish('other', 'x', { qos: 1, packetId: 3 })
    await settle()
    deepEqual(acknowledgements(connection), [['PUBACK', 3]])
    connection.destroy()
    await settle()
    broken = false
    const again = await reconnected(made, {
      request: { cleanStart: false },
      sessionPresent: true,
    })
    again.connection.publish('held', 'x', { qos: 1, packetId: 1, dup: true })
    again.connection.publish('held', 'x', { qos: 2, packetId: 2, dup: true })
    await settle()
    deepEqual(acknowledgements(again.connection), [
      ['PUBACK', 1],
      ['PUBREC', 2],
    ])
    deepEqual(seen, ['held false', 'held false', 'other false', 'held true', 'held true'])
  })

  test('with "reject" on 3.1.1 has taken the message: a copy is not handled [MQTT-4.3.3-2]', async () => {
    const { client, connection } = await connected({ onHandlerError: 'reject', protocol: 4 })
    let calls = 0
    client.on('handler-error', () => undefined)
    client.setCallback(() => {
      calls += 1
      throw BOOM
    })
    connection.publish('a', 'b', { qos: 2, packetId: 7 })
    await take(connection, PacketType.PUBREC)
    connection.publish('a', 'b', { qos: 2, packetId: 7, dup: true })
    await take(connection, PacketType.PUBREC)
    equal(calls, 1)
  })
})

describe('a handler that takes long', () => {
  test('is reported once after handlerTimeoutMs, and waited for all the same', async () => {
    const { client, connection, clock } = await connected({ timeouts: { handlerTimeoutMs: 500 } })
    const errors: { error: unknown; message: Message }[] = []
    client.on('handler-error', (detail) => errors.push(detail))
    const busy = gate()
    client.setCallback(() => busy.promise)
    connection.publish('slow', 'x', { qos: 1 })
    await pass(clock, 499)
    equal(errors.length, 0)
    await pass(clock, 1)
    const [reported] = errors
    ok(reported?.error instanceof TimeoutError)
    deepEqual([reported.error.operation, reported.error.afterMs], ['handler', 500])
    match(reported.error.message, /"slow".*500 ms/)
    equal(reported.message.topic, 'slow')
    await pass(clock, 5000)
    deepEqual([errors.length, count(connection, PacketType.PUBACK)], [1, 0])
    busy.open()
    await settle()
    const puback = await take(connection, PacketType.PUBACK)
    equal(puback.reasonCode, 0)
  })

  test('is reported each by its own time when there are several', async () => {
    const { client, connection, clock } = await connected({ timeouts: { handlerTimeoutMs: 500 } })
    const reported: string[] = []
    client.on('handler-error', ({ message }) => reported.push(`${message.topic} ${clock.now()}`))
    const started = clock.now()
    const quick = gate()
    client.setCallback((topic) => (topic === 'quick' ? quick.promise : gate().promise))
    for (const topic of ['a', 'quick', 'b', 'c']) {
      connection.publish(topic, 'x')
      await pass(clock, 100)
    }
    quick.open()
    await pass(clock, 1000)
    deepEqual(reported, [`a ${started + 500}`, `b ${started + 700}`, `c ${started + 800}`])
  })

  test('is not reported when it is done in time, and leaves no timer in the end', async () => {
    const { client, connection, clock } = await connected({ timeouts: { handlerTimeoutMs: 500 } })
    client.setCallback(() => Promise.resolve())
    connection.publish('a', 'x')
    await pass(clock, 10_000)
    equal(client.statistics.handlerErrors, 0)
    await client.disconnect()
    equal(clock.pending, 0)
  })

  test('holds up neither the next message nor the acknowledgements of others', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    client.setCallback((topic) => {
      seen.push(topic)
      return topic === 'slow' ? gate().promise : undefined
    })
    connection.publish('fast', 'x', { qos: 1, packetId: 1 })
    connection.publish('slow', 'x', { qos: 1, packetId: 2 })
    connection.publish('fast', 'x')
    await settle()
    deepEqual(seen, ['fast', 'slow', 'fast'])
    deepEqual(acknowledgements(connection), [['PUBACK', 1]])
  })

  test('is not waited for when what it returns is no promise', async () => {
    const { client, connection } = await connected()
    const receipt = { id: '1', settled: gate().promise, wait: () => gate().promise }
    client.setCallback(() => receipt)
    connection.publish('a', 'x', { qos: 1 })
    equal((await take(connection, PacketType.PUBACK)).packetId, 1)
  })
})

describe('a handler that calls the client', () => {
  const echo = (made: Connected, qos: QoS, depth: number): Promise<string[]> => {
    const { client, connection } = made
    const done: string[] = []
    const all = gate<string[]>()
    client.setCallback(async (topic, payload) => {
      const level = payload.length
      done.push(`${topic} ${level}`)
      if (level < depth) {
        await client.publish('out', new Uint8Array(level + 1), { qos })
        done.push(`published ${level + 1}`)
        // The server hands it back, and that handler publishes in its turn.
        connection.publish('in', new Uint8Array(level + 1), { qos })
      } else all.open(done)
    })
    connection.autoRespond()
    connection.publish('in', new Uint8Array(1), { qos })
    return all.promise
  }

  for (const qos of [0, 1, 2] as const) {
    test(`may publish at QoS ${qos} and wait for it, nested, with one message at a time`, async () => {
      const made = await connected({}, { connack: { receiveMaximum: 1 } })
      const done = await echo(made, qos, 5)
      deepEqual(
        done.filter((entry) => entry.startsWith('published')),
        ['published 2', 'published 3', 'published 4', 'published 5'],
      )
      await settle()
      equal(made.client.statistics.inflight, 0)
      equal(made.client.statistics.inboxBytes, 0)
    })
  }

  test('may publish without waiting, from a thousand messages of one read', async () => {
    const { client, connection } = await connected()
    const outcomes: Promise<unknown>[] = []
    client.setCallback((_, payload) => {
      outcomes.push(client.publish('out', payload, { qos: 1 }))
    })
    connection.autoRespond()
    for (let index = 0; index < 1000; index += 1) connection.publish('in', 'x')
    await settle()
    equal(outcomes.length, 1000)
    await Promise.all(outcomes)
  })

  test('may subscribe and unsubscribe, also itself', async () => {
    const { client, connection } = await connected({ limits: { receiveMaximum: 1 } })
    const seen: string[] = []
    connection.autoRespond()
    const subscription = await client.subscribe('first', {}, async () => {
      seen.push('first')
      await client.subscribe('second', {}, () => seen.push('second'))
      await subscription.unsubscribe()
      seen.push('unsubscribed')
    })
    connection.publish('first', 'x', { qos: 1 })
    await settle()
    connection.publish('first', 'x')
    connection.publish('second', 'x')
    await settle()
    deepEqual(seen, ['first', 'unsubscribed', 'second'])
  })

  test('may replace the callback and ask for messages', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    client.setCallback((topic) => {
      seen.push(`old ${topic}`)
      client.setCallback((next) => seen.push(`new ${next}`))
      equal(client.checkMsg(), undefined)
    })
    connection.publish('1', 'x')
    connection.publish('2', 'x')
    await settle()
    deepEqual(seen, ['old 1', 'new 2'])
  })

  test('may disconnect and wait for that: nothing is acknowledged afterwards', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    client.setCallback(async (topic) => {
      seen.push(topic)
      if (topic === '2') await client.disconnect()
    })
    connection.publish('1', 'x', { qos: 1, packetId: 1 })
    connection.publish('2', 'x', { qos: 1, packetId: 2 })
    await settle()
    equal(client.state, 'closed')
    ok(connection.ended)
    deepEqual(acknowledgements(connection), [['PUBACK', 1]])
    equal(connection.received.at(-1)?.type, PacketType.DISCONNECT)
    deepEqual(seen, ['1', '2'])
  })
})
