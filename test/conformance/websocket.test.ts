// MQTT over WebSocket, with the package `ws` on both sides of a loopback socket: frames and the
// sub-protocol. §6

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { encode } from '../../src/codec/encode.ts'
import { PacketType } from '../../src/codec/packets.ts'
import { MQTTClient } from '../../src/simple.node.ts'
import { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import type { TransportFactory } from '../../src/transport/transport.ts'
import { webSocket } from '../../src/transport/websocket.ts'
import { nodeWebSocket } from '../../src/transport/ws-node.ts'
import { FakeWebSocket } from '../support/fake-websocket.ts'
import { Queue } from '../support/peers.ts'
import { publishPacket } from './conversation.ts'
import { rule } from './rule.ts'

/** The standard class, and what Node uses where it has none of its own. */
const TRANSPORTS: readonly TransportFactory[] = [
  webSocket(WebSocket),
  nodeWebSocket({ platform: undefined }),
]

/** One WebSocket at the server. */
interface Accepted {
  readonly socket: WebSocket
  readonly request: IncomingMessage
  readonly connection: ScriptedConnection
  /** Of each message: whether it was binary. */
  readonly binary: boolean[]
  readonly closed: Promise<unknown>
}

interface Setting {
  readonly version: 4 | 5
  readonly client: MQTTClient
  accepted(): Promise<Accepted>
}

/** Runs a test once for each transport, with a client and a server of its own. */
async function each(
  version: 4 | 5,
  handleProtocols: () => string | false,
  body: (setting: Setting) => Promise<void>,
): Promise<void> {
  for (const transport of TRANSPORTS) {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols })
    const queue = new Queue<Accepted>()
    server.on('connection', (socket, request) => {
      const connection = new ScriptedConnection({
        write: (bytes) => socket.send(bytes),
        close: () => socket.close(1000),
        destroy: () => socket.terminate(),
      })
      const binary: boolean[] = []
      socket.on('message', (bytes: Buffer, isBinary: boolean) => {
        binary.push(isBinary)
        connection.handleData(bytes)
      })
      socket.on('close', () => connection.handleClosed())
      queue.put({ socket, request, connection, binary, closed: connection.closed })
    })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const options = { protocol: version, transport }
    const client = new MQTTClient('sensor', `ws://127.0.0.1:${port}/mqtt`, options)
    try {
      await body({ version, client, accepted: () => queue.take() })
    } finally {
      await client.disconnect()
      for (const socket of server.clients) socket.terminate()
      server.close()
      await once(server, 'close')
    }
  }
}

const MQTT = (): string => 'mqtt'

/** A client whose CONNECT was accepted. */
async function connected(setting: Setting): Promise<Accepted> {
  const connecting = setting.client.connect()
  const accepted = await setting.accepted()
  await accepted.connection.accept()
  await connecting
  return accepted
}

rule('packets travel in binary frames', { both: 'MQTT-6.0.0-1' }, (version) =>
  each(version, MQTT, async (setting) => {
    const { connection, binary } = await connected(setting)
    connection.autoRespond()
    await setting.client.publish('a', 'x', { qos: 2 })
    await setting.client.subscribe('b')
    ok(binary.length >= 3)
    deepEqual(
      binary.filter((isBinary) => !isBinary),
      [],
    )
  }),
)

rule('a text frame ends the connection', { both: 'MQTT-6.0.0-1' }, (version) =>
  each(version, MQTT, async (setting) => {
    const { socket, closed } = await connected(setting)
    const lost = new Promise<Error>((resolve) => setting.client.on('connection-lost', resolve))
    socket.send('hello')
    equal(((await lost) as { code?: string }).code, 'ERR_MQTT_PROTOCOL_ERROR')
    ok(String((await lost).message).includes('text frame'))
    await closed
    equal(setting.client.state, 'closed')
  }),
)

rule('packets are read however frames cut or join them', { both: 'MQTT-6.0.0-2' }, (version) =>
  each(version, MQTT, async (setting) => {
    const { socket } = await connected(setting)
    const received: string[] = []
    const done = new Promise<void>((resolve) => {
      setting.client.setCallback((topic) => {
        received.push(topic)
        if (topic === 'last') resolve()
      })
    })
    const topics = ['a', 'b', 'c', 'd', 'last']
    const bytes = Buffer.concat(
      topics.map((topic) => encode(publishPacket({ topic }), setting.version)),
    )
    // Frames of 1, 2, 3 bytes and so on, an empty one, and one with several packets at once.
    let at = 0
    for (let size = 1; at < bytes.length; size += 1) {
      socket.send(bytes.subarray(at, at + size))
      at += size
    }
    socket.send(new Uint8Array(0))
    socket.send(bytes)
    await done
    deepEqual(received.slice(0, 5), topics)
  }),
)

rule('the client offers the sub-protocol mqtt', { both: 'MQTT-6.0.0-3' }, (version) =>
  each(version, MQTT, async (setting) => {
    const { request } = await connected(setting)
    equal(request.headers['sec-websocket-protocol'], 'mqtt')
    equal(request.url, '/mqtt')
  }),
)

rule(
  'a server that picks another sub-protocol, or none, is not accepted',
  { both: 'MQTT-6.0.0-4' },
  async (version) => {
    for (const handleProtocols of [() => 'chat', () => false as const]) {
      await each(version, handleProtocols, async (setting) => {
        const connecting = setting.client.connect()
        const { connection, closed } = await setting.accepted()
        await rejects(connecting, (error: Error) => error.message.includes('mqtt'))
        await closed
        deepEqual(
          connection.received
            .map(({ type }) => type)
            .filter((type) => type !== PacketType.DISCONNECT),
          [],
        )
      })
    }
  },
)

rule(
  'a platform that accepts another sub-protocol, or none, is not believed',
  { both: 'MQTT-6.0.0-4' },
  async (version) => {
    for (const protocol of ['', 'chat', 'MQTT']) {
      const options = { protocol: version, transport: webSocket(FakeWebSocket) }
      const client = new MQTTClient('sensor', 'ws://server.example', options)
      const connecting = client.connect().then(
        () => 'connected',
        (error: Error) => error.message,
      )
      const socket = FakeWebSocket.last as FakeWebSocket
      socket.protocol = protocol
      socket.emit('open')
      socket.emit('close', { code: 1000, reason: '' })
      ok((await connecting).includes('sub-protocol'))
      deepEqual(socket.sent, [])
    }
  },
)
