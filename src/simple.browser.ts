// `umqtt/simple` in a browser: over WebSocket.
// Wiring alone: it gives the client its platform.

import { browserPlatform } from './browser.ts'
import { SimpleClient } from './simple/client.ts'
import type { ClientOptions } from './simple/types.ts'

/** One connection to a server, without recovery. {@link SimpleClient} says what it does. */
export class MQTTClient extends SimpleClient {
  /**
   * Makes a client. Nothing is dialled before `connect`.
   * @param clientId 0 to 65,535 bytes; empty asks the server for one (§3.1.3.1)
   * @param server a `ws:` or `wss:` URL; another scheme only with the option `transport`
   * @param options as {@link ClientOptions} says; each has a default
   * @throws {TypeError} @throws {RangeError} for an argument that cannot be meant
   * @example
   * ```js types
   * import { MQTTClient } from 'umqtt/simple'
   *
   * const client = new MQTTClient('hall-1', 'wss://example.org/mqtt', { keepAliveSeconds: 30 })
   * client.setCallback((topic, payload, message) => console.log(topic, message.text()))
   * await client.connect()
   * await client.subscribe('hall/+/set', { qos: 1 })
   * await client.publish('hall/temperature', '21.5', { qos: 1 })
   * await client.disconnect()
   * ```
   */
  constructor(clientId: string, server: string, options: ClientOptions = {}) {
    super(clientId, server, options, browserPlatform)
  }
}

export * from './simple/public.ts'
