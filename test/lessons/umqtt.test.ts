// portable
// What people complained of in umqtt.simple for ten years, row by row, as far as one connection is
// concerned: each test plays the situation and shows that this client does better.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import {
  ConnectionLostError,
  ConnectRefusedError,
  MqttError,
  TimeoutError,
} from '../../src/errors.ts'
import type { TransportHandler } from '../../src/transport/transport.ts'
import { paced } from '../support/pace.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import {
  acknowledgements,
  connected,
  count,
  failure,
  pass,
  reconnected,
  take,
  watch,
} from '../simple/conversation.ts'

const KEPT = { request: { cleanStart: false } } as const
const RESUMED = { ...KEPT, sessionPresent: true } as const

describe('waits without an end', () => {
  test('lesson umqtt 1: every wait has a deadline, also when nothing at all comes back', async () => {
    const { client, server, clock } = testClient()
    server.blackHole = true
    const dialling = watch(client.connect())
    await pass(clock, 30_000)
    equal(dialling.error?.name, 'TimeoutError')
    server.blackHole = false
    const shaking = watch(client.connect())
    await pass(clock, 30_000)
    equal(shaking.error?.name, 'TimeoutError')
    const made = await connected()
    const outcomes = [
      watch(made.client.publish('a', 'b', { qos: 1 })),
      watch(made.client.publish('a', 'b', { qos: 2 })),
      watch(made.client.subscribe('a')),
      watch(made.client.unsubscribe('a')),
      watch(made.client.ping()),
      watch(made.client.waitMsg()),
    ]
    await pass(made.clock, 64_000)
    deepEqual(
      outcomes.map(({ status }) => status),
      new Array(6).fill('rejected'),
    )
    deepEqual([made.client.state, made.clock.pending], ['closed', 0])
  })

  test('lesson umqtt 2: the second connection has the same deadlines as the first', async () => {
    const made = await connected({ timeouts: { acknowledgementMs: 5000 } })
    for (let round = 0; round < 3; round += 1) {
      const publishing = watch(made.client.publish('a', 'b', { qos: 1 }))
      await pass(made.clock, 4999)
      equal(publishing.status, 'open')
      await pass(made.clock, 1)
      equal(publishing.status, 'rejected')
      await reconnected(made)
    }
  })

  test('lesson umqtt 3: nobody has to set a timeout: the defaults notice a dead server', async () => {
    const { client, clock } = await connected()
    const lost: Error[] = []
    client.on('connection-lost', (error) => lost.push(error))
    await pass(clock, 54_000 + 10_000)
    ok(lost[0] instanceof TimeoutError)
  })

  test('lesson umqtt 4: a publish settles when the link drops before PUBACK', async () => {
    const { client, connection } = await connected()
    const publishing = client.publish('a', 'b', { qos: 1 })
    await take(connection, PacketType.PUBLISH)
    connection.destroy()
    equal((await failure(publishing, ConnectionLostError)).sent, 'maybe')
  })

  test('lesson umqtt 5: subscribe settles without SUBACK, and its handler is gone', async () => {
    const { client, connection, clock } = await connected({ timeouts: { operationMs: 5000 } })
    const seen: string[] = []
    const subscribing = watch(client.subscribe('a', {}, (topic) => seen.push(topic)))
    await take(connection, PacketType.SUBSCRIBE)
    await pass(clock, 5000)
    ok(subscribing.error instanceof TimeoutError)
    connection.publish('a', 'x')
    await settle()
    deepEqual([seen, client.state], [[], 'connected'])
  })

  test('lesson umqtt 6: checkMsg does not wait, in no state and after no reconnect', async () => {
    const made = testClient()
    equal(made.client.checkMsg(), undefined)
    const opening = reconnected(made)
    equal(made.client.checkMsg(), undefined)
    const { connection } = await opening
    equal(made.client.checkMsg(), undefined)
    connection.destroy()
    await settle()
    equal(made.client.checkMsg(), undefined)
    const again = await reconnected(made)
    equal(made.client.checkMsg(), undefined)
    again.connection.publish('a', 'x')
    await settle()
    equal(made.client.checkMsg()?.topic, 'a')
  })

  test('lesson umqtt 12: ping tells its round trip, and is bounded as disconnect is', async () => {
    const { client, server, connection, clock } = await connected()
    const pinging = watch(client.ping())
    const packet = await take(connection, PacketType.PINGREQ)
    await pass(clock, 80)
    connection.acknowledge(packet)
    await settle()
    equal(pinging.value, 80)
    server.stallWrites = true
    server.stallReads = true
    const dead = watch(client.ping())
    const disconnecting = watch(client.disconnect())
    await pass(clock, 2000)
    deepEqual([dead.status, disconnecting.status], ['rejected', 'fulfilled'])
  })

  test('lesson umqtt 29: each connect dials anew, and a name that is never found is bounded', async () => {
    const { client, server, clock } = testClient({ timeouts: { connectMs: 4000 } })
    for (let round = 1; round <= 3; round += 1) {
      server.blackHole = true
      const connecting = watch(client.connect())
      await pass(clock, 4000)
      ok(connecting.error instanceof TimeoutError)
      equal(server.dials, round)
    }
  })
})

describe('life and loss', () => {
  test('lesson umqtt 11: keep alive is kept: PINGREQ goes out by itself', async () => {
    const { client, connection, clock } = await connected({ keepAliveSeconds: 30 })
    for (let minute = 0; minute < 10; minute += 1) {
      await pass(clock, 27_000)
      connection.acknowledge(await take(connection, PacketType.PINGREQ))
    }
    equal(client.state, 'connected')
  })

  test('lesson umqtt 13: nothing is said to be delivered when the server is gone', async () => {
    const { client, server, clock } = await connected()
    server.stallWrites = true
    server.stallReads = true
    // At QoS 0 "handed over" is all that can be said, and the age of the last byte tells the rest.
    deepEqual(await client.publish('a', 'b'), { reasonCode: 0 })
    const publishing = watch(client.publish('a', 'b', { qos: 1 }))
    await pass(clock, 19_000)
    equal(publishing.status, 'open')
    equal(client.statistics.lastReceivedAgeMs, 19_000)
    await pass(clock, 1000)
    equal(publishing.error?.name, 'ConnectionLostError')
  })

  test('lesson umqtt 14: a link that drops in silence is noticed although writing works', async () => {
    const { client, server, clock } = await connected({ keepAliveSeconds: 20 })
    server.stallReads = true
    for (let second = 0; second < 28; second += 1) {
      watch(client.publish('a', 'b'))
      await pass(clock, 1000)
    }
    equal(client.state, 'closed')
  })

  test('lesson umqtt 21: connecting again and again leaves nothing open', async () => {
    const made = testClient()
    for (let round = 0; round < paced(200, 40); round += 1) {
      const { connection } = await reconnected(made)
      if (round % 2 === 0) connection.destroy()
      else await made.client.disconnect()
      await settle()
      ok(connection.ended)
    }
    equal(made.clock.pending, 0)
  })

  test('lesson umqtt 31: the will is kept, whatever way leads to a connection', async () => {
    const made = await connected({ will: { topic: 'status', payload: 'gone', retain: true } })
    equal(made.connectPacket.will?.topic, 'status')
    made.connection.destroy()
    await settle()
    equal((await reconnected(made)).connectPacket.will?.retain, true)
    made.client.setLastWill('other', 'gone')
    await made.client.disconnect()
    equal((await reconnected(made, KEPT)).connectPacket.will?.topic, 'other')
  })
})

describe('what servers answer', () => {
  test('lesson umqtt 15: a CONNACK that is none, or half of one, is a typed error', async () => {
    const answers = [
      [],
      [0x20],
      [0x20, 0x02],
      [0x20, 0x00],
      [0x20, 0x01, 0x00],
      [0x20, 0x02, 0x00, 0x06],
      [0x20, 0x03, 0x02, 0x00, 0x00],
      [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e, 0x31],
      [0x15, 0x03, 0x01, 0x00, 0x02],
      [0xff, 0xff, 0xff, 0xff, 0xff],
    ]
    for (const answer of answers) {
      const { client, server } = testClient({ protocol: 5 })
      const connecting = client.connect()
      const connection = await server.connection()
      await connection.connect()
      connection.sendBytes(Uint8Array.from(answer))
      connection.close()
      const error = await failure(connecting, MqttError)
      ok(error.transient, `${error.name}: ${error.message}`)
    }
  })

  test('lesson umqtt 16: an empty read is not the end of the stream', async () => {
    const handlers: TransportHandler[] = []
    const made = testClient({
      transport: (address, handler, options) => {
        handlers.push(handler)
        return made.server.transport(address, handler, options)
      },
    })
    const { connection } = await reconnected(made)
    for (let index = 0; index < 10; index += 1) handlers[0]?.received(new Uint8Array(8), 0)
    await settle()
    equal(made.client.state, 'connected')
    const pinging = made.client.ping()
    connection.acknowledge(await take(connection, PacketType.PINGREQ))
    await pinging
  })

  test('lesson umqtt 19: a retained message before SUBACK disturbs no subscribe', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    for (const filter of ['a', 'b', 'c']) {
      const subscribing = client.subscribe(filter, {}, (topic) => seen.push(topic))
      const packet = await take(connection, PacketType.SUBSCRIBE)
      connection.publish(filter, 'kept', { retain: true })
      connection.acknowledge(packet)
      equal((await subscribing).granted[0]?.qos, 0)
    }
    deepEqual(seen, ['a', 'b', 'c'])
  })

  test('lesson umqtt 20: asking with checkMsg changes nothing for a later waitMsg', async () => {
    const { client, connection } = await connected()
    equal(client.checkMsg(), undefined)
    const waiting = watch(client.waitMsg())
    await settle()
    equal(waiting.status, 'open')
    connection.publish('a', 'x')
    await settle()
    equal(waiting.value?.topic, 'a')
  })

  test('lesson umqtt 22: connect gives an object whose members have names', async () => {
    const { result } = await connected({}, RESUMED)
    deepEqual([typeof result, result.sessionPresent, result.protocol], ['object', true, 5])
  })

  test('lesson umqtt 23: a refusal says its code, and whether time may cure it', async () => {
    const cured: boolean[] = []
    for (const code of [1, 2, 3, 4, 5]) {
      const { client, server } = testClient({ protocol: 4 })
      const connecting = client.connect()
      const connection = await server.connection()
      await connection.connect()
      connection.sendBytes(Uint8Array.of(0x20, 0x02, 0x00, code))
      const error = await failure(connecting, ConnectRefusedError)
      equal(error.reasonCode, code)
      cured.push(error.transient)
    }
    deepEqual(cured, [false, false, true, false, false])
  })

  test('lesson umqtt 32: acknowledgements of nothing are counted, and the stream goes on', async () => {
    const { client, connection } = await connected()
    connection.sendBytes(Uint8Array.of(0x40, 0x02, 0x40, 0x02, 0x50, 0x02, 0x30, 0x30))
    connection.sendBytes(Uint8Array.of(0x70, 0x02, 0x20, 0x02))
    const publishing = client.publish('a', 'b', { qos: 1 })
    connection.acknowledge(await take(connection, PacketType.PUBLISH))
    await publishing
    deepEqual([client.statistics.strayAcknowledgements, client.state], [3, 'connected'])
  })

  test('lesson umqtt 33: what is wrong is a real error with a code, never an assertion', async () => {
    const { client, connection } = await connected()
    const lost: Error[] = []
    client.on('connection-lost', (error) => lost.push(error))
    connection.sendBytes(Uint8Array.of(0xd0, 0x01, 0x00))
    await settle()
    const [error] = lost
    ok(MqttError.is(error))
    equal(error.code, 'ERR_MQTT_MALFORMED_PACKET')
    match(error.message, /PINGRESP/)
    throws(() => client.publish('a', 'b', { qos: 3 as never }), TypeError)
  })
})

describe('what goes out and comes in', () => {
  test('lesson umqtt 17: non-ASCII text is measured in bytes', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const topic = 'Küche/温度/🌡'
    const seen: string[] = []
    await client.subscribe('Küche/+/🌡', {}, (at, _, message) => seen.push(at, message.text()))
    await client.publish(topic, '21,5 °C 😀', { qos: 1 })
    const packet = connection.received.find(({ type }) => type === PacketType.PUBLISH)
    ok(packet?.type === PacketType.PUBLISH)
    deepEqual([packet.topic, packet.payload], [topic, encodeUtf8('21,5 °C 😀')])
    connection.publish(topic, '21,5 °C 😀')
    await settle()
    deepEqual(seen, [topic, '21,5 °C 😀'])
  })

  test('lesson umqtt 18: filters and topics of every length go out whole', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    for (const length of [1, 122, 123, 124, 127, 128, 255, 256, 16_383, 16_384, 65_535].slice(
      0,
      paced(11, 9),
    )) {
      const name = 'x'.repeat(length)
      await client.subscribe(name)
      await client.publish(name, 'y', { qos: 1 })
      const [subscribe, publish] = connection.received.slice(-2)
      ok(subscribe?.type === PacketType.SUBSCRIBE && publish?.type === PacketType.PUBLISH)
      deepEqual([subscribe.subscriptions[0]?.filter, publish.topic], [name, name])
    }
  })

  test('lesson umqtt 24: what is sent again has its packet id and DUP', async () => {
    const made = await connected({}, KEPT)
    watch(made.client.publish('a', 'b', { qos: 1 }))
    const { packetId } = await take(made.connection, PacketType.PUBLISH)
    made.connection.destroy()
    await settle()
    const { connection } = await reconnected(made, RESUMED)
    const again = await take(connection, PacketType.PUBLISH)
    deepEqual([again.packetId, again.dup], [packetId, true])
  })

  test('lesson umqtt 25: publishing from the callback neither recurses nor waits for ever', async () => {
    const { client, connection } = await connected()
    const received = paced(5000, 200)
    let calls = 0
    const all: Promise<unknown>[] = []
    client.setCallback(() => {
      calls += 1
      if (calls <= received) all.push(client.publish('a', 'b', { qos: 1 }))
    })
    connection.autoRespond()
    for (let index = 0; index < received; index += 1) connection.publish('in', 'x')
    await settle()
    await Promise.all(all)
    equal(count(connection, PacketType.PUBLISH), received)
  })

  test('lesson umqtt 26: several filters, what each was granted, and unsubscribe', async () => {
    const { client, connection } = await connected()
    const subscribing = client.subscribe(['a', 'b'], { qos: 2 })
    const { packetId } = await take(connection, PacketType.SUBSCRIBE)
    const reasonCodes = [1, 0x80]
    connection.send({ type: PacketType.SUBACK, packetId, reasonCodes, properties: {} })
    deepEqual(
      (await subscribing).granted.map(({ qos }) => qos),
      [1, undefined],
    )
    connection.autoRespond()
    await client.unsubscribe('a')
    equal(count(connection, PacketType.UNSUBSCRIBE), 1)
  })

  test('lesson umqtt 27: QoS 2 works both ways', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const seen: string[] = []
    client.setCallback((topic) => seen.push(topic))
    await client.publish('out', 'x', { qos: 2 })
    connection.publish('in', 'x', { qos: 2, packetId: 5 })
    await settle()
    deepEqual(acknowledgements(connection), [
      ['PUBREC', 5],
      ['PUBCOMP', 5],
    ])
    deepEqual([seen, client.statistics.inflight], [['in'], 0])
  })

  test('lesson umqtt 28: messages can be had without a callback', async () => {
    const { client, connection } = await connected()
    const texts: string[] = []
    const reading = (async () => {
      for await (const message of client.messages()) texts.push(message.text())
    })()
    for (const text of ['1', '2', '3']) connection.publish('a', text)
    await settle()
    await client.disconnect()
    await reading
    deepEqual(texts, ['1', '2', '3'])
  })
})
