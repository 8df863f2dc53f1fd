// The scripted server over real sockets: the connections it gives, how it ends, and what it refuses to be told.

import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { encode } from '../../src/codec/encode.ts'
import { type Packet, PacketType } from '../../src/codec/packets.ts'
import { MalformedPacketError } from '../../src/errors.ts'
import { MQTTClient } from '../../src/simple.node.ts'
import { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { ScriptedServer, type ScriptedServerOptions } from '../../src/testing/scripted-server.ts'

const CONNECT: Packet = {
  type: PacketType.CONNECT,
  version: 4,
  clientId: 'c',
  cleanStart: true,
  keepAlive: 0,
}

async function started(t: TestContext, options?: ScriptedServerOptions): Promise<ScriptedServer> {
  const server = await ScriptedServer.start(options)
  t.after(() => server.close())
  return server
}

/** A socket that has sent bytes. */
function dialled(t: TestContext, { port }: ScriptedServer, bytes: Uint8Array): Socket {
  const socket = connect({ host: '127.0.0.1', port })
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.resume()
  socket.write(bytes)
  return socket
}

/** Settles when a socket is over, whether it was reset or not. */
function closing(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve))
}

test('a scripted server plays a conversation with a client', async (t) => {
  const server = await started(t)
  equal(server.url, `mqtt://127.0.0.1:${server.port}`)
  const client = new MQTTClient('c', server.url)
  const connecting = client.connect()
  const connection = await server.connection()
  equal((await connection.accept()).clientId, 'c')
  await connecting
  connection.autoRespond()
  equal((await client.publish('a', 'b', { qos: 1 })).reasonCode, 0)
  await client.disconnect()
  await connection.closed
  deepEqual(
    connection.received.map(({ type }) => type),
    [PacketType.CONNECT, PacketType.PUBLISH, PacketType.DISCONNECT],
  )
})

test('a scripted server gives connections in the order in which they came', async (t) => {
  const server = await started(t)
  const early = server.connection()
  const names: string[] = []
  for (const clientId of ['a', 'b', 'c']) {
    dialled(t, server, encode({ ...CONNECT, clientId } as Packet, 4))
    const connection = clientId === 'a' ? await early : await server.connection()
    names.push((await connection.connect()).clientId)
    equal(connection.version, 4)
  }
  deepEqual(names, ['a', 'b', 'c'])
})

test('a scripted server gives its connections to a loop, which ends with it', async (t) => {
  const server = await started(t)
  let count = 0
  const loop = (async () => {
    for await (const connection of server) {
      count += 1
      connection.autoRespond()
    }
  })()
  for (const clientId of ['a', 'b']) {
    const client = new MQTTClient(clientId, server.url)
    await client.connect()
    await client.disconnect()
  }
  await server.close()
  await loop
  equal(count, 2)
})

test('a scripted server that is closed cuts its connections, and frees its port', async (t) => {
  const server = await started(t)
  const socket = dialled(t, server, encode(CONNECT, 4))
  const connection = await server.connection()
  await connection.connect()
  const over = closing(socket)
  const waiting = server.connection()
  await Promise.all([
    rejects(waiting, /^Error: Cannot give a connection: the scripted server is closed$/),
    server.close(),
    server.close(),
  ])
  await Promise.all([over, connection.closed])
  await rejects(server.connection(), /the scripted server is closed$/)
  await rejects(connection.next(), /^Error: Expected a packet, and the connection ended$/)
  const again = await started(t, { port: server.port })
  equal(again.port, server.port)
  await rejects(ScriptedServer.start({ port: server.port }), { code: 'EADDRINUSE' })
})

test('a scripted connection says what it got instead of what it waited for', async (t) => {
  const server = await started(t)
  dialled(t, server, encode(CONNECT, 4))
  const connection = await server.connection()
  await rejects(connection.next(PacketType.SUBSCRIBE), /^Error: Expected SUBSCRIBE, got CONNECT$/)
  const garbled = dialled(t, server, Uint8Array.of(0, 0))
  const over = closing(garbled)
  await rejects((await server.connection()).next(), MalformedPacketError)
  await over
})

test('a scripted server refuses options that it cannot use', async () => {
  await rejects(ScriptedServer.start({ port: 65_536 }), RangeError)
  await rejects(ScriptedServer.start({ port: '1883' as never }), TypeError)
  await rejects(ScriptedServer.start({ prot: 1 } as never), {
    name: 'TypeError',
    message: 'Cannot use options.prot: the known ones are port',
  })
  await rejects(ScriptedServer.start(null as never), TypeError)
})

test('a scripted connection refuses what it cannot use, and sends nothing of it', () => {
  const written: Uint8Array[] = []
  const pipe = {
    write: (bytes: Uint8Array) => void written.push(bytes),
    close: () => undefined,
    destroy: () => undefined,
  }
  const connection = new ScriptedConnection(pipe)
  throws(() => new ScriptedConnection(pipe, 3 as never), TypeError)
  throws(() => void connection.next(16), TypeError)
  throws(() => connection.sendBytes('CONNACK' as never), {
    name: 'TypeError',
    message: 'Cannot use bytes of type "string": give a Uint8Array',
  })
  throws(() => connection.publish('a', 'b', { qos: 3 as never }), TypeError)
  throws(() => connection.publish('a', 'b', { QoS: 1 } as never), TypeError)
  throws(() => connection.publish('a', 'b', { qos: 1, packetId: 65_536 }), RangeError)
  throws(() => connection.send({ type: PacketType.PINGRESP }, { type: 0 } as never), RangeError)
  deepEqual(written, [])
  connection.publish('a', 'b')
  deepEqual(written, [Uint8Array.of(0x30, 5, 0, 1, 0x61, 0, 0x62)])
})
