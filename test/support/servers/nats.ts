// NATS as two processes, because one has a single listener for MQTT: the first in the clear, the second
// with TLS. Nothing that the one has is known to the other.

import { writeFile } from 'node:fs/promises'
import { programPath } from '../skip.ts'
import type { Command } from './guarded-process.ts'
import { LOOPBACK, PASSWORD, ProcessServer, USER } from './server.ts'

export class Nats extends ProcessServer {
  readonly name = 'nats'
  protected readonly portsWanted = 6
  protected readonly saysVersion = /Version:\s+(\S+)/
  protected readonly portTaken = /address already in use/

  protected commands(): readonly Command[] {
    const program = programPath('nats-server')
    // Its listener for MQTT is open before this.
    const ready = /Server is ready/
    return ['plain', 'tls'].map((name) => ({ program, args: ['-c', this.file(name)], ready }))
  }

  protected async configure(ports: readonly number[]): Promise<void> {
    const [tcp = 0, ws = 0, own = 0, tls = 0, wss = 0, ownTls = 0] = ports
    this.listensOn({ tcp, ws, tls, wss }, '/mqtt')
    const { ca, cert, key } = await this.writeCertificates()
    const block = `tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: false }`
    await this.#write('plain', { mqtt: tcp, webSocket: ws, own, webSocketTls: 'no_tls: true' })
    await this.#write('tls', {
      mqtt: tls,
      webSocket: wss,
      own: ownTls,
      mqttTls: block,
      webSocketTls: block,
    })
  }

  async #write(name: string, parts: Parts): Promise<void> {
    await writeFile(
      this.file(name),
      `server_name: "umqtt-${name}"
listen: "${LOOPBACK}:${parts.own}"
jetstream { store_dir: "${this.file(`${name}-streams`)}", max_mem: 64M, max_file: 256M }
authorization { user: "${USER}", password: "${PASSWORD}" }
max_payload: 8MB
mqtt {
  listen: "${LOOPBACK}:${parts.mqtt}"
  ${parts.mqttTls ?? ''}
  ack_wait: "5s"
  max_ack_pending: 1024
}
websocket {
  listen: "${LOOPBACK}:${parts.webSocket}"
  ${parts.webSocketTls}
}
`,
    )
  }
}

interface Parts {
  readonly mqtt: number
  readonly webSocket: number
  /** Where it speaks its own protocol, which nobody uses. */
  readonly own: number
  readonly mqttTls?: string
  readonly webSocketTls: string
}
