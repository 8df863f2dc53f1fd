// How much processor time a piece of work takes, so that a busy machine does not make a test fail.

import { paced } from './pace.ts'

interface Platform {
  readonly process?: {
    readonly cpuUsage?: () => { readonly user: number; readonly system: number }
  }
}

/** Microseconds of processor time so far, or of the clock where a platform does not tell. */
function used(): number {
  const usage = (globalThis as Platform).process?.cpuUsage?.()
  return usage === undefined ? Date.now() * 1000 : usage.user + usage.system
}

/** Microseconds that something takes. */
export function cpuTimeOf(run: () => void): number {
  const before = used()
  run()
  return used() - before
}

/** Throws when four times the work takes far more than four times the time; a square would take 16. */
export function checkLinear(run: (count: number) => void, compiled: number): void {
  const count = paced(compiled, compiled / 125)
  const quarter = cpuTimeOf(() => run(count / 4))
  judge(
    quarter,
    cpuTimeOf(() => run(count)),
    count,
  )
}

/** The same of work that is waited for. */
export async function checkLinearWork(
  run: (count: number) => Promise<void>,
  count: number,
): Promise<void> {
  const before = used()
  await run(count / 4)
  const between = used()
  await run(count)
  judge(between - before, used() - between, count)
}

function judge(quarter: number, whole: number, count: number): void {
  if (whole < quarter * 8 + 400_000) return
  throw new Error(`${quarter} µs for ${count / 4}, and ${whole} µs for ${count}`)
}
