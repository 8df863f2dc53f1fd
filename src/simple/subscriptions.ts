// The subscriptions of one client: which filters are in force, who has them, and the exchange with
// the server. Two subscriptions may have one filter; the server is told when the last one leaves.

import type { Properties } from '../codec/packets.ts'
import { SubscribeOperation, UnsubscribeOperation } from '../engine/operations.ts'
import type { RequestOperation } from '../engine/requests.ts'
import type { Inbox } from './inbox.ts'
import { type FilterRequest, LiveSubscription } from './subscription.ts'
import type { Grant, MessageHandler, Subscription } from './types.ts'
import type { Settle } from './waiting.ts'

/** What the subscriptions need of the client around them. */
export interface SubscriptionsOwner {
  readonly inbox: Inbox
  /** Sends a request; settles when it is answered, or when the signal aborts. */
  ask<T>(operation: RequestOperation, signal?: AbortSignal, abandoned?: () => Settle<T>): Promise<T>
  /** Makes a request now, or when there is a connection. */
  whenConnected<T>(request: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

export class Subscriptions {
  readonly #owner: SubscriptionsOwner
  /** Those that are in force, and who shares a filter; none at a client that has never subscribed. */
  #live: Set<LiveSubscription> | undefined
  #byFilter: Map<string, Set<LiveSubscription>> | undefined

  constructor(owner: SubscriptionsOwner) {
    this.#owner = owner
  }

  /** Those that are in force, the oldest first. */
  get live(): Iterable<LiveSubscription> {
    return this.#live ?? []
  }

  async subscribe(
    requests: readonly FilterRequest[],
    handler: MessageHandler | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Subscription> {
    const { inbox } = this.#owner
    const filters = requests.map(({ filter }) => filter)
    const subscription = new LiveSubscription(requests, handler, inbox, (ended) =>
      this.#release(ended.filters, ended),
    )
    this.#add(subscription)
    // SUBACK comes for somebody who has given up: the server is asked to forget it again.
    const undo = (): void => void this.#release(filters).catch(() => undefined)
    const abandoned = (): Settle<readonly Grant[]> => (answer) =>
      void Promise.resolve(answer).then(undo, undo)
    const request = (): Promise<readonly Grant[]> => {
      const asked = this.atHighest(requests)
      return this.#owner.ask(new SubscribeOperation(asked, asked[0]?.properties), signal, abandoned)
    }
    let refused = filters
    try {
      const grants = await this.#owner.whenConnected(request, signal)
      subscription.granted = grants
      refused = grants.filter(({ qos }) => qos === undefined).map(({ filter }) => filter)
    } finally {
      this.#drop(refused, subscription)
    }
    return subscription
  }

  /** The same at the highest QoS that was asked for with the filter: the server keeps the last. [MQTT-3.8.4-3] */
  atHighest(requests: readonly FilterRequest[]): readonly FilterRequest[] {
    return requests.map((request) => {
      let { qos } = request
      for (const one of this.#byFilter?.get(request.filter) ?? []) qos = one.atLeast(qos)
      return qos === request.qos ? request : { ...request, qos }
    })
  }

  async unsubscribe(filters: readonly string[], properties?: Properties): Promise<void> {
    this.#drop(filters)
    let isAgain = false
    await this.#owner.whenConnected(async () => {
      // Who has subscribed to one since it was asked for first may have been granted it.
      const left = isAgain ? filters.filter((one) => !this.#byFilter?.has(one)) : filters
      isAgain = true
      if (left.length > 0) await this.#owner.ask(new UnsubscribeOperation(left, properties))
    })
  }

  /** The server holds none of these, or no subscriptions of ours at all. What came of those is for who asks next. */
  clear(filters?: readonly string[]): void {
    this.#drop(filters ?? [...(this.#byFilter?.keys() ?? [])], undefined, filters !== undefined)
  }

  /** Tells the server which of these filters nobody has any more. */
  async #release(filters: readonly string[], subscription?: LiveSubscription): Promise<void> {
    if (subscription !== undefined) this.#drop(filters, subscription)
    const unused = filters.filter((filter) => !this.#byFilter?.has(filter))
    if (unused.length > 0) await this.unsubscribe(unused)
  }

  #add(subscription: LiveSubscription): void {
    const byFilter = (this.#byFilter ??= new Map<string, Set<LiveSubscription>>())
    this.#live ??= new Set()
    this.#live.add(subscription)
    for (const filter of subscription.filters) {
      const sharing = byFilter.get(filter)
      if (sharing === undefined) byFilter.set(filter, new Set([subscription]))
      else sharing.add(subscription)
    }
  }

  /** Takes the filters from a subscription, or from all: at the cost of what goes, not of what stays. */
  #drop(filters: readonly string[], subscription?: LiveSubscription, letGo = true): void {
    const byFilter = this.#byFilter
    if (byFilter === undefined) return
    const losing = new Set<LiveSubscription>()
    for (const filter of filters) {
      const sharing = byFilter.get(filter)
      for (const one of sharing ?? []) {
        if (subscription !== undefined && one !== subscription) continue
        losing.add(one)
        sharing?.delete(one)
      }
      if (sharing?.size === 0) byFilter.delete(filter)
    }
    const gone = new Set(filters)
    for (const one of losing) {
      one.drop(gone, letGo)
      if (one.filters.length === 0) this.#live?.delete(one)
    }
  }
}
