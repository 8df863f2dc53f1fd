// What a scenario rejects with when it fails by itself: it got stuck, was too late, or broke a rule.
// Mistakes of whoever writes one are a TypeError or RangeError at the call instead.

import type { Violation } from '../world.ts'
import type { ScenarioFailure } from './types.ts'

/** A scenario failed by itself; `message` says how, and what happened last. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError'
  readonly failure: ScenarioFailure
  /** The rules that were broken. */
  readonly violations: readonly Violation[]

  /**
   * @param failure which way it failed
   * @param message what happened, and what happened last
   * @param violations the rules that were broken. @default none
   */
  constructor(failure: ScenarioFailure, message: string, violations: readonly Violation[] = []) {
    super(message)
    this.failure = failure
    this.violations = violations
  }
}
