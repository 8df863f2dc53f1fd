// Hex as people have it to bytes: digits in any grouping, arrays of source code, the dumps of xxd, hexdump -C,
// od and Wireshark, and what tcpdump -X prints, of whose packets what TCP carries is taken.
// Rule: nothing is guessed over: what cannot be read is told with its line.

import { parseIp } from './ip.ts'
import { joined } from './frames.ts'
import { shown } from '../usage-error.ts'

/** A line without an end is taken in pieces of this size, in letters. */
const PIECE = 65_536

/** What can be skipped in a dump by `*` is not more than this at once. */
const REPEATED_BYTES = 65_536

/** The bytes of a packet that tcpdump can print: an IP packet has no more. */
const BLOCK_BYTES_MAX = 65_575

/** `00000010:` of xxd, and `0x0010:` of tcpdump. */
const COLON_LINE = /^\s*(0x)?([0-9a-f]{4,16}):\s+(.*)$/i
/** `00000010  ` of hexdump -C and Wireshark. */
const SPACES_LINE = /^([0-9a-f]{4,16}) {2,}(.*)$/i
/** `000010 30 05` of od. */
const OD_LINE = /^([0-9a-f]{6,7})((?: [0-9a-f]{2})+)(?:\s+>.*)?$/i
/** `0000010 0530` of hexdump without -C. */
const WORDS_LINE = /^[0-9a-f]{7}(?: [0-9a-f]{4})+\s*$/i
const OFFSET_LINE = /^([0-9a-f]{4,16}):?$/i
/** What tcpdump says of each packet, before its bytes. */
const TCPDUMP_LINE = /^(?:\S+ )?\d\d:\d\d:\d\d\.\d+ |^\s+\S+ > \S+: /
const LINE_BYTES = 16

/** Hex that cannot be read. */
export class HexError extends Error {
  override readonly name = 'HexError'
}

/** Takes a text in pieces and gives the bytes that it says. */
export class HexText {
  #rest = ''
  #line = 0
  #style: 'unknown' | 'digits' | 'dump' | 'tcpdump' = 'unknown'
  /** Of a dump: where its next line should begin, less where it began. */
  #offset = 0
  /** The last line of a dump, and whether it is repeated up to the next one. */
  #last = new Uint8Array(0)
  #repeats = false
  /** One packet of tcpdump. */
  #block = new Uint8Array(0)

  #fail(what: string): never {
    throw new HexError(`Cannot read line ${this.#line} as hex: ${what}`)
  }

  /** @throws {HexError} it is no hex */
  *push(text: string): Generator<Uint8Array, void> {
    this.#rest += text
    for (let end = this.#rest.indexOf('\n'); end >= 0; end = this.#rest.indexOf('\n')) {
      const line = this.#rest.slice(0, end)
      this.#rest = this.#rest.slice(end + 1)
      this.#line++
      yield* this.#read(line.replace(/\r$/, ''))
    }
    while (this.#rest.length > PIECE) yield* this.#piece()
  }

  /** @throws {HexError} it is no hex */
  *end(): Generator<Uint8Array, void> {
    this.#line++
    yield* this.#read(this.#rest)
    this.#rest = ''
    if (this.#style === 'tcpdump') yield* this.#finishBlock()
  }

  /** The beginning of a line that is too long to be kept: up to a separator, or an even number of digits. */
  *#piece(): Generator<Uint8Array, void> {
    const piece = this.#rest.slice(0, PIECE)
    const separator = Math.max(...[' ', ',', '\t', ':', '-'].map((one) => piece.lastIndexOf(one)))
    const end =
      separator > 0 ? separator : PIECE - ((/^\s*0x/i.test(piece) ? piece.indexOf('x') + 1 : 0) % 2)
    yield this.#digits(piece.slice(0, end))
    this.#style = 'digits'
    this.#rest = this.#rest.slice(end)
  }

  *#read(line: string): Generator<Uint8Array, void> {
    if (line.trim() === '') return
    const isDump = this.#style === 'dump' || this.#style === 'tcpdump'
    if (isDump && line.trim() === '*') {
      this.#repeats = true
      return
    }
    if (TCPDUMP_LINE.test(line)) {
      if (this.#style === 'unknown') this.#style = 'tcpdump'
      return
    }
    const dumped = this.#style === 'digits' ? undefined : this.#dumped(line)
    if (dumped !== undefined) return yield* this.#dump(dumped.offset, dumped.bytes)
    if (isDump) this.#fail(`${shown(line)} is no line of a dump`)
    if (WORDS_LINE.test(line)) {
      this.#fail('these are words, whose bytes are turned round; write hexdump -C')
    }
    if (!/^\s*(?:#|\/\/)/.test(line)) this.#style = 'digits'
    yield this.#digits(line.replace(/(?:#|\/\/).*$/, ''))
  }

  #digits(text: string): Uint8Array {
    const bytes: number[] = []
    const words = text.replaceAll(/<Buffer |\\x/g, ' ').split(/[\s,;:{}()[\]"'<>|_-]+/)
    for (const word of words) {
      const digits = word.replace(/^0x/i, '')
      if (!/^[0-9a-f]*$/i.test(digits)) {
        this.#fail(`${shown(word)} has other letters than 0 to 9 and a to f; write --raw for bytes`)
      }
      const even = digits.length === 1 && digits !== word ? `0${digits}` : digits
      if (even.length % 2 !== 0) this.#fail(`${shown(word)} has half a byte at its end`)
      for (let at = 0; at < even.length; at += 2) {
        bytes.push(Number.parseInt(even.slice(at, at + 2), 16))
      }
    }
    return Uint8Array.from(bytes)
  }

  /** A line of a dump, with its offset; undefined when it is none. */
  #dumped(line: string): { offset: number; bytes: Uint8Array } | undefined {
    const colon = COLON_LINE.exec(line)
    if (colon !== null) {
      const [, prefix, offset = '', rest = ''] = colon
      if (prefix !== undefined) this.#style = 'tcpdump'
      const [groups = ''] = rest.split(/ {2}|\t/)
      return { offset: Number.parseInt(offset, 16), bytes: this.#digits(groups) }
    }
    const spaces = SPACES_LINE.exec(line) ?? OD_LINE.exec(line)
    if (spaces !== null) {
      const [, digits = '', rest = ''] = spaces
      const offset = Number.parseInt(digits, 16)
      // A group of digits before two spaces is an offset where it fits.
      if (this.#style !== 'dump' && offset !== 0 && !rest.includes('|')) return undefined
      const bytes = bytesAtStart(rest)
      return bytes.length === 0 ? undefined : { offset, bytes }
    }
    const end = this.#style === 'unknown' ? null : OFFSET_LINE.exec(line.trim())
    if (end === null) return undefined
    return { offset: Number.parseInt(end[1] ?? '', 16), bytes: new Uint8Array(0) }
  }

  *#dump(offset: number, bytes: Uint8Array): Generator<Uint8Array, void> {
    if (this.#style === 'tcpdump') {
      if (offset === 0) yield* this.#finishBlock()
      if (this.#block.length + bytes.length > BLOCK_BYTES_MAX) this.#fail('its packet has no end')
      this.#block = joined(this.#block, bytes)
      return
    }
    if (this.#style === 'unknown') this.#offset = offset
    this.#style = 'dump'
    if (this.#repeats) {
      this.#repeats = false
      yield* this.#repeat(offset - this.#offset)
    }
    if (offset !== this.#offset) {
      this.#fail(
        `it begins at 0x${offset.toString(16)}, and 0x${this.#offset.toString(16)} is next; lines are missing`,
      )
    }
    this.#offset += bytes.length
    this.#last = Uint8Array.from(bytes)
    yield bytes
  }

  /** What `*` stands for. */
  *#repeat(sizeBytes: number): Generator<Uint8Array, void> {
    const { length } = this.#last
    if (sizeBytes < 0 || length === 0 || sizeBytes % length !== 0) return
    const lines = Math.floor(REPEATED_BYTES / length)
    for (let left = sizeBytes / length; left > 0; left -= lines) {
      const bytes = new Uint8Array(Math.min(left, lines) * length)
      for (let at = 0; at < bytes.length; at += length) bytes.set(this.#last, at)
      yield bytes
    }
    this.#offset += sizeBytes
  }

  *#finishBlock(): Generator<Uint8Array, void> {
    const block = this.#block
    this.#block = new Uint8Array(0)
    if (block.length === 0) return
    const payload = parseIp(block)
    if (payload === undefined) {
      this.#fail('the packet before it is no TCP over IP; print it with tcpdump -X')
    }
    yield payload
  }
}

/** The pairs of digits that a line begins with; what follows is its text column. */
function bytesAtStart(text: string): Uint8Array {
  const pair = /([0-9a-f]{2})(?: {1,2}|$)/iy
  const bytes: number[] = []
  pair.lastIndex = text.length - text.trimStart().length
  for (let found = pair.exec(text); found !== null; found = pair.exec(text)) {
    bytes.push(Number.parseInt(found[1] ?? '', 16))
    if (bytes.length === LINE_BYTES) break
  }
  return Uint8Array.from(bytes)
}
