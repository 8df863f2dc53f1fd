// Ejabberd as a node of Erlang, started without its own script, which wants to be root or a user of its
// own. Alone, or in a cluster with others.

import { mkdir, writeFile } from 'node:fs/promises'
import { findEjabberd, programPath } from '../skip.ts'
import { COOKIE, ON_LOOPBACK, binary, portMapper, portMapperEnv } from './erlang.ts'
import type { Command } from './guarded-process.ts'
import { LOOPBACK, PASSWORD, ProcessServer, USER } from './server.ts'

/** Which of the nodes it is. */
export interface NodeOptions {
  /** The port of a port mapper that runs; without, the node brings its own. */
  readonly mapperPort: number
  /** The name of this node, before the "@". */
  readonly node: string
  /** The nodes of the cluster, in the order in which they start. */
  readonly nodes: readonly string[]
}

export class Ejabberd extends ProcessServer {
  readonly name = 'ejabberd'
  protected readonly portsWanted = 5
  protected readonly portTaken = /eaddrinuse/
  protected readonly saysVersion = /ejabberd (\S+) is started/
  readonly #options: NodeOptions | undefined
  #mapperPort = 0

  constructor(folder: string, options?: NodeOptions) {
    super(folder)
    this.#options = options
  }

  protected commands(): readonly Command[] {
    const { node, nodes } = this.#options ?? { node: 'umqtt', nodes: ['umqtt'] }
    const first = nodes[0] ?? node
    const libraries = findEjabberd()
    if (libraries === undefined) throw new Error('ejabberd is absent')
    const join =
      first === node ? 'ok' : `ok = ejabberd_admin:join_cluster(${binary(`${first}@localhost`)})`
    const register = [USER].map(
      (user) => `ejabberd_auth:try_register(${binary(user)}, <<"localhost">>, ${binary(PASSWORD)})`,
    )
    const server: Command = {
      program: programPath('erl'),
      args: [
        '-noinput',
        ...['-sname', `${node}@localhost`, '-setcookie', COOKIE, ...ON_LOOPBACK],
        ...['-mnesia', 'dir', `"${this.file('spool')}"`, '-s', 'ejabberd'],
        ...['-eval', `${join}, ${register.join(', ')}, io:format("umqtt: ready~n").`],
      ],
      env: {
        EJABBERD_CONFIG_PATH: this.file('ejabberd.yml'),
        EJABBERD_LOG_PATH: this.file('ejabberd.log'),
        ERL_CRASH_DUMP: this.file('crash.dump'),
        ERL_LIBS: libraries,
        ...portMapperEnv(this.#mapperPort),
      },
      ready: /umqtt: ready/,
    }
    return this.#options === undefined ? [portMapper(this.#mapperPort), server] : [server]
  }

  protected async configure(ports: readonly number[]): Promise<void> {
    const [tcp = 0, tls = 0, ws = 0, wss = 0, mapper = 0] = ports
    this.#mapperPort = this.#options?.mapperPort ?? mapper
    this.listensOn({ tcp, tls, ws, wss }, '/mqtt')
    await mkdir(this.folder, { recursive: true })
    await this.writeCertificates()
    await mkdir(this.file('spool'), { recursive: true })
    const chain = this.file('chain')
    const { cert, key } = this.certificate
    await writeFile(chain, `${cert}${key}`)
    await writeFile(
      this.file('ejabberd.yml'),
      `hosts: [localhost]
loglevel: info
auth_method: internal
acme: {auto: false}
certfiles: ["${chain}"]
access_rules:
  local: {allow: all}
listen:
  - {port: ${tcp}, ip: "${LOOPBACK}", module: mod_mqtt, backlog: 1000}
  - {port: ${tls}, ip: "${LOOPBACK}", module: mod_mqtt, backlog: 1000, tls: true}
  - {port: ${ws}, ip: "${LOOPBACK}", module: ejabberd_http, request_handlers: {/mqtt: mod_mqtt}}
  - {port: ${wss}, ip: "${LOOPBACK}", module: ejabberd_http, tls: true, request_handlers: {/mqtt: mod_mqtt}}
modules:
  mod_mqtt:
    db_type: mnesia
    ram_db_type: mnesia
    session_expiry: 10 min
    max_queue: 30000
    match_retained_limit: 1000
`,
    )
  }
}
