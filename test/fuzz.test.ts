// A few seconds of every fuzzer in the gate, on other seeds each time (SEED repeats one), and the proof
// that they can fail: each planted bug is found by the oracle that watches for it.

import { deepEqual, equal, fail, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FUZZERS, Fuzzers } from '../fuzz/fuzz.ts'
import { PLANTED_BUGS } from '../fuzz/plants.ts'

const SECONDS: Readonly<Record<(typeof FUZZERS)[number], number>> = {
  operations: 2.5,
  hostile: 1.5,
  decoder: 1,
}
/** Seeds that a planted bug may take; most are found by the first ten. */
const SEEDS_MAX = 400
/** Seeds in which all of MARKS is reached: by the first ten as a rule, but on a busy machine few have had their time. */
const REACH_SEEDS_MAX = 300
/** What a run must have reached to be worth its time. */
const MARKS: readonly string[] = [
  'alias used',
  'attack',
  'connect refused',
  'cut',
  'QoS 2 sent again',
  'session lost',
  'session new',
  'session resumed',
]

const seedText = process.env['SEED']
const firstSeed = seedText === undefined ? Math.floor(Math.random() * 1e9) : Number(seedText)

describe('the fuzzers', () => {
  const fuzzers = new Fuzzers()
  const findsNothing = async (name: (typeof FUZZERS)[number], seed: number): Promise<void> => {
    const failure = await fuzzers.run(name, seed)
    if (failure === undefined) return
    fail(`${failure.violation.message}\n  npm run fuzz -- --fuzzer ${name} --seed ${seed}`)
  }
  for (const name of FUZZERS) {
    test(`find nothing: ${name}`, async (t) => {
      t.diagnostic(`the first seed is ${firstSeed}`)
      const end = performance.now() + SECONDS[name] * 1000
      for (let seed = firstSeed; performance.now() < end; seed += 1) await findsNothing(name, seed)
    })
  }
  test('reach what is hard to reach', async () => {
    const missing = (): string[] => MARKS.filter((mark) => !fuzzers.marks.has(mark))
    const last = firstSeed + REACH_SEEDS_MAX
    for (let seed = firstSeed; seed < last && missing().length > 0; seed += 1) {
      for (const name of FUZZERS) await findsNothing(name, seed)
    }
    deepEqual(missing(), [])
  })
  test('do the same for the same seed', async () => {
    const traces: string[][] = [[], []]
    for (const trace of traces) {
      await new Fuzzers().run('operations', firstSeed, { trace: (line) => trace.push(line) })
    }
    ok((traces[0]?.length ?? 0) > 20)
    equal(traces[0]?.join('\n'), traces[1]?.join('\n'))
  })
})

describe('a planted bug is found', () => {
  for (const [name, plant] of Object.entries(PLANTED_BUGS)) {
    test(name, async (t) => {
      const fuzzers = new Fuzzers()
      for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
        const failure = await fuzzers.run('operations', seed, { plant })
        if (failure?.violation.oracle !== plant.oracle) continue
        t.diagnostic(`with seed ${seed}`)
        return
      }
      fail(`"${plant.oracle}" did not see it in ${SEEDS_MAX} runs`)
    })
  }
})
