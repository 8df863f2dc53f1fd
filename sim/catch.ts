// Proves that the simulator can fail: each planted bug is built into a bundle of its own, and seed after seed
// is run until an oracle catches it. Rule: a seed that fails without the bug proves nothing, and is passed over.

import { join } from 'node:path'
import { bundleWorker, requireAll } from './changes.ts'
import { changesOf, type Mutant } from './mutants/all.ts'
import { Pool } from './pool.ts'
import type { RunReport } from './run.ts'

/** A bug may let a run go on for ever. */
const LIMIT_MS = 60_000

export interface CatchOptions {
  /** Where bundles go. */
  readonly folder: string
  /** Processes at a time. */
  readonly size: number
  /** Seeds in which one has to be caught. */
  readonly runs: number
  /** The first seed. @default 1 */
  readonly from?: number
}

/** How one was caught. */
export interface Catch {
  readonly runs: number
  readonly oracle: string
  readonly seed: number
  readonly text: string
}

/** @returns whether all were caught */
export async function catchMutants(
  mutants: readonly Mutant[],
  options: CatchOptions,
): Promise<boolean> {
  requireAll(mutants.flatMap(changesOf))
  const survivors: string[] = []
  const sound = await makeSound(options)
  for (const mutant of mutants) {
    const caught = await catchMutant(mutant, options, sound)
    if (caught === undefined) survivors.push(mutant.name)
    console.log(
      caught === undefined
        ? `SURVIVED  ${mutant.name.padEnd(34)} ${options.runs} runs: ${mutant.rule}`
        : `caught    ${mutant.name.padEnd(34)} ${`${caught.runs}`.padStart(5)} runs, ${caught.oracle}: ${caught.text.split('\n')[0]}`,
    )
  }
  await sound.end()
  console.log(`\n${mutants.length} planted bugs, ${survivors.length} not caught`)
  return survivors.length === 0
}

/** The children that run the same seeds without a bug. */
export async function makeSound({ folder }: CatchOptions): Promise<Pool> {
  return new Pool({ bundle: await bundleWorker(join(folder, 'sound.mjs'), []), size: 1 })
}

/** Runs seeds until one is caught. @param sound runs a seed without the bug */
export async function catchMutant(
  mutant: Mutant,
  { folder, size, runs, from = 1 }: CatchOptions,
  sound: Pool,
): Promise<Catch | undefined> {
  const bundle = await bundleWorker(join(folder, `${mutant.name}.mjs`), changesOf(mutant))
  const pool = new Pool({ bundle, size, limitMs: LIMIT_MS })
  let next = from
  const found: RunReport[] = []
  const work = async (): Promise<void> => {
    while (next < from + runs && found.length === 0) {
      const seed = next
      next += 1
      const report = await pool.run({ seed })
      if (report.violations.length === 0) continue
      const { violations } = await sound.run({ seed })
      if (violations.length === 0) found.push(report)
    }
  }
  await Promise.all(Array.from({ length: size }, work))
  await pool.end()
  // Of those that ran at the same time the first counts.
  const [first] = found.sort((a, b) => a.seed - b.seed)
  const [violation] = first?.violations ?? []
  if (first === undefined || violation === undefined) return undefined
  const { seed } = first
  return { runs: seed - from + 1, seed, oracle: violation.oracle, text: violation.text }
}
