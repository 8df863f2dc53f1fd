// What many runs add up to, and how it is printed.

import { FAULT_NAMES } from '../src/sim/faults.ts'
import type { Coverage } from './coverage/tables.ts'
import type { RunReport } from './run.ts'

/** Each kind of fault is to have fired so often before a simulator is believed. */
const FIRED_WANTED = 1000
/** Those that are on for a whole run, or befall each operation: they count once in a run. */
const STEADY: readonly string[] = [
  'link.latency',
  'link.bandwidth',
  'clock.drift',
  'disk.slow',
  'server.lowLimits',
]
const HOUR_MS = 3_600_000

export class Summary {
  runs = 0
  failures = 0
  #simulatedMs = 0
  #steps = 0
  #messages = 0
  readonly #times: number[] = []
  readonly #faults: number[] = []
  readonly #kinds: number[] = []
  readonly #fired = new Map<string, number>()
  readonly #outcomes = new Map<string, number>()

  add(report: RunReport): void {
    this.runs += 1
    if (report.violations.length > 0) this.failures += 1
    this.#simulatedMs += report.simulatedMs
    this.#steps += report.steps
    this.#messages += report.messages
    this.#times.push(report.simulatedMs)
    const fired = Object.entries(report.fired)
    this.#kinds.push(fired.length)
    this.#faults.push(
      fired.reduce((sum, [name, times]) => sum + (STEADY.includes(name) ? 1 : times), 0),
    )
    count(this.#fired, fired)
    count(this.#outcomes, Object.entries(report.outcomes))
  }

  /** @param seconds that all of it took @param processes at the same time */
  lines(seconds: number, processes: number, coverage: Coverage | undefined): string[] {
    const median = (values: number[]): number =>
      values.sort((a, b) => a - b)[values.length >> 1] ?? 0
    const few = FAULT_NAMES.filter((name) => (this.#fired.get(name) ?? 0) < FIRED_WANTED)
    const fast = this.#simulatedMs / 1000 / seconds
    return [
      '',
      `runs        ${whole(this.runs)}, of which ${this.failures} failed`,
      `simulated   ${whole(this.#simulatedMs / HOUR_MS)} hours, ${whole(this.#messages)} messages, ${whole(this.#steps)} steps`,
      `a run       ${(median(this.#times) / HOUR_MS).toFixed(2)} hours, ${median(this.#faults)} faults of ${median(this.#kinds)} kinds in the median`,
      `speed       ${(this.runs / seconds).toFixed(1)} runs a second on ${processes} processes, ${whole(fast)} times faster than real time`,
      '',
      ...table('faults fired', this.#fired, FAULT_NAMES),
      few.length === 0
        ? `  each at least ${FIRED_WANTED} times`
        : `  below ${FIRED_WANTED}: ${few.join(', ')}`,
      '',
      ...table('outcomes', this.#outcomes, [...this.#outcomes.keys()].sort()),
      ...(coverage === undefined ? [] : coverageLines(coverage)),
    ]
  }
}

function coverageLines({ states, transitions, missed, unknown }: Coverage): string[] {
  return [
    '',
    `visited     ${states.visited} of ${states.all} states, ${transitions.visited} of ${transitions.all} transitions`,
    ...missed.map((name) => `  never     ${name}`),
    ...unknown.map((name) => `  in no table, but visited     ${name}`),
  ]
}

function table(
  title: string,
  counts: ReadonlyMap<string, number>,
  names: readonly string[],
): string[] {
  const rows = names.map(
    (name) => `  ${name.padEnd(26)}${whole(counts.get(name) ?? 0).padStart(12)}`,
  )
  return [title, ...rows]
}

function count(
  into: Map<string, number>,
  entries: readonly (readonly [name: string, times: number])[],
): void {
  for (const [name, times] of entries) into.set(name, (into.get(name) ?? 0) + times)
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
