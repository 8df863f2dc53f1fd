// A clock that stands still until a test moves it. Timers fire in the order in which they are due, each
// at its own time, and those of the same time in the order in which they were set.

import type { Clock, TimerHandle } from '../../src/driver/clock.ts'

interface VirtualTimer {
  readonly at: number
  readonly fire: () => void
}

/** A clock that a test moves. */
export class VirtualClock implements Clock {
  #now: number
  readonly #timers = new Set<VirtualTimer>()

  constructor(now = 0) {
    this.#now = now
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size
  }

  /** When the next timer is due; Infinity when none is set. */
  get next(): number {
    return this.#earliest()?.at ?? Infinity
  }

  now(): number {
    return this.#now
  }

  setTimer(fire: () => void, delayMs: number): TimerHandle {
    if (!(delayMs >= 0 && delayMs <= 2_147_483_647)) {
      throw new RangeError(`Cannot set a timer of ${delayMs} ms: 0 to 2,147,483,647`)
    }
    const timer = { at: this.#now + delayMs, fire }
    this.#timers.add(timer)
    return timer
  }

  clearTimer(handle: TimerHandle): void {
    this.#timers.delete(handle as VirtualTimer)
  }

  /**
   * Moves the time on and fires what becomes due on the way. What a timer puts off to a microtask runs
   * after the whole move: where that matters, `elapse` of scripted-memory.ts settles at every timer.
   */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let timer = this.#earliest(); timer && timer.at <= end; timer = this.#earliest()) {
      this.#timers.delete(timer)
      this.#now = Math.max(this.#now, timer.at)
      timer.fire()
    }
    this.#now = end
  }

  /** Moves the time on as a computer does that slept: what became due fires late, with the next `advance`. */
  jump(ms: number): void {
    this.#now += ms
  }

  #earliest(): VirtualTimer | undefined {
    let earliest: VirtualTimer | undefined
    for (const timer of this.#timers) {
      if (earliest === undefined || timer.at < earliest.at) earliest = timer
    }
    return earliest
  }
}
