// Runs the portable tests on other runtimes, from their TypeScript sources, and lets the built package talk
// to real servers there: two newer Nodes, Bun and Deno, each fetched by npx. Not part of the gate: `npm run runtimes`, or `npm run runtimes -- bun deno`.
// `--all` lets the Nodes run every compiled test, those with sockets among them.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compileAll } from './lib/compile.mjs'
import { ROOT, run } from './lib/run.mjs'
import { RUNTIMES } from './lib/runtimes.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { all: { type: 'boolean', default: false } },
})
const unknown = positionals.find((name) => RUNTIMES.every((runtime) => runtime.name !== name))
if (unknown !== undefined) throw new RangeError(`Unknown runtime "${unknown}"`)

if (!(await compileAll())) process.exitCode = 1
const { portableTests } = await import(`${ROOT}/build/test/support/portable.js`)
/** @type {string[]} */
const portable = portableTests(ROOT)
if (portable.length === 0) throw new Error('No portable test file is in test/')
const compiled = readdirSync(join(ROOT, 'build/test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.js'))
  .map((path) => `build/test/${path.replaceAll('\\', '/')}`)

const servers = await startServers()
const rows = []
try {
  for (const runtime of RUNTIMES) {
    if (positionals.length > 0 && !positionals.includes(runtime.name)) continue
    rows.push(await runOn(runtime))
  }
} finally {
  await Promise.all(servers.map((server) => server.remove()))
}

console.log(
  `\n${'runtime'.padEnd(9)} ${'package'.padEnd(14)} ${'files'.padStart(5)} ${'passed'.padStart(6)} ${'routes'.padStart(6)}`,
)
for (const { name, package_, files, passed, routes, ok } of rows) {
  const columns = [
    name.padEnd(9),
    package_.padEnd(14),
    String(files).padStart(5),
    String(passed).padStart(6),
    routes.padStart(6),
  ]
  console.log(`${columns.join(' ')}  ${ok ? 'ok' : 'FAILED'}`)
}
if (rows.some((row) => !row.ok)) process.exitCode = 1

/** @param {import('./lib/runtimes.mjs').Runtime} runtime */
async function runOn({ name, package_, command, plain, count }) {
  const files =
    values.all && name.startsWith('node') ? compiled : portable.map((path) => `./${path}`)
  console.log(`\n${name}: ${files.length} files`)
  const { code, output } = await run(
    'npx',
    ['--yes', '--package', package_, ...command, ...files],
    {
      capture: true,
    },
  )
  const passed = Number(count.exec(output)?.[1] ?? 0)
  if (code !== 0 || passed === 0) console.log(output.split('\n').slice(-60).join('\n'))

  const targets = servers.flatMap(targetsOf)
  const talk = await run(
    'npx',
    ['--yes', '--package', package_, ...plain, 'scripts/lib/smoke.mjs'],
    {
      capture: true,
      env: { SMOKE: JSON.stringify(targets) },
    },
  )
  const worked = talk.output.split('\n').filter((line) => line.startsWith('ok ')).length
  if (talk.code !== 0) console.log(talk.output)
  const routes = `${worked}/${targets.length}`
  const ok = code === 0 && passed > 0 && talk.code === 0
  return { name, package_, files: files.length, passed, routes, ok }
}

/** Aedes, and mosquitto where it is installed. */
async function startServers() {
  const { startServer } = await import(`${ROOT}/build/test/support/servers.js`)
  const { CAPABILITIES } = await import(`${ROOT}/build/test/support/skip.js`)
  const names = CAPABILITIES.mosquitto.present ? ['aedes', 'mosquitto'] : ['aedes']
  return Promise.all(names.map((name) => startServer(name)))
}

/**
 * What there is to talk to, for scripts/lib/smoke.mjs.
 * @param {import('../test/support/servers.ts').TestServer} server
 */
function targetsOf({ name, urls, tls, clientTls }) {
  const login = { user: 'sensor', password: 'päss word' }
  return Object.entries(urls)
    .filter(([route]) => name === 'aedes' || !route.startsWith('ws'))
    .map(([route, url]) => ({
      name: `${name}-${route}`,
      url,
      options: {
        ...(route === 'mutual-tls' ? { tls: clientTls } : login),
        ...(['tls', 'wss'].includes(route) ? { tls } : {}),
      },
    }))
}
