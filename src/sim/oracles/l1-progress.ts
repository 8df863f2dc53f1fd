// L1: after the healing every message that lives has its outcome in bounded time, and every message to a
// device that is there is acknowledged.

import type { Observation, SentMessage } from '../observations.ts'
import type { Oracle } from './oracle.ts'

export class ProgressOracle implements Oracle {
  readonly name = 'L1'
  /** Messages that the process of the moment has, by device. */
  readonly #live = new Map<string, Set<SentMessage>>()

  observe(seen: Observation): string | undefined {
    switch (seen.kind) {
      case 'boot':
        this.#live.set(seen.device, new Set())
        return undefined
      case 'publish':
      case 'found':
        this.#live.get(seen.message.device)?.add(seen.message)
        return undefined
      case 'settled':
        this.#live.get(seen.message.device)?.delete(seen.message)
        return undefined
      case 'over': {
        const open = [...this.#live.values()].flatMap((messages) => [...messages])
        if (open.length === 0) return undefined
        const names = open.slice(0, 5).map(({ number, device }) => `#${number} of ${device}`)
        return `${open.length} messages have no outcome though nothing is wrong: ${names.join(', ')}`
      }
      default:
        return undefined
    }
  }
}
