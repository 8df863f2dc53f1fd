// One connection as the model server sees it: packets in, answers out, in the order that the specification
// demands, after the time that the faults give them. It checks what a client must not do; §4.9, §4.6, §3.

import { CLIENT_PACKETS, Decoder } from '../../codec/decode.ts'
import { encode, encodedSize } from '../../codec/encode.ts'
import {
  type AckPacket,
  type ConnectPacket,
  NO_PROPERTIES,
  type Packet,
  PacketType,
  type Properties,
  type PublishPacket,
  type SubscribePacket,
  type WillFields,
} from '../../codec/packets.ts'
import type { Appointment } from '../agenda.ts'
import type { ServerEnd, ServerPipe } from '../link.ts'
import type { ConnectionView, SentMessage } from '../observations.ts'
import { Deliverer } from './deliverer.ts'
import type { ServerView } from './options.ts'
import { ack, expiryOf, isRefusal, passedOn } from './packets.ts'
import { ReleaseOrder } from './release-order.ts'
import type { ServerSession, SessionOwner } from './session.ts'

const { CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK } = PacketType
const LARGEST_PACKET_BYTES = 268_435_460
const RECEIVE_MAXIMUM_DEFAULT = 65_535
/** Messages in flight to a client that names no Receive Maximum. */
const WINDOW = 100
/** How long after its Keep Alive a client is thought dead. §3.1.2.10 */
const KEEP_ALIVE_FACTOR = 1.5
/** How long a server waits for CONNECT, ms. */
const CONNECT_MS = 30_000
/** 0x04 Disconnect with Will Message. §3.14.2.1 */
const DISCONNECT_WITH_WILL = 0x04
/** Return codes of MQTT 3.1.1 that stand for reason codes of 5.0. §3.2.2.3 of 3.1.1 */
const RETURN_CODES: Readonly<Record<number, number>> = { 0x84: 1, 0x85: 2, 0x86: 4, 0x87: 5 }

export class ServerConnection implements ServerEnd, SessionOwner {
  readonly #server: ServerView
  readonly #pipe: ServerPipe
  readonly #over: () => void
  readonly #decoder = new Decoder({
    reads: CLIENT_PACKETS,
    version: 5,
    maximumPacketSizeBytes: LARGEST_PACKET_BYTES,
  })
  readonly #view: { -readonly [K in keyof ConnectionView]: ConnectionView[K] }
  #connect: ConnectPacket | undefined
  #session: ServerSession | undefined
  connected = false
  #ended = false
  #aliasMaximum = 0
  #sizeMaximum = Infinity
  #qosMaximum = 2
  readonly #aliases = new Map<number, string>()
  /** Ids of the client between its PUBLISH and the last answer on this connection; what each carries. */
  readonly #open = new Map<number, SentMessage | undefined>()
  readonly #releases = new ReleaseOrder()
  #answersAt = 0
  #heardAt: number
  /** How long a silence may last, ms. */
  #silenceMs = CONNECT_MS
  #deliverer: Deliverer | undefined
  #look: Appointment | undefined
  #will: WillFields | undefined

  constructor(server: ServerView, pipe: ServerPipe, over: () => void) {
    this.#server = server
    this.#pipe = pipe
    this.#over = over
    const { world, counters, host } = server.options
    counters.connections += 1
    this.#view = {
      serial: counters.connections,
      server: host,
      clientId: '?',
      session: 0,
      version: 5,
      receiveMaximum: RECEIVE_MAXIMUM_DEFAULT,
    }
    this.#heardAt = world.now
    this.#watch()
  }

  get clientId(): string {
    return this.#view.clientId
  }

  received(bytes: Uint8Array): void {
    if (this.#ended) return
    this.#heardAt = this.#server.options.world.now
    try {
      this.#decoder.push(bytes, bytes.length)
      for (let packet = this.#next(); packet !== undefined; packet = this.#next()) {
        this.#handle(packet)
      }
    } catch (error) {
      this.#breach(error instanceof Error ? error.message : String(error), 0x81)
    }
  }

  closed(_orderly: boolean): void {
    if (!this.#ended) {
      // In good order or not: what follows a FIN is the same.
      this.#pipe.close()
      this.#end(false)
    }
  }

  /** The server goes down. */
  reset(): void {
    if (this.#ended) return
    this.#will = undefined
    this.#pipe.destroy()
    this.#end()
  }

  /** Ends it with a reason, where the version has one. */
  disconnect(reasonCode: number, properties: Properties = NO_PROPERTIES): void {
    if (this.#ended) return
    if (this.#decoder.version === 5 && this.connected && reasonCode !== 0) {
      this.#send({ type: PacketType.DISCONNECT, reasonCode, properties })
    }
    this.#pipe.close()
    this.#end()
  }

  lose(reasonCode: number): void {
    this.disconnect(reasonCode)
  }

  sendGarbage(): void {
    const { random } = this.#server.options
    const bytes = Uint8Array.from({ length: random.integer(2, 12) }, () => random.integer(0, 255))
    // No packet begins so: what could be read would be a lie of a good server's. §2.1.2
    bytes[0] = random.pick([0x00, 0x01, 0x0f, 0x21, 0x43, 0x5f, 0x72, 0xd4])
    this.#pipe.write(bytes)
  }

  pump(): void {
    if (this.connected && !this.#ended) this.#deliverer?.pump()
  }

  #next(): Packet | undefined {
    return this.#ended ? undefined : this.#decoder.next()
  }

  #handle(packet: Packet): void {
    const { world } = this.#server.options
    if (packet.type === PacketType.CONNECT) {
      this.#view.clientId = packet.clientId
      this.#view.version = packet.version
    }
    world.tell({ kind: 'packet', from: 'client', connection: this.#view, packet })
    this.#server.handlePacket()
    if (this.#ended) return
    if ((packet.type === PacketType.CONNECT) === (this.#connect !== undefined)) {
      return this.#breach(`packet ${packet.type} before CONNECT, or a second one`, 0x82)
    }
    if (packet.type !== PacketType.CONNECT && !this.connected) {
      return this.#breach(`packet ${packet.type} before CONNACK`, 0x82)
    }
    if (this.#sizeMaximum < Infinity) {
      const sizeBytes = encodedSize(packet, this.#decoder.version)
      if (sizeBytes > this.#sizeMaximum) {
        return this.#breach(`${sizeBytes} bytes are above ${this.#sizeMaximum}`, 0x95)
      }
    }
    switch (packet.type) {
      case PacketType.CONNECT:
        return this.#handleConnect(packet)
      case PUBLISH:
        return this.#handlePublish(packet)
      case PUBACK:
      case PUBREC:
      case PUBCOMP:
        return this.#handleAcknowledged(packet)
      case PUBREL:
        return this.#handleRelease(packet)
      case PacketType.SUBSCRIBE: {
        const { packetId, subscriptions } = packet
        const isNew = new Map<string, boolean>()
        const reasonCodes = subscriptions.map(({ filter, qos }) => {
          if (this.#server.befalls('refuseSubscribe')) {
            this.#session?.subscriptions.delete(filter)
            return 0x80
          }
          isNew.set(filter, this.#session?.subscriptions.has(filter) === false)
          this.#session?.subscriptions.set(filter, qos)
          return qos
        })
        this.#answer({ type: SUBACK, packetId, reasonCodes, properties: NO_PROPERTIES })
        return this.#sendRetained(packet, isNew)
      }
      case PacketType.UNSUBSCRIBE: {
        const { packetId, filters } = packet
        const { subscriptions } = this.#session as ServerSession
        const codes = filters.map((filter) => (subscriptions.delete(filter) ? 0 : 0x11))
        const reasonCodes = this.#decoder.version === 5 ? codes : []
        return this.#answer({ type: UNSUBACK, packetId, reasonCodes, properties: NO_PROPERTIES })
      }
      case PacketType.PINGREQ:
        return this.#answer({ type: PacketType.PINGRESP })
      case PacketType.DISCONNECT: {
        const expiry = packet.properties.sessionExpiryInterval
        const session = this.#session as ServerSession
        if (expiry !== undefined) session.expirySeconds = expiryOf(expiry)
        if (packet.reasonCode !== DISCONNECT_WITH_WILL) this.#will = undefined
        this.#pipe.close()
        return this.#end(false)
      }
      default:
        return this.#breach(`packet ${packet.type} is not asked for`, 0x82)
    }
  }

  #handleConnect(packet: ConnectPacket): void {
    const server = this.#server
    const { world, random, cluster, catalogue, others, only311 } = server.options
    this.#connect = packet
    this.#will = packet.will
    const { refuseConnect } = server.faults
    if (only311 && packet.version === 5) return this.#refuse(0x84)
    if (server.isOn('refuseConnect') && refuseConnect !== undefined) {
      return this.#refuse(random.pick(refuseConnect.reasonCodes))
    }
    if (server.isOn('redirect') && packet.version === 5 && others.length > 0) {
      return this.#refuse(random.pick([0x9c, 0x9d]), { serverReference: random.pick(others) })
    }
    // The session changes hands when CONNECT is read, whether or not CONNACK arrives. [MQTT-3.1.2-4]
    cluster.sessions.get(packet.clientId)?.owner?.lose(0x8e)
    const { session, present } = cluster.take(packet.clientId, packet.cleanStart)
    const expiry = packet.properties?.sessionExpiryInterval ?? 0
    session.expirySeconds =
      packet.version === 5 ? expiryOf(expiry) : packet.cleanStart ? 0 : Infinity
    session.owner = this
    this.#session = session
    this.#view.session = session.serial
    this.#deliverer = new Deliverer({
      world,
      catalogue,
      session,
      receiveMaximum: packet.properties?.receiveMaximum ?? WINDOW,
      send: (out) => this.#send(out),
      answer: (out) => this.#answer(out),
    })
    const properties = this.#limits()
    this.#silenceMs = packet.keepAlive > 0 ? packet.keepAlive * KEEP_ALIVE_FACTOR * 1000 : Infinity
    if (this.#silenceMs < Infinity) this.#watch()
    else if (this.#look !== undefined) world.agenda.cancel(this.#look)
    this.#later(() => {
      this.connected = true
      const connack = { type: CONNACK, sessionPresent: present, reasonCode: 0, properties } as const
      this.#send(connack)
      const kick = server.kickAfter()
      if (kick !== undefined) {
        world.agenda.after(kick.afterMs, () => this.disconnect(kick.reasonCode))
      }
      if (present) this.#deliverer?.resume()
      this.pump()
    })
  }

  #refuse(reasonCode: number, properties: Properties = NO_PROPERTIES): void {
    const isOld = this.#decoder.version === 4
    this.#later(() => {
      const code = isOld ? (RETURN_CODES[reasonCode] ?? 3) : reasonCode
      this.#send({
        type: CONNACK,
        sessionPresent: false,
        reasonCode: code,
        properties: isOld ? NO_PROPERTIES : properties,
      })
      this.#pipe.close()
      this.#end()
    })
  }

  #limits(): Properties {
    const { options, faults } = this.#server
    if (options.world.healed || this.#decoder.version === 4) return NO_PROPERTIES
    const { part = 1 } = faults.lowLimits ?? {}
    const limits = part === 1 || options.random.chance(part) ? faults.lowLimits : undefined
    const drawn = this.#server.drawReceiveMaximum()
    const receiveMaximum = drawn ?? limits?.receiveMaximum ?? RECEIVE_MAXIMUM_DEFAULT
    this.#view.receiveMaximum = receiveMaximum
    if (limits === undefined) return drawn === undefined ? NO_PROPERTIES : { receiveMaximum }
    const { topicAliasMaximum, maximumPacketSizeBytes, maximumQoS } = limits
    this.#aliasMaximum = topicAliasMaximum
    options.world.fire('server.lowLimits', options.host)
    this.#sizeMaximum = maximumPacketSizeBytes
    this.#qosMaximum = maximumQoS
    return {
      receiveMaximum,
      maximumPacketSize: maximumPacketSizeBytes,
      ...(topicAliasMaximum > 0 && { topicAliasMaximum }),
      ...(maximumQoS === 1 && { maximumQoS }),
    }
  }

  #handlePublish(packet: PublishPacket): void {
    const { packetId, qos } = packet
    const topic = this.#resolve(packet)
    if (topic === undefined) return
    const { catalogue } = this.#server.options
    const number = catalogue.numberIn(packet.payload)
    const message = catalogue.message(number)
    const fault = catalogue.faultOf?.(packet.payload)
    if (fault !== undefined) return this.#breach(fault, 0x99)
    if (message !== undefined && (message.topic !== topic || message.policy.qos !== qos)) {
      return this.#breach(`#${message.number} came to "${topic}" at QoS ${qos}`, 0x82)
    }
    if (qos > this.#qosMaximum) {
      return this.#breach(`QoS ${qos} is above ${this.#qosMaximum}`, 0x9b)
    }
    if (message !== undefined) {
      const reasonCode = this.#server.poisonedBy(message)
      if (reasonCode !== undefined) return this.disconnect(reasonCode)
    }
    if (qos === 0) return void this.#take(message, topic, packet, number)
    if (this.#open.has(packetId)) return this.#breach(`packet id ${packetId} is in use`, 0x82)
    this.#open.set(packetId, message)
    if (this.#open.size > this.#view.receiveMaximum) {
      return this.#breach(`${this.#open.size} messages are above Receive Maximum`, 0x93)
    }
    const received = this.#session?.received
    const isKnown = received?.has(packetId) === true
    if (qos === 2 && isKnown) {
      const earlier = received?.get(packetId)
      if (earlier !== message) {
        const names = `#${earlier?.number} and #${message?.number}`
        return this.#breach(`packet id ${packetId} carries ${names}`, 0x82)
      }
      return this.#answer(ack(PUBREC, packetId))
    }
    if (this.#decoder.version === 5 && this.#server.befalls('refusePublish')) {
      const { refusePublish } = this.#server.faults
      const reasonCode = this.#server.options.random.pick(refusePublish?.reasonCodes ?? [0x97])
      if (message !== undefined) message.turnedAway = true
      return this.#answer(ack(qos === 1 ? PUBACK : PUBREC, packetId, reasonCode))
    }
    const copies = this.#take(message, topic, packet, number)
    if (qos === 2) received?.set(packetId, message)
    const nobody = copies === 0 && this.#decoder.version === 5 ? 0x10 : 0
    this.#answer(ack(qos === 1 ? PUBACK : PUBREC, packetId, nobody))
  }

  /** It is the server's from now on. @returns how many copies go to others */
  #take(
    message: SentMessage | undefined,
    topic: string,
    packet: PublishPacket,
    number: number,
  ): number {
    const { world, cluster, catalogue } = this.#server.options
    const { qos, dup, retain } = packet
    const payload = catalogue.passedOn(packet.payload)
    if (message !== undefined) {
      const { session, serial: connection } = this.#view
      const take = { at: world.now, session, connection, dup }
      message.takes.push(take)
      world.tell({ kind: 'taken', message, take })
    }
    catalogue.take?.({ packet, topic, connection: this.#view, number })
    const publication = { number, topic, qos, payload, properties: passedOn(packet.properties) }
    if (retain) cluster.retain(publication)
    return cluster.route(publication)
  }

  /** What was retained, as each subscription asks for it. [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] */
  #sendRetained({ subscriptions }: SubscribePacket, isNew: ReadonlyMap<string, boolean>): void {
    const session = this.#session as ServerSession
    for (const { filter, retainHandling = 0 } of subscriptions) {
      const granted = session.subscriptions.get(filter)
      const wanted = retainHandling === 0 || (retainHandling === 1 && isNew.get(filter) === true)
      if (granted === undefined || !wanted) continue
      this.#server.options.cluster.sendRetained(session, filter, granted)
    }
    this.pump()
  }

  #resolve({ topic, properties }: PublishPacket): string | undefined {
    const { topicAlias } = properties
    if (topicAlias === undefined) return topic
    if (topicAlias > this.#aliasMaximum) {
      this.#breach(`topic alias ${topicAlias} is above ${this.#aliasMaximum}`, 0x94)
      return undefined
    }
    if (topic !== '') this.#aliases.set(topicAlias, topic)
    const resolved = this.#aliases.get(topicAlias)
    if (resolved === undefined) this.#breach(`topic alias ${topicAlias} is unknown`, 0x82)
    return resolved
  }

  #handleRelease({ packetId }: AckPacket): void {
    const breach = this.#releases.handleRelease(packetId)
    if (breach !== undefined) return this.#breach(breach, 0x82)
    const known = this.#session?.received.delete(packetId) === true
    // From here on the client may use the id again, though PUBCOMP is on its way.
    const reasonCode = known || this.#decoder.version === 4 ? 0 : 0x92
    this.#answer(ack(PUBCOMP, packetId, reasonCode))
  }

  #handleAcknowledged(packet: AckPacket): void {
    const breach = this.#deliverer?.handle(packet)
    if (breach !== undefined) this.#breach(breach, 0x82)
  }

  /** Sends an answer, unless a fault has something else in mind. */
  #answer(packet: Packet): void {
    const server = this.#server
    const isAck = 'packetId' in packet
    if (isAck && server.befalls('withhold')) return
    const double = isAck && server.befalls('misnumber')
    this.#later(() => {
      if (packet.type === PUBACK || packet.type === PUBCOMP || isRefusal(packet)) {
        this.#open.delete((packet as AckPacket).packetId)
      } else if (packet.type === PUBREC) this.#releases.handleReceived(packet.packetId)
      this.#send(packet)
      if (double) this.#misnumber(packet)
    })
  }

  /**
   * An acknowledgement that nobody asked for: of an id that is not in use, or PUBREC once more, so that it says
   * nothing false.
   */
  #misnumber(packet: Packet): void {
    const { type } = packet
    if (type !== PUBACK && type !== PUBREC && type !== PUBCOMP) return
    const { misnumber } = this.#server.faults
    if (misnumber?.repeats === true && type === PUBREC && !isRefusal(packet)) this.#send(packet)
    const free = 60_000 + this.#server.options.random.integer(0, 5000)
    if (!this.#open.has(free) && this.#session?.received.has(free) !== true) {
      this.#send(ack(type, free))
    }
  }

  /** Answers leave in the order in which they were due. */
  #later(send: () => void): void {
    const { world, random } = this.#server.options
    const { delay } = this.#server.faults
    const delayMs = this.#server.befalls('delay') ? random.integer(1, delay?.delayMs ?? 1) : 0
    this.#answersAt = Math.max(this.#answersAt, world.now + delayMs)
    if (this.#answersAt <= world.now) {
      send()
      return
    }
    world.agenda.at(this.#answersAt, () => {
      if (!this.#ended) send()
    })
  }

  #send(packet: Packet): void {
    if (this.#ended) return
    const { world } = this.#server.options
    world.tell({ kind: 'packet', from: 'server', connection: this.#view, packet })
    this.#pipe.write(encode(packet, this.#decoder.version))
    if (packet.type !== PacketType.DISCONNECT) this.#server.handlePacket()
  }

  /** The client has done what it must not. */
  #breach(text: string, reasonCode: number): void {
    this.#server.options.world.tell({ kind: 'breach', connection: this.#view, text })
    this.disconnect(reasonCode)
  }

  /** @param byServer whether it was the server who ended it */
  #end(byServer = true): void {
    if (this.#ended) return
    this.#ended = true
    this.connected = false
    if (this.#look !== undefined) this.#server.options.world.agenda.cancel(this.#look)
    const session = this.#session
    if (session?.owner === this) {
      const { cluster } = this.#server.options
      if (this.#will !== undefined) cluster.leaveWill(session, this.#will)
      cluster.leave(session)
    }
    this.#server.options.world.tell({ kind: 'closed', connection: this.#view, byServer })
    this.#over()
  }

  /** Ends it when nothing was heard for too long. */
  #watch(): void {
    const { agenda } = this.#server.options.world
    const look = (): void => {
      if (this.#ended || this.#silenceMs === Infinity) return
      const silentMs = agenda.now - this.#heardAt
      if (silentMs >= this.#silenceMs) this.disconnect(0x8d)
      else this.#look = agenda.after(this.#silenceMs - silentMs, look)
    }
    if (this.#look !== undefined) agenda.cancel(this.#look)
    this.#look = agenda.after(this.#silenceMs, look)
  }
}
