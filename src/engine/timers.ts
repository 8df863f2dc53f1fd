// The deadlines of one client as a table: each has a reason, and the earliest is what to wait for.
// It knows no clock: times are the monotonic milliseconds that the caller's `now` counts in.

/** Why the engine wants to be called, by the index of the deadline. */
export const TIMER_REASONS = [
  'connect',
  'keep-alive',
  'ping-response',
  'acknowledgement',
  'write',
  'operation',
  'close',
] as const

/** What the next timeout of an engine is for. */
export type TimerReason = (typeof TIMER_REASONS)[number]

/** Deadlines by index; `Infinity` is off. */
export class Timers {
  readonly #at: number[] = TIMER_REASONS.map(() => Infinity)

  set(timer: number, at: number): void {
    this.#at[timer] = at
  }

  /** Sets a deadline unless an earlier one stands. */
  arm(timer: number, at: number): void {
    if (at < this.at(timer)) this.#at[timer] = at
  }

  at(timer: number): number {
    return this.#at[timer] as number
  }

  clear(): void {
    this.#at.fill(Infinity)
  }

  /** The earliest deadline. */
  get next(): number {
    let earliest = Infinity
    for (const at of this.#at) if (at < earliest) earliest = at
    return earliest
  }

  /** A deadline that has passed, by its index, or -1. */
  due(now: number): number {
    return this.#at.findIndex((at) => at <= now)
  }

  /** Why `next` is what it is. */
  get reason(): TimerReason | undefined {
    return TIMER_REASONS[this.due(Math.min(this.next, Number.MAX_VALUE))]
  }
}
