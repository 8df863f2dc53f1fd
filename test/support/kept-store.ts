// A store in memory that says it survives everything: another client opens it as after a restart.
// It cannot prove that anything survives; the stores on disk have tests of their own for that.

import { MemoryStore } from '../../src/outbox/memory.ts'
import type { StoreTraits } from '../../src/outbox/store.ts'

/** Survives the client, and says that it survives more. */
export class KeptStore extends MemoryStore {
  override readonly traits: StoreTraits = {
    power: true,
    process: true,
    engine: 'kept',
    formatVersion: 1,
  }
}
