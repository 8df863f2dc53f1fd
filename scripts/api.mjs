// Writes what each entry point of the package publishes into api/, from the declarations in dist/: `npm run api`.
// `--built` takes dist/ and build/ as they are, `--check` only says whether the files are current.

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { compileAll } from './lib/compile.mjs'
import { ROOT } from './lib/run.mjs'

const FOLDER = `${ROOT}/api`

const isBuilt = process.argv.includes('--built')
const isCheck = process.argv.includes('--check')

if (!isBuilt && !(await compileAll())) process.exit(1)

/** @param {string} path */
const read = (path) => readFileSync(`${ROOT}/${path}`, 'utf8')

const { Declarations, entriesOf } = await import(`${ROOT}/build/test/support/surface/surface.js`)
const { renderReport, reportPath } = await import(`${ROOT}/build/test/support/surface/report.js`)

const declarations = new Declarations(read)
/** @type {readonly { name: string, condition: 'default' | 'browser', path: string }[]} */
const entries = entriesOf(JSON.parse(read('package.json')))

/** @type {Map<string, string>} the text of each file */
const wanted = new Map()
for (const { name, condition, path } of entries) {
  if (condition === 'browser') continue
  const browser = entries.find((one) => one.name === name && one.condition === 'browser')
  const inBrowser = browser && declarations.namesOf(browser.path)
  const names = declarations.namesOf(path)
  wanted.set(reportPath(name), renderReport({ name, names, inBrowser }, declarations))
}

mkdirSync(FOLDER, { recursive: true })
const present = readdirSync(FOLDER).map((name) => `api/${name}`)
const stale = [
  ...[...wanted].filter(([path, text]) => !present.includes(path) || read(path) !== text),
  ...present.filter((path) => !wanted.has(path)).map((path) => [path]),
].map(([path = '']) => path)

if (isCheck) {
  for (const path of stale)
    console.error(`${path} is not current: npm run api, and look at the diff`)
  if (stale.length > 0) process.exitCode = 1
} else {
  for (const path of present) if (!wanted.has(path)) rmSync(`${ROOT}/${path}`)
  for (const [path, text] of wanted) writeFileSync(`${ROOT}/${path}`, text)
}
console.log(`${wanted.size} entry points, ${stale.length} of them changed`)
