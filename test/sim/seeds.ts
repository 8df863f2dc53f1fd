// Runs seeds of the simulator in this process, and says of one that fails what was broken and which command
// repeats it.

import { fail } from 'node:assert/strict'
import { test } from 'node:test'
import { planOf } from '../../src/sim/additions.ts'
import { commandOf, type RunJob, runJob } from '../../sim/run.ts'

/** Runs one; fails for the test when an oracle is not content. */
export async function findsNothing(job: RunJob): Promise<void> {
  const { violations } = await quick(() => runJob(job))
  const [violation] = violations
  if (violation === undefined) return
  fail(`${violation.oracle}: ${violation.text}\n  ${commandOf(job)}`)
}

/** Their first part of so many minutes: what a run finds is mostly found early, and the gate is not to be long. */
const MINUTES = 20

/** A hundred seeds in each test, so that it shows how far they are. */
export function testSeeds(from: number, to: number): void {
  for (let first = from; first <= to; first += 100) {
    const last = Math.min(to, first + 99)
    test(`the simulator finds nothing with the seeds ${first} to ${last}`, async () => {
      for (let seed = first; seed <= last; seed += 1) {
        const durationMs = Math.min(planOf(seed).durationMs, MINUTES * 60_000)
        await findsNothing({ seed, change: { durationMs } })
      }
    })
  }
}

/** Without stack traces, which take a tenth of the time. */
async function quick<T>(work: () => Promise<T>): Promise<T> {
  const lines = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return await work()
  } finally {
    Error.stackTraceLimit = lines
  }
}
