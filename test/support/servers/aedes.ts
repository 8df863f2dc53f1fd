// Aedes, which runs inside this process.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type Server, type Socket, createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { Aedes, type AuthenticateError } from 'aedes'
import { WebSocketServer, createWebSocketStream } from 'ws'
import { BaseServer, LOOPBACK, PASSWORD, type ServerOptions, USER } from './server.ts'

export class AedesServer extends BaseServer {
  readonly name = 'aedes'
  readonly #options: ServerOptions
  #aedes: Aedes | undefined
  #servers: Server[] = []
  readonly #sockets = new Set<Socket>()

  constructor(folder: string, options: ServerOptions) {
    super(folder)
    this.#options = options
  }

  get version(): string {
    const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      devDependencies: { aedes: string }
    }
    return devDependencies.aedes
  }

  async start(): Promise<void> {
    const aedes = await Aedes.createBroker(this.#options.anonymous === true ? {} : { authenticate })
    this.#aedes = aedes
    const { cert, key } = this.certificate
    const http = createHttpServer()
    const https = createHttpsServer({ cert, key })
    for (const server of [http, https]) {
      const handleProtocols = (offered: Set<string>): string | false =>
        offered.has('mqtt') && 'mqtt'
      new WebSocketServer({ server, handleProtocols }).on('connection', (socket, request) =>
        aedes.handle(createWebSocketStream(socket).on('error', ignore), request),
      )
    }
    this.listensOn({
      tcp: await this.#listen(createServer((socket) => void aedes.handle(socket))),
      tls: await this.#listen(
        createTlsServer({ cert, key }, (socket) => void aedes.handle(socket)),
      ),
      ws: await this.#listen(http),
      wss: await this.#listen(https),
    })
    await this.#listen(
      createServer((socket) => void aedes.handle(socket)),
      this.listensOnSocket(),
    )
  }

  stop(): Promise<void> {
    return this.kill()
  }

  async kill(): Promise<void> {
    const aedes = this.#aedes
    this.#aedes = undefined
    for (const socket of this.#sockets) socket.destroy()
    const closed = this.#servers.map((server) => {
      const event = once(server, 'close')
      server.close()
      return event
    })
    this.#servers = []
    await Promise.all(closed)
    if (aedes !== undefined) await new Promise<void>((resolve) => aedes.close(resolve))
  }

  async #listen(server: Server, path?: string): Promise<number> {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    // A client that breaks off is what some tests are about.
    server.on('tlsClientError', ignore)
    server.listen(path === undefined ? { host: LOOPBACK, port: 0 } : { path })
    await once(server, 'listening')
    this.#servers.push(server)
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }
}

function authenticate(
  _client: unknown,
  user: string | undefined,
  password: Readonly<Buffer> | undefined,
  done: (error: AuthenticateError | null, success: boolean | null) => void,
): void {
  if (user === USER && password?.toString() === PASSWORD) done(null, true)
  else done(Object.assign(new Error('Bad user name or password'), { returnCode: 4 }), null)
}

function ignore(): void {
  // The other end sees it too.
}
