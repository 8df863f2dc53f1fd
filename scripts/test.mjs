// Builds everything and runs the tests: `npm test`, or `npm test -- codec tidy` for the files whose path
// has one of the words. Ends by saying what was skipped, and how to get it. An error of the compiler
// fails the run, but the tests that can run do.
//
//   --name PATTERN   only tests whose name matches
//   --compiled       takes what is compiled already
//   UMQTT_REQUIRE    `all`, or names with commas: what must be there; absent, its tests fail

import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { compileAll } from './lib/compile.mjs'
import { ROOT, run } from './lib/run.mjs'

/**
 * What takes longest, by words of its path: it begins first, so that nothing long is left alone at the end. What
 * computes stands beside what waits for servers, links and clocks.
 */
const LONGEST = [
  'quickjs',
  'demo',
  'sim/seeds-1',
  'check/servers',
  'sim/seeds-2',
  'interop/rabbitmq',
  'cli/check',
  'outbox/sqlite-runtimes',
  'interop/aedes',
  'interop/mosquitto',
  'interop/ejabberd',
  'lessons/sockets',
  'sim/regressions',
  'browsers.test',
  'docs.test',
  'check/faults',
  'check/clean-up',
  'interop/nats',
  'outbox/takeover',
]

/**
 * Folders whose tests work in memory, and change nothing of their process: one process for each folder loads the
 * sources once, and runs warm. What takes longest is one by itself, to run beside others.
 */
const IN_MEMORY = ['codec', 'driver', 'engine', 'lessons', 'robust', 'sim', 'simple']

/** It imports the files of the folder beside it, and judges what has passed in its process: they need no run of their own. */
const CONFORMANCE = 'build/test/conformance'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { name: { type: 'string' }, compiled: { type: 'boolean', default: false } },
})

const compiled = values.compiled || (await compileAll())

const files = readdirSync(join(ROOT, 'build/test'), { recursive: true, encoding: 'utf8' })
  .map((path) => `build/test/${path.replaceAll('\\', '/')}`)
  .filter((path) => path.endsWith('.test.js'))
  .filter((path) => positionals.length === 0 || positionals.some((word) => path.includes(word)))
  .sort()
  .sort((a, b) => rank(a) - rank(b))
  .filter(
    (path, _, all) =>
      !path.startsWith(`${CONFORMANCE}/`) || !all.includes(`${CONFORMANCE}.test.js`),
  )

const folder = mkdtempSync(join(tmpdir(), 'umqtt-test-'))
const skips = join(folder, 'skips.json')
let code = 1
if (files.length === 0) {
  console.error(`No test file has one of these words in its path: ${positionals.join(', ')}`)
} else {
  const result = await run(process.execPath, [
    '--enable-source-maps',
    '--import=./scripts/lib/light-runner.mjs',
    '--test',
    // More than two cores: what waits for servers and links leaves its core to others.
    '--test-concurrency=4',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=./scripts/lib/skip-reporter.mjs',
    `--test-reporter-destination=${skips}`,
    ...(values.name === undefined ? [] : [`--test-name-pattern=${values.name}`]),
    ...together(files, folder),
  ])
  code = result.code
  reportSkips(JSON.parse(readFileSync(skips, 'utf8')))
}
rmSync(folder, { recursive: true })

if (!compiled) console.error('\nThe compiler found errors (above): the run has failed')
process.exitCode = compiled ? code : 1

/**
 * Files of one folder of IN_MEMORY become one that imports them.
 * @param {readonly string[]} paths
 * @param {string} target the folder where that is written
 */
function together(paths, target) {
  const shares = (/** @type {string} */ path) => rank(path) === LONGEST.length
  const rest = paths.filter((path) => !IN_MEMORY.includes(folderOf(path)) || !shares(path))
  const shared = IN_MEMORY.flatMap((name) => {
    const some = paths.filter((path) => folderOf(path) === name && shares(path))
    if (some.length < 2) return some
    const whole = join(target, `${name}.test.mjs`)
    const lines = some.map((path) => `import '${pathToFileURL(join(ROOT, path)).href}'\n`)
    writeFileSync(whole, lines.join(''))
    return [whole]
  })
  // What takes longest stays first.
  return [...rest.slice(0, LONGEST.length), ...shared, ...rest.slice(LONGEST.length)]
}

/** @param {string} file of build/test */
function folderOf(file) {
  return file.split('/')[2] ?? ''
}

/** @param {string} file @returns {number} the place in which it begins */
function rank(file) {
  const at = LONGEST.findIndex((words) => file.includes(words))
  return at === -1 ? LONGEST.length : at
}

/** @param {readonly { name: string, reason: string }[]} tests */
function reportSkips(tests) {
  if (tests.length === 0) {
    console.log('\nNothing was skipped')
    return
  }
  console.log(`\nSkipped: ${tests.length} ${tests.length === 1 ? 'test' : 'tests'}`)
  for (const [reason, names] of groupByReason(tests)) {
    console.log(`\n  ${reason} (${names.length})`)
    for (const name of names) console.log(`    ${name}`)
  }
  console.log('\nUMQTT_REQUIRE=all npm test runs them all, and fails for what is absent')
}

/** @param {readonly { name: string, reason: string }[]} tests */
function groupByReason(tests) {
  /** @type {Map<string, string[]>} */
  const groups = new Map()
  for (const { name, reason } of tests) {
    const names = groups.get(reason)
    if (names === undefined) groups.set(reason, [name])
    else names.push(name)
  }
  return groups
}
