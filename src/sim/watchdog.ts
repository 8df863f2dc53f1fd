// What keeps something that dies again and again from doing nothing else: after a few short lives in a row each
// wait is longer than the one before it, as with a watchdog of a device, or in a script that has learned. Without
// it a run of hours would be thousands of starts, each like the last.

/** What lives as long is thought to be well, ms. */
const WELL_MS = 30_000
/** Short lives in a row that nothing is made of: what happens between two starts is to be seen often. */
const PATIENCE = 8
const FIRST_MS = 1000
/** How often a wait is doubled: to 17 minutes, of runs that take hours. */
const DOUBLED_MAX = 10

export class Watchdog {
  #short = 0
  readonly #isOn: boolean

  /** @param isOn whether it does anything: runs that are older than it go the way that they went without */
  constructor(isOn: boolean) {
    this.#isOn = isOn
  }

  /** How much longer the next start waits than it would. @param livedMs how long the one before it lived */
  waitMs(livedMs: number): number {
    this.#short = livedMs < WELL_MS ? this.#short + 1 : 0
    const more = this.#short - PATIENCE
    return this.#isOn && more > 0 ? FIRST_MS * 2 ** Math.min(more - 1, DOUBLED_MAX) : 0
  }
}
