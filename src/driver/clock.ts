// The only place where the client meets time: a monotonic clock and one-shot timers.
// Everything else is given a Clock, so that tests and the simulator own it.

/** Monotonic time and one-shot timers. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary start; never goes back. */
  now(): number
  /** Calls `fire` once, `delayMs` from now (0 to 2,147,483,647), unless cancelled. */
  setTimer(fire: () => void, delayMs: number): TimerHandle
  /** Cancels a timer; one that has fired is ignored. */
  clearTimer(handle: TimerHandle): void
}

/** Opaque: what `setTimer` gave. */
export type TimerHandle = object | number

/** What every platform has for it; looked up at each call, so that tests may replace it. */
interface Timekeeping {
  readonly performance: { now(): number }
  setTimeout(fire: () => void, delayMs: number): TimerHandle
  clearTimeout(handle: TimerHandle): void
}

/** The longest delay that the platforms' timers take, 24.8 days: a longer one would fire at once. */
export const DELAY_MS_MAX = 2_147_483_647

const platform = globalThis as unknown as Timekeeping

/**
 * The platform's clock. Times are whole milliseconds since the process or page began, which engines
 * keep as small integers for the first weeks.
 */
export const systemClock: Clock = {
  now: () => Math.floor(platform.performance.now()),
  // Rounded up, so that a timer is not early by more than the clock's own fraction.
  setTimer: (fire, delayMs) =>
    platform.setTimeout(fire, Math.min(Math.ceil(delayMs), DELAY_MS_MAX)),
  clearTimer: (handle) => platform.clearTimeout(handle),
}
