// Whether the connection is alive, and when to ask. Life is proved by inbound bytes alone, any of
// them; progress by acknowledgements, by bytes of a packet that is still coming in, and by writes
// that had to wait for the link. While we do not read, what only reading can show is not counted against the server.
// Behind a large message the bounds may be longer, as the connection says, and behind nothing else.
// §3.1.2.10, §3.12, §3.13

import type { TimeoutError } from '../errors.ts'
import { LARGE_BYTES, PING_AFTER, SLOW_WRITE_MS } from './constants.ts'
import { timerError } from './endings.ts'
import type { Inflight } from './inflight.ts'
import type { IdentifiedOperation } from './operations.ts'
import * as Timer from './timer.ts'
import { Timers } from './timers.ts'
import type { EngineOptions } from './types.ts'

type BoundName = 'writeMs' | 'pingMs' | 'acknowledgementMs'

export class Liveness extends Timers {
  /** When the last byte came in. */
  receivedAt = -1
  /** The last round trip of PINGREQ and PINGRESP, ms; -1 before the first. */
  roundTripMs = -1
  /** How many times as long as the options say this connection may take behind a large message. */
  patience = 1
  readonly #options: EngineOptions
  readonly #inflight: Inflight<IdentifiedOperation>
  /** The options, with the bounds as they were when a deadline was set by them last. */
  #bounds: EngineOptions
  #sentAt = 0
  #keepAliveMs = 0
  #pinging = false
  #pingSentAt = 0
  #paused = false
  /** Whether the last write left something over, and whether the one before it or this one did. */
  #more = false
  #waits = false
  /** Whether the bound on PINGRESP has passed during a write. */
  #stuck = false

  constructor(options: EngineOptions, inflight: Inflight<IdentifiedOperation>) {
    super()
    this.#options = this.#bounds = options
    this.#inflight = inflight
  }

  /** Whether a message that may be why no answer comes is on its way: one that PUBREC has answered is there. */
  get sentLarge(): boolean {
    for (const operation of this.#inflight.values()) {
      const isUnanswered = operation.kind === 'publish' && operation.state === 'sent'
      if (isUnanswered && operation.payloadLength >= LARGE_BYTES) return true
    }
    return false
  }

  handleOpened(now: number): void {
    this.receivedAt = now
    this.#sentAt = now
  }

  /** CONNACK is in: pings begin, unless Keep Alive is off. [MQTT-3.1.2-20] [MQTT-3.2.2-21] */
  handleConnected(keepAliveSeconds: number): void {
    this.set(Timer.CONNECT, Infinity)
    this.#keepAliveMs = Math.floor(keepAliveSeconds * 1000 * PING_AFTER)
    this.#armKeepAlive()
  }

  handleClosed(): void {
    this.clear()
    this.#keepAliveMs = 0
    this.#pinging = this.#paused = this.#stuck = false
  }

  handleReceived(now: number): void {
    this.receivedAt = now
    this.#extendPing(now)
  }

  /** @param more Whether it is not all that waits. */
  handleWriteStarted(now: number, more: boolean): void {
    this.#sentAt = now
    this.#waits = more || this.#more
    this.#more = more
    this.set(Timer.WRITE, now + this.#bound('writeMs'))
  }

  /** A write that was taken at once shows room in a buffer, and nothing of the link. */
  handleWritten(now: number, owed: boolean): void {
    const tookMs = now + this.#bounds.writeMs - this.at(Timer.WRITE)
    this.set(Timer.WRITE, Infinity)
    if (this.#waits || tookMs >= SLOW_WRITE_MS) {
      this.progress(now, owed)
      this.#extendPing(now)
    } else if (this.#stuck) this.set(Timer.PING_RESPONSE, now)
    this.#stuck = false
  }

  handlePaused(): void {
    this.#paused = true
    this.set(Timer.PING_RESPONSE, Infinity)
    this.set(Timer.ACKNOWLEDGEMENT, Infinity)
    this.#armKeepAlive()
  }

  handleResumed(now: number, owed: boolean): void {
    this.#paused = false
    this.handleReceived(now)
    this.progress(now, owed)
    this.#armKeepAlive()
  }

  /** PINGREQ goes out. */
  handlePing(now: number): void {
    if (!this.#pinging) this.#pingSentAt = now
    this.#pinging = true
    this.#sentAt = now
    // The first one without an answer counts: later ones must not put off what shows a dead link.
    this.#begin(Timer.PING_RESPONSE, 'pingMs', now)
    this.#armKeepAlive()
  }

  /** Tells whether PINGRESP is overdue: while a write is under way, PINGREQ may be stuck behind it. */
  isPingLost(): boolean {
    this.#stuck = this.at(Timer.WRITE) !== Infinity
    return !this.#stuck
  }

  /** PINGRESP is in. */
  handlePingResponse(now: number): void {
    if (this.#pinging) this.roundTripMs = now - this.#pingSentAt
    this.#pinging = false
    this.set(Timer.PING_RESPONSE, Infinity)
    this.#armKeepAlive()
  }

  /** Something moved: the bound on acknowledgements begins anew, while any is owed. */
  progress(now: number, owed: boolean): void {
    const at = owed && !this.#paused ? now + this.#bound('acknowledgementMs') : Infinity
    this.set(Timer.ACKNOWLEDGEMENT, at)
  }

  /** An acknowledgement is owed from now on. */
  expect(now: number): void {
    this.#begin(Timer.ACKNOWLEDGEMENT, 'acknowledgementMs', now)
  }

  /** Tells whether PINGREQ is due; the timer is set to the next time to ask. */
  isPingDue(now: number): boolean {
    const due = this.#pingAt() <= now
    this.#armKeepAlive()
    return due
  }

  /** Something moved: PINGRESP may take as long again. */
  #extendPing(now: number): void {
    if (this.#pinging && !this.#paused) {
      this.set(Timer.PING_RESPONSE, now + this.#bound('pingMs'))
    }
  }

  /** Why the connection ends at that deadline. */
  errorOf(timer: number): TimeoutError | undefined {
    return timerError(timer, this.#bounds)
  }

  /** Sets a deadline that only reading can keep, unless it stands already. */
  #begin(timer: number, name: BoundName, now: number): void {
    if (!this.#paused && this.at(timer) === Infinity) this.set(timer, now + this.#bound(name))
  }

  #bound(name: BoundName): number {
    const ms = this.#options[name] * (this.patience > 1 && this.sentLarge ? this.patience : 1)
    if (ms !== this.#bounds[name]) this.#bounds = { ...this.#bounds, [name]: ms }
    return ms
  }

  #pingAt(): number {
    if (this.#keepAliveMs === 0) return Infinity
    const onlySending = this.#pinging || this.#paused
    const idleSince = onlySending ? this.#sentAt : Math.min(this.#sentAt, this.receivedAt)
    return idleSince + this.#keepAliveMs
  }

  #armKeepAlive(): void {
    this.set(Timer.KEEP_ALIVE, this.#pingAt())
  }
}
