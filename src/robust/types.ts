// The public types of umqtt/robust, beside those that it shares with umqtt/simple.
// Types alone; defaults are in defaults.ts, and what the words mean in docs/delivery-policies.md.

import type { OutboxStore } from '../outbox/store.ts'
import type {
  ClientOptions,
  ConnectResult,
  DisconnectOptions,
  Limits,
  Payload,
  PublishProperties,
  QoS,
  SimpleEvents,
  TlsOptions,
  Will,
} from '../simple/types.ts'
import type { OpenStage, OutcomeStatus } from './entry.ts'
import type { DeliveryPolicy } from './policies.ts'
import type { ReconnectOptions } from './schedule.ts'

/** Where a message is: a stage, or its outcome. */
export type Stage = OpenStage | OutcomeStatus

/** Where a message is kept: on disk, in memory, or it has its outcome already. */
export type Stored = 'disk' | 'memory' | 'settled'

/** How a message ended. */
export interface Outcome {
  readonly status: OutcomeStatus
  /** How often it was handed to a connection. */
  readonly attempts: number
  /** From `publish` to the outcome, ms. */
  readonly latencyMs: number
  /**
   * Whether it was sent afresh after it had been sent, so that the server may have it twice. What is sent
   * again in the same session, marked as DUP, counts only where the server refused it: it may have the first.
   */
  readonly possiblyDuplicated: boolean
  /** The server had no subscriber for it: reason 0x10. */
  readonly subscribers?: 'none'
  /** The server's last word. */
  readonly reasonCode?: number
  readonly error?: Error
}

/** What `publish` gives. No promise itself, so that nobody waits for days by accident. */
export interface Receipt {
  /** Names the message; with a durable outbox also after a restart. */
  readonly id: string
  readonly topic: string
  readonly stage: Stage
  /** Where it is kept. @throws {StoreError} when the outbox could not keep it */
  readonly stored: Promise<Stored>
  /** How it ended; never rejects. */
  readonly settled: Promise<Outcome>
  /**
   * `accepted`, the stage of the moment and those that follow, to the outcome, with which it ends; of a message that
   * has its outcome, that alone. Never rejects.
   * @returns one iteration for each that asks
   * @example
   * ```js
   * const receipt = client.publish('door/7/state', 'open', { qos: 1 })
   * for await (const stage of receipt.stages()) console.log(stage)
   * ```
   */
  stages(): AsyncIterable<Stage>
  /**
   * As `settled`, with a bound. The message goes on, whether somebody waits or not.
   * @param options `signal` ends the wait
   * @returns how it ended
   * @throws {TypeError} at the call, for an option that cannot be meant
   * @throws the reason of `signal`
   * @example
   * ```js
   * const receipt = client.publish('door/7/state', 'open', { qos: 1 })
   * const { status } = await receipt.wait({ signal: AbortSignal.timeout(5000) })
   * console.log(status)
   * ```
   */
  wait(options: { readonly signal: AbortSignal }): Promise<Outcome>
  /**
   * Gives the message up; it settles as `cancelled`, or `maybe-delivered` where the server may have it.
   * @returns whether the server certainly has it not: it was never sent, or turned away each time
   * @example
   * ```js
   * const receipt = client.publish('door/7/unlock', 'now', { qos: 1 })
   * console.log(receipt.cancel() ? 'taken back in time' : 'it may have gone out')
   * ```
   */
  cancel(): boolean
}

/** A small value of the application's own, under a name. */
export interface Mark {
  readonly name: string
  /** At most 65,535 bytes, and written with each message: keep it short. */
  readonly value: Payload
}

/** What `publish` may be told. */
export interface RobustPublishOptions {
  /** What the message is worth. @default the client's `delivery` */
  readonly delivery?: DeliveryPolicy
  /** @default the policy's */
  readonly qos?: QoS
  /** @default false */
  readonly retain?: boolean
  readonly properties?: PublishProperties
  /** Hands the payload over: it is not copied, and must not be changed. @default false */
  readonly transfer?: boolean
  /**
   * Stored in one commit with the message, such as how far its source was read: after a crash both are
   * there, or neither is. Needs a durable message. See `outbox.mark`.
   */
  readonly mark?: Mark
}

/** User name and password, asked for before an attempt. */
export interface Credentials {
  readonly user?: string
  readonly password?: Payload
}

/** Bounds on everything that can grow. */
export interface RobustLimits extends Limits {
  /** Messages without an outcome; then something of lower priority is evicted, or it is refused. @default 250,000 */
  readonly outboxMessages?: number
  /** Their topics and payloads, in bytes. @default 67,108,864 */
  readonly outboxBytes?: number
}

/** The options of umqtt/simple, and what makes a client hold on. */
export interface RobustOptions extends Omit<ClientOptions, 'limits' | 'tls' | 'will'> {
  readonly limits?: RobustLimits
  /** TLS settings, or a function that is asked before each attempt: certificates change. */
  readonly tls?: TlsOptions | (() => Promise<TlsOptions>)
  /** The will, or a function that is asked before each attempt. */
  readonly will?: Will | (() => Promise<Will>)
  /** Where messages wait: a folder, or a store that passes the contract suite. @default memory */
  readonly outbox?: string | OutboxStore
  /**
   * More servers of the same cluster, tried in order; the one of the constructor is the first. A function is asked
   * before each attempt. Where it names the server of the constructor with another query, such as a token that
   * expires, that URL is used in its place.
   */
  readonly servers?: readonly string[] | (() => Promise<readonly string[]>)
  /** Whether the servers of the list share their sessions. @default true */
  readonly sharedSessions?: boolean
  /** Asked before each attempt. */
  readonly credentials?: () => Promise<Credentials>
  /** What a message without a policy of its own is worth. @default until it is delivered */
  readonly delivery?: DeliveryPolicy
  /** `always` connected, or `on-demand` of the messages. @default 'always' */
  readonly connection?: 'always' | 'on-demand'
  readonly session?: {
    /**
     * How long the server keeps the session without us, in s, 0 to 4,294,967,295 (for ever). MQTT 3.1.1 knows only
     * for ever, and 0, for which each of its connections starts clean. @default 259,200
     */
    readonly expirySeconds?: number
    /** Whether a session that the server has and we do not know is taken up. @default true */
    readonly adopt?: boolean
  }
  readonly reconnect?: ReconnectOptions
}

/** What `connect` may be told. */
export interface RobustConnectOptions {
  /** Whether to go on after a failure. @default true */
  readonly retry?: boolean
  readonly signal?: AbortSignal
}

/** What `disconnect` may be told. */
export interface RobustDisconnectOptions extends Omit<DisconnectOptions, 'reasonCode'> {
  /** Whether to wait first until every message has its outcome, as far as `timeoutMs` allows. @default false */
  readonly drain?: boolean
}

/** `idle` before the first use · `waiting` for the next attempt · `closed` after `disconnect`. */
export type RobustState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'closing' | 'closed'

/** The events of a client that holds on. */
export interface RobustEvents extends Omit<SimpleEvents, 'state'> {
  state: RobustState
  /** An attempt begins, at the server as it was written, without its query, which may carry a token. */
  attempt: { readonly number: number; readonly server: string }
  /** The next attempt waits. */
  waiting: { readonly delayMs: number; readonly error: Error; readonly slowLane: boolean }
  connected: ConnectResult
  /** The server forgot the session: messages to us may have been missed between these moments; from 0 where an earlier process had it. */
  'session-lost': { readonly fromMs: number; readonly toMs: number; readonly inFlight: number }
  settled: { readonly receipt: Receipt; readonly outcome: Outcome }
}
