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
  constructor(clientId: string, server: string, options: RobustOptions = {}) {
    super(clientId, server, options, platform)
  }
}

export * from './robust/public.ts'
