// What runs the simulator: a run repeats itself, a planted bug is caught, every change of a source still finds
// its text, a failing run is made smaller, and a child that crashes or hangs is a failure.

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { catchMutant, makeSound } from '../../sim/catch.ts'
import { findLost, requireAll } from '../../sim/changes.ts'
import { COVERAGE_CHANGES } from '../../sim/coverage/changes.ts'
import { coverageOf, TABLES } from '../../sim/coverage/tables.ts'
import { changesOf, MUTANTS, mutantOf } from '../../sim/mutants/all.ts'
import { Pool } from '../../sim/pool.ts'
import { commandOf, type RunJob, runJob, type RunReport } from '../../sim/run.ts'
import { shrink } from '../../sim/shrink.ts'
import { armedNames } from '../../src/sim/faults.ts'
import { planOf } from '../../src/sim/additions.ts'

/** A seed that is over soon, with more than one fault. */
const SEED = 3

const folder = mkdtempSync(join(tmpdir(), 'umqtt-sim-test-'))
after(() => rmSync(folder, { recursive: true }))

const REPORT: RunReport = {
  seed: SEED,
  hash: '',
  violations: [],
  fired: {},
  simulatedMs: 0,
  steps: 0,
  messages: 0,
  outcomes: {},
  trace: [],
}

describe('a run', () => {
  test('goes the same way when it is repeated, with its trace or without', async () => {
    const first = await runJob({ seed: SEED })
    const again = await runJob({ seed: SEED, traceLines: 10_000 })
    equal(again.hash, first.hash)
    ok(again.trace.length > 20)
    deepEqual({ ...again, trace: [] }, first)
  })
  test('goes another way for another seed', async () => {
    const hashes = await Promise.all([1, 2, 3, 4].map((seed) => runJob({ seed })))
    equal(new Set(hashes.map(({ hash }) => hash)).size, 4)
  })
  test('is repeated by the command that is printed', () => {
    equal(commandOf({ seed: 5 }), 'npm run sim -- --seed 5')
    const change = { faults: ['link.cut', 'disk.full'], devices: 1, durationMs: 90_000 }
    equal(
      commandOf({ seed: 5, change }),
      'npm run sim -- --seed 5 --faults link.cut,disk.full --devices 1 --minutes 1.5',
    )
    equal(commandOf({ seed: 5, change: { faults: [] } }), 'npm run sim -- --seed 5 --faults none')
    equal(commandOf({ seed: 5, change: { additions: [] } }), 'npm run sim -- --seed 5 --plain')
    const some: RunJob = { seed: 5, change: { additions: ['habits', 'rare'] } }
    equal(commandOf(some), 'npm run sim -- --seed 5 --with habits,rare')
  })
})

describe('a failing run', () => {
  const violation = { oracle: 'S1', at: 120_000, text: '' }
  const armed = armedNames(planOf(SEED).faults)

  test('is made smaller as long as the same oracle finds it', async () => {
    const needed = armed.slice(0, 2)
    const run = (job: RunJob): Promise<RunReport> => {
      const { faults = armed, durationMs = Infinity } = job.change ?? {}
      const fails = needed.every((name) => faults.includes(name)) && durationMs >= 60_000
      return Promise.resolve({ ...REPORT, violations: fails ? [violation] : [] })
    }
    const report = { ...REPORT, violations: [violation] }
    const { job, runs } = await shrink(run, { job: { seed: SEED }, report })
    deepEqual(job.change?.faults, needed)
    equal(job.change?.durationMs, 60_000)
    ok(runs <= 150)
  })
  test('stays as it is when nothing smaller fails', async () => {
    const report = { ...REPORT, violations: [violation] }
    const { job } = await shrink(() => Promise.resolve(REPORT), { job: { seed: SEED }, report })
    deepEqual(job, { seed: SEED })
  })
})

describe('a planted bug', () => {
  test('has a name of its own, and texts that are in the sources once', () => {
    equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length)
    deepEqual(findLost(MUTANTS.flatMap(changesOf)), [])
    deepEqual(findLost(COVERAGE_CHANGES), [])
  })
  test('is caught, and by a seed that finds nothing without it', async () => {
    const options = { folder, size: 1, runs: 20 }
    const sound = await makeSound(options)
    const caught = await catchMutant(mutantOf('settled-before-acknowledgement'), options, sound)
    await sound.end()
    equal(caught?.oracle, 'S8')
  })
  test('whose text is gone is named, with all others that are', () => {
    const lost = ['x x x', 'y y y'].map((find) => ({ file: 'src/errors.ts', find, replace: '' }))
    throws(() => requireAll([...COVERAGE_CHANGES, ...lost]), /"x x x"\n.*"y y y"/)
  })
})

describe('what was visited', () => {
  test('is compared with every pair of the tables', () => {
    const pairs = Object.values(TABLES).flat().length
    const none = coverageOf({})
    equal(none.transitions.all, pairs)
    equal(none.missed.length, pairs)
    const some = coverageOf({ 'connection: idle dial': 2, 'connection: idle fly': 1 })
    equal(some.transitions.visited, 1)
    equal(some.states.visited, 1)
    deepEqual(some.unknown, ['connection: idle fly'])
  })
})

describe('a child process', () => {
  const poolOf = (program: string, limitMs: number): Pool => {
    const bundle = join(folder, `child-${limitMs}.mjs`)
    writeFileSync(bundle, program)
    return new Pool({ bundle, size: 1, limitMs })
  }
  test('that crashes is a failure of the seed that it was running', async () => {
    const pool = poolOf("process.on('message', () => process.exit(7))", 60_000)
    const { seed, violations } = await pool.run({ seed: 8 })
    equal(seed, 8)
    ok(violations[0]?.text.includes('code 7'))
    await pool.end()
  })
  test('that hangs is one too', async () => {
    const pool = poolOf("process.on('message', () => { for (;;); })", 300)
    const { violations } = await pool.run({ seed: 9 })
    ok(violations[0]?.text.includes('was not over'))
    await pool.end()
  })
})
