// What an application may see and do of its outbox: what waits, what was set aside.
// It changes nothing by looking.

import { Outbox } from '../outbox/outbox.ts'
import type { OutboxStore } from '../outbox/store.ts'
import { checkText, refuse } from '../simple/checks.ts'
import type { RobustPlatform } from './platform.ts'
import type { RobustCore } from './robust-core.ts'
import type { Receipt, Stage } from './types.ts'

/** One message that has no outcome yet. */
export interface OutboxEntry {
  readonly id: string
  readonly topic: string
  readonly sizeBytes: number
  readonly stage: Stage
  /** Infinity: never. */
  readonly expiresInMs: number
}

export class OutboxView {
  readonly #core: RobustCore

  constructor(core: RobustCore) {
    this.#core = core
  }

  /** Messages without an outcome. */
  get count(): number {
    return this.#core.delivery.courier.counts.open
  }

  /** Their topics and payloads, bytes. */
  get sizeBytes(): number {
    return this.#core.delivery.courier.counts.openBytes
  }

  /** What waits, in the order in which it would be sent. */
  async *entries(): AsyncIterable<OutboxEntry> {
    await this.#core.open()
    const now = this.#core.clock.now()
    for (const entry of [...this.#core.delivery.courier.entries()]) {
      if (entry.status !== undefined) continue
      const { id, topic, sizeBytes, stage, expiresAt } = entry
      yield { id, topic, sizeBytes, stage, expiresInMs: Math.max(0, expiresAt - now) }
    }
  }

  /** What could not be read, or was found to end connections. */
  async *quarantined(): AsyncIterable<{ readonly id: string; readonly reason: string }> {
    await this.#core.open()
    yield* this.#core.delivery.quarantined
  }

  /**
   * Publishes a message anew that was found to end connections, with the policy that it had.
   * @throws {RangeError} no message of that id is set aside
   * @throws {StoreError} the outbox cannot be opened or read
   */
  resubmit(id: string): Promise<Receipt> {
    return this.#core.resubmit(checkText('id', id))
  }
}

/** @throws {TypeError} when the option is neither a folder nor a store */
export function makeOutbox(given: unknown, platform: RobustPlatform): Outbox | undefined {
  if (given === undefined) return undefined
  if (typeof given === 'string') {
    const { openFolder } = platform
    if (openFolder === undefined || given === '') {
      refuse('options.outbox', given, 'give a store: this platform has no folders')
    }
    return new Outbox(openFolder(given))
  }
  if (typeof (given as OutboxStore | null)?.commit !== 'function') {
    refuse('options.outbox', given, 'give a folder or a store')
  }
  return new Outbox(given as OutboxStore)
}
