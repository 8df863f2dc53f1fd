// One connection through the fault proxy: two sockets, and a lane for each direction, which passes whole
// packets on, asks about each, and does what its proxy says of the bytes.
// It decides nothing: where a link is cut, and what becomes of a direction, is the proxy's to say.

import type { Socket } from 'node:net'
import { CLIENT_PACKETS, Decoder, SERVER_PACKETS } from '../codec/decode.ts'
import { PacketType } from '../codec/packets.ts'
import { TopicCache } from '../codec/utf8.ts'
import type { Direction, PassedPacket } from './fault-types.ts'

/** The largest packet that can exist. §2.1.4 */
const LARGEST_PACKET_BYTES = 268_435_460
/** The longest fixed header. §2.1.4 */
const HEADER_BYTES_MAX = 5
/** What waits for a slow receiver before the sender is held up, in bytes. */
const HELD_BYTES_MAX = 1_048_576

/** A packet that has just arrived. */
export type UnjudgedPacket = Omit<PassedPacket, 'forwarded'>

/** What becomes of the bytes of a direction. */
export type Flow = 'open' | 'stalled' | 'swallowed'

/** How bytes pass a few at a time. */
export interface Drip {
  readonly bytes: number
  readonly everyMs: number
}

/** What a link asks of its proxy. */
export interface LinkOwner {
  flow(direction: Direction): Flow
  drip(): Drip | undefined
  /**
   * How many bytes of a packet pass before the link is cut there; undefined: it is not.
   * @param bytes where the packet begins and ends in its direction
   */
  judge(passed: UnjudgedPacket, bytes: readonly [number, number]): number | undefined
  /** A packet that was sent after the cut. */
  handleLost(passed: UnjudgedPacket): void
  over(link: Link): void
}

/** Two sockets, and a lane for each direction. */
export class Link {
  readonly #client: Socket
  readonly #server: Socket
  readonly #lanes: readonly Lane[]
  readonly #owner: LinkOwner

  constructor(client: Socket, server: Socket, connection: number, owner: LinkOwner) {
    this.#client = client
    this.#server = server
    this.#owner = owner
    const toClient = new Lane(server, client, 'to-client', connection, owner)
    const toServer = new Lane(client, server, 'to-server', connection, owner)
    toClient.other = toServer
    toServer.other = toClient
    this.#lanes = [toServer, toClient]
    for (const lane of this.#lanes) {
      lane.from.on('data', (chunk: Uint8Array) => lane.push(chunk))
      lane.from.on('connect', () => this.pump())
      lane.from.on('close', () => {
        lane.end()
        // What has arrived for a receiver that is gone: a server that was never reached has got nothing.
        lane.other?.handleLost()
        if (client.destroyed && server.destroyed) owner.over(this)
      })
    }
  }

  pump(): void {
    for (const lane of this.#lanes) lane.pump()
  }

  handleFlow(): void {
    const isBroken = this.#lanes.some((lane) => lane.hasLost && lane.flow === 'open')
    if (isBroken) this.destroy()
    else this.pump()
  }

  destroy(): void {
    this.#client.destroy()
    this.#server.destroy()
    for (const lane of this.#lanes) lane.stop()
    this.#owner.over(this)
  }
}

/** One direction of a link. */
class Lane {
  readonly from: Socket
  /** Whether bytes were swallowed. */
  hasLost = false
  /** The way back. */
  other: Lane | undefined
  readonly #to: Socket
  readonly #direction: Direction
  readonly #connection: number
  readonly #owner: LinkOwner
  readonly #decoder: Decoder
  /** What has arrived and is not judged. */
  #arrived: Uint8Array = new Uint8Array(0)
  /** What is judged and drips out. */
  #dripping: Uint8Array = new Uint8Array(0)
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Where the next packet begins in this direction. */
  #position = 0
  /** Whether the bytes are no packets. */
  #isBlind = false
  #isEnded = false
  /** Whether the receiver is too slow. */
  #isHeldUp = false
  #isCut = false

  constructor(
    from: Socket,
    to: Socket,
    direction: Direction,
    connection: number,
    owner: LinkOwner,
  ) {
    this.from = from
    this.#to = to
    this.#direction = direction
    this.#connection = connection
    this.#owner = owner
    this.#decoder = new Decoder({
      reads: direction === 'to-server' ? CLIENT_PACKETS : SERVER_PACKETS,
      version: 5,
      maximumPacketSizeBytes: LARGEST_PACKET_BYTES,
      topics: new TopicCache(),
    })
  }

  get flow(): Flow {
    return this.#owner.flow(this.#direction)
  }

  push(chunk: Uint8Array): void {
    if (this.flow === 'swallowed') {
      this.hasLost = true
      return
    }
    this.#arrived = joined(this.#arrived, chunk)
    if (this.#isCut || this.#to.destroyed) this.handleLost()
    else this.pump()
  }

  /** The sender has gone: the receiver is told so as soon as the link lets it through. */
  end(): void {
    this.#isEnded = true
    this.pump()
  }

  stop(): void {
    this.#isCut = true
    clearTimeout(this.#timer)
  }

  pump(): void {
    if (this.#isCut || this.flow === 'swallowed') return
    // Nothing goes on before there is somebody to get it.
    if (this.#to.connecting) return
    if (this.flow === 'stalled') {
      this.from.pause()
      return
    }
    for (let frame = this.#frame(); frame !== undefined; frame = this.#frame()) {
      const start = this.#position
      this.#position += frame.length
      const passed = this.#read(frame)
      const passing = passed && this.#owner.judge(passed, [start, this.#position])
      // Whoever was told of the packet may have cut the link.
      if (this.#isCut) return
      if (passing !== undefined) return this.#cut(frame.subarray(0, passing))
      this.#send(frame)
    }
    this.#dripOut()
    if (this.#isEnded && this.#dripping.length === 0) this.#to.end()
    if (this.#to.writableLength + this.#dripping.length < HELD_BYTES_MAX) this.from.resume()
    else this.#holdUp()
  }

  #holdUp(): void {
    this.from.pause()
    if (this.#isHeldUp || !this.#to.writableNeedDrain) return
    this.#isHeldUp = true
    this.#to.once('drain', () => {
      this.#isHeldUp = false
      this.pump()
    })
  }

  /** The link ends after these bytes: the receiver gets them, and what went before. */
  #cut(last: Uint8Array): void {
    this.#to.end(joined(this.#dripping, last))
    this.stop()
    this.other?.stop()
    this.#to.resume()
    this.from.destroy()
    this.#to.once('finish', () => this.#to.destroySoon())
    this.handleLost()
  }

  /** What has arrived never goes on; who reads the record must know that it was sent. */
  handleLost(): void {
    for (let frame = this.#frame(); frame !== undefined; frame = this.#frame()) {
      const passed = this.#read(frame)
      if (passed !== undefined) this.#owner.handleLost(passed)
    }
  }

  #send(bytes: Uint8Array): void {
    if (this.#owner.drip() === undefined && this.#dripping.length === 0) this.#to.write(bytes)
    else this.#dripping = joined(this.#dripping, bytes)
  }

  #dripOut(): void {
    if (this.#dripping.length === 0 || this.#timer !== undefined) return
    const drip = this.#owner.drip()
    if (drip === undefined) {
      this.#to.write(this.#dripping)
      this.#dripping = new Uint8Array(0)
      return
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.flow === 'open') {
        this.#to.write(this.#dripping.slice(0, drip.bytes))
        this.#dripping = this.#dripping.slice(drip.bytes)
      }
      this.pump()
    }, drip.everyMs)
  }

  /** The next whole packet; what is none passes as it came. */
  #frame(): Uint8Array | undefined {
    const bytes = this.#arrived
    const length = this.#isBlind ? bytes.length : frameLength(bytes)
    if (length === 0 || length > bytes.length) return undefined
    this.#arrived = bytes.subarray(length)
    return bytes.subarray(0, length)
  }

  #read(frame: Uint8Array): UnjudgedPacket | undefined {
    if (this.#isBlind) return undefined
    try {
      this.#decoder.push(frame, frame.length)
      const packet = this.#decoder.next()
      if (packet?.type === PacketType.CONNECT && this.other !== undefined) {
        this.other.#decoder.version = packet.version
      }
      this.#decoder.next()
      return packet && { connection: this.#connection, direction: this.#direction, packet }
    } catch {
      // No packet of MQTT: the link carries it all the same.
      this.#isBlind = true
      return undefined
    }
  }
}

/** How long the packet is that begins here; 0 while its header is not complete. */
function frameLength(bytes: Uint8Array): number {
  let length = 0
  for (let i = 1; i < Math.min(bytes.length, HEADER_BYTES_MAX); i += 1) {
    const byte = bytes[i] as number
    length += (byte & 0x7f) * 128 ** (i - 1)
    if (byte < 0x80) return length + i + 1
  }
  // A length of five bytes is none: all of it is looked at, and found to be no packet.
  return bytes.length < HEADER_BYTES_MAX ? 0 : bytes.length
}

function joined(before: Uint8Array, after: Uint8Array): Uint8Array {
  if (before.length === 0) return after
  const both = new Uint8Array(before.length + after.length)
  both.set(before)
  both.set(after, before.length)
  return both
}
