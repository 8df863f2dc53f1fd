// Where encoded packets wait for the next write: slabs of one size, taken from a pool that clients
// share, so that an idle client holds none. A large payload is passed on by reference between two
// slab views instead of being copied. Knows nothing of packets and nothing of sockets.

import type { Sink } from '../codec/sink.ts'
import { copyInto, NO_BYTES } from '../codec/utf8.ts'
import type { PayloadCopy } from './payload-pool.ts'
import { type Slab, SLAB_BYTES, type SlabPool } from './slab-pool.ts'

/** A payload from here on is cheaper to pass by reference than to copy. */
export const REFERENCE_FROM_BYTES = 16_384
/** A piece of a large payload: a write of this size shows progress on a slow link. */
const PIECE_BYTES = 65_536
/** A write up to this size is copied out of its slab, which the next client can use at once. */
const COPIED_UP_TO_BYTES = 4_096

/** The lists of a buffer in which nothing waits: ten thousand idle clients share them. Never written. */
const NO_CHUNKS: readonly Uint8Array[] = []
const NO_SLABS: readonly Slab[] = []

/** Chunks handed to one write, with the slabs that are free again when it is done. */
export interface Batch {
  readonly chunks: Uint8Array[]
  readonly slabs: Slab[]
}

/**
 * The bytes of one client that wait to be written.
 * @example
 * ```js
 * import { PacketType, write } from 'umqtt/codec'
 * import { OutboundBuffer, SlabPool } from 'umqtt/engine'
 *
 * const out = new OutboundBuffer(new SlabPool())
 * write(out, { type: PacketType.PINGREQ }, 5)
 * const batch = out.take(65_536)
 * console.log(batch.chunks) // to be written, in order
 * out.release(batch) // once they are
 * ```
 */
export class OutboundBuffer implements Sink {
  bytes: Uint8Array = NO_BYTES
  length = 0
  readonly #pool: SlabPool
  /** What `bytes` are of, if they are of a slab. */
  #slab: Slab | undefined
  /** Where in the slab the bytes begin that are not in `#chunks` yet. */
  #start = 0
  #chunks = NO_CHUNKS as Uint8Array[]
  #slabs = NO_SLABS as Slab[]
  #queuedBytes = 0
  /** Bytes of the slab of the moment that are payloads which are needed again. */
  #keptBytes = 0

  /** @param pool where its slabs come from */
  constructor(pool: SlabPool) {
    this.#pool = pool
  }

  /** Bytes that wait. */
  get sizeBytes(): number {
    return this.#queuedBytes + this.length - this.#start
  }

  reserve(sizeBytes: number): void {
    if (this.length + sizeBytes <= this.bytes.length) return
    this.#seal()
    const slab = sizeBytes > SLAB_BYTES ? undefined : this.#pool.take()
    this.#slab = slab
    this.bytes = slab?.bytes ?? new Uint8Array(sizeBytes)
    if (slab !== undefined) {
      if (this.#slabs === NO_SLABS) this.#slabs = []
      this.#slabs.push(slab)
    }
    this.length = 0
    this.#start = 0
    this.#keptBytes = 0
  }

  /**
   * Appends bytes. Large ones are taken by reference when `owned` says that nobody changes them
   * before they are written; otherwise they are copied.
   * @param source what they are in
   * @param offset where they begin
   * @param sizeBytes how many
   * @param owned whether nobody changes them
   */
  append(source: Uint8Array, offset: number, sizeBytes: number, owned: boolean): void {
    if (sizeBytes === 0) return
    if (owned && sizeBytes >= REFERENCE_FROM_BYTES) {
      this.#seal()
      this.#queue(source, offset, offset + sizeBytes)
      return
    }
    this.reserve(sizeBytes)
    const whole = offset === 0 && sizeBytes === source.length
    const part = whole ? source : source.subarray(offset, offset + sizeBytes)
    copyInto(this.bytes, this.length, part)
    this.length += sizeBytes
  }

  /**
   * Leaves the payload that was copied here last in its slab, for whoever may need it again, so that it is not copied
   * once more. A slab of which less than a half is needed would keep too much for itself: nothing happens then.
   * @param holder has that payload, of `payloadLength` bytes; not one that was taken by reference
   * @returns whether the slab has it now
   */
  lend(holder: PayloadCopy & { readonly payloadLength: number }): boolean {
    const { payload, payloadLength } = holder
    const slab = this.#slab
    if (typeof payload === 'string' || slab === undefined) return false
    this.#keptBytes += payloadLength
    if (this.#keptBytes * 2 < SLAB_BYTES) return false
    slab.users += 1
    holder.payload = this.bytes
    holder.payloadOffset = this.length - payloadLength
    holder.slab = slab
    return true
  }

  /**
   * Takes what waits for one write; the rest stays in order.
   * @param limitBytes about how many at most; at least one chunk is taken
   * @returns the chunks, and what is to be given back when they are written
   */
  take(limitBytes: number): Batch {
    this.#seal()
    let count = 0
    let taken = 0
    while (count < this.#chunks.length) {
      const size = this.#chunks[count]?.length ?? 0
      if (count > 0 && taken + size > limitBytes) break
      taken += size
      count += 1
    }
    this.#queuedBytes -= taken
    if (count < this.#chunks.length) {
      // The slabs stay until the last chunk of them has gone.
      return { chunks: this.#chunks.splice(0, count), slabs: [] }
    }
    const only = this.#chunks.length === 1 ? this.#chunks[0] : undefined
    const copied = only !== undefined && only.length <= COPIED_UP_TO_BYTES
    const batch = copied
      ? { chunks: [this.#pool.copy(only)], slabs: [] }
      : { chunks: this.#chunks, slabs: this.#slabs }
    if (copied) this.release({ chunks: [], slabs: this.#slabs })
    this.#chunks = NO_CHUNKS as Uint8Array[]
    this.#slabs = NO_SLABS as Slab[]
    this.#slab = undefined
    this.bytes = NO_BYTES
    this.length = 0
    this.#start = 0
    return batch
  }

  /**
   * Gives the slabs of a finished write back to the pool.
   * @param batch as `take` gave it
   */
  release(batch: Batch): void {
    for (const slab of batch.slabs) this.#pool.give(slab)
  }

  /** Forgets what waits, as when the connection has ended. */
  clear(): void {
    this.release(this.take(Infinity))
  }

  #seal(): void {
    if (this.length === this.#start) return
    this.#queue(this.bytes, this.#start, this.length)
    this.#start = this.length
  }

  #queue(source: Uint8Array, from: number, end: number): void {
    if (this.#chunks === NO_CHUNKS) this.#chunks = []
    for (let at = from; at < end; at += PIECE_BYTES) {
      this.#chunks.push(source.subarray(at, Math.min(at + PIECE_BYTES, end)))
    }
    this.#queuedBytes += end - from
  }
}
