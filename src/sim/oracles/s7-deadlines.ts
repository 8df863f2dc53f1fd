// S7: in a running process a message has its outcome no later than its deadline and one tick; one that slept
// over it tells so when it wakes.

import type { Observation, SentMessage } from '../observations.ts'
import type { Oracle } from './oracle.ts'

/** One tick of the clock, and what rounding adds to it, ms. */
const TICK_MS = 3
/** When a process that has just begun, or woken, must have caught up, ms. */
const CATCH_UP_MS = 1000

/** A message that has a deadline, in the process that has it. */
interface Watched {
  readonly message: SentMessage
  readonly life: number
  readonly deadline: number
}

export class DeadlineOracle implements Oracle {
  readonly name = 'S7'
  readonly hears: readonly Observation['kind'][] = [
    'boot',
    'publish',
    'found',
    'settled',
    'snapshot',
  ]
  readonly #open = new Map<string, Map<number, Watched>>()

  observe(seen: Observation): string | undefined {
    switch (seen.kind) {
      case 'boot':
        this.#open.set(seen.device, new Map())
        return undefined
      case 'publish':
        this.#watch(seen.message, seen.message.life, seen.message.deadline)
        return undefined
      case 'found':
        this.#watch(seen.message, seen.life, seen.deadline)
        return undefined
      case 'settled': {
        const { message, clock, wokeAt } = seen
        const watched = this.#open.get(message.device)?.get(message.number)
        this.#open.get(message.device)?.delete(message.number)
        if (watched === undefined || watched.life !== seen.life) return undefined
        return late(watched, clock, Math.max(wokeAt + TICK_MS, watched.deadline + TICK_MS))
      }
      case 'snapshot': {
        const { device, asleep, clock, wokeAt } = seen.snapshot
        if (asleep) return undefined
        for (const watched of this.#open.get(device)?.values() ?? []) {
          const text = late(watched, clock, Math.max(wokeAt, watched.deadline) + CATCH_UP_MS)
          if (text !== undefined) return text
        }
        return undefined
      }
      default:
        return undefined
    }
  }

  #watch(message: SentMessage, life: number, deadline: number): void {
    if (deadline === Infinity) return
    this.#open.get(message.device)?.set(message.number, { message, life, deadline })
  }
}

function late({ message, deadline }: Watched, clock: number, most: number): string | undefined {
  if (clock <= most) return undefined
  return `#${message.number} of ${message.device} had its outcome, or none, ${clock - deadline} ms after its deadline`
}
