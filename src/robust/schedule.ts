// When to try to connect again, and where: exponential, with decorrelated jitter between a floor and a cap,
// within a budget. Pure: time and chance are arguments.
// Rule: no attempt begins earlier than a floor after the last one ended, above the budget, or, but for a
// person's word, before the time that a server asked for. The other servers of one round need no floor.
// It does not know what waits to be sent: an urgency is an argument.

import { checkTimer, fields, integer, oneOf, refuse } from '../simple/checks.ts'
import {
  BUSY_MS,
  DEFAULT_CAP_MS,
  DEFAULT_FLOOR_MS,
  DEFAULT_STABLE_AFTER_MS,
  FOLLOWED_MAX,
  PATIENCE,
  SPREAD_MS,
} from './defaults.ts'
import type { Failure } from './refusals.ts'

/** How a client tries again. */
export interface ReconnectOptions {
  /** The least time in ms from the end of an attempt to the next one; 1 to 2^31 - 1. @default 1000 */
  readonly floorMs?: number
  /** The longest wait in ms; from `floorMs` to 2^31 - 1. @default 120000, or `floorMs` if more */
  readonly capMs?: number
  /** How long in ms a connection has to last for the waits to begin anew; 0 to 2^31 - 1. @default 30000 */
  readonly stableAfterMs?: number
  /** At most `attempts` in any `perMs`: half of them in a row, the rest spread over the time. @default none */
  readonly budget?: { readonly attempts: number; readonly perMs: number }
  /**
   * What happens after a refusal that time alone does not cure: `slow` tries on, at the cap, because
   * somebody may mend it at the server; `stop` ends there, and what waits for a connection rejects. A `subscribe`
   * that was rejected has left no handler: subscribe again as soon as you call `connect`, not when it has settled, or
   * what a session has kept for it is acknowledged unclaimed.
   * @default 'slow'
   */
  readonly whenRefused?: 'slow' | 'stop'
}

/** The same, checked and complete. */
export interface ReconnectSettings {
  readonly floorMs: number
  readonly capMs: number
  readonly stableAfterMs: number
  readonly budget: { readonly attempts: number; readonly perMs: number } | undefined
  readonly whenRefused: 'slow' | 'stop'
}

/** What a schedule needs beside {@link ReconnectSettings}. */
export interface ScheduleOptions extends ReconnectSettings {
  /** Whether each attempt has credentials asked for anew. */
  readonly freshCredentials: boolean
}

/** What follows a failure. */
export interface Decision {
  /** From now, in ms; 0: another server, or the older protocol, at once. Infinity when it stops. */
  readonly delayMs: number
  /** Time alone does not cure it: to be reported at once, and tried at the cap. */
  readonly slowLane: boolean
  /** No further attempt is made until {@link Schedule.restart}. */
  readonly stop: boolean
}

/**
 * Who asks for the next attempt. `normal`: the schedule. `urgent`: a message that cannot wait; it keeps
 * the floor, the budget, a server's hint and the slow lane, and its waits grow from the floor on, until there
 * is another such message. `now`: the network is back, or a person says
 * so; it keeps the floor, the budget and a server's hint, and cuts the slow lane short, because whatever
 * was wrong may be mended.
 */
export type Urgency = 'normal' | 'urgent' | 'now'

const COUNT = integer(1, Number.MAX_SAFE_INTEGER)

const checkReconnect = fields<ReconnectOptions>({
  floorMs: checkTimer,
  capMs: checkTimer,
  stableAfterMs: integer(0, 2_147_483_647),
  budget: fields<{ readonly attempts: number; readonly perMs: number }>(
    { attempts: COUNT, perMs: COUNT },
    'attempts',
    'perMs',
  ),
  whenRefused: oneOf<'slow' | 'stop'>('slow', 'stop'),
})

/** @throws {TypeError} @throws {RangeError} for options that cannot be meant */
export function resolveReconnect(options: ReconnectOptions = {}): ReconnectSettings {
  const given = checkReconnect('reconnect', options)
  const { floorMs = DEFAULT_FLOOR_MS, stableAfterMs = DEFAULT_STABLE_AFTER_MS } = given
  const { capMs = Math.max(DEFAULT_CAP_MS, floorMs), budget, whenRefused = 'slow' } = given
  if (capMs < floorMs) {
    refuse('reconnect.capMs', capMs, `it is below floorMs "${floorMs}"`, RangeError)
  }
  return Object.freeze({
    floorMs,
    capMs,
    stableAfterMs,
    budget,
    whenRefused,
  })
}

/**
 * The next attempt of one client. Inputs in the order of events: `handleAttempt`, then `handleFailed` or
 * `handleConnected`, and after the latter `handleLost`. Times are ms of one monotonic clock.
 */
export class Schedule {
  readonly #options: ScheduleOptions
  /** From 0 to less than 1. */
  readonly #random: () => number
  readonly #bucket: Bucket
  /** Those of this round, and of the next. */
  #servers: readonly string[]
  #listed: readonly string[]
  #lastGood: string | undefined
  /** What is left of this round, never empty between two calls. */
  #round: string[] = []
  /** Where a server has sent us: before the rest of the round. */
  #referred: string[] = []
  #roundBegun = false
  /** The most that the next wait may be. */
  #boundMs = 0
  /** The most that the next wait may be for an urgent message, and when that one ends. */
  #urgentBoundMs = 0
  #urgentAt = -Infinity
  #attempts = 0
  #followed = 0
  #credentialsTried = false
  /** Of this round: a failure that time may cure, and one whose server asked for time. */
  #curable = false
  #busy = false
  #slowLane = false
  #stopped = false
  /** A server asked for the time until `dueAt`. */
  #hinted = false
  #connectedAt = -Infinity
  /** No attempt before this one, whoever asks. */
  #floorAt = -Infinity
  #dueAt = -Infinity

  /**
   * @param random from 0 to less than 1, as evenly as can be; each device has to have its own
   * @param servers as the application wrote them, at least one, in the order to try them
   */
  constructor(options: ScheduleOptions, random: () => number, servers: readonly string[]) {
    this.#options = options
    this.#random = random
    this.#bucket = new Bucket(options.budget)
    this.#servers = servers
    this.#listed = servers
    this.#calm()
  }

  /**
   * The server to try next, or the one that is connected: as the application wrote it, or as another server
   * named it (§4.11). The last one that accepted comes first, also one that was named so.
   */
  get server(): string {
    return (this.#referred[0] ?? this.#round[0]) as string
  }

  /** Whether `server` comes from another server and not from the application. */
  get isReferred(): boolean {
    return !this.#servers.includes(this.server)
  }

  /** Attempts since the connection was last stable, the one under way included. */
  get attempts(): number {
    return this.#attempts
  }

  get slowLane(): boolean {
    return this.#slowLane
  }

  get floorMs(): number {
    return this.#options.floorMs
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Another list of servers, at least one: for the next round, which may be the one to begin. */
  setServers(servers: readonly string[]): void {
    this.#listed = servers
    if (!this.#roundBegun) this.#renewRound()
  }

  /** An attempt begins, at `server`. */
  handleAttempt(now: number): void {
    this.#attempts += 1
    this.#roundBegun = true
    this.#slowLane = false
    this.#hinted = false
    this.#bucket.take(now)
  }

  /** CONNACK accepted it. */
  handleConnected(now: number): void {
    this.#connectedAt = now
    this.#lastGood = this.server
    this.#credentialsTried = false
    this.#curable = false
    this.#busy = false
    this.#referred = []
    this.#startRound()
  }

  /** The attempt at `server` failed. */
  handleFailed(failure: Failure, now: number): Decision {
    const again = failure.kind === 'protocol' && this.#mayFollow()
    if (!again) (this.#referred.length > 0 ? this.#referred : this.#round).shift()
    this.#note(failure)
    if (this.#referred.length + this.#round.length === 0) {
      this.#followed = 0
      return this.#sleep(now)
    }
    this.#floorAt = now
    this.#dueAt = now
    return this.#decision(now)
  }

  /** The connection that was made is gone; a new round begins after a wait. */
  handleLost(failure: Failure, now: number): Decision {
    if (now - this.#connectedAt >= this.#options.stableAfterMs) this.#calm()
    this.#note(failure)
    return this.#sleep(now)
  }

  /** There is a message that cannot wait: an attempt as soon as the floor allows, then ever more rarely. */
  handleUrgent(): void {
    this.#urgentBoundMs = this.#options.floorMs
    this.#urgentAt = -Infinity
  }

  /**
   * The application asks to connect, after it had disconnected or the schedule had stopped: at once, but for
   * the floor and the budget.
   */
  restart(now: number): void {
    this.#calm()
    this.#referred = []
    this.#credentialsTried = false
    this.#slowLane = false
    this.#stopped = false
    this.#dueAt = now
  }

  /**
   * Another wait than the suggested one, as the application chose it; the floor, the budget and a server's
   * hint stay. What is not above 0 means the floor.
   *
   * @returns the wait in ms from now
   */
  replaceDelay({ now, delayMs }: { readonly now: number; readonly delayMs: number }): number {
    const least = this.#hinted ? this.#dueAt : this.#floorAt
    this.#dueAt = Math.max(least, now + (delayMs > 0 ? delayMs : 0))
    return this.#decision(now).delayMs
  }

  /**
   * When the next attempt may begin: not before `now`, Infinity for never. Has a meaning only while there
   * is neither an attempt nor a connection.
   */
  earliest(now: number, urgency: Urgency): number {
    if (this.#stopped) return Infinity
    const least = Math.max(now, this.#floorAt, this.#bucket.readyAt(now))
    const held = this.#hinted || (this.#slowLane && urgency !== 'now')
    if (urgency === 'normal' || held) return Math.max(least, this.#dueAt)
    return urgency === 'now' ? least : Math.max(least, Math.min(this.#dueAt, this.#urgentAt))
  }

  #decision(now: number): Decision {
    const delayMs = this.earliest(now, 'normal') - now
    return { delayMs, slowLane: this.#slowLane, stop: this.#stopped }
  }

  /** The waits begin anew. */
  #calm(): void {
    const { floorMs, capMs } = this.#options
    this.#boundMs = Math.min(capMs, floorMs + SPREAD_MS)
    this.handleUrgent()
    this.#attempts = 0
    this.#followed = 0
    this.#startRound()
  }

  /** A round of the servers that were listed last; a good one that is no longer among them is forgotten. */
  #renewRound(): void {
    const good = this.#lastGood ?? ''
    if (this.#servers.includes(good) && !this.#listed.includes(good)) this.#lastGood = undefined
    this.#servers = this.#listed
    this.#startRound()
  }

  /** The last good one first. */
  #startRound(): void {
    this.#roundBegun = false
    const good = this.#lastGood
    this.#round =
      good === undefined
        ? [...this.#servers]
        : [good, ...this.#servers.filter((server) => server !== good)]
  }

  #note({ kind, serverReference = '' }: Failure): void {
    const fresh =
      kind === 'credentials' && this.#options.freshCredentials && !this.#credentialsTried
    if (fresh) this.#credentialsTried = true
    this.#curable ||= fresh || !['slow', 'credentials'].includes(kind)
    // §4.11: servers with spaces between them.
    const named = serverReference.split(' ').filter((one) => one !== '' && this.#mayFollow())
    this.#referred.push(...named)
    this.#busy ||= kind === 'busy' || (kind === 'elsewhere' && named.length === 0)
  }

  #mayFollow(): boolean {
    this.#followed += 1
    return this.#followed <= FOLLOWED_MAX
  }

  /** The whole list was tried: how long until the next round. */
  #sleep(now: number): Decision {
    const { floorMs, capMs, whenRefused } = this.#options
    if (this.#round.length === 0) this.#renewRound()
    this.#slowLane = !this.#curable
    this.#hinted = this.#busy
    this.#stopped = this.#slowLane && whenRefused === 'stop'
    this.#curable = false
    this.#busy = false
    if (this.#slowLane) this.#boundMs = capMs
    if (this.#hinted) this.#boundMs = Math.max(this.#boundMs, Math.min(capMs, BUSY_MS))
    const patience = this.#slowLane || this.#hinted ? PATIENCE : 0
    const least = Math.max(floorMs, patience * this.#boundMs)
    const chance = this.#random()
    const delayMs = Math.ceil(least + chance * (this.#boundMs - least))
    // Twice the bound at least, so that it grows for sure; thrice the draw, so that no two stay in step.
    this.#boundMs = Math.min(capMs, Math.max(2 * this.#boundMs, 3 * delayMs))
    this.#floorAt = now + floorMs
    this.#dueAt = now + delayMs
    this.#urgentAt = now + Math.ceil(floorMs + chance * (this.#urgentBoundMs - floorMs))
    if (patience === 0) this.#urgentBoundMs = Math.min(capMs, 2 * this.#urgentBoundMs)
    return this.#decision(now)
  }
}

/**
 * A token bucket that holds half of the budget and gets the other half back over its time, so that no
 * window of that length ever sees more than the whole of it.
 */
class Bucket {
  readonly #size: number
  /** Of one token. */
  readonly #refillMs: number
  #tokens: number
  #at = -Infinity

  constructor(budget: ReconnectSettings['budget']) {
    const { attempts, perMs } = budget ?? { attempts: Infinity, perMs: 1 }
    this.#size = Math.ceil(attempts / 2)
    this.#refillMs = perMs / Math.max(1, attempts - this.#size)
    this.#tokens = this.#size
  }

  take(now: number): void {
    this.#tokens = this.#level(now) - 1
    this.#at = now
  }

  /** When there is a token. */
  readyAt(now: number): number {
    const missing = 1 - this.#level(now)
    // What is left by rounding is no wait.
    return missing > 1e-9 ? now + Math.ceil(missing * this.#refillMs) : now
  }

  #level(now: number): number {
    if (this.#size === Infinity) return Infinity
    return Math.min(this.#size, this.#tokens + Math.max(0, now - this.#at) / this.#refillMs)
  }
}
