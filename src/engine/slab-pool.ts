// Slabs: pieces of memory of one size that all clients of a process share, each with a count of who uses it.
// Who writes into one is a user of it, and so is every message that has its payload in it; the last one gives it
// back. Making one costs 2 µs. A user that forgets to costs nothing but that: the slab is garbage then.

/** Room for some 800 packets of 64 bytes: past it a larger write costs no less a byte. */
export const SLAB_BYTES = 65_536
/** Copies of small writes share bytes of this size: each in bytes of its own costs five times as much. */
const COPIES_BYTES = 16_384
/** Free slabs kept for the next burst: 2 MiB, a window of two thousand messages of 1 KiB. */
const SLABS_KEPT = 32

/** Bytes that several share. */
export interface Slab {
  readonly bytes: Uint8Array
  /** Who needs them: it is free when there is nobody. */
  users: number
}

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
  readonly #free: Slab[] = []
  #copies: Uint8Array | undefined
  #copied = 0

  /** A slab that nobody else uses; 65,536 bytes. */
  take(): Slab {
    const slab = this.#free.pop() ?? { bytes: new Uint8Array(SLAB_BYTES), users: 0 }
    slab.users = 1
    return slab
  }

  /**
   * A copy of a few bytes, which is not written to again.
   * @param source up to 16,384 bytes
   * @returns a view of bytes that other copies share
   */
  copy(source: Uint8Array): Uint8Array {
    let end = this.#copied + source.length
    if (this.#copies === undefined || end > COPIES_BYTES) {
      this.#copies = new Uint8Array(COPIES_BYTES)
      end = source.length
    }
    this.#copied = end
    const copy = this.#copies.subarray(end - source.length, end)
    copy.set(source)
    return copy
  }

  /**
   * One user less; after the last one the slab is for the next who asks.
   * @param slab which this user needs no more
   */
  give(slab: Slab): void {
    slab.users -= 1
    if (slab.users === 0 && this.#free.length < SLABS_KEPT) this.#free.push(slab)
  }
}
