// Copies of payloads that must outlive the call: small ones share a chunk, large ones get their own.
// A message keeps (bytes, offset) instead of a view, which saves a hundred bytes for each that waits,
// and a chunk is used again when no message needs it any longer: making one costs 2 µs.

import { copyInto } from '../codec/utf8.ts'

/** One chunk; a message that is kept pins at most this much. */
const CHUNK_BYTES = 32_768
/** A payload from here on gets an allocation of its own: an eighth of a chunk. */
const OWN_FROM_BYTES = CHUNK_BYTES / 8
/** Free chunks kept for the next burst: 2 MiB, a window of 2,000 messages of 1 KiB. */
const CHUNKS_KEPT = 64

/** Bytes that several payloads share. */
export interface PayloadChunk {
  readonly bytes: Uint8Array
  /** Payloads in it that are needed. */
  live: number
}

/** Where a copy is. */
export interface PayloadCopy {
  payload: Uint8Array | string
  payloadOffset: number
  chunk: PayloadChunk | undefined
}

/**
 * The chunks that small copies are cut from; clients share one pool.
 * @example
 * ```js
 * import { PayloadPool, PublishOperation } from 'umqtt/engine'
 *
 * const pool = new PayloadPool()
 * const message = new PublishOperation('hall/raw', 8, Uint8Array.of(1, 2, 3), 3, 0, false)
 * pool.own(message) // the bytes that were given may change from here on
 * pool.release(message)
 * ```
 */
export class PayloadPool {
  readonly #free: PayloadChunk[] = []
  #current: PayloadChunk | undefined
  #used = 0

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
    if (this.#current === undefined || this.#used + payload.length > CHUNK_BYTES) {
      const full = this.#current
      this.#current = this.#free.pop() ?? { bytes: new Uint8Array(CHUNK_BYTES), live: 0 }
      this.#used = 0
      if (full?.live === 0) this.#keep(full)
    }
    const chunk = this.#current
    copyInto(chunk.bytes, this.#used, payload)
    chunk.live += 1
    holder.payload = chunk.bytes
    holder.payloadOffset = this.#used
    holder.chunk = chunk
    this.#used += payload.length
  }

  /**
   * The payload is needed no longer.
   * @param holder has none after this
   */
  release(holder: PayloadCopy): void {
    const { chunk } = holder
    holder.payload = ''
    if (chunk === undefined) return
    holder.chunk = undefined
    chunk.live -= 1
    if (chunk.live > 0) return
    if (chunk === this.#current) this.#used = 0
    else this.#keep(chunk)
  }

  #keep(chunk: PayloadChunk): void {
    if (this.#free.length < CHUNKS_KEPT) this.#free.push(chunk)
  }
}
