// `umqtt/simple`: one connection, no recovery. The public surface: every argument is checked here, at
// the call, before anything happens. A mistake of the caller throws; what the world does rejects.

/// <reference lib="esnext.disposable" preserve="true" />

import type { Platform } from '../driver/platform.ts'
import { checkEvent, checkHandler, checkText } from './checks.ts'
import { requireTransport, resolveOptions } from './options.ts'
import { requireSession } from './properties.ts'
import { PublishingCore } from './publishing-core.ts'
import { checkConnect, checkDisconnect, PublishChecks, publishOperation } from './requests.ts'
import type {
  ClientOptions,
  ClientState,
  ConnectOptions,
  ConnectResult,
  DisconnectOptions,
  Payload,
  PublishOptions,
  PublishResult,
  SimpleEvents,
} from './types.ts'
import { BaseClient } from './base-client.ts'

/** What listeners may be added for. */
const EVENTS: { readonly [E in keyof SimpleEvents]: true } = {
  state: true,
  'connection-lost': true,
  'handler-error': true,
  warning: true,
}

/** One connection to a server; the entry points give it its platform. */
export class SimpleClient extends BaseClient implements AsyncDisposable {
  readonly #core: PublishingCore
  /** Made by the first publish: many clients only listen. */
  #checks: PublishChecks | undefined

  /**
   * @param clientId 0 to 65,535 bytes; empty asks the server for one (§3.1.3.1)
   * @param server a host name, or a `mqtt:`, `mqtts:`, `ws:`, `wss:` or `unix:` URL
   * @param options as the application gave them
   * @param platform clock, transports and buffers
   * @throws {TypeError} @throws {RangeError} for an argument that cannot be meant
   */
  constructor(clientId: string, server: string, options: ClientOptions, platform: Platform) {
    checkText('clientId', clientId)
    const resolved = resolveOptions(server, options, platform.parseServer)
    requireTransport(resolved, platform)
    const core = new PublishingCore(clientId, resolved, platform)
    super(core)
    this.#core = core
  }

  /** Where the client is in its life; the event `state` tells each change. */
  get state(): ClientState {
    return this.#core.state
  }

  /**
   * Opens the connection. Settles within `timeouts.connectMs` and `timeouts.closeMs`; within twice
   * that when the server refuses MQTT 5.0 and 3.1.1 is tried.
   * @param options as {@link ConnectOptions} says. @default a new session, and none kept
   * @returns whether the server had the session, and what it allows
   * @throws {TypeError} at the call: the client is connecting or connected, or an option is wrong
   * @throws {RangeError} at the call: a number is out of its range
   * @throws {ConnectRefusedError} ERR_MQTT_CONNECT_REFUSED — the server said no
   * @throws {ServerDisconnectError} ERR_MQTT_SERVER_DISCONNECT — it said no with DISCONNECT
   * @throws {ConnectionLostError} ERR_MQTT_CONNECTION_LOST — no transport, or it ended before CONNACK
   * @throws {TimeoutError} ERR_MQTT_TIMEOUT — it took longer than `timeouts.connectMs`
   * @throws {MalformedPacketError} ERR_MQTT_MALFORMED_PACKET — the server does not speak MQTT
   * @throws {ProtocolError} ERR_MQTT_PROTOCOL_ERROR — the server broke a rule
   * @throws {PacketTooLargeError} ERR_MQTT_PACKET_TOO_LARGE — a packet is above `limits.maximumPacketSizeBytes`
   * @throws {ClosedError} ERR_MQTT_CLOSED — `disconnect` was called meanwhile
   * @throws the reason of `signal`
   * @see §3.1, §3.2
   * @example
   * ```js
   * import { MQTTClient } from 'umqtt/simple'
   *
   * const client = new MQTTClient('door-7', 'mqtt://localhost')
   * const { sessionPresent } = await client.connect({ cleanStart: false, sessionExpirySeconds: 3600 })
   * if (!sessionPresent) await client.subscribe('door/7/set', { qos: 1 })
   * await client.disconnect()
   * ```
   */
  connect(options: ConnectOptions = {}): Promise<ConnectResult> {
    return this.#core.connect(checkConnect('options', options))
  }

  /**
   * Publishes a message. At QoS 1 the promise settles at PUBACK, at QoS 2 at PUBCOMP, at QoS 0 when
   * the bytes are handed to the transport, which says nothing of their arrival. While the connection
   * is being opened, or the server's window is full, the message waits in order. What ends it early has `sent`:
   * `'no'` when the message cannot have reached the server, else `'maybe'`. A refusal has none: the server has not
   * taken it.
   * @param topic 1 to 65,535 bytes, without wildcards
   * @param payload bytes, copied if they have to wait, or text to be sent as UTF-8; up to 268,369,918 bytes
   * @param options as {@link PublishOptions} says. @default QoS 0, not retained
   * @returns the reason code of the server, at QoS 0 always 0
   * @throws {TypeError} @throws {RangeError} at the call, for an argument that cannot be meant
   * @throws {ClosedError} ERR_MQTT_CLOSED — there is no connection, or `disconnect` was called
   * @throws {RejectedError} ERR_MQTT_REJECTED — the server refused the message; with `sent` "maybe" it took it, and
   * lost its packet id before the exchange was over (0x92)
   * @throws {NotSupportedError} ERR_MQTT_NOT_SUPPORTED — the server does not offer what it needs
   * @throws {PacketTooLargeError} ERR_MQTT_PACKET_TOO_LARGE — above the server's limit
   * @throws {QueueFullError} ERR_MQTT_QUEUE_FULL — too much waits already
   * @throws {TimeoutError} ERR_MQTT_TIMEOUT — no answer within `timeouts.operationMs`, or expired here
   * @throws {ConnectionLostError} ERR_MQTT_CONNECTION_LOST — the connection ended before the answer; `cause` says why,
   * such as {@link ServerDisconnectError}
   * @throws the reason of `signal`
   * @see §3.3, §4.3
   * @example
   * ```js
   * import { MqttError } from 'umqtt/simple'
   *
   * try {
   *   await client.publish('door/7/state', JSON.stringify({ open: true }), { qos: 1, retain: true })
   * } catch (error) {
   *   if (!MqttError.is(error)) throw error
   *   console.log(error.code, error.sent === 'maybe' ? 'may have arrived' : 'did not arrive')
   * }
   * ```
   */
  publish(topic: string, payload: Payload, options?: PublishOptions): Promise<PublishResult> {
    const checks = (this.#checks ??= new PublishChecks())
    const topicBytes = checks.topicBytes(topic)
    const payloadBytes = checks.payloadBytes(payload)
    if (options === undefined) {
      const handedOver = this.#core.publishPlain(topic, topicBytes, payload, payloadBytes)
      if (handedOver !== undefined) return handedOver
      options = {}
    }
    const operation = publishOperation(topic, topicBytes, payload, payloadBytes, options)
    return this.#core.publish(operation, options.transfer === true, options.signal)
  }

  /**
   * Ends the connection: what is handed over is written, then DISCONNECT, then the end of the
   * transport. Messages that wait, or are not acknowledged, reject and say whether they were sent.
   * Never rejects; settles within `timeoutMs` (default `timeouts.closeMs`), also on a dead link, a second later
   * where a `transport` of your own does not say that it has ended, and at once when there is no connection.
   * During `connect` it gives the attempt up.
   * @param options as {@link DisconnectOptions} says. @default reason 0, which discards the will
   * @throws {TypeError} @throws {RangeError} at the call, for an option that cannot be meant, or to prolong a
   * session that the last `connect` did not ask for
   * @see §3.14
   * @example
   * ```js
   * // 4: goodbye, and publish my will all the same.
   * await client.disconnect({ reasonCode: 4, timeoutMs: 1000 })
   * console.log(client.state) // closed
   * ```
   */
  disconnect(options: DisconnectOptions = {}): Promise<void> {
    const { reasonCode, timeoutMs, properties } = checkDisconnect('options', options)
    requireSession(properties, this.#core.asksForSession)
    return this.#core.disconnect(reasonCode, timeoutMs, properties)
  }

  /**
   * Adds a listener. One that throws, or is async and rejects, harms nobody: a `warning` says so.
   * @param event one of {@link SimpleEvents}
   * @param listener called with what the event tells, for each one from now on
   * @returns what removes it
   * @throws {TypeError} there is no such event, or it is no function
   * @example
   * ```js
   * const stop = client.on('connection-lost', (error) => console.error('Lost:', error.message))
   * client.on('warning', ({ code, message }) => console.error(code, message))
   * stop()
   * ```
   */
  on<E extends keyof SimpleEvents>(
    event: E,
    listener: (detail: SimpleEvents[E]) => void,
  ): () => void {
    checkEvent(EVENTS, event)
    checkHandler('listener', listener)
    return this.#core.events.on(event, listener)
  }

  /** The same as `disconnect()`, for `await using`. Never rejects. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
  }
}
