// RabbitMQ with its plugins for MQTT, as a node of Erlang. Alone, or in a cluster with others, whose queues
// are then kept by a majority of the nodes.

import { createHash } from 'node:crypto'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { findRabbit } from '../skip.ts'
import type { NodeOptions } from './ejabberd.ts'
import { COOKIE, ON_LOOPBACK, portMapper, portMapperEnv } from './erlang.ts'
import type { Command } from './guarded-process.ts'
import { LOOPBACK, PASSWORD, ProcessServer, USER } from './server.ts'

export class RabbitMq extends ProcessServer {
  readonly name = 'rabbitmq'
  protected readonly portsWanted = 6
  protected readonly portTaken = /eaddrinuse|already_in_use|port_conflict/
  protected readonly saysVersion = /RabbitMQ (\d+\.\d+\.\d+)/
  readonly #options: NodeOptions | undefined
  #ports = { mapper: 0, distribution: 0 }

  constructor(folder: string, options?: NodeOptions) {
    super(folder)
    this.#options = options
  }

  protected commands(): readonly Command[] {
    const program = findRabbit()
    if (program === undefined) throw new Error('rabbitmq-server is absent')
    const server: Command = {
      program,
      args: [],
      env: {
        // The cookie is in the home folder, and nowhere else.
        HOME: this.folder,
        // Its script becomes the server then, instead of a parent that stops it by another program.
        RUNNING_UNDER_SYSTEMD: 'true',
        RABBITMQ_NODENAME: `${this.#options?.node ?? 'umqtt'}@localhost`,
        RABBITMQ_NODE_IP_ADDRESS: LOOPBACK,
        RABBITMQ_DIST_PORT: `${this.#ports.distribution}`,
        RABBITMQ_CONFIG_FILE: this.file('rabbitmq.conf'),
        RABBITMQ_CONF_ENV_FILE: this.file('none.conf'),
        RABBITMQ_ENABLED_PLUGINS_FILE: this.file('plugins'),
        RABBITMQ_MNESIA_BASE: this.file('data'),
        RABBITMQ_LOG_BASE: this.file('log'),
        RABBITMQ_GENERATED_CONFIG_DIR: this.file('generated'),
        RABBITMQ_PID_FILE: this.file('pid'),
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: ON_LOOPBACK.join(' '),
        ...portMapperEnv(this.#ports.mapper),
      },
      ready: /Server startup complete|completed with \d+ plugins/,
    }
    return this.#options === undefined ? [portMapper(this.#ports.mapper), server] : [server]
  }

  protected async configure(ports: readonly number[]): Promise<void> {
    const [tcp = 0, tls = 0, ws = 0, wss = 0, distribution = 0, mapper = 0] = ports
    this.#ports = { mapper: this.#options?.mapperPort ?? mapper, distribution }
    this.listensOn({ tcp, tls, ws, wss }, '/ws')
    await mkdir(this.folder, { recursive: true })
    const { ca, cert, key } = await this.writeCertificates()
    await mkdir(this.file('log'), { recursive: true })
    await writeFile(this.file('.erlang.cookie'), COOKIE)
    await chmod(this.file('.erlang.cookie'), 0o400)
    await writeFile(this.file('plugins'), '[rabbitmq_mqtt,rabbitmq_web_mqtt].')
    await writeFile(this.file('definitions.json'), JSON.stringify(definitions()))
    const nodes = this.#options?.nodes ?? []
    const cluster = nodes.map(
      (node, i) => `cluster_formation.classic_config.nodes.${i + 1} = ${node}@localhost\n`,
    )
    const files = (prefix: string): string => `${prefix}.cacertfile = ${ca}
${prefix}.certfile = ${cert}
${prefix}.keyfile = ${key}
`
    await writeFile(
      this.file('rabbitmq.conf'),
      `listeners.tcp = none
load_definitions = ${this.file('definitions.json')}
mqtt.listeners.tcp.1 = ${LOOPBACK}:${tcp}
mqtt.listeners.ssl.1 = ${LOOPBACK}:${tls}
mqtt.allow_anonymous = false
mqtt.subscription_ttl = 86400000
mqtt.prefetch = 1024
mqtt.durable_queue_type = ${nodes.length > 0 ? 'quorum' : 'classic'}
web_mqtt.tcp.ip = ${LOOPBACK}
web_mqtt.tcp.port = ${ws}
web_mqtt.ssl.ip = ${LOOPBACK}
web_mqtt.ssl.port = ${wss}
${files('web_mqtt.ssl')}${files('ssl_options')}ssl_options.verify = verify_none
ssl_options.fail_if_no_peer_cert = false
log.console = true
log.console.level = info
log.file = false
${cluster.length > 0 ? 'cluster_formation.peer_discovery_backend = classic_config\n' : ''}${cluster.join('')}`,
    )
  }
}

/** Who may do what, as RabbitMQ reads it: its configuration takes no password beyond ASCII. */
function definitions(): unknown {
  const salt = Buffer.from([1, 2, 3, 4])
  const hash = createHash('sha256').update(salt).update(PASSWORD).digest()
  const everything = { configure: '.*', write: '.*', read: '.*' }
  return {
    users: [
      {
        name: USER,
        password_hash: Buffer.concat([salt, hash]).toString('base64'),
        hashing_algorithm: 'rabbit_password_hashing_sha256',
        tags: '',
      },
    ],
    vhosts: [{ name: '/' }],
    permissions: [{ user: USER, vhost: '/', ...everything }],
    topic_permissions: [],
    parameters: [],
    policies: [],
    queues: [],
    exchanges: [],
    bindings: [],
  }
}
