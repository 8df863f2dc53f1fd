// Where encoded bytes go, and a sink that only counts them.
// It knows neither packets nor who owns the buffer that the bytes end up in.

import { NO_BYTES } from './utf8.ts'

/**
 * Where encoded bytes go. After `reserve(n)`, `bytes` has room for n more at `length`; the encoder
 * writes there and advances `length`. `reserve` may swap `bytes` (and set `length` to 0) for another
 * buffer.
 */
export interface Sink {
  bytes: Uint8Array
  length: number
  /**
   * Makes room at `length`.
   * @param sizeBytes how many bytes will follow at most
   */
  reserve(sizeBytes: number): void
}

/** A sink that only counts: what is written to it is dropped, and `length` is its size. */
export function countingSink(): Sink {
  return { bytes: NO_BYTES, length: 0, reserve: () => {} }
}
