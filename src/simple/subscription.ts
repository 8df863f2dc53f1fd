// What SUBACK granted, and the handle to take it back. Messages come to its handler, or by iterating.
// It knows its own filters; whether another subscription shares one is for subscriptions.ts to know.

import type { Properties, SubscriptionRequest } from '../codec/packets.ts'
import type { Inbox } from './inbox.ts'
import type { ReceivedMessage } from './message.ts'
import { MessageStream, type StreamOwner } from './message-stream.ts'
import type { Grant, Message, MessageHandler, Subscription } from './types.ts'

/** One filter as the server is asked for it; what was asked for in one call has the same properties. */
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
    if (handler === undefined) inbox.expectQuestions()
    else for (const filter of this.filters) inbox.addRoute({ filter, handler, owner: this })
  }

  /**
   * Takes the subscription back at the server, unless another one has the same filter.
   * @throws {ClosedError} ERR_MQTT_CLOSED — there is no connection; the handler is gone all the same
   */
  async unsubscribe(): Promise<void> {
    await this.#release(this)
  }

  /** These filters bring nothing more; without any left its iterators end after what they have. */
  drop(filters: readonly string[]): void {
    this.filters = this.filters.filter((filter) => !filters.includes(filter))
    this.#inbox.removeRoutes(this, filters)
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
    this.#streams ??= new Set()
    this.#streams.add(stream)
    return this.#inbox.addStream(stream)
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
