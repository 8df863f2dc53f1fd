// What SUBACK granted, and the handle to take it back. Messages come to its handler, or by iterating.
// It knows its own filters; whether another subscription shares one is for subscriptions.ts to know.

/// <reference lib="esnext.disposable" preserve="true" />

import type { Properties, QoS, SubscriptionRequest } from '../codec/packets.ts'
import type { Inbox } from './inbox.ts'
import type { ReceivedMessage } from './message.ts'
import { MessageStream, type StreamOwner } from './message-stream.ts'
import type { Route } from './routes.ts'
import type { Grant, Message, MessageHandler, Subscription } from './types.ts'

/** One filter as the server is asked for it; what was asked for in one call has the same QoS and properties. */
export interface FilterRequest extends SubscriptionRequest {
  readonly properties?: Properties
}

/** One call of `subscribe`, from the call on. */
export class LiveSubscription implements Subscription, StreamOwner {
  granted: readonly Grant[] = []
  /** The filters that are still in force. */
  filters: readonly string[]
  /** What was asked for. */
  readonly requests: readonly FilterRequest[]
  readonly #inbox: Inbox
  /** Who gets its messages; none where the callback has them. */
  #routes: readonly Route[] = []
  readonly #handler: MessageHandler | undefined
  readonly #release: (subscription: LiveSubscription) => Promise<void>
  /** Its iterators that are open. */
  #streams: Set<MessageStream> | undefined

  constructor(
    requests: readonly FilterRequest[],
    handler: MessageHandler | undefined,
    inbox: Inbox,
    release: (subscription: LiveSubscription) => Promise<void>,
  ) {
    this.requests = requests
    this.filters = requests.map(({ filter }) => filter)
    this.#inbox = inbox
    this.#release = release
    // Before SUBSCRIBE goes out: a message may come before its SUBACK. §3.8.4
    this.#handler = handler
    this.#addRoutes()
  }

  /**
   * Takes the subscription back at the server, unless another one has the same filter.
   * @throws {ClosedError} ERR_MQTT_CLOSED — there is no connection; the handler is gone all the same
   */
  async unsubscribe(): Promise<void> {
    await this.#release(this)
  }

  /** The higher one of a QoS and that of this call, which is the same for all its filters. */
  atLeast(qos: QoS): QoS {
    const [first] = this.requests
    return first !== undefined && first.qos > qos ? first.qos : qos
  }

  /** Not where the callback takes all messages: for who iterates later they are added then. */
  #addRoutes(): void {
    if (this.#routes.length > 0 || (this.#handler === undefined && !this.#inbox.keeps)) return
    this.#routes = this.filters.map((filter) => ({ filter, handler: this.#handler, owner: this }))
    for (const route of this.#routes) this.#inbox.addRoute(route)
  }

  /**
   * These filters bring nothing more; without any left its iterators end after what they have.
   * @param letGo whether what is kept for them alone is acknowledged
   */
  drop(filters: ReadonlySet<string>, letGo: boolean): void {
    const isGone = ({ filter }: { readonly filter: string }): boolean => filters.has(filter)
    const gone = this.#routes.filter(isGone)
    this.filters = this.filters.filter((filter) => !filters.has(filter))
    this.#routes = this.#routes.filter((route) => !isGone(route))
    this.#inbox.removeRoutes(gone, letGo)
    if (this.filters.length > 0) return
    for (const stream of this.#streams ?? []) stream.end(undefined)
  }

  [Symbol.asyncIterator](): AsyncIterator<Message> {
    const stream = new MessageStream(this.filters, this)
    // Nothing will come for it any more.
    if (this.filters.length === 0) {
      stream.end(undefined)
      return stream
    }
    this.#addRoutes()
    this.#streams ??= new Set()
    this.#streams.add(stream)
    return this.#inbox.addStream(stream)
  }

  watch(message: ReceivedMessage): void {
    this.#inbox.watch(message)
  }

  finish(message: ReceivedMessage): void {
    this.#inbox.finish(message)
  }

  removeStream(stream: MessageStream, left: Iterable<ReceivedMessage>): void {
    this.#streams?.delete(stream)
    this.#inbox.removeStream(stream, left)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unsubscribe()
  }
}
