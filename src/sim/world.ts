// What all parts of a run share: time, chance, and the place where everything that happens is told.
// Rule: whoever does something tells it here, once; the oracles listen, the trace is written from it.

import { Agenda } from './agenda.ts'
import type { Observation } from './observations.ts'
import type { Oracle } from './oracles/oracle.ts'
import type { Random } from './random.ts'
import { Trace } from './trace.ts'

/**
 * Calls `next` when everything that is due at once has run: when no microtask is left. How that is known is
 * the platform's matter.
 */
export type Turns = (next: () => void) => void

/** A rule that was broken. */
export interface Violation {
  /** The name of the oracle. */
  readonly oracle: string
  readonly at: number
  readonly text: string
}

/** The shared ground of a run. */
export class World {
  readonly agenda: Agenda = new Agenda()
  readonly random: Random
  readonly trace: Trace
  /** How often each kind of fault has fired. */
  readonly fired: Map<string, number> = new Map()
  readonly violations: Violation[] = []
  /** Whether faults are over. */
  healed = false
  readonly #oracles: readonly Oracle[]
  /** Those of them that listen to each kind, in their order. */
  readonly #listeners = new Map<Observation['kind'], readonly Oracle[]>()

  constructor(random: Random, oracles: readonly Oracle[], traceLines: number) {
    this.random = random
    this.#oracles = oracles
    this.trace = new Trace(traceLines)
  }

  get now(): number {
    return this.agenda.now
  }

  /** Tells what happened. */
  tell(observation: Observation): void {
    const { now } = this.agenda
    this.trace.add(now, observation)
    for (const oracle of this.#listenersOf(observation.kind)) {
      const text = oracle.observe(observation, now)
      if (text !== undefined) this.violations.push({ oracle: oracle.name, at: now, text })
    }
  }

  #listenersOf(kind: Observation['kind']): readonly Oracle[] {
    const known = this.#listeners.get(kind)
    if (known !== undefined) return known
    const listeners = this.#oracles.filter(({ hears }) => hears?.includes(kind) ?? true)
    this.#listeners.set(kind, listeners)
    return listeners
  }

  /** Tells that a fault has fired. */
  fire(fault: string, target: string, detail = ''): void {
    this.count(fault)
    this.tell({ kind: 'fault', fault, target, detail })
  }

  /** Counts one more time that a fault has had its effect which is on all the time: nobody is told. */
  count(fault: string): void {
    this.fired.set(fault, (this.fired.get(fault) ?? 0) + 1)
  }

  /** Something that should never be thrown. */
  crash(what: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.violations.push({ oracle: 'no surprise', at: this.now, text: `${what}: ${text}` })
  }

  /** Takes steps until nothing is left before `until`, or `stop` says so. */
  run(until: number, turns: Turns, stop: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const { agenda } = this
      const step = (): void => {
        try {
          const stopped = stop()
          if (stopped || agenda.next > until) {
            if (!stopped) agenda.moveTo(until)
            resolve()
            return
          }
          agenda.step()
        } catch (error) {
          reject(error)
          return
        }
        turns(step)
      }
      turns(step)
    })
  }
}
