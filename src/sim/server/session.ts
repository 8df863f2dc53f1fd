// What a server keeps of one client beyond its connection (§4.1), and the sessions that the servers of one
// cluster share. It knows no connection but the one that has a session now.

import type { QoS } from '../../codec/packets.ts'
import { topicMatches } from '../../codec/topics.ts'
import type { Delivery, SentMessage } from '../observations.ts'
import type { World } from '../world.ts'

/** A message on its way to a client. */
export interface Outgoing {
  readonly delivery: Delivery
  readonly payload: string
  packetId: number
  /** `received`: its PUBREC is in, PUBREL is due. */
  state: 'queued' | 'sent' | 'received'
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
  /** What the client has not acknowledged to the end, in order. */
  outgoing: Outgoing[] = []
  lastId = 0
  owner: SessionOwner | undefined
  /** Seconds that it outlives its connection; Infinity: for good. */
  expirySeconds = 0
  /**
   * Whether the client can know of it: it asked for a new one, or has gone on after CONNACK said so. One that
   * it never heard of would look like an older one of its own: a model server throws it away instead.
   */
  known: boolean

  constructor(serial: number, clientId: string, known: boolean) {
    this.serial = serial
    this.clientId = clientId
    this.known = known
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
      if (cleanStart || !old.known) this.forget(old, cleanStart ? 'clean start' : 'never known')
    }
    const present = this.sessions.get(clientId)
    if (present !== undefined) return { session: present, present: true }
    this.#counters.sessions += 1
    const session = new ServerSession(this.#counters.sessions, clientId, cleanStart)
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
    this.#ends.get(session)?.cancel()
    this.#ends.delete(session)
    this.#world.tell({ kind: 'session', session: session.serial, gone: why })
  }

  /** Takes a message to whoever wants it. @param number of the message, for its trace */
  route(number: number, topic: string, qos: QoS, payload: string): number {
    let copies = 0
    for (const session of this.sessions.values()) {
      let best = -1
      for (const [filter, granted] of session.subscriptions) {
        if (topicMatches(filter, topic)) best = Math.max(best, granted)
      }
      if (best < 0) continue
      copies += 1
      this.#enqueue(session, number, topic, Math.min(best, qos) as QoS, payload)
    }
    return copies
  }

  #enqueue(
    session: ServerSession,
    message: number,
    topic: string,
    qos: QoS,
    payload: string,
  ): void {
    // A message of QoS 0 waits for nobody. §4.3.1
    if (qos === 0 && session.owner === undefined) return
    this.#counters.deliveries += 1
    const delivery: Delivery = {
      serial: this.#counters.deliveries,
      message,
      topic,
      qos,
      device: session.clientId,
      session: session.serial,
      handled: [],
      acknowledged: false,
    }
    session.outgoing.push({ delivery, payload, packetId: 0, state: 'queued' })
    session.owner?.pump()
  }
}
