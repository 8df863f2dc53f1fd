// L1: after the healing every message that lives has its outcome in bounded time, and whoever is connected has
// the subscriptions that it asked for.

import { PacketType } from '../../codec/packets.ts'
import type { ConnectionView, Observation, SentMessage } from '../observations.ts'
import type { Plan } from '../plan.ts'
import type { Oracle } from './oracle.ts'

/** How long after CONNACK its subscriptions must have arrived, virtual ms. */
const SUBSCRIBED_MS = 60_000

export class ProgressOracle implements Oracle {
  readonly name = 'L1'
  /** Messages that the process of the moment has, by device. */
  readonly #live = new Map<string, Set<SentMessage>>()
  /** What devices want to hear all the time. */
  readonly #filters: ReadonlyMap<string, readonly string[]>
  /** The connection of each device. */
  readonly #connections = new Map<
    string,
    { readonly view: ConnectionView; readonly since: number }
  >()
  /** Filters by session. */
  readonly #subscribed = new Map<number, Set<string>>()

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
    switch (seen.kind) {
      case 'boot':
        this.#live.set(seen.device, new Set())
        return undefined
      case 'publish':
      case 'found':
        this.#live.get(seen.message.device)?.add(seen.message)
        return undefined
      case 'settled':
        this.#live.get(seen.message.device)?.delete(seen.message)
        return undefined
      case 'packet':
        this.#note(seen, now)
        return undefined
      case 'closed': {
        const { clientId, serial } = seen.connection
        if (this.#connections.get(clientId)?.view.serial === serial)
          this.#connections.delete(clientId)
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

  #note({ packet, from, connection }: Extract<Observation, { kind: 'packet' }>, now: number): void {
    const { type } = packet
    if (from === 'server') {
      if (type === PacketType.CONNACK && packet.reasonCode === 0) {
        this.#connections.set(connection.clientId, { view: connection, since: now })
      }
      return
    }
    if (type !== PacketType.SUBSCRIBE) return
    const filters = this.#subscribed.get(connection.session) ?? new Set()
    for (const { filter } of packet.subscriptions) filters.add(filter)
    this.#subscribed.set(connection.session, filters)
  }

  #unsubscribed(now: number): string | undefined {
    for (const [device, filters] of this.#filters) {
      const connection = this.#connections.get(device)
      if (connection === undefined || now - connection.since < SUBSCRIBED_MS) continue
      const lacking = filters.find(
        (filter) => this.#subscribed.get(connection.view.session)?.has(filter) !== true,
      )
      if (lacking !== undefined) return `${device} is connected, and not subscribed to "${lacking}"`
    }
    return undefined
  }
}
