// `umqtt/simple`: one connection, no recovery. The public surface: every argument is checked here, at
// the call, before anything happens. A mistake of the caller throws; what the world does rejects.

import type { Platform } from '../driver/platform.ts'
import { checkHandler, checkKeys, checkText, copyBytes, quote } from './checks.ts'
import { ClientCore } from './client-core.ts'
import { MessageStream } from './message-stream.ts'
import { resolveOptions, resolveWill, WILL_OPTIONS } from './options.ts'
import {
  checkConnect,
  checkDisconnect,
  checkWait,
  filterList,
  PublishChecks,
  subscriptionRequests,
} from './requests.ts'
import type {
  ClientOptions,
  ClientState,
  ConnectOptions,
  ConnectResult,
  DisconnectOptions,
  Message,
  MessageHandler,
  Payload,
  PublishOptions,
  PublishResult,
  SimpleEvents,
  Statistics,
  SubscribeOptions,
  Subscription,
  Will,
} from './types.ts'

/** One connection to a server; the entry points give it its platform. */
export class SimpleClient implements AsyncDisposable {
  readonly #core: ClientCore
  readonly #checks = new PublishChecks()

  /**
   * @param clientId 0 to 65,535 bytes; empty asks the server for one (§3.1.3.1)
   * @param server a host name, or a `mqtt:`, `mqtts:`, `ws:`, `wss:` or `unix:` URL
   * @throws {TypeError} @throws {RangeError} for an argument that cannot be meant
   */
  constructor(clientId: string, server: string, options: ClientOptions, platform: Platform) {
    checkText('clientId', clientId)
    const resolved = resolveOptions(server, options, platform.parseServer)
    const { scheme, href } = resolved.address
    if (resolved.transport === undefined && platform.transports[scheme] === undefined) {
      const known = Object.keys(platform.transports).join(', ')
      throw new TypeError(`Cannot reach ${quote(href)} from here: this platform knows ${known}`)
    }
    this.#core = new ClientCore(clientId, resolved, platform)
  }

  /** Where the client is in its life. */
  get state(): ClientState {
    return this.#core.state
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
   * Opens the connection. Settles within `timeouts.connectMs` and `timeouts.closeMs`; within twice
   * that when the server refuses MQTT 5.0 and 3.1.1 is tried.
   * @returns whether the server had the session, and what it allows
   * @throws {TypeError} at the call: the client is connecting or connected, or an option is wrong
   * @throws {ConnectRefusedError} ERR_MQTT_CONNECT_REFUSED — the server said no
   * @throws {ConnectionLostError} ERR_MQTT_CONNECTION_LOST — no transport, or it ended before CONNACK
   * @throws {TimeoutError} ERR_MQTT_TIMEOUT — it took longer than `timeouts.connectMs`
   * @throws {MalformedPacketError} ERR_MQTT_MALFORMED_PACKET — the server does not speak MQTT
   * @throws {ProtocolError} ERR_MQTT_PROTOCOL_ERROR — the server broke a rule
   * @throws {ClosedError} ERR_MQTT_CLOSED — `disconnect` was called meanwhile
   */
  connect(options: ConnectOptions = {}): Promise<ConnectResult> {
    return this.#core.connect(checkConnect('options', options))
  }

  /**
   * Publishes a message. At QoS 1 the promise settles at PUBACK, at QoS 2 at PUBCOMP, at QoS 0 when
   * the bytes are handed to the transport, which says nothing of their arrival. While the connection
   * is being opened, or the server's window is full, the message waits in order. An error has `sent`:
   * `'no'` when the message cannot have reached the server, else `'maybe'`.
   * @throws {TypeError} @throws {RangeError} at the call, for an argument that cannot be meant
   * @throws {ClosedError} ERR_MQTT_CLOSED — there is no connection, or `disconnect` was called
   * @throws {RejectedError} ERR_MQTT_REJECTED — the server refused the message
   * @throws {NotSupportedError} ERR_MQTT_NOT_SUPPORTED — the server does not offer what it needs
   * @throws {PacketTooLargeError} ERR_MQTT_PACKET_TOO_LARGE — above the server's limit
   * @throws {QueueFullError} ERR_MQTT_QUEUE_FULL — too much waits already
   * @throws {TimeoutError} ERR_MQTT_TIMEOUT — no answer within `timeouts.operationMs`, or expired here
   * @throws {ConnectionLostError} ERR_MQTT_CONNECTION_LOST — the connection ended before the answer
   */
  publish(topic: string, payload: Payload, options?: PublishOptions): Promise<PublishResult> {
    const operation = this.#checks.operation(topic, payload, options)
    return this.#core.publish(operation, options?.transfer === true, options?.signal)
  }

  /**
   * Subscribes to one filter or several. The handler, if given, is called for each matching message,
   * also for one that comes before SUBACK; without it, iterate the subscription.
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
   * Takes filters back, whoever subscribed to them; their handlers are gone at once.
   * @throws as `subscribe` does
   */
  unsubscribe(filter: string | readonly string[]): Promise<void> {
    return this.#core.unsubscribe(filterList(filter))
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
   * The loop ends with `disconnect`, and throws when the connection is lost.
   */
  messages(): AsyncIterableIterator<Message> {
    const { inbox } = this.#core
    return inbox.addStream(new MessageStream(undefined, inbox))
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

  /**
   * Ends the connection: what is handed over is written, then DISCONNECT, then the end of the
   * transport. Messages that wait, or are not acknowledged, reject and say whether they were sent.
   * Never rejects; settles within `timeoutMs` (default `timeouts.closeMs`), also on a dead link, and
   * at once when there is no connection. During `connect` it gives the attempt up.
   * @throws {TypeError} @throws {RangeError} at the call, for an option that cannot be meant
   */
  disconnect(options: DisconnectOptions = {}): Promise<void> {
    const { reasonCode, timeoutMs } = checkDisconnect('options', options)
    return this.#core.disconnect(reasonCode, timeoutMs)
  }

  /**
   * Adds a listener. One that throws harms nobody: a `warning` says so.
   * @returns what removes it
   */
  on<E extends keyof SimpleEvents>(
    event: E,
    listener: (detail: SimpleEvents[E]) => void,
  ): () => void {
    checkHandler('listener', listener)
    return this.#core.events.on(event, listener)
  }

  /** The same as `disconnect()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
  }
}
