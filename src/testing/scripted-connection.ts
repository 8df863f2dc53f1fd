// One connection as a server sees it, for tests: it takes the client's packets one by one and answers
// what it is told to, or what a friendly server would. Owns no socket and no timer: bytes go to a pipe
// that is given, and whoever has the pipe hands in what arrives. Of what the client says it checks nothing
// but that it can be read.

import { packetName } from '../codec/carriers.ts'
import { CLIENT_PACKETS, Decoder } from '../codec/decode.ts'
import { encode } from '../codec/encode.ts'
import {
  type ConnectPacket,
  NO_PROPERTIES,
  type Packet,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type QoS,
} from '../codec/packets.ts'
import { encodeUtf8, TopicCache } from '../codec/utf8.ts'
import { checkKeys, checkQos, oneOf, refuse } from '../simple/checks.ts'

/** The largest packet that can exist; a test that wants a limit sets it in CONNACK. §2.1.4 */
const LARGEST_PACKET_BYTES = 268_435_460

/** Where a scripted connection writes. */
export interface ScriptedPipe {
  /**
   * Takes bytes.
   * @param bytes which do not change later
   */
  write(bytes: Uint8Array): void
  /** Ends in good order after what was written. */
  close(): void
  /** Breaks the pipe. */
  destroy(): void
}

/** How a scripted server publishes. */
export interface ScriptedPublish {
  /** @default 0 */
  readonly qos?: QoS
  /** 1 to 65,535. @default at QoS 1 and 2 the next one that this connection has not used */
  readonly packetId?: number
  /** @default false */
  readonly retain?: boolean
  /** @default false */
  readonly dup?: boolean
  /** Of MQTT 5.0. @default none */
  readonly properties?: Properties
}

const checkVersion = oneOf<ProtocolVersion>(4, 5)
const checkType = oneOf<number>(...Object.values(PacketType))
const PUBLISH_OPTIONS = { qos: true, packetId: true, retain: true, dup: true, properties: true }

interface Taker {
  readonly type: number | undefined
  readonly resolve: (packet: Packet) => void
  readonly reject: (error: Error) => void
}

/**
 * The server's side of one connection, told what to do step by step. `ScriptedServer` gives one for each
 * connection over TCP; for another pipe, make one and hand in what arrives.
 *
 * @example
 * ```js types
 * import { PacketType } from 'umqtt/codec'
 * import { ScriptedServer } from 'umqtt/testing'
 *
 * const server = await ScriptedServer.start()
 * const connection = await server.connection()
 * await connection.accept() // CONNECT, answered with CONNACK
 * connection.acknowledge(await connection.next(PacketType.SUBSCRIBE))
 * connection.publish('hall/light', 'on', { qos: 1 })
 * await connection.next(PacketType.PUBACK)
 * connection.destroy()
 * await server.close()
 * ```
 */
export class ScriptedConnection {
  /** Every packet of the client, in order. */
  readonly received: Packet[] = []
  /** Settles when the pipe is over, whoever ended it; never rejects. */
  readonly closed: Promise<void>
  readonly #pipe: ScriptedPipe
  readonly #decoder: Decoder
  #setClosed: () => void = () => undefined
  #ended = false
  /** Why the client's bytes could not be read. */
  #error: Error | undefined
  /** How many of `received` were taken by `next`. */
  #taken = 0
  readonly #takers: Taker[] = []
  #responding = false
  #packetId = 0

  /**
   * @param pipe where its bytes go
   * @param version what packets are read and written as until CONNECT says it: 4 for MQTT 3.1.1, or 5
   * @throws {TypeError} that is no version
   */
  constructor(pipe: ScriptedPipe, version: ProtocolVersion = 5) {
    checkVersion('version', version)
    this.#pipe = pipe
    this.#decoder = new Decoder({
      reads: CLIENT_PACKETS,
      version,
      maximumPacketSizeBytes: LARGEST_PACKET_BYTES,
      topics: new TopicCache(),
    })
    this.closed = new Promise((resolve) => {
      this.#setClosed = resolve
    })
  }

  /** The version that the client's CONNECT named. */
  get version(): ProtocolVersion {
    return this.#decoder.version
  }

  /** Whether the pipe is over. */
  get ended(): boolean {
    return this.#ended
  }

  /**
   * The next packet that was not taken yet; waits for one as long as it takes.
   * @param type what it has to be, such as `PacketType.SUBSCRIBE` of `umqtt/codec`; any when left out
   * @throws {TypeError} at the call: that is no type of packet
   * @throws {MalformedPacketError} what came cannot be read
   * @throws {Error} the next packet is another, and is taken; or the connection ended before it
   */
  next(type?: number): Promise<Packet> {
    if (type !== undefined) checkType('type', type)
    return new Promise((resolve, reject) => {
      this.#takers.push({ type, resolve, reject })
      this.#serve()
    })
  }

  /** The next packet, which has to be CONNECT. Rejects as {@link next} does. */
  async connect(): Promise<ConnectPacket> {
    return (await this.next(PacketType.CONNECT)) as ConnectPacket
  }

  /**
   * Waits for CONNECT and accepts it. Rejects as {@link next} does.
   * @param properties of CONNACK, such as `{ receiveMaximum: 1 }`; none when left out
   * @param sessionPresent whether CONNACK says that there is a session; false when left out
   * @returns the CONNECT
   */
  async accept(
    properties: Properties = NO_PROPERTIES,
    sessionPresent = false,
  ): Promise<ConnectPacket> {
    const packet = await this.connect()
    this.send({ type: PacketType.CONNACK, sessionPresent, reasonCode: 0, properties })
    return packet
  }

  /**
   * Waits for CONNECT and refuses it, without ending the connection. Rejects as {@link next} does.
   * @param reasonCode as the version of the client has it, such as 0x87 for MQTT 5.0 and 5 for 3.1.1
   * @param properties of CONNACK; none when left out
   * @returns the CONNECT
   */
  async refuse(reasonCode: number, properties: Properties = NO_PROPERTIES): Promise<ConnectPacket> {
    const packet = await this.connect()
    this.send({ type: PacketType.CONNACK, sessionPresent: false, reasonCode, properties })
    return packet
  }

  /**
   * Sends packets, all in one write.
   * @param packets in the order in which they go
   * @throws {TypeError} @throws {RangeError} one cannot be encoded for the version of the client; nothing is sent
   */
  send(...packets: Packet[]): void {
    const parts = packets.map((packet) => encode(packet, this.version))
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
    let offset = 0
    for (const part of parts) {
      bytes.set(part, offset)
      offset += part.length
    }
    this.sendBytes(bytes)
  }

  /**
   * Sends bytes as they are, which need not be packets.
   * @param bytes which do not change later
   * @throws {TypeError} they are no bytes
   */
  sendBytes(bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) refuse('bytes of type', typeof bytes, 'give a Uint8Array')
    this.#pipe.write(bytes)
  }

  /**
   * Sends a message, whatever the client is subscribed to.
   * @param topic where it is published
   * @param payload bytes, or text to be sent as UTF-8
   * @param options as {@link ScriptedPublish} says
   * @throws {TypeError} @throws {RangeError} an option cannot be used, or the packet cannot be encoded
   */
  publish(topic: string, payload: Uint8Array | string, options: ScriptedPublish = {}): void {
    checkKeys('options', options, PUBLISH_OPTIONS)
    checkQos('options.qos', options.qos ?? 0)
    const { qos = 0, retain = false, dup = false, properties = NO_PROPERTIES } = options
    this.send({
      type: PacketType.PUBLISH,
      topic,
      payload: typeof payload === 'string' ? encodeUtf8(payload) : payload,
      qos,
      retain,
      dup,
      packetId: qos === 0 ? 0 : (options.packetId ?? this.#nextPacketId()),
      properties,
    })
  }

  /**
   * Answers one packet as a friendly server does; a packet that has no answer gets none.
   * @param packet of the client
   */
  acknowledge(packet: Packet): void {
    const properties = NO_PROPERTIES
    const granted = { reasonCode: 0, properties }
    switch (packet.type) {
      case PacketType.CONNECT:
        return this.send({ type: PacketType.CONNACK, sessionPresent: false, ...granted })
      case PacketType.PUBLISH: {
        const { qos, packetId } = packet
        if (qos === 0) return
        return this.send({
          type: qos === 1 ? PacketType.PUBACK : PacketType.PUBREC,
          packetId,
          ...granted,
        })
      }
      case PacketType.PUBREC:
        if (packet.reasonCode >= 0x80) return
        return this.send({ type: PacketType.PUBREL, packetId: packet.packetId, ...granted })
      case PacketType.PUBREL:
        return this.send({ type: PacketType.PUBCOMP, packetId: packet.packetId, ...granted })
      case PacketType.SUBSCRIBE: {
        const { packetId, subscriptions } = packet
        const reasonCodes = subscriptions.map(({ qos }) => qos)
        return this.send({ type: PacketType.SUBACK, packetId, reasonCodes, properties })
      }
      case PacketType.UNSUBSCRIBE: {
        const { packetId, filters } = packet
        const reasonCodes = this.version === 4 ? [] : filters.map(() => 0)
        return this.send({ type: PacketType.UNSUBACK, packetId, reasonCodes, properties })
      }
      case PacketType.PINGREQ:
        return this.send({ type: PacketType.PINGRESP })
      case PacketType.DISCONNECT:
        return this.close()
      default:
        return
    }
  }

  /**
   * From now on answers everything as a friendly server would, and ends the connection after
   * DISCONNECT. What `next` has not taken yet is answered at once; `next` gives it all the same.
   */
  autoRespond(): void {
    if (this.#responding) return
    this.#responding = true
    for (const packet of this.received.slice(this.#taken)) this.acknowledge(packet)
  }

  /** Ends in good order after what was sent. */
  close(): void {
    this.#pipe.close()
  }

  /** Breaks the connection. */
  destroy(): void {
    this.#pipe.destroy()
  }

  /**
   * For the owner of the pipe: bytes of the client came in.
   * @param bytes which are not kept
   */
  handleData(bytes: Uint8Array): void {
    if (this.#error !== undefined) return
    this.#decoder.push(bytes, bytes.length)
    try {
      for (let packet = this.#decoder.next(); packet; packet = this.#decoder.next()) {
        this.received.push(packet)
        if (this.#responding) this.acknowledge(packet)
      }
    } catch (error) {
      this.#error = error as Error
      this.#pipe.destroy()
    }
    this.#serve()
  }

  /** For the owner of the pipe: it is over. */
  handleClosed(): void {
    this.#ended = true
    this.#setClosed()
    this.#serve()
  }

  /** Gives packets to those who wait, in order; to the rest, why there are none. */
  #serve(): void {
    while (this.#takers.length > 0) {
      const packet = this.received[this.#taken]
      if (packet === undefined && this.#error === undefined && !this.#ended) return
      const { type, resolve, reject } = this.#takers.shift() as Taker
      const wanted = type === undefined ? 'a packet' : packetName(type)
      if (packet === undefined) {
        reject(this.#error ?? new Error(`Expected ${wanted}, and the connection ended`))
        continue
      }
      this.#taken += 1
      if (type === undefined || packet.type === type) resolve(packet)
      else reject(new Error(`Expected ${wanted}, got ${packetName(packet.type)}`))
    }
  }

  #nextPacketId(): number {
    this.#packetId = (this.#packetId % 65_535) + 1
    return this.#packetId
  }
}
