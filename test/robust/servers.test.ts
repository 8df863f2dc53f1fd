// The function that gives the servers: asked before each attempt, and never what holds a client up.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { ClosedError } from '../../src/errors.ts'
import { failure } from '../simple/conversation.ts'
import { accepted, dialled, robustClient } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

const AWAY = new Error('away')

describe('a function for the servers', () => {
  test('is asked before each attempt, and its list comes after the server of the constructor', async () => {
    const lists = [['mqtt://b.example'], ['mqtt://b.example'], ['mqtt://c.example']]
    let asked = 0
    const rig = robustClient({
      servers: () => Promise.resolve(lists[Math.min((asked += 1) - 1, 2)] as string[]),
    })
    const { client, network, clock } = rig
    for (const host of ['a', 'b']) network.at(`${host}.example`).refuse = AWAY
    const connecting = client.connect()
    await accepted({ server: network.at('c.example'), clock })
    await connecting
    deepEqual(network.dialled, ['a.example', 'b.example', 'a.example', 'c.example'])
    equal(asked, 4)
  })

  for (const [what, servers] of [
    ['rejects', () => Promise.reject(new Error('no directory'))],
    [
      'throws',
      () => {
        throw new Error('no directory')
      },
    ],
    ['gives undefined', () => Promise.resolve(undefined)],
    ['gives a text', () => Promise.resolve('mqtt://b.example')],
    ['gives numbers', () => Promise.resolve([5])],
    ['gives what is no server', () => Promise.resolve(['mqtt://b.example', 'http://x'])],
  ] as const) {
    test(`that ${what} leaves those that are known, and is warned of once`, async () => {
      const rig = robustClient({ servers: servers as never })
      const { client, network, clock, warnings } = rig
      network.at('a.example').refuse = AWAY
      void client.connect()
      await elapse(clock, 60_000)
      network.at('a.example').refuse = undefined
      await accepted(rig)
      ok(network.dialled.length > 2)
      deepEqual(new Set(network.dialled), new Set(['a.example']))
      deepEqual(
        warnings.map(({ code }) => code),
        ['servers'],
      )
      match(warnings[0]?.message ?? '', /servers\(\)/)
    })
  }

  test('that fails once leaves the list of before', async () => {
    let fails = false
    const rig = robustClient({
      servers: () => (fails ? Promise.reject(new Error('x')) : Promise.resolve(['b.example'])),
    })
    const { client, network, clock } = rig
    network.at('a.example').refuse = AWAY
    void client.connect()
    const first = await accepted({ server: network.at('b.example'), clock })
    fails = true
    first.destroy()
    await accepted({ server: network.at('b.example'), clock }, { sessionPresent: true })
    equal(client.state, 'connected')
  })

  test('that never settles is waited for as long as for a connection, each time', async () => {
    const rig = robustClient({
      servers: () => new Promise(() => undefined),
      timeouts: { connectMs: 5_000 },
    })
    const before = rig.clock.now()
    const connecting = rig.client.connect()
    await accepted(rig)
    await connecting
    equal(rig.clock.now() - before, 5_000)
  })

  test('that never settles holds up no disconnect, and leaves no timer', async () => {
    const { client, clock, server } = robustClient({ servers: () => new Promise(() => undefined) })
    const connecting = failure(client.connect(), ClosedError)
    await elapse(clock, 1_000)
    await client.disconnect()
    await connecting
    await elapse(clock, 0)
    deepEqual([clock.pending, client.state], [0, 'closed'])
    await elapse(clock, 600_000)
    equal(server.dials, 0)
  })

  test('that answers after disconnect and connect changes nothing of the new attempt', async () => {
    const answers: ((list: string[]) => void)[] = []
    const rig = robustClient({ servers: () => new Promise((resolve) => answers.push(resolve)) })
    const { client, network, clock } = rig
    network.at('a.example').refuse = AWAY
    const first = failure(client.connect(), ClosedError)
    await elapse(clock, 100)
    void client.disconnect()
    const second = client.connect()
    await elapse(clock, 100)
    answers[0]?.(['mqtt://old.example'])
    await elapse(clock, 100)
    for (const answer of answers.slice(1)) answer(['mqtt://new.example'])
    await elapse(clock, 0)
    for (const answer of answers.slice(1)) answer(['mqtt://new.example'])
    await accepted({ server: network.at('new.example'), clock })
    await Promise.all([first, second])
    ok(!network.dialled.includes('old.example'))
  })
})

describe('servers that share no sessions', () => {
  for (const reached of [false, true]) {
    const how = reached ? 'asked for a new session, and not answered' : 'not reached'
    test(`have what was in flight sent when another was ${how} meanwhile`, async () => {
      const rig = robustClient({ servers: ['b.example'], sharedSessions: false })
      const { client, network, clock } = rig
      const [a, b] = [network.at('a.example'), network.at('b.example')]
      void client.connect()
      const first = await accepted({ server: a, clock })
      const receipt = client.publish('t', 'x')
      await settle()
      a.refuse = AWAY
      if (!reached) b.refuse = AWAY
      first.destroy()
      if (reached) (await dialled({ server: b, clock })).destroy()
      else await elapse(clock, 20_000)
      a.refuse = undefined
      b.refuse = AWAY
      // It knows this session only where it has not asked for another one since.
      const second = await dialled({ server: a, clock })
      const { cleanStart } = await second.connect()
      equal(cleanStart, reached)
      const connack = { type: PacketType.CONNACK, reasonCode: 0, properties: {} }
      second.send({ ...connack, sessionPresent: !cleanStart })
      second.autoRespond()
      const { status, possiblyDuplicated } = await receipt.settled
      deepEqual([status, possiblyDuplicated], ['delivered', reached])
    })
  }
})

describe('the option servers', () => {
  for (const [servers, why] of [
    ['mqtt://b.example', /give a list of servers, or a function/],
    [{}, /give a list of servers, or a function/],
    [['http://b.example'], /use "mqtt:"/],
    [[5], /write a host name or a URL/],
  ] as const) {
    test(`refuses ${JSON.stringify(servers)} at the call`, () => {
      throws(() => robustClient({ servers: servers as never }), why)
    })
  }

  test('may name the server of the constructor too, which is tried once a round', async () => {
    const servers = ['mqtt://b.example', 'mqtt://a.example']
    const { client, network, clock } = robustClient({ servers })
    for (const host of ['a', 'b']) network.at(`${host}.example`).refuse = AWAY
    void client.connect()
    await elapse(clock, 500)
    deepEqual(network.dialled, ['a.example', 'b.example'])
  })
})
