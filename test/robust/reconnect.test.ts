// Every later connection: when it is tried, what brings it forward, what holds it back, and that nothing
// at all makes it a hot loop.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { within } from '../../src/robust/policies.ts'
import { count, watch } from '../simple/conversation.ts'
import {
  accepted,
  brief,
  connectedRig,
  dialled,
  Network,
  refused,
  robustClient,
  seeded,
} from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const REFUSED = new Error('connect ECONNREFUSED')

const disconnect = (reasonCode: number, properties = {}): never =>
  ({ type: PacketType.DISCONNECT, reasonCode, properties }) as never

describe('after a connection', () => {
  for (const how of ['close', 'destroy'] as const) {
    test(`that the server ended with ${how}, it is made again within the first wait`, async () => {
      const rig = await connectedRig()
      const { client, clock, connection, told } = rig
      const before = clock.now()
      connection[how]()
      await settle()
      equal(client.state, 'waiting')
      await accepted(rig, { sessionPresent: true })
      const waited = clock.now() - before
      ok(waited >= 1_000 && waited <= 13_000, `${waited}`)
      equal(client.state, 'connected')
      deepEqual(
        told.map((line) => line.split(' ')[0]),
        ['attempt', 'connected', 'connection-lost', 'waiting', 'attempt', 'connected'],
      )
    })
  }

  test('one that is half open is noticed by the client alone, and made again', async () => {
    const rig = await connectedRig()
    const { client, clock, server, told } = rig
    server.stallReads = true
    server.stallWrites = true
    await elapse(clock, 64_000)
    equal(client.state, 'waiting')
    ok(told.includes('connection-lost TimeoutError'))
    server.stallReads = false
    server.stallWrites = false
    await accepted(rig, { sessionPresent: true })
    equal(client.state, 'connected')
  })

  test('one that is half open is noticed sooner by a message that waits for its answer', async () => {
    const rig = await connectedRig()
    const { client, clock, server } = rig
    server.stallReads = true
    const receipt = client.publish('a', 'b')
    await elapse(clock, 20_000)
    equal(client.state, 'waiting')
    server.stallReads = false
    const second = await accepted(rig, { sessionPresent: true })
    second.autoRespond()
    await settle()
    const outcome = await receipt.settled
    deepEqual([outcome.status, outcome.attempts], ['delivered', 2])
  })

  test('a server that accepts and ends it at once is tried ever more rarely', async () => {
    const rig = robustClient()
    const { client, server, clock } = rig
    void client.connect()
    const times: number[] = []
    for (let round = 0; round < 12; round += 1) {
      const connection = await accepted(rig, { sessionPresent: round > 0 })
      times.push(clock.now())
      connection.destroy()
      await settle()
    }
    const waits = times.slice(1).map((at, index) => at - (times[index] as number))
    ok(waits.every((ms) => ms >= 1_000 && ms <= 120_000))
    ok(waits.slice(-3).every((ms) => ms > 30_000 || ms >= 1_000))
    ok((times.at(-1) as number) - (times[0] as number) > 200_000, String(waits))
    equal(server.dials, 12)
  })

  test('that lasted 30 s the waits begin anew', async () => {
    const rig = robustClient()
    const { client, server, clock } = rig
    server.refuse = REFUSED
    void client.connect()
    await elapse(clock, 900_000)
    server.refuse = undefined
    const connection = await accepted(rig)
    await elapse(clock, 30_000)
    const before = clock.now()
    connection.destroy()
    await accepted(rig, { sessionPresent: true })
    ok(clock.now() - before <= 13_000)
  })
})

describe('a list of servers', () => {
  const LIST = { servers: ['mqtt://b.example', 'mqtt://c.example'] }

  test('is tried to its end before anything sleeps, the one of the constructor first', async () => {
    const rig = robustClient(LIST)
    const { client, network, clock, told } = rig
    network.at('a.example').refuse = REFUSED
    network.at('b.example').refuse = REFUSED
    const before = clock.now()
    const connecting = client.connect()
    await accepted({ server: network.at('c.example'), clock })
    await connecting
    deepEqual(network.dialled, ['a.example', 'b.example', 'c.example'])
    equal(clock.now(), before)
    deepEqual(told, [
      'attempt 1 mqtt://a.example',
      'waiting 0',
      'attempt 2 mqtt://b.example',
      'waiting 0',
      'attempt 3 mqtt://c.example',
      'connected new',
    ])
  })

  test('sleeps after its last, at least the floor', async () => {
    const { client, network, clock } = robustClient(LIST)
    for (const host of ['a', 'b', 'c']) network.at(`${host}.example`).refuse = REFUSED
    void client.connect()
    await elapse(clock, 999)
    equal(network.dialled.length, 3)
    await elapse(clock, 600_000)
    ok(network.dialled.length % 3 === 0 && network.dialled.length <= 60)
  })

  test('begins with the last good one', async () => {
    const rig = robustClient(LIST)
    const { client, network, clock } = rig
    network.at('a.example').refuse = REFUSED
    void client.connect()
    const good = await accepted({ server: network.at('b.example'), clock })
    network.at('a.example').refuse = undefined
    await elapse(clock, 60_000)
    good.destroy()
    await accepted({ server: network.at('b.example'), clock }, { sessionPresent: true })
    deepEqual(network.dialled, ['a.example', 'b.example', 'b.example'])
  })

  test('goes past one that never answers', async () => {
    const rig = robustClient({ ...LIST, timeouts: { connectMs: 5_000 } })
    const { client, network, clock } = rig
    network.at('a.example').blackHole = true
    const before = clock.now()
    void client.connect()
    await accepted({ server: network.at('b.example'), clock })
    deepEqual([clock.now() - before, client.state], [5_000, 'connected'])
  })
})

describe('a server that names another', () => {
  for (const reference of ['b.example', 'b.example:1884', 'mqtt://b.example']) {
    test(`as "${reference}" in CONNACK is followed at once`, async () => {
      const rig = robustClient()
      const { client, network, clock } = rig
      const before = clock.now()
      const connecting = client.connect()
      await refused(rig, 0x9c, { serverReference: reference })
      await accepted({ server: network.at('b.example'), clock })
      await connecting
      deepEqual([clock.now(), network.dialled], [before, ['a.example', 'b.example']])
    })
  }

  test('in DISCONNECT is followed after a wait, and stays the first', async () => {
    const rig = await connectedRig()
    const { connection, network, clock } = rig
    connection.send(disconnect(0x9d, { serverReference: 'b.example' }))
    const moved = await accepted({ server: network.at('b.example'), clock })
    await elapse(clock, 60_000)
    moved.destroy()
    await accepted({ server: network.at('b.example'), clock }, { sessionPresent: true })
    deepEqual(network.dialled, ['a.example', 'b.example', 'b.example'])
  })

  test('over TLS is not followed to a connection without it', async () => {
    const rig = robustClient({ server: 'mqtts://a.example' })
    const { network, clock } = rig
    void rig.client.connect().catch(() => undefined)
    await refused(rig, 0x9c, { serverReference: 'mqtt://b.example' })
    await elapse(clock, 1)
    deepEqual(network.dialled, ['a.example'])
    const again = robustClient({ server: 'mqtts://a.example' })
    void again.client.connect()
    await refused(again, 0x9c, { serverReference: 'b.example' })
    await accepted({ server: again.network.at('b.example'), clock: again.clock })
    equal(again.client.state, 'connected')
  })

  test('each the other is no hot loop', async () => {
    const rig = robustClient()
    const { client, network, clock } = rig
    void client.connect()
    let following = true
    const follow = async (host: string, next: string): Promise<void> => {
      while (following) {
        const connection = await network.at(host).connection()
        await connection.connect()
        const properties = { serverReference: next }
        connection.send({
          type: PacketType.CONNACK,
          sessionPresent: false,
          reasonCode: 0x9c,
          properties,
        })
      }
    }
    void follow('a.example', 'b.example')
    void follow('b.example', 'a.example')
    await elapse(clock, 600_000)
    following = false
    ok(network.dialled.length > 5 && network.dialled.length < 120, `${network.dialled.length}`)
  })
})

describe('what brings the next attempt forward', () => {
  test('retryNow does, but for the floor', async () => {
    const rig = robustClient({ random: () => 0.99 })
    const { client, server, clock } = rig
    server.refuse = REFUSED
    void client.connect()
    await elapse(clock, 300_000)
    const { dials } = server
    await elapse(clock, clock.next - clock.now())
    equal(server.dials, dials + 1)
    client.retryNow()
    client.retryNow()
    await elapse(clock, 999)
    equal(server.dials, dials + 1)
    await elapse(clock, 1)
    equal(server.dials, dials + 2)
    await elapse(clock, 20_000)
    server.refuse = undefined
    const before = clock.now()
    client.retryNow()
    await accepted(rig)
    equal(clock.now(), before)
  })

  test('retryNow cuts the slow lane short', async () => {
    const rig = robustClient()
    const connecting = watch(rig.client.connect())
    await refused(rig, 0x87)
    await elapse(rig.clock, 10_000)
    equal(connecting.status, 'rejected')
    rig.client.retryNow()
    const before = rig.clock.now()
    await accepted(rig)
    equal(rig.clock.now(), before)
  })

  test('retryNow does nothing before the first connect', async () => {
    const rig = robustClient()
    rig.client.retryNow()
    await elapse(rig.clock, 60_000)
    equal(rig.server.dials, 0)
  })

  test('retryNow asks a connection for a sign of life, and keeps it when one comes', async () => {
    const { client, connection, clock, server } = await connectedRig()
    connection.autoRespond()
    client.retryNow()
    await settle()
    deepEqual(brief(connection.received).at(-1), 'PINGREQ')
    await elapse(clock, 50_000)
    equal(server.dials, 1)
  })

  test('retryNow finds a connection that died while the device slept, long before keep alive does', async () => {
    const rig = await connectedRig({ keepAliveSeconds: 3_600 })
    rig.client.retryNow()
    rig.client.retryNow()
    await elapse(rig.clock, 9_999)
    equal(rig.client.state, 'connected')
    await elapse(rig.clock, 1)
    equal(rig.client.state, 'waiting')
    await accepted(rig)
    deepEqual([rig.client.state, rig.server.dials], ['connected', 2])
  })

  test('an urgent message does, but for the floor; several share one attempt', async () => {
    const rig = robustClient({ random: () => 0.99 })
    const { client, server, clock } = rig
    server.refuse = REFUSED
    void client.connect()
    await elapse(clock, 300_000)
    await elapse(clock, clock.next - clock.now())
    const { dials } = server
    const receipts = [1, 2, 3].map(() =>
      client.publish('hall/light', 'on', { delivery: within('15s') }),
    )
    await elapse(clock, 999)
    equal(server.dials, dials)
    await elapse(clock, 1)
    equal(server.dials, dials + 1)
    server.refuse = undefined
    const connection = await accepted(rig)
    connection.autoRespond()
    await settle()
    for (const receipt of receipts) equal((await receipt.settled).status, 'delivered')
  })

  test('an urgent message does not, once it has expired', async () => {
    const { client, server, clock } = robustClient({ random: () => 0.99 })
    server.refuse = REFUSED
    void client.connect()
    await elapse(clock, 3_000_000)
    client.publish('a', 'b', { delivery: within('3s') })
    await elapse(clock, 5_000)
    const { dials } = server
    await elapse(clock, 100_000)
    ok(server.dials - dials <= 1)
  })

  for (const urgency of ['an urgent message', 'retryNow'] as const) {
    test(`${urgency} does not against the hint of a server`, async () => {
      const rig = robustClient()
      const { client, server, clock } = rig
      void client.connect()
      await refused(rig, 0x89)
      if (urgency === 'retryNow') client.retryNow()
      else client.publish('a', 'b', { delivery: within('10m') })
      await elapse(clock, 44_000)
      equal(server.dials, 1)
      await accepted(rig)
      ok(clock.now() <= 1_000 + 60_000)
    })
  }
})

describe('what holds it back', () => {
  test('a budget of attempts, whoever asks', async () => {
    const rig = robustClient({ reconnect: { budget: { attempts: 10, perMs: 3_600_000 } } })
    const { client, server, clock } = rig
    server.refuse = REFUSED
    void client.connect()
    for (let minute = 0; minute < 240; minute += 1) {
      client.retryNow()
      client.publish('a', 'b', { delivery: within('50s') })
      await elapse(clock, 60_000)
    }
    ok(server.dials >= 20 && server.dials <= 45, `${server.dials}`)
  })

  test('a budget that is spent for longer than timers run', async () => {
    const perMs = 10 * 2_147_483_647
    const { client, server, clock } = robustClient({
      reconnect: { budget: { attempts: 1, perMs } },
    })
    server.refuse = REFUSED
    void client.connect()
    await elapse(clock, perMs - 1)
    equal(server.dials, 1)
    await elapse(clock, 2)
    equal(server.dials, 2)
  })

  test('another client of the same id: the two do not throw each other out again and again', async () => {
    const network = new Network()
    const clock = new VirtualClock(1_000)
    const server = network.at('a.example')
    const rigs = [1, 2].map((seed) => robustClient({ network, clock, random: seeded(seed) }))
    let last: Awaited<ReturnType<typeof dialled>> | undefined
    const serve = async (): Promise<void> => {
      for (;;) {
        const connection = await server.connection()
        await connection.accept({}, last !== undefined)
        last?.send(disconnect(0x8e))
        last = connection
      }
    }
    void serve()
    for (const { client } of rigs) void client.connect()
    await elapse(clock, 3_600_000)
    ok(server.dials <= 90, `${server.dials}`)
    ok(rigs.some(({ told }) => told.some((line) => line.endsWith(' slow'))))
    const warnings = rigs.flatMap((rig) => rig.warnings)
    // Each client once.
    deepEqual(
      warnings.map(({ code }) => code),
      ['taken-over', 'taken-over'],
    )
    match(warnings[0]?.message ?? '', /client id "client": give each one its own/)
  })

  test('nothing holds back a connection when hours are missing on the clock', async () => {
    const rig = await connectedRig()
    const { client, clock, connection, wall } = rig
    clock.jump(3 * 3_600_000)
    wall.epochMs += 3 * 3_600_000
    await elapse(clock, 0)
    connection.destroy()
    await settle()
    await accepted(rig, { sessionPresent: true })
    equal(client.state, 'connected')
    rig.server.refuse = REFUSED
    rig.server.connections.at(-1)?.destroy()
    await elapse(clock, 5_000)
    clock.jump(12 * 3_600_000)
    rig.server.refuse = undefined
    const before = clock.now()
    await accepted(rig, { sessionPresent: true })
    ok(clock.now() - before <= 1_000, `${clock.now() - before}`)
  })

  test('a wall clock that goes back changes nothing', async () => {
    const rig = await connectedRig()
    rig.wall.epochMs -= 86_400_000
    const receipt = rig.client.publish('a', 'b', { delivery: within('15s') })
    rig.connection.destroy()
    await settle()
    const second = await accepted(rig, { sessionPresent: true })
    second.autoRespond()
    await settle()
    equal((await receipt.settled).status, 'delivered')
  })
})

describe('many clients', () => {
  test('cut at once come back over at least ten seconds', async () => {
    const network = new Network()
    const clock = new VirtualClock(1_000)
    const server = network.at('a.example')
    const made = Array.from({ length: 500 }, (_, index) =>
      robustClient({ network, clock, clientId: `c${index}`, random: seeded(index + 1) }),
    )
    for (const { client } of made) void client.connect()
    await settle()
    const first = [...server.connections]
    await Promise.all(first.map((connection) => connection.accept()))
    await settle()
    ok(made.every(({ client }) => client.state === 'connected'))
    const before = clock.now()
    for (const connection of first) connection.destroy()
    await settle()
    const perSecond: number[] = []
    let dials = server.dials
    for (let second = 0; second < 14; second += 1) {
      await elapse(clock, 1_000)
      perSecond.push(server.dials - dials)
      dials = server.dials
    }
    equal(dials, 1_000)
    equal(perSecond[0], 0)
    ok(perSecond.filter((amount) => amount > 0).length >= 10, String(perSecond))
    ok(Math.max(...perSecond) <= 90, String(perSecond))
    ok(clock.now() > before)
    equal(count(first[0] as never, PacketType.CONNECT), 1)
  })
})

describe('the event "waiting"', () => {
  test('says the wait that comes, and why', async () => {
    const { client, server, clock } = robustClient()
    server.refuse = REFUSED
    const waits: { delayMs: number; error: Error; at: number }[] = []
    client.on('waiting', ({ delayMs, error }) => waits.push({ delayMs, error, at: clock.now() }))
    void client.connect()
    await elapse(clock, 300_000)
    ok(waits.length > 5)
    for (const [index, { delayMs, error, at }] of waits.entries()) {
      match(error.message, /ECONNREFUSED/)
      const next = waits[index + 1]
      if (next !== undefined) equal(next.at, at + delayMs)
    }
  })
})
