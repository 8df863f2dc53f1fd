// What real servers for tests have in common: a folder, certificates of a throw-away authority, addresses
// on loopback, and, for those that are processes, their start and their end.

import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { TlsOptions } from '../../../src/transport/transport.ts'
import { CertificateAuthority } from '../certificates.ts'
import { type Command, GuardedProcess } from './guarded-process.ts'

/** The servers that there are. */
export const SERVER_NAMES = ['mosquitto', 'aedes', 'nats', 'rabbitmq', 'ejabberd'] as const
export type ServerName = (typeof SERVER_NAMES)[number]

/** The ways to reach a server. */
export const ROUTES = ['tcp', 'tls', 'mutual-tls', 'ws', 'wss', 'unix'] as const
export type Route = (typeof ROUTES)[number]

/** Who may come in; with mutual TLS the certificate says who it is. */
export const USER = 'sensor'
export const PASSWORD = 'päss word'

export const LOOPBACK = '127.0.0.1'

/** A server that listens. */
export interface TestServer {
  readonly name: ServerName
  /** Its version, as it says itself. */
  readonly version: string
  /** Where it listens. Urls stay the same over restarts. */
  readonly urls: Readonly<Partial<Record<Route, string>>>
  /** What a client needs to trust it. */
  readonly tls: TlsOptions
  /** The same with a certificate of its own, for mutual TLS. */
  readonly clientTls: TlsOptions
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
  readonly persistence?: boolean | 'at-the-end'
  /** Whether anybody may come in, without a name (mosquitto, aedes). @default false */
  readonly anonymous?: boolean
  /** Further lines of mosquitto's configuration, or other values than ours, by name. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A port for each of some routes. */
export type Ports = Readonly<Partial<Record<Route, number>>>

const SCHEMES: Readonly<Record<Route, string>> = {
  tcp: 'mqtt',
  tls: 'mqtts',
  'mutual-tls': 'mqtts',
  ws: 'ws',
  wss: 'wss',
  unix: 'unix',
}

/** What all of them have: an authority, certificates and addresses. */
export abstract class BaseServer implements TestServer {
  abstract readonly name: ServerName
  abstract readonly version: string
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

  /** The path of a file in its folder. */
  protected file(name: string): string {
    return join(this.folder, name)
  }

  /** @param path where its WebSockets are */
  protected listensOn(ports: Ports, path = ''): void {
    const urls: Partial<Record<Route, string>> = {}
    for (const route of ROUTES) {
      const port = ports[route]
      if (route === 'unix' || port === undefined) continue
      const tail = route === 'ws' || route === 'wss' ? path : ''
      urls[route] = `${SCHEMES[route]}://${LOOPBACK}:${port}${tail}`
    }
    this.#urls = urls
  }

  /** Adds the socket in its folder. @returns the socket's path */
  protected listensOnSocket(): string {
    const path = this.file('socket')
    this.#urls = { ...this.#urls, unix: `unix:${path}` }
    return path
  }

  /** Writes the authority and the certificate where a configuration can name them. */
  protected async writeCertificates(): Promise<{ ca: string; cert: string; key: string }> {
    const paths = { ca: this.file('ca'), cert: this.file('cert'), key: this.file('key') }
    await writeFile(paths.ca, this.authority.cert)
    await writeFile(paths.cert, this.certificate.cert)
    await writeFile(paths.key, this.certificate.key)
    return paths
  }
}

/** How often other ports are tried, when somebody has taken one meanwhile. */
const PORT_ATTEMPTS = 5

/** A server that is one process, or several that start one after another. */
export abstract class ProcessServer extends BaseServer {
  /** How many ports it wants. */
  protected abstract readonly portsWanted: number
  /** What it says when a port is taken. */
  protected abstract readonly portTaken: RegExp
  /** What it says of its version when it starts. */
  protected abstract readonly saysVersion: RegExp
  #isConfigured = false
  #processes: GuardedProcess[] = []

  get version(): string {
    const lines = this.#processes.flatMap(({ log }) => log)
    const said = lines.map((line) => this.saysVersion.exec(line)?.[1])
    return said.find((version) => version !== undefined) ?? 'unknown'
  }

  /** Writes its configuration, and says where it listens. */
  protected abstract configure(ports: readonly number[]): Promise<void>
  protected abstract commands(): readonly Command[]

  async start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const fresh = !this.#isConfigured
      if (fresh) await this.configure(await freePorts(this.portsWanted))
      this.#isConfigured = true
      const log = await this.#run()
      if (log === undefined) return
      await this.kill()
      if (!fresh || attempt === PORT_ATTEMPTS || !log.some((line) => this.portTaken.test(line))) {
        throw new Error(`${this.name} does not start:\n${log.join('\n')}`)
      }
      this.#isConfigured = false
    }
  }

  async stop(): Promise<void> {
    // The last one first: it may need those before it to end.
    for (const one of this.#processes.splice(0).reverse()) await one.stop()
  }

  async kill(): Promise<void> {
    await Promise.all(this.#processes.splice(0).map((one) => one.kill()))
  }

  /** @returns the log of what does not run, if anything does not */
  async #run(): Promise<readonly string[] | undefined> {
    for (const command of this.commands()) {
      const [started, isReady] = await GuardedProcess.start(command)
      this.#processes.push(started)
      if (!isReady) return started.log
    }
    return undefined
  }
}

/**
 * Where ports are looked for: below those that a kernel gives to connections and to who names none (from 32,768 on with
 * Linux). A server that ends and starts again has its own then, whatever was dialled meanwhile.
 */
const PORTS = { first: 10_000, count: 22_000 } as const
/** From one process id to the next; a process has as many before it comes to those of its neighbour. */
const PORTS_EACH = 97

let asked = process.pid * PORTS_EACH

/** Ports that were free a moment ago, and that this process has not been given before. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = PORTS.first + (asked % PORTS.count)
    asked += 1
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await once(server.listen({ host: LOOPBACK, port }), 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE' || code === 'EACCES') return false
    throw error
  }
  server.close()
  await once(server, 'close')
  return true
}
