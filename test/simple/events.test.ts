// portable
// What listeners are told: states that follow one another as the life of a connection does, a loss exactly
// once for each connection that was there, and a listener that throws or rejects harms nobody.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { ServerDisconnectError } from '../../src/errors.ts'
import { ClientCore } from '../../src/simple/client-core.ts'
import type { SimpleClient } from '../../src/simple/client.ts'
import { resolveOptions } from '../../src/simple/options.ts'
import { settle, testClient, testPlatform } from '../support/scripted-memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { connected, failure, pass, reconnected } from './conversation.ts'

/** Notes what happens, in order. */
function note(client: SimpleClient): string[] {
  const seen: string[] = []
  client.on('state', (state) => {
    equal(client.state, state, 'The event and the getter agree')
    seen.push(state)
  })
  client.on('connection-lost', (error) => seen.push(`lost: ${error.name}`))
  return seen
}

describe('the events of a connection', () => {
  test('follow each other in order when the client disconnects', async () => {
    const made = testClient()
    const seen = note(made.client)
    await reconnected(made)
    await made.client.disconnect()
    deepEqual(seen, ['connecting', 'connected', 'closing', 'closed'])
  })

  const losses: readonly (readonly [
    how: string,
    lose: (made: Awaited<ReturnType<typeof connected>>) => unknown,
    error: string,
  ])[] = [
    ['the server closes', ({ connection }) => connection.close(), 'ConnectionLostError'],
    ['the connection breaks', ({ connection }) => connection.destroy(), 'ConnectionLostError'],
    [
      'the server sends DISCONNECT',
      ({ connection }) =>
        connection.send({ type: PacketType.DISCONNECT, reasonCode: 0x8b, properties: {} }),
      'ServerDisconnectError',
    ],
    [
      'the server sends rubbish',
      ({ connection }) => connection.sendBytes(Uint8Array.of(0x00, 0x00)),
      'MalformedPacketError',
    ],
    ['the server is silent', ({ clock }) => pass(clock, 64_000), 'TimeoutError'],
  ]
  for (const [how, lose, error] of losses) {
    test(`tell the loss once when ${how}, after the state`, async () => {
      const made = await connected()
      const seen = note(made.client)
      await lose(made)
      await pass(made.clock, 100_000)
      deepEqual(
        seen.filter((entry) => entry !== 'closing'),
        ['closed', `lost: ${error}`],
      )
      equal(made.client.state, 'closed')
    })
  }

  test('pair over many connections: each accepted one ends once', async () => {
    const made = testClient()
    const seen = note(made.client)
    for (let round = 0; round < 20; round += 1) {
      made.server.refuse = round % 3 === 0 ? new Error('no route') : undefined
      if (made.server.refuse !== undefined) {
        await failure(made.client.connect(), Error)
        continue
      }
      const { connection } = await reconnected(made)
      if (round % 2 === 0) await made.client.disconnect()
      else {
        connection.destroy()
        await settle()
      }
    }
    const told = (what: string): number => seen.filter((entry) => entry === what).length
    deepEqual([told('connecting'), told('connected'), told('closed')], [20, 13, 20])
    equal(told('lost: ConnectionLostError'), 7)
    for (const [index, entry] of seen.entries()) {
      if (entry === 'connected') equal(seen[index - 1], 'connecting')
      if (entry.startsWith('lost')) equal(seen[index - 1], 'closed')
    }
  })

  test('tell no loss of a connection that was never accepted', async () => {
    const made = testClient()
    const seen = note(made.client)
    const connecting = failure(made.client.connect(), Error)
    const connection = await made.server.connection()
    connection.destroy()
    await connecting
    await settle()
    deepEqual(seen, ['connecting', 'closed'])
  })

  test('have the words of the server in its DISCONNECT', async () => {
    const { client, connection } = await connected()
    const lost: Error[] = []
    client.on('connection-lost', (error) => lost.push(error))
    const properties = { reasonString: 'going down', serverReference: 'b.example' }
    connection.send({ type: PacketType.DISCONNECT, reasonCode: 0x9d, properties })
    await settle()
    const [error] = lost
    ok(error instanceof ServerDisconnectError)
    deepEqual(
      [error.reasonCode, error.reasonString, error.serverReference],
      [0x9d, 'going down', 'b.example'],
    )
    match(error.message, /0x9d.*Server moved.*going down/)
    ok(connection.ended, 'A server that has said goodbye is left at once')
  })
})

describe('a listener', () => {
  const broken: { readonly [how: string]: (error: Error) => unknown } = {
    'that throws': (error) => {
      throw error
    },
    // Nobody else would handle it, and Node ends a process for that.
    'that is async and rejects': (error) => Promise.reject(error),
  }
  for (const [how, fail] of Object.entries(broken)) {
    test(`${how} harms neither the others nor the client; a warning says so once`, async () => {
      const made = testClient()
      const seen: string[] = []
      made.client.on('state', () => fail(new Error('listener broke')) as void)
      made.client.on('state', (state) => seen.push(state))
      await reconnected(made)
      await made.client.disconnect()
      await settle()
      deepEqual(seen, ['connecting', 'connected', 'closing', 'closed'])
      deepEqual(
        made.warnings.map(({ code }) => code),
        ['listener-error'],
      )
      match(made.warnings[0]?.message ?? '', /"state".*listener broke/)
    })

    test(`of "warning" ${how} does not go round in a circle`, async () => {
      const { client, connection } = await connected()
      let calls = 0
      client.on('warning', () => {
        calls += 1
        return fail(new Error('again')) as void
      })
      connection.publish('nobody', 'x')
      await settle()
      ok(calls >= 1 && calls <= 2, `${calls} calls`)
      equal(client.state, 'connected')
    })
  }

  test('that throws what no text can be made of harms nobody either, nor does such a handler', async () => {
    const made = testClient()
    const fail = (): never => {
      throw Object.create(null)
    }
    made.client.on('state', fail)
    const { connection } = await reconnected(made)
    const subscribing = made.client.subscribe('a', {}, fail)
    connection.acknowledge(await connection.next(PacketType.SUBSCRIBE))
    await subscribing
    connection.publish('a', 'x', { qos: 1 })
    await settle()
    equal(made.client.state, 'connected')
    deepEqual(
      made.warnings.map(({ code }) => code),
      ['listener-error', 'handler-error'],
    )
  })

  test('is called until it is removed, as often as it was added', async () => {
    const made = testClient()
    let calls = 0
    const listener = (): void => void (calls += 1)
    const remove = [made.client.on('state', listener), made.client.on('state', listener)]
    await reconnected(made)
    equal(calls, 4)
    remove[0]?.()
    remove[0]?.()
    await made.client.disconnect()
    equal(calls, 6)
    remove[1]?.()
    await reconnected(made)
    equal(calls, 6)
  })

  test('may be removed by itself, and one added meanwhile waits for the next event', async () => {
    const made = testClient()
    const seen: string[] = []
    const remove = made.client.on('state', (state) => {
      seen.push(`once ${state}`)
      remove()
      made.client.on('state', (next) => seen.push(`then ${next}`))
    })
    await reconnected(made)
    deepEqual(seen, ['once connecting', 'then connected'])
  })

  test('is not what the client works by: without any, all goes on', async () => {
    const made = await connected()
    made.connection.destroy()
    await settle()
    await reconnected(made)
    equal(made.client.state, 'connected')
    deepEqual(made.warnings, [])
  })
})

describe('a warning', () => {
  test('is told a listener once for each text, and the platform once for each code', () => {
    const clock = new VirtualClock(0)
    const warnings: { code: string; message: string }[] = []
    const options = resolveOptions('mqtt://server.example', {}, undefined)
    const core = new ClientCore('client', options, testPlatform(clock, warnings))
    for (const filter of ['a', 'b']) core.warn('refused', filter)
    deepEqual(warnings, [{ code: 'refused', message: 'a' }])
    const heard: string[] = []
    const remove = core.events.on('warning', ({ code, message }) =>
      heard.push(`${code} ${message}`),
    )
    for (const filter of ['a', 'b', 'b', 'c', 'a']) core.warn('refused', filter)
    core.warn('other', 'a')
    for (const text of ['1', '2']) core.warn('each', text, 'of one subject')
    deepEqual(heard, ['refused a', 'refused b', 'refused c', 'other a', 'each 1'])
    // They are remembered within a bound.
    for (let index = 0; index < 100; index += 1) core.warn('many', `${index}`)
    core.warn('refused', 'a')
    equal(heard.at(-1), 'refused a')
    equal(heard.length, 5 + 100 + 1)
    remove()
    core.warn('refused', 'd')
    equal(warnings.length, 1)
  })

  test('that could come with every message is told a listener once', async () => {
    const { client, connection } = await connected()
    const heard: string[] = []
    client.on('warning', ({ code }) => heard.push(code))
    for (const topic of ['a', 'b', 'c']) connection.publish(topic, 'x')
    await settle()
    client.setCallback((topic) => {
      throw new Error(`no ${topic}`)
    })
    for (const topic of ['a', 'b', 'c']) connection.publish(topic, 'x')
    await settle()
    deepEqual(heard, ['unclaimed-message', 'handler-error'])
    let round = 0
    client.on('state', () => {
      throw new Error(`differs ${(round += 1)}`)
    })
    await client.disconnect()
    deepEqual([heard.slice(2), round > 1], [['listener-error'], true])
  })
})
