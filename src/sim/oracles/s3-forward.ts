// S3: receipts move forward and end once. What is told of a message is judged in the order in which it is
// told; a stage that was passed never comes again.

import type { Observation } from '../observations.ts'
import type { Oracle } from './oracle.ts'

const ORDER: readonly string[] = ['accepted', 'stored', 'sent', 'received']

export class ForwardOracle implements Oracle {
  readonly name = 'S3'
  readonly hears: readonly Observation['kind'][] = ['settled', 'stage']

  observe(seen: Observation): string | undefined {
    switch (seen.kind) {
      case 'settled': {
        const { message, outcome } = seen
        if (message.outcome === undefined) return undefined
        return `#${message.number} ended twice: ${message.outcome.status}, then ${outcome.status}`
      }
      case 'stage': {
        const { message, stage } = seen
        const before = message.stage
        if (before === undefined) return undefined
        if (rank(stage) > rank(before)) return undefined
        // At QoS 0 the outcome has the name of a stage.
        if (stage === before && stage === 'sent') return undefined
        return `#${message.number} went from ${before} to ${stage}`
      }
      default:
        return undefined
    }
  }
}

/** Outcomes come after every stage. */
function rank(stage: string): number {
  const place = ORDER.indexOf(stage)
  return place < 0 ? ORDER.length : place
}
