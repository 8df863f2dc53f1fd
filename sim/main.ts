// `npm run sim`: seeds of the simulator, run by child processes, one for each core.
//
//   --seed N            one run, with its trace, twice: it must go the same way
//     --faults a.b,c.d  the same with these faults alone; `none`
//     --devices K       the same with the first K devices
//     --minutes M       the same with so many minutes of faults
//     --with a,b        the same with these alone of what is added to plans: habits, rare, scarce, calm
//     --plain           the same without all of them
//     --trace N         only the last N lines; 0: none
//     --mutant NAME     with that planted bug
//   --runs N            that many seeds; the first that fails is shrunk, and ends it
//     --from SEED       the first seed; 1 unless it is said
//     --go-on           goes on after a failure
//     --log FILE        adds a line of JSON to it after each batch of runs, also when it is interrupted
//   --sum FILE...       adds up what such files have
//   --speed             one client with a message a second
//   --mutants [NAME…]   planted bugs: each has to be caught; `list` names them
//     --runs N          within so many seeds; 3000 unless it is said
//     --from SEED       the first seed; 1 unless it is said
//   --jobs N            processes at a time; one for each core unless it is said

import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ADDITIONS } from '../src/sim/additions.ts'
import { bundleWorker } from './changes.ts'
import { COVERAGE_CHANGES } from './coverage/changes.ts'
import { describePlan } from './describe.ts'
import { catchMutants } from './catch.ts'
import { changesOf, MUTANTS, mutantOf } from './mutants/all.ts'
import { currentCommit, Log, readLog } from './log.ts'
import { Pool } from './pool.ts'
import { Progress } from './progress.ts'
import { commandOf, planOfJob, type RunJob, type RunReport } from './run.ts'
import { shrink } from './shrink.ts'
import { measureSpeed } from './speed.ts'
import { summaryLines, sumLines } from './summary.ts'
import { FAULT_NAMES } from '../src/sim/faults.ts'
import type { Addition, PlanChange } from '../src/sim/plan.ts'
import { LEGEND, timeOf } from '../src/sim/trace.ts'

/** Lines of a trace that are kept when all are wanted. */
const ALL_LINES = 1_000_000
/** What ends a long command early. */
const STOPS = ['SIGINT', 'SIGTERM'] as const
/** Seeds in which a planted bug has to be caught. */
const MUTANT_RUNS = 3000

const folder = dirname(fileURLToPath(import.meta.url))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    faults: { type: 'string' },
    devices: { type: 'string' },
    minutes: { type: 'string' },
    plain: { type: 'boolean' },
    with: { type: 'string' },
    trace: { type: 'string' },
    mutant: { type: 'string' },
    runs: { type: 'string' },
    from: { type: 'string' },
    'go-on': { type: 'boolean' },
    log: { type: 'string' },
    sum: { type: 'boolean' },
    speed: { type: 'boolean' },
    mutants: { type: 'boolean' },
    jobs: { type: 'string' },
  },
})

process.exitCode = (await main()) ? 0 : 1

async function main(): Promise<boolean> {
  const size = numberOf('jobs', 1) ?? availableParallelism()
  const from = numberOf('from', 0) ?? 1
  if (values.speed === true) return measureSpeed()
  if (values.mutants === true) {
    if (positionals[0] === 'list') {
      for (const { name, rule } of MUTANTS) console.log(`${name.padEnd(34)}${rule}`)
      return true
    }
    const chosen = positionals.length === 0 ? MUTANTS : positionals.map(mutantOf)
    const options = { folder, size, runs: numberOf('runs', 1) ?? MUTANT_RUNS, from }
    return catchMutants(chosen, options)
  }
  if (values.sum === true) return sum(positionals)
  if (positionals.length > 0) throw new RangeError(`Unknown word "${positionals[0]}"`)
  const seed = numberOf('seed', 0)
  if (seed !== undefined) return replay({ seed, change: changeOf() })
  const runs = numberOf('runs', 1)
  if (runs === undefined) {
    throw new RangeError(
      'Say --seed N, --runs N, --sum FILE, --speed or --mutants; sim/main.ts lists the rest',
    )
  }
  return runMany({ runs, from, goesOn: values['go-on'] === true, size, file: values.log })
}

/** One run, twice. */
async function replay(job: RunJob): Promise<boolean> {
  const changes = values.mutant === undefined ? [] : changesOf(mutantOf(values.mutant))
  const bundle = await bundleWorker(join(folder, 'replay.mjs'), changes)
  const pool = new Pool({ bundle, size: 2, stacks: true })
  const traceLines = numberOf('trace', 0) ?? ALL_LINES
  const [report, again] = await Promise.all([pool.run({ ...job, traceLines }), pool.run(job)])
  await pool.end()
  for (const line of describePlan(planOfJob(job))) console.log(line)
  console.log()
  if (traceLines > 0) {
    for (const line of report.trace.slice(-traceLines)) console.log(line)
    console.log(`\n${LEGEND}\n`)
  }
  const { hash, simulatedMs, steps, violations } = report
  console.log(`hash ${hash}, ${timeOf(simulatedMs)} simulated, ${steps} steps`)
  if (again.hash !== hash) {
    console.error(`The same run had another hash, ${again.hash}: something decides by itself`)
    return false
  }
  tellViolations(report)
  if (violations.length === 0) console.log('Every oracle is content')
  return violations.length === 0
}

interface Many {
  readonly runs: number
  readonly from: number
  readonly goesOn: boolean
  readonly size: number
  readonly file: string | undefined
}

async function runMany({ runs, from, goesOn, size, file }: Many): Promise<boolean> {
  const commit = currentCommit()
  const bundle = await bundleWorker(join(folder, 'counting.mjs'), COVERAGE_CHANGES)
  const pool = new Pool({ bundle, size })
  const log = new Log(file, commit, () => pool.takeVisits())
  const progress = new Progress(runs)
  const failures: RunReport[] = []
  const start = performance.now()
  let next = from
  let isStopped = false
  const stop = (): void => void (isStopped = true)
  // What is being run is finished and counted.
  for (const signal of STOPS) process.on(signal, stop)
  if (file !== undefined) console.log(`seeds ${from} to ${from + runs - 1}, commit ${commit}`)
  const work = async (): Promise<void> => {
    while (next < from + runs && !isStopped && (goesOn || failures.length === 0)) {
      const seed = next
      next += 1
      const report = await pool.run({ seed })
      log.add(report)
      progress.show(log.runs, `${failures.length} failed`)
      if (report.violations.length === 0) continue
      failures.push(report)
      if (!goesOn) continue
      progress.clear()
      console.log(`\n${commandOf({ seed })}`)
      tellViolations(report)
    }
  }
  await Promise.all(Array.from({ length: size }, work))
  for (const signal of STOPS) process.off(signal, stop)
  log.end()
  const seconds = (performance.now() - start) / 1000
  progress.clear()
  // Of those that ran at the same time the first counts, so that the same command says the same.
  const [first] = failures.sort((a, b) => a.seed - b.seed)
  if (first !== undefined && !goesOn) await tellShrunk(pool, first)
  await pool.end()
  if (isStopped) console.log(`\nstopped after ${log.runs} of ${runs} runs`)
  for (const line of summaryLines(log.all, seconds, size)) console.log(line)
  if (failures.length > 0) {
    console.log(`\nfailed: ${failures.map(({ seed }) => seed).join(', ')}`)
  }
  return failures.length === 0
}

/** What several long commands have done. @returns whether nothing failed */
function sum(files: readonly string[]): boolean {
  if (files.length === 0) throw new RangeError('Say which files --sum is to add up')
  const batches = files.flatMap(readLog)
  for (const line of sumLines(batches)) console.log(line)
  return batches.every(({ tally }) => tally.failures.length === 0)
}

async function tellShrunk(pool: Pool, report: RunReport): Promise<void> {
  const { seed } = report
  console.log(`\nseed ${seed} failed`)
  tellViolations(report)
  const shrunk = await shrink((job) => pool.run(job), { job: { seed }, report })
  console.log(`\nsmaller, after ${shrunk.runs} runs:`)
  tellViolations(shrunk.report)
  console.log(`\n  ${commandOf(shrunk.job)}`)
}

function tellViolations({ violations }: RunReport): void {
  for (const { oracle, at, text } of violations)
    console.log(`  ${oracle} at ${timeOf(at)}: ${text}`)
}

function changeOf(): PlanChange {
  const { faults } = values
  const names = faults === 'none' ? [] : faults?.split(',')
  const unknown = names?.find((name) => !FAULT_NAMES.includes(name))
  if (unknown !== undefined) {
    throw new RangeError(`Unknown fault "${unknown}"; there are ${FAULT_NAMES.join(', ')}`)
  }
  const additions = additionsOf()
  const devices = numberOf('devices', 1)
  const minutes = numberOf('minutes', 0)
  return {
    ...(additions !== undefined && { additions }),
    ...(names !== undefined && { faults: names }),
    ...(devices !== undefined && { devices }),
    ...(minutes !== undefined && { durationMs: minutes * 60_000 }),
  }
}

function additionsOf(): readonly Addition[] | undefined {
  if (values.plain === true) return []
  if (values.with === undefined) return undefined
  return values.with.split(',').map((name) => {
    const found = ADDITIONS.find((addition) => addition === name)
    if (found !== undefined) return found
    throw new RangeError(`Unknown addition "${name}"; there are ${ADDITIONS.join(', ')}`)
  })
}

function numberOf(
  name: 'seed' | 'devices' | 'minutes' | 'trace' | 'runs' | 'from' | 'jobs',
  least: number,
): number | undefined {
  const text = values[name]
  if (text === undefined) return undefined
  const value = Number(text)
  const isWhole = name === 'minutes' || Number.isSafeInteger(value)
  if (!(isWhole && value >= least)) {
    throw new RangeError(`Cannot use --${name} ${text}: a number of ${least} or more`)
  }
  return value
}
