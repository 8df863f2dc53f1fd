// The parts of the gate that are not tests: `node scripts/check.mjs`, or some by name. Every part runs,
// also after one has failed, and a table at the end says which did. The longest, which needs nothing of the
// others and writes nothing, runs beside them.

import { compileAll } from './lib/compile.mjs'
import { ROOT, run, runTool } from './lib/run.mjs'

/** @type {Record<string, () => Promise<boolean>>} */
const PARTS = {
  types: async () => {
    const emitted = await compileAll()
    const checked = await Promise.all(
      ['core', 'published', 'page', 'examples'].map((name) =>
        ok(runTool('typescript/bin/tsc', ['-p', `tsconfig.${name}.json`])),
      ),
    )
    return emitted && !checked.includes(false)
  },
  format,
  lint: () => ok(run(process.execPath, [`${ROOT}/scripts/lint.mjs`])),
  api: () => ok(run(process.execPath, [`${ROOT}/scripts/api.mjs`, '--built', '--check'])),
  publint: () => ok(runTool('publint/src/cli.js', ['run', '--strict'])),
  size: () => ok(run(process.execPath, [`${ROOT}/scripts/size.mjs`, '--built'])),
}

/** Remembers, by their content, which files were in order: the first run takes half a minute, the next a second. */
const FORMAT = ['--check', '.', '--cache', '--cache-strategy', 'content']

/** Part of the gate that runs beside the others. */
const ASIDE = 'format'

const names = process.argv.slice(2)
const unknown = names.filter((name) => !(name in PARTS))
if (unknown.length > 0) {
  throw new RangeError(`Unknown part "${unknown[0]}"; there are ${Object.keys(PARTS).join(', ')}`)
}

const wanted = Object.entries(PARTS).filter(([name]) => names.length === 0 || names.includes(name))

/** @type {{ name: string, passed: boolean, seconds: number }[]} */
const rows = []
await Promise.all([
  passAll(wanted.filter(([name]) => name === ASIDE)),
  passAll(wanted.filter(([name]) => name !== ASIDE)),
])

console.log()
for (const { name, passed, seconds } of rows) {
  console.log(`${passed ? 'ok    ' : 'FAILED'}  ${name.padEnd(8)} ${seconds.toFixed(1)} s`)
}
if (rows.some((row) => !row.passed)) process.exitCode = 1

/** @param {readonly [name: string, part: () => Promise<boolean>][]} parts one after another */
async function passAll(parts) {
  for (const [name, part] of parts) {
    console.log(`\n${name}`)
    const start = performance.now()
    const passed = await part()
    rows.push({ name, passed, seconds: (performance.now() - start) / 1000 })
  }
}

/** Says what it found when it is done, so that it does not speak into the other parts. */
async function format() {
  const { code, output } = await runTool('prettier/bin/prettier.cjs', FORMAT, { capture: true })
  console.log(`\nformat\n${output}`)
  return code === 0
}

/** @param {Promise<{ code: number }>} result */
async function ok(result) {
  return (await result).code === 0
}
