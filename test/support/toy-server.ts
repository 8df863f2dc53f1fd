// A small server of MQTT 5.0 over TCP that does everything right, and each thing wrong when it is told to:
// what finds faults in servers is shown one fault at a time. Keeps all in memory, for one test.

import {
  type ConnectPacket,
  NO_PROPERTIES,
  type Packet,
  PacketType,
  type PublishPacket,
  type QoS,
} from '../../src/codec/packets.ts'
import { topicMatches } from '../../src/codec/topics.ts'
import { deferred } from '../../src/driver/deferred.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { ScriptedServer } from '../../src/testing/scripted-server.ts'

/** What it can do wrong. */
export type Fault =
  | 'forgets sessions'
  | 'forgets subscriptions'
  | 'forgets what waits'
  | 'denies sessions'
  | 'ignores session expiry'
  | 'lets two of one client id in'
  | 'ends the newcomer'
  | 'keeps a hundred, the newest'
  | 'keeps a hundred, the oldest'
  | 'stands still for a while'
  | 'hands over in reverse'
  | 'hands over twice'
  | 'ignores message expiry'
  | 'takes no time off'
  | 'tells no time left'
  | 'lowers to QoS 0'
  | 'loses messages'
  | 'takes QoS 2 for QoS 1'
  | 'routes again what is sent again'
  | 'forgets what was interrupted'
  | 'sends nothing again'
  | 'sends again under another id'
  | 'sends PUBLISH again after PUBREC'
  | 'sends again without DUP'
  | 'ignores Receive Maximum'
  | 'never cuts off'
  | 'cuts off early'
  | 'answers no PINGREQ'
  | 'publishes no will'
  | 'publishes every will'
  | 'delays no will'
  | 'cancels no will'
  | 'retains nothing'
  | 'retains the first'
  | 'clears nothing'
  | 'forgets the retain flag'
  | 'matches no parent'
  | 'matches too much'
  | 'shares with all'
  | 'takes shares for filters'
  | 'gives no subscription id back'
  | 'loses aliases'
  | 'takes small packets alone'
  | 'tells no assigned client id'

interface Subscription {
  readonly filter: string
  readonly qos: QoS
  readonly id: number | undefined
}

interface Outgoing {
  readonly packet: PublishPacket
  readonly qos: QoS
  /** When its time is over. */
  readonly endsAt: number
  released: boolean
}

class Session {
  readonly clientId: string
  readonly subscriptions = new Map<string, Subscription>()
  queue: Outgoing[] = []
  readonly inflight = new Map<number, Outgoing>()
  readonly incoming = new Set<number>()
  link: ScriptedConnection | undefined
  connect: ConnectPacket
  nextId = 0
  endsAt = Infinity
  willTimer: NodeJS.Timeout | undefined
  /** Nothing is taken from its client before this. */
  standstill: Promise<void> | undefined

  constructor(connect: ConnectPacket, clientId: string) {
    this.connect = connect
    this.clientId = clientId
  }
}

const SMALL_BYTES = 10_000
const FEW = 100
const STANDSTILL_MS = 1_400

/** One server. */
export class ToyServer {
  url = ''
  readonly #faults: ReadonlySet<Fault>
  readonly #sessions = new Map<string, Session>()
  readonly #retained = new Map<string, PublishPacket & { readonly endsAt: number }>()
  #turn = 0
  #close: () => Promise<void> = () => Promise.resolve()

  private constructor(faults: readonly Fault[]) {
    this.#faults = new Set(faults)
  }

  static async start(...faults: readonly Fault[]): Promise<ToyServer> {
    const server = new ToyServer(faults)
    const listener = await ScriptedServer.start()
    server.url = listener.url
    server.#close = () => listener.close()
    const accept = async (): Promise<void> => {
      for await (const connection of listener) void server.#serve(connection)
    }
    void accept()
    return server
  }

  stop(): Promise<void> {
    for (const { willTimer } of this.#sessions.values()) clearTimeout(willTimer)
    return this.#close()
  }

  #has(fault: Fault): boolean {
    return this.#faults.has(fault)
  }

  async #serve(link: ScriptedConnection): Promise<void> {
    const first = await link.next().catch(() => undefined)
    if (first?.type !== PacketType.CONNECT) return link.destroy()
    const session = this.#welcome(link, first)
    if (session === undefined) return
    const limitMs = first.keepAlive * (this.#has('cuts off early') ? 500 : 1_500)
    const never = first.keepAlive === 0 || this.#has('never cuts off')
    const aliases = new Map<number, string>()
    let timer: NodeJS.Timeout | undefined
    const watch = (): void => {
      clearTimeout(timer)
      if (!never) timer = setTimeout(() => link.destroy(), limitMs)
    }
    watch()
    let farewell = false
    for (;;) {
      const packet = await link.next().catch(() => undefined)
      if (packet === undefined) break
      await session.standstill
      watch()
      if (packet.type === PacketType.DISCONNECT) {
        farewell = true
        const { sessionExpiryInterval: seconds } = packet.properties
        if (seconds !== undefined) this.#expire(session, seconds)
        link.close()
      } else this.#handle(session, link, packet, aliases)
    }
    clearTimeout(timer)
    if (session.link !== link) return
    session.link = undefined
    if (!farewell || this.#has('publishes every will')) this.#scheduleWill(session)
    if (session.endsAt === Infinity) {
      const { cleanStart, properties = NO_PROPERTIES } = session.connect
      const kept311 = link.version === 4 && !cleanStart
      this.#expire(session, kept311 ? Infinity : (properties.sessionExpiryInterval ?? 0))
    }
  }

  #expire(session: Session, seconds: number): void {
    const ignored = seconds > 0 && this.#has('ignores session expiry')
    session.endsAt = ignored ? Infinity : Date.now() + seconds * 1_000
  }

  #welcome(link: ScriptedConnection, connect: ConnectPacket): Session | undefined {
    const clientId = connect.clientId === '' ? `toy-${this.#turn++}` : connect.clientId
    let session = this.#sessions.get(clientId)
    const old = session?.link
    if (old !== undefined && this.#has('ends the newcomer')) {
      this.#accept(link, true)
      link.close()
      return undefined
    }
    if (old !== undefined && !this.#has('lets two of one client id in')) {
      old.send({ type: PacketType.DISCONNECT, reasonCode: 0x8e, properties: NO_PROPERTIES })
      old.close()
    }
    if (!this.#has('cancels no will')) clearTimeout(session?.willTimer)
    const gone =
      session === undefined ||
      connect.cleanStart ||
      session.endsAt <= Date.now() ||
      this.#has('forgets sessions')
    const present = !gone
    if (session === undefined || gone) session = new Session(connect, clientId)
    this.#sessions.set(clientId, session)
    Object.assign(session, { connect, link, endsAt: Infinity })
    if (present && this.#has('forgets subscriptions')) session.subscriptions.clear()
    if (present && this.#has('forgets what waits')) session.queue = []
    if (present && this.#has('forgets what was interrupted')) session.incoming.clear()
    const assigned = connect.clientId === '' && !this.#has('tells no assigned client id')
    this.#accept(link, present && !this.#has('denies sessions'), assigned ? clientId : undefined)
    if (this.#has('hands over in reverse')) session.queue.reverse()
    if (this.#has('hands over twice'))
      session.queue = session.queue.flatMap((one) => [one, { ...one }])
    this.#resend(session)
    this.#deliver(session)
    return session
  }

  #accept(link: ScriptedConnection, sessionPresent: boolean, assigned?: string): void {
    const assignment = assigned === undefined ? {} : { assignedClientIdentifier: assigned }
    const properties = { topicAliasMaximum: 5, receiveMaximum: 50, ...assignment }
    const shown = link.version === 5 ? properties : NO_PROPERTIES
    link.send({ type: PacketType.CONNACK, sessionPresent, reasonCode: 0, properties: shown })
  }

  #handle(
    session: Session,
    link: ScriptedConnection,
    packet: Packet,
    aliases: Map<number, string>,
  ): void {
    switch (packet.type) {
      case PacketType.PUBLISH:
        return this.#take(session, link, packet, aliases)
      case PacketType.PUBREL:
        session.incoming.delete(packet.packetId)
        return link.acknowledge(packet)
      case PacketType.PUBREC: {
        const sent = session.inflight.get(packet.packetId)
        if (sent !== undefined) sent.released = true
        return link.acknowledge(packet)
      }
      case PacketType.PUBACK:
      case PacketType.PUBCOMP:
        session.inflight.delete(packet.packetId)
        if (packet.packetId === FEW && this.#has('stands still for a while')) {
          const { promise, resolve } = deferred<void>()
          session.standstill = promise
          setTimeout(resolve, STANDSTILL_MS)
        }
        return this.#deliver(session)
      case PacketType.SUBSCRIBE: {
        const [id] = packet.properties.subscriptionIdentifiers ?? []
        for (const { filter, qos } of packet.subscriptions) {
          session.subscriptions.set(filter, { filter, qos, id })
        }
        link.acknowledge(packet)
        for (const { filter, qos } of packet.subscriptions) this.#giveRetained(session, filter, qos)
        return
      }
      case PacketType.PINGREQ:
        return this.#has('answers no PINGREQ') ? undefined : link.acknowledge(packet)
      default:
        return link.acknowledge(packet)
    }
  }

  #take(
    session: Session,
    link: ScriptedConnection,
    packet: PublishPacket,
    aliases: Map<number, string>,
  ): void {
    if (packet.payload.length > SMALL_BYTES && this.#has('takes small packets alone')) {
      return link.destroy()
    }
    const { topicAlias = 0 } = packet.properties
    if (topicAlias > 0 && packet.topic !== '') aliases.set(topicAlias, packet.topic)
    const topic = packet.topic === '' ? (aliases.get(topicAlias) ?? '') : packet.topic
    const known = packet.qos === 2 && session.incoming.has(packet.packetId)
    if (packet.qos === 2) session.incoming.add(packet.packetId)
    const { topicAlias: _alias, ...properties } = packet.properties
    const isLost = packet.topic === '' && this.#has('loses aliases')
    if ((!known || this.#has('routes again what is sent again')) && !isLost) {
      this.#route({ ...packet, topic, properties })
    }
    const lowered = packet.qos === 2 && this.#has('takes QoS 2 for QoS 1')
    link.acknowledge(lowered ? { ...packet, qos: 1 } : packet)
  }

  #route(packet: PublishPacket): void {
    if (packet.retain) this.#retain(packet)
    if (this.#has('loses messages')) return
    const plain = { ...packet, retain: false }
    const shares = new Map<string, [Session, Subscription][]>()
    for (const session of this.#sessions.values()) {
      for (const subscription of session.subscriptions.values()) {
        const [, share, filter] = /^\$share\/([^/]+)\/(.*)$/.exec(subscription.filter) ?? []
        if (share !== undefined) {
          if (this.#has('takes shares for filters')) continue
          if (!this.#matches(filter ?? '', packet.topic)) continue
          shares.set(share, [...(shares.get(share) ?? []), [session, subscription]])
        } else if (this.#matches(subscription.filter, packet.topic)) {
          this.#enqueue(session, subscription, plain)
        }
      }
    }
    for (const members of shares.values()) {
      const turn = this.#turn++ % members.length
      const chosen = this.#has('shares with all') ? members : members.slice(turn, turn + 1)
      for (const [session, subscription] of chosen) {
        this.#enqueue(session, subscription, plain)
      }
    }
  }

  #matches(filter: string, topic: string): boolean {
    if (this.#has('matches no parent') && filter === `${topic}/#`) return false
    const asPrefix = filter.replace(/\/\+.*$/, '')
    if (this.#has('matches too much') && topic.startsWith(asPrefix)) return true
    return topicMatches(filter, topic)
  }

  #retain(packet: PublishPacket): void {
    const { topic } = packet
    if (packet.payload.length === 0) {
      if (!this.#has('clears nothing')) this.#retained.delete(topic)
    } else if (!this.#has('retains nothing')) {
      if (!this.#has('retains the first') || !this.#retained.has(topic)) {
        this.#retained.set(topic, { ...packet, endsAt: endOf(packet) })
      }
    }
  }

  #giveRetained(session: Session, filter: string, qos: QoS): void {
    for (const packet of this.#retained.values()) {
      const { endsAt, ...kept } = packet
      if (!topicMatches(filter, packet.topic) || endsAt <= Date.now()) continue
      const given = { ...kept, retain: !this.#has('forgets the retain flag') }
      this.#enqueue(session, { filter, qos, id: undefined }, given)
    }
  }

  #enqueue(session: Session, { qos, id }: Subscription, packet: PublishPacket): void {
    if (session.endsAt <= Date.now()) return
    const lowered = Math.min(qos, packet.qos, this.#has('lowers to QoS 0') ? 0 : 2) as QoS
    if (lowered === 0 && session.link === undefined) return
    const ids = id !== undefined && !this.#has('gives no subscription id back')
    const properties = { ...packet.properties, ...(ids && { subscriptionIdentifiers: [id] }) }
    session.queue.push({
      packet: { ...packet, properties },
      qos: lowered,
      endsAt: endOf(packet),
      released: false,
    })
    if (session.link === undefined && session.queue.length > FEW) {
      if (this.#has('keeps a hundred, the newest')) session.queue.shift()
      if (this.#has('keeps a hundred, the oldest')) session.queue.pop()
    }
    this.#deliver(session)
  }

  #deliver(session: Session): void {
    const { receiveMaximum = 65_535 } = session.connect.properties ?? {}
    const most = this.#has('ignores Receive Maximum') ? 65_535 : receiveMaximum
    const limit = this.#has('stands still for a while') ? Math.min(most, FEW / 5) : most
    while (session.link !== undefined && session.inflight.size < limit) {
      const next = session.queue.shift()
      if (next === undefined) return
      if (next.endsAt <= Date.now() && !this.#has('ignores message expiry')) continue
      session.nextId = (session.nextId % 65_535) + 1
      if (next.qos > 0) session.inflight.set(session.nextId, next)
      this.#send(session, next, session.nextId, false)
    }
  }

  #send(session: Session, { packet, qos, endsAt }: Outgoing, packetId: number, dup: boolean): void {
    const { messageExpiryInterval: asked, ...rest } = packet.properties
    const left = this.#has('takes no time off')
      ? asked
      : Math.max(1, Math.round((endsAt - Date.now()) / 1_000))
    const tells = asked !== undefined && !this.#has('tells no time left')
    const properties = { ...rest, ...(tells && { messageExpiryInterval: left }) }
    const link = session.link as ScriptedConnection
    const shown = link.version === 5 ? properties : NO_PROPERTIES
    link.send({ ...packet, qos, dup, packetId: qos === 0 ? 0 : packetId, properties: shown })
  }

  #resend(session: Session): void {
    const link = session.link as ScriptedConnection
    if (this.#has('sends nothing again')) session.inflight.clear()
    for (const [packetId, sent] of session.inflight) {
      if (sent.released && !this.#has('sends PUBLISH again after PUBREC')) {
        const properties = NO_PROPERTIES
        link.send({ type: PacketType.PUBREL, packetId, reasonCode: 0, properties })
        continue
      }
      const other = this.#has('sends again under another id') ? 500 : 0
      this.#send(session, sent, packetId + other, !this.#has('sends again without DUP'))
    }
  }

  #scheduleWill(session: Session): void {
    const { will } = session.connect
    if (will === undefined || this.#has('publishes no will')) return
    const seconds = this.#has('delays no will') ? 0 : (will.properties?.willDelayInterval ?? 0)
    const { topic, payload, qos, retain } = will
    const packet = { topic, payload, qos, retain, dup: false, packetId: 0 }
    session.willTimer = setTimeout(
      () => this.#route({ type: PacketType.PUBLISH, ...packet, properties: NO_PROPERTIES }),
      seconds * 1_000,
    )
  }
}

/** When the time of a message is over. */
function endOf({ properties }: PublishPacket): number {
  return Date.now() + (properties.messageExpiryInterval ?? Infinity) * 1_000
}
