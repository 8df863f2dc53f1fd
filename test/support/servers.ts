// Real servers for tests, on loopback alone: mosquitto as a process with a folder and a configuration of
// its own, aedes inside this process. Ports are free ones that the kernel gave; nothing outlives a test.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type Server, type Socket, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createServer as createTlsServer } from 'node:tls'
import { Aedes, type AuthenticateError } from 'aedes'
import { WebSocketServer, createWebSocketStream } from 'ws'
import type { TlsOptions } from '../../src/transport/transport.ts'
import { CertificateAuthority } from './certificates.ts'
import { findProgram } from './skip.ts'

/** The ways to reach a server. */
export const ROUTES = ['tcp', 'tls', 'mutual-tls', 'ws', 'wss', 'unix'] as const
export type Route = (typeof ROUTES)[number]

/** Who may come in; with mutual TLS the certificate says who it is. */
export const USER = 'sensor'
export const PASSWORD = 'päss word'

/** A server that listens. */
export interface TestServer {
  readonly name: 'mosquitto' | 'aedes'
  /** Where it listens. Urls stay the same over restarts. */
  readonly urls: Readonly<Partial<Record<Route, string>>>
  /** What a client needs to trust it. */
  readonly tls: TlsOptions
  /** The same with a certificate of its own, for mutual TLS. */
  readonly clientTls: TlsOptions
  /** Whether a message at QoS 2 reaches a subscription of QoS 1 at QoS 1. [MQTT-3.8.4-8] */
  readonly lowersToOne: boolean
  /** Whether what is sent again has the flag that says so. [MQTT-3.3.1-1] */
  readonly setsDup: boolean
  /** Where mosquitto keeps sessions, when it was asked to. */
  readonly database: string
  /** Ends in good order; `start` may follow. */
  stop(): Promise<void>
  /** Ends at once, as in a crash; `start` may follow. */
  kill(): Promise<void>
  /** Listens again, with the data of before. */
  start(): Promise<void>
  /** Ends and removes everything. */
  remove(): Promise<void>
}

/** What a server shall do beyond the ordinary. */
export interface ServerOptions {
  /** Whether sessions survive a restart (mosquitto): each change is on disk at once. @default false */
  readonly persistence?: boolean
  /** Whether anybody may come in, without a name. @default false */
  readonly anonymous?: boolean
  /** Further lines of mosquitto's configuration, or other values than ours, by name. */
  readonly settings?: Readonly<Record<string, string>>
}

const LOOPBACK = '127.0.0.1'
/** How often other ports are tried, when somebody has taken one meanwhile. */
const PORT_ATTEMPTS = 5

/** Starts a server. */
export async function startServer(
  name: TestServer['name'],
  options: ServerOptions = {},
): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'umqtt-server-'))
  const server =
    name === 'mosquitto' ? new Mosquitto(folder, options) : new AedesServer(folder, options)
  try {
    await server.start()
  } catch (error) {
    await server.remove()
    throw error
  }
  return server
}

/** What both servers have: an authority, certificates and addresses. */
abstract class BaseServer implements TestServer {
  abstract readonly name: TestServer['name']
  abstract readonly lowersToOne: boolean
  abstract readonly setsDup: boolean
  readonly tls: TlsOptions
  readonly clientTls: TlsOptions
  readonly database: string
  protected readonly folder: string
  protected readonly authority = new CertificateAuthority('A test authority')
  protected readonly certificate = this.authority.issue({
    name: 'localhost',
    altNames: ['localhost', LOOPBACK],
  })
  #urls: TestServer['urls'] = {}

  constructor(folder: string) {
    this.folder = folder
    this.database = join(folder, 'mosquitto.db')
    const { cert, key } = this.authority.issue({ name: USER })
    this.tls = { ca: this.authority.cert }
    this.clientTls = { ...this.tls, cert, key }
  }

  get urls(): TestServer['urls'] {
    return this.#urls
  }

  abstract start(): Promise<void>
  abstract stop(): Promise<void>
  abstract kill(): Promise<void>

  async remove(): Promise<void> {
    await this.kill()
    await rm(this.folder, { recursive: true, force: true })
  }

  protected get socketFile(): string {
    return join(this.folder, 'socket')
  }

  protected listensOn(ports: Readonly<Partial<Record<Route, number>>>): void {
    const schemes = {
      tcp: 'mqtt',
      tls: 'mqtts',
      'mutual-tls': 'mqtts',
      ws: 'ws',
      wss: 'wss',
      unix: 'unix',
    }
    const urls: Partial<Record<Route, string>> = { unix: `unix:${this.socketFile}` }
    for (const route of ROUTES) {
      const port = ports[route]
      if (port !== undefined) urls[route] = `${schemes[route]}://${LOOPBACK}:${port}`
    }
    this.#urls = urls
  }
}

class Mosquitto extends BaseServer {
  readonly name = 'mosquitto'
  readonly lowersToOne = true
  readonly setsDup = true
  readonly #options: ServerOptions
  #ports: Record<Exclude<Route, 'unix'>, number> | undefined
  #process: ChildProcess | undefined
  #log: string[] = []

  constructor(folder: string, options: ServerOptions) {
    super(folder)
    this.#options = options
  }

  async start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const fresh = this.#ports === undefined
      if (fresh) await this.#configure()
      if (await this.#run()) return
      if (!fresh || attempt === PORT_ATTEMPTS || !this.#log.some((l) => l.includes('in use'))) {
        throw new Error(`mosquitto does not start:\n${this.#log.join('\n')}`)
      }
      this.#ports = undefined
    }
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  /** Ready when it says so, which is after it has opened every listener. */
  #run(): Promise<boolean> {
    const program = findProgram('mosquitto')
    if (program === undefined) throw new Error('mosquitto is absent')
    const child = spawn(program, ['-c', this.#file('conf')], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    this.#log = []
    return new Promise((resolve) => {
      child.once('error', () => resolve(false))
      child.once('close', () => resolve(false))
      for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on('line', (line) => {
          if (this.#log.push(line) > 200) this.#log.shift()
          if (/mosquitto version \S+ running/.test(line)) resolve(true)
        })
      }
    })
  }

  async #configure(): Promise<void> {
    const [tcp, tls, mutual, ws, wss] = (await freePorts(5)) as [
      number,
      number,
      number,
      number,
      number,
    ]
    this.#ports = { tcp, tls, 'mutual-tls': mutual, ws, wss }
    this.listensOn(this.#ports)
    await writeFile(this.#file('ca'), this.authority.cert)
    await writeFile(this.#file('cert'), this.certificate.cert)
    await writeFile(this.#file('key'), this.certificate.key)
    await writeFile(this.#file('passwords'), '')
    await chmod(this.folder, 0o700)
    const made = spawnSync('mosquitto_passwd', ['-b', this.#file('passwords'), USER, PASSWORD])
    if (made.status !== 0) throw new Error(`mosquitto_passwd fails: ${String(made.stderr)}`)
    await writeFile(this.#file('conf'), this.#configuration(this.#ports))
  }

  #configuration(ports: Record<Exclude<Route, 'unix'>, number>): string {
    const certificates = `cafile ${this.#file('ca')}
certfile ${this.#file('cert')}
keyfile ${this.#file('key')}`
    // WebSocket listeners take no address; without the domain they would listen on every interface.
    const webSocket = `protocol websockets
socket_domain ipv4`
    const settings = {
      user: userInfo().username,
      per_listener_settings: 'false',
      allow_anonymous: `${this.#options.anonymous === true}`,
      password_file: this.#file('passwords'),
      log_dest: 'stderr',
      connection_messages: 'false',
      set_tcp_nodelay: 'true',
      max_queued_messages: '0',
      persistence: `${this.#options.persistence === true}`,
      persistence_location: `${this.folder}/`,
      autosave_on_changes: 'true',
      autosave_interval: '1',
      ...this.#options.settings,
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}`)
    return `${lines.join('\n')}
log_type error
log_type warning
log_type notice
log_type information

listener ${ports.tcp} ${LOOPBACK}

listener ${ports.tls} ${LOOPBACK}
${certificates}

listener ${ports['mutual-tls']} ${LOOPBACK}
${certificates}
require_certificate true
use_identity_as_username true

listener ${ports.ws} ${LOOPBACK}
${webSocket}

listener ${ports.wss} ${LOOPBACK}
${webSocket}
${certificates}

listener 0 ${this.socketFile}
`
  }

  #file(name: string): string {
    return join(this.folder, name)
  }
}

class AedesServer extends BaseServer {
  readonly name = 'aedes'
  readonly lowersToOne = false
  readonly setsDup = false
  readonly #options: ServerOptions
  #aedes: Aedes | undefined
  #servers: Server[] = []
  readonly #sockets = new Set<Socket>()

  constructor(folder: string, options: ServerOptions) {
    super(folder)
    this.#options = options
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
    const ports = {
      tcp: await this.#listen(createServer((socket) => void aedes.handle(socket))),
      tls: await this.#listen(
        createTlsServer({ cert, key }, (socket) => void aedes.handle(socket)),
      ),
      ws: await this.#listen(http),
      wss: await this.#listen(https),
    }
    await this.#listen(
      createServer((socket) => void aedes.handle(socket)),
      this.socketFile,
    )
    this.listensOn(ports)
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

/** Ports that were free a moment ago, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen({ host: LOOPBACK, port: 0 })
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(
    servers.map(async (server) => {
      server.close()
      await once(server, 'close')
    }),
  )
  return ports
}
