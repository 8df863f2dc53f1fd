// `umqtt/robust`: a client that holds on. The public surface: every argument is checked here, at the call.
// A mistake of the caller throws; what the world does is reported by receipts, events and outcomes.

/// <reference lib="esnext.disposable" preserve="true" />

import { NO_PROPERTIES, type Properties } from '../codec/packets.ts'
import { BaseClient } from '../simple/base-client.ts'
import {
  checkBoolean,
  checkEvent,
  checkHandler,
  checkKeys,
  checkQos,
  checkSignal,
  checkText,
  checkTimer,
  copyPayload,
  fields,
  refuse,
} from '../simple/checks.ts'
import { ClientCore } from '../simple/client-core.ts'
import { disconnectProperties, packetProperties, requireSession } from '../simple/properties.ts'
import { checkWait, PublishChecks } from '../simple/requests.ts'
import type { ConnectResult, Payload } from '../simple/types.ts'
import { sleepFor } from './connector.ts'
import { Entry, type ResolvedMark } from './entry.ts'
import { Keeper } from './keeper.ts'
import { resolveRobustOptions } from './options.ts'
import type { RobustPlatform } from './platform.ts'
import { Policies, type ResolvedPolicy } from './policies.ts'
import { MessageReceipt } from './receipt.ts'
import { RobustCore } from './robust-core.ts'
import { watchStore } from './slow-store.ts'
import type {
  Mark,
  Receipt,
  RobustConnectOptions,
  RobustDisconnectOptions,
  RobustEvents,
  RobustOptions,
  RobustPublishOptions,
  RobustState,
} from './types.ts'
import { makeOutbox, OutboxView } from './outbox-view.ts'

const PUBLISH_CHECKS = {
  delivery: true,
  qos: checkQos,
  retain: checkBoolean,
  properties: packetProperties,
  transfer: checkBoolean,
  mark: fields<Mark, ResolvedMark>({ name: checkText, value: copyPayload }, 'name', 'value'),
} satisfies { readonly [K in keyof Required<RobustPublishOptions>]: unknown }

const checkConnect = fields<RobustConnectOptions>({ retry: checkBoolean, signal: checkSignal })
const checkDisconnect = fields<
  RobustDisconnectOptions,
  Omit<RobustDisconnectOptions, 'properties'> & { readonly properties?: Properties }
>({
  drain: checkBoolean,
  timeoutMs: checkTimer,
  properties: disconnectProperties,
})

/** What listeners may be added for, and who tells it: this client, or that of one connection below it. */
const EVENTS: { readonly [E in keyof RobustEvents]: 'here' | 'below' } = {
  state: 'here',
  attempt: 'here',
  waiting: 'here',
  connected: 'here',
  'connection-lost': 'below',
  'session-lost': 'here',
  settled: 'here',
  'handler-error': 'below',
  warning: 'below',
}

/** A client that reconnects, and keeps what was published until its policy is fulfilled. */
export class RobustClient extends BaseClient implements AsyncDisposable {
  readonly #core: RobustCore
  readonly #policies: Policies
  readonly #checks = new PublishChecks()
  readonly #idPrefix: string
  #published = 0
  readonly #durable: boolean

  /**
   * @param clientId 0 to 65,535 bytes; empty asks the server for one (§3.1.3.1), with MQTT 5.0 or without a session
   * @param server a host name, or a `mqtt:`, `mqtts:`, `ws:`, `wss:` or `unix:` URL
   * @param options as the application gave them
   * @param platform clock, transports, chance and where an outbox is
   * @throws {TypeError} @throws {RangeError} for an argument that cannot be meant
   */
  constructor(clientId: string, server: string, options: RobustOptions, platform: RobustPlatform) {
    checkText('clientId', clientId)
    const resolved = resolveRobustOptions(server, options, platform)
    if (clientId === '' && resolved.base.protocol === 4 && resolved.session.expirySeconds > 0) {
      refuse(
        'clientId',
        clientId,
        'MQTT 3.1.1 keeps no session without one; session.expirySeconds: 0 needs none [MQTT-3.1.3-7]',
      )
    }
    const policies = new Policies(resolved.delivery)
    const outbox = makeOutbox(resolved.outbox, platform)
    let below: ClientCore | undefined
    const core = new RobustCore(
      (layer) => (below = new ClientCore(clientId, resolved.base, platform, layer)),
      resolved,
      platform,
      {
        delay: (attempt, error, context) => this.delay(attempt, error, context),
        delayMs: (attempt, error, suggestedMs) => this.delayMs(attempt, error, suggestedMs),
        reconnect: () => this.reconnect(),
        log: (inReconnect, error) => this.log(inReconnect, error),
        isDelayOwn: () => this.delay !== RobustClient.prototype.delay,
      },
      outbox &&
        ((owner) => {
          watchStore(outbox, platform.clock, (text) => owner.warn('outbox-slow', text))
          return new Keeper(outbox, owner, resolved.session.adopt)
        }),
    )
    super(below as unknown as ClientCore)
    this.#core = core
    this.#policies = policies
    this.#durable = outbox?.traits.process === true
    this.#idPrefix = `${Math.floor(platform.random() * 2 ** 40).toString(36)}-`
  }

  /** Where the client is in its life; the event `state` tells each change. */
  get state(): RobustState {
    return this.#core.state
  }

  /** Whether nothing is left to do: every message has its outcome. */
  get idle(): boolean {
    return this.#core.idle
  }

  /** What waits, and what was set aside. */
  get outbox(): OutboxView {
    return new OutboxView(this.#core)
  }

  /**
   * Opens the outbox and reads all of it; the first use does it as well. Without an outbox it does nothing.
   * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE — it cannot be opened, or belongs to another process;
   * ERR_MQTT_STORE_FULL — there is no room for it; ERR_MQTT_STORE_CORRUPT — files of another outbox are in it
   * @example
   * ```js
   * import { MQTTClient } from 'umqtt/robust'
   *
   * const client = new MQTTClient('door-7', 'mqtt://localhost', { outbox: './door-outbox' })
   * await client.open()
   * console.log(client.outbox.count, 'messages are left from last time')
   * await client[Symbol.asyncDispose]()
   * ```
   */
  open(): Promise<void> {
    return this.#core.open()
  }

  /**
   * Connects, and stays connected. It settles at the first connection; with `retry: false` it fails at the
   * first failure, and no attempt follows unless something else asks for one. A refusal that time alone will
   * not cure rejects at once, while the client goes on trying rarely. A signal ends this wait alone;
   * `disconnect` ends the trying, and a `connect` after it begins anew.
   * @param options as {@link RobustConnectOptions} says. @default try until it succeeds
   * @returns whether the server had the session, and what it allows
   * @throws {TypeError} at the call, for an option that cannot be meant
   * @throws {ConnectRefusedError} ERR_MQTT_CONNECT_REFUSED — the server said no, for good
   * @throws {ClosedError} ERR_MQTT_CLOSED — `disconnect` was called meanwhile, or the client is disposed of
   * @throws {StoreError} the outbox cannot be opened
   * @throws with `retry: false` whatever the first attempt failed with, as `connect` of `umqtt/simple` says
   * @throws the reason of `signal`
   * @example
   * ```js
   * const { sessionPresent, limits } = await client.connect({ signal: AbortSignal.timeout(10_000) })
   * console.log(sessionPresent, limits.maximumQoS)
   * ```
   */
  connect(options: RobustConnectOptions = {}): Promise<ConnectResult> {
    const { retry = true, signal } = checkConnect('options', options)
    return this.#core.connect(retry, signal)
  }

  /**
   * Takes a message. It never waits, and never throws for the state of the network: what becomes of the
   * message is what its policy says, and its receipt tells it.
   * @param topic 1 to 65,535 bytes, without wildcards
   * @param payload bytes, copied unless `transfer` says otherwise, or text to be sent as UTF-8; up to 268,369,918 bytes
   * @param options as {@link RobustPublishOptions} says. @default the policy of the client
   * @returns the receipt of the message
   * @throws {TypeError} @throws {RangeError} at the call, for an argument that cannot be meant, or for a
   * policy that needs a durable outbox where there is none
   * @see docs/delivery-policies.md
   * @example
   * ```js
   * import { latest, within } from 'umqtt/robust'
   *
   * client.publish('hall/temperature', '21.5', { delivery: latest() })
   * const ring = client.publish('door/7/bell', 'ring', { delivery: within('15s'), qos: 1 })
   * const { status, attempts } = await ring.settled
   * console.log(status, attempts)
   * ```
   */
  publish(topic: string, payload: Payload, options: RobustPublishOptions = {}): Receipt {
    const topicBytes = this.#checks.topicBytes(topic)
    const payloadBytes = this.#checks.payloadBytes(payload)
    checkKeys('options', options, PUBLISH_CHECKS)
    const { delivery, qos, retain = false, properties, transfer = false, mark } = options
    checkBoolean('retain', retain)
    checkBoolean('transfer', transfer)
    if (qos !== undefined) checkQos('qos', qos)
    const policy = this.#policies.resolve(delivery, qos)
    if (policy.durable === 'required' && !this.#durable) {
      throw new TypeError(
        `Cannot publish to "${topic}" with durable "required": set the option outbox to a folder or a store`,
      )
    }
    const resolvedMark = mark === undefined ? mark : PUBLISH_CHECKS.mark('mark', mark)
    if (mark !== undefined && (policy.durable === 'no' || !this.#durable)) {
      throw new TypeError(
        `Cannot publish to "${topic}" with a mark: it takes a durable message, and the option outbox`,
      )
    }
    this.#published += 1
    const isPlain = policy.qos === 0 && !retain && !transfer && properties === undefined
    const owner = this.#core.delivery
    if (isPlain && owner.publishPlain(topic, topicBytes, payload, payloadBytes, policy)) {
      return new MessageReceipt(this.#sent(topic, policy, owner.now), owner)
    }
    const entry = new Entry(
      topic,
      topicBytes,
      payload,
      payloadBytes,
      policy.qos,
      retain,
      properties === undefined ? NO_PROPERTIES : packetProperties('properties', properties),
      transfer,
      policy,
      this.#idPrefix,
      this.#published,
    )
    entry.mark = resolvedMark
    return this.#core.publish(entry)
  }

  /** What makes the entry of a message that went out without one. */
  #sent(topic: string, policy: ResolvedPolicy, now: number): () => Entry {
    const number = this.#published
    return () =>
      new Entry(
        topic,
        0,
        '',
        0,
        0,
        false,
        NO_PROPERTIES,
        true,
        policy,
        this.#idPrefix,
        number,
      ).asSent(now)
  }

  /**
   * Finds the receipt of a message that has no outcome yet; also of one of an earlier process.
   * @param id the `id` of its receipt
   * @returns undefined when no such message is open
   * @throws {TypeError} it is no text
   * @throws {StoreError} the outbox cannot be opened or read
   * @example
   * ```js
   * const { id } = client.publish('door/7/state', 'open', { qos: 1 })
   * const receipt = await client.receipt(id)
   * console.log(receipt === undefined ? 'has its outcome' : receipt.stage)
   * ```
   */
  async receipt(id: string): Promise<Receipt | undefined> {
    await this.#core.open()
    return this.#core.delivery.receipt(checkText('id', id))
  }

  /**
   * Something knows that the network is back, or that the device has slept: the next attempt is made as soon as the
   * floor allows. A connection that is there is asked for a sign of life, and ends when none comes within
   * `timeouts.pingMs`; a slow link has longer while it sends a large message.
   * @example
   * ```js
   * // The system of this device tells when it has woken up.
   * process.on('SIGCONT', () => client.retryNow())
   * ```
   */
  retryNow(): void {
    this.#core.retryNow()
  }

  /**
   * Waits until every message has its outcome, those that an earlier process has left among them.
   * @param options `signal` ends the wait, and nothing else. @default as long as it takes
   * @throws {TypeError} at the call, for an option that cannot be meant
   * @throws {ClosedError} ERR_MQTT_CLOSED — `disconnect` was called meanwhile, or the client is disposed of
   * @throws {StoreError} the outbox cannot be read
   * @throws what the trying was given up for, such as the failure of `connect` with `retry: false`
   * @throws the reason of `signal`
   * @example
   * ```js
   * for (let i = 0; i < 10; i += 1) client.publish(`hall/${i}`, 'on', { qos: 1 })
   * await client.drain({ signal: AbortSignal.timeout(10_000) })
   * console.log(client.idle) // true
   * ```
   */
  drain(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#core.drain(checkWait('options', options).signal)
  }

  /**
   * When it next has something to do, for a device that sleeps.
   * @returns ms from now, Infinity for never, undefined with a `delay` of your own. 0 while an attempt is
   * prepared, and as long as an outbox was not read: nobody knows what an earlier process has left there
   * @example
   * ```js
   * const sleepMs = client.nextWake() ?? 60_000
   * console.log(sleepMs > 10_000 ? 'worth sleeping' : 'stay awake')
   * ```
   */
  nextWake(): number | undefined {
    return this.#core.nextWake()
  }

  /**
   * Ends the connection in order. What waits stays, and goes out after the next `connect`. Never rejects.
   * @param options as {@link RobustDisconnectOptions} says. @default at once, whatever waits
   * @throws {TypeError} @throws {RangeError} at the call, for an option that cannot be meant, or to prolong a
   * session where `session.expirySeconds` is 0
   * @see §3.14
   * @example
   * ```js
   * client.publish('door/7/state', 'shut', { qos: 1 })
   * await client.disconnect({ drain: true, timeoutMs: 5000 })
   * console.log(client.state, client.outbox.count) // closed 0
   * ```
   */
  disconnect(options: RobustDisconnectOptions = {}): Promise<void> {
    const { drain = false, timeoutMs, properties } = checkDisconnect('options', options)
    requireSession(properties, this.#core.core.asksForSession)
    return this.#core.disconnect(drain, timeoutMs, properties)
  }

  /**
   * Adds a listener. One that throws, or is async and rejects, harms nobody: a `warning` says so.
   * @param event one of {@link RobustEvents}
   * @param listener called with what the event tells, for each one from now on
   * @returns what removes it
   * @throws {TypeError} there is no such event, or it is no function
   * @example
   * ```js
   * client.on('waiting', ({ delayMs, error }) => console.log(`${error.message}; in ${delayMs} ms`))
   * client.on('settled', ({ receipt, outcome }) => console.log(receipt.topic, outcome.status))
   * client.on('session-lost', ({ fromMs, toMs }) => console.log(`Missed what came ${fromMs}–${toMs}`))
   * ```
   */
  on<E extends keyof RobustEvents>(
    event: E,
    listener: (detail: RobustEvents[E]) => void,
  ): () => void {
    checkEvent(EVENTS, event)
    checkHandler('listener', listener)
    const { events, core } = this.#core
    return EVENTS[event] === 'below'
      ? core.events.on(event as 'warning', listener as never)
      : events.on(event, listener)
  }

  /**
   * The end: disconnects and closes the outbox. What no outbox keeps has its outcome then: `cancelled`, or
   * `maybe-delivered`; whatever is published later is `refused`. Never rejects: what the outbox could not make safe
   * is told by the warning `outbox`.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#core.close()
  }

  /**
   * Waits before the next attempt; yours to override, for longer or shorter than suggested. Whatever it
   * does, the floor, the budget and a server's hint are kept; what brings the attempt forward (`retryNow`,
   * an urgent message, `disconnect`) aborts the signal and waits no more. If it throws, the suggested wait holds.
   * While it waits there is no attempt: one that waits for the outcome of a message, or for `connect`, never ends.
   * @param attempt how many were made since the connection was last stable, 1 and up
   * @param error what the last one failed with
   * @param suggestedMs how long the schedule would wait, in ms
   * @param signal aborts when nobody waits for it any more
   * @example
   * ```ts
   * import { MQTTClient } from 'umqtt/robust'
   *
   * class PatientClient extends MQTTClient {
   *   protected override async delay(
   *     attempt: number,
   *     error: Error,
   *     wait: { suggestedMs: number; signal: AbortSignal },
   *   ): Promise<void> {
   *     await super.delay(attempt, error, { ...wait, suggestedMs: wait.suggestedMs * 2 })
   *   }
   * }
   * ```
   */
  protected delay(
    _attempt: number,
    _error: Error,
    { suggestedMs, signal }: { readonly suggestedMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    return sleepFor(this.#core.clock, suggestedMs, signal)
  }

  /**
   * How long to wait before the next attempt; yours to override, and `nextWake` knows of it.
   * @param attempt how many were made since the connection was last stable, 1 and up
   * @param error what the last one failed with
   * @param suggestedMs how long the schedule would wait, in ms
   * @returns ms; what is not above 0 is the floor; Infinity waits until something brings the attempt forward
   * @example
   * ```ts
   * import { MQTTClient } from 'umqtt/robust'
   *
   * class PatientClient extends MQTTClient {
   *   protected override delayMs(attempt: number, error: Error, suggestedMs: number): number {
   *     return attempt > 10 ? Infinity : suggestedMs * 2
   *   }
   * }
   * ```
   */
  protected delayMs(_attempt: number, _error: Error, suggestedMs: number): number {
    return suggestedMs
  }

  /**
   * Tries until there is a connection; yours to override around `super.reconnect()`. An override that ends
   * without a connection is called again after a wait. Before it calls that, nothing tries: it may wait for no
   * message, and not for `connect`.
   * @returns what the server said, as `connect` does
   * @throws when the trying is given up; called again after that, it waits for the next `connect`
   * @example
   * ```ts
   * import { MQTTClient } from 'umqtt/robust'
   *
   * class LitClient extends MQTTClient {
   *   protected override async reconnect() {
   *     const result = await super.reconnect()
   *     console.log('The light goes on')
   *     return result
   *   }
   * }
   * ```
   */
  protected reconnect(): Promise<ConnectResult> {
    return this.#core.connector.reconnect()
  }

  /**
   * Told of every failure; yours to override.
   * @param inReconnect whether an attempt has failed; false: the connection that was there is lost
   * @param error why
   * @example
   * ```ts
   * import { MQTTClient } from 'umqtt/robust'
   *
   * class LoggingClient extends MQTTClient {
   *   protected override log(inReconnect: boolean, error: Error): void {
   *     console.error(inReconnect ? 'Cannot connect:' : 'Lost:', error.message)
   *   }
   * }
   * ```
   */
  protected log(_inReconnect: boolean, _error: Error): void {
    // Nothing by itself: the events "waiting" and "connection-lost" tell the same.
  }
}
