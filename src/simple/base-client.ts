// What every client can do, on one connection or on many: the public surface that `umqtt/simple` and
// `umqtt/robust` share. Every argument is checked here, at the call, before anything happens.

import { checkHandler, checkKeys, copyBytes } from './checks.ts'
import type { ClientCore } from './client-core.ts'
import { resolveWill, WILL_OPTIONS } from './options.ts'
import { checkUnsubscribe, checkWait, filterList, subscriptionRequests } from './requests.ts'
import type {
  Message,
  MessageHandler,
  Payload,
  Statistics,
  SubscribeOptions,
  Subscription,
  UnsubscribeOptions,
  Will,
} from './types.ts'
import { until } from './waiting.ts'

/** The calls that mean the same with and without recovery. */
export class BaseClient {
  readonly #core: ClientCore

  constructor(core: ClientCore) {
    this.#core = core
  }

  /** Counters and gauges since the client was made. */
  get statistics(): Statistics {
    return this.#core.statistics
  }

  /**
   * Sets the handler of every message, or takes it away. A promise that it returns is waited for
   * before the message is acknowledged; it does not hold up the call for the next message.
   * @throws {TypeError} it is no function
   */
  setCallback(handler: MessageHandler | undefined): void {
    if (handler !== undefined) checkHandler('callback', handler)
    this.#core.inbox.setCallback(handler)
  }

  /**
   * Sets the will of every later `connect`. A connection that exists keeps the one it has. §3.1.2.5
   * @throws {TypeError} @throws {RangeError} it could not be published
   */
  setLastWill(
    topic: string,
    payload: Payload,
    options: Omit<Will, 'topic' | 'payload'> = {},
  ): void {
    checkKeys('options', options, WILL_OPTIONS)
    this.#core.will = resolveWill('will', { ...options, topic, payload })
  }

  /**
   * Subscribes to one filter or several. The handler, if given, is called for each matching message,
   * also for one that comes before SUBACK; without it, iterate the subscription. Where several have the same
   * filter the server is asked for the highest QoS of them: what it keeps is the last that it was asked for.
   * @returns what was granted; a filter that was refused stands there with its reason code
   * @throws {TypeError} @throws {RangeError} at the call, for an argument that cannot be meant
   * @throws {RejectedError} ERR_MQTT_REJECTED — the server refused every filter
   * @throws {NotSupportedError} ERR_MQTT_NOT_SUPPORTED — the server does not offer such filters
   * @throws {PacketTooLargeError} ERR_MQTT_PACKET_TOO_LARGE — above the server's limit
   * @throws {ClosedError} ERR_MQTT_CLOSED — there is no connection
   * @throws {TimeoutError} ERR_MQTT_TIMEOUT — no SUBACK within `timeouts.operationMs`
   * @throws {ConnectionLostError} ERR_MQTT_CONNECTION_LOST — the connection ended before SUBACK
   */
  subscribe(
    filter: string | readonly string[],
    options: SubscribeOptions = {},
    handler?: MessageHandler,
  ): Promise<Subscription> {
    const requests = subscriptionRequests(filterList(filter), options)
    if (handler !== undefined) checkHandler('handler', handler)
    return this.#core.subscribe(requests, handler, options.signal)
  }

  /**
   * Takes filters back, whoever subscribed to them; their handlers are gone at once. A signal ends the wait
   * alone: the server is told all the same.
   * @throws as `subscribe` does
   */
  unsubscribe(filter: string | readonly string[], options: UnsubscribeOptions = {}): Promise<void> {
    const { properties, signal } = checkUnsubscribe('options', options)
    const filters = filterList(filter)
    if (signal?.aborted) return Promise.reject(signal.reason)
    return until(signal, this.#core.unsubscribe(filters, properties))
  }

  /**
   * Sends PINGREQ. §3.12
   * @returns the round trip in ms
   * @throws {ClosedError} ERR_MQTT_CLOSED @throws {TimeoutError} ERR_MQTT_TIMEOUT
   * @throws {ConnectionLostError} ERR_MQTT_CONNECTION_LOST
   */
  ping(): Promise<number> {
    return this.#core.ping()
  }

  /**
   * Waits for one message. When it settles, the callback and the handlers are done with the message
   * and it is acknowledged. It waits until a message comes, the signal aborts or the connection ends.
   * @throws {TypeError} at the call, for an option that cannot be meant
   * @throws {ClosedError} ERR_MQTT_CLOSED @throws {ConnectionLostError} ERR_MQTT_CONNECTION_LOST
   */
  waitMsg(options: { readonly signal?: AbortSignal } = {}): Promise<Message> {
    return this.#core.waitMsg(checkWait('options', options).signal)
  }

  /** Gives a message that waits, acknowledged, or undefined; never waits and never throws. */
  checkMsg(): Message | undefined {
    return this.#core.inbox.take()
  }

  /**
   * Every message, one after the other: the one before is acknowledged when the next is asked for.
   * The loop ends with `disconnect`, and throws when the connection is lost; one that begins after that does
   * the same, with the error of `waitMsg`. One that begins before `connect` waits for it.
   */
  messages(): AsyncIterableIterator<Message> {
    return this.#core.inbox.messages()
  }

  /**
   * Authenticates again on the same connection, with the method of `properties.authentication`. §4.12.1
   * @throws {TypeError} at the call: no method is set
   * @throws {ServerDisconnectError} ERR_MQTT_SERVER_DISCONNECT — the server refused
   * @throws {PacketTooLargeError} ERR_MQTT_PACKET_TOO_LARGE — above the server's limit; nothing was sent
   */
  reauthenticate(data?: Uint8Array): Promise<void> {
    return this.#core.reauthenticate(data && copyBytes('data', data))
  }
}
