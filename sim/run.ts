// One run in this process, as numbers and texts that another process can be told: what the program's
// children do, and the tests of the gate. A promise that nobody waits for and that rejects is a violation too.

import { planOf } from '../src/sim/additions.ts'
import { type PlanChange, changePlan, type Plan } from '../src/sim/plan.ts'
import { runPlan } from '../src/sim/simulation.ts'
import type { Violation } from '../src/sim/world.ts'

/** Which run, and what of it is wanted. */
export interface RunJob {
  readonly seed: number
  readonly change?: PlanChange
  /** Last lines of the trace. @default 0 */
  readonly traceLines?: number
}

/** What came of a run. */
export interface RunReport {
  readonly seed: number
  readonly hash: string
  readonly violations: readonly Violation[]
  readonly fired: Readonly<Record<string, number>>
  readonly simulatedMs: number
  readonly steps: number
  readonly messages: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly trace: readonly string[]
}

/** Cheaper than `queueMicrotask`, and in the same order. */
const DONE = Promise.resolve()

/** The plan of a job. */
export function planOfJob({ seed, change }: RunJob): Plan {
  const plan = planOf(seed, change?.additions)
  return change === undefined ? plan : changePlan(plan, change)
}

/** Runs it here. */
export function runJob(job: RunJob): Promise<RunReport> {
  return runOnePlan(planOfJob(job), job.traceLines)
}

/** Runs a plan that no seed need have made. */
export async function runOnePlan(plan: Plan, traceLines = 0): Promise<RunReport> {
  const rejections: unknown[] = []
  const note = (reason: unknown): void => void rejections.push(reason)
  process.on('unhandledRejection', note)
  try {
    const { hash, violations, fired, simulatedMs, steps, messages, outcomes, trace } =
      await runPlan(plan, {
        turns: (next) => void DONE.then(() => process.nextTick(next)),
        traceLines,
      })
    // What was rejected is told when this turn of the event loop is over.
    await new Promise((resolve) => setImmediate(resolve))
    return {
      seed: plan.seed,
      hash,
      violations: [...violations, ...rejections.map((reason) => unhandled(reason, simulatedMs))],
      fired,
      simulatedMs,
      steps,
      messages,
      outcomes,
      trace,
    }
  } finally {
    process.off('unhandledRejection', note)
  }
}

/** The command that repeats a run. */
export function commandOf({ seed, change = {} }: RunJob): string {
  const { faults, devices, durationMs, additions } = change
  const words = [`npm run sim -- --seed ${seed}`]
  if (additions?.length === 0) words.push('--plain')
  else if (additions !== undefined) words.push(`--with ${additions.join(',')}`)
  if (faults !== undefined)
    words.push(`--faults ${faults.length === 0 ? 'none' : faults.join(',')}`)
  if (devices !== undefined) words.push(`--devices ${devices}`)
  if (durationMs !== undefined) words.push(`--minutes ${durationMs / 60_000}`)
  return words.join(' ')
}

function unhandled(reason: unknown, at: number): Violation {
  const text = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)
  return { oracle: 'no surprise', at, text: `A promise rejected and nobody waited for it: ${text}` }
}
