// One received packet under the reader's finger: its fields in order, and errors that say where.
// Rule: nothing is read past the end of the packet, and every error names its clause and its offset.
// It does not know the packets, nor where the bytes came from.

import { MalformedPacketError, ProtocolError } from '../errors.ts'
import { packetName } from './carriers.ts'
import type { Role } from './carriers.ts'
import type { Cursor, TextRule } from './cursor.ts'
import type { ProtocolVersion } from './packets.ts'
import { publishTopicFault } from './topics.ts'
import { decodeUtf8, NO_BYTES, stringFault } from './utf8.ts'
import type { TopicSource } from './utf8.ts'

/** Copies up to this size live within V8's own heap and cost a tenth of what a longer one does. */
const SMALL_BYTES = 64
/** How many times its own size a payload may keep alive. */
const SHARE = 8

/** What a reader needs to know; its fields are the reader's too. */
export interface ReaderOptions {
  /** What the other side may send. */
  readonly reads: Role
  /** The version to begin with; CONNECT, when it is read, sets it. */
  readonly version: ProtocolVersion
  /** The largest packet that is read, header included, in bytes. */
  readonly maximumPacketSizeBytes: number
  /**
   * Topic Names met before, so that one that comes again need not be made again; any number of
   * decoders may share it. @default none: every topic is decoded anew
   */
  readonly topics?: TopicSource
}

export class Reader implements Cursor {
  bytes: Uint8Array = NO_BYTES
  /** Where the packet begins in `bytes`. */
  start = 0
  position = 0
  /** Where the last field began: what an error points at. */
  at = 0
  /** Where the packet ends in `bytes`, or the part of it that is being read. */
  end = 0
  type = 0
  flags = 0
  /** The version that the next packet is read as. */
  declare version: ProtocolVersion
  /** Whose packets are read. */
  declare readonly reads: Role
  /** The largest packet that is read, header included, in bytes. */
  declare maximumPacketSizeBytes: number
  carriers = 0
  declare readonly topics?: TopicSource
  /** Bytes from `windowStart` on once more, for payloads to be views of. */
  window: Uint8Array = NO_BYTES
  windowStart = 0

  constructor(options: ReaderOptions) {
    Object.assign(this, options)
  }

  /** Turns to other bytes. */
  use(bytes: Uint8Array, position = 0): void {
    this.bytes = bytes
    this.position = position
    this.window = NO_BYTES
    this.windowStart = 0
  }

  fail(field: string, state: unknown, clause: string, reasonCode = 0x81): never {
    const [of5, of4 = of5] = clause.split(' ') as [string, string?]
    clause = this.version === 4 ? of4 : of5
    clause = (clause.includes('-') ? 'MQTT-' : '§') + clause
    const packetType = this.type
    const offset = this.at - this.start
    throw new (reasonCode === 0x81 ? MalformedPacketError : ProtocolError)(
      `Cannot read ${packetName(packetType)} at byte ${offset}: ${field} is ${String(state)} [${clause}]`,
      { packetType, offset, clause, reasonCode },
    )
  }

  /** Takes the next bytes and returns where they begin. */
  take(sizeBytes: number): number {
    const at = (this.at = this.position)
    if (sizeBytes > this.end - at) this.fail('field', 'past the end', '2.1.4 2.2.3')
    this.position = at + sizeBytes
    return at
  }

  more(): boolean {
    return this.position < this.end
  }

  number(sizeBytes: number): number {
    const at = this.take(sizeBytes)
    let value = 0
    for (let i = 0; i < sizeBytes; i++) value = value * 256 + this.bytes[at + i]!
    return value
  }

  varint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.number(1)
      value |= (byte & 127) << shift
      if (byte < 128) {
        // MQTT 3.1.1 does not forbid it.
        if (byte === 0 && shift > 0 && this.version === 5)
          this.fail('length', 'too long', '1.5.5-1')
        return value
      }
      if (shift > 20) this.fail('length', 'too long', '1.5.5 2.2.3')
    }
  }

  string(name: string, _text?: string, rule: TextRule = stringFault): string {
    const { bytes } = this
    const size = this.number(2)
    const start = this.take(size)
    const end = start + size
    this.at = start - 2
    const known = rule === publishTopicFault && this.topics?.get(bytes, start, end)
    if (known) return known
    const text = decodeUtf8(bytes, start, end)
    const fault = rule(text)
    if (fault) this.fail(name, ...fault)
    return text!
  }

  binary(): Uint8Array {
    const size = this.number(2)
    return this.bytes.slice(this.take(size), this.position)
  }

  /**
   * The payload, in memory that nobody writes to again. One beyond SMALL_BYTES is a view: of what is
   * to come SHARE times its size is copied at once, a window, and the payloads that follow are views
   * of the same window as long as it is no larger than that for them.
   */
  rest(): Uint8Array {
    const { bytes, position, end } = this
    const size = end - position
    this.position = end
    if (size === 0) return NO_BYTES
    if (size <= SMALL_BYTES) return bytes.slice(position, end)
    if (end > this.windowStart + this.window.length || size * SHARE < this.window.length) {
      this.windowStart = position
      this.window = bytes.slice(position, position + size * SHARE)
    }
    return new Uint8Array(this.window.buffer, position - this.windowStart, size)
  }

  open(): number {
    const { end } = this
    // A field that runs past this part is as short as one that runs past the packet.
    this.end = this.varint() + this.position
    if (this.end > end) this.fail('length', 'past the end', '2.2.2.1')
    return end
  }

  close(end: number): void {
    this.end = end
  }
}
