// A server takes other ports when somebody has one of those that were free a moment ago: copies of the tests that
// run beside each other do so at times. Which listener it is makes no difference.

import { equal, notEqual } from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Mosquitto } from './servers/mosquitto.ts'
import { absent } from './skip.ts'

const TIMEOUT_MS = 30_000

/** Is given a port that is taken, once. */
class Unlucky extends Mosquitto {
  /** How often it was told its ports. */
  configured = 0
  readonly #place: number
  readonly #taken: number

  constructor(folder: string, place: number, taken: number) {
    super(folder, { anonymous: true })
    this.#place = place
    this.#taken = taken
  }

  protected override configure(ports: readonly number[]): Promise<void> {
    this.configured += 1
    const first = ports.map((port, place) => (place === this.#place ? this.#taken : port))
    return super.configure(this.configured === 1 ? first : ports)
  }
}

for (const [place, route] of (['tcp', 'tls', 'mutual-tls', 'ws', 'wss'] as const).entries()) {
  test(
    `mosquitto takes other ports when that of ${route} is taken`,
    { skip: absent('mosquitto'), timeout: TIMEOUT_MS },
    async () => {
      const other = createServer().listen({ host: '127.0.0.1', port: 0 })
      await once(other, 'listening')
      const { port } = other.address() as { port: number }
      const folder = await mkdtemp(join(tmpdir(), 'umqtt-server-'))
      const server = new Unlucky(folder, place, port)
      try {
        await server.start()
        equal(server.configured, 2)
        notEqual(new URL(server.urls[route] as string).port, `${port}`)
      } finally {
        await server.remove()
        other.close()
        await once(other, 'close')
      }
    },
  )
}
