// The function that gives the servers: asked before each attempt, and never what holds a client up.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { ClosedError } from '../../src/errors.ts'
import { guaranteed } from '../../src/robust/policies.ts'
import { failure } from '../simple/conversation.ts'
import { HeldStore, KeptStore } from '../support/kept-store.ts'
import {
  accepted,
  brief,
  connectedRig,
  dialled,
  robustClient,
  type RobustRig,
} from '../support/robust-rig.ts'
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
    ['rejects with what no text can be made of', () => Promise.reject(Object.create(null))],
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

  test('that is still waited for when the client disconnects is no fault of the function', async () => {
    const { client, warnings } = robustClient({
      servers: () => new Promise<never>(() => undefined),
    })
    const connecting = client.connect()
    await settle()
    await client.disconnect()
    await failure(connecting, ClosedError)
    await settle()
    deepEqual(warnings, [])
  })

  test('that names the server of the constructor with another query has it in its place', async () => {
    let asked = 0
    const paths: string[] = []
    const rig = robustClient({
      server: 'wss://a.example/mqtt',
      servers: () =>
        Promise.resolve(['b.example', `wss://A.example:443/mqtt?signed=${(asked += 1)}`]),
      transport: (address, handler, options) => {
        paths.push(address.host + address.path)
        return rig.network.transport(address, handler, options)
      },
    })
    rig.network.at('b.example').refuse = AWAY
    void rig.client.connect()
    const first = await accepted(rig)
    first.destroy()
    await accepted(rig, { sessionPresent: true })
    deepEqual(paths, ['a.example/mqtt?signed=1', 'a.example/mqtt?signed=2'])
  })

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

describe('servers that share no sessions, after a restart', () => {
  const REPORTED = guaranteed({ qos: 2, onSessionLoss: 'report' })
  for (const protocol of [4, 5] as const) {
    const inVersion = `with MQTT ${protocol === 4 ? '3.1.1' : '5.0'}`
    const options = { protocol, servers: ['b.example'], sharedSessions: false } as const

    /** What a process leaves that had a session at the first server, and then one at the second. */
    const leftBehind = async (): Promise<KeptStore> => {
      const outbox = new KeptStore()
      const { server, connection, client, clock, network } = await connectedRig({
        ...options,
        outbox,
      })
      server.refuse = AWAY
      connection.destroy()
      const second = { server: network.at('b.example'), clock }
      let live = await accepted(second)
      equal(brief(live.received)[0], 'CONNECT clean')
      if (protocol === 4) live = await accepted(second)
      const { stored } = client.publish('t', 'x', { delivery: REPORTED })
      await stored
      await settle()
      equal(brief(live.received).at(-1), 'PUBLISH t 1')
      return outbox
    }
    const outcomes = ({ client }: RobustRig): string[] => {
      const told: string[] = []
      client.on('settled', ({ outcome: { status } }) => told.push(status))
      return told
    }

    test(`${inVersion} an older session at another one is started clean`, async () => {
      const rig = robustClient({ ...options, outbox: await leftBehind() })
      const told = outcomes(rig)
      void rig.client.connect()
      let live = await accepted(rig, { sessionPresent: false })
      equal(brief(live.received)[0], 'CONNECT clean')
      if (protocol === 4) live = await accepted(rig)
      // The other server may have it.
      deepEqual([told, brief(live.received).length], [['maybe-delivered'], 1])
    })

    test(`${inVersion} the session at the last one is taken up`, async () => {
      const rig = robustClient({ ...options, outbox: await leftBehind() })
      const told = outcomes(rig)
      rig.server.refuse = AWAY
      void rig.client.connect()
      const second = { server: rig.network.at('b.example'), clock: rig.clock }
      const live = await accepted(second, { sessionPresent: true })
      deepEqual(brief(live.received), ['CONNECT', 'PUBLISH t 1 DUP'])
      deepEqual(told, [])
    })
  }

  for (const ends of ['sent', 'not sent'] as const) {
    test(`a session is not taken up that a clean start of the process before may have ended: ${ends}`, async () => {
      const options = { servers: ['b.example'], sharedSessions: false, outbox: new HeldStore() }
      const { outbox } = options
      const first = await connectedRig(options)
      const { network, clock } = first
      const [a, b] = [network.at('a.example'), network.at('b.example')]
      await first.client.publish('t', 'x', { delivery: REPORTED }).stored
      await settle()
      equal(brief(first.connection.received).at(-1), 'PUBLISH t 1')
      first.connection.publish('cmd', 'old', { qos: 2, packetId: 5 })
      a.refuse = AWAY
      await settle()
      first.connection.destroy()
      const other = await dialled({ server: b, clock })
      equal((await other.connect()).cleanStart, true)
      // Until it is recorded that the first session is given up, no CONNECT goes out that ends it.
      outbox.isHeld = true
      const dials = a.dials
      a.refuse = undefined
      b.refuse = AWAY
      other.destroy()
      await elapse(clock, 60_000)
      equal(a.dials, dials)
      if (ends === 'sent') {
        await outbox.letAll()
        const again = await dialled({ server: a, clock })
        equal((await again.connect()).cleanStart, true)
      }
      // The process ends here.
      const rig = robustClient({ ...options, outbox: await outbox.copy() })
      const told: string[] = []
      rig.client.on('settled', ({ outcome: { status } }) => told.push(status))
      void rig.client.connect()
      const live = await dialled(rig)
      const { cleanStart } = await live.connect()
      const connack = { type: PacketType.CONNACK, reasonCode: 0, properties: {} }
      live.send({ ...connack, sessionPresent: !cleanStart })
      await settle()
      const isGone = ends === 'sent'
      equal(cleanStart, isGone)
      deepEqual(
        [told, brief(live.received).slice(1)],
        isGone ? [['maybe-delivered'], []] : [[], ['PUBLISH t 1 DUP']],
      )
    })
  }

  /** A session at A is to be ended, and the disk does not say that it has recorded that. */
  async function leaving(): Promise<RobustRig & { readonly outbox: HeldStore }> {
    const outbox = new HeldStore()
    const rig = await connectedRig({ servers: ['b.example'], sharedSessions: false, outbox })
    const b = rig.network.at('b.example')
    rig.server.refuse = AWAY
    rig.connection.destroy()
    const other = await dialled({ server: b, clock: rig.clock })
    await other.connect()
    outbox.isHeld = true
    rig.server.refuse = undefined
    b.refuse = AWAY
    other.destroy()
    return { ...rig, outbox }
  }

  test('a disk that does not answer fails the attempt in the time of one, and is asked again', async () => {
    const { client, clock, server, network, outbox } = await leaving()
    const errors: Error[] = []
    client.on('waiting', ({ error }) => errors.push(error))
    const { dials } = server
    const before = network.dialled.length
    await elapse(clock, 200_000)
    ok(errors.some(({ message }) => message === 'No answer from the outbox within 30000 ms'))
    // The others are tried meanwhile, and end nothing there.
    deepEqual(network.dialled.slice(before), ['b.example', 'b.example'])
    equal(server.dials, dials)
    await outbox.letAll()
    equal((await (await dialled({ server, clock })).connect()).cleanStart, true)
  })

  test('what is still being recorded is waited for after disconnect and connect too', async () => {
    const { client, clock, server, outbox } = await leaving()
    const { dials } = server
    await elapse(clock, 20_000)
    await client.disconnect()
    void client.connect()
    await elapse(clock, 100_000)
    equal(server.dials, dials)
    await outbox.letAll()
    equal((await (await dialled({ server, clock })).connect()).cleanStart, true)
  })

  test('the same server is known by another way to write it', async () => {
    const outbox = new KeptStore()
    const { client } = await connectedRig({ server: 'a.example', outbox, sharedSessions: false })
    await client[Symbol.asyncDispose]()
    const rig = robustClient({ server: 'mqtt://a.example:1883', outbox, sharedSessions: false })
    void rig.client.connect()
    equal(brief((await accepted(rig)).received)[0], 'CONNECT')
  })

  test('nothing is known of it to a client with another identifier', async () => {
    const outbox = new KeptStore()
    const first = await connectedRig({ clientId: 'before', outbox, sharedSessions: false })
    await first.client[Symbol.asyncDispose]()
    const rig = robustClient({ server: 'b.example', outbox, sharedSessions: false })
    void rig.client.connect()
    equal(brief((await accepted(rig)).received)[0], 'CONNECT')
  })
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
