// The public types of `umqtt/simple`. Units are in the names; seconds where the specification counts
// in seconds, milliseconds where the number is ours.

/// <reference lib="esnext.disposable" preserve="true" />

import type { ServerLimits } from '../engine/server-limits.ts'
import type { QoS, UserProperty } from '../codec/packets.ts'
import type { TlsOptions, TransportFactory } from '../transport/transport.ts'

export type { QoS, UserProperty } from '../codec/packets.ts'
export type { ServerLimits } from '../engine/server-limits.ts'
export type { TlsOptions } from '../transport/transport.ts'

/** What a message carries: bytes, or text that is sent as UTF-8. */
export type Payload = Uint8Array | string

/** Properties of a message, MQTT 5.0 only. §3.3.2.3 */
export interface PublishProperties {
  /** 1 says that the payload is UTF-8 text. */
  readonly payloadFormatIndicator?: 0 | 1
  /** Lifetime at the server, 0 to 4,294,967,295 s; what it waits here is taken off. */
  readonly messageExpirySeconds?: number
  /** A MIME type, by convention. */
  readonly contentType?: string
  /** Where an answer is expected; no wildcards. §4.10 */
  readonly responseTopic?: string
  /** What the answer carries back, so that it finds its request. §4.10 */
  readonly correlationData?: Uint8Array
  /** Received only: the identifiers of the subscriptions that matched. */
  readonly subscriptionIds?: readonly number[]
  /** Names and values, in order; a name may come more than once. */
  readonly userProperties?: readonly UserProperty[]
}

/** A message from the server. */
export interface Message {
  readonly topic: string
  readonly payload: Uint8Array
  /**
   * The payload as strict UTF-8.
   * @throws {TypeError} it is not UTF-8
   * @example
   * ```js
   * client.setCallback((topic, payload, message) => console.log(topic, message.text()))
   * ```
   */
  text(): string
  /**
   * The payload as JSON.
   * @throws {TypeError} it is not UTF-8
   * @throws {SyntaxError} it is not JSON
   * @example
   * ```ts
   * await client.subscribe('hall/climate', {}, (topic, payload, message) => {
   *   const { temperature } = message.json() as { temperature: number }
   *   console.log(temperature)
   * })
   * ```
   */
  json(): unknown
  readonly qos: QoS
  readonly retain: boolean
  /** True when the server says that it may have sent this before. */
  readonly dup: boolean
  readonly properties: PublishProperties
  /**
   * Acknowledges the message, with `acknowledge: 'manual'`. Acknowledgements go out in the order of
   * arrival, so this one waits for those before it. A second call does nothing.
   * @param reasonCode 0, or 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99 to refuse it (MQTT 5.0). §3.4.2.1 @default 0
   * @throws {TypeError} for another code, or when the client acknowledges by itself
   * @example
   * ```js
   * import { MQTTClient } from 'umqtt/simple'
   *
   * const client = new MQTTClient('worker-1', 'mqtt://localhost', { acknowledge: 'manual' })
   * await client.connect()
   * await client.subscribe('jobs/#', { qos: 1 }, async (topic, payload, message) => {
   *   message.acknowledge(topic.endsWith('/unknown') ? 0x83 : 0)
   * })
   * await client.disconnect()
   * ```
   */
  acknowledge(reasonCode?: number): void
}

/** What is called for each message; a promise that it returns is waited for. */
export type MessageHandler = (topic: string, payload: Uint8Array, message: Message) => unknown

/** What the server said when it accepted the connection. */
export interface ConnectResult {
  /** Whether the server still had the session. */
  readonly sessionPresent: boolean
  /** 5, or 4 for MQTT 3.1.1, also after a fall-back. */
  readonly protocol: 4 | 5
  /** The client id in use; the server may have assigned it. */
  readonly clientId: string
  readonly limits: ServerLimits
  readonly userProperties: readonly UserProperty[]
  /** The base of response topics that the server offers, when asked for. §3.2.2.3.15 */
  readonly responseInformation?: string
}

/** The message that the server publishes when this client is gone without DISCONNECT. §3.1.2.5 */
export interface Will {
  readonly topic: string
  readonly payload: Payload
  /** @default 0 */
  readonly qos?: QoS
  /** @default false */
  readonly retain?: boolean
  /** How long the server waits with it, in seconds (MQTT 5.0). @default 0 */
  readonly delaySeconds?: number
  readonly properties?: PublishProperties
}

/** Enhanced authentication, MQTT 5.0 only. §4.12 */
export interface Authentication {
  /** The Authentication Method, such as `SCRAM-SHA-256`. */
  readonly method: string
  /** The Authentication Data of CONNECT. */
  readonly data?: Uint8Array
  /**
   * Answers the server's data; what it returns is sent with AUTH 0x18. When it throws, the
   * connection ends with that error.
   */
  readonly respond?: (data: Uint8Array | undefined) => Uint8Array | Promise<Uint8Array>
}

/** What CONNECT says besides, MQTT 5.0 only. §3.1.2.11 */
export interface ConnectProperties {
  readonly userProperties?: readonly UserProperty[]
  /** Asks for `responseInformation`. @default false */
  readonly requestResponseInformation?: boolean
  /** False asks for no reason strings on acknowledgements. @default true */
  readonly requestProblemInformation?: boolean
  readonly authentication?: Authentication
}

/** Bounds on everything that can grow. Reaching one has the behaviour that is said with it. */
export interface Limits {
  /**
   * QoS 1 and 2 messages that may be with the application at once, 1 to 65,535; the server then waits
   * (MQTT 5.0). A server that exceeds a number that you set is cut off with 0x93; one that exceeds the
   * default is counted in `statistics`, because Mosquitto 2.0 does. §3.1.2.11.3 @default 1024
   */
  readonly receiveMaximum?: number
  /** The largest packet that is read, in bytes; a larger one ends the connection. @default 16,777,216 */
  readonly maximumPacketSizeBytes?: number
  /** Topic aliases that the server may use, 0 to 65,535. @default 32 */
  readonly topicAliasMaximum?: number
  /** Topic aliases that we use where the server allows them, 0 to 65,535. @default 32 */
  readonly outboundTopicAliases?: number
  /** Messages that may wait to be sent; `publish` then rejects. @default 250,000 */
  readonly waitingMessages?: number
  /** Their topics and payloads, in bytes; `publish` then rejects. @default 67,108,864 */
  readonly waitingBytes?: number
  /** Bytes with the application from which on nothing is read. @default 1,048,576 */
  readonly inboxBytes?: number
  /**
   * The same while an operation waits for an answer. As many messages at QoS 1 and 2 as `receiveMaximum` do not count
   * here, up to eight times as many bytes. @default 8,388,608
   */
  readonly inboxHardBytes?: number
}

/** Bounds on every wait, in ms, 1 to 2,147,483,647. */
export interface Timeouts {
  /** From the dial to CONNACK: name lookup, TCP, TLS and MQTT. @default 30,000 */
  readonly connectMs?: number
  /** Longest wait for an acknowledgement while nothing moves; then the connection is given up. @default 20,000 */
  readonly acknowledgementMs?: number
  /** Longest wait for any byte after PINGREQ while no write is stuck; then the connection is given up. @default 10,000 */
  readonly pingMs?: number
  /** Longest that a write may make no progress; then the connection is given up. @default 20,000 */
  readonly writeMs?: number
  /**
   * Longest that a publish, subscribe, unsubscribe or ping stays open; then it rejects. In `umqtt/robust` a subscribe
   * or unsubscribe counts it from when it was asked on a connection, and is asked again then. @default 60,000
   */
  readonly operationMs?: number
  /** Longest that an orderly end may take; then the transport is cut. @default 2,000 */
  readonly closeMs?: number
  /** A handler that runs longer is reported as `handler-error`, once. @default 30,000 */
  readonly handlerTimeoutMs?: number
}

/** Options of a client. */
export interface ClientOptions {
  /** @default 1883, or 8883 with TLS, 80 and 443 for WebSocket */
  readonly port?: number
  readonly user?: string
  readonly password?: Payload
  /** Longest time without a packet from us, in seconds, 0 to 65,535; 0 turns it off. §3.1.2.10 @default 60 */
  readonly keepAliveSeconds?: number
  /** 5 or 4 (MQTT 3.1.1). @default 5, and 4 when the server refuses it */
  readonly protocol?: 4 | 5
  readonly will?: Will
  readonly tls?: TlsOptions
  readonly limits?: Limits
  readonly timeouts?: Timeouts
  /** Who acknowledges: the client after every consumer is done, or the application. @default 'handled' */
  readonly acknowledge?: 'handled' | 'manual'
  /** What becomes of a message whose handler throws: it is acknowledged, refused with 0x83, or comes again. @default 'acknowledge' */
  readonly onHandlerError?: 'acknowledge' | 'reject' | 'hold'
  /**
   * Another byte pipe than the address implies. What it throws ends the connection with a `ConnectionLostError`
   * whose `cause` it is, and one that does not say that it was destroyed counts as gone after a second.
   */
  readonly transport?: TransportFactory
  readonly properties?: ConnectProperties
}

/** Options of `connect`. */
export interface ConnectOptions {
  /** Begin a new session and forget the old one on both sides. @default true */
  readonly cleanStart?: boolean
  /**
   * How long the server keeps the session after the connection, in seconds, 0 to 4,294,967,295 (for ever).
   * MQTT 3.1.1 knows only both ends of it. @default 0 with `cleanStart`, else 86,400
   */
  readonly sessionExpirySeconds?: number
  /** Gives the attempt up; `connect` rejects with its reason. */
  readonly signal?: AbortSignal
}

/** Options of `publish`. */
export interface PublishOptions {
  /** @default 0 */
  readonly qos?: QoS
  /** @default false */
  readonly retain?: boolean
  readonly properties?: PublishProperties
  /** Stops waiting; what was not sent yet will not be. */
  readonly signal?: AbortSignal
  /** True promises that the payload's bytes do not change any more: no copy is made. @default false */
  readonly transfer?: boolean
}

/** How a publish ended well. */
export interface PublishResult {
  /** 0, or 0x10 when nobody subscribes (MQTT 5.0). §3.4.2.1 */
  readonly reasonCode: number
  /** Present when the server said that there is no subscriber. */
  readonly subscribers?: 'none'
}

/** Properties of SUBSCRIBE, MQTT 5.0 only. §3.8.2.1 */
export interface SubscribeProperties {
  /**
   * 1 to 268,435,455: the server sends it along with every message that matches these filters, in
   * `properties.subscriptionIds` of the message.
   */
  readonly subscriptionId?: number
  /** Names and values, in order; a name may come more than once. */
  readonly userProperties?: readonly UserProperty[]
}

/** Options of `subscribe`. §3.8.3.1 */
export interface SubscribeOptions {
  /** The highest QoS to receive, unless another subscription of this client to the same filter has a higher. @default 0 */
  readonly qos?: QoS
  /** Not what this client publishes itself (MQTT 5.0). @default false */
  readonly noLocal?: boolean
  /** Retain flags as they were published (MQTT 5.0). @default false */
  readonly retainAsPublished?: boolean
  /** Retained messages: 0 always, 1 for a new subscription, 2 never (MQTT 5.0). @default 0 */
  readonly retainHandling?: 0 | 1 | 2
  readonly properties?: SubscribeProperties
  readonly signal?: AbortSignal
}

/** What the server made of one filter. */
export interface Grant {
  readonly filter: string
  /** The QoS granted; undefined when the filter was refused. */
  readonly qos: QoS | undefined
  readonly reasonCode: number
}

/** Filters that the server has answered; iterating gives their messages. */
export interface Subscription extends AsyncIterable<Message>, AsyncDisposable {
  /** What the server answered last: after a lost session `umqtt/robust` asks again. */
  readonly granted: readonly Grant[]
  /**
   * Takes the subscription back at the server, as far as no other one has the same filters; its handler is gone at
   * once, and its iterations end.
   * @throws as `unsubscribe` of the client does
   * @example
   * ```js
   * const light = await client.subscribe('hall/light', { qos: 1 }, () => undefined)
   * await light.unsubscribe()
   * ```
   */
  unsubscribe(): Promise<void>
}

/** Properties of UNSUBSCRIBE, MQTT 5.0 only. §3.10.2.1 */
export type UnsubscribeProperties = Pick<SubscribeProperties, 'userProperties'>

/** Options of `unsubscribe`. */
export interface UnsubscribeOptions {
  readonly properties?: UnsubscribeProperties
  readonly signal?: AbortSignal
}

/** Properties of DISCONNECT, MQTT 5.0 only. Those that the server has no room for are left out. §3.14.2.2 */
export interface DisconnectProperties {
  /**
   * How long the server keeps the session from now on, in s, 0 to 4,294,967,295; that is for ever, and 0 ends it. Who
   * asked for no session cannot have one now: above 0 throws, whatever the server has granted. Left out where the
   * server keeps none though it was asked for. §3.14.2.2.2
   * @default as agreed on when it connected
   */
  readonly sessionExpirySeconds?: number
  /** For a person who reads the logs of the server, up to 65,535 bytes. §3.14.2.2.3 @default none */
  readonly reasonString?: string
  /** Names and values, in order; a name may come more than once. */
  readonly userProperties?: readonly UserProperty[]
}

/** Options of `disconnect`. */
export interface DisconnectOptions {
  /** 0; 4 asks the server to publish the will all the same; others of §3.14.2.1. @default 0 */
  readonly reasonCode?: number
  /** Longest that it may take, in ms, 1 to 2,147,483,647. @default timeouts.closeMs */
  readonly timeoutMs?: number
  readonly properties?: DisconnectProperties
}

/** Where a client is in its life. */
export type ClientState = 'idle' | 'connecting' | 'connected' | 'closing' | 'closed'

/** What listeners are told. */
export interface SimpleEvents {
  state: ClientState
  /** The connection ended, and not by `disconnect`. */
  'connection-lost': Error
  /** A handler threw or rejected; or it, or the body of a loop, has had a message for `handlerTimeoutMs`. */
  'handler-error': { readonly error: unknown; readonly message: Message }
  /** Something that a person should mend. */
  warning: { readonly code: string; readonly message: string }
}

/** Counters and gauges since the client was made. */
export interface Statistics {
  readonly [name: string]: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly packetsSent: number
  readonly packetsReceived: number
  /** QoS 1 and 2 messages sent and not acknowledged to the end. */
  readonly inflight: number
  /** Messages that wait to be sent, and their bytes. */
  readonly waitingMessages: number
  readonly waitingBytes: number
  /** Bytes of messages that the application has or has still to get. */
  readonly inboxBytes: number
  /** Age of the last inbound byte, ms; -1 before the first. */
  readonly lastReceivedAgeMs: number
  /** The last round trip of PINGREQ and PINGRESP, ms; -1 before the first. */
  readonly roundTripMs: number
  /** Messages that nobody was there to take. */
  readonly unclaimedMessages: number
  /** Handlers that failed. */
  readonly handlerErrors: number
  /** Acknowledgements for packet ids that nothing held. */
  readonly strayAcknowledgements: number
  /** Messages that the server sent beyond our Receive Maximum. */
  readonly receiveMaximumOverruns: number
}
