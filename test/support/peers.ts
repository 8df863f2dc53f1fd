// Servers for tests of transports: one listens on loopback and gives the peer of each connection, which
// notes what arrives and does what it is told.

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type IncomingMessage, createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type Server, type Socket, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TlsOptions as ServerTlsOptions, createServer as createTlsServer } from 'node:tls'
import type { WebSocket } from 'ws'
import { TransportPeer } from '../../src/testing/transport-peer.ts'
import type { TransportSetting } from '../../src/testing/transport-setting.ts'
import { parseServer } from '../../src/transport/address.ts'
import type {
  ServerAddress,
  TransportFactory,
  TransportOptions,
} from '../../src/transport/transport.ts'

/** What all tests read into, as all clients of a process do. */
export const OPTIONS: TransportOptions = { readBuffer: new Uint8Array(65_536) }

/** The server's end of a TCP, TLS or Unix connection. */
export class SocketPeer extends TransportPeer {
  readonly socket: Socket
  /** The TCP socket under it. */
  readonly #raw: Socket

  constructor(socket: Socket, raw: Socket = socket) {
    super()
    this.socket = socket
    this.#raw = raw
    socket.on('data', (bytes: Buffer) => this.arrived(bytes))
    socket.on('end', () => {
      this.finished()
      socket.end()
    })
    // A client may break the connection; that is an end like another.
    socket.on('error', () => this.finished())
    socket.on('close', () => this.finished())
  }

  get unsentBytes(): number {
    return this.socket.writableLength
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  end(): void {
    this.socket.end()
  }

  reset(): void {
    this.#raw.resetAndDestroy()
  }
}

/** The server's end of a WebSocket. */
export class WebSocketPeer extends TransportPeer {
  readonly socket: WebSocket
  /** What it was asked for with. */
  readonly request: IncomingMessage

  constructor(socket: WebSocket, request: IncomingMessage) {
    super()
    this.socket = socket
    this.request = request
    socket.on('message', (bytes: Buffer) => this.arrived(bytes))
    socket.on('error', () => this.finished())
    socket.on('close', () => this.finished())
  }

  get unsentBytes(): number {
    return this.socket.bufferedAmount
  }

  write(bytes: Uint8Array): void {
    // In frames as a server sends them: of all sizes.
    for (
      let start = 0, size = 1;
      start < bytes.length;
      start += size, size = (size * 3) % 200_003
    ) {
      this.socket.send(bytes.subarray(start, start + size))
    }
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  end(): void {
    this.socket.close(1000)
  }

  reset(): void {
    this.socket.terminate()
  }
}

/** Hands out what comes in the order in which it is asked for. */
export class Queue<T> {
  readonly #items: T[] = []
  readonly #takers: ((item: T) => void)[] = []

  put(item: T): void {
    const taker = this.#takers.shift()
    if (taker === undefined) this.#items.push(item)
    else taker(item)
  }

  take(): Promise<T> {
    const item = this.#items.shift()
    return item === undefined
      ? new Promise((resolve) => this.#takers.push(resolve))
      : Promise.resolve(item)
  }
}

/** A server on loopback that hands out a peer for each connection. */
export interface PeerServer<P extends TransportPeer> {
  /** 0 for a Unix socket. */
  readonly port: number
  accept(): Promise<P>
  close(): Promise<void>
}

/** Half-open, so that a peer may end and go on reading. */
const HALF_OPEN = { allowHalfOpen: true, noDelay: true } as const

const LOOPBACK = { host: '127.0.0.1', port: 0 } as const

/** Listens for TCP, or on a Unix socket. */
export function listenTcp(
  where: { host: string; port: number } | { path: string } = LOOPBACK,
): Promise<PeerServer<SocketPeer>> {
  const peers = new Queue<SocketPeer>()
  const server = createServer(HALF_OPEN, (socket) => peers.put(new SocketPeer(socket)))
  return serve(server, peers, where)
}

/** Listens for TLS. */
export function listenTls(options: ServerTlsOptions): Promise<PeerServer<SocketPeer>> {
  const peers = new Queue<SocketPeer>()
  const server = createTlsServer({ ...HALF_OPEN, ...options })
  // The handshakes of a test come one after the other.
  let raw: Socket | undefined
  server.on('connection', (socket: Socket) => {
    raw = socket
  })
  server.on('secureConnection', (socket) => peers.put(new SocketPeer(socket, raw)))
  server.on('tlsClientError', (_, socket) => socket.destroy())
  return serve(server, peers, LOOPBACK)
}

/** Listens for WebSockets that offer the sub-protocol `mqtt`; over TLS when given its settings. */
export async function listenWebSocket(
  options: {
    tls?: ServerTlsOptions
    handleProtocols?: () => string | false
    path?: string
  } = {},
): Promise<PeerServer<WebSocketPeer>> {
  // Most tests need none.
  const { WebSocketServer } = await import('ws')
  const peers = new Queue<WebSocketPeer>()
  const server = options.tls === undefined ? createHttpServer() : createHttpsServer(options.tls)
  const { tls: _, ...settings } = options
  const webSockets = new WebSocketServer({ server, ...settings })
  webSockets.on('connection', (socket, request) => peers.put(new WebSocketPeer(socket, request)))
  return serve(server, peers, LOOPBACK)
}

async function serve<P extends TransportPeer>(
  server: Server,
  peers: Queue<P>,
  where: { host: string; port: number } | { path: string },
): Promise<PeerServer<P>> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(where)
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    accept: () => peers.take(),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A port of loopback where nothing listens. */
export async function refusedPort(): Promise<number> {
  const server = await listenTcp()
  await server.close()
  return server.port
}

/** For transports that dial a host and a port. */
export async function networkSetting(
  dial: TransportFactory,
  server: PeerServer<TransportPeer>,
  scheme: string,
  options: TransportOptions = OPTIONS,
): Promise<TransportSetting> {
  // It takes connections and says nothing, which leaves every handshake open.
  const silent = await listenTcp()
  const at = (port: number): ServerAddress => parseServer(`${scheme}://127.0.0.1:${port}`)
  return {
    dial,
    options,
    address: at(server.port),
    refusedAddress: at(await refusedPort()),
    silentAddress: at(silent.port),
    accept: () => server.accept(),
    close: async () => {
      await Promise.all([server.close(), silent.close()])
    },
  }
}

/** For Unix sockets, in a folder of its own. */
export async function unixSetting(dial: TransportFactory): Promise<TransportSetting> {
  const folder = await mkdtemp(join(tmpdir(), 'umqtt-'))
  const path = join(folder, 'socket')
  const server = await listenTcp({ path })
  return {
    dial,
    options: OPTIONS,
    address: parseServer(`unix:${path}`),
    refusedAddress: parseServer(`unix:${path}-none`),
    silentAddress: parseServer(`unix:${path}-none`),
    accept: () => server.accept(),
    close: async () => {
      await server.close()
      await rm(folder, { recursive: true })
    },
  }
}
