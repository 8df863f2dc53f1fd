// A server for the fuzzer: it keeps sessions over connections, obeys the specification, answers whenever
// it is told to, and watches the client at every packet. What it decides by itself comes from a seed.

import { encodedSize } from '../src/codec/encode.ts'
import {
  type AckPacket,
  type ConnectPacket,
  NO_PROPERTIES,
  type Packet,
  PacketType,
  type Properties,
  type PublishPacket,
  type QoS,
} from '../src/codec/packets.ts'
import { payloadOf, topicOf } from './content.ts'
import type { Incoming, Ledger, Outgoing } from './ledger.ts'
import type { Random } from './random.ts'
import { Violation } from './violation.ts'

const { CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK } = PacketType
const RECEIVE_MAXIMUM_DEFAULT = 65_535
const NOT_FOUND = 0x92
/** What a server may refuse a message with. */
const REFUSALS: readonly number[] = [0x80, 0x83, 0x87, 0x97]

/** A message on its way to the client. */
interface Sending {
  readonly message: Incoming
  readonly length: number
  packetId: number
  /** `received`: its PUBREC is in, PUBREL is due. */
  state: 'queued' | 'sent' | 'received'
}

/** What outlives a connection. §4.1 */
class ServerSession {
  /** QoS 2 ids of the client between PUBLISH and PUBREL. */
  readonly received = new Map<number, Outgoing>()
  /** What the client has not acknowledged to the end, in order. */
  readonly sending: Sending[] = []
  /** Whether it ends with the connection. */
  brief = false
  /**
   * Whether the client can know of it: it asked for a new one, or has gone on after CONNACK said that
   * there was none. A session that a server made after a loss, and that the client never heard of,
   * looks like the old one to it; a server that throws such sessions away spares it that.
   */
  known: boolean
  /** The connection that has it. */
  owner: ModelConnection | undefined
  lastId = 0

  constructor(random: Random, known: boolean) {
    this.lastId = random.pick([0, 0, 65_533])
    this.known = known
  }
}

/** What every connection of a run shares. */
export class ModelServer {
  readonly random: Random
  readonly ledger: Ledger
  session: ServerSession | undefined
  /** From now on it grants everything, as servers do at last. */
  friendly = false
  /** It stays what it is: what is in flight would be lost at a smaller one. */
  readonly sizeMaximum: number
  /** Counts what happened, to show that a run reached it. */
  readonly marks: Map<string, number>

  constructor(random: Random, ledger: Ledger, marks: Map<string, number>) {
    this.random = random
    this.ledger = ledger
    this.marks = marks
    this.sizeMaximum = random.chance(0.2) ? random.integer(400, 6_000) : Infinity
  }

  mark(name: string): void {
    this.marks.set(name, (this.marks.get(name) ?? 0) + 1)
  }

  /** It has forgotten everything, as after a restart without persistence. */
  forget(): void {
    if (this.session !== undefined) this.mark('session lost')
    this.session = undefined
    this.ledger.release()
  }

  /** True with this probability, unless it has become friendly. */
  chance(probability: number): boolean {
    return !this.friendly && this.random.chance(probability)
  }
}

/** One connection as the server sees it. */
export class ModelConnection {
  /** Answers that are due, in order; each gives its packet when it is sent. */
  readonly answers: (() => Packet | undefined)[] = []
  version: 4 | 5 = 5
  ended = false
  readonly #server: ModelServer
  readonly #write: (packet: Packet, version: 4 | 5) => void
  readonly #close: () => void
  #session: ServerSession | undefined
  #connected = false
  #connect: ConnectPacket | undefined
  #disconnected = false
  /** True until a resumed session has sent again what it must; nothing new overtakes that. */
  #resuming = false
  #receiveMaximum = RECEIVE_MAXIMUM_DEFAULT
  #sizeMaximum = Infinity
  #aliasMaximum = 0
  readonly #aliases = new Map<number, string>()
  readonly #ownAliases = new Map<string, number>()
  /** Ids of the client that are in use on this connection; `true` for a PUBLISH. */
  readonly #inUse = new Map<number, boolean>()
  /** PUBRECs that were sent on this connection, whose PUBRELs are due in their order. */
  readonly #recorded: number[] = []
  /** What was sent on this connection and needs PUBACK or PUBREC, in order. */
  readonly #owed: Sending[] = []

  constructor(
    server: ModelServer,
    write: (packet: Packet, version: 4 | 5) => void,
    close: () => void,
  ) {
    this.#server = server
    this.#write = write
    this.#close = close
  }

  /** Whether it may publish to the client. */
  get connected(): boolean {
    return this.#connected && !this.ended
  }

  /** Sends the answer that is due. @returns whether there was one */
  answer(): boolean {
    if (this.ended) return false
    const next = this.answers.shift()
    if (next === undefined) return false
    const packet = next()
    if (packet !== undefined) this.#send(packet)
    return true
  }

  handleEnded(): void {
    this.ended = true
    this.answers.length = 0
    const session = this.#session
    if (session?.owner !== this || session !== this.#server.session) return
    if (session.brief) this.#server.forget()
  }

  /** Publishes a message, or lets it wait for room. */
  publish(message: Incoming, length: number): void {
    const sending: Sending = { message, length, packetId: 0, state: 'queued' }
    if (message.qos === 0) {
      this.#sendMessage(sending, false)
      return
    }
    this.#session?.sending.push(sending)
    this.#sendQueued()
  }

  /** A packet of the client. @throws {Violation} */
  handle(packet: Packet): void {
    const server = this.#server
    if (this.#disconnected) throw new Violation('valid packets', 'something follows DISCONNECT')
    if ((packet.type === PacketType.CONNECT) === (this.#connect !== undefined)) {
      throw new Violation('valid packets', `packet ${packet.type} before CONNECT, or a second one`)
    }
    if (packet.type !== PacketType.CONNECT && !this.#connected && server.ledger.trusted) {
      throw new Violation('valid packets', `packet ${packet.type} before CONNACK`)
    }
    const sizeBytes = encodedSize(packet, this.version)
    if (sizeBytes > this.#sizeMaximum && server.ledger.trusted) {
      throw new Violation('packet size', `${sizeBytes} bytes are above ${this.#sizeMaximum}`)
    }
    if (this.#session !== undefined) this.#session.known = true
    switch (packet.type) {
      case PacketType.CONNECT:
        return this.#handleConnect(packet)
      case PUBLISH:
        return this.#handlePublish(packet)
      case PUBACK:
      case PUBREC:
        return this.#handleAcknowledged(packet)
      case PUBCOMP:
        return this.#handleComplete(packet)
      case PUBREL:
        return this.#handleRelease(packet)
      case PacketType.SUBSCRIBE: {
        const { packetId, subscriptions } = packet
        this.#use(packetId, false)
        const reasonCodes = subscriptions.map(({ qos }) => (server.chance(0.1) ? 0x80 : qos))
        const properties = NO_PROPERTIES
        return this.#reply(packetId, { type: SUBACK, packetId, reasonCodes, properties })
      }
      case PacketType.UNSUBSCRIBE: {
        const { packetId, filters } = packet
        this.#use(packetId, false)
        const reasonCodes =
          this.version === 4 ? [] : filters.map(() => server.random.pick([0, 0x11]))
        const properties = NO_PROPERTIES
        return this.#reply(packetId, { type: UNSUBACK, packetId, reasonCodes, properties })
      }
      case PacketType.PINGREQ:
        this.answers.push(() => ({ type: PacketType.PINGRESP }))
        return
      case PacketType.DISCONNECT:
        this.#disconnected = true
        this.#close()
        return
      default:
        throw new Violation('valid packets', `packet ${packet.type} is not asked for`)
    }
  }

  #handleConnect(packet: ConnectPacket): void {
    const server = this.#server
    this.#connect = packet
    this.version = packet.version
    if (server.chance(0.05)) {
      const codes = this.version === 5 ? [0x84, 0x88, 0x87, 0x97] : [1, 2, 3, 4, 5]
      const reasonCode = server.random.pick(codes)
      server.mark('connect refused')
      this.answers.push(() => {
        this.#close()
        return { type: CONNACK, sessionPresent: false, reasonCode, properties: NO_PROPERTIES }
      })
      return
    }
    // The session changes hands when CONNECT is read, whether or not CONNACK arrives. [MQTT-3.1.2-4]
    if (packet.cleanStart || server.session?.known === false) server.forget()
    const sessionPresent = server.session !== undefined
    server.session ??= new ServerSession(server.random, packet.cleanStart)
    const session = server.session
    const expiry = packet.properties?.sessionExpiryInterval ?? 0
    session.brief = this.version === 5 ? expiry === 0 : packet.cleanStart
    session.owner = this
    this.#session = session
    this.answers.push(() => {
      this.#connected = true
      server.mark(sessionPresent ? 'session resumed' : 'session new')
      if (sessionPresent) this.answers.unshift(...this.#resume(session))
      const properties = this.version === 5 ? this.#limits() : NO_PROPERTIES
      return { type: CONNACK, sessionPresent, reasonCode: 0, properties }
    })
  }

  #limits(): Properties {
    const { random, friendly } = this.#server
    const { sizeMaximum } = this.#server
    this.#sizeMaximum = sizeMaximum
    this.#server.ledger.sizeMaximum = sizeMaximum
    const size = { ...(sizeMaximum < Infinity && { maximumPacketSize: sizeMaximum }) }
    if (friendly) return size
    if (random.chance(0.6)) this.#receiveMaximum = random.integer(1, 8)
    if (random.chance(0.6)) this.#aliasMaximum = random.integer(1, 3)
    return {
      ...(this.#receiveMaximum < RECEIVE_MAXIMUM_DEFAULT && {
        receiveMaximum: this.#receiveMaximum,
      }),
      ...size,
      ...(this.#aliasMaximum > 0 && { topicAliasMaximum: this.#aliasMaximum }),
      ...(random.chance(0.2) && { serverKeepAlive: random.integer(1, 20) }),
    }
  }

  /** What a resumed session sends again, in its order. [MQTT-4.4.0-1] */
  #resume(session: ServerSession): (() => Packet | undefined)[] {
    const again = session.sending.filter(({ state }) => state !== 'queued')
    this.#resuming = true
    return [
      ...again.map((sending) => () => {
        if (sending.state === 'received') return ack(PUBREL, sending.packetId)
        this.#sendMessage(sending, true)
        return undefined
      }),
      () => {
        this.#resuming = false
        this.#sendQueued()
        return undefined
      },
    ]
  }

  #handlePublish(packet: PublishPacket): void {
    const server = this.#server
    const { packetId, qos, payload } = packet
    const topic = this.#resolve(packet)
    const message = server.ledger.see(topic, payload, qos)
    if (qos === 0) return server.ledger.accept(message)
    this.#use(packetId, true)
    const open = [...this.#inUse.values()].filter(Boolean).length
    if (open > this.#receiveMaximum && server.ledger.trusted) {
      throw new Violation('receive maximum', `${open} of ${this.#receiveMaximum} are under way`)
    }
    if (qos === 1) return this.#takeOnce(message, packetId)
    const received = this.#session?.received
    const earlier = received?.get(packetId)
    if (earlier !== undefined && earlier !== message && server.ledger.trusted) {
      const text = `${packetId} of message ${earlier.number} carries ${message.number}`
      throw new Violation('packet ids', text)
    }
    if (earlier === undefined && this.version === 5 && server.chance(0.1)) {
      message.refused = true
      const reasonCode = server.random.pick(REFUSALS)
      return this.#reply(packetId, ack(PUBREC, packetId, reasonCode))
    }
    if (earlier === undefined) {
      received?.set(packetId, message)
      server.ledger.accept(message)
    } else server.mark('QoS 2 sent again')
    this.answers.push(() => {
      this.#recorded.push(packetId)
      return ack(PUBREC, packetId)
    })
  }

  #takeOnce(message: Outgoing, packetId: number): void {
    const server = this.#server
    const refused = this.version === 5 && server.chance(0.1)
    if (refused) message.refused = true
    else server.ledger.accept(message)
    const good = this.version === 5 ? server.random.pick([0, 0x10]) : 0
    this.#reply(packetId, ack(PUBACK, packetId, refused ? server.random.pick(REFUSALS) : good))
  }

  #handleRelease({ packetId }: AckPacket): void {
    const known = this.#session?.received.has(packetId) === true
    const place = this.#recorded.indexOf(packetId)
    if (this.#server.ledger.trusted) {
      if (place > 0) {
        throw new Violation('acknowledgements in order', `PUBREL ${packetId} before others`)
      }
      if (place === -1 && this.#inUse.has(packetId)) {
        throw new Violation('valid packets', `PUBREL ${packetId} before its PUBREC`)
      }
    }
    if (place >= 0) this.#recorded.splice(place, 1)
    this.#session?.received.delete(packetId)
    this.#reply(packetId, ack(PUBCOMP, packetId, known || this.version === 4 ? 0 : NOT_FOUND))
  }

  #handleAcknowledged({ type, packetId, reasonCode }: AckPacket): void {
    const place = this.#owed.findIndex((sending) => sending.packetId === packetId)
    if (!this.#server.ledger.trusted) return
    const sending = this.#owed[place]
    if (sending === undefined) {
      throw new Violation('packet ids', `packet ${type} for ${packetId}, which is not open`)
    }
    if (place > 0) {
      throw new Violation(
        'acknowledgements in order',
        `packet ${type} for ${packetId} before others`,
      )
    }
    if ((type === PUBACK) !== (sending.message.qos === 1)) {
      throw new Violation('valid packets', `packet ${type} for a QoS ${sending.message.qos}`)
    }
    this.#owed.shift()
    if (reasonCode >= 0x80) sending.message.released = true
    if (type === PUBACK || reasonCode >= 0x80) {
      this.#finish(sending)
      return
    }
    sending.state = 'received'
    this.answers.push(() => ack(PUBREL, packetId))
  }

  #handleComplete({ packetId }: AckPacket): void {
    const sending = this.#session?.sending.find((one) => one.packetId === packetId)
    if (sending?.state === 'received') return this.#finish(sending)
    if (this.#server.ledger.trusted) {
      throw new Violation('packet ids', `PUBCOMP for ${packetId}, which is not released`)
    }
  }

  #finish(sending: Sending): void {
    const list = this.#session?.sending
    const place = list?.indexOf(sending) ?? -1
    if (place >= 0) list?.splice(place, 1)
    this.#sendQueued()
  }

  /** Sends what waits, within the Receive Maximum of the client. §4.9 */
  #sendQueued(): void {
    const session = this.#session
    if (!this.connected || this.#resuming || session === undefined) return
    const limit = this.#connect?.properties?.receiveMaximum ?? RECEIVE_MAXIMUM_DEFAULT
    for (const sending of session.sending) {
      const open = session.sending.filter(({ state }) => state !== 'queued').length
      if (open >= limit) return
      if (sending.state !== 'queued') continue
      do session.lastId = (session.lastId % 65_535) + 1
      while (session.sending.some(({ packetId }) => packetId === session.lastId))
      sending.packetId = session.lastId
      this.#sendMessage(sending, false)
    }
  }

  #sendMessage(sending: Sending, dup: boolean): void {
    const { message, length, packetId } = sending
    const { number, qos } = message
    if (qos > 0) {
      sending.state = 'sent'
      this.#owed.push(sending)
    }
    const { topic, topicAlias } = this.#shorten(topicOf(number))
    this.#send({
      type: PUBLISH,
      topic,
      payload: payloadOf(number, length),
      qos,
      retain: false,
      dup: dup && qos > 0,
      packetId: qos === 0 ? 0 : packetId,
      properties: topicAlias === undefined ? NO_PROPERTIES : { topicAlias },
    })
  }

  /** Uses aliases now and then, in every way that is allowed. §3.3.2.3.4 */
  #shorten(topic: string): { readonly topic: string; readonly topicAlias?: number } {
    const maximum = this.#connect?.properties?.topicAliasMaximum ?? 0
    const { random } = this.#server
    if (maximum === 0 || !random.chance(0.5)) return { topic }
    const known = this.#ownAliases.get(topic)
    if (known !== undefined && random.chance(0.8)) return { topic: '', topicAlias: known }
    const topicAlias = random.integer(1, Math.min(maximum, 4))
    for (const [other, alias] of this.#ownAliases) {
      if (alias === topicAlias) this.#ownAliases.delete(other)
    }
    this.#ownAliases.set(topic, topicAlias)
    return { topic, topicAlias }
  }

  #resolve({ topic, properties }: PublishPacket): string {
    const { topicAlias } = properties
    if (topicAlias === undefined) return topic
    if (topicAlias > this.#aliasMaximum && this.#server.ledger.trusted) {
      throw new Violation('topic aliases', `${topicAlias} is above ${this.#aliasMaximum}`)
    }
    if (topic !== '') this.#aliases.set(topicAlias, topic)
    const resolved = this.#aliases.get(topicAlias)
    if (resolved === undefined) throw new Violation('topic aliases', `${topicAlias} is unknown`)
    this.#server.mark('alias used')
    return resolved
  }

  /** The client binds an id. [MQTT-2.2.1-3] */
  #use(packetId: number, isPublish: boolean): void {
    if (this.#inUse.has(packetId) && this.#server.ledger.trusted) {
      throw new Violation('packet ids', `${packetId} is in use`)
    }
    this.#inUse.set(packetId, isPublish)
  }

  /** The last answer for an id: it is free when it is on its way. */
  #reply(packetId: number, packet: Packet): void {
    this.answers.push(() => {
      this.#inUse.delete(packetId)
      return packet
    })
  }

  #send(packet: Packet): void {
    if (!this.ended) this.#write(packet, this.version)
  }
}

function ack(type: AckPacket['type'], packetId: number, reasonCode = 0): AckPacket {
  return { type, packetId, reasonCode, properties: NO_PROPERTIES }
}

/** The QoS of a message, the higher ones more often. */
export function anyQoS(random: Random): QoS {
  return random.pick([0, 1, 1, 2, 2])
}
