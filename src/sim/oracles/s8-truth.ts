// S8: outcomes are true. Delivered is what a server took; what ended before it was ever sent, none took; what
// was sent once at the most, and may have arrived, is called so.

import type { OutcomeStatus } from '../../robust/entry.ts'
import type { Observation } from '../observations.ts'
import type { Oracle } from './oracle.ts'

/** Outcomes of messages that no server ever had. */
const NEVER_SENT: readonly OutcomeStatus[] = [
  'expired',
  'cancelled',
  'superseded',
  'dropped',
  'evicted',
  'refused',
]

export class TruthOracle implements Oracle {
  readonly name = 'S8'
  /** Devices whose disk has failed: what it could not write, or could not remove, may be there after a crash. */
  readonly #failed = new Set<string>()

  observe(seen: Observation): string | undefined {
    if (seen.kind === 'settled') {
      const { message, outcome } = seen
      const { takes, number, policy } = message
      const { status } = outcome
      if (status === 'delivered' && takes.length === 0) {
        return `#${number} is called delivered, and no server has it`
      }
      if (NEVER_SENT.includes(status) && takes.length > 0) {
        return `#${number} is called ${status}, and a server has it`
      }
      if (status === 'sent' && policy.qos > 0)
        return `#${number} at QoS ${policy.qos} is called sent`
      return undefined
    }
    if (seen.kind === 'fault' && seen.fault === 'disk.fail') this.#failed.add(seen.target)
    if (seen.kind === 'taken') {
      const { message } = seen
      if (this.#failed.has(message.device)) return undefined
      const status = message.outcome?.status
      if (status !== undefined && NEVER_SENT.includes(status)) {
        return `#${message.number} was called ${status}, and a server took it later`
      }
    }
    return undefined
  }
}
