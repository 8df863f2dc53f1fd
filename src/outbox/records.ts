// What the core writes around each record, and its counters: a version byte and a CRC-32 over number,
// version and body. Rule: what does not check is never handed on; a record under a wrong number does not
// check either. It knows no store.

import { COUNTERS_BYTES, RECORD_HEADER_BYTES, STAGE_BYTES, VERSION } from './constants.ts'
import { crc32 } from './crc32.ts'

/** The key of the session table that belongs to the core. */
export const COUNTERS_KEY = '#outbox'

/** What each commit says of the whole outbox, so that a part which is missing shows. */
export interface Counters {
  /** How many records there are. */
  readonly count: number
  /** No record has a lower number; 0 when there is none. */
  readonly lowest: number
  /** The number above all that were ever used. */
  readonly next: number
}

/** Two numbers give two seeds, and two seeds two checksums of the same bytes. */
function seedOf(seq: number): number {
  return ((seq % 0x1_0000_0000) ^ Math.imul(seq / 0x1_0000_0000, 0x9e37_79b1)) >>> 0
}

/** A body that is not bytes yet. */
export interface Body {
  /** It takes no more than this, in bytes. */
  readonly roomBytes: number
  /** Writes it from an offset on, and gives the offset after it. */
  write(into: Uint8Array, at: number): number
}

/** Makes records, many of them in one buffer: a buffer of its own for each costs ten times as much. */
export class RecordWriter {
  #bytes = new Uint8Array(0)
  #at = 0

  /** The record of a body, a view of bytes that are not written to again. */
  write(seq: number, body: Body | Uint8Array): Uint8Array {
    const isBytes = body instanceof Uint8Array
    const room = RECORD_HEADER_BYTES + (isBytes ? body.length : body.roomBytes)
    if (this.#at + room > this.#bytes.length) {
      this.#bytes = new Uint8Array(Math.max(STAGE_BYTES, room))
      this.#at = 0
    }
    const bytes = this.#bytes
    const start = this.#at
    const at = start + RECORD_HEADER_BYTES
    bytes[start + 4] = VERSION
    if (isBytes) bytes.set(body, at)
    const end = isBytes ? at + body.length : body.write(bytes, at)
    this.#at = end
    let sum = crc32(bytes, seedOf(seq), start + 4, end) | 0
    for (let i = start + 4; i-- > start; sum >>= 8) bytes[i] = sum
    return new Uint8Array(bytes.buffer, start, end - start)
  }
}

/** The body of a record, a view; a text that says what is wrong when it does not check. */
export function unwrapRecord(seq: number, record: Uint8Array): Uint8Array | string {
  if (record.length < RECORD_HEADER_BYTES) return `is ${record.length} bytes long`
  let sum = crc32(record, seedOf(seq), 4)
  for (let i = 4; i-- > 0; sum >>>= 8) {
    if (record[i] !== (sum & 255)) return 'does not match its checksum'
  }
  if (record[4] !== VERSION) return `has version ${record[4]}, not ${VERSION}`
  return record.subarray(RECORD_HEADER_BYTES)
}

/** The counters as they are stored. */
export function writeCounters({ count, lowest, next }: Counters): Uint8Array {
  const value = new DataView(new ArrayBuffer(COUNTERS_BYTES))
  value.setFloat64(0, count)
  value.setFloat64(8, lowest)
  value.setFloat64(16, next)
  return new Uint8Array(value.buffer)
}

/** Reads stored counters; undefined when there are none. */
export function readCounters(value: Uint8Array | undefined): Counters | undefined {
  if (value?.length !== COUNTERS_BYTES) return undefined
  const view = new DataView(value.buffer, value.byteOffset, value.length)
  return { count: view.getFloat64(0), lowest: view.getFloat64(8), next: view.getFloat64(16) }
}

/** Compares what the last commit said with what the store found; texts that say what differs. */
export function compareCounters(
  said: Counters | undefined,
  found: { readonly count: number; readonly lowest: number },
): string[] {
  const { count, lowest } = found
  const { count: left, lowest: from } = said ?? { count: 0, lowest: 0 }
  return left !== count || lowest < (count && from)
    ? [
        `The last commit counted ${left} records, found ${count}; the first ${from}, found ${lowest}`,
      ]
    : []
}
