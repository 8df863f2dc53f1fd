// The life of a client between connections: one loop for the first and every later connection. What the
// schedule decides is carried out here, around the methods that an application may override; whatever
// those do, the floor, the budget and a server's hint are kept.
// It knows no message: it is told how urgent the next attempt is.

import type { Clock, TimerHandle } from '../driver/clock.ts'
import { type Deferred, deferred } from '../driver/deferred.ts'
import { errorOf, guard, textOf } from '../driver/thrown.ts'
import { ClosedError, MqttError, TimeoutError } from '../errors.ts'
import type { ConnectResult } from '../simple/types.ts'
import { until, watch } from '../simple/waiting.ts'
import { TIMER_MS_MAX } from './constants.ts'
import { classifyFailure, type Failure } from './refusals.ts'
import type { Decision, Schedule, Urgency } from './schedule.ts'

/** What an application may replace by its own. */
export interface ConnectHooks {
  delay(
    attempt: number,
    error: Error,
    context: { readonly suggestedMs: number; readonly signal: AbortSignal },
  ): Promise<void>
  delayMs(attempt: number, error: Error, suggestedMs: number): number
  reconnect(): Promise<ConnectResult>
  log(inReconnect: boolean, error: Error): void
  /** Whether `delay` is the application's own: then nobody knows when it ends. */
  isDelayOwn(): boolean
}

/** An AbortController, which not every engine of JavaScript has. */
export interface Aborter {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}

/** What the connector asks of the client around it. */
export interface ConnectorOwner {
  readonly clock: Clock
  makeAborter(): Aborter
  /** Whether anything still asks for a connection. */
  isNeeded(): boolean
  /** How urgent the next attempt is now. */
  urgency(): Urgency
  /** What is asked for before each attempt, but for at most as long as `over` is open: where to connect. */
  findServers(over: AbortSignal): Promise<void>
  /** The same: as whom. It gives the attempt at the schedule's server. */
  prepare(over: AbortSignal): Promise<() => Promise<ConnectResult>>
  handleAttempt(attempt: number, server: string): void
  /** An attempt has failed. */
  handleFailed(error: Error): void
  /** What follows a failure; `delayMs` of Infinity: nothing. */
  handleWaiting(decision: Omit<Decision, 'stop'>, error: Error): void
  /** The trying has ended without a connection; without an error when nothing asks for one any more. */
  handleStopped(error: Error | undefined): void
  warn(code: string, message: string): void
}

/** From the wish to connect until CONNACK, or until it is given up. */
interface Run {
  /** Aborts when the run is over without a connection. */
  readonly over: Aborter
  /** Shared by all who ask for it. */
  reconnecting: Promise<ConnectResult> | undefined
}

/** Of what an application's own `reconnect` does wrong. */
const RETRY = { kind: 'retry', serverReference: undefined } as const

export class Connector {
  readonly schedule: Schedule
  readonly #owner: ConnectorOwner
  readonly #hooks: ConnectHooks
  #wanted = false
  #connected = false
  #result: ConnectResult | undefined
  #run: Run | undefined
  /** What the schedule says of the last failure, until it is waited for. */
  #decision: Decision | undefined
  /** Why the next attempt is made; undefined for the first. */
  #lastError: Error | undefined
  #failFast = false
  /** Somebody knows that the network is back: until the next attempt. */
  #hurried = false
  #wake: Deferred<void> | undefined
  #timer: TimerHandle | undefined
  /** Calls of `reconnect` between two runs. */
  #parked: Deferred<void> | undefined

  constructor(schedule: Schedule, owner: ConnectorOwner, hooks: ConnectHooks) {
    this.schedule = schedule
    this.#owner = owner
    this.#hooks = hooks
  }

  /** Whether the client is to be connected, when anything asks for it. */
  get wanted(): boolean {
    return this.#wanted
  }

  /** Whether there is a connection, or one is tried for. */
  get active(): boolean {
    return this.#run !== undefined || this.#connected
  }

  /** Whether the next attempt is waited for. */
  get sleeping(): boolean {
    return this.#wake !== undefined
  }

  /** The next attempt, ms from now; Infinity without one, undefined when nobody knows. */
  nextAttemptMs(): number | undefined {
    if (this.#wake === undefined || !this.#owner.isNeeded()) return Infinity
    if (this.#hooks.isDelayOwn()) return undefined
    return this.#earliest() - this.#owner.clock.now()
  }

  /**
   * A connection is wanted from now on.
   * @param failFast end at the first failure, unless somebody wants it anyway
   */
  start(failFast: boolean): void {
    if (this.#wanted) this.#failFast &&= failFast
    else {
      this.#wanted = true
      this.#failFast = failFast
      this.#lastError = undefined
      this.#decision = undefined
      this.schedule.restart(this.#owner.clock.now())
    }
    this.#begin()
  }

  /** No connection is wanted any more. */
  stop(): void {
    this.#wanted = false
    this.#connected = false
    this.#endRun()
  }

  /** The connection is there. */
  handleConnected(result: ConnectResult): void {
    this.#connected = true
    this.#result = result
    this.#run = undefined
    this.#failFast = false
    this.#lastError = undefined
    this.#decision = undefined
    this.schedule.handleConnected(this.#owner.clock.now())
    this.#wakeUp()
  }

  /** The connection that was there is gone. */
  handleLost(error: MqttError): void {
    this.#connected = false
    if (!this.#wanted) return
    this.#lastError = error
    this.#log(error, false)
    this.#decision = this.schedule.handleLost(classify(error), this.#owner.clock.now())
    if (this.#decision.stop) this.#end(error)
    else if (this.#owner.isNeeded()) this.#begin()
  }

  /** We have ended a connection that was not needed. */
  handleReleased(): void {
    this.#connected = false
    if (this.#wanted && this.#owner.isNeeded()) this.#begin()
  }

  /** Something has changed that may bring the next attempt forward. */
  hurry(urgency: Urgency): void {
    if (this.#wake === undefined || urgency === 'normal') return
    this.#hurried ||= urgency === 'now'
    const { clock } = this.#owner
    const now = clock.now()
    const at = this.schedule.earliest(now, urgency)
    if (at <= now) this.#wakeUp()
    else this.#arm(at - now)
  }

  /**
   * One attempt after the other until there is a connection, or none is wanted any more. Calls at the same
   * time share the attempts; one that comes while nothing is wanted waits until something is.
   */
  async reconnect(): Promise<ConnectResult> {
    for (;;) {
      if (this.#connected) return this.#result as ConnectResult
      const run = this.#run
      if (run !== undefined) {
        run.reconnecting ??= this.#tryOn(run)
        return run.reconnecting
      }
      this.#parked ??= deferred<void>()
      await this.#parked.promise
    }
  }

  #begin(): void {
    if (this.#run !== undefined || this.#connected) return
    const run: Run = { over: this.#owner.makeAborter(), reconnecting: undefined }
    this.#run = run
    this.#parked?.resolve()
    this.#parked = undefined
    void this.#loop(run)
  }

  #endRun(): void {
    const run = this.#run
    this.#run = undefined
    this.#failFast = false
    this.#hurried = false
    run?.over.abort(new ClosedError('Connect was given up', { sent: 'no' }))
    this.#wakeUp()
  }

  #end(error: Error): void {
    this.#owner.handleWaiting({ delayMs: Infinity, slowLane: this.schedule.slowLane }, error)
    this.#wanted = false
    this.#endRun()
    this.#owner.handleStopped(error)
  }

  /** Asks for a connection, as the application may have its own way to, until there is one; never rejects. */
  async #loop(run: Run): Promise<void> {
    let error = this.#lastError
    for (;;) {
      if (run.reconnecting !== undefined) {
        // An override that has not waited for it: what tries keeps the schedule, and the wait, for itself.
        await sleepFor(this.#owner.clock, this.schedule.floorMs, run.over.signal)
      } else if (error !== undefined) await this.#wait(run, error)
      if (this.#run !== run) return
      try {
        await until(run.over.signal, this.#hooks.reconnect())
        error = new Error('Not connected: reconnect() returned without a connection')
      } catch (thrown) {
        error = errorOf(thrown)
      }
      if (this.#run !== run) return
      // An override that ends without a connection is asked again, after a wait.
      if (run.reconnecting === undefined)
        this.#decision ??= this.schedule.handleFailed(RETRY, this.#owner.clock.now())
    }
  }

  async #tryOn(run: Run): Promise<ConnectResult> {
    for (;;) {
      await this.#rest(run)
      let error: Error
      try {
        return await this.#attempt(run)
      } catch (thrown) {
        error = errorOf(thrown)
      }
      this.#require(run)
      this.#decision = this.schedule.handleFailed(classify(error), this.#owner.clock.now())
      this.#log(error)
      this.#owner.handleFailed(error)
      this.#require(run)
      if (this.#failFast || this.#decision.stop) {
        this.#end(error)
        throw error
      }
      await this.#wait(run, error)
    }
  }

  async #attempt(run: Run): Promise<ConnectResult> {
    const { schedule } = this
    const { signal } = run.over
    await this.#owner.findServers(signal)
    this.#require(run)
    this.#hurried = false
    schedule.handleAttempt(this.#owner.clock.now())
    // Events are logged, and a query may carry a token.
    this.#owner.handleAttempt(schedule.attempts, schedule.server.replace(/\?.*/, ''))
    this.#require(run)
    const dial = await this.#owner.prepare(signal)
    this.#require(run)
    return dial()
  }

  /** Waits as the application's `delay` says. */
  async #wait(run: Run, error: Error): Promise<void> {
    const { slowLane } = this.#decision ?? this.schedule
    this.#decision = undefined
    const { clock } = this.#owner
    let delayMs = this.schedule.earliest(clock.now(), 'normal') - clock.now()
    if (delayMs <= 0) return this.#owner.handleWaiting({ delayMs: 0, slowLane }, error)
    const attempt = Math.max(1, this.schedule.attempts)
    delayMs = this.#askedDelayMs(attempt, error, delayMs)
    if (this.#run !== run) return
    const wake = (this.#wake = deferred<void>())
    this.hurry(this.#owner.urgency())
    this.#owner.handleWaiting({ delayMs, slowLane }, error)
    // It may have been cut short by now.
    if (this.#wake !== wake) return
    const aborter = this.#owner.makeAborter()
    const context = { suggestedMs: delayMs, signal: aborter.signal }
    const isOwn = this.#hooks.isDelayOwn()
    try {
      const delay = Promise.resolve(this.#hooks.delay(attempt, error, context)).then(() => isOwn)
      const isOver = await Promise.race([delay, wake.promise.then(() => false)])
      // Its own wait has come to its end, and counts in place of ours.
      if (isOver && this.#wake === wake) {
        this.schedule.replaceDelay({ now: clock.now(), delayMs: 0 })
      }
    } catch (thrown) {
      this.#log(errorOf(thrown))
    }
    aborter.abort()
    if (this.#wake === wake) this.#wakeUp()
  }

  #askedDelayMs(attempt: number, error: Error, suggestedMs: number): number {
    let delayMs: unknown = suggestedMs
    try {
      delayMs = this.#hooks.delayMs(attempt, error, suggestedMs)
    } catch (thrown) {
      this.#log(errorOf(thrown))
    }
    if (delayMs === suggestedMs) return suggestedMs
    // That of an async function comes too late, and a rejection of it would end a process.
    Promise.resolve(delayMs).catch((thrown: unknown) => this.#log(errorOf(thrown)))
    return this.schedule.replaceDelay({
      now: this.#owner.clock.now(),
      delayMs: typeof delayMs === 'number' ? delayMs : 0,
    })
  }

  /** Waits until the schedule allows an attempt. */
  async #rest(run: Run): Promise<void> {
    const { clock } = this.#owner
    for (;;) {
      this.#require(run)
      const delayMs = this.#earliest() - clock.now()
      if (delayMs <= 0) break
      const wake = (this.#wake = deferred<void>())
      this.#arm(delayMs)
      await wake.promise
    }
    if (this.#owner.isNeeded()) return
    this.#endRun()
    this.#owner.handleStopped(undefined)
    this.#require(run)
  }

  #earliest(): number {
    const urgency = this.#hurried ? 'now' : this.#owner.urgency()
    return this.schedule.earliest(this.#owner.clock.now(), urgency)
  }

  #arm(delayMs: number): void {
    this.#disarm()
    if (delayMs === Infinity) return
    this.#timer = this.#owner.clock.setTimer(
      () => {
        this.#timer = undefined
        this.#wakeUp()
      },
      Math.min(delayMs, TIMER_MS_MAX),
    )
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#owner.clock.clearTimer(this.#timer)
    this.#timer = undefined
  }

  #wakeUp(): void {
    this.#disarm()
    const wake = this.#wake
    this.#wake = undefined
    wake?.resolve()
  }

  #require(run: Run): void {
    if (this.#run !== run) throw new ClosedError('Connect was given up', { sent: 'no' })
  }

  /** What the application's own `log` throws goes no further. */
  #log(error: Error, inReconnect = true): void {
    guard(
      () => this.#hooks.log(inReconnect, error),
      (thrown) => this.#owner.warn('listener-error', `log() threw: ${textOf(thrown)}`),
    )
  }
}

function classify(error: Error): Failure {
  // The client below has tried MQTT 3.1.1 already, where that may help.
  return MqttError.is(error) ? classifyFailure(error, 4) : RETRY
}

/** The default of `delay`: for as long as is suggested, or until the signal. */
export function sleepFor(
  clock: Clock,
  delayMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  const { promise, resolve } = deferred<void>()
  const end = clock.now() + delayMs
  let timer: TimerHandle | undefined
  const sleep = (): void => {
    const left = end - clock.now()
    if (left <= 0) resolve()
    else if (left < Infinity) timer = clock.setTimer(sleep, Math.min(left, TIMER_MS_MAX))
  }
  sleep()
  const stopWatching = watch(signal, () => {
    if (timer !== undefined) clock.clearTimer(timer)
    resolve()
  })
  return promise.finally(stopWatching)
}

/** What a function of the application gives, for which is waited this long, and until `over` aborts. */
export function bounded<T>(
  clock: Clock,
  operation: string,
  afterMs: number,
  wait: Promise<T>,
  over?: AbortSignal,
): Promise<T> {
  const { promise, reject } = deferred<never>()
  const timer = clock.setTimer(() => {
    reject(
      new TimeoutError(`No answer from ${operation} within ${afterMs} ms`, { operation, afterMs }),
    )
  }, afterMs)
  return until(over, Promise.race([wait, promise])).finally(() => clock.clearTimer(timer))
}
