// Keeps mosquitto's loop turning. It looks after WebSockets once in a turn, and writes a few kilobytes to
// each; a turn waits for other sockets for up to 100 ms, which makes 40 kB a second of a WebSocket. A
// client over TCP that asks again as soon as it is answered takes that wait away, and changes nothing else.

import { MQTTClient } from '../../src/simple.node.ts'
import { PASSWORD, type TestServer, USER } from '../support/servers.ts'

export class Waker {
  #client: MQTTClient | undefined
  #turning: Promise<void> | undefined

  async start(server: TestServer): Promise<void> {
    const client = new MQTTClient('waker', server.urls.tcp ?? '', {
      user: USER,
      password: PASSWORD,
    })
    this.#client = client
    await client.connect()
    this.#turning = this.#turn(client)
  }

  async stop(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await this.#turning
    await client?.disconnect()
  }

  async #turn(client: MQTTClient): Promise<void> {
    while (this.#client === client) await client.ping()
  }
}
