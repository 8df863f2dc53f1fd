// What `npm run torture -- --power N` runs: N scenarios of the log on a simulated disk, each cut at every write
// and sync, then as many with several lives. Says the seed of each that fails: `SEED=7 … --power 1` repeats it.

import { cutEverywhere, severalLives } from './power-loss.ts'
import { FAST_CHECK } from './seed.ts'

const scenarios = Number(process.argv[2])
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const begin = performance.now()
let cuts = 0
let failed = 0
for (let seed = FAST_CHECK.seed; seed < FAST_CHECK.seed + scenarios; seed += 1) {
  try {
    const steps = await cutEverywhere(seed)
    await severalLives(seed, 10)
    cuts += steps
    say(`SEED=${seed}: ${steps} cuts`)
  } catch (error) {
    failed += 1
    say(`SEED=${seed} FAILED: ${String(error)}`)
  }
}
const seconds = Math.round((performance.now() - begin) / 1000)
say(`${scenarios} scenarios, ${cuts} cuts with four losses each, ${failed} failed, ${seconds} s`)
if (failed > 0) process.exitCode = 1
