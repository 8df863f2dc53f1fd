// Runs seeds of the simulator in a process of their own, and says of one that fails what was broken and which
// command repeats it. The test runner follows every promise of its process, which takes a quarter of the time.

import { fail } from 'node:assert/strict'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { planOf } from '../../src/sim/additions.ts'
import { Pool } from '../../sim/pool.ts'
import { commandOf, type RunJob } from '../../sim/run.ts'

const pool = new Pool({
  bundle: fileURLToPath(new URL('../../sim/worker.js', import.meta.url)),
  size: 1,
})
after(() => pool.end())

/** Runs one; fails for the test when an oracle is not content. */
export async function findsNothing(job: RunJob): Promise<void> {
  const { violations } = await pool.run(job)
  const [violation] = violations
  if (violation === undefined) return
  fail(`${violation.oracle}: ${violation.text}\n  ${commandOf(job)}`)
}

/** Their first part of so many minutes: what a run finds is mostly found early, and the gate is not to be long. */
const MINUTES = 10

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
