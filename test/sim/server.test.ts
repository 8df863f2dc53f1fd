// portable
// The model server: it obeys the specification packet by packet, keeps what it promised, and breaks what its
// faults say; what a client does wrong ends the connection.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { decodeUtf8, encodeUtf8 } from '../../src/codec/utf8.ts'
import type { ServerFaults } from '../../src/sim/faults.ts'
import { type PacketClient, pass, ServerRig } from '../support/sim-rig.ts'

const { CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT } =
  PacketType
const EPISODE = { everyMs: 1, forMs: 1 }

const payloads = (client: PacketClient): string[] =>
  client.of(PUBLISH).map(({ payload }) => decodeUtf8(payload, 0, payload.length) ?? '?')

/** The last reason codes of one type of packet. */
const codes = (client: PacketClient, type: 4 | 5 | 7 | 14): number[] =>
  client.of(type).map(({ reasonCode }) => reasonCode)

describe('model server: sessions', () => {
  test('a session is new, then there, and gone when it is asked for a new one', () => {
    const rig = new ServerRig()
    const session = { properties: { sessionExpiryInterval: 60 } }
    const present: boolean[] = []
    for (const cleanStart of [false, false, true, false]) {
      const client = rig.client('c').connect({ cleanStart, ...session })
      client.send({ type: PacketType.PINGREQ })
      present.push(client.of(CONNACK)[0]?.sessionPresent === true)
      client.leave()
    }
    deepEqual(present, [false, true, false, true])
  })

  test('a session outlives its connection for as long as it asked for', async () => {
    for (const [expiry, after, present] of [
      [0, 0, false],
      [10, 9, true],
      [10, 11, false],
      [0xffff_ffff, 1_000_000, true],
    ] as const) {
      const rig = new ServerRig()
      const first = rig.client('c').connect({ properties: { sessionExpiryInterval: expiry } })
      first.send({ type: PacketType.PINGREQ })
      first.leave(false)
      await pass(rig.world, after * 1000)
      const [connack] = rig.client('c').connect().of(CONNACK)
      equal(connack?.sessionPresent, present, `${expiry} s, after ${after} s`)
    }
  })

  test('DISCONNECT may change how long it lives', () => {
    const rig = new ServerRig()
    const first = rig.client('c').connect({ properties: { sessionExpiryInterval: 60 } })
    first.send({ type: DISCONNECT, reasonCode: 0, properties: { sessionExpiryInterval: 0 } })
    equal(first.end, 'closed')
    equal(rig.cluster.sessions.size, 0)
  })

  test('on MQTT 3.1.1 a session is kept unless it is clean', () => {
    const rig = new ServerRig()
    rig.client('clean', 4).connect({ cleanStart: true }).leave()
    rig.client('kept', 4).connect().leave()
    deepEqual([...rig.cluster.sessions.keys()], ['kept'])
  })

  test('a session that its client never heard of is kept', () => {
    const rig = new ServerRig()
    const session = { properties: { sessionExpiryInterval: 60 } }
    rig.client('c').connect(session).leave()
    equal(rig.client('c').connect(session).of(CONNACK)[0]?.sessionPresent, true)
    const clean = rig.client('c').connect({ ...session, cleanStart: true })
    equal(clean.of(CONNACK)[0]?.sessionPresent, false)
  })

  test('a second connection takes the session over', () => {
    const rig = new ServerRig()
    const session = { properties: { sessionExpiryInterval: 60 } }
    const first = rig.client('c').connect(session)
    first.send({ type: PacketType.PINGREQ })
    const second = rig.client('c').connect(session)
    deepEqual(codes(first, DISCONNECT), [0x8e])
    equal(first.end, 'closed')
    equal(second.of(CONNACK)[0]?.sessionPresent, true)
    deepEqual(rig.server.clientIds, ['c'])
  })

  test('what was queued while the client was away comes in its order', () => {
    const rig = new ServerRig()
    const session = { properties: { sessionExpiryInterval: 60 } }
    rig.client('c').connect(session).subscribe('#', 2).leave()
    const other = rig.client('o').connect()
    for (const [i, qos] of ([0, 1, 2, 1] as const).entries()) {
      other.publish('t', `m${i}`, { qos, packetId: qos === 0 ? 0 : i })
      if (qos === 2) other.ack(PUBREL, i)
    }
    const client = rig.client('c').connect(session)
    deepEqual(payloads(client), ['m1', 'm2', 'm3'])
  })
})

describe('model server: messages of clients', () => {
  test('every QoS is answered as it must be, and taken once', () => {
    const rig = new ServerRig()
    const client = rig.client('c').connect()
    client.publish('t', 'zero')
    client.publish('t', 'one', { qos: 1, packetId: 1 })
    client.publish('t', 'two', { qos: 2, packetId: 2 })
    deepEqual(client.take(), [CONNACK, PUBACK, PUBREC])
    client.ack(PUBREL, 2)
    deepEqual(client.take(), [PUBCOMP])
    deepEqual(
      rig.ledger.receivedBy('a').map((message) => message.text()),
      ['zero', 'one', 'two'],
    )
    deepEqual(rig.breaches, [])
  })

  test('a QoS 2 message that is sent again is not taken again, until PUBREL', () => {
    const rig = new ServerRig()
    const session = { properties: { sessionExpiryInterval: 60 } }
    const first = rig.client('c').connect(session)
    first.publish('t', 'two', { qos: 2, packetId: 2 })
    first.leave(false)
    const again = rig.client('c').connect(session)
    again.publish('t', 'two', { qos: 2, packetId: 2, dup: true })
    deepEqual(again.take(), [CONNACK, PUBREC])
    equal(rig.ledger.receivedBy('a').length, 1)
    again.ack(PUBREL, 2)
    again.publish('t', 'new', { qos: 2, packetId: 2 })
    equal(rig.ledger.receivedBy('a').length, 2)
    again.ack(PUBREL, 9)
    deepEqual(codes(again, PUBCOMP), [0, 0x92])
  })

  test('PUBREL comes in the order of the PUBRECs of its connection, or ends it', () => {
    const session = { properties: { sessionExpiryInterval: 60 } }
    for (const [order, broken] of [
      [[1, 2, 3], false],
      // That of the connection before has no place.
      [[2, 1, 3], false],
      [[2, 3, 1], false],
      [[3, 1, 2], true],
    ] as const) {
      const rig = new ServerRig()
      const first = rig.client('c').connect(session)
      first.publish('t', 'x', { qos: 2, packetId: 1 })
      first.leave(false)
      const client = rig.client('c').connect(session)
      for (const packetId of [2, 3]) client.publish('t', 'x', { qos: 2, packetId })
      for (const packetId of order) client.ack(PUBREL, packetId)
      deepEqual([rig.breaches.length > 0, client.end !== undefined], [broken, broken], order.join())
    }
  })

  test('0x10 says that nobody subscribes, on MQTT 5 alone', () => {
    const rig = new ServerRig()
    const young = rig.client('c').connect()
    young.publish('t', 'm', { qos: 1, packetId: 1 })
    const old = rig.client('d', 4).connect()
    old.publish('t', 'm', { qos: 1, packetId: 1 })
    deepEqual([codes(young, PUBACK), codes(old, PUBACK)], [[0x10], [0]])
  })

  test('a client that breaks the specification is told so and thrown out', () => {
    const rig = new ServerRig({
      lowLimits: {
        receiveMaximum: 1,
        topicAliasMaximum: 1,
        maximumPacketSizeBytes: 100,
        maximumQoS: 1,
      },
    })
    const wrongs: [number, (client: PacketClient) => void][] = [
      [0x93, (c) => [1, 2].forEach((packetId) => rigFull(c, packetId))],
      [0x94, (c) => c.publish('t', '', { properties: { topicAlias: 2 } })],
      [0x82, (c) => c.publish('', '', { properties: { topicAlias: 1 } })],
      [0x95, (c) => c.publish('t', 'x'.repeat(100))],
      [0x9b, (c) => c.publish('t', '', { qos: 2, packetId: 1 })],
      [0x82, (c) => c.connect()],
      [0x81, (c) => c.sendBytes(Uint8Array.of(0x00, 0x00))],
    ]
    /** Faults hold the answers back, so that the first is in flight still. */
    const rigFull = (client: PacketClient, packetId: number): void =>
      client.publish('t', '', { qos: 1, packetId })
    for (const [i, [reasonCode, wrong]] of wrongs.entries()) {
      const one =
        reasonCode === 0x93
          ? new ServerRig({ ...rig.server.faults, withhold: { probability: 1 } })
          : rig
      const client = one.client(`c${i}`).connect()
      wrong(client)
      deepEqual(codes(client, DISCONNECT), [reasonCode], `${i}`)
      equal(client.end, 'closed')
      equal(one.breaches.length > 0, true)
    }
    const early = rig.client('early')
    early.send({ type: PacketType.PINGREQ })
    equal(early.end, 'closed')
  })

  test('a packet id that is in flight may not be used again', () => {
    const rig = new ServerRig({ withhold: { probability: 1 } })
    const client = rig.client('c').connect()
    client.publish('t', 'one', { qos: 1, packetId: 1 })
    client.publish('t', 'other', { qos: 1, packetId: 1 })
    deepEqual(rig.breaches, ['packet id 1 is in use'])
  })
})

describe('model server: messages to clients', () => {
  test('go by the lower QoS, with the exchange of each', () => {
    const rig = new ServerRig()
    const client = rig.client('c').connect().subscribe('a/+', 1).subscribe('b', 2)
    const other = rig.client('o').connect()
    other.publish('a/x', 'one', { qos: 2, packetId: 1 })
    other.publish('b', 'two', { qos: 2, packetId: 2 })
    other.publish('a/x', 'zero')
    deepEqual(
      client.of(PUBLISH).map(({ qos }) => qos),
      [1, 2, 0],
    )
    client.ack(PUBACK, 1)
    client.ack(PUBREC, 2)
    equal(client.of(PUBREL)[0]?.packetId, 2)
    client.ack(PUBCOMP, 2)
    equal(rig.cluster.sessions.get('c')?.inflight.size, 0)
    deepEqual(rig.cluster.sessions.get('c')?.queued, [])
    equal(rig.listener.kinds().filter((kind) => kind === 'acknowledged').length, 2)
  })

  test('keep to the Receive Maximum of the client', () => {
    const rig = new ServerRig()
    const client = rig
      .client('c')
      .connect({ properties: { receiveMaximum: 2 } })
      .subscribe('#', 1)
    const other = rig.client('o').connect()
    for (let i = 1; i <= 5; i += 1) other.publish('t', `m${i}`, { qos: 1, packetId: i })
    deepEqual(payloads(client), ['m1', 'm2'])
    client.ack(PUBACK, 1)
    deepEqual(payloads(client), ['m1', 'm2', 'm3'])
  })

  test('are sent again as DUP in their order when the session goes on', () => {
    const rig = new ServerRig()
    const session = { properties: { sessionExpiryInterval: 60 } }
    const client = rig.client('c').connect(session).subscribe('#', 2)
    const other = rig.client('o').connect()
    other.publish('t', 'one', { qos: 1, packetId: 1 })
    other.publish('t', 'two', { qos: 2, packetId: 2 })
    client.ack(PUBREC, 2)
    client.leave(false)
    const again = rig.client('c').connect(session)
    deepEqual(again.take(), [CONNACK, PUBLISH, PUBREL])
    again.ack(PUBCOMP, 2)
    again.leave()
    const third = rig.client('c').connect(session)
    deepEqual(
      third.of(PUBLISH).map(({ dup, packetId }) => [dup, packetId]),
      [[true, 1]],
    )
  })

  test('end with UNSUBSCRIBE', () => {
    const rig = new ServerRig()
    const client = rig.client('c').connect().subscribe('a', 0)
    const filters = ['a', 'b']
    client.send({ type: PacketType.UNSUBSCRIBE, packetId: 2, filters, properties: {} })
    deepEqual(client.of(SUBACK)[0]?.reasonCodes, [0])
    deepEqual(client.of(UNSUBACK)[0]?.reasonCodes, [0, 0x11])
    rig.client('o').connect().publish('a', 'm')
    deepEqual(payloads(client), [])
  })

  test('that are retained come to who subscribes, as it asks for', () => {
    const rig = new ServerRig()
    const other = rig.client('o').connect()
    for (const topic of ['a', 'b', 'c']) other.publish(topic, topic, { retain: true })
    other.publish('a', 'newer', { retain: true })
    other.publish('b', '', { retain: true })
    const client = rig.client('c').connect().subscribe('#', 1)
    deepEqual(payloads(client), ['c', 'newer'].sort().reverse())
    ok(client.of(PUBLISH).every(({ retain }) => retain))
    client.take()
    client.subscribe('#', 1, { retainHandling: 2 }).subscribe('#', 1, { retainHandling: 1 })
    deepEqual(payloads(client), [])
    client.subscribe('a', 0, { retainHandling: 1 })
    deepEqual(payloads(client), ['newer'])
    other.publish('a', 'live', { retain: true })
    equal(client.of(PUBLISH).at(-1)?.retain, false)
  })

  test('carry the properties of their publisher, but for its alias', () => {
    const rig = new ServerRig()
    const client = rig.client('c').connect().subscribe('#', 0)
    const properties = { contentType: 'x', userProperties: [['a', 'b']] as const }
    rig.client('o').connect().publish('t', 'm', { properties })
    deepEqual(client.of(PUBLISH)[0]?.properties, properties)
  })
})

describe('model server: wills', () => {
  const will = { topic: 'will', payload: encodeUtf8('gone'), qos: 1, retain: true } as const

  function witnessed(): { readonly rig: ServerRig; readonly witness: PacketClient } {
    const rig = new ServerRig()
    return { rig, witness: rig.client('witness').connect().subscribe('will', 0) }
  }

  test('are published when a connection ends without DISCONNECT', () => {
    const { rig, witness } = witnessed()
    rig.client('c').connect({ will }).leave(false)
    deepEqual(payloads(witness), ['gone'])
    const late = rig.client('late').connect().subscribe('will', 0)
    deepEqual(payloads(late), ['gone'])
    rig.client('d').connect({ will }).send({ type: DISCONNECT, reasonCode: 4, properties: {} })
    equal(payloads(witness).length, 2)
    rig.client('e').connect({ will })
    rig.server.kick(0x8b)
  })

  test('are not published after DISCONNECT, nor when the server goes down', () => {
    const { rig, witness } = witnessed()
    rig.client('c').connect({ will }).send({ type: DISCONNECT, reasonCode: 0, properties: {} })
    rig.client('d').connect({ will })
    rig.server.begin('restart')
    deepEqual(payloads(witness), [])
  })

  test('wait for their delay, and for the end of the session', async () => {
    const { rig, witness } = witnessed()
    const delayed = { ...will, properties: { willDelayInterval: 30 } }
    const session = { properties: { sessionExpiryInterval: 60 } }
    const first = rig.client('c').connect({ will: delayed, ...session })
    first.send({ type: PacketType.PINGREQ })
    first.leave(false)
    await pass(rig.world, 20_000)
    // The session goes on in time: nobody is gone.
    rig
      .client('c')
      .connect({ will: delayed, ...session })
      .leave(false)
    await pass(rig.world, 29_000)
    deepEqual(payloads(witness), [])
    await pass(rig.world, 2000)
    deepEqual(payloads(witness), ['gone'])
    rig.client('d').connect({ will: delayed }).leave(false)
    deepEqual(payloads(witness), ['gone', 'gone'])
  })
})

describe('model server: time', () => {
  test('a client that is silent for too long is dead', async () => {
    const rig = new ServerRig()
    const client = rig.client('c').connect({ keepAlive: 10 })
    await pass(rig.world, 14_000)
    client.send({ type: PacketType.PINGREQ })
    await pass(rig.world, 14_000)
    equal(client.end, undefined)
    await pass(rig.world, 2000)
    equal(client.end, 'closed')
    deepEqual(codes(client, DISCONNECT), [0x8d])
    const mute = rig.client('m')
    const patient = rig.client('p').connect({ keepAlive: 0 })
    await pass(rig.world, 3_600_000)
    equal(mute.end, 'closed')
    equal(patient.end, undefined)
  })
})

describe('model server: faults', () => {
  const connected = (faults: ServerFaults): { rig: ServerRig; client: PacketClient } => {
    const rig = new ServerRig(faults)
    const client = rig.client('c').connect({ properties: { sessionExpiryInterval: 60 } })
    client.take()
    return { rig, client }
  }

  test('a restart resets connections and keeps sessions, an empty one does not', () => {
    for (const kind of ['restart', 'restartEmpty'] as const) {
      const { rig, client } = connected({})
      client.subscribe('#', 0)
      rig.server.begin(kind)
      equal(client.end, 'destroyed')
      equal(rig.server.up, false)
      equal(rig.cluster.sessions.size, kind === 'restart' ? 1 : 0)
      rig.server.end(kind)
      equal(rig.server.up, true)
    }
  })

  test('a session that is forgotten ends its connection', () => {
    const { rig, client } = connected({})
    rig.server.forgetSession()
    equal(client.end, 'closed')
    equal(rig.cluster.sessions.size, 0)
    rig.server.forgetSession()
  })

  test('CONNECT is refused, on MQTT 3.1.1 with the nearest code', () => {
    const rig = new ServerRig({ refuseConnect: { ...EPISODE, reasonCodes: [0x87] } })
    rig.server.begin('refuseConnect')
    const young = rig.client('c').connect()
    const old = rig.client('d', 4).connect()
    deepEqual(
      [young, old].map((client) => client.of(CONNACK)[0]?.reasonCode),
      [0x87, 5],
    )
    equal(young.end, 'closed')
    rig.server.end('refuseConnect')
    equal(rig.client('c').connect().of(CONNACK)[0]?.reasonCode, 0)
  })

  test('a redirect names another server', () => {
    const rig = new ServerRig({ redirect: EPISODE })
    rig.server.begin('redirect')
    const [connack] = rig.client('c').connect().of(CONNACK)
    ok(connack?.reasonCode === 0x9c || connack?.reasonCode === 0x9d)
    equal(connack?.properties.serverReference, 'b')
  })

  test('a server of MQTT 3.1.1 refuses the newer version', () => {
    const rig = new ServerRig({}, true)
    equal(rig.client('c').connect().of(CONNACK)[0]?.reasonCode, 0x84)
    equal(rig.client('c', 4).connect().of(CONNACK)[0]?.reasonCode, 0)
  })

  test('a kick has its reason, and garbage is no packet', () => {
    const { rig, client } = connected({})
    rig.server.kick(0x97)
    deepEqual(codes(client, DISCONNECT), [0x97])
    const other = rig.client('d').connect()
    let thrown: unknown
    try {
      rig.server.sendGarbage()
      for (let i = 0; i < 10; i += 1) rig.server.sendGarbage()
    } catch (error) {
      thrown = error
    }
    ok(thrown instanceof Error, 'The garbage could be read')
    equal(other.end, undefined)
  })

  test('acknowledgements are withheld, late, or there twice under another id', async () => {
    const withheld = connected({ withhold: { probability: 1 } })
    withheld.client.publish('t', 'm', { qos: 1, packetId: 1 })
    deepEqual(withheld.client.take(), [])
    const late = connected({ delay: { probability: 1, delayMs: 5000 } })
    await pass(late.rig.world, 5000)
    equal(late.client.of(CONNACK).length, 1)
    late.client.publish('t', '1', { qos: 1, packetId: 1 })
    late.client.publish('t', '2', { qos: 1, packetId: 2 })
    deepEqual(late.client.of(PUBACK), [])
    await pass(late.rig.world, 10_000)
    deepEqual(
      late.client.of(PUBACK).map(({ packetId }) => packetId),
      [1, 2],
    )
    const double = connected({ misnumber: { probability: 1 } })
    double.client.publish('t', '1', { qos: 1, packetId: 1 })
    const ids = double.client.of(PUBACK).map(({ packetId }) => packetId)
    equal(ids.length, 2)
    equal(ids[0], 1)
    ok((ids[1] ?? 0) >= 60_000)
  })

  test('messages and filters are refused, and then not taken', () => {
    const { rig, client } = connected({
      refusePublish: { probability: 1, reasonCodes: [0x97] },
      refuseSubscribe: { probability: 1 },
    })
    client.publish('t', 'm', { qos: 1, packetId: 1 })
    client.publish('t', 'm', { qos: 2, packetId: 2 })
    client.subscribe('#', 2)
    deepEqual([codes(client, PUBACK), codes(client, PUBREC)], [[0x97], [0x97]])
    deepEqual(client.of(SUBACK)[0]?.reasonCodes, [0x80])
    deepEqual(rig.ledger.receivedBy('a'), [])
    deepEqual(rig.breaches, [])
  })

  test('a healed world has none, and a healed server is up', () => {
    const { rig, client } = connected({ withhold: { probability: 1 } })
    rig.world.healed = true
    client.publish('t', 'm', { qos: 1, packetId: 1 })
    equal(client.of(PUBACK).length, 1)
    rig.world.healed = false
    rig.server.begin('restart')
    rig.server.heal()
    equal(rig.server.up, true)
  })
})
