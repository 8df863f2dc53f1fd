// portable
// What MQTT.js was seen to do with dead links, slow consumers, hostile servers and bad arguments, by the
// numbers of its tables, as far as one connection is concerned.

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { ConnectionLostError, MqttError, ServerDisconnectError } from '../../src/errors.ts'
import type { TransportHandler } from '../../src/transport/transport.ts'
import { paced } from '../support/pace.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import {
  acknowledgements,
  connected,
  type Connected,
  count,
  failure,
  gate,
  pass,
  reconnected,
  take,
  watch,
} from '../simple/conversation.ts'

const KEPT = { request: { cleanStart: false } } as const

/** Bytes as they are written in documents: `32 03 00 01 61`. */
const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.split(' '), (byte) => Number.parseInt(byte, 16))

describe('dead and slow links', () => {
  const traffic: readonly (readonly [string, (made: Connected) => void, boundMs: number])[] = [
    ['idle', () => undefined, 3600 + 10_000],
    ['QoS 0', ({ client }) => void watch(client.publish('a', 'x')), 3600 + 10_000],
    ['QoS 1', ({ client }) => void watch(client.publish('a', 'x', { qos: 1 })), 3600 + 10_000],
  ]
  test('lesson mqtt.js 06: a stalled link is noticed within its bound, whatever is sent', async () => {
    for (const stall of (['both', 'server'] as const).slice(0, paced(2, 1))) {
      for (const [what, send, boundMs] of traffic) {
        const made = await connected({ keepAliveSeconds: 4 })
        made.server.stallReads = true
        made.server.stallWrites = stall === 'both'
        const started = made.clock.now()
        while (made.client.state === 'connected' && made.clock.now() - started < 100_000) {
          send(made)
          await pass(made.clock, 100)
        }
        const tookMs = made.clock.now() - started
        ok(tookMs <= boundMs, `${what}, ${stall}: ${tookMs} ms`)
      }
    }
  })

  test('lesson mqtt.js 06c: a transport that reports its end late holds up only that end', async () => {
    const closings: (() => void)[] = []
    const made = testClient({
      keepAliveSeconds: 4,
      transport: (address, handler, options) => {
        const late: TransportHandler = {
          opened: () => handler.opened(),
          received: (bytes, length) => handler.received(bytes, length),
          written: () => handler.written(),
          closed: (error) => closings.push(() => handler.closed(error)),
        }
        return made.server.transport(address, late, options)
      },
    })
    const { connection } = await reconnected(made)
    const publishing = watch(made.client.publish('a', 'x', { qos: 1 }))
    await settle()
    made.server.stallReads = true
    for (let tenth = 0; made.client.state !== 'closing'; tenth += 1) {
      ok(tenth < 150, 'it is given up within 15 s')
      await pass(made.clock, 100)
    }
    const connecting = made.client.connect()
    await pass(made.clock, 800)
    equal(publishing.status, 'open')
    // It does not wait for ever: at a second it counts as gone, and what comes half a second later is not heard.
    await pass(made.clock, 200)
    ok(connection.ended)
    ok(publishing.error instanceof ConnectionLostError)
    made.server.stallReads = false
    await (await made.server.connection()).accept()
    await connecting
    await pass(made.clock, 500)
    closings.shift()?.()
    await settle()
    equal(made.client.state, 'connected')
  })

  test('lesson mqtt.js 44: a slow link that moves is left alone, in both directions', async () => {
    const made = testClient({ keepAliveSeconds: 4, timeouts: { operationMs: 600_000 } })
    made.server.bufferBytes = 0
    const { connection } = await reconnected(made)
    const { client, clock } = made
    connection.autoRespond()
    const { toPeer, toClient } = made.server.pipe(connection)
    toPeer.pieceBytes = toClient.pieceBytes = 50_000
    const waiting = watch(client.waitMsg())
    connection.publish('in', new Uint8Array(1_000_000))
    made.server.stallReads = made.server.stallWrites = true
    const publishing = watch(client.publish('out', new Uint8Array(1_000_000), { qos: 1 }))
    for (let second = 0; second < 60; second += 1) {
      for (const lane of [toPeer, toClient]) {
        const before = lane.deliveredBytes
        lane.stalled = false
        for (let turn = 0; turn < 50 && lane.deliveredBytes === before; turn += 1) await undefined
        lane.stalled = true
      }
      await pass(clock, 1000)
      equal(client.state, 'connected', `after ${second} s`)
    }
    deepEqual([waiting.status, publishing.status], ['fulfilled', 'fulfilled'])
  })

  test('lesson mqtt.js 38: DISCONNECT of the server ends the connection, socket and all', async () => {
    for (const reasonCode of [0x8b, 0x8e, 0x98, 0x9c]) {
      const { client, connection } = await connected()
      const lost: Error[] = []
      client.on('connection-lost', (error) => lost.push(error))
      connection.send({ type: PacketType.DISCONNECT, reasonCode, properties: {} })
      await connection.closed
      await settle()
      equal(client.state, 'closed')
      ok(lost[0] instanceof ServerDisconnectError)
      equal(lost[0].reasonCode, reasonCode)
    }
  })

  test('lesson mqtt.js 37: an assigned client id is used again, Server Keep Alive is kept', async () => {
    const connack = { assignedClientIdentifier: 'auto-7', serverKeepAlive: 2 }
    const made = await connected({ clientId: '' }, { connack })
    await pass(made.clock, 1800)
    equal(count(made.connection, PacketType.PINGREQ), 1)
    made.connection.destroy()
    await settle()
    equal((await reconnected(made, KEPT)).connectPacket.clientId, 'auto-7')
  })

  test("lesson mqtt.js 45: the client does not hang on the application's listeners", async () => {
    const made = await connected()
    const removers = (['state', 'connection-lost', 'warning'] as const).map((event) =>
      made.client.on(event, () => undefined),
    )
    for (const remove of removers) remove()
    made.connection.destroy()
    await settle()
    equal(made.client.state, 'closed')
    await reconnected(made)
    equal(made.client.state, 'connected')
  })
})

describe('slow and broken consumers', () => {
  test('lesson mqtt.js 16: slow handlers are bounded, and nothing is acknowledged before its end', async () => {
    const { client, connection } = await connected({ limits: { receiveMaximum: 50 } })
    const busy: (() => void)[] = []
    client.setCallback(() => {
      const one = gate()
      busy.push(one.open)
      return one.promise
    })
    // A server that keeps to our Receive Maximum, with many more messages to send.
    const all = paced(2000, 200)
    let sent = 0
    for (let handled = 0; handled < all; handled += 1) {
      while (sent < all && sent - handled < 50) {
        connection.publish('a', 'x', { qos: 1, packetId: (sent % 65_535) + 1 })
        sent += 1
      }
      await settle()
      ok(busy.length <= 50)
      equal(count(connection, PacketType.PUBACK), handled)
      busy.shift()?.()
    }
    await settle()
    equal(count(connection, PacketType.PUBACK), all)
  })

  test('lesson mqtt.js 31: a handler of 6 s with a keep alive of 3 s costs no connection', async () => {
    const { client, connection, clock } = await connected({ keepAliveSeconds: 3 })
    connection.autoRespond()
    const handled: number[] = []
    client.setCallback(async () => {
      const done = gate()
      clock.setTimer(done.open, 6000)
      await done.promise
      handled.push(clock.now())
    })
    for (let index = 0; index < 4; index += 1) {
      connection.publish('a', 'x', { qos: 1 })
      await pass(clock, 7000)
    }
    deepEqual([handled.length, client.state], [4, 'connected'])
    equal(count(connection, PacketType.PUBACK), 4)
  })

  test('lesson mqtt.js 26: what a handler finishes late is not acknowledged on another connection', async () => {
    const made = await connected()
    const busy = gate()
    made.client.setCallback(() => busy.promise)
    made.connection.publish('a', 'x', { qos: 1, packetId: 1 })
    await settle()
    made.connection.destroy()
    await settle()
    const { connection } = await reconnected(made)
    busy.open()
    await settle()
    deepEqual(acknowledgements(connection), [])
  })

  test('lesson mqtt.js 24: a handler that throws makes nobody deaf', async () => {
    const { client, connection } = await connected({ keepAliveSeconds: 3 })
    const seen: string[] = []
    client.on('handler-error', () => undefined)
    client.setCallback((topic) => {
      seen.push(topic)
      throw new Error('boom')
    })
    for (const topic of ['1', '2', '3']) connection.publish(topic, 'x')
    const pinging = client.ping()
    connection.acknowledge(await take(connection, PacketType.PINGREQ))
    await pinging
    deepEqual(seen, ['1', '2', '3'])
  })

  test('lesson mqtt.js 30: what throws after a subscribe is called once, and its error is its own', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    let calls = 0
    const error = await failure(
      client.subscribe('a').then(() => {
        calls += 1
        throw new RangeError('mine')
      }),
      RangeError,
    )
    deepEqual([calls, error.message, client.state], [1, 'mine', 'connected'])
  })
})

/** Packets that no server may send, for both versions where not said otherwise. */
const ILLEGAL: readonly (readonly [what: string, bytes: string, versions: readonly (4 | 5)[]])[] = [
  ['a second CONNACK', '20 03 00 00 00', [5]],
  ['a second CONNACK', '20 02 00 00', [4]],
  ['a type that does not exist', '00 00', [4, 5]],
  ['CONNECT', '10 00', [4, 5]],
  ['SUBSCRIBE', '82 06 00 01 00 01 61 00', [4]],
  ['SUBSCRIBE', '82 07 00 01 00 00 01 61 00', [5]],
  ['UNSUBSCRIBE', 'a2 05 00 01 00 01 61', [4]],
  ['PINGREQ', 'c0 00', [4, 5]],
  ['DISCONNECT on 3.1.1', 'e0 00', [4]],
  ['AUTH on 3.1.1', 'f0 00', [4]],
  ['AUTH that nobody asked for', 'f0 00', [5]],
  ['QoS 3', '36 05 00 01 61 00 01', [4]],
  ['QoS 3', '36 06 00 01 61 00 01 00', [5]],
  ['DUP at QoS 0', '38 03 00 01 61', [4]],
  ['DUP at QoS 0', '38 04 00 01 61 00', [5]],
  ['packet id 0', '32 05 00 01 61 00 00', [4]],
  ['packet id 0', '32 06 00 01 61 00 00 00', [5]],
  ['no packet id', '32 03 00 01 61', [4, 5]],
  ['a topic past the packet', '30 03 00 09 61', [4, 5]],
  ['a topic with a wildcard', '30 03 00 01 23', [4]],
  ['a topic with U+0000', '30 03 00 01 00', [4]],
  ['a topic that is not UTF-8', '30 03 00 01 ff', [4]],
  ['an empty topic without alias', '30 02 00 00', [4]],
  ['an empty topic without alias', '30 03 00 00 00', [5]],
  ['a topic alias above our maximum', '30 07 00 01 61 03 23 00 ff', [5]],
  ['topic alias 0', '30 07 00 01 61 03 23 00 00', [5]],
  ['an unknown property', '30 06 00 01 61 02 7f 00', [5]],
  ['a property twice', '30 08 00 01 61 04 01 00 01 00', [5]],
  ['properties past the packet', '30 05 00 01 61 09 01', [5]],
  ['a remaining length of five bytes', '30 ff ff ff ff 01', [4, 5]],
  ['PUBACK of one byte', '40 01 00', [4, 5]],
  ['PUBACK with an unknown reason', '40 03 00 01 7f', [5]],
  ['PUBREL with wrong flags', '60 02 00 01', [4, 5]],
  ['PINGRESP with a body', 'd0 01 00', [4, 5]],
  ['SUBACK with an unknown code', '90 03 00 01 7f', [4]],
]

describe('hostile servers and bad input', () => {
  test('lesson mqtt.js 17: every illegal packet ends the connection, with its reason on 5', async () => {
    let kinds = 0
    for (const [what, bytes, versions] of ILLEGAL) {
      for (const protocol of versions) {
        kinds += 1
        const made = await connected({ protocol })
        const lost: Error[] = []
        made.client.on('connection-lost', (error) => lost.push(error))
        made.connection.sendBytes(hex(bytes))
        await made.connection.closed
        await settle()
        const told = `${what} on ${protocol}`
        equal(made.client.state, 'closed', told)
        ok(MqttError.is(lost[0]), told)
        ok(
          ['ERR_MQTT_MALFORMED_PACKET', 'ERR_MQTT_PROTOCOL_ERROR'].includes(lost[0].code),
          `${told}: ${lost[0].code}`,
        )
        const goodbye = made.connection.received.at(-1)
        equal(goodbye?.type === PacketType.DISCONNECT, protocol === 5, told)
        if (goodbye?.type === PacketType.DISCONNECT) ok(goodbye.reasonCode >= 0x80, told)
        await reconnected(made)
      }
    }
    ok(kinds >= 40)
  })

  test('lesson mqtt.js 17b: 32 03 00 01 61 ends the connection, not the process', async () => {
    for (const protocol of [4, 5] as const) {
      const { client, connection } = await connected({ protocol })
      const waiting = watch(client.waitMsg())
      connection.sendBytes(hex('32 03 00 01 61'))
      await settle()
      equal(waiting.error?.name, 'MalformedPacketError')
      equal(client.state, 'closed')
    }
  })

  test('lesson mqtt.js 20: 15 bad publish arguments throw at the call, and nothing is stuck', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const calls: readonly (readonly [topic: unknown, payload: unknown, options?: object])[] = [
      ['a/+', 'x'],
      ['a/#', 'x'],
      ['a\0', 'x'],
      ['', 'x'],
      ['a', 5],
      ['a', { b: 1 }],
      ['a', null],
      ['a', undefined],
      [5, 'x'],
      ['a', 'x', { qos: 3 }],
      ['a', 'x', { qos: -1 }],
      ['a', 'x', { properties: { messageExpirySeconds: -1 } }],
      ['a', 'x', { properties: { topicAlias: 70_000 } }],
      ['a', 'x', { properties: { responseTopic: '#' } }],
      ['a', 'x', { properties: { userProperties: 'a=b' } }],
    ]
    equal(calls.length, 15)
    for (const qos of [0, 1]) {
      for (const [topic, payload, options] of calls) {
        throws(
          () => client.publish(topic as string, payload as string, { qos, ...options } as never),
          (error: unknown) => error instanceof TypeError || error instanceof RangeError,
        )
      }
    }
    await client.publish('a', 'x', { qos: 1 })
    equal(count(connection, PacketType.PUBLISH), 1)
  })

  test('lesson mqtt.js 20b: a topic over 65,535 bytes throws, and the stream goes on', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    throws(() => client.publish('x'.repeat(65_536), 'y'), TypeError)
    throws(() => client.publish('ü'.repeat(32_768), 'y', { qos: 1 }), TypeError)
    await client.publish('a', 'x')
    await client.publish('a', 'x', { qos: 1 })
    ok((await client.ping()) >= 0)
    equal(count(connection, PacketType.PUBLISH), 2)
  })

  test('lesson mqtt.js 28: a topic alias gives the topic at QoS 2 as at 0 and 1', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    client.setCallback((topic) => seen.push(topic))
    connection.publish('long/topic', 'x', { qos: 2, properties: { topicAlias: 1 } })
    for (const qos of [0, 1, 2] as const) {
      connection.publish('', 'x', { qos, properties: { topicAlias: 1 } })
    }
    await settle()
    deepEqual(seen, new Array(4).fill('long/topic'))
  })
})
