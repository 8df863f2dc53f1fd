// Makes a failing run smaller while the same oracle still finds it: fewer faults, fewer devices, a shorter
// time. Deterministic, and bounded: the smallest is not promised, a small one is.

import { armedNames } from '../src/sim/faults.ts'
import { planOf } from '../src/sim/additions.ts'
import { type Addition, deviceCount, type PlanChange } from '../src/sim/plan.ts'
import type { RunJob, RunReport } from './run.ts'

/** What of the additions may be left out, the smallest first. */
const SMALLER: readonly (readonly Addition[])[] = [
  [],
  ['rare'],
  ['scarce'],
  ['habits'],
  ['calm'],
  ['habits', 'rare'],
]

/** The most runs that are spent on one failure. */
const RUNS_MAX = 150
const MINUTE_MS = 60_000
/** The steps in which a time is cut, as parts of it. */
const CUTS: readonly number[] = [0.1, 0.25, 0.5, 0.75]

/** What was found. */
export interface Shrunk {
  readonly job: RunJob
  readonly report: RunReport
  /** Runs that it took. */
  readonly runs: number
}

/** @param run runs a job @param failed what failed, and how */
export async function shrink(
  run: (job: RunJob) => Promise<RunReport>,
  failed: { readonly job: RunJob; readonly report: RunReport },
): Promise<Shrunk> {
  const { seed } = failed.job
  const wanted = failed.report.violations[0]?.oracle
  let best = failed
  let runs = 0
  const isSmaller = async (change: PlanChange): Promise<boolean> => {
    if (runs >= RUNS_MAX) return false
    runs += 1
    const job: RunJob = { seed, change: { ...best.job.change, ...change } }
    const report = await run(job)
    if (report.violations[0]?.oracle !== wanted) return false
    best = { job, report }
    return true
  }
  for (const additions of SMALLER) if (await isSmaller({ additions })) break
  const plan = planOf(seed, best.job.change?.additions)
  const durationMs = (): number => best.job.change?.durationMs ?? plan.durationMs

  // What came after the violation is not needed.
  const at = Math.ceil((failed.report.violations[0]?.at ?? Infinity) / MINUTE_MS) * MINUTE_MS
  if (at > 0 && at < durationMs()) await isSmaller({ durationMs: at })
  await shrinkFaults(best.job.change?.faults ?? armedNames(plan.faults), isSmaller)
  for (let devices = 1; devices < (best.job.change?.devices ?? deviceCount(plan)); devices += 1) {
    if (await isSmaller({ devices })) break
  }
  for (let shorter = true; shorter && durationMs() > MINUTE_MS;) {
    shorter = false
    for (const cut of CUTS) {
      const cutMs = Math.ceil((durationMs() * cut) / MINUTE_MS) * MINUTE_MS
      if (cutMs >= durationMs() || !(await isSmaller({ durationMs: cutMs }))) continue
      shorter = true
      break
    }
  }
  // With less time, fewer faults may do.
  await shrinkFaults(best.job.change?.faults ?? armedNames(plan.faults), isSmaller)
  return { ...best, runs }
}

/** None, then one alone, then all but one as long as that goes. */
async function shrinkFaults(
  armed: readonly string[],
  isSmaller: (change: PlanChange) => Promise<boolean>,
): Promise<void> {
  if (armed.length === 0 || (await isSmaller({ faults: [] }))) return
  if (armed.length > 2) {
    for (const one of armed) if (await isSmaller({ faults: [one] })) return
  }
  let kept = armed
  for (let i = 0; i < kept.length && kept.length > 1;) {
    const without = kept.filter((_, place) => place !== i)
    if (await isSmaller({ faults: without })) kept = without
    else i += 1
  }
}
