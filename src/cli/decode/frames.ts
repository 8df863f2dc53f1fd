// Bytes of a connection, cut anywhere, to frames: the bytes of one packet each, by its Remaining Length. §2.1.4
// Rule: what is held is at most one packet, and one beyond the limit is gone over and not held. What a packet
// says is not looked at.

/** Type and flags, and four bytes of length. */
const HEADER_BYTES_MAX = 5
/** Of a packet that is gone over, and of the beginning of all: enough to say what it is. */
const OPENING_BYTES = 256

/** One packet, or why there is none. */
export type Frame =
  | { readonly kind: 'whole'; readonly offset: number; readonly bytes: Uint8Array }
  /** Larger than the limit. */
  | {
      readonly kind: 'large'
      readonly offset: number
      readonly sizeBytes: number
      readonly first: number
    }
  /** Its length has no end in four bytes: where the next packet begins cannot be known. */
  | { readonly kind: 'endless'; readonly offset: number; readonly bytes: Uint8Array }
  /** The bytes end in it. */
  | {
      readonly kind: 'cut'
      readonly offset: number
      readonly bytes: Uint8Array
      readonly arrivedBytes: number
      /** Of the whole packet; undefined when they end in its length. */
      readonly sizeBytes: number | undefined
    }

/** Takes bytes and gives frames. */
export class Framer {
  readonly #limitBytes: number
  readonly #header: number[] = []
  #body: Uint8Array | undefined
  /** Where the packet begins. */
  #offset = 0
  #arrivedBytes = 0
  /** Of the whole packet; 0 while its header is being read. */
  #sizeBytes = 0
  #opening = new Uint8Array(0)

  /** @param limitBytes the largest packet that is given whole */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** The first bytes of all. */
  get opening(): Uint8Array {
    return this.#opening
  }

  /** Whether they are enough to say what the input is; before that, where it is cut would decide. */
  get isOpened(): boolean {
    return this.#opening.length === OPENING_BYTES
  }

  *push(chunk: Uint8Array): Generator<Frame, void> {
    const missing = OPENING_BYTES - this.#opening.length
    if (missing > 0) this.#opening = joined(this.#opening, chunk.subarray(0, missing))
    for (let at = 0; at < chunk.length;) {
      if (this.#sizeBytes === 0) {
        const frame = this.#head(chunk[at++] as number)
        if (frame !== undefined) yield frame
        continue
      }
      const part = chunk.subarray(at, at + this.#sizeBytes - this.#arrivedBytes)
      this.#keep(part)
      this.#arrivedBytes += part.length
      at += part.length
      if (this.#arrivedBytes === this.#sizeBytes) yield this.#finish()
    }
  }

  /** What is left when there are no more bytes. */
  end(): Frame | undefined {
    const arrivedBytes = this.#arrivedBytes
    if (arrivedBytes === 0) return undefined
    const sizeBytes = this.#sizeBytes || undefined
    const bytes = this.#body?.subarray(0, arrivedBytes) ?? Uint8Array.from(this.#header)
    return { kind: 'cut', offset: this.#offset, bytes, arrivedBytes, sizeBytes }
  }

  #head(byte: number): Frame | undefined {
    const header = this.#header
    header.push(byte)
    this.#arrivedBytes = header.length
    if (header.length === 1 || byte > 127) {
      if (header.length < HEADER_BYTES_MAX) return undefined
      const frame = {
        kind: 'endless',
        offset: this.#offset,
        bytes: Uint8Array.from(header),
      } as const
      this.#next(header.length)
      return frame
    }
    const remaining = header.slice(1).reduceRight((value, part) => value * 128 + (part & 127), 0)
    this.#sizeBytes = header.length + remaining
    this.#body = new Uint8Array(
      this.#sizeBytes > this.#limitBytes ? OPENING_BYTES : this.#sizeBytes,
    )
    this.#body.set(header)
    return remaining === 0 ? this.#finish() : undefined
  }

  /** Of one that is gone over, the beginning. */
  #keep(part: Uint8Array): void {
    const room = (this.#body?.length ?? 0) - this.#arrivedBytes
    if (room > 0) this.#body?.set(part.subarray(0, room), this.#arrivedBytes)
  }

  #finish(): Frame {
    const offset = this.#offset
    const sizeBytes = this.#sizeBytes
    const bytes = this.#body as Uint8Array
    this.#next(sizeBytes)
    return bytes.length === sizeBytes
      ? { kind: 'whole', offset, bytes }
      : { kind: 'large', offset, sizeBytes, first: bytes[0] as number }
  }

  #next(sizeBytes: number): void {
    this.#offset += sizeBytes
    this.#header.length = 0
    this.#arrivedBytes = 0
    this.#sizeBytes = 0
    this.#body = undefined
  }
}

/** One after the other. */
export function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}
