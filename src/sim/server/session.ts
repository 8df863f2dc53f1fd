// What a server keeps of one client beyond its connection (§4.1), and the sessions that the servers of one
// cluster share. It knows no connection but the one that has a session now.

import type { Properties, QoS, WillFields } from '../../codec/packets.ts'
import { NO_PROPERTIES } from '../../codec/packets.ts'
import { topicMatches } from '../../codec/topics.ts'
import { deviceOf } from '../names.ts'
import type { Delivery, SentMessage } from '../observations.ts'
import type { World } from '../world.ts'

/** A message on its way to a client. */
export interface Outgoing {
  readonly delivery: Delivery
  readonly payload: Uint8Array
  readonly properties: Properties
  /** Whether it was retained before the client subscribed. [MQTT-3.3.1-8] */
  readonly retain: boolean
  packetId: number
  /** `received`: its PUBREC is in, PUBREL is due. */
  state: 'queued' | 'sent' | 'received'
}

/** What goes to whoever subscribes to its topic. */
export interface Publication {
  /** Of the message of a device, for its trace; 0: none. */
  readonly number: number
  readonly topic: string
  readonly qos: QoS
  readonly payload: Uint8Array
  readonly properties?: Properties
}

/** Whoever has a session at the moment. */
export interface SessionOwner {
  /** Something waits to be sent. */
  pump(): void
  /** The session is no longer its own. */
  lose(reasonCode: number): void
}

export class ServerSession {
  /** Counts over the whole run. */
  readonly serial: number
  readonly clientId: string
  readonly subscriptions: Map<string, QoS> = new Map()
  /** QoS 2 ids of the client between PUBLISH and PUBREL, and the message of each; undefined: not tracked. */
  readonly received: Map<number, SentMessage | undefined> = new Map()
  /** What waits to be sent, in order. */
  readonly queued: Outgoing[] = []
  /** What was sent and is not acknowledged to the end, by packet id, in the order of sending. */
  readonly inflight: Map<number, Outgoing> = new Map()
  lastId = 0
  owner: SessionOwner | undefined
  /** Seconds that it outlives its connection; Infinity: for good. */
  expirySeconds = 0

  constructor(serial: number, clientId: string) {
    this.serial = serial
    this.clientId = clientId
  }
}

/** Serial numbers of a run. */
export interface Counters {
  sessions: number
  connections: number
  deliveries: number
}

/** Servers that share their sessions, and what goes from one client to another. */
export class Cluster {
  readonly sessions: Map<string, ServerSession> = new Map()
  readonly #world: World
  readonly #counters: Counters
  readonly #ends = new Map<ServerSession, { readonly cancel: () => void }>()
  /** The last retained message of each topic. §3.3.1.3 */
  readonly #retained = new Map<string, Publication>()
  /** Wills of connections that have ended, until they are published or their session goes on. */
  readonly #wills = new Map<
    ServerSession,
    { readonly cancel: () => void; readonly send: () => void }
  >()

  constructor(world: World, counters: Counters) {
    this.#world = world
    this.#counters = counters
  }

  /** The session of a client that connects; made when there is none, or a new one is asked for. */
  take(
    clientId: string,
    cleanStart: boolean,
  ): { readonly session: ServerSession; readonly present: boolean } {
    const old = this.sessions.get(clientId)
    if (old !== undefined) {
      this.#ends.get(old)?.cancel()
      this.#ends.delete(old)
      if (cleanStart) this.forget(old, 'clean start')
      else this.#wills.get(old)?.cancel()
    }
    const present = this.sessions.get(clientId)
    if (present !== undefined) return { session: present, present: true }
    this.#counters.sessions += 1
    const session = new ServerSession(this.#counters.sessions, clientId)
    this.sessions.set(clientId, session)
    this.#world.tell({ kind: 'session', session: session.serial, gone: undefined })
    return { session, present: false }
  }

  /** The connection of a session has ended: it ends in its time. */
  leave(session: ServerSession): void {
    session.owner = undefined
    const { expirySeconds } = session
    if (this.sessions.get(session.clientId) !== session || expirySeconds === Infinity) return
    if (expirySeconds === 0) return this.forget(session, 'ended with its connection')
    const { agenda } = this.#world
    const end = agenda.after(expirySeconds * 1000, () => this.forget(session, 'expired'))
    this.#ends.set(session, { cancel: () => agenda.cancel(end) })
  }

  forget(session: ServerSession, why: string): void {
    if (this.sessions.get(session.clientId) !== session) return
    this.sessions.delete(session.clientId)
    this.#wills.get(session)?.send()
    this.#ends.get(session)?.cancel()
    this.#ends.delete(session)
    this.#world.tell({ kind: 'session', session: session.serial, gone: why })
  }

  /** Keeps a message for who subscribes later; an empty one ends that. [MQTT-3.3.1-6] */
  retain(publication: Publication): void {
    const { topic, payload } = publication
    if (payload.length === 0) this.#retained.delete(topic)
    else this.#retained.set(topic, publication)
  }

  /** Sends what is retained to a session that has subscribed. [MQTT-3.3.1-9] */
  sendRetained(session: ServerSession, filter: string, granted: QoS): void {
    if (filter.startsWith('$share/')) return
    for (const publication of this.#retained.values()) {
      const { topic, qos } = publication
      if (!topicMatches(filter, topic)) continue
      this.#enqueue(session, publication, Math.min(granted, qos) as QoS, true)
    }
  }

  forgetRetained(): void {
    this.#retained.clear()
  }

  /** A connection has ended without DISCONNECT: its will is due, unless its session goes on in time. §3.1.2.5 */
  leaveWill(session: ServerSession, will: WillFields): void {
    const { agenda } = this.#world
    const { topic, payload, qos, retain, properties } = will
    const { willDelayInterval = 0, ...passedOn } = properties ?? NO_PROPERTIES
    const cancel = (): void => {
      agenda.cancel(due)
      this.#wills.delete(session)
    }
    const send = (): void => {
      cancel()
      const publication = { number: 0, topic, qos, payload, properties: passedOn }
      if (retain) this.retain(publication)
      this.route(publication)
    }
    const due = agenda.after(willDelayInterval * 1000, send)
    this.#wills.set(session, { cancel, send })
  }

  /** Takes a message to whoever wants it. @returns to how many sessions */
  route(publication: Publication): number {
    const { topic, qos } = publication
    let copies = 0
    for (const session of this.sessions.values()) {
      let best = -1
      for (const [filter, granted] of session.subscriptions) {
        if (topicMatches(filter, topic)) best = Math.max(best, granted)
      }
      if (best < 0) continue
      copies += 1
      this.#enqueue(session, publication, Math.min(best, qos) as QoS, false)
    }
    return copies
  }

  #enqueue(session: ServerSession, publication: Publication, qos: QoS, retain: boolean): void {
    const { number: message, topic, payload, properties = NO_PROPERTIES } = publication
    // A message of QoS 0 waits for nobody. §4.3.1
    if (qos === 0 && session.owner === undefined) return
    this.#counters.deliveries += 1
    const delivery: Delivery = {
      serial: this.#counters.deliveries,
      message,
      topic,
      qos,
      device: deviceOf(session.clientId),
      session: session.serial,
      handled: [],
      acknowledged: false,
    }
    session.queued.push({
      delivery,
      payload,
      properties,
      retain,
      packetId: 0,
      state: 'queued',
    })
    session.owner?.pump()
  }
}
