// What long commands have done: runs add up, a batch is a line of a file that is written when it is over, several
// files are one table, and a command that is interrupted counts what it did.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { ROOT } from '../../sim/changes.ts'
import { Log, readLog } from '../../sim/log.ts'
import type { RunReport } from '../../sim/run.ts'
import { sumLines } from '../../sim/summary.ts'
import { addTallies, distinctSeeds, medianOf, NO_RUNS, tallyOf } from '../../sim/tally.ts'

const MINUTE_MS = 60_000

const folder = mkdtempSync(join(tmpdir(), 'umqtt-sim-log-'))
after(() => rmSync(folder, { recursive: true }))

function reportOf(seed: number, change: Partial<RunReport> = {}): RunReport {
  return {
    seed,
    hash: '',
    violations: [],
    fired: { 'link.cut': 4, 'link.latency': 900 },
    simulatedMs: 90 * MINUTE_MS,
    steps: 10,
    messages: 2,
    outcomes: { delivered: 2 },
    trace: [],
    ...change,
  }
}

const FAILED = { violations: [{ oracle: 'S5', at: 1, text: 'an id\nand more' }] }

describe('a tally', () => {
  test('counts a fault that is on all the time once, and runs by minutes', () => {
    const tally = tallyOf(reportOf(7))
    deepEqual(tally.faults, { 5: 1 })
    deepEqual(tally.kinds, { 2: 1 })
    deepEqual(tally.minutes, { 90: 1 })
    equal(tally.fired['link.latency'], 900)
    deepEqual(tally.failures, [])
  })
  test('keeps which seeds failed, and by which judge', () => {
    deepEqual(tallyOf(reportOf(7, FAILED)).failures, [
      { seed: 7, oracle: 'S5', text: 'an id\nand more' },
    ])
  })
  test('joins seeds in whatever order they come, and counts one that comes twice once', () => {
    const seeds = [5, 3, 4, 9, 4, 8]
    const sum = seeds.map((seed) => tallyOf(reportOf(seed))).reduce(addTallies, NO_RUNS)
    deepEqual(sum.seeds, [
      [3, 5],
      [8, 9],
    ])
    equal(sum.runs, 6)
    equal(distinctSeeds(sum), 5)
    equal(sum.fired['link.cut'], 24)
  })
  test('has the median of what it counts', () => {
    equal(medianOf({ 10: 1, 9: 1, 200: 1 }), 10)
    equal(medianOf({ 2: 3, 100: 4 }), 100)
    equal(medianOf({}), 0)
  })
})

describe('a log', () => {
  test('has a line for each batch, with what was visited in it', () => {
    const file = join(folder, 'batches.jsonl')
    const log = new Log(file, 'abc', () => ({ 'connection: idle dial': 3 }))
    for (let seed = 1; seed <= 251; seed += 1) log.add(reportOf(seed))
    equal(readLog(file).length, 1)
    log.end()
    // Nothing is left to write.
    log.end()
    const [first, second, ...more] = readLog(file)
    equal(first?.tally.runs, 250)
    equal(second?.tally.runs, 1)
    equal(more.length, 0)
    deepEqual(second?.tally.seeds, [[251, 251]])
    equal(second?.commit, 'abc')
    equal(log.runs, 251)
    equal(log.all.visits['connection: idle dial'], 6)
  })
  test('is needed by nobody: without a file runs add up all the same', () => {
    const log = new Log(undefined, 'abc', () => ({}))
    log.add(reportOf(1))
    log.end()
    equal(log.all.runs, 1)
  })
  test('with a line that is no batch is refused by its number', () => {
    const file = join(folder, 'cut.jsonl')
    const log = new Log(file, 'abc', () => ({}))
    log.add(reportOf(1))
    log.end()
    appendFileSync(file, '{"commit":"abc"}\n')
    throws(() => readLog(file), /cut\.jsonl, line 2: it is no batch/)
    appendFileSync(file, '{"comm')
    throws(() => readLog(file), /line 2/)
    const torn = join(folder, 'torn.jsonl')
    appendFileSync(torn, '{"comm')
    throws(() => readLog(torn), /torn\.jsonl, line 1: it is no JSON/)
  })
})

describe('several logs', () => {
  test('are one table: runs, seeds, commits, rare faults, rows that were not visited, failures', () => {
    const batch = (commit: string, seeds: readonly number[], change = {}): object => ({
      commit,
      seconds: 1,
      tally: seeds.map((seed) => tallyOf(reportOf(seed, change))).reduce(addTallies, NO_RUNS),
    })
    const file = join(folder, 'one.jsonl')
    const other = join(folder, 'other.jsonl')
    appendFileSync(file, `${JSON.stringify(batch('aaa', [1, 2, 3]))}\n`)
    appendFileSync(file, `${JSON.stringify(batch('aaa', [4], FAILED))}\n`)
    appendFileSync(other, `${JSON.stringify(batch('bbb', [3, 10]))}\n`)
    const text = sumLines([file, other].flatMap(readLog)).join('\n')
    match(text, /^runs +6, of which 1 failed$/m)
    match(text, /^a run +1\.50 hours, 5 faults of 2 kinds in the median$/m)
    match(text, /^seeds +5 different ones: 1-4, 10$/m)
    match(text, /^commit +aaa: 4 runs, of which 1 failed$/m)
    match(text, /^commit +bbb: 2 runs, of which 0 failed$/m)
    match(text, /^ +link\.cut +24$/m)
    match(text, /^ +below 1000: link\.bandwidth, link\.cut/m)
    match(text, /^ +never +connection: /m)
    match(text, /^ +aaa 4 +S5: an id$/m)
  })
})

describe('a command that is interrupted', () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`by ${signal} finishes what it runs, and counts what it did`, async () => {
      const file = join(folder, `${signal}.jsonl`)
      const args = ['scripts/sim.mjs', '--runs', '100000', '--jobs', '1', '--log', file]
      const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
      let output = ''
      child.stdout.on('data', (text: Buffer) => (output += text.toString()))
      // It says first which seeds it is going to run.
      await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()))
      child.kill(signal)
      await new Promise<void>((resolve) => child.once('close', () => resolve()))
      match(output, /^stopped after \d+ of 100000 runs$/m)
      ok(existsSync(file), output)
      const runs = Number(/^stopped after (\d+)/m.exec(output)?.[1])
      equal(
        readLog(file).reduce((sum, { tally }) => sum + tally.runs, 0),
        runs,
      )
      ok(readFileSync(file, 'utf8').includes('connection: idle dial'))
    })
  }
})
