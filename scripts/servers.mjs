// The matrix of servers: `npm run servers`. Runs the interop suite against each of them, with a minute of
// chaos in each version, and writes what was seen into the table of docs/servers.md. A server that is
// absent, or named by nobody, keeps what is written of it: `npm run servers -- nats rabbitmq`.
//
//   --seconds N   how long the chaos is (60)
//   --check       writes nothing, and ends with 1 when something else was seen than is written

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compile } from './lib/compile.mjs'
import { ROOT, run } from './lib/run.mjs'

const DOCUMENT = join(ROOT, 'docs/servers.md')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    check: { type: 'boolean', default: false },
  },
})

process.exitCode = (await compile('test')) ? await runMatrix() : 1

/** @returns {Promise<number>} */
async function runMatrix() {
  const { cell, parseTable, renderTable, tableOf, withTable } = await import(
    `${ROOT}/build/test/interop/findings.js`
  )
  const { SERVER_NAMES } = await import(`${ROOT}/build/test/support/servers.js`)
  const names = positionals.length > 0 ? positionals : SERVER_NAMES
  const unknown = names.find((/** @type {string} */ name) => !SERVER_NAMES.includes(name))
  if (unknown !== undefined) {
    throw new RangeError(`Unknown server "${unknown}"; there are ${SERVER_NAMES.join(', ')}`)
  }
  const folder = mkdtempSync(join(tmpdir(), 'umqtt-servers-'))
  const findingsFile = join(folder, 'findings.json')
  const { code } = await run(
    process.execPath,
    [
      '--enable-source-maps',
      '--test',
      '--test-concurrency=1',
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=./scripts/lib/findings-reporter.mjs',
      `--test-reporter-destination=${findingsFile}`,
      ...names.map((/** @type {string} */ name) => `build/test/interop/${name}.test.js`),
    ],
    { env: { ...process.env, UMQTT_FINDINGS: 'collect', UMQTT_CHAOS_SECONDS: values.seconds } },
  )
  /** @type {{ server: string, feature: string, words: string }[]} */
  const seen = JSON.parse(readFileSync(findingsFile, 'utf8'))
  rmSync(folder, { recursive: true })
  const text = readFileSync(DOCUMENT, 'utf8')
  const findings = new Map(parseTable(tableOf(text)))
  for (const name of new Set(seen.map(({ server }) => server))) {
    for (const key of [...findings.keys()]) if (key.startsWith(`${name}: `)) findings.delete(key)
  }
  for (const { server, feature, words } of seen) findings.set(cell(server, feature), words)
  const written = withTable(text, renderTable(findings))
  if (values.check) {
    const same = written === text
    if (!same) console.error('Something else was seen than docs/servers.md says: npm run servers')
    return same ? code : 1
  }
  writeFileSync(DOCUMENT, written)
  return code
}
