// Runs that once found something: each stays as it is, so that it is found again if it comes back. One that a
// change of the simulator makes go another way is replaced by a seed that finds the same with the old code.

import type { PlanChange } from '../../src/sim/plan.ts'

/** One run, and what it was that it found. */
export interface Regression {
  /** What must not happen, in a few words. */
  readonly name: string
  readonly seed: number
  /** @default the plan as the seed makes it */
  readonly change?: PlanChange
}

export const REGRESSIONS: readonly Regression[] = [
  { name: 'a message overtakes one of its topic whose PUBCOMP was withheld', seed: 5 },
  { name: 'the same, in a new session after a restart', seed: 189 },
]
