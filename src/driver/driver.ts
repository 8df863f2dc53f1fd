// The loop between one engine and one transport at a time: bytes in, outputs out, one write a tick,
// one timer. It keeps the engine's contract (a mutation, then `poll` until nothing is left) and
// knows nothing of what the outputs mean, apart from those that are addressed to it.

import { ENCODED_AHEAD_BYTES } from '../engine/constants.ts'
import { endedError } from '../engine/endings.ts'
import type { Engine } from '../engine/engine.ts'
import type { Batch } from '../engine/outbound-buffer.ts'
import type { ConnectSettings, Output } from '../engine/types.ts'
import type { Sent } from '../errors.ts'
import type {
  ServerAddress,
  Transport,
  TransportFactory,
  TransportHandler,
  TransportOptions,
} from '../transport/transport.ts'
import type { Clock, TimerHandle } from './clock.ts'
import {
  CONGESTED_BYTES,
  FLUSH_BYTES,
  PAUSED_BY_CONGESTION,
  PAUSED_BY_READER,
  WRITE_BYTES,
} from './constants.ts'
import { type Deferred, deferred } from './deferred.ts'

/** What a message at QoS 0 comes to: it has been handed to the transport. */
export const HANDED_OVER: { readonly reasonCode: 0 } = Object.freeze({ reasonCode: 0 })

/** The layer above. */
export interface DriverHandler {
  handleOutput(output: Output): void
  /** Nothing is left to poll, or the engine has room again: what was put off may run now. */
  handleDrained(): void
}

interface Handover extends Deferred<typeof HANDED_OVER> {
  /** `maybe` once a write has taken some of it. */
  sent: Sent
}

/** Drives one engine. */
export class Driver implements TransportHandler {
  readonly engine: Engine
  bytesSent = 0
  bytesReceived = 0
  readonly #clock: Clock
  readonly #handler: DriverHandler
  #transport: Transport | undefined
  /** What the write under way has taken. */
  #batch: Batch | undefined
  #handover: Handover | undefined
  /** The time of this tick, or -1 when it must be asked for. */
  #now = -1
  #scheduled = false
  #draining = false
  #closeWhenWritten = false
  /** Whether the engine had no room for more when the last write began. */
  #wasFull = false
  #pausedBy = 0
  /** What a write threw. */
  #thrown: { readonly error: Error | undefined } | undefined
  #timer: TimerHandle | undefined
  #timerAt = Infinity
  /** Whether the timer was not set by what came in. */
  #isTimerStale = false

  constructor(engine: Engine, clock: Clock, handler: DriverHandler) {
    this.engine = engine
    this.#clock = clock
    this.#handler = handler
  }

  /** Monotonic ms, asked once a tick; each time while no tick is due that would end it. */
  get now(): number {
    if (this.#now < 0 || !this.#scheduled) this.#now = this.#clock.now()
    return this.#now
  }

  /** True while outputs are handed on: what is asked for meanwhile goes out afterwards. */
  get draining(): boolean {
    return this.#draining
  }

  /** Whether something waits to be written, or is being written. */
  get isWriting(): boolean {
    return this.#batch !== undefined || this.engine.out.sizeBytes > 0
  }

  get paused(): boolean {
    return (this.#pausedBy & PAUSED_BY_READER) !== 0
  }

  /** Settles when what has been written to the engine so far is handed to the transport. */
  get handedOver(): Promise<typeof HANDED_OVER> {
    if (this.engine.out.sizeBytes === 0 && !this.#thrown) return Promise.resolve(HANDED_OVER)
    // A message that has left the queue may be in the write that began before we were told of it.
    this.#handover ??= {
      ...deferred(),
      sent: this.#thrown || (this.#draining && this.#batch) ? 'maybe' : 'no',
    }
    return this.#handover.promise
  }

  /** Dials. What goes wrong comes as the output `closed`. */
  connect(
    dial: TransportFactory,
    address: ServerAddress,
    options: TransportOptions,
    settings: ConnectSettings,
  ): void {
    this.#closeWhenWritten = false
    this.#pausedBy = 0
    this.engine.connect(settings, this.now)
    try {
      this.#transport = dial(address, this, options)
    } catch (error) {
      this.engine.handleClosed(error as Error, this.now)
    }
    this.touch()
  }

  /** To be called after commands to the engine: outputs are handed on, bytes go out this tick. */
  touch(): void {
    const isFirst = !this.#scheduled
    this.#scheduled = true
    try {
      if (this.engine.out.sizeBytes >= FLUSH_BYTES) this.#write()
      if (this.engine.polling) this.#drain()
    } finally {
      // After what the outputs have settled: what its callers publish at once goes out with the same write.
      if (isFirst) void Promise.resolve().then(() => this.#tick())
    }
  }

  /** Stops reading until `resume`; bytes already read still come through. */
  pause(): void {
    this.#pause(PAUSED_BY_READER)
  }

  resume(): void {
    this.#resume(PAUSED_BY_READER)
  }

  // What the transport reports.

  opened(): void {
    this.engine.handleOpened(this.now)
    this.touch()
  }

  received(bytes: Uint8Array, length: number): void {
    this.bytesReceived += length
    this.engine.handleData(bytes, length, this.now)
    if (this.#isTimerStale) this.#renewTimer()
    this.touch()
    if (this.engine.out.sizeBytes >= CONGESTED_BYTES) this.#pause(PAUSED_BY_CONGESTION)
  }

  written(): void {
    const wasFull = this.#wasFull
    this.#release()
    this.engine.handleWritten(this.now)
    this.#write()
    this.#resume(PAUSED_BY_CONGESTION)
    this.touch()
    // At QoS 0 no answer comes that would tell of it whoever keeps messages back for lack of room, or wants to leave.
    if (wasFull || !this.isWriting) this.#handler.handleDrained()
  }

  closed(error: Error | undefined): void {
    this.#release()
    this.#transport = undefined
    this.#pausedBy = 0
    this.engine.handleClosed(this.#thrown?.error ?? error, this.now)
    this.#thrown = undefined
    this.touch()
  }

  #tick(): void {
    this.#scheduled = false
    this.#write()
    this.#arm()
    this.#now = -1
  }

  #write(): void {
    const { out } = this.engine
    if (this.#transport === undefined || this.#batch !== undefined) return
    if (out.sizeBytes === 0) {
      if (this.#closeWhenWritten) {
        this.#closeWhenWritten = false
        this.#transport.close()
      }
      return
    }
    const before = out.sizeBytes
    this.#wasFull = before >= ENCODED_AHEAD_BYTES
    const batch = out.take(WRITE_BYTES)
    this.#batch = batch
    this.bytesSent += before - out.sizeBytes
    this.engine.handleWriteStarted(this.now)
    if (this.#handover) this.#handover.sent = 'maybe'
    try {
      this.#transport.write(batch.chunks)
    } catch (error) {
      // The connection ends with that, and not the call of whoever published.
      this.#thrown = { error: error as Error | undefined }
      return this.#transport.destroy()
    }
    if (!this.#handover || out.sizeBytes > 0) return
    this.#handover.resolve(HANDED_OVER)
    this.#handover = undefined
  }

  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    try {
      for (let output = this.engine.poll(); output !== undefined; output = this.engine.poll()) {
        if (output.kind === 'close') {
          this.#closeWhenWritten = output.orderly
          if (output.orderly) this.#write()
          else this.#transport?.destroy()
          continue
        }
        if (output.kind === 'closed') {
          this.#handover?.reject(endedError(output.error, this.#handover.sent))
          this.#handover = undefined
          // Who is told of the end finds no timer left of it.
          this.#arm()
        }
        this.#handler.handleOutput(output)
      }
    } finally {
      this.#draining = false
    }
    this.#handler.handleDrained()
  }

  /** The write under way has ended: its slabs are free. */
  #release(): void {
    if (this.#batch !== undefined) this.engine.out.release(this.#batch)
    this.#batch = undefined
  }

  #pause(by: number): void {
    if (this.#pausedBy === 0 && this.#transport !== undefined) {
      this.#transport.pause()
      this.engine.handlePaused(this.now)
      this.touch()
    }
    this.#pausedBy |= by
  }

  #resume(by: number): void {
    if (this.#pausedBy === 0) return
    this.#pausedBy &= ~by
    if (this.#pausedBy !== 0 || this.#transport === undefined) return
    this.engine.handleResumed(this.now)
    this.#transport.resume()
    this.touch()
  }

  /** One timer, set again only when a deadline has come nearer than it. */
  #arm(): void {
    const at = this.engine.nextTimeout()
    if (at === this.#timerAt || (at > this.#timerAt && at !== Infinity)) return
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer)
    this.#timer = undefined
    this.#timerAt = at
    if (at !== Infinity) this.#setTimer(at)
  }

  #setTimer(at: number): void {
    this.#isTimerStale = true
    // Bound, which weighs half of a closure and its context: every client that rests has one.
    this.#timer = this.#clock.setTimer(this.#fire.bind(this), Math.max(0, at - this.now))
  }

  /**
   * The same timer once more. In a page that is hidden, a browser lets timers that were set by timers go off once a
   * minute: too late for PINGREQ. One that is set by what comes in is none of those.
   */
  #renewTimer(): void {
    if (this.#timer !== undefined) {
      this.#clock.clearTimer(this.#timer)
      this.#setTimer(this.#timerAt)
    }
    this.#isTimerStale = false
  }

  #fire(): void {
    this.#timer = undefined
    this.#timerAt = Infinity
    this.engine.handleTimeout(this.now)
    this.touch()
  }
}
