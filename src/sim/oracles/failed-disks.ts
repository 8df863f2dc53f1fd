// Devices whose disk has failed in the middle of something, or had no room left even for a record. What was not
// recorded, or not removed, nobody can know after a crash: some promises of the outbox end there, and the client
// says so by a warning.

import type { Observation } from '../observations.ts'

export class FailedDisks {
  readonly #devices = new Set<string>()

  observe(seen: Observation): void {
    if (seen.kind === 'fault' && seen.fault === 'disk.fail') this.#devices.add(seen.target)
    if (seen.kind === 'warning' && seen.code === 'outbox') this.#devices.add(seen.device)
  }

  has(device: string): boolean {
    return this.#devices.has(device)
  }
}
