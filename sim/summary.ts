// How what many runs add up to is printed.

import { FAULT_NAMES } from '../src/sim/faults.ts'
import { type Coverage, coverageOf } from './coverage/tables.ts'
import type { Batch } from './log.ts'
import { addTallies, type Counts, distinctSeeds, medianOf, NO_RUNS, type Tally } from './tally.ts'

/** Each kind of fault is to have fired so often before a simulator is believed. */
const FIRED_WANTED = 1000
const HOUR_MS = 3_600_000
const MINUTES = 60

/** @param seconds that all of it took @param processes at the same time */
export function summaryLines(tally: Tally, seconds: number, processes: number): string[] {
  const { runs, simulatedMs } = tally
  const fast = simulatedMs / 1000 / seconds
  return [
    '',
    ...runLines(tally),
    `speed       ${(runs / seconds).toFixed(1)} runs a second on ${processes} processes, ${whole(fast)} times faster than real time`,
    ...countLines(tally),
  ]
}

/** What several files have, as one table. */
export function sumLines(batches: readonly Batch[]): string[] {
  const tally = batches.reduce((sum, batch) => addTallies(sum, batch.tally), NO_RUNS)
  const commits = new Map<string, Tally>()
  for (const batch of batches) {
    commits.set(batch.commit, addTallies(commits.get(batch.commit) ?? NO_RUNS, batch.tally))
  }
  const ranges = tally.seeds.map(([first, last]) => (first === last ? first : `${first}-${last}`))
  return [
    ...runLines(tally),
    `seeds       ${whole(distinctSeeds(tally))} different ones: ${ranges.join(', ')}`,
    ...[...commits].map(
      ([commit, { runs, failures }]) =>
        `commit      ${commit}: ${whole(runs)} runs, of which ${failures.length} failed`,
    ),
    ...countLines(tally),
    '',
    'failures',
    ...[...commits].flatMap(([commit, { failures }]) =>
      failures.map(
        ({ seed, oracle, text }) => `  ${commit} ${seed}  ${oracle}: ${text.split('\n')[0]}`,
      ),
    ),
  ]
}

function runLines(tally: Tally): string[] {
  const { runs, failures, simulatedMs, messages, steps, minutes, faults, kinds } = tally
  const hours = (medianOf(minutes) / MINUTES).toFixed(2)
  return [
    `runs        ${whole(runs)}, of which ${failures.length} failed`,
    `simulated   ${whole(simulatedMs / HOUR_MS)} hours, ${whole(messages)} messages, ${whole(steps)} steps`,
    `a run       ${hours} hours, ${medianOf(faults)} faults of ${medianOf(kinds)} kinds in the median`,
  ]
}

function countLines({ fired, outcomes, visits }: Tally): string[] {
  const few = FAULT_NAMES.filter((name) => (fired[name] ?? 0) < FIRED_WANTED)
  return [
    '',
    ...table('faults fired', fired, FAULT_NAMES),
    few.length === 0
      ? `  each at least ${FIRED_WANTED} times`
      : `  below ${FIRED_WANTED}: ${few.join(', ')}`,
    '',
    ...table('outcomes', outcomes, Object.keys(outcomes).sort()),
    ...coverageLines(coverageOf(visits)),
  ]
}

function coverageLines({ states, transitions, missed, unknown }: Coverage): string[] {
  return [
    '',
    `visited     ${states.visited} of ${states.all} states, ${transitions.visited} of ${transitions.all} transitions`,
    ...missed.map((name) => `  never     ${name}`),
    ...unknown.map((name) => `  in no table, but visited     ${name}`),
  ]
}

function table(title: string, counts: Counts, names: readonly string[]): string[] {
  const rows = names.map((name) => `  ${name.padEnd(26)}${whole(counts[name] ?? 0).padStart(12)}`)
  return [title, ...rows]
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
