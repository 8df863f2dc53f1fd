// `umqtt/simple` on Node, Bun and Deno.
// Wiring alone: it gives the client its platform.

import { nodePlatform } from './node.ts'
import { SimpleClient } from './simple/client.ts'
import type { ClientOptions } from './simple/types.ts'

/** One connection to a server, without recovery. {@link SimpleClient} says what it does. */
export class MQTTClient extends SimpleClient {
  constructor(clientId: string, server: string, options: ClientOptions = {}) {
    super(clientId, server, options, nodePlatform)
  }
}

export * from './simple/public.ts'
