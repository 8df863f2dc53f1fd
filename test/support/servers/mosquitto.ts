// Mosquitto as a process with a folder and a configuration of its own.

import { spawnSync } from 'node:child_process'
import { chmod, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { programPath } from '../skip.ts'
import type { Command } from './guarded-process.ts'
import { LOOPBACK, PASSWORD, ProcessServer, type ServerOptions, USER } from './server.ts'

export class Mosquitto extends ProcessServer {
  readonly name = 'mosquitto'
  protected readonly portsWanted = 5
  // Of a port for WebSockets it does not say why it cannot have it.
  protected readonly portTaken = /in use|Unable to create websockets listener/
  protected readonly saysVersion = /mosquitto version (\S+) starting/
  readonly #options: ServerOptions

  constructor(folder: string, options: ServerOptions) {
    super(folder)
    this.#options = options
  }

  protected commands(): readonly Command[] {
    // It says so after it has opened every listener.
    const ready = /mosquitto version \S+ running/
    return [{ program: programPath('mosquitto'), args: ['-c', this.file('conf')], ready }]
  }

  protected async configure(ports: readonly number[]): Promise<void> {
    const [tcp = 0, tls = 0, mutual = 0, ws = 0, wss = 0] = ports
    this.listensOn({ tcp, tls, 'mutual-tls': mutual, ws, wss })
    const socket = this.listensOnSocket()
    const { ca, cert, key } = await this.writeCertificates()
    const passwords = this.file('passwords')
    await writeFile(passwords, '')
    await chmod(this.folder, 0o700)
    const made = spawnSync('mosquitto_passwd', ['-b', passwords, USER, PASSWORD])
    if (made.status !== 0) throw new Error(`mosquitto_passwd fails: ${String(made.stderr)}`)
    const certificates = `cafile ${ca}
certfile ${cert}
keyfile ${key}`
    // WebSocket listeners take no address; without the domain they would listen on every interface.
    const webSocket = `protocol websockets
socket_domain ipv4`
    const { anonymous = false, persistence = false } = this.#options
    const settings = {
      user: userInfo().username,
      per_listener_settings: 'false',
      allow_anonymous: `${anonymous}`,
      password_file: passwords,
      log_dest: 'stderr',
      connection_messages: 'false',
      set_tcp_nodelay: 'true',
      max_queued_messages: '0',
      persistence: `${persistence !== false}`,
      persistence_location: `${this.folder}/`,
      autosave_on_changes: 'true',
      // 0: when it ends in good order.
      autosave_interval: persistence === 'at-the-end' ? '0' : '1',
      ...this.#options.settings,
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}`)
    await writeFile(
      this.file('conf'),
      `${lines.join('\n')}
log_type error
log_type warning
log_type notice
log_type information

listener ${tcp} ${LOOPBACK}

listener ${tls} ${LOOPBACK}
${certificates}

listener ${mutual} ${LOOPBACK}
${certificates}
require_certificate true
use_identity_as_username true

listener ${ws} ${LOOPBACK}
${webSocket}

listener ${wss} ${LOOPBACK}
${webSocket}
${certificates}

listener 0 ${socket}
`,
    )
  }
}
