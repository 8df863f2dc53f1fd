// A store in memory that says it survives everything: another client opens it as after a restart.
// It cannot prove that anything survives; the stores on disk have tests of their own for that.

import { StoreError } from '../../src/errors.ts'
import { MemoryStore } from '../../src/outbox/memory.ts'
import type { Op, StoreTraits } from '../../src/outbox/store.ts'
import { settle } from './scripted-memory.ts'

/** Survives the client, and says that it survives more. */
export class KeptStore extends MemoryStore {
  override readonly traits: StoreTraits = {
    power: true,
    process: true,
    engine: 'kept',
    formatVersion: 1,
  }
}

/** Commits when it is let, or fails. */
export class HeldStore extends KeptStore {
  isHeld = false
  isBroken = false
  #waiting: (() => void)[] = []

  override async commit(ops: readonly Op[]): Promise<void> {
    if (this.isHeld) await new Promise<void>((go) => this.#waiting.push(go))
    if (this.isBroken) throw new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Cannot write')
    return super.commit(ops)
  }

  async letOne(): Promise<void> {
    this.#waiting.shift()?.()
    await settle()
  }

  async letAll(): Promise<void> {
    this.isHeld = false
    for (const go of this.#waiting.splice(0)) go()
    await settle()
  }

  /** What a process finds that begins now. */
  async copy(): Promise<KeptStore> {
    const copy = new KeptStore()
    await copy.open()
    const records = await this.scan(0, 1000)
    await copy.commit([
      ...records.map(([seq, record]): Op => ['put', seq, record]),
      ...Array.from(await this.state(), ([key, value]): Op => ['set', key, value]),
    ])
    await copy.close()
    return copy
  }
}
