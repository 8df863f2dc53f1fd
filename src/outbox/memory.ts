// A store in memory: the default of a client without an outbox, and the model that others are tested
// against. Rule: its traits say what it is. It survives `close` and `open`, and nothing else.

import { SequenceMap } from './sequence-map.ts'
import type { Op, OpenResult, OutboxStore, StoredRecord, StoreTraits } from './store.ts'

/**
 * Keeps records in memory: nothing survives the process.
 * @example
 * ```js
 * import { MemoryStore } from 'umqtt/testing'
 *
 * const store = new MemoryStore()
 * await store.open()
 * await store.commit([['put', 1, Uint8Array.of(7)]])
 * console.log(await store.scan(1, 10))
 * ```
 */
export class MemoryStore implements OutboxStore {
  readonly traits: StoreTraits = {
    power: false,
    process: false,
    engine: 'memory',
    formatVersion: 1,
  }
  readonly #records = new SequenceMap<Uint8Array>()
  readonly #state = new Map<string, Uint8Array>()
  #sizeBytes = 0

  async open(): Promise<OpenResult> {
    const { size: count, lowest, highest } = this.#records
    return { count, lowest, highest, sizeBytes: this.#sizeBytes, damaged: [] }
  }

  async commit(ops: readonly Op[]): Promise<void> {
    for (const op of ops) {
      if (op[0] === 'put') {
        // Copied: a record is a view of all that were committed together, and would keep them.
        const record = op[2].slice()
        this.#sizeBytes += record.length - (this.#records.set(op[1], record)?.length ?? 0)
      } else if (op[0] === 'delete') {
        this.#sizeBytes -= this.#records.delete(op[1])?.length ?? 0
      } else if (op[0] === 'set') this.#state.set(op[1], op[2])
      else this.#state.delete(op[1])
    }
  }

  async scan(from: number, limit: number): Promise<readonly StoredRecord[]> {
    return this.#records.from(from, limit)
  }

  async state(): Promise<ReadonlyMap<string, Uint8Array>> {
    return new Map(this.#state)
  }

  async close(): Promise<void> {}
}
