// What a judge of a run is: it hears everything that is told, in order, and says what was wrong. It sees the
// client from outside alone, and changes nothing.

import type { Observation } from '../observations.ts'

export interface Oracle {
  /** Its name in the design, such as `S1`. */
  readonly name: string
  /** What it listens to: of anything else it is not told. @default everything */
  readonly hears?: readonly Observation['kind'][]
  /** @returns what is wrong with that, if anything is */
  observe(seen: Observation, now: number): string | undefined
}
