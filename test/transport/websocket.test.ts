// WebSockets under the contract of transports: with `ws`, over TLS, and with the platform's class where
// there is one; then §6 of the specification, and the bounds where the standard has no back-pressure.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, test } from 'node:test'
import { WebSocket } from 'ws'
import { type ConnectionLostError, MqttError } from '../../src/errors.ts'
import { transportContract } from '../../src/testing/transport-contract.ts'
import { Recorder } from '../../src/testing/transport-recorder.ts'
import { parseServer } from '../../src/transport/address.ts'
import { HELD_BYTES_MAX } from '../../src/transport/gated-transport.ts'
import type { TransportFactory, TransportOptions } from '../../src/transport/transport.ts'
import {
  BUFFERED_BYTES_MAX,
  type WebSocketClass,
  webSocket,
} from '../../src/transport/websocket.ts'
import { nodeWebSocket } from '../../src/transport/ws-node.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { FakeWebSocket } from '../support/fake-websocket.ts'
import { OPTIONS, listenWebSocket, networkSetting } from '../support/peers.ts'
import { absent } from '../support/skip.ts'

const authority = new CertificateAuthority('umqtt test authority')
const certificate = authority.issue({ name: 'server', altNames: ['127.0.0.1'] })

const NEVER_SLOW = { halfCloses: false, breaks: true, canBeSilent: true } as const

describe('webSocket(ws)', () => {
  transportContract(test, {
    traits: { ...NEVER_SLOW, slowsPeer: false },
    open: async () => networkSetting(webSocket(WebSocket), await listenWebSocket(), 'ws'),
  })
})

describe('nodeWebSocket with ws', () => {
  transportContract(test, {
    traits: { ...NEVER_SLOW, slowsPeer: true },
    open: async () =>
      networkSetting(nodeWebSocket({ platform: undefined }), await listenWebSocket(), 'ws'),
  })
})

describe('nodeWebSocket with ws over TLS', () => {
  transportContract(test, {
    traits: { ...NEVER_SLOW, slowsPeer: true },
    open: async () =>
      networkSetting(nodeWebSocket(), await listenWebSocket({ tls: certificate }), 'wss', {
        ...OPTIONS,
        tls: { ca: authority.cert },
      }),
  })
})

const { WebSocket: platform } = globalThis as { WebSocket?: WebSocketClass }
describe("The platform's WebSocket", () => {
  if (platform === undefined) {
    it('keeps the contract', { skip: absent('global-websocket') })
    return
  }
  transportContract(test, {
    traits: { ...NEVER_SLOW, slowsPeer: false },
    open: async () => networkSetting(nodeWebSocket(), await listenWebSocket(), 'ws'),
  })
})

function dial(
  factory: TransportFactory,
  server: string,
  options: Partial<TransportOptions> = {},
): Recorder {
  return new Recorder({
    dial: factory,
    address: parseServer(server),
    options: { ...OPTIONS, ...options },
  })
}

/** An open transport over a WebSocket that the test drives. */
function fake(): { recorder: Recorder; socket: FakeWebSocket } {
  const recorder = dial(webSocket(FakeWebSocket), 'ws://localhost')
  const socket = FakeWebSocket.last as FakeWebSocket
  socket.emit('open')
  return { recorder, socket }
}

const CLASSES: readonly (readonly [string, TransportFactory])[] = [
  ['webSocket(ws)', webSocket(WebSocket)],
  ['nodeWebSocket', nodeWebSocket()],
  ['nodeWebSocket with ws', nodeWebSocket({ platform: undefined })],
]

for (const [name, factory] of CLASSES) {
  describe(name, () => {
    it('closes with an error when the server picks no sub-protocol or another [MQTT-6.0.0-4]', async (t) => {
      for (const handleProtocols of [() => false as const, () => 'chat']) {
        const server = await listenWebSocket({ handleProtocols })
        const recorder = dial(factory, `ws://127.0.0.1:${server.port}`)
        await recorder.until(() => recorder.isClosed)
        await server.close()
        deepEqual(recorder.events, ['closed'])
        ok(MqttError.is(recorder.error))
        t.diagnostic(recorder.error.message)
      }
    })

    it('closes with an error when a text frame comes [MQTT-6.0.0-1]', async (t) => {
      const server = await listenWebSocket()
      t.after(() => server.close())
      const recorder = dial(factory, `ws://127.0.0.1:${server.port}`)
      const peer = await server.accept()
      peer.write(Uint8Array.of(1))
      peer.socket.send('hello')
      peer.write(Uint8Array.of(2))
      await recorder.until(() => recorder.isClosed)
      await peer.until(() => peer.ended)
      deepEqual([...recorder.all()], [1])
      ok(MqttError.is(recorder.error) && recorder.error.code === 'ERR_MQTT_PROTOCOL_ERROR')
      equal(recorder.error.clause, 'MQTT-6.0.0-1')
      recorder.verify()
    })

    it('takes messages in fragments, and empty ones [MQTT-6.0.0-2]', async (t) => {
      const server = await listenWebSocket()
      t.after(() => server.close())
      const recorder = dial(factory, `ws://127.0.0.1:${server.port}`)
      const peer = await server.accept()
      peer.socket.send(Uint8Array.of(1, 2), { fin: false })
      peer.socket.send(Uint8Array.of(3), { fin: false })
      peer.socket.send(Uint8Array.of(4), { fin: true })
      peer.socket.send(new Uint8Array(0))
      peer.write(Uint8Array.of(5))
      await recorder.until(() => recorder.receivedBytes === 5)
      recorder.transport.destroy()
      deepEqual([...recorder.all()], [1, 2, 3, 4, 5])
      recorder.verify()
    })

    it('closes with an error that has code and words when the server gives them', async (t) => {
      const server = await listenWebSocket()
      t.after(() => server.close())
      const recorder = dial(factory, `ws://127.0.0.1:${server.port}`)
      const peer = await server.accept()
      peer.socket.close(1011, 'out of order')
      await recorder.until(() => recorder.isClosed)
      match(recorder.error?.message ?? '', /closed with code 1011 and the words "out of order"$/)
    })

    it('closes without an error when the server goes away', async (t) => {
      const server = await listenWebSocket()
      t.after(() => server.close())
      const recorder = dial(factory, `ws://127.0.0.1:${server.port}`)
      const peer = await server.accept()
      peer.socket.close(1001)
      await recorder.until(() => recorder.isClosed)
      equal(recorder.error, undefined)
    })

    it('asks for the path and the query of the address, and offers mqtt [MQTT-6.0.0-3]', async (t) => {
      const server = await listenWebSocket()
      t.after(() => server.close())
      const recorder = dial(factory, `ws://127.0.0.1:${server.port}/a/b?token=c`)
      const peer = await server.accept()
      t.after(() => recorder.transport.destroy())
      equal(peer.request.url, '/a/b?token=c')
      equal(peer.request.headers['sec-websocket-protocol'], 'mqtt')
      if (name === 'nodeWebSocket with ws') {
        // Compression would cost a window of memory for each connection.
        equal(peer.request.headers['sec-websocket-extensions'], undefined)
      }
    })

    it('closes with an error that hides the query when the server answers no WebSocket', async (t) => {
      const server = await listenWebSocket({ path: '/mqtt' })
      t.after(() => server.close())
      const recorder = dial(factory, `ws://127.0.0.1:${server.port}/wrong?token=secret`)
      await recorder.until(() => recorder.isClosed)
      const { message = '' } = recorder.error ?? {}
      match(message, /^Cannot connect to "ws:\/\/127\.0\.0\.1:\d+\/wrong": /)
      ok(!message.includes('secret'))
    })
  })
}

describe('webSocket', () => {
  it('opens with the sub-protocol mqtt only [MQTT-6.0.0-4]', async () => {
    for (const protocol of ['', 'mqttv3.1', 'MQTT']) {
      const recorder = dial(webSocket(FakeWebSocket), 'wss://[::1]:99/')
      const socket = FakeWebSocket.last as FakeWebSocket
      equal(socket.url, 'wss://[::1]:99/')
      deepEqual(socket.protocols, ['mqtt'])
      equal(socket.binaryType, 'arraybuffer')
      socket.protocol = protocol
      socket.emit('open')
      await recorder.until(() => recorder.isClosed)
      deepEqual(recorder.events, ['closed'])
      ok(MqttError.is(recorder.error) && recorder.error.code === 'ERR_MQTT_PROTOCOL_ERROR')
      equal(recorder.error.clause, 'MQTT-6.0.0-4')
      equal(socket.closes, 1)
      recorder.verify()
    }
  })

  it('reports a write only when little is left in the WebSocket', async () => {
    const { recorder, socket } = fake()
    recorder.transport.write([new Uint8Array(BUFFERED_BYTES_MAX)])
    await recorder.until(() => recorder.writes === 1)
    recorder.transport.write([new Uint8Array(1), new Uint8Array(2)])
    for (let i = 0; i < 10; i++) await Promise.resolve()
    equal(recorder.writes, 1)
    socket.bufferedAmount = BUFFERED_BYTES_MAX
    await recorder.until(() => recorder.writes === 2)
    deepEqual(
      socket.sent.map((chunk) => chunk.length),
      [BUFFERED_BYTES_MAX, 1, 2],
    )
    recorder.verify()
  })

  for (const [how, end] of [
    ['it is destroyed', ({ recorder }) => recorder.transport.destroy()],
    ['the server closes', ({ socket }) => socket.emit('close', { code: 1006, reason: '' })],
    ['a text frame comes', ({ socket }) => socket.emit('message', { data: 'text' })],
  ] as readonly (readonly [string, (of: ReturnType<typeof fake>) => void])[]) {
    it(`leaves no timer when ${how} while a write waits`, async () => {
      for (const microtasks of [0, 10]) {
        const both = fake()
        both.recorder.transport.write([new Uint8Array(2 * BUFFERED_BYTES_MAX)])
        for (let i = 0; i < microtasks; i++) await Promise.resolve()
        end(both)
        await both.recorder.until(() => both.recorder.isClosed)
        for (let i = 0; i < 10; i++) await Promise.resolve()
        ok(!process.getActiveResourcesInfo().includes('Timeout'))
        both.recorder.verify()
      }
    })
  }

  it('ends when more comes while paused than it may hold', async () => {
    const { recorder, socket } = fake()
    recorder.pause()
    const frame = new ArrayBuffer(HELD_BYTES_MAX / 4)
    for (let i = 0; i < 4; i++) socket.emit('message', { data: frame })
    equal(recorder.isClosed, false)
    socket.emit('message', { data: new ArrayBuffer(1) })
    await recorder.until(() => recorder.isClosed)
    match(recorder.error?.message ?? '', / 16 MiB /)
    equal(socket.closes, 1)
    equal(recorder.receivedBytes, 0)
    recorder.verify()
  })

  it('counts anew what it holds after it was resumed', async () => {
    const { recorder, socket } = fake()
    const frame = new ArrayBuffer(HELD_BYTES_MAX)
    for (let round = 1; round <= 3; round++) {
      recorder.pause()
      socket.emit('message', { data: frame })
      recorder.resume()
      await recorder.until(() => recorder.receivedBytes === round * HELD_BYTES_MAX)
    }
    recorder.verify()
  })

  it('hands on what it holds before it closes', async () => {
    const { recorder, socket } = fake()
    recorder.pause()
    socket.emit('message', { data: Uint8Array.of(1, 2).buffer })
    socket.emit('message', { data: Uint8Array.of(3).buffer })
    socket.emit('close', { code: 1000, reason: '' })
    equal(recorder.isClosed, false)
    recorder.onReceived = () => recorder.pause()
    recorder.resume()
    await recorder.until(() => recorder.receivedBytes === 2)
    equal(recorder.isClosed, false)
    recorder.resume()
    await recorder.until(() => recorder.receivedBytes === 3)
    // The handler has paused again, but nothing is held back any more.
    await recorder.until(() => recorder.isClosed)
    equal(recorder.error, undefined)
    recorder.verify()
  })

  for (const how of ['close', 'destroy'] as const) {
    it(`closes when ${how} is called and the server has closed while bytes were held`, async () => {
      const { recorder, socket } = fake()
      recorder.pause()
      socket.emit('message', { data: Uint8Array.of(1).buffer })
      socket.emit('close', { code: 1000, reason: '' })
      recorder.transport[how]()
      equal(recorder.isClosed, false)
      await recorder.until(() => recorder.isClosed)
      equal(recorder.receivedBytes, 0)
      equal(recorder.error, undefined)
      recorder.verify()
    })
  }

  it('drops what it holds when the connection breaks', async () => {
    const { recorder, socket } = fake()
    recorder.pause()
    socket.emit('message', { data: Uint8Array.of(1).buffer })
    socket.emit('close', { code: 1006, reason: '' })
    await recorder.until(() => recorder.isClosed)
    match(recorder.error?.message ?? '', /^Lost the connection to .* code 1006/)
    recorder.resume()
    await Promise.resolve()
    recorder.verify()
  })

  it('closes with an error, later, when the class throws', async () => {
    const Throwing = class extends FakeWebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols)
        throw new SyntaxError('no such URL')
      }
    }
    const recorder = dial(webSocket(Throwing), 'ws://localhost')
    equal(recorder.isClosed, false)
    await recorder.until(() => recorder.isClosed)
    match(recorder.error?.message ?? '', /^Cannot connect to ".*": no such URL$/)
    recorder.transport.destroy()
    recorder.verify()
  })

  it('hides a query that the platform shows', async () => {
    const recorder = dial(webSocket(FakeWebSocket), 'wss://localhost?token=secret')
    const url = 'wss://localhost:443/mqtt?token=secret'
    equal(FakeWebSocket.last?.url, url)
    FakeWebSocket.last?.emit('error', { error: new Error(`Connecting to ${url} failed`) })
    await recorder.until(() => recorder.isClosed)
    match(
      recorder.error?.message ?? '',
      /^Cannot connect to "wss:\/\/localhost:443\/mqtt": host, port/,
    )
    equal(recorder.error?.cause, undefined)
  })

  it('says what may be wrong when the platform does not', async () => {
    const recorder = dial(webSocket(FakeWebSocket), 'ws://localhost')
    FakeWebSocket.last?.emit('error')
    FakeWebSocket.last?.emit('close', { code: 1006, reason: '' })
    await recorder.until(() => recorder.isClosed)
    match(recorder.error?.message ?? '', /^Cannot connect to ".*": host, port or path/)
  })
})

describe('nodeWebSocket', () => {
  const absentPackage = (): Promise<never> => Promise.reject(new Error("Cannot find package 'ws'"))

  it('names the package to install when there is no WebSocket', async () => {
    const factory = nodeWebSocket({ platform: undefined, load: absentPackage })
    const recorder = dial(factory, 'ws://localhost')
    await recorder.until(() => recorder.isClosed)
    match(recorder.error?.message ?? '', /install the package "ws"/)
    equal((recorder.error as ConnectionLostError).transient, false)
    recorder.verify()
  })

  it('uses the platform without TLS settings, and ws with them', async () => {
    const factory = nodeWebSocket({ platform: FakeWebSocket, load: absentPackage })
    FakeWebSocket.last = undefined
    const plain = dial(factory, 'wss://localhost')
    ok(FakeWebSocket.last !== undefined)
    plain.transport.destroy()
    const recorder = dial(factory, 'wss://localhost', { tls: {} })
    await recorder.until(() => recorder.isClosed)
    match(recorder.error?.message ?? '', /"ws".* with TLS settings/)
  })

  it('dials nothing when it is destroyed before ws is loaded', async () => {
    FakeWebSocket.last = undefined
    const loaded = Promise.resolve({ WebSocket: FakeWebSocket })
    const factory = nodeWebSocket({ platform: undefined, load: () => loaded })
    const recorder = dial(factory, 'ws://localhost')
    recorder.transport.destroy()
    await recorder.until(() => recorder.isClosed)
    await loaded
    equal(FakeWebSocket.last, undefined)
    recorder.verify()
  })

  it('refuses a certificate that is not trusted, and says what to do', async (t) => {
    const server = await listenWebSocket({ tls: certificate })
    t.after(() => server.close())
    const recorder = dial(nodeWebSocket(), `wss://127.0.0.1:${server.port}`, { tls: {} })
    await recorder.until(() => recorder.isClosed)
    match(recorder.error?.message ?? '', /"tls\.ca" \(/)
  })

  it('hides the query when ws shows the URL', async () => {
    const factory = nodeWebSocket({ platform: undefined })
    const recorder = dial(factory, 'ws://[fe80::1%eth0]/a?token=secret')
    await recorder.until(() => recorder.isClosed)
    const { message = '' } = recorder.error ?? {}
    match(message, /^Cannot connect to "ws:\/\/\[fe80::1%eth0\]:80\/a": /)
    ok(!message.includes('secret'))
    equal(recorder.error?.cause, undefined)
  })

  it('ends when a message is larger than maxFrameBytes', async (t) => {
    const server = await listenWebSocket()
    t.after(() => server.close())
    const factory = nodeWebSocket({ platform: undefined })
    const address = `ws://127.0.0.1:${server.port}`
    const recorder = dial(factory, address, { maxFrameBytes: 1000 })
    const peer = await server.accept()
    peer.socket.send(new Uint8Array(1000))
    peer.socket.send(new Uint8Array(1001))
    await recorder.until(() => recorder.isClosed)
    equal(recorder.receivedBytes, 1000)
    match(recorder.error?.message ?? '', /larger WebSocket message than is allowed/)
  })

  for (const [status, what, words] of [
    [401, 'what the URL carries may have expired', /token or signature in the URL .* expired$/],
    [403, 'what the URL carries may have expired', /token or signature in the URL .* expired$/],
    [503, 'what is behind it may be down', /what is behind it may be down$/],
  ] as const) {
    it(`says that ${what} when the server answers ${status}`, async (t) => {
      const server = createServer().listen(0, '127.0.0.1')
      t.after(() => server.close())
      server.on('upgrade', (_request, socket) => socket.end(`HTTP/1.1 ${status} No\r\n\r\n`))
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const recorder = dial(
        nodeWebSocket({ platform: undefined }),
        `ws://127.0.0.1:${port}/mqtt?signed=secret`,
      )
      await recorder.until(() => recorder.isClosed)
      const { message = '' } = recorder.error ?? {}
      match(message, new RegExp(`answers HTTP ${status} `))
      match(message, words)
      ok(!message.includes('secret'))
    })
  }

  it('says that the path may be wrong when the server answers no WebSocket', async (t) => {
    const server = await listenWebSocket({ path: '/mqtt' })
    t.after(() => server.close())
    const recorder = dial(
      nodeWebSocket({ platform: undefined }),
      `ws://127.0.0.1:${server.port}/elsewhere`,
    )
    await recorder.until(() => recorder.isClosed)
    match(recorder.error?.message ?? '', /answers HTTP 400 .* path may be wrong$/)
  })
})
