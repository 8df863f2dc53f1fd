// portable
// Quiet runs: about half of the seeds, with the same devices and kinds of faults as without, and less of both.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { planOf } from '../../src/sim/additions.ts'
import { armedNames } from '../../src/sim/faults.ts'
import type { Plan } from '../../src/sim/plan.ts'
import { paced } from '../support/pace.ts'

const SEEDS = Array.from({ length: paced(200, 50) }, (_, i) => i + 1)

/** With what was added before runs were calm. */
function busyPlanOf(seed: number): Plan {
  return planOf(seed, ['habits', 'rare', 'scarce'])
}

function isQuiet(seed: number): boolean {
  const { watchdog: _, ...plan } = planOf(seed)
  return JSON.stringify(plan) !== JSON.stringify(busyPlanOf(seed))
}

function messagesAnHour({ devices }: Plan): number {
  const rates = devices.flatMap(({ streams }) =>
    streams.map(({ burst, everyMs }) => burst / everyMs),
  )
  return 3_600_000 * rates.reduce((sum, rate) => sum + rate, 0)
}

/** The mean time between two, of some faults that come and go. */
function waitsOf({ faults }: Plan): number[] {
  const { cut, stall, drip, refuse, blackHole, partition } = faults.link
  return [cut, stall, drip, refuse, blackHole, partition].map((fault) => fault?.everyMs ?? 0)
}

describe('a quiet run', () => {
  test('is about every second one', () => {
    const quiet = SEEDS.filter(isQuiet).length
    ok(quiet > SEEDS.length * 0.4 && quiet < SEEDS.length * 0.6, `${quiet} of ${SEEDS.length}`)
  })
  test('has less to do, and as many kinds of faults, none of them oftener', () => {
    for (const seed of SEEDS.filter(isQuiet)) {
      const busy = busyPlanOf(seed)
      const quiet = planOf(seed)
      ok(messagesAnHour(quiet) < messagesAnHour(busy) * 0.6, `seed ${seed}`)
      equal(quiet.durationMs, busy.durationMs)
      deepEqual(armedNames(quiet.faults), armedNames(busy.faults))
      const before = waitsOf(busy)
      for (const [i, everyMs] of waitsOf(quiet).entries()) {
        ok(everyMs >= (before[i] ?? 0), `seed ${seed}`)
      }
    }
  })
  test('leaves the others as they were, but for the watchdog that all have', () => {
    const busy = SEEDS.filter((seed) => !isQuiet(seed))
    for (const seed of busy) deepEqual(planOf(seed), { ...busyPlanOf(seed), watchdog: true })
    ok(busy.every((seed) => busyPlanOf(seed).watchdog === undefined))
  })
})
