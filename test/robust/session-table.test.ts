// What each CONNACK means for what we had: every cell of the table of sessions, as the server sees it.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import type { Outcome } from '../../src/robust/types.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { take, watch } from '../simple/conversation.ts'
import {
  type Acceptance,
  accepted,
  brief,
  connectedRig,
  dialled,
  Network,
  type RobustRig,
  type RobustRigOptions,
  robustClient,
} from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

type Connected = RobustRig & { readonly connection: ScriptedConnection }

interface Inflight extends Connected {
  /** By topic. */
  readonly outcomes: Readonly<Record<string, ReturnType<typeof watch<Outcome>>>>
}

/** A client with a subscription, a QoS 1 and a QoS 2 PUBLISH, a PUBREL and an inbound QoS 2 id in flight. */
async function inflight(options: RobustRigOptions): Promise<Inflight> {
  const rig = await connectedRig(options)
  const { client, connection } = rig
  const subscribing = client.subscribe('cmd/#', { qos: 2 }, () => undefined)
  connection.acknowledge(await take(connection, PacketType.SUBSCRIBE))
  await subscribing
  const receipts = {
    one: client.publish('one', 'x'),
    two: client.publish('two', 'x', { qos: 2 }),
    released: client.publish('released', 'x', { qos: 2 }),
  }
  await take(connection, PacketType.PUBLISH)
  await take(connection, PacketType.PUBLISH)
  connection.acknowledge(await take(connection, PacketType.PUBLISH))
  await take(connection, PacketType.PUBREL)
  connection.publish('cmd/a', 'in', { qos: 2, packetId: 77 })
  await take(connection, PacketType.PUBREC)
  const outcomes = Object.fromEntries(
    Object.entries(receipts).map(([topic, receipt]) => [topic, watch(receipt.settled)]),
  )
  connection.destroy()
  await settle()
  return { ...rig, outcomes }
}

for (const protocol of [5, 4] as const) {
  describe(`the table of sessions on ${protocol}`, () => {
    test('ours, and present: nothing is subscribed, all is sent again in its order with DUP', async () => {
      const rig = await inflight({ protocol })
      const received: string[] = []
      rig.client.setCallback((topic) => received.push(topic))
      const second = await accepted(rig, { sessionPresent: true })
      deepEqual(brief(second.received), [
        'CONNECT',
        'PUBREL 4',
        'PUBLISH one 2 DUP',
        'PUBLISH two 3 DUP',
      ])
      // The inbound id is known: PUBREC again, and the message is not handed out twice.
      second.publish('cmd/a', 'in', { qos: 2, packetId: 77, dup: true })
      await settle()
      equal(brief(second.received).at(-1), 'PUBREC 77')
      deepEqual(received, [])
      second.autoRespond()
      await settle()
      for (const outcome of Object.values(rig.outcomes)) {
        deepEqual([outcome.value?.status, outcome.value?.possiblyDuplicated], ['delivered', false])
      }
      equal(rig.told.filter((line) => line.startsWith('session-lost')).length, 0)
    })

    test('ours, and lost: subscribed first, QoS 1 afresh without DUP, QoS 2 reported', async () => {
      const rig = await inflight({ protocol })
      const received: string[] = []
      rig.client.setCallback((topic) => received.push(topic))
      const second = await accepted(rig)
      const sent = brief(second.received)
      deepEqual(
        sent.map((line) => line.replace(/ \d+$/, '')),
        ['CONNECT', 'SUBSCRIBE cmd/#', 'PUBLISH one'],
      )
      deepEqual(
        ['two', 'released'].map((topic) => rig.outcomes[topic]?.value?.status),
        ['maybe-delivered', 'maybe-delivered'],
      )
      second.autoRespond()
      // A new session knows no id: an inbound DUP is a message.
      second.publish('cmd/a', 'in', { qos: 2, packetId: 77, dup: true })
      await settle()
      deepEqual(received, ['cmd/a'])
      const { value } = rig.outcomes['one'] ?? {}
      deepEqual([value?.status, value?.possiblyDuplicated, value?.attempts], ['delivered', true, 2])
      ok(rig.told.includes('session-lost 3'))
    })

    test('none, and none: made as new', async () => {
      const rig = robustClient({ protocol })
      rig.client.publish('one', 'x')
      const subscribing = watch(rig.client.subscribe('cmd/#'))
      const connection = await accepted(rig)
      connection.autoRespond()
      await settle()
      equal(subscribing.status, 'fulfilled')
      deepEqual(
        brief(connection.received)
          .map((line) => line.replace(/ \d+$/, ''))
          .sort(),
        ['CONNECT', 'PUBLISH one', 'SUBSCRIBE cmd/#'],
      )
      equal(rig.told.filter((line) => line.startsWith('session-lost')).length, 0)
    })

    test('none, and present: adopted, what waited there comes to who asked for it before', async () => {
      const rig = robustClient({ protocol })
      const received: string[] = []
      rig.client.publish('one', 'x')
      const subscribing = rig.client.subscribe('cmd/#', { qos: 2 }, (topic) => received.push(topic))
      const connection = await rig.server.connection()
      await connection.connect()
      // In one write with CONNACK: nothing runs between.
      connection.send(
        { type: PacketType.CONNACK, sessionPresent: true, reasonCode: 0, properties: {} },
        {
          type: PacketType.PUBLISH,
          topic: 'cmd/kept',
          payload: new Uint8Array(1),
          qos: 1,
          retain: false,
          dup: true,
          packetId: 9,
          properties: {},
        },
      )
      connection.autoRespond()
      await subscribing
      await settle()
      deepEqual(received, ['cmd/kept'])
      deepEqual(
        brief(connection.received)
          .map((line) => line.replace(/ \d+$/, ''))
          .sort(),
        ['CONNECT', 'PUBACK', 'PUBLISH one', 'SUBSCRIBE cmd/#'],
      )
      deepEqual(rig.warnings, [])
    })

    test('none, and present: the first QoS 2 use of an id is preceded by PUBREL', async () => {
      const rig = robustClient({ protocol })
      const receipt = rig.client.publish('two', 'x', { qos: 2 })
      const connection = await accepted(rig, { sessionPresent: true })
      deepEqual(brief(connection.received), ['CONNECT', 'PUBREL 1'])
      connection.autoRespond()
      await settle()
      deepEqual(brief(connection.received), ['CONNECT', 'PUBREL 1', 'PUBLISH two 1', 'PUBREL 1'])
      equal((await receipt.settled).status, 'delivered')
    })

    test('with adopt false a session that outlived ours is not taken up', async () => {
      const rig = robustClient({ protocol, session: { adopt: false } })
      const connecting = watch(rig.client.connect())
      const first = await accepted(rig)
      equal(brief(first.received)[0], 'CONNECT clean')
      let live = first
      if (protocol === 4) {
        // 3.1.1 ends a clean session with its connection: it is ended, and one that is kept is begun.
        equal(connecting.status, 'open')
        deepEqual(brief(first.received), ['CONNECT clean', 'DISCONNECT'])
        live = await accepted(rig)
        equal(brief(live.received)[0], 'CONNECT')
      }
      await settle()
      equal(connecting.status, 'fulfilled')
      live.destroy()
      const next = await accepted(rig, { sessionPresent: true })
      equal(brief(next.received)[0], 'CONNECT')
      deepEqual(
        rig.told.filter((line) => /^(session-lost|connected)/.test(line)),
        ['connected new', 'connected resumed'],
      )
    })

    test('with sharedSessions false another server is started clean, and so is the first again', async () => {
      const rig = await connectedRig({
        protocol,
        servers: ['mqtt://b.example'],
        sharedSessions: false,
      })
      const { client, connection, network, clock, server, told, warnings } = rig
      const subscribing = client.subscribe('cmd')
      connection.acknowledge(await take(connection, PacketType.SUBSCRIBE))
      await subscribing
      const receipt = client.publish('one', 'x')
      await settle()
      for (const [from, to] of [
        ['a.example', 'b.example'],
        ['b.example', 'a.example'],
        ['a.example', 'b.example'],
      ] as const) {
        network.at(from).refuse = new Error('away')
        network.at(to).refuse = undefined
        network.at(from).connections.at(-1)?.destroy()
        let live = await accepted({ server: network.at(to), clock })
        equal(brief(live.received)[0], 'CONNECT clean')
        if (protocol === 4) live = await accepted({ server: network.at(to), clock })
        deepEqual(
          brief(live.received)
            .slice(1, 3)
            .map((line) => line.replace(/ \d+$/, '')),
          receipt.stage === 'delivered' ? ['SUBSCRIBE cmd'] : ['SUBSCRIBE cmd', 'PUBLISH one'],
        )
        live.autoRespond()
        await settle()
      }
      const outcome = await receipt.settled
      deepEqual([outcome.status, outcome.possiblyDuplicated], ['delivered', true])
      equal(told.filter((line) => line.startsWith('session-lost')).length, 3)
      deepEqual(warnings, [])
      equal(server.connections.length, protocol === 4 ? 3 : 2)
    })

    test('with sharedSessions false the same server again is resumed', async () => {
      const rig = await connectedRig({
        protocol,
        servers: ['mqtt://b.example'],
        sharedSessions: false,
      })
      rig.connection.destroy()
      const second = await accepted(rig, { sessionPresent: true })
      equal(brief(second.received)[0], 'CONNECT')
    })

    test('with servers that share their sessions another one resumes it', async () => {
      const rig = await connectedRig({ protocol, servers: ['mqtt://b.example'] })
      rig.client.publish('one', 'x')
      await settle()
      rig.server.refuse = new Error('away')
      rig.connection.destroy()
      const second = await accepted(
        { server: rig.network.at('b.example'), clock: rig.clock },
        { sessionPresent: true },
      )
      deepEqual(brief(second.received), ['CONNECT', 'PUBLISH one 1 DUP'])
    })
  })
}

test('a client that asks for no session cannot ask for one when it disconnects [§3.14.2.2.2]', async () => {
  const rig = robustClient({ session: { expirySeconds: 0 } })
  const ask = { properties: { sessionExpirySeconds: 30 } }
  throws(
    () => rig.client.disconnect(ask),
    /sessionExpirySeconds "30": connect asked for no session/,
  )
  void rig.client.connect()
  const connection = await accepted(rig, { connack: { sessionExpiryInterval: 60 } })
  throws(() => rig.client.disconnect({ drain: true, ...ask }), RangeError)
  equal(rig.client.state, 'connected')
  void rig.client.disconnect({ properties: { sessionExpirySeconds: 0 } })
  await settle()
  equal(brief(connection.received).at(-1), 'DISCONNECT')
})

describe('a session that is to end with its connection', () => {
  test('starts clean in MQTT 3.1.1, which cannot say it otherwise [MQTT-3.1.2-6]', async () => {
    const rig = robustClient({ protocol: 4, session: { expirySeconds: 0 } })
    void rig.client.connect()
    const first = await accepted(rig)
    deepEqual(brief(first.received), ['CONNECT clean'])
    const receipt = rig.client.publish('one', 'x')
    await take(first, PacketType.PUBLISH)
    first.destroy()
    const second = await accepted(rig)
    deepEqual(brief(second.received), ['CONNECT clean', 'PUBLISH one 2'])
    second.autoRespond()
    await settle()
    const { status, possiblyDuplicated } = await receipt.settled
    deepEqual([status, possiblyDuplicated], ['delivered', true])
    deepEqual(rig.warnings, [])
  })

  test('starts clean only in the version that needs it when the server takes no other', async () => {
    const rig = robustClient({ clientId: '', session: { expirySeconds: 0 } })
    void rig.client.connect()
    const first = await dialled(rig)
    await first.refuse(0x84)
    deepEqual(brief(first.received), ['CONNECT'])
    const second = await accepted(rig)
    deepEqual(brief(second.received), ['CONNECT clean'])
    equal(rig.client.state, 'connected')
  })

  test('needs no connection to end an old one, nor a name', async () => {
    const session = { expirySeconds: 0, adopt: false }
    const rig = robustClient({ clientId: '', protocol: 4, session })
    void rig.client.connect()
    const connection = await accepted(rig)
    connection.autoRespond()
    await rig.client.publish('one', 'x').settled
    deepEqual(brief(connection.received), ['CONNECT clean', 'PUBLISH one 1'])
  })
})

describe('the event "session-lost"', () => {
  test('is not told of a session that was ended on purpose', async () => {
    const rig = await connectedRig({ session: { expirySeconds: 60 } })
    rig.connection.autoRespond()
    await rig.client.disconnect({ properties: { sessionExpirySeconds: 0 } })
    void rig.client.connect()
    await accepted(rig)
    await rig.client.disconnect({ properties: { sessionExpirySeconds: 30 } })
    void rig.client.connect()
    await accepted(rig)
    deepEqual(
      rig.told.filter((line) => line.startsWith('session-lost')),
      ['session-lost 0'],
    )
  })

  test('is told of one that the server does not grant, where one was asked for', async () => {
    for (const expirySeconds of [60, 0]) {
      const none: Acceptance = { connack: { sessionExpiryInterval: 0 } }
      const rig = await connectedRig({ session: { expirySeconds } }, none)
      rig.connection.destroy()
      const second = await accepted(rig, none)
      second.destroy()
      await accepted(rig, none)
      deepEqual(
        rig.told.filter((line) => line.startsWith('session-lost')),
        expirySeconds > 0 ? ['session-lost 0', 'session-lost 0'] : [],
      )
      deepEqual(
        rig.warnings.map(({ code }) => code),
        expirySeconds > 0 ? ['session-not-kept'] : [],
      )
    }
  })

  test('tells when messages may have been missed, by the wall clock', async () => {
    const rig = await connectedRig()
    const { client, connection, wall, clock, server } = rig
    const lost: { fromMs: number; toMs: number; inFlight: number }[] = []
    client.on('session-lost', (detail) => lost.push(detail))
    client.publish('a', 'b')
    await elapse(clock, 10_000)
    const fromMs = wall.epochMs + 10_000
    server.refuse = new Error('away')
    connection.destroy()
    await elapse(clock, 400_000)
    server.refuse = undefined
    await accepted(rig)
    deepEqual(lost, [{ fromMs, toMs: wall.epochMs + clock.now() - 1_000, inFlight: 1 }])
    ok((lost[0]?.toMs ?? 0) - fromMs >= 400_000)
  })

  test('never tells of a time that runs backwards', async () => {
    const rig = await connectedRig()
    const lost: { fromMs: number; toMs: number }[] = []
    rig.client.on('session-lost', (detail) => lost.push(detail))
    rig.connection.destroy()
    await settle()
    rig.wall.epochMs -= 86_400_000
    await accepted(rig)
    equal(lost.length, 1)
    ok((lost[0]?.fromMs ?? 0) <= (lost[0]?.toMs ?? -1))
  })

  test('comes with a warning that says what to configure, when it happens again and again', async () => {
    const rig = await connectedRig()
    for (let round = 0; round < 3; round += 1) {
      rig.server.connections.at(-1)?.destroy()
      await accepted(rig)
      await elapse(rig.clock, 60_000)
    }
    deepEqual(
      rig.warnings.map(({ code }) => code),
      ['session-not-kept'],
    )
    match(rig.warnings[0]?.message ?? '', /"mqtt:\/\/a\.example:1883".*persistence true/)
    equal(rig.told.filter((line) => line.startsWith('session-lost')).length, 3)
  })

  test('comes with a warning that does not tell a token of the URL', async () => {
    const network = new Network()
    const { transport } = network
    const rig = robustClient({ network, transport, server: 'wss://a.example/mqtt?token=secret' })
    const server = network.at('a.example')
    const connecting = rig.client.connect()
    await accepted({ ...rig, server })
    await connecting
    for (let round = 0; round < 2; round += 1) {
      server.connections.at(-1)?.destroy()
      await accepted({ ...rig, server })
    }
    const texts = rig.warnings.map(({ message }) => message)
    equal(texts.length, 1)
    match(texts[0] ?? '', /^The server "wss:\/\/a\.example:443\/mqtt" forgets/)
  })

  test('comes without a warning when it happens once, or with resumed ones between', async () => {
    const rig = await connectedRig()
    for (const sessionPresent of [false, true, false, true]) {
      rig.server.connections.at(-1)?.destroy()
      await accepted(rig, { sessionPresent })
      await elapse(rig.clock, 60_000)
    }
    deepEqual(rig.warnings, [])
  })
})

describe('a message whose session was lost', () => {
  for (const [qos, onSessionLoss, status, duplicated] of [
    [1, 'resend', 'delivered', true],
    [1, 'report', 'maybe-delivered', false],
    [1, 'drop', 'maybe-delivered', false],
    [2, 'resend', 'delivered', true],
    [2, 'report', 'maybe-delivered', false],
  ] as const) {
    test(`at QoS ${qos} with "${onSessionLoss}" comes to "${status}"`, async () => {
      const delivery = {
        qos,
        expiresAfterMs: Infinity,
        offline: 'wait',
        durable: 'no',
        priority: 2,
        onSessionLoss,
        energy: 'normal',
      } as const
      const rig = await connectedRig()
      const receipt = rig.client.publish('a', 'x', { delivery })
      const stages: string[] = []
      void (async () => {
        for await (const stage of receipt.stages()) stages.push(stage)
      })()
      const first = await take(rig.connection, PacketType.PUBLISH)
      if (qos === 2) {
        rig.connection.acknowledge(first)
        await take(rig.connection, PacketType.PUBREL)
      }
      rig.connection.destroy()
      const second = await accepted(rig)
      second.autoRespond()
      await settle()
      const outcome = await receipt.settled
      deepEqual([outcome.status, outcome.possiblyDuplicated], [status, duplicated])
      const order = ['accepted', 'stored', 'sent', 'received', status]
      const places = stages.map((stage) => order.indexOf(stage))
      deepEqual(
        places,
        [...new Set(places)].sort((a, b) => a - b),
        stages.join(' '),
      )
    })
  }
})
