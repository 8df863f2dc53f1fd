// portable
// Enhanced authentication: data go to and fro before CONNACK and again later, and whatever the application
// or the server does wrong ends in an error, never in a wait without end. §4.12

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { decodeUtf8, encodeUtf8 } from '../../src/codec/utf8.ts'
import {
  ClosedError,
  ConnectRefusedError,
  NotSupportedError,
  ProtocolError,
  ServerDisconnectError,
} from '../../src/errors.ts'
import type { Authentication, Limits } from '../../src/simple/types.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { settle, type TestClient, testClient } from '../support/scripted-memory.ts'
import {
  connected,
  type Connected,
  failure,
  gate,
  pass,
  reconnected,
  take,
  watch,
} from './conversation.ts'

const METHOD = 'SCRAM-SHA-256'

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : decodeUtf8(bytes, 0, bytes.length)

/** What the server says with AUTH. */
const challenge = (connection: ScriptedConnection, data: string, reasonCode = 0x18): void =>
  connection.send({
    type: PacketType.AUTH,
    reasonCode,
    properties: { authenticationMethod: METHOD, authenticationData: encodeUtf8(data) },
  })

const authenticating = (authentication: Partial<Authentication> = {}): TestClient =>
  testClient({ properties: { authentication: { method: METHOD, ...authentication } } })

/** An open connection whose client answers with the data it got, in brackets. */
const established = (limits: Limits = {}): Promise<Connected> =>
  connected({
    limits,
    properties: {
      authentication: { method: METHOD, respond: (data) => encodeUtf8(`<${text(data)}>`) },
    },
  })

describe('authentication during connect', () => {
  test('sends method and data, and answers each AUTH', async () => {
    const asked: (string | undefined)[] = []
    const { client, server } = authenticating({
      data: encodeUtf8('first'),
      respond: (data) => {
        asked.push(text(data))
        return Promise.resolve(encodeUtf8(`answer ${asked.length}`))
      },
    })
    const connecting = client.connect()
    const connection = await server.connection()
    const { properties } = await connection.connect()
    equal(properties?.authenticationMethod, METHOD)
    equal(text(properties?.authenticationData), 'first')
    for (const step of [1, 2]) {
      challenge(connection, `step ${step}`)
      const auth = await take(connection, PacketType.AUTH)
      equal(auth.reasonCode, 0x18)
      equal(auth.properties.authenticationMethod, METHOD)
      equal(text(auth.properties.authenticationData), `answer ${step}`)
    }
    connection.send({
      type: PacketType.CONNACK,
      sessionPresent: false,
      reasonCode: 0,
      properties: { authenticationMethod: METHOD },
    })
    await connecting
    deepEqual(asked, ['step 1', 'step 2'])
  })

  test('rejects connect when the server refuses', async () => {
    const { client, server } = authenticating({ respond: () => encodeUtf8('x') })
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.connect()
    challenge(connection, '?')
    await take(connection, PacketType.AUTH)
    connection.send({
      type: PacketType.CONNACK,
      sessionPresent: false,
      reasonCode: 0x87,
      properties: {},
    })
    equal((await failure(connecting, ConnectRefusedError)).reasonCode, 0x87)
  })

  for (const [what, respond] of [
    [
      'throws',
      () => {
        throw new Error('wrong proof')
      },
    ],
    ['rejects', () => Promise.reject(new Error('wrong proof'))],
  ] as const) {
    test(`rejects connect when respond ${what}`, async () => {
      const { client, server, clock } = authenticating({ respond })
      const connecting = client.connect()
      const connection = await server.connection()
      await connection.connect()
      challenge(connection, '?')
      const error = await failure(connecting, Error)
      match(error.message, /wrong proof/)
      await connection.closed
      await settle()
      deepEqual([client.state, clock.pending], ['closed', 0])
    })
  }

  test('rejects connect when the server asks and there is no respond', async () => {
    const { client, server } = authenticating()
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.connect()
    challenge(connection, '?')
    const error = await failure(connecting, NotSupportedError)
    equal(error.limit, 'authentication.respond')
  })

  test('ends when AUTH names another method, or CONNECT named none [MQTT-4.12.0-5]', async () => {
    for (const made of [authenticating({ respond: () => encodeUtf8('x') }), testClient()]) {
      const connecting = made.client.connect()
      const connection = await made.server.connection()
      await connection.connect()
      const properties = { authenticationMethod: 'OTHER' }
      connection.send({ type: PacketType.AUTH, reasonCode: 0x18, properties })
      const error = await failure(connecting, ProtocolError)
      match(error.clause, /MQTT-4\.12\.0-[56]/)
    }
  })

  test('sends no answer to another connection than the one that asked', async () => {
    const late = gate<Uint8Array>()
    const made = authenticating({ respond: () => late.promise })
    const connecting = failure(made.client.connect(), Error)
    const first = await made.server.connection()
    await first.connect()
    challenge(first, '?')
    await settle()
    first.destroy()
    await connecting
    const { connection } = await reconnected(made)
    late.open(encodeUtf8('late'))
    await settle()
    deepEqual([connection.received.length, made.client.state], [1, 'connected'])
  })

  test('harms no later connection when respond fails too late', async () => {
    const late = gate<Uint8Array>()
    const made = authenticating({ respond: () => late.promise })
    const connecting = failure(made.client.connect(), Error)
    const first = await made.server.connection()
    await first.connect()
    challenge(first, '?')
    await settle()
    first.destroy()
    await connecting
    await reconnected(made)
    late.fail(new Error('late'))
    await settle()
    equal(made.client.state, 'connected')
  })
})

describe('reauthenticate', () => {
  test('sends AUTH 0x19, answers what comes, and settles with 0x00 [MQTT-4.12.1-1]', async () => {
    const { client, connection } = await established()
    const again = watch(client.reauthenticate(encodeUtf8('begin')))
    const first = await take(connection, PacketType.AUTH)
    deepEqual([first.reasonCode, text(first.properties.authenticationData)], [0x19, 'begin'])
    challenge(connection, 'prove it')
    const second = await take(connection, PacketType.AUTH)
    deepEqual([second.reasonCode, text(second.properties.authenticationData)], [0x18, '<prove it>'])
    equal(again.status, 'open')
    challenge(connection, 'welcome', 0)
    await settle()
    equal(again.status, 'fulfilled')
  })

  test('lets messages go on meanwhile', async () => {
    const { client, connection } = await established()
    const again = watch(client.reauthenticate())
    await take(connection, PacketType.AUTH)
    const publishing = client.publish('a', 'b', { qos: 1 })
    connection.acknowledge(await take(connection, PacketType.PUBLISH))
    await publishing
    equal(again.status, 'open')
    challenge(connection, '', 0)
    await settle()
    equal(again.status, 'fulfilled')
  })

  test('has its answer in a handler, though reading has stopped before it', async () => {
    const { client, connection } = await established({ inboxBytes: 2000 })
    const start = gate()
    client.setCallback(async () => {
      await start.promise
      await again
    })
    const again = start.promise.then(() => client.reauthenticate())
    const settled = watch(again)
    for (let index = 0; index < 100; index += 1) connection.publish('a', new Uint8Array(500))
    await settle()
    ok(client.statistics.inboxBytes < 5000, `${client.statistics.inboxBytes} bytes`)
    start.open()
    await take(connection, PacketType.AUTH)
    challenge(connection, 'welcome', 0)
    await settle()
    deepEqual([settled.status, client.statistics.inboxBytes], ['fulfilled', 0])
  })

  test('rejects when the server ends the connection', async () => {
    const { client, connection } = await established()
    const again = client.reauthenticate()
    await take(connection, PacketType.AUTH)
    connection.send({ type: PacketType.DISCONNECT, reasonCode: 0x87, properties: {} })
    equal((await failure(again, ServerDisconnectError)).reasonCode, 0x87)
  })

  test('rejects without a connection, and throws without a method', async () => {
    const made = authenticating()
    await failure(made.client.reauthenticate(), ClosedError)
    const { client } = await connected()
    let thrown: unknown
    try {
      void client.reauthenticate()
    } catch (error) {
      thrown = error
    }
    ok(thrown instanceof TypeError)
  })

  test('is bounded by acknowledgementMs when the server is silent', async () => {
    const { client, clock } = await established()
    const again = watch(client.reauthenticate())
    await pass(clock, 20_000)
    equal(again.status, 'rejected')
    equal(client.state, 'closed')
  })

  test('copies the data that it is given', async () => {
    const { client, connection } = await established()
    const data = encodeUtf8('begin')
    watch(client.reauthenticate(data))
    data.fill(0)
    const { properties } = await take(connection, PacketType.AUTH)
    equal(text(properties.authenticationData), 'begin')
  })
})
