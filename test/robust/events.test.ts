// What a client tells: each event paired with its end, in an order that makes sense, and listeners that
// harm nobody.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ServerDisconnectError } from '../../src/errors.ts'
import { PacketType } from '../../src/codec/packets.ts'
import { within } from '../../src/robust/policies.ts'
import type { RobustState } from '../../src/robust/types.ts'
import { take } from '../simple/conversation.ts'
import { accepted, connectedRig, dialled, robustClient, seeded } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

/** What may follow what. */
const NEXT: Readonly<Record<string, readonly string[]>> = {
  '': ['attempt'],
  attempt: ['connected', 'waiting'],
  waiting: ['attempt'],
  connected: ['session-lost', 'connection-lost'],
  'connection-lost': ['waiting'],
  'session-lost': ['connected'],
}

describe('the events of connections', () => {
  test('are strictly paired, whatever the network does', async () => {
    const random = seeded(Number(process.env['SEED'] ?? 7))
    const rig = robustClient({ servers: ['mqtt://b.example'], random })
    const { client, network, clock, told } = rig
    void client.connect()
    const serve = async (host: string): Promise<void> => {
      for (;;) {
        const connection = await network.at(host).connection()
        const packet = await connection.connect().catch(() => undefined)
        if (packet === undefined) continue
        const lot = random()
        if (lot < 0.2) connection.destroy()
        else if (lot < 0.4) {
          connection.send({
            type: PacketType.CONNACK,
            sessionPresent: false,
            reasonCode: 0x88,
            properties: {},
          })
        } else {
          const sessionPresent = !packet.cleanStart && random() < 0.7
          connection.send({
            type: PacketType.CONNACK,
            sessionPresent,
            reasonCode: 0,
            properties: {},
          })
          connection.autoRespond()
          clock.setTimer(() => connection.destroy(), Math.floor(random() * 90_000))
        }
      }
    }
    for (const host of ['a.example', 'b.example']) void serve(host)
    for (let minute = 0; minute < 120; minute += 1) {
      network.at('a.example').refuse = random() < 0.3 ? new Error('away') : undefined
      await elapse(clock, 60_000)
    }
    const kinds = told.map((line) => line.split(' ')[0] as string)
    ok(kinds.length > 100)
    for (const kind of ['session-lost', 'connection-lost', 'connected', 'waiting']) {
      ok(kinds.includes(kind), kind)
    }
    let before = ''
    for (const [index, kind] of kinds.entries()) {
      const after = before === 'session-lost' ? ['connected'] : NEXT[before]
      const allowed = before === 'attempt' ? [...(after ?? []), 'session-lost'] : after
      ok(allowed?.includes(kind), `${index}: ${before} → ${kind}`)
      before = kind
    }
  })

  test('never tell the query of a server, which may carry a token', async () => {
    const rig = robustClient({ server: 'ws://a.example/mqtt?token=secret' })
    const told: string[] = []
    rig.client.on('attempt', ({ server }) => told.push(server))
    void rig.client.connect()
    await accepted(rig)
    deepEqual(told, ['ws://a.example/mqtt'])
  })

  test('come with the state that they tell of', async () => {
    const rig = robustClient()
    const { client } = rig
    const seen: [string, RobustState][] = []
    for (const event of ['attempt', 'connected', 'waiting', 'connection-lost'] as const) {
      client.on(event, () => seen.push([event, client.state]))
    }
    void client.connect()
    const connection = await accepted(rig)
    connection.destroy()
    await accepted(rig, { sessionPresent: true })
    deepEqual(seen, [
      ['attempt', 'connecting'],
      ['connected', 'connected'],
      ['connection-lost', 'connecting'],
      ['waiting', 'waiting'],
      ['attempt', 'connecting'],
      ['connected', 'connected'],
    ])
  })

  test('tell every state once, in order', async () => {
    const rig = robustClient()
    const { client } = rig
    const states: RobustState[] = []
    client.on('state', (state) => states.push(state))
    void client.connect()
    const connection = await accepted(rig)
    connection.destroy()
    const second = await accepted(rig, { sessionPresent: true })
    const disconnecting = client.disconnect()
    await settle()
    second.close()
    await disconnecting
    await settle()
    deepEqual(states, [
      'connecting',
      'connected',
      'waiting',
      'connecting',
      'connected',
      'closing',
      'closed',
    ])
  })

  test('are not told of an orderly end as of a loss', async () => {
    const rig = await connectedRig()
    await rig.client.disconnect()
    await elapse(rig.clock, 60_000)
    deepEqual(rig.told, ['attempt 1 mqtt://a.example', 'connected new'])
  })

  test('have the error with the reason of the server', async () => {
    const rig = await connectedRig()
    const lost: Error[] = []
    rig.client.on('connection-lost', (error) => lost.push(error))
    rig.connection.send({
      type: PacketType.DISCONNECT,
      reasonCode: 0x8b,
      properties: { reasonString: 'night' },
    })
    await settle()
    const [error] = lost
    ok(error instanceof ServerDisconnectError)
    deepEqual([error.reasonCode, error.reasonString], [0x8b, 'night'])
    ok(rig.connection.ended || rig.client.state === 'waiting')
  })
})

describe('the event "settled"', () => {
  test('tells each outcome once, of any kind', async () => {
    const rig = robustClient()
    const settled: string[] = []
    rig.client.on('settled', ({ receipt, outcome }) =>
      settled.push(`${receipt.topic} ${outcome.status} ${receipt.stage}`),
    )
    rig.client.publish('expired', 'x', { delivery: within('1s') })
    rig.client.publish('cancelled', 'x').cancel()
    await elapse(rig.clock, 1_000)
    const connection = await accepted(rig)
    rig.client.publish('sent', 'x', { qos: 0 })
    rig.client.publish('delivered', 'x')
    connection.autoRespond()
    await settle()
    deepEqual(settled, [
      'cancelled cancelled cancelled',
      'expired expired expired',
      'sent sent sent',
      'delivered delivered delivered',
    ])
  })
})

describe('a listener', () => {
  for (const event of ['attempt', 'connected', 'waiting', 'connection-lost', 'settled'] as const) {
    test(`of "${event}" that throws harms nobody, and is warned of`, async () => {
      const rig = robustClient()
      rig.client.on(event, () => {
        throw new Error('mine')
      })
      const receipt = rig.client.publish('a', 'x')
      const first = await dialled(rig)
      await first.connect()
      first.destroy()
      const second = await accepted(rig)
      second.acknowledge(await take(second, PacketType.PUBLISH))
      await settle()
      second.destroy()
      await accepted(rig, { sessionPresent: true })
      equal((await receipt.settled).status, 'delivered')
      deepEqual(
        rig.warnings.map(({ code }) => code),
        ['listener-error'],
      )
      match(rig.warnings[0]?.message ?? '', new RegExp(`"${event}".*mine`))
    })
  }

  test('may publish, whatever it is told', async () => {
    const rig = robustClient()
    const { client } = rig
    const receipts = new Set([client.publish('first', 'x')])
    for (const event of ['attempt', 'connected', 'settled'] as const) {
      const stop = client.on(event, () => {
        stop()
        receipts.add(client.publish(event, 'x'))
      })
    }
    const connection = await accepted(rig)
    connection.autoRespond()
    await settle()
    deepEqual([...receipts].map(({ topic, stage }) => `${topic} ${stage}`).sort(), [
      'attempt delivered',
      'connected delivered',
      'first delivered',
      'settled delivered',
    ])
  })

  test('of "connected" may disconnect', async () => {
    const rig = robustClient()
    const { client, clock } = rig
    client.on('connected', () => void client.disconnect())
    client.publish('a', 'x')
    const connection = await accepted(rig)
    connection.close()
    await elapse(clock, 600_000)
    deepEqual([client.state, rig.server.dials, clock.pending], ['closed', 1, 0])
  })

  test('of "waiting" and "connection-lost" may disconnect', async () => {
    for (const event of ['waiting', 'connection-lost'] as const) {
      const rig = await connectedRig()
      rig.client.on(event, () => void rig.client.disconnect())
      rig.connection.destroy()
      await elapse(rig.clock, 600_000)
      deepEqual([rig.client.state, rig.server.dials, rig.clock.pending], ['closed', 1, 0], event)
    }
  })

  test('of "waiting" may cut the wait short', async () => {
    const rig = robustClient()
    rig.server.refuse = new Error('away')
    rig.client.on('waiting', () => rig.client.retryNow())
    void rig.client.connect()
    await elapse(rig.clock, 10_000)
    equal(rig.server.dials, 11)
  })

  test('is no more told once it is taken away', async () => {
    const rig = robustClient()
    let told = 0
    const stop = rig.client.on('attempt', () => (told += 1))
    stop()
    stop()
    void rig.client.connect()
    await settle()
    equal(told, 0)
  })
})
