// Copies of payloads that must outlive the call: small ones share a slab, large ones get their own.
// A message keeps (bytes, offset) instead of a view, which saves a hundred bytes for each that waits.

import { copyInto } from '../codec/utf8.ts'
import { type Slab, SLAB_BYTES, type SlabPool } from './slab-pool.ts'

/** A payload from here on gets an allocation of its own: a sixteenth of a slab. */
const OWN_FROM_BYTES = SLAB_BYTES / 16

/** Where a copy is. */
export interface PayloadCopy {
  payload: Uint8Array | string
  payloadOffset: number
  /** The slab that it is in, if it shares one. */
  slab: Slab | undefined
}

/**
 * The slabs that small copies are written into; clients share one pool.
 * @example
 * ```js
 * import { PayloadPool, PublishOperation, SlabPool } from 'umqtt/engine'
 *
 * const pool = new PayloadPool(new SlabPool())
 * const message = new PublishOperation('hall/raw', 8, Uint8Array.of(1, 2, 3), 3, 0, false)
 * pool.own(message) // the bytes that were given may change from here on
 * pool.release(message)
 * ```
 */
export class PayloadPool {
  readonly #slabs: SlabPool
  #current: Slab | undefined
  #used = 0

  /** @param slabs where its memory comes from */
  constructor(slabs: SlabPool) {
    this.#slabs = slabs
  }

  /**
   * Replaces a payload that belongs to somebody else by a copy.
   * @param holder has the payload, and then the copy
   */
  own(holder: PayloadCopy): void {
    const { payload } = holder
    if (typeof payload === 'string') return
    if (payload.length >= OWN_FROM_BYTES) {
      holder.payload = new Uint8Array(payload)
      return
    }
    if (this.#current === undefined || this.#used + payload.length > SLAB_BYTES) {
      if (this.#current !== undefined) this.#slabs.give(this.#current)
      this.#current = this.#slabs.take()
      this.#used = 0
    }
    const slab = this.#current
    copyInto(slab.bytes, this.#used, payload)
    slab.users += 1
    holder.payload = slab.bytes
    holder.payloadOffset = this.#used
    holder.slab = slab
    this.#used += payload.length
  }

  /**
   * The payload is needed no longer.
   * @param holder has none after this
   */
  release(holder: PayloadCopy): void {
    const { slab } = holder
    holder.payload = ''
    if (slab === undefined) return
    holder.slab = undefined
    this.#slabs.give(slab)
  }
}
