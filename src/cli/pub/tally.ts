// What became of the messages: counted by outcome, said in words, and as the way to end.
// The order of the endings is that of what a script has to know first.

import type { EndingName } from '../exit-codes.ts'
import type { Outcome } from '../../robust.node.ts'

type Status = Outcome['status']

/** How a command ends when a message ended so; what is not here is as it should be. */
const ENDING_OF: Readonly<Partial<Record<Status, EndingName>>> = {
  refused: 'refused',
  rejected: 'refused',
  poisoned: 'refused',
  'maybe-delivered': 'maybe',
  expired: 'expired',
  cancelled: 'expired',
  dropped: 'expired',
  evicted: 'refused',
}

/** The worst first. */
const WORST_FIRST: readonly EndingName[] = ['refused', 'maybe', 'expired']

/** Reasons that are kept to be told. */
const REASONS_KEPT = 3

export class Tally {
  readonly #counts = new Map<Status, number>()
  readonly #reasons = new Set<string>()
  #settled = 0

  count({ status, error }: Outcome): void {
    this.#settled += 1
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + 1)
    if (error !== undefined && this.#reasons.size < REASONS_KEPT) this.#reasons.add(error.message)
  }

  /** Messages that have their outcome. */
  get settled(): number {
    return this.#settled
  }

  /** Why some ended badly. */
  get reasons(): Iterable<string> {
    return this.#reasons
  }

  /** The worst of them; undefined when all is well. */
  get ending(): EndingName | undefined {
    const endings = Array.from(this.#counts.keys(), (status) => ENDING_OF[status])
    return WORST_FIRST.find((ending) => endings.includes(ending))
  }

  /** As 3 delivered, 1 expired. */
  get words(): readonly string[] {
    return Array.from(this.#counts, ([status, count]) => `${count} ${status}`)
  }
}
