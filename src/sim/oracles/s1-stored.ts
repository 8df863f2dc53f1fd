// S1: no message whose `stored` resolved is absent from both server and store, unless it reached another
// outcome. A process that finds it gone from the outbox, and never heard of its end, proves it lost.

import type { Observation } from '../observations.ts'
import type { Oracle } from './oracle.ts'

export class StoredOracle implements Oracle {
  readonly name = 'S1'
  readonly hears: readonly Observation['kind'][] = ['absent']

  observe(seen: Observation): string | undefined {
    if (seen.kind !== 'absent') return undefined
    const { message } = seen
    const { takes, cancelled, turnedAway, outcome, number, device } = message
    // What was given up, or rejected, may have been removed before the end of the process.
    if (takes.length > 0 || cancelled || turnedAway || outcome !== undefined) return undefined
    // The same for one whose time was up.
    if (message.policy.expiresAfterMs < Infinity || message.policy.collapseKey !== undefined) {
      return undefined
    }
    return `#${number} of ${device} was stored, and is neither in its outbox nor at a server`
  }
}
