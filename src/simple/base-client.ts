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
import { reasonOf, until } from './waiting.ts'

/** The calls that mean the same with and without recovery. */
export class BaseClient {
  readonly #core: ClientCore

  /** @param core what does the work */
  constructor(core: ClientCore) {
    this.#core = core
  }

  /** Counters and gauges since the client was made, as they are now: a copy. */
  get statistics(): Statistics {
    return this.#core.statistics
  }

  /**
   * Sets the handler of every message, or takes it away. A promise that it returns is waited for
   * before the message is acknowledged; it does not hold up the call for the next message.
   * @param handler gets topic, payload and message; undefined takes it away
   * @throws {TypeError} it is no function
   * @example
   * ```js
   * client.setCallback(async (topic, payload, message) => {
   *   console.log(topic, message.text())
   * })
   * await client.subscribe('hall/#', { qos: 1 })
   * ```
   */
  setCallback(handler: MessageHandler | undefined): void {
    if (handler !== undefined) checkHandler('callback', handler)
    this.#core.inbox.setCallback(handler)
  }

  /**
   * Sets the will of every later `connect`. A connection that exists keeps the one it has.
   * @param topic where the server publishes it, 1 to 65,535 bytes, without wildcards
   * @param payload 0 to 65,535 bytes, or text as long in UTF-8
   * @param options the other fields of {@link Will}. @default QoS 0, not retained, at once
   * @throws {TypeError} @throws {RangeError} it could not be published
   * @see §3.1.2.5
   * @example
   * ```js
   * client.setLastWill('door/7/online', 'no', { qos: 1, retain: true, delaySeconds: 30 })
   * await client.disconnect()
   * await client.connect()
   * await client.publish('door/7/online', 'yes', { qos: 1, retain: true })
   * ```
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
   * also for one that comes before SUBACK; without it, iterate the subscription. When several of the filters match, it
   * is called once for each copy that the server sends. Where several subscriptions have the same filter the server
   * is asked for the highest QoS of them: what it keeps is the last that it was asked for.
   *
   * In `umqtt/robust` it waits for a connection, however long that takes, and asks again on the next one, or after
   * `timeouts.operationMs`, which counts from when it asks. A signal ends the wait, and `disconnect` does.
   * @param filter one, or several in one SUBSCRIBE; each 1 to 65,535 bytes
   * @param options as {@link SubscribeOptions} says; they hold for all of the filters. @default QoS 0
   * @param handler gets topic, payload and message; what it returns is waited for before the acknowledgement
   * @returns what was granted; a filter that was refused stands there with its reason code
   * @throws {TypeError} @throws {RangeError} at the call, for an argument that cannot be meant
   * @throws {RejectedError} ERR_MQTT_REJECTED — the server refused every filter
   * @throws {NotSupportedError} ERR_MQTT_NOT_SUPPORTED — the server does not offer such filters
   * @throws {PacketTooLargeError} ERR_MQTT_PACKET_TOO_LARGE — above the server's limit
   * @throws {ClosedError} ERR_MQTT_CLOSED — there is no connection; in `umqtt/robust` `disconnect` was called
   * @throws {TimeoutError} ERR_MQTT_TIMEOUT — no SUBACK within `timeouts.operationMs`; not in `umqtt/robust`
   * @throws {ConnectionLostError} ERR_MQTT_CONNECTION_LOST — the connection ended before SUBACK; not in `umqtt/robust`
   * @throws {StoreError} in `umqtt/robust`: the outbox cannot be opened
   * @throws the reason of `signal`
   * @see §3.8, §4.7
   * @example
   * ```js
   * const alarms = await client.subscribe('+/alarm', { qos: 1 }, async (topic, payload, message) => {
   *   console.log(topic, message.text())
   * })
   * for (const { filter, qos, reasonCode } of alarms.granted) {
   *   if (qos === undefined) console.error(`"${filter}" was refused with ${reasonCode}`)
   * }
   * await alarms.unsubscribe()
   * ```
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
   * @param filter one, or several in one UNSUBSCRIBE
   * @param options as {@link UnsubscribeOptions} says
   * @throws as `subscribe` does
   * @see §3.10
   * @example
   * ```js
   * await client.subscribe(['hall/light', 'hall/heating'], { qos: 1 }, () => undefined)
   * await client.unsubscribe('hall/heating')
   * ```
   */
  unsubscribe(filter: string | readonly string[], options: UnsubscribeOptions = {}): Promise<void> {
    const { properties, signal } = checkUnsubscribe('options', options)
    const filters = filterList(filter)
    if (signal?.aborted) return Promise.reject(reasonOf(signal))
    return until(signal, this.#core.unsubscribe(filters, properties))
  }

  /**
   * Sends PINGREQ, whatever Keep Alive does by itself.
   * @returns the round trip in ms
   * @throws {ClosedError} ERR_MQTT_CLOSED — there is no connection
   * @throws {TimeoutError} ERR_MQTT_TIMEOUT — no answer within `timeouts.operationMs`
   * @throws {ConnectionLostError} ERR_MQTT_CONNECTION_LOST — the connection ended before the answer
   * @see §3.12
   * @example
   * ```js
   * const roundTripMs = await client.ping()
   * console.log(roundTripMs < 1000 ? 'near' : 'far')
   * ```
   */
  ping(): Promise<number> {
    return this.#core.ping()
  }

  /**
   * Waits for one message. When it settles, the callback and the handlers are done with the message
   * and it is acknowledged. It waits until a message comes, the signal aborts or the connection ends.
   * @param options what ends the wait but a message. @default nothing
   * @throws {TypeError} at the call, for an option that cannot be meant
   * @throws {ClosedError} ERR_MQTT_CLOSED — there is no connection, or `disconnect` was called
   * @throws {ConnectionLostError} ERR_MQTT_CONNECTION_LOST — the connection ended
   * @throws the reason of `signal`
   * @example
   * ```js
   * await client.subscribe('door/7/reply', { qos: 1 })
   * await client.publish('door/7/reply', 'locked', { qos: 1 })
   * const reply = await client.waitMsg({ signal: AbortSignal.timeout(5000) })
   * console.log(reply.text()) // locked
   * ```
   */
  waitMsg(options: { readonly signal?: AbortSignal } = {}): Promise<Message> {
    return this.#core.waitMsg(checkWait('options', options).signal)
  }

  /**
   * Gives a message that waits, acknowledged; never waits and never throws.
   * @returns the oldest one; undefined when none waits
   * @example
   * ```js
   * await client.subscribe('hall/#')
   * for (let message = client.checkMsg(); message; message = client.checkMsg()) {
   *   console.log(message.topic, message.text())
   * }
   * ```
   */
  checkMsg(): Message | undefined {
    return this.#core.inbox.take()
  }

  /**
   * Every message, one after the other: the one before is acknowledged when the next is asked for.
   * The loop ends with `disconnect`, and throws when the connection is lost; one that begins after that does
   * the same, with the error of `waitMsg`. One that begins before `connect` waits for it.
   * @returns an iterator of its own; it has what comes from now on
   * @throws as `waitMsg` does, from the iterator
   * @example
   * ```js
   * await client.subscribe('hall/#', { qos: 1 })
   * const messages = client.messages()
   * await client.publish('hall/light', 'on', { qos: 1 })
   * for await (const message of messages) {
   *   console.log(message.topic, message.text())
   *   if (message.text() === 'on') break
   * }
   * ```
   */
  messages(): AsyncIterableIterator<Message> {
    return this.#core.inbox.messages()
  }

  /**
   * Authenticates again on the same connection, with the method of `properties.authentication`. Settles when the
   * server has accepted it.
   * @param data the Authentication Data of the first AUTH. @default none
   * @throws {TypeError} at the call: no method is set, or the data are no bytes
   * @throws {ClosedError} ERR_MQTT_CLOSED — there is no connection, or `disconnect` was called
   * @throws {ServerDisconnectError} ERR_MQTT_SERVER_DISCONNECT — the server refused
   * @throws {ProtocolError} ERR_MQTT_PROTOCOL_ERROR — `respond` failed, or the server broke a rule
   * @throws {ConnectionLostError} ERR_MQTT_CONNECTION_LOST — the connection ended before the answer
   * @throws {PacketTooLargeError} ERR_MQTT_PACKET_TOO_LARGE — above the server's limit; nothing was sent
   * @see §4.12.1
   * @example
   * ```js types
   * import { MQTTClient } from 'umqtt/simple'
   *
   * const properties = { authentication: { method: 'TOKEN', data: Uint8Array.of(1, 2, 3) } }
   * const client = new MQTTClient('door-7', 'mqtts://example.org', { properties })
   * await client.connect()
   * await client.reauthenticate(Uint8Array.of(4, 5, 6)) // the next token
   * ```
   */
  reauthenticate(data?: Uint8Array): Promise<void> {
    return this.#core.reauthenticate(data && copyBytes('data', data))
  }
}
