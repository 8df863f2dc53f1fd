// Behind the public client: joins the courier (what is sent, and what became of it), the connector (when
// there is a connection), the keeper (what survives) and the client of one connection below.
// It decides nothing that they can decide.

import type { Properties } from '../codec/packets.ts'
import { type Deferred, deferred } from '../driver/deferred.ts'
import { textOf } from '../driver/thrown.ts'
import type { InboundMessage } from '../engine/inbound-message.ts'
import { PingOperation, type PublishOperation } from '../engine/operations.ts'
import type { ClosedOutput, ConnectedOutput, ReleaseOutput } from '../engine/types.ts'
import { ClosedError } from '../errors.ts'
import type { ClientCore, Layer } from '../simple/client-core.ts'
import { Emitter } from '../simple/events.ts'
import type { ConnectResult } from '../simple/types.ts'
import { reasonOf, watch } from '../simple/waiting.ts'
import { ConnectionWarnings } from './connection-warnings.ts'
import { bounded, Connector, type ConnectHooks, type Aborter } from './connector.ts'
import { Delivery, type MakeKeeper } from './delivery.ts'
import { Dialler } from './dialler.ts'
import type { Entry } from './entry.ts'
import type { ResolvedRobustOptions } from './options.ts'
import type { RobustPlatform } from './platform.ts'
import { MessageReceipt } from './receipt.ts'
import { isUnanswered, Resubscriber } from './resubscriber.ts'
import { type Decision, Schedule, type Urgency } from './schedule.ts'
import type { Receipt, RobustEvents, RobustState } from './types.ts'

/** Somebody who waits for a connection. */
interface Waiter {
  /** Called when CONNACK is in, before anything is sent again. */
  connected(result: ConnectResult): void
  fail(error: unknown): void
  /** Whether it goes on waiting after a failure. */
  readonly retry: boolean
  /** Whether it does after a refusal too, as long as the client goes on trying. */
  readonly isRequest: boolean
}

export class RobustCore implements Layer {
  readonly core: ClientCore
  readonly delivery: Delivery
  readonly connector: Connector
  readonly events: Emitter<RobustEvents>
  readonly #options: ResolvedRobustOptions
  readonly #platform: RobustPlatform
  readonly #dialler: Dialler
  readonly #resubscriber: Resubscriber
  readonly #warnings: ConnectionWarnings
  /** Whoever waits for a connection, or for the end of the work. */
  readonly #connecting = new Set<Waiter>()
  /** Requests that wait for a connection, or for their answer. */
  #requests = 0
  readonly #draining = new Set<Deferred<void>>()
  #result: ConnectResult | undefined
  #hadSession = false
  #lostAt = 0
  #ended = false
  #closing: Promise<void> | undefined
  #announced: RobustState = 'idle'

  constructor(
    makeCore: (layer: Layer) => ClientCore,
    options: ResolvedRobustOptions,
    platform: RobustPlatform,
    hooks: ConnectHooks,
    makeKeeper: MakeKeeper | undefined,
  ) {
    this.#options = options
    this.#platform = platform
    this.core = makeCore(this)
    this.core.asksForSession = options.session.expirySeconds > 0
    this.events = new Emitter<RobustEvents>(this.core)
    this.delivery = new Delivery(
      this.core,
      this.events,
      options.courier,
      platform,
      makeKeeper,
      () => this.#handlePumped(),
    )
    const { reconnect, servers, asks } = options
    const settings = { ...reconnect, freshCredentials: asks.credentials !== undefined }
    const list = typeof servers === 'function' ? [options.server] : servers
    const schedule = new Schedule(settings, platform.random, list)
    this.connector = new Connector(schedule, this, hooks)
    // Where all servers share it, nothing of that is kept.
    const home = (!options.sharedSessions && this.delivery.keeper) || { server: '' }
    this.#dialler = new Dialler(this.core, platform.clock, options, schedule, home)
    this.#resubscriber = new Resubscriber(this.core)
    this.#warnings = new ConnectionWarnings(this.core)
  }

  get clock(): RobustPlatform['clock'] {
    return this.#platform.clock
  }

  get state(): RobustState {
    const { state } = this.core
    if (state === 'connected' || state === 'closing') return state
    if (this.connector.active) return this.connector.sleeping ? 'waiting' : 'connecting'
    return this.#ended ? 'closed' : 'idle'
  }

  /** Whether nothing is left to do: every message has its outcome. */
  get idle(): boolean {
    return this.delivery.idle
  }

  makeAborter(): Aborter {
    return this.#platform.makeAborter()
  }

  /** Opens the outbox, once, and reads everything in it. */
  async open(): Promise<void> {
    await this.#ready()
    await this.delivery.open()
  }

  /** Opens the outbox as far as a connection needs it; the rest is read meanwhile. */
  async #ready(): Promise<void> {
    // What fails in there is told by a warning, and to who waits for all of it.
    this.delivery.open().catch(() => undefined)
    await this.delivery.ready()
    this.#hadSession ||= this.delivery.takeSession()
  }

  /** Takes a message that is checked. */
  publish(entry: Entry): Receipt {
    if (this.#closing !== undefined)
      this.delivery.refuse(entry, new ClosedError('The client is closed: make another'))
    else this.delivery.publish(entry)
    if (entry.policy.energy === 'urgent') this.connector.schedule.handleUrgent()
    if (!this.#ended) this.#want()
    return new MessageReceipt(entry, this.delivery)
  }

  /** Publishes a message anew that was set aside. */
  async resubmit(id: string): Promise<Receipt> {
    const receipt = await this.delivery.resubmit(id)
    if (!this.#ended) this.#want()
    return receipt
  }

  connect(retry: boolean, signal: AbortSignal | undefined): Promise<ConnectResult> {
    return this.#whenConnected((result) => Promise.resolve(result), retry, false, signal)
  }

  /** Does something on a connection: on the one that there is, or first of all on the next one. */
  async #whenConnected<T>(
    action: (result: ConnectResult) => Promise<T>,
    retry: boolean,
    isRequest: boolean,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    if (signal?.aborted) throw reasonOf(signal)
    if (this.#closing !== undefined) throw new ClosedError('The client is closed: make another')
    this.#ended = false
    const isHeld = isRequest && this.delivery.forgetting
    if (this.#result !== undefined && this.core.state === 'connected' && !isHeld) {
      return action(this.#result)
    }
    const wait = deferred<T>()
    const waiter: Waiter = {
      // A listener of `connected` may have given it up.
      connected: (result) =>
        void (signal?.aborted || action(result).then(wait.resolve, wait.reject)),
      fail: wait.reject,
      retry,
      isRequest,
    }
    this.#connecting.add(waiter)
    const stopWatching = watch(signal, wait.reject)
    const leave = (): void => {
      stopWatching()
      this.#connecting.delete(waiter)
    }
    if (this.delivery.opened) this.#start(!retry)
    else {
      // Who has given up meanwhile starts nothing.
      const start = (): void => void (this.#connecting.has(waiter) && this.#start(!retry))
      this.#ready().then(start, waiter.fail)
    }
    return wait.promise.finally(leave)
  }

  /** Waits until a request could be made on a connection, makes it, and again when the link broke. */
  async persist<T>(request: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    this.#requests += 1
    try {
      for (;;) {
        if (signal?.aborted) throw reasonOf(signal)
        if (this.core.state !== 'connected' && this.#ended) {
          throw new ClosedError('Not sent: the client is closed', { sent: 'no' })
        }
        try {
          return await this.#whenConnected(request, true, true, signal)
        } catch (error) {
          if (!isUnanswered(error) || this.#ended) throw error
        }
      }
    } finally {
      this.#requests -= 1
      this.delivery.pump()
    }
  }

  /** Cuts a wait short: the network is back. */
  retryNow(): void {
    const { engine, driver, state } = this.core
    this.connector.hurry('now')
    if (state !== 'connected') return
    // Nobody waits for it: without an answer the connection ends, and the events tell that.
    engine.ping(new PingOperation(), driver.now)
    driver.touch()
  }

  drain(signal: AbortSignal | undefined): Promise<void> {
    if (this.idle) return Promise.resolve()
    if (signal?.aborted) return Promise.reject(reasonOf(signal))
    if (this.#closing) return Promise.reject(new ClosedError('The client is closed: make another'))
    if (!this.#ended) this.#want()
    const wait = deferred<void>()
    this.#draining.add(wait)
    const stopWatching = watch(signal, wait.reject)
    // What an earlier process has left is read first; `pump` tells when that is done.
    this.delivery.open().catch(wait.reject)
    return wait.promise.finally(() => {
      stopWatching()
      this.#draining.delete(wait)
    })
  }

  nextWake(): number | undefined {
    const attempt = this.connector.nextAttemptMs()
    if (attempt === undefined) return undefined
    // An attempt that is being prepared has no time of its own yet.
    const isBegun = this.state === 'connecting' && this.core.state !== 'connecting'
    if (!this.delivery.opened || isBegun) return 0
    const own =
      Math.min(this.delivery.courier.nextTimeout(), this.core.engine.nextTimeout()) - this.#now
    return Math.max(0, Math.min(attempt, own))
  }

  async disconnect(
    drainFirst: boolean,
    timeoutMs: number | undefined,
    properties?: Properties,
  ): Promise<void> {
    const closeMs = timeoutMs ?? this.core.options.bounds.closeMs
    const end = this.clock.now() + closeMs
    if (drainFirst && !this.idle) {
      await bounded(this.clock, 'drain', closeMs, this.drain(undefined)).catch(() => undefined)
    }
    this.#ended = true
    this.connector.stop()
    this.#failWaiters(
      new ClosedError('Connect was given up: disconnect was called', { sent: 'no' }),
    )
    // What DISCONNECT needs is a timer's least.
    await this.core.disconnect(0, Math.max(1, end - this.clock.now()), properties)
    this.#announce()
  }

  #start(failFast: boolean): void {
    this.connector.start(failFast)
    this.#announce()
  }

  /** The end: what no outbox keeps has its outcome, and nothing is taken any more. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.disconnect(false, undefined)
    await this.delivery.close()
  }

  // ---- what the connector asks for

  isNeeded(): boolean {
    const { connection } = this.#options
    return connection === 'always' || this.delivery.courier.wantsConnection || this.#isAwaited
  }

  async findServers(over: AbortSignal): Promise<void> {
    await this.#ready()
    try {
      await this.#dialler.findServers(over)
    } catch (error) {
      // Those that are known are better than none; who has given up asks for none.
      if (over.aborted) return
      this.warn('servers', `Cannot use what servers() gives: ${textOf(error)}`)
    }
  }

  prepare(over: AbortSignal): Promise<() => Promise<ConnectResult>> {
    return this.#dialler.prepare(over, this.#hadSession)
  }

  urgency(): Urgency {
    return this.delivery.courier.urgent ? 'urgent' : 'normal'
  }

  handleAttempt(number: number, server: string): void {
    this.events.emit('attempt', { number, server })
    this.#announce()
  }

  handleFailed(error: Error): void {
    for (const { fail, retry } of this.#connecting) if (!retry) fail(error)
  }

  handleWaiting({ delayMs, slowLane }: Omit<Decision, 'stop'>, error: Error): void {
    if (slowLane) this.#handleRefused(error)
    this.#announce()
    const isHeard = this.events.emit('waiting', { delayMs, error, slowLane })
    if (isHeard || delayMs === Infinity) return
    this.#warnings.handleWaiting(error, slowLane, this.#hadSession)
  }

  handleStopped(error: Error | undefined): void {
    if (error !== undefined) {
      this.#ended = true
      this.#failWaiters(error)
    }
    this.#announce()
  }

  // ---- what the connection tells

  handleConnected(output: ConnectedOutput, result: ConnectResult): void {
    if (!this.#dialler.handleConnected(result)) return
    const { resumed, mayBeNew } = output
    this.#result = result
    this.connector.handleConnected(result)
    const lost = this.#hadSession && !result.sessionPresent
    const { inflight } = this.delivery.courier.counts
    this.delivery.handleConnected(output, () => this.#handleForgotten())
    if (!resumed || mayBeNew) this.#resubscriber.handleLost()
    // Before anything else goes out.
    if (!this.delivery.forgetting) this.#resubscriber.ask()
    this.#warnings.handleConnected(lost)
    if (lost) this.#reportLostSession(inflight)
    this.#hadSession = true
    this.#announce()
    this.events.emit('connected', result)
    this.#serve(result)
    this.delivery.probe()
  }

  /**
   * Tells who waits for a connection. A process after this one would take the ids of a session that is lost for
   * those of the new one, and acknowledge its messages unread, or end a session that it does not know: there are none
   * until something is subscribed to.
   */
  #serve(result: ConnectResult): void {
    for (const waiter of takeAll(this.#connecting)) {
      if (waiter.isRequest && this.delivery.forgetting) this.#connecting.add(waiter)
      else waiter.connected(result)
    }
  }

  #handleForgotten(): void {
    // Without a connection the next one asks.
    if (this.#result === undefined) return
    this.#resubscriber.ask()
    this.#serve(this.#result)
    this.delivery.probe()
    this.delivery.pump()
  }

  handleClosed({ error, sentLarge }: ClosedOutput, wasConnected: boolean): void {
    if (this.#dialler.sweeping) return
    const granted = this.#result?.limits.sessionExpirySeconds
    this.#result = undefined
    if (wasConnected) {
      this.#lostAt = this.#platform.epochNow()
      this.#dialler.handleClosed(error, sentLarge)
      this.delivery.handleClosed(error)
      // None was asked for, or our DISCONNECT has ended it. One that a server does not grant is lost.
      const isKept = this.core.engine.limits.sessionExpirySeconds > 0
      if (!isKept && (granted !== 0 || !this.core.asksForSession)) this.#hadSession = false
      const isAsking = this.#requests + this.#resubscriber.open > 0
      if (error !== undefined) this.core.events.emit('connection-lost', error)
      this.#warnings.handleClosed(error, isAsking)
      if (error === undefined) this.connector.handleReleased()
      else this.connector.handleLost(error)
    }
    this.delivery.pump()
    this.#announce()
  }

  handlePublish(operation: PublishOperation): void {
    this.delivery.handlePublish(operation as Entry)
  }

  handleRelease(output: ReleaseOutput): void {
    this.delivery.handleRelease(output)
  }

  forgetIds(packetIds: readonly number[]): void {
    this.delivery.keeper?.forgetIds(packetIds)
  }

  keepId(message: InboundMessage, reasonCode: number): boolean {
    return this.delivery.keepId(message, reasonCode)
  }

  handleDrained(): void {
    this.delivery.pump()
    this.#announce()
  }

  /** Whether a client that is not connected now will be. */
  get mayConnect(): boolean {
    return !this.#ended
  }

  warn(code: string, message: string): void {
    this.core.warn(code, message)
  }

  get #now(): number {
    return this.core.driver.now
  }

  /** Whether somebody waits for a connection, or for the answer to a request. */
  get #isAwaited(): boolean {
    return this.#connecting.size + this.#requests > 0
  }

  /** A message may need a connection, or may need it sooner. */
  #want(): void {
    const { connector } = this
    if (this.core.state === 'connected' || !this.isNeeded()) return
    this.#start(false)
    connector.hurry(this.urgency())
  }

  /** Nothing more can be done for now. */
  #handlePumped(): void {
    const { core } = this
    if (!this.idle) return
    for (const wait of takeAll(this.#draining)) wait.resolve()
    if (this.#options.connection !== 'on-demand' || core.state !== 'connected') return
    const { engine, driver, inbox } = core
    const isAtWork = engine.busy || driver.isWriting || inbox.sizeBytes > 0
    if (isAtWork || this.#isAwaited || this.delivery.forgetting) return
    if (!this.#dialler.sweeping) void core.disconnect(0)
  }

  #reportLostSession(inFlight: number): void {
    const toMs = this.#platform.epochNow()
    this.events.emit('session-lost', { fromMs: Math.min(this.#lostAt, toMs), toMs, inFlight })
    // We asked for a new one.
    if (!this.#dialler.startsClean) this.#warnings.handleSessionLost()
  }

  /** Who waits for the connection itself is told; a request is made when the server accepts us after all. */
  #handleRefused(error: Error): void {
    for (const { fail, isRequest } of this.#connecting) if (!isRequest) fail(error)
  }

  #failConnecting(error: Error): void {
    for (const { fail } of takeAll(this.#connecting)) fail(error)
  }

  #failWaiters(error: Error): void {
    this.#failConnecting(error)
    for (const wait of takeAll(this.#draining)) wait.reject(error)
    const closed = new ClosedError('The client is closed')
    this.core.inbox.end(error instanceof ClosedError ? undefined : error, closed)
  }

  #announce(): void {
    const { state } = this
    if (state === this.#announced) return
    this.#announced = state
    this.events.emit('state', state)
  }
}

/** Whoever waits, and no longer does: what is begun meanwhile waits anew. */
function takeAll<T>(waiting: Set<T>): readonly T[] {
  const all = [...waiting]
  waiting.clear()
  return all
}
