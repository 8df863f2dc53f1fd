// Bytes to packets: a stream cut anywhere goes in, whole packets come out. §2
// Rule: what is not a valid packet ends the stream with an error that carries a code; no bytes cause
// anything else. A packet's size is checked at its header, before anything of it is kept.
// What a packet means, and whether it is due, is not known here.

import { MalformedPacketError, PacketTooLargeError, ProtocolError } from '../errors.ts'
import {
  AUTH,
  carriersOf,
  flagsOf,
  packetName,
  SERVER_DISCONNECT,
  SERVER_PACKETS,
} from './carriers.ts'
import type { Role } from './carriers.ts'
import { HEADER_BYTES, HELD_BYTES_MORE, SHARE, SMALL_BYTES } from './constants.ts'
import type { Cursor, Shortcut, TextRule } from './cursor.ts'
import { LAYOUTS } from './layouts.ts'
import { NO_PROPERTIES } from './packets.ts'
import type { Packet, ProtocolVersion } from './packets.ts'
import { publishTopicFault } from './topics.ts'
import { decodeUtf8, NO_BYTES, stringFault } from './utf8.ts'
import type { TopicSource } from './utf8.ts'

export { CLIENT_PACKETS, SERVER_PACKETS } from './carriers.ts'
export type { Role } from './carriers.ts'

/** What a reader needs to know. */
export interface DecoderOptions {
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
  /** Reads the packets that need no care; without it, or when it gives undefined, care is taken. */
  readonly shortcut?: Shortcut
}

/**
 * Reads packets from a stream of bytes.
 *
 * `push` some bytes, take packets with `next` until it gives undefined, then push the next.
 * Between packets it holds no buffer; within one it holds what has arrived of it, in a buffer of at
 * most twice that size.
 *
 * A packet never refers to the pushed bytes. A payload of up to 64 bytes is a copy of its own; a
 * longer one shares its memory with others, and keeps at most 8 times its size alive.
 *
 * @example
 * ```js
 * import { Decoder, encode, PacketType, SERVER_PACKETS } from 'umqtt/codec'
 *
 * const maximumPacketSizeBytes = 65_536
 * const decoder = new Decoder({ reads: SERVER_PACKETS, version: 5, maximumPacketSizeBytes })
 * const bytes = encode({ type: PacketType.PINGRESP }, 5)
 * decoder.push(bytes, bytes.length)
 * for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
 *   console.log(packet.type === PacketType.PINGRESP)
 * }
 * ```
 */
export interface Decoder {
  /** The version that the next packet is read as. */
  version: ProtocolVersion
  /** The largest packet that is read, header included, in bytes. */
  maximumPacketSizeBytes: number
  /** True in the middle of a packet. */
  readonly partial: boolean
  /**
   * Gives the decoder bytes, which it uses until `next` has returned undefined.
   * @param bytes what they are in
   * @param length how many, from offset 0 on
   */
  push(bytes: Uint8Array, length: number): void
  /**
   * The next packet, or undefined when more bytes are needed. After an error the decoder is dead: it
   * throws the same one again until `reset`.
   *
   * @throws {MalformedPacketError} ERR_MQTT_MALFORMED_PACKET — the bytes are no packet
   * @throws {ProtocolError} ERR_MQTT_PROTOCOL_ERROR — the packet is not allowed
   * @throws {PacketTooLargeError} ERR_MQTT_PACKET_TOO_LARGE — its header announces more than the limit
   */
  next(): Packet | undefined
  /**
   * Takes the next packet if it is PUBACK, PUBREC, PUBREL or PUBCOMP in its four bytes, which say that all
   * is well, and gives its type and packet id without making anything of it. `next` reads these too.
   *
   * @returns the type in the upper half of 32 bits and the packet id in the lower; 0 when it is another packet
   */
  nextAck(): number
  /** Forgets everything but the settings, for a new connection. */
  reset(): void
}

/** Makes a {@link Decoder}, in the middle of nothing. */
export const Decoder: new (options: DecoderOptions) => Decoder = class implements Decoder, Cursor {
  #bytes: Uint8Array = NO_BYTES
  /** Where the packet begins in `bytes`. */
  #start = 0
  /** Where the last field began: what an error points at. */
  #fieldAt = 0
  /** The next byte to read. */
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
  declare readonly shortcut?: Shortcut
  /** Bytes from `windowStart` on once more, for payloads to be views of. */
  #window: Uint8Array = NO_BYTES
  #windowStart = 0

  /** What has arrived of a packet that is not complete. */
  #held: Uint8Array = NO_BYTES
  #heldBytes = 0
  #error: Error | undefined

  constructor(options: DecoderOptions) {
    Object.assign(this, options)
  }

  get partial(): boolean {
    return !!this.#heldBytes
  }

  push(bytes: Uint8Array, length: number): void {
    // A view of their own: a subclass, such as Node's Buffer, has a `slice` that does not copy.
    this.#use(new Uint8Array(bytes.buffer, bytes.byteOffset, length))
  }

  next(): Packet | undefined {
    if (this.#error) throw this.#error
    try {
      const bytes = this.#bytes
      const position = this.at
      const held = this.#heldBytes
      const plain = this.shortcut?.(this, bytes)
      if (plain) return plain
      if (held) {
        // The header is read where its beginning is held, even if the packet ends before these bytes.
        if (held < HEADER_BYTES)
          this.#held.set(bytes.subarray(position, position + HEADER_BYTES), held)
        this.#use(this.#held)
      }
      const size = this.#header(held + bytes.length - position)
      const end = position + size - held
      const whole = end <= bytes.length
      if (whole && !held) return this.#body(end)
      const part = bytes.subarray(position, end)
      const arrived = (this.#heldBytes += part.length)
      if (arrived > this.#held.length) {
        // Room doubles with what has arrived.
        const room = new Uint8Array(Math.min(size, arrived * 2) + HELD_BYTES_MORE)
        room.set(this.#held)
        this.#held = room
      }
      this.#held.set(part, held)
      if (!whole) return this.#use(NO_BYTES)
      // Nobody writes to this buffer again: payloads may be views of it.
      this.#bytes = this.#window = this.#held
      const packet = this.#body(size)
      this.#drop(bytes, end)
      return packet
    } catch (error) {
      this.reset()
      this.#error = error as Error
      throw error
    }
  }

  nextAck(): number {
    const bytes = this.#bytes
    const position = this.at
    const first = bytes[position]!
    const type = first >> 4
    // Of bytes that have not arrived nothing is true.
    if (
      first >> 6 !== 1 ||
      first % 16 !== flagsOf(type) ||
      bytes[position + 1] !== 2 ||
      this.#heldBytes ||
      this.maximumPacketSizeBytes < 4
    )
      return 0
    const packetId = bytes[position + 2]! * 256 + bytes[position + 3]!
    if (!packetId) return 0
    this.at += 4
    return (type << 16) | packetId
  }

  reset(): void {
    this.#error = undefined
    this.#drop(NO_BYTES)
  }

  /** Lets go of what was held and turns to other bytes. */
  #drop(bytes: Uint8Array, position?: number): void {
    this.#held = NO_BYTES
    this.#heldBytes = 0
    this.#use(bytes, position)
  }

  /**
   * Reads the fixed header of the packet that begins here and checks it.
   *
   * @returns the size of the whole packet, Infinity when the header is not complete
   */
  #header(availableBytes: number): number {
    if (!availableBytes) return Infinity
    const bytes = this.#bytes
    const start = this.at
    const first = bytes[start]!
    const type = (this.type = first >> 4)
    const flags = (this.flags = first % 16)
    this.#start = this.#fieldAt = start
    this.carriers =
      carriersOf(type) & this.reads & (this.version === 4 ? ~(AUTH | SERVER_DISCONNECT) : -1)
    if (!this.carriers) this.fail('type', 'unexpected', '2.1.2', type ? 0x82 : 0x81)
    if (type !== 3 && flags !== flagsOf(type)) this.fail('flags', flags, '2.1.3-1 2.2.2-2')
    // The length ends with the first byte that has no continuation bit.
    let last = 1
    while (bytes[start + last]! > 127 && last < 4) last++
    if (last >= availableBytes) return Infinity
    this.end = this.at++ + availableBytes
    const sizeBytes = this.varint() + last + 1
    const limitBytes = this.maximumPacketSizeBytes
    if (sizeBytes > limitBytes)
      throw new PacketTooLargeError(
        `${packetName(type)} is ${sizeBytes} bytes long, above ${limitBytes}`,
        { sizeBytes, limitBytes, limitedBy: this.reads === SERVER_PACKETS ? 'client' : 'server' },
      )
    return sizeBytes
  }

  /** Reads the packet whose header has just been read and which ends at `end`. */
  #body(end: number): Packet {
    this.end = end
    this.#fieldAt = this.#start
    // A layout that reads is given nothing.
    const packet = LAYOUTS[this.type]!(this, NO_PROPERTIES as never)
    this.#fieldAt = this.at
    if (this.#fieldAt < end) this.fail('length', 'too long', '2.1.4 2.2.3')
    return packet
  }

  /** Turns to other bytes. */
  #use(bytes: Uint8Array, position = 0): undefined {
    this.#bytes = bytes
    this.at = position
    this.#window = NO_BYTES
    this.#windowStart = 0
  }

  fail(field: string, state: unknown, clause: string, reasonCode = 0x81): never {
    clause = clause.split(' ')[5 - this.version] ?? clause
    clause = (/-/.test(clause) ? 'MQTT-' : '§') + clause
    const packetType = this.type
    const offset = this.#fieldAt - this.#start
    throw new (reasonCode === 0x81 ? MalformedPacketError : ProtocolError)(
      `Cannot read ${packetName(packetType)} at byte ${offset}: ${field} is ${String(state)} [${clause}]`,
      { packetType, offset, clause, reasonCode },
    )
  }

  /** Takes the next bytes and returns where they begin. */
  #take(sizeBytes: number): number {
    const at = (this.#fieldAt = this.at)
    if ((this.at += sizeBytes) > this.end) this.fail('length', 'too short', '2.1.4 2.2.3')
    return at
  }

  more(): boolean {
    return this.at < this.end
  }

  number(sizeBytes: number): number {
    const at = this.#take(sizeBytes)
    let value = 0
    for (let i = 0; i < sizeBytes; i++) value = value * 256 + this.#bytes[at + i]!
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
    const bytes = this.#bytes
    const size = this.number(2)
    const start = this.#take(size)
    const end = start + size
    this.#fieldAt = start - 2
    const known = rule === publishTopicFault && this.topics?.get(bytes, start, end)
    if (known) return known
    const text = decodeUtf8(bytes, start, end)
    const fault = rule(text)
    if (fault) this.fail(name, ...fault)
    return text!
  }

  binary(): Uint8Array {
    const size = this.number(2)
    return this.#bytes.slice(this.#take(size), this.at)
  }

  /**
   * The payload, in memory that nobody writes to again. One beyond SMALL_BYTES is a view: of what is
   * to come SHARE times its size is copied at once, a window, and the payloads that follow are views
   * of the same window as long as it is no larger than that for them.
   */
  rest(): Uint8Array {
    const bytes = this.#bytes
    const end = this.end
    const size = end - this.at
    const position = this.#take(size)
    if (!size) return NO_BYTES
    if (size <= SMALL_BYTES) return bytes.slice(position, end)
    if (end > this.#windowStart + this.#window.length || size * SHARE < this.#window.length) {
      this.#windowStart = position
      this.#window = bytes.slice(position, position + size * SHARE)
    }
    return new Uint8Array(this.#window.buffer, position - this.#windowStart, size)
  }

  open(): number {
    const end = this.end
    // A field that runs past this part is as short as one that runs past the packet.
    this.end = this.varint() + this.at
    if (this.end > end) this.fail('length', 'too long', '2.2.2.1')
    return end
  }

  close(end: number): void {
    this.end = end
  }
}
