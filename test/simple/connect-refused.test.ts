// portable
// connect() when the server says no: each reason code, the fall-back from MQTT 5.0 to 3.1.1 and where it
// is not tried, and servers that do not speak MQTT.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import {
  ConnectionLostError,
  ConnectRefusedError,
  MalformedPacketError,
  MqttError,
  ProtocolError,
} from '../../src/errors.ts'
import { settle, testClient, type TestClientOptions } from '../support/scripted-memory.ts'
import { failure, take } from './conversation.ts'

/** Every refusal of MQTT 5.0 (§3.2.2.2), and whether the same attempt may succeed later. */
const REASONS: readonly (readonly [code: number, name: string, transient: boolean])[] = [
  [0x80, 'Unspecified error', false],
  [0x81, 'Malformed Packet', false],
  [0x82, 'Protocol Error', false],
  [0x83, 'Implementation specific error', false],
  [0x84, 'Unsupported Protocol Version', false],
  [0x85, 'Client Identifier not valid', false],
  [0x86, 'Bad User Name or Password', false],
  [0x87, 'Not authorized', false],
  [0x88, 'Server unavailable', true],
  [0x89, 'Server busy', true],
  [0x8a, 'Banned', false],
  [0x8c, 'Bad authentication method', false],
  [0x90, 'Topic Name invalid', false],
  [0x95, 'Packet too large', false],
  [0x97, 'Quota exceeded', true],
  [0x99, 'Payload format invalid', false],
  [0x9a, 'Retain not supported', false],
  [0x9b, 'QoS not supported', false],
  [0x9c, 'Use another server', true],
  [0x9d, 'Server moved', true],
  [0x9f, 'Connection rate exceeded', true],
]

/** Every refusal of MQTT 3.1.1, by its name in MQTT 5.0. §3.2.2.3 */
const RETURN_CODES: readonly (readonly [code: number, name: string, transient: boolean])[] = [
  [1, 'Unsupported Protocol Version', false],
  [2, 'Client Identifier not valid', false],
  [3, 'Server unavailable', true],
  [4, 'Bad User Name or Password', false],
  [5, 'Not authorized', false],
]

const connack = (reasonCode: number, properties: object = {}): never =>
  ({ type: PacketType.CONNACK, sessionPresent: false, reasonCode, properties }) as never

describe('a refusal', () => {
  for (const [version, rows] of [
    [5, REASONS],
    [4, RETURN_CODES],
  ] as const) {
    for (const [code, name, transient] of rows) {
      test(`with ${code} on version ${version} rejects connect and closes`, async () => {
        const { client, server, clock } = testClient({ protocol: version })
        const connecting = client.connect()
        const connection = await server.connection()
        await connection.connect()
        connection.send(connack(code))
        const error = await failure(connecting, ConnectRefusedError)
        deepEqual([error.code, error.reasonCode], ['ERR_MQTT_CONNECT_REFUSED', code])
        equal(error.transient, transient)
        match(error.message.toLowerCase(), new RegExp(name.toLowerCase()))
        await connection.closed
        await settle()
        equal(client.state, 'closed')
        equal(server.dials, 1)
        equal(clock.pending, 0)
        equal(connection.received.length, 1)
      })
    }
  }

  test("has the server's reason string and reference", async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.connect()
    connection.send(
      connack(0x9c, { reasonString: 'maintenance', serverReference: 'b.example:1883' }),
    )
    const error = await failure(connecting, ConnectRefusedError)
    equal(error.reasonString, 'maintenance')
    equal(error.serverReference, 'b.example:1883')
    match(error.message, /0x9c.*maintenance/)
  })
})

/** What servers of MQTT 3.1.1 answer to CONNECT of MQTT 5.0. */
const VERSION_REFUSALS: readonly (readonly [what: string, bytes: readonly number[]])[] = [
  ['CONNACK of 5.0 with 0x84', [0x20, 0x03, 0x00, 0x84, 0x00]],
  ['CONNACK of 3.1.1 with 0x01, `20 02 00 01`', [0x20, 0x02, 0x00, 0x01]],
]

describe('the fall-back to MQTT 3.1.1', () => {
  for (const [what, bytes] of VERSION_REFUSALS) {
    test(`follows ${what}`, async () => {
      const { client, server } = testClient({ user: 'u', will: { topic: 'a', payload: 'b' } })
      const states: string[] = []
      client.on('state', (state) => states.push(state))
      const connecting = client.connect()
      const first = await server.connection()
      await first.connect()
      first.sendBytes(Uint8Array.from(bytes))
      const second = await server.connection()
      ok(first.ended, 'The first connection is over before the second begins')
      const packet = await second.accept()
      deepEqual(
        [packet.version, packet.userName, packet.will?.topic, packet.cleanStart],
        [4, 'u', 'a', true],
      )
      const result = await connecting
      equal(result.protocol, 4)
      deepEqual(states, ['connecting', 'connected'])
    })
  }

  test('follows a close without CONNACK, once, until a version is accepted [MQTT-3.1.2-2]', async () => {
    const { client, server } = testClient()
    for (const versions of [
      [5, 4],
      [5, 4],
    ]) {
      const connecting = client.connect()
      for (const version of versions) {
        const connection = await server.connection()
        equal((await connection.connect()).version, version)
        connection.close()
      }
      await failure(connecting, ConnectionLostError)
    }
    equal(server.dials, 4)
    const connecting = client.connect()
    const first = await server.connection()
    await first.connect()
    first.close()
    const second = await server.connection()
    await second.accept()
    equal((await connecting).protocol, 4)
    await client.disconnect()
    equal(server.dials, 6)
  })

  test('does not follow a close once MQTT 5.0 was accepted', async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    await (await server.connection()).accept()
    equal((await connecting).protocol, 5)
    await client.disconnect()
    const again = client.connect()
    const connection = await server.connection()
    await connection.connect()
    connection.close()
    await failure(again, ConnectionLostError)
    equal(server.dials, 2)
  })

  const afterRefusal = async (
    options: TestClientOptions,
    bytes: readonly number[],
  ): Promise<readonly [error: MqttError, dials: number]> => {
    const { client, server } = testClient(options)
    const connecting = client.connect({ cleanStart: options.clientId === undefined })
    const connection = await server.connection()
    await connection.connect()
    connection.sendBytes(Uint8Array.from(bytes))
    const error = await failure(connecting, MqttError)
    await settle()
    return [error, server.dials]
  }
  const refused = VERSION_REFUSALS[0]?.[1] ?? []

  test('is not tried when the application has asked for MQTT 5.0', async () => {
    equal((await afterRefusal({ protocol: 5 }, refused))[1], 1)
  })

  test('is not tried without a client id and a clean start [MQTT-3.1.3-7]', async () => {
    equal((await afterRefusal({ clientId: '' }, refused))[1], 1)
  })

  test('is not tried when authentication is asked for, which 3.1.1 does not have', async () => {
    const properties = { authentication: { method: 'PLAIN' } }
    equal((await afterRefusal({ properties }, refused))[1], 1)
  })

  test('is not tried after another refusal', async () => {
    equal((await afterRefusal({}, [0x20, 0x03, 0x00, 0x87, 0x00]))[1], 1)
    equal((await afterRefusal({}, [0x20, 0x02, 0x00, 0x02]))[1], 1)
    equal((await afterRefusal({}, [0x20, 0x03, 0x00, 0x01, 0x00]))[1], 1)
  })

  test('is not tried after a bare close when the application has asked for MQTT 5.0', async () => {
    const { client, server } = testClient({ protocol: 5 })
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.connect()
    connection.close()
    const error = await failure(connecting, ConnectionLostError)
    match(error.message, /before CONNACK/)
    await settle()
    equal(server.dials, 1)
  })

  test('is tried once: a refusal of 3.1.1 is the end', async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    const first = await server.connection()
    await first.connect()
    first.sendBytes(Uint8Array.of(0x20, 0x02, 0x00, 0x01))
    const second = await server.connection()
    await second.connect()
    second.sendBytes(Uint8Array.of(0x20, 0x02, 0x00, 0x01))
    equal((await failure(connecting, ConnectRefusedError)).reasonCode, 1)
    await settle()
    equal(server.dials, 2)
  })

  test('is remembered for later connects', async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    const first = await server.connection()
    await first.connect()
    first.sendBytes(Uint8Array.of(0x20, 0x02, 0x00, 0x01))
    await (await server.connection()).accept()
    await connecting
    await client.disconnect()
    const again = client.connect()
    const packet = await (await server.connection()).accept()
    equal(packet.version, 4)
    equal((await again).protocol, 4)
  })

  test('is a guess after a bare close: the next connection begins with MQTT 5.0, once', async () => {
    const { client, server } = testClient()
    const guess = async (): Promise<void> => {
      const connecting = client.connect()
      const first = await server.connection()
      equal((await first.connect()).version, 5)
      first.close()
      equal((await (await server.connection()).accept()).version, 4)
      equal((await connecting).protocol, 4)
      await client.disconnect()
    }
    await guess()
    await guess()
    const again = client.connect()
    equal((await (await server.connection()).accept()).version, 4)
    await again
    equal(server.dials, 5)
  })

  test('is given up when MQTT 5.0 is accepted after a bare close', async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    const first = await server.connection()
    await first.connect()
    first.close()
    await (await server.connection()).accept()
    await connecting
    for (const _ of [1, 2]) {
      await client.disconnect()
      const again = client.connect()
      await (await server.connection()).accept()
      equal((await again).protocol, 5)
    }
    equal(server.dials, 4)
  })

  test('keeps what was published and subscribed to meanwhile', async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    const publishing = [client.publish('a', '1', { qos: 1 }), client.publish('a', '2')]
    const subscribing = client.subscribe('a')
    const first = await server.connection()
    await first.connect()
    first.sendBytes(Uint8Array.of(0x20, 0x02, 0x00, 0x01))
    const second = await server.connection()
    await second.accept()
    second.autoRespond()
    await connecting
    await Promise.all(publishing)
    equal((await subscribing).granted.length, 1)
    await take(second, PacketType.PUBLISH)
  })
})

describe('a server that does not speak MQTT', () => {
  const answer = async (
    bytes: readonly number[],
    error: abstract new (...args: never[]) => MqttError,
  ): Promise<void> => {
    const { client, server, clock } = testClient()
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.connect()
    connection.sendBytes(Uint8Array.from(bytes))
    await failure(connecting, error)
    await connection.closed
    await settle()
    deepEqual([client.state, clock.pending, server.dials], ['closed', 0, 1])
  }

  test('rejects connect when it answers with HTTP', async () => {
    const http = Array.from('HTTP/1.1 400 Bad Request\r\n\r\n', (char) => char.charCodeAt(0))
    await answer(http, MalformedPacketError)
  })
  test('rejects connect when it answers with TLS', async () => {
    await answer([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x0a], ProtocolError)
  })
  test('rejects connect when CONNACK has reserved flags [MQTT-3.2.2-1]', async () => {
    await answer([0x20, 0x03, 0x02, 0x00, 0x00], MalformedPacketError)
  })
  test('rejects connect when PUBLISH comes first [MQTT-3.2.0-1]', async () => {
    await answer([0x30, 0x04, 0x00, 0x01, 0x61, 0x00], ProtocolError)
  })
})
