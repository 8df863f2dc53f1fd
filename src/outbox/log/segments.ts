// What is in one segment, and which of it counts. Rule: a batch that was promised is never given up in
// silence, and one that was torn before its sync is no damage. Batches are numbered without a gap, each
// says up to where the log was safe, and the head of the next segment where it ends: that tells both apart.

import { StoreError } from '../../errors.ts'
import type { Damage } from '../store.ts'
import type { Checksum } from './files.ts'
import {
  BATCH_HEADER_BYTES,
  BatchReader,
  FORMAT_VERSION,
  readSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type Visitor,
} from './format.ts'

/** A batch that was found, whole or not. */
interface Found {
  readonly number: number
  readonly synced: number
  readonly sizeBytes: number
  readonly offset: number
  readonly intact: boolean
  visit(visitor: Visitor): void
}

/** The content of one segment. */
export interface ReadSegment {
  readonly name: string
  readonly sizeBytes: number
  /** The number of its first batch; undefined when neither its head nor any batch can be read. */
  readonly first: number | undefined
  /** Whether its head could be read. */
  readonly headed: boolean
  readonly batches: readonly Found[]
}

/** Told what counts, in order. */
export interface Replay {
  /** Takes the operations of a batch. @param salvaged whether it is damaged, and may say anything */
  visitor(salvaged: boolean): Visitor
  damaged(damage: Damage): void
}

/**
 * Reads the bytes of a segment.
 *
 * @param id whose outbox it has to be
 * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE it is of a newer version; ERR_MQTT_STORE_CORRUPT it
 * belongs to another outbox
 */
export function readSegment(
  name: string,
  bytes: Uint8Array,
  checksum: Checksum,
  id: Uint8Array,
): ReadSegment {
  const header = readSegmentHeader(bytes, checksum)
  if (header !== undefined && header.version > FORMAT_VERSION) {
    throw new StoreError(
      'ERR_MQTT_STORE_UNAVAILABLE',
      `Cannot open the outbox: "${name}" has format version ${header.version}, this program knows ${FORMAT_VERSION}; use a newer one`,
      { position: name },
    )
  }
  if (header?.id.some((byte, i) => id[i] !== byte)) {
    throw new StoreError(
      'ERR_MQTT_STORE_CORRUPT',
      `Cannot open the outbox: "${name}" belongs to another outbox; move it away`,
      { position: name },
    )
  }
  const reader = new BatchReader(bytes, checksum, id)
  const batches: Found[] = []
  let at = header === undefined ? reader.search(0) : SEGMENT_HEADER_BYTES
  while (at >= 0 && at < bytes.length) {
    const found = reader.header(at)
    if (found === undefined) {
      at = reader.search(at)
      continue
    }
    const offset = at
    const intact = reader.intact(offset, found)
    const visit = (visitor: Visitor): void => reader.visit(offset, found, visitor)
    const sizeBytes = BATCH_HEADER_BYTES + found.length
    batches.push({ number: found.number, synced: found.synced, sizeBytes, offset, intact, visit })
    at += intact || at + sizeBytes <= bytes.length ? sizeBytes : BATCH_HEADER_BYTES
  }
  // Without a head: everything before it was safe when its first batch was written, and that said so.
  const first =
    header?.first ??
    (batches.length > 0 ? Math.min(...batches.map(({ synced }) => synced)) + 1 : undefined)
  return { name, sizeBytes: bytes.length, first, headed: header !== undefined, batches }
}

/**
 * Goes through the batches of a segment that count.
 *
 * @param expected the number that comes next
 * @param limit the first number of the next segment; undefined for the last segment
 * @returns the number that comes next
 */
export function replay(
  segment: ReadSegment,
  expected: number,
  limit: number | undefined,
  into: Replay,
): number {
  const { name, batches } = segment
  const end = limit ?? Infinity
  // In the last segment: what any head of a batch says was safe before it.
  let promised = limit === undefined ? 0 : limit - 1
  if (limit === undefined) {
    for (const { synced } of batches) promised = Math.max(promised, synced)
  }
  const missing = (from: number, to: number, offset: number): void => {
    const what = to - from === 1 ? `Batch ${from} is` : `Batches ${from} to ${to - 1} are`
    into.damaged({ reason: `${what} missing or damaged`, position: `"${name}" ${offset}` })
  }
  for (const batch of batches) {
    const { number, intact, offset } = batch
    if (number < expected || number >= end) continue
    if (number > expected) {
      // Never safe, and so is nothing after it: the power went before the sync.
      if (expected > promised) return expected
      missing(expected, number, offset)
      expected = number
    }
    if (!intact) {
      if (number > promised) return expected
      missing(number, number + 1, offset)
    }
    batch.visit(into.visitor(!intact))
    expected = number + 1
  }
  if (expected <= promised) {
    missing(expected, promised + 1, segment.sizeBytes)
    expected = promised + 1
  }
  return expected
}
