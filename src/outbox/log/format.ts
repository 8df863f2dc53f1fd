// The bytes of the log. A segment is a header and batches; a batch is a header (length, number, what was
// synced before it, checksums) and its operations. Rule: checksums begin with the outbox's own id, so that
// no payload can be taken for a batch. It reads and writes bytes, and decides nothing.

import type { Op } from '../store.ts'
import type { Checksum } from './files.ts'

/** The version of everything here. A log of a newer one is left alone. */
export const FORMAT_VERSION = 1
export const ID_BYTES = 16
/** Magic 8, version 2, id 16, first batch 8, checksum 4. */
export const SEGMENT_HEADER_BYTES = 38
/** Magic 4, length 4, number 8, synced 8, checksum of the operations 4, of the header 4. */
export const BATCH_HEADER_BYTES = 32
/** `umqttlog`. */
const SEGMENT_MAGIC = [0x75, 0x6d, 0x71, 0x74, 0x74, 0x6c, 0x6f, 0x67]
const BATCH_MAGIC = 0xb7a5_0b0c

const PUT = 1
const DELETE = 2
const SET = 3
const UNSET = 4
const RESET = 5

/** The head of a segment. */
export interface SegmentHeader {
  readonly version: number
  readonly id: Uint8Array
  /** The number of its first batch: in older segments, batches from it on are void. */
  readonly first: number
}

/** The head of a batch. */
export interface BatchHeader {
  /** The bytes of its operations. */
  readonly length: number
  /** Batches are numbered without a gap, over all segments. */
  readonly number: number
  /** Every batch up to this number was safe when this one was written. */
  readonly synced: number
  readonly checksum: number
}

/** Told the operations that were read, in order. A put has the offset of its record, not the record. */
export interface Visitor {
  put(seq: number, offset: number, length: number): void
  delete(seq: number): void
  set(key: string, value: Uint8Array): void
  unset(key: string): void
  /** The session table begins anew. */
  reset(): void
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Makes the head of a segment. */
export function writeSegmentHeader(header: SegmentHeader, checksum: Checksum): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES)
  const view = viewOf(bytes)
  bytes.set(SEGMENT_MAGIC)
  view.setUint16(8, header.version)
  bytes.set(header.id, 10)
  view.setFloat64(26, header.first)
  view.setUint32(34, checksum(bytes.subarray(0, 34)))
  return bytes
}

/** Reads the head of a segment; undefined when it is none, or damaged. */
export function readSegmentHeader(
  bytes: Uint8Array,
  checksum: Checksum,
): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined
  if (SEGMENT_MAGIC.some((byte, i) => bytes[i] !== byte)) return undefined
  const view = viewOf(bytes)
  if (view.getUint32(34) !== checksum(bytes.subarray(0, 34))) return undefined
  return { version: view.getUint16(8), id: bytes.slice(10, 26), first: view.getFloat64(26) }
}

function varintSize(value: number): number {
  let size = 1
  for (; value >= 128; value = Math.floor(value / 128)) size++
  return size
}

/** Writes batches into one buffer, which grows to the largest of them. */
export class BatchWriter {
  /** At first as much as a disk writes at a time: who publishes now and then needs no more. */
  #bytes = new Uint8Array(4096)
  #at = 0
  #fixedBytes = 0
  readonly #checksum: Checksum
  readonly #id: Uint8Array
  readonly #seed: number

  constructor(checksum: Checksum, id: Uint8Array) {
    this.#checksum = checksum
    this.#id = id
    this.#seed = checksum(id)
  }

  /** Of the last batch, what the head of its segment and the session table took. */
  get fixedBytes(): number {
    return this.#fixedBytes
  }

  /**
   * Makes a batch.
   *
   * @param state the session table before it, for the first batch of a segment: its head comes along
   * @param offsets gets, for each put, where its record begins in what is returned
   * @returns a view that is valid until the next call
   */
  write(
    ops: readonly Op[],
    header: { readonly number: number; readonly synced: number },
    state: ReadonlyMap<string, Uint8Array> | undefined,
    offsets: number[],
  ): Uint8Array {
    const start = state === undefined ? 0 : SEGMENT_HEADER_BYTES
    this.#at = start + BATCH_HEADER_BYTES
    if (state !== undefined) {
      const head = { version: FORMAT_VERSION, id: this.#id, first: header.number }
      this.#bytes.set(writeSegmentHeader(head, this.#checksum))
      this.#bytes[this.#at++] = RESET
      for (const [key, value] of state) this.#op(['set', key, value], offsets)
    }
    this.#fixedBytes = state === undefined ? 0 : this.#at
    for (const op of ops) this.#op(op, offsets)
    const bytes = this.#bytes
    const view = viewOf(bytes)
    const body = bytes.subarray(start + BATCH_HEADER_BYTES, this.#at)
    view.setUint32(start, BATCH_MAGIC)
    view.setUint32(start + 4, body.length)
    view.setFloat64(start + 8, header.number)
    view.setFloat64(start + 16, header.synced)
    view.setUint32(start + 24, this.#checksum(body, this.#seed))
    view.setUint32(start + 28, this.#checksum(bytes.subarray(start, start + 28), this.#seed))
    return bytes.subarray(0, this.#at)
  }

  #room(size: number): void {
    if (this.#at + size <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + size))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }

  #op(op: Op, offsets: number[]): void {
    // A kind and two numbers, or a kind, a number and a key of up to three bytes a unit.
    const key = op[0] === 'set' || op[0] === 'unset' ? op[1] : ''
    const data = op[0] === 'put' || op[0] === 'set' ? op[2] : undefined
    this.#room(24 + key.length * 3 + (data?.length ?? 0))
    const bytes = this.#bytes
    switch (op[0]) {
      case 'put':
        bytes[this.#at++] = PUT
        this.#varint(op[1])
        break
      case 'delete':
        bytes[this.#at++] = DELETE
        return this.#varint(op[1])
      default:
        bytes[this.#at++] = op[0] === 'set' ? SET : UNSET
        this.#varint(key.length)
        for (let i = 0; i < key.length; i++) this.#varint(key.charCodeAt(i))
    }
    if (data === undefined) return
    this.#varint(data.length)
    if (op[0] === 'put') offsets.push(this.#at)
    bytes.set(data, this.#at)
    this.#at += data.length
  }

  #varint(value: number): void {
    for (; value >= 128; value = Math.floor(value / 128))
      this.#bytes[this.#at++] = (value % 128) | 128
    this.#bytes[this.#at++] = value
  }
}

/** How many bytes a put takes beside its record. */
export function putOverheadBytes(seq: number, length: number): number {
  return 1 + varintSize(seq) + varintSize(length)
}

/** Reads batches out of the bytes of one segment. */
export class BatchReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #checksum: Checksum
  readonly #seed: number

  constructor(bytes: Uint8Array, checksum: Checksum, id: Uint8Array) {
    this.#bytes = bytes
    this.#view = viewOf(bytes)
    this.#checksum = checksum
    this.#seed = checksum(id)
  }

  /** The head of a batch at an offset; undefined when there is none, or it is damaged. */
  header(offset: number): BatchHeader | undefined {
    if (offset + BATCH_HEADER_BYTES > this.#bytes.length) return undefined
    const view = this.#view
    if (view.getUint32(offset) !== BATCH_MAGIC) return undefined
    const sum = this.#checksum(this.#bytes.subarray(offset, offset + 28), this.#seed)
    if (view.getUint32(offset + 28) !== sum) return undefined
    return {
      length: view.getUint32(offset + 4),
      number: view.getFloat64(offset + 8),
      synced: view.getFloat64(offset + 16),
      checksum: view.getUint32(offset + 24),
    }
  }

  /** Where the next head of a batch is, from an offset on; -1 when there is none. */
  search(offset: number): number {
    const first = BATCH_MAGIC >>> 24
    for (let at = offset; ; at++) {
      at = this.#bytes.indexOf(first, at)
      if (at < 0 || this.header(at) !== undefined) return at
    }
  }

  /** Whether the operations of a batch are whole. */
  intact(offset: number, header: BatchHeader): boolean {
    const start = offset + BATCH_HEADER_BYTES
    const end = start + header.length
    if (end > this.#bytes.length) return false
    return this.#checksum(this.#bytes.subarray(start, end), this.#seed) === header.checksum
  }

  /** Goes through the operations of a batch as far as they can be read: of an intact one, all. */
  visit(offset: number, header: BatchHeader, visitor: Visitor): void {
    const bytes = this.#bytes
    let at = offset + BATCH_HEADER_BYTES
    const end = Math.min(at + header.length, bytes.length)
    const varint = (): number => {
      let value = 0
      for (let unit = 1; at < end; unit *= 128) {
        const byte = bytes[at++]!
        value += (byte & 127) * unit
        if (byte < 128) return value
      }
      return Infinity
    }
    while (at < end) {
      const kind = bytes[at++]!
      if (kind === RESET) {
        visitor.reset()
        continue
      }
      if (kind < PUT || kind > UNSET) return
      const number = varint()
      if (number > Number.MAX_SAFE_INTEGER) return
      if (kind === DELETE) {
        visitor.delete(number)
        continue
      }
      let key = ''
      if (kind !== PUT) {
        if (number > end - at) return
        for (let i = 0; i < number; i++) key += String.fromCharCode(varint())
        if (kind === UNSET) {
          visitor.unset(key)
          continue
        }
      }
      const length = varint()
      if (length > end - at) return
      if (kind === PUT) visitor.put(number, at, length)
      else visitor.set(key, bytes.slice(at, at + length))
      at += length
    }
  }
}
