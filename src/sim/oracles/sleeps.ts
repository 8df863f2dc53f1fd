// How long each device has slept, at the most: it does nothing meanwhile, so that no judge may count it against what
// its disk has still to do.

import type { Observation } from '../observations.ts'

export class Sleeps {
  readonly #ms = new Map<string, number>()

  observe(seen: Observation): void {
    if (seen.kind !== 'fault' || seen.fault !== 'process.sleep') return
    this.#ms.set(seen.target, this.msOf(seen.target) + Number.parseFloat(seen.detail))
  }

  /** All of it since the run began, virtual ms. */
  msOf(device: string): number {
    return this.#ms.get(device) ?? 0
  }
}
