// Where encoded packets wait for the next write: slabs of one size, taken from a pool that clients
// share, so that an idle client holds none. A large payload is passed on by reference between two
// slab views instead of being copied. Knows nothing of packets and nothing of sockets.

import type { Sink } from '../codec/sink.ts'
import { copyInto } from '../codec/utf8.ts'

/** Room for some 800 packets of 64 bytes: past it a larger write costs no less a byte. */
const SLAB_BYTES = 65_536
/** A payload from here on is cheaper to pass by reference than to copy. */
export const REFERENCE_FROM_BYTES = 16_384
/** A piece of a large payload: a write of this size shows progress on a slow link. */
const PIECE_BYTES = 65_536
/** A write up to this size is copied out of its slab, which the next client can use at once. */
const COPIED_UP_TO_BYTES = 4_096
/** Such copies share bytes of this size: each in bytes of its own costs five times as much. */
const COPIES_BYTES = 16_384
/** Free slabs kept for the next burst: 2 MiB. */
const SLABS_KEPT = 32

const NOTHING = new Uint8Array(0)
/** The lists of a buffer in which nothing waits: ten thousand idle clients share it. Never written. */
const NONE: readonly Uint8Array[] = []

/**
 * The slabs that all clients of a process share.
 * @example
 * ```js
 * import { OutboundBuffer, SlabPool } from 'umqtt/engine'
 *
 * const slabs = new SlabPool() // one for all connections of the process
 * const [one, other] = [new OutboundBuffer(slabs), new OutboundBuffer(slabs)]
 * console.log(one.sizeBytes + other.sizeBytes) // 0
 * ```
 */
export class SlabPool {
  readonly #free: Uint8Array[] = []
  #copies = NOTHING
  #copied = 0

  /** A slab, which nobody else has; 65,536 bytes. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(SLAB_BYTES)
  }

  /**
   * A copy of a few bytes, which is not written to again.
   * @param source up to 16,384 bytes
   * @returns a view of bytes that other copies share
   */
  copy(source: Uint8Array): Uint8Array {
    let end = this.#copied + source.length
    if (end > this.#copies.length) {
      this.#copies = new Uint8Array(COPIES_BYTES)
      end = source.length
    }
    this.#copied = end
    const copy = this.#copies.subarray(end - source.length, end)
    copy.set(source)
    return copy
  }

  /**
   * Takes a slab back, for the next who asks.
   * @param slab which nobody uses any more
   */
  give(slab: Uint8Array): void {
    if (this.#free.length < SLABS_KEPT) this.#free.push(slab)
  }
}

/** Chunks handed to one write, with the slabs that are free again when it is done. */
export interface Batch {
  readonly chunks: Uint8Array[]
  readonly slabs: Uint8Array[]
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
  bytes: Uint8Array = NOTHING
  length = 0
  readonly #pool: SlabPool
  /** Where in the slab the bytes begin that are not in `#chunks` yet. */
  #start = 0
  #chunks = NONE as Uint8Array[]
  #slabs = NONE as Uint8Array[]
  #queuedBytes = 0

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
    const pooled = sizeBytes <= SLAB_BYTES
    this.bytes = pooled ? this.#pool.take() : new Uint8Array(sizeBytes)
    if (pooled) {
      if (this.#slabs === NONE) this.#slabs = []
      this.#slabs.push(this.bytes)
    }
    this.length = 0
    this.#start = 0
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
      for (let from = offset; from < offset + sizeBytes; from += PIECE_BYTES) {
        this.#queue(source.subarray(from, Math.min(from + PIECE_BYTES, offset + sizeBytes)))
      }
      return
    }
    this.reserve(sizeBytes)
    const whole = offset === 0 && sizeBytes === source.length
    const part = whole ? source : source.subarray(offset, offset + sizeBytes)
    copyInto(this.bytes, this.length, part)
    this.length += sizeBytes
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
    this.#chunks = NONE as Uint8Array[]
    this.#slabs = NONE as Uint8Array[]
    this.bytes = NOTHING
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
    this.#queue(this.bytes.subarray(this.#start, this.length))
    this.#start = this.length
  }

  #queue(chunk: Uint8Array): void {
    if (this.#chunks === NONE) this.#chunks = []
    this.#chunks.push(chunk)
    this.#queuedBytes += chunk.length
  }
}
