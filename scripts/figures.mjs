// Copies the figures that README.md shows from the last run of the benchmark, bench/RESULTS.md:
// `node scripts/figures.mjs`, or with `--check` only says whether they are current.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import { ROOT } from './lib/run.mjs'

const README = `${ROOT}/README.md`
const RESULTS = `${ROOT}/bench/RESULTS.md`
/** What stands around the figures. */
const MARKS = /(<!-- figures: node scripts\/figures\.mjs -->\n)[^]*?(<!-- end of figures -->)/
const COLUMNS = ['measured', 'unit', 'umqtt', 'MQTT.js', 'bare socket']
/** Variants of other rows, for those who want to know all of it. */
const LEFT_OUT = /in rotation/

/** @param {string} results the text of bench/RESULTS.md */
function figures(results) {
  const [head = [], , ...rows] = results
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  const places = COLUMNS.map((name) => head.indexOf(name))
  if (places.includes(-1)) throw new Error(`bench/RESULTS.md lacks one of ${COLUMNS.join(', ')}`)
  const chosen = rows.filter(([name = '']) => !LEFT_OUT.test(name))
  const cells = [
    COLUMNS,
    COLUMNS.map((_, i) => (i < 2 ? '---' : '---:')),
    ...chosen.map((row) => places.map((place) => row[place] ?? '')),
  ]
  return cells.map((row) => `| ${row.join(' | ')} |`).join('\n')
}

const readme = readFileSync(README, 'utf8')
if (!MARKS.test(readme)) throw new Error('README.md has lost the marks around its figures')
const table = existsSync(RESULTS) ? `\n${figures(readFileSync(RESULTS, 'utf8'))}\n\n` : '\n'
const page = await format(
  readme.replace(MARKS, (_, before, after) => before + table + after),
  { ...(await resolveConfig(README)), parser: 'markdown' },
)
if (!process.argv.includes('--check')) {
  writeFileSync(README, page)
} else if (readme !== page) {
  console.error(
    'The figures of README.md are not those of bench/RESULTS.md: node scripts/figures.mjs',
  )
  process.exitCode = 1
}
