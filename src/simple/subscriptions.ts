// The subscriptions of one client: which filters are in force, who has them, and the exchange with
// the server. Two subscriptions may have one filter; the server is told when the last one leaves.

import type { SubscriptionRequest } from '../codec/packets.ts'
import type { Driver } from '../driver/driver.ts'
import { SubscribeOperation, UnsubscribeOperation } from '../engine/operations.ts'
import type { RequestOperation } from '../engine/requests.ts'
import { ClosedError, MqttError } from '../errors.ts'
import { subscribeAnswer, unsubscribeAnswer } from './answers.ts'
import type { Inbox } from './inbox.ts'
import { LiveSubscription } from './subscription.ts'
import type { MessageHandler, Subscription } from './types.ts'
import { watch } from './waiting.ts'

type Answered = (operation: RequestOperation) => void

export class Subscriptions {
  readonly #driver: Driver
  readonly #inbox: Inbox
  #live: readonly LiveSubscription[] = []

  constructor(driver: Driver, inbox: Inbox) {
    this.#driver = driver
    this.#inbox = inbox
  }

  async subscribe(
    requests: readonly SubscriptionRequest[],
    handler: MessageHandler | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Subscription> {
    const filters = requests.map(({ filter }) => filter)
    const subscription = new LiveSubscription(filters, handler, this.#inbox, (ended) =>
      this.#release(ended),
    )
    this.#live = [...this.#live, subscription]
    const operation = new SubscribeOperation(requests)
    try {
      await this.#request(operation, signal, () => this.#undo(filters))
    } catch (error) {
      this.#drop(subscription, filters)
      throw error
    }
    const grants = subscribeAnswer(operation)
    if (grants instanceof MqttError) {
      this.#drop(subscription, filters)
      throw grants
    }
    subscription.granted = grants
    const refused = grants.filter(({ qos }) => qos === undefined).map(({ filter }) => filter)
    this.#drop(subscription, refused)
    return subscription
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    for (const subscription of this.#live) this.#drop(subscription, filters)
    const operation = new UnsubscribeOperation(filters)
    await this.#request(operation)
    const error = unsubscribeAnswer(operation)
    if (error !== undefined) throw error
  }

  /** The engine has settled an exchange. */
  handleAnswer(operation: RequestOperation): void {
    const answered = operation.context as Answered
    operation.context = undefined
    answered(operation)
  }

  /** The server holds no subscriptions of ours. */
  clear(): void {
    for (const subscription of this.#live) subscription.drop(subscription.filters)
    this.#live = []
  }

  /** SUBACK came for somebody who had given up: the server is asked to forget it again. */
  #undo(filters: readonly string[]): void {
    const unused = this.#unused(filters)
    if (unused.length === 0 || this.#driver.engine.state !== 'connected') return
    const operation = new UnsubscribeOperation(unused)
    operation.context = (): void => undefined
    this.#driver.engine.request(operation, this.#driver.now)
    this.#driver.touch()
  }

  async #release(subscription: LiveSubscription): Promise<void> {
    const { filters } = subscription
    this.#drop(subscription, filters)
    const unused = this.#unused(filters)
    if (unused.length > 0) await this.unsubscribe(unused)
  }

  #unused(filters: readonly string[]): string[] {
    return filters.filter(
      (filter) => !this.#live.some(({ filters: used }) => used.includes(filter)),
    )
  }

  #drop(subscription: LiveSubscription, filters: readonly string[]): void {
    subscription.drop(filters)
    if (subscription.filters.length === 0) {
      this.#live = this.#live.filter((other) => other !== subscription)
    }
  }

  /** Sends a request; settles when it is answered, whatever the answer, or when the signal aborts. */
  #request(
    operation: RequestOperation,
    signal?: AbortSignal,
    abandoned?: () => void,
  ): Promise<void> {
    const driver = this.#driver
    if (driver.engine.state !== 'connected') {
      const text = `Cannot ${operation.kind}: the client is not connected`
      return Promise.reject(new ClosedError(text, { sent: 'no' }))
    }
    return new Promise((resolve, reject) => {
      const stopWatching = watch(signal, (reason) => {
        operation.context = (): void => abandoned?.()
        reject(reason)
      })
      operation.context = (): void => {
        stopWatching()
        resolve()
      }
      driver.engine.request(operation, driver.now)
      if (operation.answer !== undefined) this.handleAnswer(operation)
      driver.touch()
    })
  }
}
