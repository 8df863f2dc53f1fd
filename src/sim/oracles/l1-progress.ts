// L1: after the healing every message that lives has its outcome in bounded time, and whoever is connected has
// the subscriptions that it asked for. Those it has during the faults as well: what arrives on a connection
// shows that SUBSCRIBE, which goes first, is not on its way any more.

import { PacketType } from '../../codec/packets.ts'
import { deviceOf } from '../names.ts'
import type { ConnectionView, Observation, SentMessage } from '../observations.ts'
import type { Plan } from '../plan.ts'
import type { Oracle } from './oracle.ts'
import { Sleeps } from './sleeps.ts'

/** How long after CONNACK its subscriptions must have arrived, virtual ms that the device is awake. */
const SUBSCRIBED_MS = 60_000
/** How long an application that was told that it has no subscription may take to ask again, virtual ms. */
const DEAF_MS = 120_000

export class ProgressOracle implements Oracle {
  readonly name = 'L1'
  readonly hears: readonly Observation['kind'][] = [
    'boot',
    'fault',
    'publish',
    'found',
    'settled',
    'deaf',
    'packet',
    'closed',
    'over',
  ]
  /** Messages that the process of the moment has, by device. */
  readonly #live = new Map<string, Set<SentMessage>>()
  /** What devices want to hear all the time. */
  readonly #filters: ReadonlyMap<string, readonly string[]>
  /** The connection of each device, and since when, by the time that it was awake. */
  readonly #connections = new Map<
    string,
    { readonly view: ConnectionView; readonly since: number }
  >()
  /** Filters by session. */
  readonly #subscribed = new Map<number, Set<string>>()
  readonly #sleeps = new Sleeps()

  /** Until when an application is excused that has to subscribe anew, by device. */
  readonly #deafUntil = new Map<string, number>()

  constructor({ devices, faults }: Plan) {
    const isSteady = faults.server.refuseSubscribe === undefined
    const steady = devices.filter((device) => isSteady && device.resubscribeEveryMs === Infinity)
    this.#filters = new Map(
      steady.map(({ clientId, subscriptions }) => [
        clientId,
        subscriptions.map(({ filter }) => filter),
      ]),
    )
  }

  observe(seen: Observation, now: number): string | undefined {
    this.#sleeps.observe(seen)
    switch (seen.kind) {
      case 'boot':
        this.#live.set(seen.device, new Set())
        // A server may not know yet that the one of the process before has ended.
        this.#connections.delete(seen.device)
        return undefined
      case 'publish':
      case 'found':
        this.#live.get(seen.message.device)?.add(seen.message)
        return undefined
      case 'settled':
        this.#live.get(seen.message.device)?.delete(seen.message)
        return undefined
      case 'deaf':
        this.#deafUntil.set(seen.device, now + DEAF_MS)
        return undefined
      case 'packet':
        this.#note(seen, now)
        // Behind a SUBSCRIBE the next one may be on its way.
        return seen.from === 'client' && seen.packet.type !== PacketType.SUBSCRIBE
          ? this.#unheard(seen.connection, now)
          : undefined
      case 'closed': {
        const { clientId, serial } = seen.connection
        const device = deviceOf(clientId)
        if (this.#connections.get(device)?.view.serial === serial) this.#connections.delete(device)
        return undefined
      }
      case 'over': {
        const open = [...this.#live.values()].flatMap((messages) => [...messages])
        if (open.length === 0) return this.#unsubscribed(now)
        const names = open.slice(0, 5).map(({ number, device }) => `#${number} of ${device}`)
        return `${open.length} messages have no outcome though nothing is wrong: ${names.join(', ')}`
      }
      default:
        return undefined
    }
  }

  #awake(device: string, now: number): number {
    return now - this.#sleeps.msOf(device)
  }

  #note({ packet, from, connection }: Extract<Observation, { kind: 'packet' }>, now: number): void {
    const { type } = packet
    if (from === 'server') {
      if (type === PacketType.CONNACK && packet.reasonCode === 0) {
        const device = deviceOf(connection.clientId)
        this.#connections.set(device, { view: connection, since: this.#awake(device, now) })
      }
      return
    }
    if (type !== PacketType.SUBSCRIBE) return
    const filters = this.#subscribed.get(connection.session) ?? new Set()
    for (const { filter } of packet.subscriptions) filters.add(filter)
    this.#subscribed.set(connection.session, filters)
  }

  #unheard({ clientId, serial }: ConnectionView, now: number): string | undefined {
    const device = deviceOf(clientId)
    if (this.#connections.get(device)?.view.serial !== serial) return undefined
    return now < (this.#deafUntil.get(device) ?? 0) ? undefined : this.#lacking(device, now)
  }

  #unsubscribed(now: number): string | undefined {
    for (const device of this.#filters.keys()) {
      const text = this.#lacking(device, now)
      if (text !== undefined) return text
    }
    return undefined
  }

  #lacking(device: string, now: number): string | undefined {
    const connection = this.#connections.get(device)
    if (connection === undefined) return undefined
    if (this.#awake(device, now) - connection.since < SUBSCRIBED_MS) return undefined
    const subscribed = this.#subscribed.get(connection.view.session)
    const lacking = this.#filters.get(device)?.find((filter) => subscribed?.has(filter) !== true)
    return lacking && `${device} is connected, and not subscribed to "${lacking}"`
  }
}
