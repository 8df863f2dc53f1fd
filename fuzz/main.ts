// `npm run fuzz`: runs seed after seed until the time is over, and ends with code 1 and the seeds when a
// rule was broken.
//
//   --seconds N     how long; 60 unless it is said
//   --seed S        only this seed, with everything that happens; SEED=S is the same
//   --fuzzer NAME   operations, hostile or decoder; all in turn unless it is said
//   --plant NAME    with a planted bug, which has to be found; `list` names them
//   --failures N    how many failures to gather before it ends; 1 unless it is said

import { parseArgs } from 'node:util'
import { type Failure, FUZZERS, type FuzzerName, Fuzzers } from './fuzz.ts'
import { PLANTED_BUGS } from './plants.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    fuzzer: { type: 'string' },
    plant: { type: 'string' },
    failures: { type: 'string', default: '1' },
  },
})

if (values.plant === 'list') {
  for (const name of Object.keys(PLANTED_BUGS)) console.log(name)
} else {
  process.exitCode = (await main()) ? 0 : 1
}

async function main(): Promise<boolean> {
  const names = chosenFuzzers()
  const plant = values.plant === undefined ? undefined : PLANTED_BUGS[values.plant]
  if (values.plant !== undefined && plant === undefined) {
    throw new RangeError(`Unknown planted bug "${values.plant}": --plant list names them`)
  }
  const options = plant === undefined ? {} : { plant }
  const fuzzers = new Fuzzers()
  const seedText = values.seed ?? process.env['SEED']
  if (seedText !== undefined) {
    let clean = true
    for (const name of names) {
      const trace = (line: string): void => console.log(`  ${line}`)
      console.log(`${name}, seed ${seedText}`)
      const failure = await fuzzers.run(name, Number(seedText), { ...options, trace })
      if (failure !== undefined) report(failure)
      clean &&= failure === undefined
    }
    return clean
  }

  const start = performance.now()
  const end = start + Number(values.seconds) * 1000
  const failures: Failure[] = []
  let seed = Math.floor(Math.random() * 1e9)
  let runs = 0
  while (performance.now() < end && failures.length < Number(values.failures)) {
    seed += 1
    for (const name of names) {
      const failure = await fuzzers.run(name, seed, options)
      runs += 1
      if (failure === undefined) continue
      failures.push(failure)
      report(failure)
    }
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  console.log(`\n${runs} runs in ${seconds} s, ${failures.length} failures`)
  for (const [mark, count] of fuzzers.marks) console.log(`  ${mark}: ${count}`)
  return failures.length === 0
}

function chosenFuzzers(): readonly FuzzerName[] {
  if (values.fuzzer === undefined) return FUZZERS
  const found = FUZZERS.find((name) => name === values.fuzzer)
  if (found === undefined) throw new RangeError(`Unknown fuzzer "${values.fuzzer}"`)
  return [found]
}

function report({ fuzzer, seed, violation }: Failure): void {
  console.error(`\n${violation.message}`)
  if (violation.cause instanceof Error) console.error(violation.cause.stack)
  console.error(`  npm run fuzz -- --fuzzer ${fuzzer} --seed ${seed}`)
}
