// One attempt to connect: where to, as whom, and whether a session that is found there is taken up.
// What the application's functions give is asked for anew each time, bounded and checked.
// It does not know when the next attempt is made.

import type { WillFields } from '../codec/packets.ts'
import type { Clock } from '../driver/clock.ts'
import { type MqttError, TimeoutError } from '../errors.ts'
import type { ClientCore } from '../simple/client-core.ts'
import type { ConnectResult } from '../simple/types.ts'
import { bounded } from './connector.ts'
import { PATIENCE_MAX } from './constants.ts'
import type { Answers, Asks, ResolvedRobustOptions } from './options.ts'
import type { Schedule } from './schedule.ts'

/** Where the session is. */
export interface Home {
  /** The address of the server that had it last, without what may be secret; empty: not known. */
  server: string
  /** Gives the session there up. */
  leave?(): Promise<void>
}

export class Dialler {
  readonly #core: ClientCore
  readonly #clock: Clock
  readonly #options: ResolvedRobustOptions
  readonly #schedule: Schedule
  readonly #home: Home
  /** The server whose session was given up last, and what settles once that is safe. */
  #left = ''
  #leaving: Promise<void> | undefined
  #startsClean = false
  /** Whether the old session is ended by a connection of its own. */
  #isSwept = false
  /** Whether the connection of the moment is there to end an old session. */
  #sweeping = false
  /** How many times as long as the timeouts say the next connection may take behind a large message. */
  #patience = 1
  /** The will that was asked for last: another one was set by hand since, and holds. */
  #will: WillFields | undefined

  constructor(
    core: ClientCore,
    clock: Clock,
    options: ResolvedRobustOptions,
    schedule: Schedule,
    home: Home,
  ) {
    this.#core = core
    this.#clock = clock
    this.#options = options
    this.#schedule = schedule
    this.#home = home
    this.#will = core.will
  }

  /** Whether the last attempt asked for a new session. */
  get startsClean(): boolean {
    return this.#startsClean
  }

  /** Whether the connection of the moment is there only to end an old session. */
  get sweeping(): boolean {
    return this.#sweeping
  }

  /** Asks for the servers, if they are a function's; rejects with what it does wrong. */
  async findServers(over: AbortSignal): Promise<void> {
    const { servers, checkServers } = this.#options
    if (typeof servers !== 'function') return
    this.#schedule.setServers(checkServers(await this.#bounded('servers()', servers, over)))
  }

  /**
   * Asks for what an attempt at the schedule's server needs: credentials, TLS settings and will.
   * @param hadSession whether there is a session that is ours
   * @returns the attempt
   */
  async prepare(over: AbortSignal, hadSession: boolean): Promise<() => Promise<ConnectResult>> {
    const { asks, sharedSessions, session, forAttempt } = this.#options
    const { server, isReferred } = this.#schedule
    const answers: Answers = {}
    for (const [name, ask] of Object.entries(asks) as [keyof Asks, Asks[keyof Asks]][]) {
      if (name === 'will' && this.#core.will !== this.#will) continue
      if (ask) answers[name] = await this.#bounded<never>(`${name}()`, ask as never, over)
    }
    const options = forAttempt(server, isReferred, answers)
    const home = this.#home.server
    const { href } = options.address
    const isHome = home === href
    // Also when it is the same again: a new session was asked for at another one meanwhile.
    const moved = home !== '' && (!isHome || !this.#core.engine.hasSession)
    const startsClean = (moved && !sharedSessions) || (!session.adopt && !hadSession)
    // A process after this one would take the new session for the one that it ends. An attempt before this one may
    // have asked for it already; a disk that does not answer costs the attempt, as all else does that is asked for.
    if (startsClean && isHome) {
      this.#left = href
      this.#leaving = this.#home.leave?.()
    }
    const leaving = this.#leaving
    if (href === this.#left && leaving) await this.#bounded('the outbox', () => leaving, over)
    return () => {
      this.#core.options = options
      if (answers.will) this.#core.will = this.#will = options.will
      this.#isSwept = false
      this.#startsClean = startsClean
      return this.#dial()
    }
  }

  /** Whether the connection that was accepted is one to use. */
  handleConnected({ protocol }: ConnectResult): boolean {
    // MQTT 3.1.1 ends a session that starts clean with its connection, so it takes two. §3.1.2.4
    const keeps = this.#options.session.expirySeconds > 0
    this.#sweeping = this.#startsClean && protocol === 4 && keeps && !this.#isSwept
    this.#isSwept = this.#sweeping
    if (!this.#sweeping) this.#home.server = this.#core.options.address.href
    return !this.#sweeping
  }

  /**
   * A connection has ended. Where an answer behind a large message did not come in time, the next one waits twice as
   * long: the link may be slow, and the system takes megabytes ahead of it; the message would be sent for ever.
   */
  handleClosed(error: MqttError | undefined, sentLarge: boolean): void {
    if (!(error instanceof TimeoutError)) return
    this.#patience = sentLarge ? Math.min(PATIENCE_MAX, 2 * this.#patience) : 1
  }

  async #dial(): Promise<ConnectResult> {
    const { expirySeconds } = this.#options.session
    const request = {
      sessionExpirySeconds: expirySeconds,
      keepsNone: expirySeconds === 0,
      patience: this.#patience,
    }
    const result = await this.#core.connect({ ...request, cleanStart: this.#startsClean })
    if (!this.#sweeping) return result
    await this.#core.disconnect()
    this.#sweeping = false
    return this.#core.connect({ ...request, cleanStart: false })
  }

  #bounded<T>(name: string, ask: () => Promise<T>, over: AbortSignal): Promise<T> {
    const { connectMs } = this.#core.options.bounds
    // What it throws at once rejects too.
    const answer = Promise.resolve().then(ask)
    return bounded(this.#clock, name, connectMs, answer, over)
  }
}
