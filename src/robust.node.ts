// `umqtt/robust` on Node, Bun and Deno.
// Wiring alone: it gives the client its platform.

import { nodePlatform } from './node.ts'
import { FileStore } from './outbox/file.ts'
import { RobustClient } from './robust/client.ts'
import type { RobustPlatform } from './robust/platform.ts'
import type { RobustOptions } from './robust/types.ts'

const platform: RobustPlatform = {
  ...nodePlatform,
  random: Math.random,
  epochNow: Date.now,
  makeAborter: () => new AbortController(),
  openFolder: (folder) => new FileStore(folder),
}

/** A client that reconnects, and keeps what was published. {@link RobustClient} says what it does. */
export class MQTTClient extends RobustClient {
  /**
   * Makes a client. Nothing is dialled and nothing is read before the first use.
   * @param clientId 0 to 65,535 bytes; empty asks the server for one (§3.1.3.1), with MQTT 5.0 or without a session
   * @param server a host name, `host:port`, or a `mqtt:`, `mqtts:`, `ws:`, `wss:` or `unix:` URL
   * @param options as {@link RobustOptions} says; each has a default
   * @throws {TypeError} @throws {RangeError} for an argument that cannot be meant
   * @example
   * ```js
   * import { MQTTClient, guaranteed } from 'umqtt/robust'
   *
   * const client = new MQTTClient('door-7', 'mqtt://localhost', { outbox: './door-outbox' })
   * client.on('warning', ({ code, message }) => console.error(code, message))
   * const alarm = client.publish('door/7/alarm', 'open', { delivery: guaranteed() })
   * await alarm.stored // from here on it survives a loss of power
   * console.log((await alarm.settled).status)
   * await client[Symbol.asyncDispose]()
   * ```
   */
  constructor(clientId: string, server: string, options: RobustOptions = {}) {
    super(clientId, server, options, platform)
  }
}

export * from './robust/public.ts'
