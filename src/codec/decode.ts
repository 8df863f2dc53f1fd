// Bytes to packets: a stream cut anywhere goes in, whole packets come out. §2
// Rule: what is not a valid packet ends the stream with an error that carries a code; no bytes cause
// anything else. A packet's size is checked at its header, before anything of it is kept.
// What a packet means, and whether it is due, is not known here.

import { PacketTooLargeError } from '../errors.ts'
import { AUTH, carriersOf, DISCONNECT, flagsOf, packetName, SERVER_PACKETS } from './carriers.ts'
import { LAYOUTS } from './layouts.ts'
import { NO_PROPERTIES } from './packets.ts'
import type { Packet, ProtocolVersion } from './packets.ts'
import { Reader } from './reader.ts'
import type { ReaderOptions } from './reader.ts'
import { NO_BYTES } from './utf8.ts'

export { CLIENT_PACKETS, SERVER_PACKETS } from './carriers.ts'
export type { Role } from './carriers.ts'

/** What MQTT 3.1.1 has not: AUTH, and DISCONNECT of a server. */
const NOT_IN_4 = AUTH | (DISCONNECT & SERVER_PACKETS)
/** The longest fixed header. */
const HEADER_BYTES = 5
/** Room beyond what has arrived: for a header whose length is not known, and for most packets. */
const HELD_BYTES_MORE = 64

export type { ReaderOptions as DecoderOptions } from './reader.ts'

/**
 * Reads packets from a stream of bytes.
 *
 * `push` some bytes, take packets with `next` until it gives undefined, then push the next.
 * Between packets it holds no buffer; within one it holds what has arrived of it, in a buffer of at
 * most twice that size.
 *
 * A packet never refers to the pushed bytes. A payload of up to 64 bytes is a copy of its own; a
 * longer one shares its memory with others, and keeps at most 8 times its size alive.
 */
export interface Decoder {
  /** The version that the next packet is read as. */
  version: ProtocolVersion
  /** The largest packet that is read, header included, in bytes. */
  maximumPacketSizeBytes: number
  /** True in the middle of a packet. */
  readonly partial: boolean
  /** Gives the decoder bytes 0 to `length`, which it uses until `next` has returned undefined. */
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
  /** Forgets everything but the settings, for a new connection. */
  reset(): void
}

class StreamReader extends Reader implements Decoder {
  /** What has arrived of a packet that is not complete. */
  #held: Uint8Array = NO_BYTES
  #heldBytes = 0
  #error: Error | undefined

  get partial(): boolean {
    return this.#heldBytes > 0
  }

  push(bytes: Uint8Array, length: number): void {
    // A view of their own: a subclass, such as Node's Buffer, has a `slice` that does not copy.
    this.use(new Uint8Array(bytes.buffer, bytes.byteOffset, length))
  }

  next(): Packet | undefined {
    if (this.#error) throw this.#error
    try {
      const { bytes, position } = this
      const available = bytes.length - position
      const held = this.#heldBytes
      if (held > 0) {
        // The header is read where its beginning is held, even if the packet ends before these bytes.
        if (held < HEADER_BYTES)
          this.#held.set(bytes.subarray(position, position + HEADER_BYTES), held)
        this.use(this.#held)
      }
      const size = this.#header(held + available)
      const end = position + size - held
      if (size === 0 || end > bytes.length) {
        if (available > 0) this.#hold(bytes.subarray(position), size)
        this.use(NO_BYTES)
        return undefined
      }
      if (held === 0) return this.#body(end)
      this.#hold(bytes.subarray(position, end), size)
      this.use(this.#held, this.position)
      this.window = this.#held
      const packet = this.#body(size)
      this.#drop(bytes, end)
      return packet
    } catch (error) {
      this.reset()
      this.#error = error as Error
      throw error
    }
  }

  reset(): void {
    this.#error = undefined
    this.#drop(NO_BYTES)
  }

  /** Lets go of what was held and turns to other bytes. */
  #drop(bytes: Uint8Array, position?: number): void {
    this.#held = NO_BYTES
    this.#heldBytes = 0
    this.use(bytes, position)
  }

  /**
   * Reads the fixed header of the packet that begins here and checks it.
   *
   * @returns the size of the whole packet, 0 when the header is not complete
   */
  #header(availableBytes: number): number {
    if (availableBytes === 0) return 0
    const { bytes, position: start } = this
    const type = bytes[start]! >> 4
    const flags = bytes[start]! & 15
    this.start = this.at = start
    this.type = type
    this.flags = flags
    this.carriers = carriersOf(type) & this.reads & (this.version === 4 ? ~NOT_IN_4 : -1)
    if (!this.carriers) this.fail('type', 'unexpected', '2.1.2', type ? 0x82 : 0x81)
    if (type !== 3 && flags !== flagsOf(type)) this.fail('flags', flags, '2.1.3-1 2.2.2-2')
    // The length ends with the first byte that has no continuation bit.
    let last = 1
    while (bytes[start + last]! > 127 && last < 4) last++
    if (last >= availableBytes) return 0
    this.position++
    this.end = start + availableBytes
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
    this.at = this.start
    // A layout that reads is given nothing.
    const packet = LAYOUTS[this.type]!(this, NO_PROPERTIES as never)
    this.at = this.position
    if (this.at < end) this.fail('last field', 'before the end', '2.1.4 2.2.3')
    return packet
  }

  /** Adds bytes to what is held, in room that doubles with what has arrived. */
  #hold(bytes: Uint8Array, packetBytes: number): void {
    const held = this.#heldBytes
    const size = (this.#heldBytes += bytes.length)
    if (size > this.#held.length) {
      const room = new Uint8Array(Math.min(packetBytes, size * 2) + HELD_BYTES_MORE)
      room.set(this.#held)
      this.#held = room
    }
    this.#held.set(bytes, held)
  }
}

export const Decoder: new (options: ReaderOptions) => Decoder = StreamReader
