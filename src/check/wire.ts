// One connection of the check, packet by packet: it sends what a check wants to see answered, at the wrong
// moment too, which no client that behaves would do. It acknowledges messages while `acknowledges` is true.
// Knows the rules of no check; every wait ends with the answer, the connection, a time or the signal.

import {
  type AckPacket,
  type ConnackPacket,
  type ConnectPacket,
  Decoder,
  type DisconnectPacket,
  encode,
  NO_PROPERTIES,
  type Packet,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type PublishPacket,
  type QoS,
  reasonName,
  SERVER_PACKETS,
  type SubackPacket,
  type SubscriptionRequest,
} from '../codec/index.ts'
import {
  ConnectionLostError,
  ConnectRefusedError,
  ProtocolError,
  ServerDisconnectError,
  TimeoutError,
  type Transport,
  type TransportFactory,
  type ServerAddress,
  type TlsOptions,
} from '../simple.node.ts'
import type { CheckPlatform } from './platform.ts'

/** The largest packet that is read: above what the check itself sends. */
const LARGEST_READ_BYTES = 33_554_432
/** How long an orderly end may take. */
const CLOSE_MS = 1_000
/** Publishes in flight at once where the server allows more: enough to fill a round trip. */
const WINDOW = 100
/** The same on MQTT 3.1.1, which cannot say it: Mosquitto takes 20, and drops what is beyond in silence. */
const WINDOW_311 = 20

/** How a connection is dialled. */
export interface Route {
  readonly platform: CheckPlatform
  readonly address: ServerAddress
  readonly dial: TransportFactory
  readonly tls: TlsOptions | undefined
  readonly connectMs: number
  readonly answerMs: number
  /** Is told the topic before a message is retained there. */
  readonly onRetain: (topic: string) => void
}

/** A message that came in, its alias resolved. */
export interface Received extends PublishPacket {
  /** The first byte of its payload on, as text of one byte a character. */
  readonly text: string
  /** The alias that the server used for the topic; 0 for none. */
  readonly alias: number
  readonly atMs: number
}

/** How {@link Wire.publish} publishes. */
export interface WirePublish {
  readonly qos?: QoS
  readonly retain?: boolean
  readonly dup?: boolean
  readonly packetId?: number
  readonly properties?: Properties
}

interface Waiter {
  /** Whether what it waits for has come; then it is done. */
  readonly look: () => boolean
}

/** One connection. */
export class Wire {
  readonly clientId: string
  readonly version: ProtocolVersion
  /** Every message, in order. */
  readonly messages: Received[] = []
  /** PUBREL of the server. */
  readonly released: number[] = []
  /** False leaves messages and PUBREL unanswered. */
  acknowledges = true
  connack: ConnackPacket | undefined
  /** What the server said when it ended the connection. */
  farewell: DisconnectPacket | undefined
  ended = false
  /** When it ended. */
  endedAtMs = 0
  readonly #route: Route
  readonly #signal: AbortSignal
  readonly #connect: ConnectPacket
  #error: Error | undefined
  #transport: Transport | undefined
  #writing = false
  #closing = false
  readonly #unsent: Uint8Array[] = []
  readonly #answers: Packet[] = []
  readonly #aliases = new Map<number, string>()
  #waiters: Waiter[] = []
  #packetId = 0

  constructor(route: Route, connect: ConnectPacket, signal: AbortSignal) {
    this.#route = route
    this.#connect = connect
    this.#signal = signal
    this.clientId = connect.clientId
    this.version = connect.version
  }

  /** Whether the server says that it had the session. */
  get sessionPresent(): boolean {
    return this.connack?.sessionPresent === true
  }

  /** What CONNACK carried. */
  get properties(): Properties {
    return this.connack?.properties ?? NO_PROPERTIES
  }

  /** How many QoS 1 and 2 messages the server takes at once. §3.2.2.3.3 */
  get window(): number {
    if (this.version === 4) return WINDOW_311
    return Math.min(this.properties.receiveMaximum ?? WINDOW, WINDOW)
  }

  /** Dials and waits for CONNACK. @throws {MqttError} it was refused, lost, or took too long */
  async open(): Promise<this> {
    const { dial, address, tls, platform, connectMs } = this.#route
    this.#signal.throwIfAborted()
    const { version } = this
    const decoder = new Decoder({
      reads: SERVER_PACKETS,
      version,
      maximumPacketSizeBytes: LARGEST_READ_BYTES,
    })
    const handler = {
      opened: () => this.send(this.#connect),
      received: (bytes: Uint8Array, length: number) => {
        try {
          decoder.push(bytes, length)
          for (let p = decoder.next(); p !== undefined; p = decoder.next()) this.#take(p)
        } catch (error) {
          this.#error ??= error as Error
          this.#transport?.destroy()
        }
        this.#look()
      },
      written: () => {
        this.#writing = false
        this.#flush()
      },
      closed: (error: Error | undefined) => {
        this.ended = true
        this.endedAtMs = platform.now()
        this.#signal.removeEventListener('abort', this.#look)
        this.#error ??= error
        this.#look()
      },
    }
    // One listener for each connection, however many waits it has.
    this.#signal.addEventListener('abort', this.#look, { once: true })
    this.#transport = dial(address, handler, {
      tls,
      readBuffer: new Uint8Array(65_536),
      maxFrameBytes: LARGEST_READ_BYTES,
    })
    await this.wait('CONNACK', () => this.connack !== undefined, connectMs).catch((error) => {
      // When the whole check is given up, cleaning up waits for the answer: see Lab.
      if (!this.#signal.aborted) this.cut()
      throw error
    })
    const connack = this.connack as unknown as ConnackPacket
    if (connack.reasonCode !== 0) {
      this.cut()
      throw refusal(address, version, connack)
    }
    return this
  }

  /** Sends one packet; after the end it does nothing. */
  send(packet: Packet): void {
    this.sendBytes(encode(packet, this.version))
  }

  sendBytes(bytes: Uint8Array): void {
    if (this.ended) return
    this.#unsent.push(bytes)
    this.#flush()
  }

  /**
   * Waits until something is so; looked at whenever a packet has come or the connection has ended.
   * @throws {MqttError} the connection ended before, or it took too long
   */
  wait(what: string, look: () => boolean, ms: number = this.#route.answerMs): Promise<void> {
    return this.#wait(look, ms, true).then((met) => {
      if (!met) throw tooLate(what, ms)
    })
  }

  /** The same, where the end of the connection or of the time is an answer: whether it became so. */
  async becomes(look: () => boolean, ms: number): Promise<boolean> {
    return this.#wait(look, ms, false)
  }

  /** Publishes and goes through with the exchange. @returns the last reason code, 0 at QoS 0 */
  async publish(
    topic: string,
    payload: string | Uint8Array,
    options: WirePublish = {},
  ): Promise<number> {
    const { qos = 0 } = options
    const packetId = qos === 0 ? 0 : (options.packetId ?? this.nextPacketId())
    this.sendPublish(topic, payload, { ...options, packetId })
    if (qos === 0) return 0
    if (qos === 1) return (await this.answer(PacketType.PUBACK, packetId)).reasonCode
    const { reasonCode } = await this.answer(PacketType.PUBREC, packetId)
    if (reasonCode >= 0x80) return reasonCode
    return this.release(packetId)
  }

  /** Sends PUBREL and waits for PUBCOMP. */
  async release(packetId: number): Promise<number> {
    this.sendAck(PacketType.PUBREL, packetId)
    return (await this.answer(PacketType.PUBCOMP, packetId)).reasonCode
  }

  /**
   * Publishes 0, 1, 2 and so on, in order, as fast as the server takes them.
   * @param ms when no more are begun
   * @returns how many were published, and how many of them were refused
   */
  async publishAll(
    topic: string,
    messages: number,
    options: WirePublish,
    ms: number = Infinity,
  ): Promise<{ sent: number; refused: number }> {
    const { platform } = this.#route
    const end = platform.now() + ms
    let sent = 0
    let refused = 0
    const worker = async (): Promise<void> => {
      while (sent < messages && platform.now() < end) {
        if ((await this.publish(topic, `${sent++}`, options)) >= 0x80) refused += 1
      }
    }
    await Promise.all(Array.from({ length: this.window }, worker))
    return { sent, refused }
  }

  sendPublish(topic: string, payload: string | Uint8Array, options: WirePublish = {}): void {
    const { qos = 0, retain = false, dup = false, packetId = 0 } = options
    const properties = this.version === 5 ? (options.properties ?? NO_PROPERTIES) : NO_PROPERTIES
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload
    if (retain && bytes.length > 0) this.#route.onRetain(topic)
    const packet = { topic, payload: bytes, qos, retain, dup, packetId, properties }
    this.send({ type: PacketType.PUBLISH, ...packet })
  }

  /** Subscribes. @returns a reason code for each filter */
  async subscribe(
    filters: readonly (string | SubscriptionRequest)[],
    qos: QoS = 1,
    properties: Properties = NO_PROPERTIES,
  ): Promise<readonly number[]> {
    const packetId = this.nextPacketId()
    const subscriptions = filters.map((filter) =>
      typeof filter === 'string' ? { filter, qos } : filter,
    )
    this.send({ type: PacketType.SUBSCRIBE, packetId, subscriptions, properties })
    const suback = await this.answer(PacketType.SUBACK, packetId)
    return (suback as Packet as SubackPacket).reasonCodes
  }

  sendAck(type: AckPacket['type'], packetId: number, reasonCode = 0): void {
    this.send({ type, packetId, reasonCode, properties: NO_PROPERTIES })
  }

  /** Waits for the answer to a packet id. */
  async answer(type: number, packetId: number): Promise<AckPacket> {
    const name = Object.keys(PacketType)[type - 1] ?? `${type}`
    const find = (sought: number): number =>
      this.#answers.findIndex(
        (p) => p.type === sought && 'packetId' in p && p.packetId === packetId,
      )
    // RabbitMQ takes QoS 2 for QoS 1, and says so in this way alone.
    const lowered = (): boolean => type === PacketType.PUBREC && find(PacketType.PUBACK) !== -1
    await this.wait(name, () => find(type) !== -1 || lowered())
    if (find(type) === -1) {
      throw new ProtocolError('QoS 2 is answered with PUBACK: the message is taken at QoS 1', {
        clause: 'MQTT-4.3.3-2',
        reasonCode: 0x82,
      })
    }
    return this.#answers.splice(find(type), 1)[0] as AckPacket
  }

  /** Whether the server answers PINGREQ. */
  async ping(ms: number): Promise<boolean> {
    this.send({ type: PacketType.PINGREQ })
    const index = (): number => this.#answers.findIndex((p) => p.type === PacketType.PINGRESP)
    const answered = await this.becomes(() => index() !== -1, ms)
    if (answered) this.#answers.splice(index(), 1)
    return answered
  }

  nextPacketId(): number {
    this.#packetId = (this.#packetId % 65_535) + 1
    return this.#packetId
  }

  /** Ends in good order. The session stays unless `forget` is true and the version can say so. */
  async leave(forget = false): Promise<void> {
    if (this.ended) return
    const expires = this.#connect.properties?.sessionExpiryInterval
    const properties =
      forget && expires !== undefined && expires > 0 ? { sessionExpiryInterval: 0 } : NO_PROPERTIES
    if (this.connack?.reasonCode === 0) {
      this.send({ type: PacketType.DISCONNECT, reasonCode: 0, properties })
    }
    this.#closing = true
    this.#flush()
    await this.#settled(() => this.ended)
  }

  /** Waits until CONNACK is there or will not come, though the signal may have fired. */
  answered(): Promise<void> {
    return this.#settled(() => this.ended || this.connack !== undefined)
  }

  /** Breaks the connection, without a word. */
  cut(): void {
    this.#transport?.destroy()
    this.#transport = undefined
  }

  /** Breaks it, and waits until that is done. */
  cutOff(): Promise<void> {
    this.#transport?.destroy()
    return this.#settled(() => this.ended)
  }

  /** Waits for an end that the signal does not cut short; after its own bound the connection is broken. */
  #settled(look: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel()
        this.#waiters = this.#waiters.filter((one) => one !== waiter)
        resolve()
      }
      const waiter: Waiter = {
        look: () => {
          if (!look()) return false
          done()
          return true
        },
      }
      const cancel = this.#route.platform.setTimer(() => {
        this.#transport?.destroy()
        done()
      }, CLOSE_MS)
      this.#waiters.push(waiter)
      waiter.look()
    })
  }

  #wait(look: () => boolean, ms: number, throws: boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        cancel()
        this.#waiters = this.#waiters.filter((one) => one !== waiter)
        settle()
      }
      const waiter: Waiter = {
        look: () => {
          if (this.#signal.aborted) done(() => reject(this.#signal.reason as Error))
          else if (look()) done(() => resolve(true))
          else if (this.ended) done(() => (throws ? reject(this.#whyEnded()) : resolve(false)))
          else return false
          return true
        },
      }
      const cancel = this.#route.platform.setTimer(() => done(() => resolve(false)), ms)
      this.#waiters.push(waiter)
      waiter.look()
    })
  }

  #whyEnded(): Error {
    const { href } = this.#route.address
    if (this.farewell !== undefined) {
      const { reasonCode, properties } = this.farewell
      const { reasonString, serverReference } = properties
      return new ServerDisconnectError(
        `The server ended the connection with ${reason(reasonCode)}`,
        { reasonCode, reasonString, serverReference },
      )
    }
    if (this.#error !== undefined) return this.#error
    const when = this.connack === undefined ? 'before CONNACK' : 'without a word'
    return new ConnectionLostError(`The server "${href}" ended the connection ${when}`)
  }

  readonly #look = (): void => {
    for (const waiter of [...this.#waiters]) waiter.look()
  }

  #flush(): void {
    if (this.#writing || this.ended || this.#transport === undefined) return
    if (this.#unsent.length > 0) {
      this.#writing = true
      this.#transport.write(this.#unsent.splice(0))
    } else if (this.#closing) {
      this.#transport.close()
    }
  }

  #take(packet: Packet): void {
    switch (packet.type) {
      case PacketType.CONNACK:
        this.connack = packet
        return
      case PacketType.PUBLISH:
        return this.#receive(packet)
      case PacketType.PUBREL:
        this.released.push(packet.packetId)
        if (this.acknowledges) this.sendAck(PacketType.PUBCOMP, packet.packetId)
        return
      case PacketType.DISCONNECT:
        this.farewell = packet
        return
      default:
        this.#answers.push(packet)
    }
  }

  #receive(packet: PublishPacket): void {
    const alias = packet.properties.topicAlias ?? 0
    if (alias > 0 && packet.topic !== '') this.#aliases.set(alias, packet.topic)
    const topic = packet.topic === '' ? (this.#aliases.get(alias) ?? '') : packet.topic
    const text = String.fromCharCode(...packet.payload.subarray(0, 64))
    this.messages.push({ ...packet, topic, alias, text, atMs: this.#route.platform.now() })
    if (this.acknowledges) this.acknowledge(packet)
  }

  /** PUBACK or PUBREC. */
  acknowledge({ qos, packetId }: PublishPacket): void {
    if (qos > 0) this.sendAck(qos === 1 ? PacketType.PUBACK : PacketType.PUBREC, packetId)
  }
}

/** What is thrown when something did not come in time. */
export function tooLate(operation: string, afterMs: number): TimeoutError {
  return new TimeoutError(`Waited ${afterMs} ms for ${operation} in vain`, { operation, afterMs })
}

/** A reason code in words. */
export function reason(code: number): string {
  return `reason 0x${code.toString(16).padStart(2, '0')} (${reasonName(code)})`
}

/** What the return codes of MQTT 3.1.1 are called. §3.2.2.3 */
const RETURN_NAMES = [
  'accepted',
  'unacceptable protocol version',
  'identifier rejected',
  'server unavailable',
  'bad user name or password',
  'not authorized',
]

function refusal(
  { href }: ServerAddress,
  version: ProtocolVersion,
  { reasonCode, properties }: ConnackPacket,
): ConnectRefusedError {
  const words =
    version === 4 || reasonCode < 0x80
      ? `return code ${reasonCode} (${RETURN_NAMES[reasonCode] ?? 'unknown'})`
      : reason(reasonCode)
  const { reasonString, serverReference } = properties
  return new ConnectRefusedError(`Cannot connect to "${href}": server refused with ${words}`, {
    reasonCode,
    reasonString,
    serverReference,
  })
}
