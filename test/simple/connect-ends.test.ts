// portable
// connect() that does not come to its end: nothing answers, the transport fails, disconnect is called
// meanwhile, or an earlier connection is still closing. The bounds are those of its docstring.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { ClosedError, ConnectionLostError, ProtocolError, TimeoutError } from '../../src/errors.ts'
import type { Transport } from '../../src/transport/transport.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import { connected, failure, pass, reconnected, take, watch } from './conversation.ts'

describe('connect without an answer', () => {
  test('times out after connectMs when the dial never opens', async () => {
    const { client, server, clock } = testClient({ timeouts: { connectMs: 5000 } })
    server.blackHole = true
    const connecting = watch(client.connect())
    await pass(clock, 4999)
    equal(connecting.status, 'open')
    equal(client.state, 'connecting')
    await pass(clock, 1)
    const { error } = connecting
    ok(error instanceof TimeoutError)
    deepEqual([error.operation, error.afterMs, error.transient], ['connect', 5000, true])
    deepEqual([client.state, clock.pending], ['closed', 0])
  })

  test('times out after connectMs when CONNACK never comes, and cuts the connection', async () => {
    const { client, server, clock } = testClient()
    const connecting = watch(client.connect())
    const connection = await server.connection()
    await connection.connect()
    await pass(clock, 29_999)
    equal(connecting.status, 'open')
    await pass(clock, 1)
    ok(connecting.error instanceof TimeoutError)
    ok(connection.ended)
    deepEqual([client.state, clock.pending], ['closed', 0])
  })

  test('times out after connectMs also when AUTH goes back and forth without an end', async () => {
    const { client, server, clock } = testClient({
      timeouts: { connectMs: 10_000 },
      properties: { authentication: { method: 'M', respond: () => Uint8Array.of(1) } },
    })
    const connecting = watch(client.connect())
    const connection = await server.connection()
    await connection.connect()
    for (let round = 0; round < 10; round += 1) {
      equal(connecting.status, 'open')
      const properties = { authenticationMethod: 'M' }
      connection.send({ type: PacketType.AUTH, reasonCode: 0x18, properties })
      await take(connection, PacketType.AUTH)
      await pass(clock, 1000)
    }
    ok(connecting.error instanceof TimeoutError)
    equal(client.state, 'closed')
  })

  test('takes at most twice connectMs when it falls back to MQTT 3.1.1', async () => {
    const { client, server, clock } = testClient({ timeouts: { connectMs: 1000 } })
    const connecting = watch(client.connect())
    const first = await server.connection()
    await first.connect()
    await pass(clock, 999)
    first.send({
      type: PacketType.CONNACK,
      sessionPresent: false,
      reasonCode: 0x84,
      properties: {},
    })
    await (await server.connection()).connect()
    await pass(clock, 999)
    equal(connecting.status, 'open')
    await pass(clock, 1)
    ok(connecting.error instanceof TimeoutError)
    equal(clock.pending, 0)
  })
})

describe('connect over a transport that fails', () => {
  test('rejects with what the dial said', async () => {
    const { client, server } = testClient()
    server.refuse = new Error('connect ECONNREFUSED')
    const error = await failure(client.connect(), ConnectionLostError)
    match(error.message, /Cannot open the connection: connect ECONNREFUSED/)
    equal(error.cause, server.refuse)
    deepEqual([error.transient, client.state], [true, 'closed'])
  })

  test('rejects when the factory throws', async () => {
    const { client, clock } = testClient({
      transport: () => {
        throw new Error('no such device')
      },
    })
    const error = await failure(client.connect(), ConnectionLostError)
    match(error.message, /no such device/)
    await settle()
    deepEqual([client.state, clock.pending], ['closed', 0])
  })

  test('rejects at once when the factory gives no transport', async () => {
    for (const given of [undefined, Promise.resolve(), {}]) {
      const { client, clock } = testClient({ transport: () => given as unknown as Transport })
      const error = await failure(client.connect(), ConnectionLostError)
      match(error.message, /the factory gave no transport/)
      await settle()
      deepEqual([client.state, clock.pending], ['closed', 0])
    }
  })

  for (const how of ['close', 'destroy'] as const) {
    test(`rejects when the server ends it before CONNACK with ${how}`, async () => {
      const { client, server, clock } = testClient({ protocol: 5 })
      const lost: Error[] = []
      client.on('connection-lost', (error) => lost.push(error))
      const connecting = client.connect()
      const connection = await server.connection()
      await connection.connect()
      connection[how]()
      const error = await failure(connecting, ConnectionLostError)
      match(error.message, how === 'close' ? /closed the connection before CONNACK/ : /reset/)
      await settle()
      deepEqual([client.state, clock.pending, lost.length], ['closed', 0, 0])
    })
  }

  test('rejects when the connection is cut in the middle of CONNACK', async () => {
    const { client, server } = testClient({ protocol: 5 })
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.connect()
    connection.sendBytes(Uint8Array.of(0x20, 0x03, 0x00))
    connection.destroy()
    await failure(connecting, ConnectionLostError)
  })

  test('rejects what waited for the connection, as never sent', async () => {
    const { client, server } = testClient()
    server.refuse = new Error('no route')
    const connecting = failure(client.connect(), ConnectionLostError)
    const publishes = [0, 1, 2].map((qos) => client.publish('a', 'b', { qos: qos as 0 | 1 | 2 }))
    const others = [client.subscribe('a'), client.unsubscribe('a')]
    const waiting = client.waitMsg()
    for (const publish of publishes) {
      equal((await failure(publish, ConnectionLostError)).sent, 'no')
    }
    for (const other of [...others, waiting]) await failure(other, ConnectionLostError)
    await connecting
  })
})

describe('disconnect during connect', () => {
  const given = 'Connect was given up: disconnect was called'

  test('gives up a dial that never opens', async () => {
    const { client, server, clock } = testClient()
    server.blackHole = true
    const connecting = failure(client.connect(), ClosedError)
    await settle()
    await client.disconnect()
    const error = await connecting
    deepEqual([error.message, error.sent], [given, 'no'])
    deepEqual([client.state, clock.pending], ['closed', 0])
  })

  test('gives up a handshake, without DISCONNECT before CONNACK [MQTT-3.1.0-1]', async () => {
    const { client, server, clock } = testClient()
    const connecting = failure(client.connect(), ClosedError)
    const connection = await server.connection()
    await connection.connect()
    await client.disconnect()
    equal((await connecting).message, given)
    ok(connection.ended)
    equal(connection.received.length, 1)
    deepEqual([client.state, clock.pending], ['closed', 0])
  })

  test('gives up the fall-back to MQTT 3.1.1', async () => {
    const { client, server } = testClient()
    const connecting = failure(client.connect(), ClosedError)
    const first = await server.connection()
    await first.refuse(0x84)
    const second = await server.connection()
    await second.connect()
    await client.disconnect()
    await connecting
    ok(second.ended)
    await settle()
    deepEqual([client.state, server.dials], ['closed', 2])
  })

  test('is not too late when the refusal that leads to a fall-back is in', async () => {
    const { client, server } = testClient()
    const connecting = failure(client.connect(), ClosedError)
    const first = await server.connection()
    await first.refuse(0x84)
    const disconnecting = client.disconnect()
    await connecting
    await disconnecting
    await settle()
    deepEqual([client.state, server.dials], ['closed', 1])
  })

  test('ignores a CONNACK that comes too late', async () => {
    const { client, server } = testClient()
    const states: string[] = []
    client.on('state', (state) => states.push(state))
    const connecting = failure(client.connect(), ClosedError)
    const connection = await server.connection()
    await connection.connect()
    const disconnecting = client.disconnect()
    connection.send({
      type: PacketType.CONNACK,
      sessionPresent: false,
      reasonCode: 0,
      properties: {},
    })
    await Promise.all([connecting, disconnecting])
    deepEqual(states, ['connecting', 'closing', 'closed'])
  })

  test('is bounded by closeMs when the server does not end its side', async () => {
    const { client, server, clock } = testClient({ timeouts: { closeMs: 300 } })
    const connecting = failure(client.connect(), ClosedError)
    const connection = await server.connection()
    await connection.connect()
    server.pipe(connection).peer.answersEnd = false
    const disconnecting = watch(client.disconnect())
    await connecting
    await pass(clock, 299)
    equal(disconnecting.status, 'open')
    await pass(clock, 1)
    equal(disconnecting.status, 'fulfilled')
    deepEqual([client.state, clock.pending], ['closed', 0])
  })
})

describe('connect while the connection before is closing', () => {
  test('dials when the old one is gone', async () => {
    const made = await connected()
    const { client, server, connection } = made
    const states: string[] = []
    client.on('state', (state) => states.push(state))
    const disconnecting = client.disconnect()
    const again = reconnected(made)
    equal(client.state, 'connecting')
    await disconnecting
    ok(connection.ended)
    const { result } = await again
    equal(result.protocol, 5)
    deepEqual([client.state, server.dials], ['connected', 2])
    deepEqual(states, ['closing', 'connecting', 'connected'])
  })

  test('dials after closeMs when the server does not end the old one', async () => {
    const { client, server, connection, clock } = await connected()
    server.pipe(connection).peer.answersEnd = false
    const disconnecting = watch(client.disconnect())
    const connecting = watch(client.connect())
    await pass(clock, 1999)
    equal(server.dials, 1)
    await pass(clock, 1)
    equal(server.dials, 2)
    equal(disconnecting.status, 'fulfilled')
    await (await server.connection()).accept()
    await settle()
    equal(connecting.status, 'fulfilled')
  })

  test('is given up by another disconnect, which ends both', async () => {
    const { client, server } = await connected()
    const first = client.disconnect()
    const connecting = failure(client.connect(), ClosedError)
    await Promise.all([first, client.disconnect(), connecting])
    await settle()
    deepEqual([client.state, server.dials], ['closed', 1])
  })

  test('lets what is published meanwhile wait for the new connection', async () => {
    const { client, server } = await connected()
    const disconnecting = client.disconnect()
    const connecting = client.connect()
    const publishing = client.publish('a', 'b')
    await disconnecting
    const connection = await server.connection()
    await connection.accept()
    await connecting
    deepEqual(await publishing, { reasonCode: 0 })
    equal((await take(connection, PacketType.PUBLISH)).topic, 'a')
  })

  test('works from the listener of the state "closed"', async () => {
    const { client, server, connection } = await connected()
    const connecting = new Promise((resolve, reject) => {
      client.on('state', (state) => {
        if (state === 'closed') client.connect().then(resolve, reject)
      })
    })
    connection.destroy()
    const second = await server.connection()
    await second.accept()
    await connecting
    equal(client.state, 'connected')
  })

  test('works right after a violation, whose connection is still closing', async () => {
    const { client, server, connection } = await connected()
    const waiting = failure(client.waitMsg(), ProtocolError)
    connection.sendBytes(Uint8Array.of(0x20, 0x03, 0x00, 0x00, 0x00))
    await waiting
    const connecting = client.connect()
    const second = await server.connection()
    await second.accept()
    await connecting
    equal(client.state, 'connected')
  })
})
