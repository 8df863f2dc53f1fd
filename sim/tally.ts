// What many runs add up to, as data that can be written to a file and added to another: no run is in it by itself
// but those that failed. Rule: times and faults are counted by their size, so that medians can be had of a sum.

import type { Visits } from './coverage/counters.ts'
import type { RunReport } from './run.ts'

/** Faults that are on for a whole run, or befall each operation: they count once in a run. */
const STEADY: readonly string[] = [
  'link.latency',
  'link.bandwidth',
  'clock.drift',
  'disk.slow',
  'server.lowLimits',
]
const MINUTE_MS = 60_000

/** How often each of some things was counted. */
export type Counts = Readonly<Record<string, number>>

/** A run that failed, and the judge that said so. */
export interface Failure {
  readonly seed: number
  readonly oracle: string
  readonly text: string
}

/** What came of some runs. */
export interface Tally {
  readonly runs: number
  /** Which seeds, as ranges that include both ends. */
  readonly seeds: readonly (readonly [first: number, last: number])[]
  readonly failures: readonly Failure[]
  readonly simulatedMs: number
  readonly steps: number
  readonly messages: number
  /** Runs by their whole minutes of virtual time. */
  readonly minutes: Counts
  /** Runs by the number of their faults. */
  readonly faults: Counts
  /** Runs by how many kinds of faults they had. */
  readonly kinds: Counts
  readonly fired: Counts
  readonly outcomes: Counts
  readonly visits: Visits
}

export const NO_RUNS: Tally = Object.freeze({
  runs: 0,
  seeds: [],
  failures: [],
  simulatedMs: 0,
  steps: 0,
  messages: 0,
  minutes: {},
  faults: {},
  kinds: {},
  fired: {},
  outcomes: {},
  visits: {},
})

/** One run alone; what it visited is counted by the process that ran it. */
export function tallyOf(report: RunReport): Tally {
  const { seed, violations, fired, simulatedMs, steps, messages, outcomes } = report
  const [violation] = violations
  const kinds = Object.entries(fired)
  const faults = kinds.reduce((sum, [name, times]) => sum + (STEADY.includes(name) ? 1 : times), 0)
  return {
    runs: 1,
    seeds: [[seed, seed]],
    failures:
      violation === undefined ? [] : [{ seed, oracle: violation.oracle, text: violation.text }],
    simulatedMs,
    steps,
    messages,
    minutes: { [Math.floor(simulatedMs / MINUTE_MS)]: 1 },
    faults: { [faults]: 1 },
    kinds: { [kinds.length]: 1 },
    fired,
    outcomes,
    visits: {},
  }
}

/** The sum of both. */
export function addTallies(a: Tally, b: Tally): Tally {
  return {
    runs: a.runs + b.runs,
    seeds: joinRanges([...a.seeds, ...b.seeds]),
    failures: [...a.failures, ...b.failures],
    simulatedMs: a.simulatedMs + b.simulatedMs,
    steps: a.steps + b.steps,
    messages: a.messages + b.messages,
    minutes: addCounts(a.minutes, b.minutes),
    faults: addCounts(a.faults, b.faults),
    kinds: addCounts(a.kinds, b.kinds),
    fired: addCounts(a.fired, b.fired),
    outcomes: addCounts(a.outcomes, b.outcomes),
    visits: addCounts(a.visits, b.visits),
  }
}

/** How many seeds there are: one that was run twice is one. */
export function distinctSeeds({ seeds }: Tally): number {
  return seeds.reduce((sum, [first, last]) => sum + last - first + 1, 0)
}

/** Of what was counted by its size. */
export function medianOf(counts: Counts): number {
  const sizes = Object.entries(counts)
    .map(([size, times]) => [Number(size), times] as const)
    .sort(([a], [b]) => a - b)
  const half = sizes.reduce((sum, [, times]) => sum + times, 0) / 2
  let before = 0
  for (const [size, times] of sizes) {
    before += times
    if (before > half) return size
  }
  return 0
}

/** In order, and as few as there can be. */
function joinRanges(
  ranges: readonly (readonly [first: number, last: number])[],
): [first: number, last: number][] {
  const joined: [first: number, last: number][] = []
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const before = joined.at(-1)
    if (before === undefined || first > before[1] + 1) joined.push([first, last])
    else before[1] = Math.max(before[1], last)
  }
  return joined
}

function addCounts(a: Counts, b: Counts): Counts {
  const sum: Record<string, number> = { ...a }
  for (const [name, times] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + times
  return sum
}
