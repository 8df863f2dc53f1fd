// One timer of the platform that is set anew with each change of what is next, and never twice for the same moment.
// It knows no reason for it.

import type { Clock } from '../driver/clock.ts'
import { TIMER_MS_MAX } from './constants.ts'

export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #timer: object | number | undefined
  #at = Infinity

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** @param at when it rings, early if that is far; Infinity: never @param now both monotonic, in ms */
  set(at: number, now: number): void {
    if (at === this.#at) return
    this.clear()
    this.#at = at
    if (at === Infinity) return
    this.#timer = this.#clock.setTimer(
      () => {
        this.#timer = undefined
        this.#at = Infinity
        this.#ring()
      },
      Math.min(Math.max(0, at - now), TIMER_MS_MAX),
    )
  }

  clear(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer)
    this.#timer = undefined
    this.#at = Infinity
  }
}
