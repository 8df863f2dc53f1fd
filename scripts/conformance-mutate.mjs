// Switches rules off, one at a time, and shows that the conformance tests notice: each change of
// test/conformance/mutations.ts is made to a bundle of the tests in a temporary folder, never to a source,
// and for every statement that it breaks one of that statement's tests has to fail.
// `npm run conformance:mutate`, or `npm run conformance:mutate -- outbound MQTT-4.6` for the changes whose
// file, statements or text have one of the words. Ends with 1 when a change survives.

import { build } from 'esbuild'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { devNull, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './lib/run.mjs'

/** A change that makes a test wait for ever, or work for ever, is noticed too. */
const LIMIT_MS = 30_000

/**
 * @typedef {{ statements: string[], file: string, find: string, replace: string }} Mutation
 * @typedef {{ name: string, version: string, ids: string[], passed: boolean }} Run
 */

/** Sections of the suite, by name. */
const sections = readdirSync(join(ROOT, 'test/conformance'))
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => ({ name, text: readFileSync(join(ROOT, 'test/conformance', name), 'utf8') }))

const words = process.argv.slice(2)
const all = await loadMutations()
const chosen = all.filter(
  (mutation) => words.length === 0 || words.some((word) => JSON.stringify(mutation).includes(word)),
)

const lost = chosen.filter(
  ({ file, find }) => readFileSync(join(ROOT, file), 'utf8').split(find).length !== 2,
)
if (lost.length > 0) {
  const lines = lost.map(({ file, find }) => `${file}: "${find}"`)
  throw new Error(`Not there, or not once:\n${lines.join('\n')}`)
}

const folder = mkdtempSync(join(tmpdir(), 'umqtt-mutants-'))
symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
try {
  const broken = failuresOf(await runTests([...new Set(chosen.flatMap((m) => m.statements))]))
  if (broken === undefined || broken.length > 0) {
    throw new Error(`Without any change these fail: ${broken?.join(', ') ?? 'all'}`)
  }
  let survivors = 0
  for (const mutation of chosen) {
    const runs = await runTests(mutation.statements, mutation)
    const alive = mutation.statements.filter((key) => !isKilled(key, runs))
    if (alive.length === 0) continue
    survivors += 1
    console.log(`SURVIVED  ${mutation.file}: "${mutation.find}" → "${mutation.replace}"`)
    console.log(`          no test fails of ${alive.join(', ')}`)
  }
  const statements = new Set(chosen.flatMap((mutation) => mutation.statements)).size
  console.log(
    `${chosen.length} changes break ${statements} statements; ${survivors} ${survivors === 1 ? 'change survives' : 'changes survive'}`,
  )
  if (survivors > 0) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true })
}

/** @returns {Promise<Mutation[]>} */
async function loadMutations() {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, 'test/conformance/mutations.ts')],
    bundle: true,
    write: false,
    format: 'esm',
  })
  const code = Buffer.from(outputFiles[0]?.contents ?? []).toString('base64')
  const { MUTATIONS } = await import(`data:text/javascript;base64,${code}`)
  return MUTATIONS
}

/**
 * Runs the tests of some statements, with a change or without.
 * @param {readonly string[]} keys
 * @param {Mutation} [mutation]
 * @returns {Promise<Run[] | undefined>} nothing when the tests did not come to an end
 */
async function runTests(keys, mutation) {
  const ids = keys.map((key) => key.split(' ')[1] ?? '')
  const files = sections.filter(({ text }) => ids.some((id) => text.includes(id)))
  const outfile = join(folder, 'tests.mjs')
  const contents = [
    "import { RUNS } from './rule.ts'",
    ...files.map(({ name }) => `import './${name}'`),
    "process.on('exit', () => console.log(JSON.stringify(RUNS)))",
  ].join('\n')
  await build({
    stdin: { contents, resolveDir: join(ROOT, 'test/conformance') },
    bundle: true,
    outfile,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    target: 'node20',
    // The package says that its files have no side effects; registering a test is one.
    ignoreAnnotations: true,
    logLevel: 'error',
    plugins: mutation === undefined ? [] : [changing(mutation)],
  })
  const { stdout, status } = spawnSync(
    process.execPath,
    [
      '--test-reporter=dot',
      `--test-reporter-destination=${devNull}`,
      ...keys.map((key) => `--test-name-pattern=${patternOf(key)}`),
      outfile,
    ],
    { cwd: ROOT, encoding: 'utf8', timeout: LIMIT_MS, stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const last = stdout.trim().split('\n').at(-1) ?? ''
  if (status === null || !last.startsWith('[')) return undefined
  const runs = /** @type {Run[]} */ (JSON.parse(last))
  return runs.filter((run) => keys.some((key) => has(run, key)))
}

/**
 * @param {Mutation} mutation
 * @returns {import('esbuild').Plugin}
 */
function changing({ file, find, replace }) {
  const path = join(ROOT, file)
  return {
    name: 'changing',
    setup(plugin) {
      plugin.onLoad({ filter: /\.ts$/ }, (args) => {
        if (args.path !== path) return undefined
        return { contents: readFileSync(path, 'utf8').split(find).join(replace), loader: 'ts' }
      })
    },
  }
}

/** @param {string} key as `5.0 MQTT-3.3.2-2`; names end with `, 5.0 [MQTT-3.3.2-2, …]` */
function patternOf(key) {
  const [version = '', id = ''] = key.split(' ').map((text) => text.replaceAll('.', '\\.'))
  return `, ${version} \\[(.*, )?${id}[,\\]]`
}

/**
 * @param {Run} run
 * @param {string} key
 */
function has(run, key) {
  return run.ids.some((id) => `${run.version} ${id}` === key)
}

/**
 * @param {string} key
 * @param {Run[] | undefined} runs
 */
function isKilled(key, runs) {
  return runs === undefined || runs.some((run) => !run.passed && has(run, key))
}

/** @param {Run[] | undefined} runs */
function failuresOf(runs) {
  return runs?.filter((run) => !run.passed).map(({ name }) => name)
}
