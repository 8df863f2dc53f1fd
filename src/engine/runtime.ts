// What the engines of one process share, made once: buffers, caches, and nothing of the protocol.
// Nothing in it belongs to one client, so that ten thousand idle ones stay small.

import { TopicCache } from '../codec/utf8.ts'
import { PayloadPool } from './payload-pool.ts'
import { LimitsPool } from './server-limits.ts'
import { SlabPool } from './slab-pool.ts'
import type { EngineRuntime } from './types.ts'

/** Makes the shared part; an entry point makes one, a test makes its own. */
export function makeRuntime(): EngineRuntime {
  const slabs = new SlabPool()
  return {
    slabs,
    payloads: new PayloadPool(slabs),
    topics: new TopicCache(),
    limits: new LimitsPool(),
  }
}
