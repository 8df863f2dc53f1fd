// UTF-8 both ways, strict, on every runtime: nothing ill-formed is read and nothing is replaced. §1.5.4
// Rule: one byte sequence for one text. Overlong forms, surrogates, values above U+10FFFF and cut-off
// sequences are refused; EF BB BF is a character like any other [MQTT-1.5.4-3].
// U+0000 passes here, except in topics: that it is forbidden is a rule of MQTT's strings.

/** How many topics a cache of them keeps. */
const SLOTS = 1024
/** The longest topic that is kept, in bytes; with SLOTS it bounds the keys to 128 KiB. */
const TOPIC_BYTES = 128

/** No bytes at all: shared, so that nothing is made for it. */
export const NO_BYTES: Uint8Array = /* @__PURE__ */ new Uint8Array(0)

const { set } = Uint8Array.prototype

/** Copies bytes. To look up `set` at the array itself costs as much again as a short copy. */
export function copyInto(target: Uint8Array, offset: number, source: Uint8Array): void {
  set.call(target, source, offset)
}

/** The size of a text in UTF-8, in bytes; -1 when it holds an unpaired surrogate. */
export function utf8Length(text: string): number {
  let size = text.length
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!
    if (point > 0x7f) size++
    if (point > 0x7ff) size++
    // A pair takes two units and four bytes.
    if (point > 0xffff) i++
    else if (point >> 11 === 27) return -1
  }
  return size
}

/** Writes a text that is known to be well formed and returns the offset after it. */
export function writeUtf8(text: string, bytes: Uint8Array, offset: number): number {
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!
    let more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3
    // As many ones as bytes, then a zero; what is above a byte falls off.
    bytes[offset++] = more > 0 ? (0x7f80 >> more) | (point >> (6 * more)) : point
    if (more > 2) i++
    while (more > 0) bytes[offset++] = 0x80 | ((point >> (6 * --more)) & 0x3f)
  }
  return offset
}

/**
 * Encodes a text.
 *
 * @throws {RangeError} it holds an unpaired surrogate, which UTF-8 cannot express
 */
export function encodeUtf8(text: string): Uint8Array {
  const size = utf8Length(text)
  if (size < 0) throw new RangeError('Cannot encode an unpaired surrogate')
  const bytes = new Uint8Array(size)
  writeUtf8(text, bytes, 0)
  return bytes
}

/** Decodes `bytes` from `start` to `end`; undefined when that is ill-formed. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  const size = end - start
  let text = ''
  while (start < end) {
    let point = bytes[start++]!
    if (point > 0x7f) {
      if (point < 0xc0) return undefined
      let more = point < 0xe0 ? 1 : point < 0xf0 ? 2 : 3
      point &= more > 1 ? 0xf : 0x1f
      for (; more > 0; more--) {
        const byte = bytes[start++]!
        if (byte >> 6 !== 2) return undefined
        point = (point << 6) | (byte & 0x3f)
      }
      if (point > 0x10ffff) return undefined
    }
    text += String.fromCodePoint(point)
  }
  // What was cut off went past the end. What was overlong or a surrogate would, written again, have
  // another size; ASCII, one unit for each byte, need not be measured.
  return start > end || (text.length < size && utf8Length(text) !== size) ? undefined : text
}

/** What a text is that it may not be, the clause that says so, and the reason code, if not 0x81. */
export type TextFault = readonly [what: string, clause: string, reasonCode?: number]

/** What no string of MQTT may have; undefined when all is well. §1.5.4 */
export function stringFault(text: string | undefined): TextFault | undefined {
  const sizeBytes = text === undefined ? -1 : utf8Length(text)
  return sizeBytes < 0
    ? ['ill-formed', '1.5.4-1 1.5.3-1']
    : sizeBytes > 0xffff
      ? [`${sizeBytes} bytes long`, '4.7.3-3']
      : text!.includes('\0')
        ? ['using U+0000', '1.5.4-2 1.5.3-2']
        : undefined
}

/** Where the text of a received Topic Name comes from. */
export interface TopicSource {
  /**
   * The text of a Topic Name.
   * @param bytes where it stands in UTF-8
   * @param start where it begins
   * @param end where it ends
   * @returns undefined when it is not known, or not one at all: then the decoder looks for itself
   */
  get(bytes: Uint8Array, start: number, end: number): string | undefined
}

/**
 * Topic Names met before, so that a topic which comes again costs no new string.
 *
 * One cache may serve any number of decoders. It is direct mapped: a topic has one place, found by a
 * hash of its bytes, and takes it from whichever was there. What is found was compared byte by byte.
 */
export class TopicCache implements TopicSource {
  readonly #topics: string[] = new Array<string>(SLOTS)
  readonly #keys = new Uint8Array(SLOTS * TOPIC_BYTES)
  readonly #sizes = new Uint8Array(SLOTS)
  /** The slot of the topic before, which most messages have again: it is looked at first. */
  #slot = 0

  get(bytes: Uint8Array, start: number, end: number): string | undefined {
    const size = end - start
    if (!this.#holds(bytes, start, size)) {
      let hash = size
      for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x9e3779b1)
      const slot = (this.#slot = (hash >>> 9) % SLOTS)
      if (!this.#holds(bytes, start, size)) {
        const topic = decodeUtf8(bytes, start, end)
        if (topic === undefined || /[\0#+]/.test(topic)) return undefined
        if (size > TOPIC_BYTES) return topic
        this.#keys.set(bytes.subarray(start, end), slot * TOPIC_BYTES)
        this.#sizes[slot] = size
        this.#topics[slot] = topic
      }
    }
    return this.#topics[this.#slot]
  }

  /** Whether the slot has this topic; compared from the end, where alike topics differ. */
  #holds(bytes: Uint8Array, start: number, size: number): boolean {
    if (this.#sizes[this.#slot] !== size) return false
    const keys = this.#keys
    const key = this.#slot * TOPIC_BYTES
    while (size-- > 0) if (keys[key + size] !== bytes[start + size]) return false
    return true
  }
}
