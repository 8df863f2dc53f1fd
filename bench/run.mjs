// The bench: every client in a fresh process, one round after the other (A B C A B C …), medians, one table.
//   node run.mjs [--only scenario,…] [--peer peer,…] [--rounds N] [--quick] [--cpu-prof folder] [--out file]
// What is measured is in scenarios.mjs, who takes part in peers.mjs. A run in which a message is missing, doubled
// or altered has no figure: it is FAILED, and the exit code is 1. RESULTS.md is written by a whole run alone.

import { spawn, spawnSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join, resolve as resolvePath } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { formatSettings } from './common.mjs'
import { PEERS } from './peers.mjs'
import { SCENARIOS } from './scenarios.mjs'
import { renderReport } from './report.mjs'

const HERE = dirname(fileURLToPath(import.meta.url))
/** Longer than the slowest run by far: a client that hangs is killed and reported. */
const RUN_TIMEOUT_MS = 45_000
/** A round that is quick has this share of the messages. */
const QUICK_SHARE = 0.1

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    peer: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    'cpu-prof': { type: 'string' },
    out: { type: 'string' },
  },
})
const quick = options.quick
const rounds = quick ? 1 : Number(options.rounds)
if (!(rounds >= 1))
  throw new RangeError(`--rounds "${options.rounds}" is not a number of 1 or more`)
const scenarios = choose(SCENARIOS, 'name', options.only, '--only')
const wanted = choose(PEERS, 'id', options.peer, '--peer')
const profiles = options['cpu-prof'] === undefined ? undefined : resolvePath(options['cpu-prof'])
if (profiles !== undefined) mkdirSync(profiles, { recursive: true })

const temporary = mkdtempSync(join(tmpdir(), 'umqtt-bench-'))
const started = Date.now()
const server = await startServer()
try {
  const { present, absent } = preparePeers()
  const rows = []
  for (const scenario of scenarios) rows.push(await runScenario(scenario, present))
  const report = renderReport({
    rows,
    peers: present,
    absent,
    command: ['node bench/run.mjs', ...process.argv.slice(2)].join(' '),
    machine: `${availableParallelism()} cores, ${process.platform} ${process.arch}, Node ${process.versions.node}`,
    rounds,
    seconds: Math.round((Date.now() - started) / 1000),
  })
  console.log(report)
  const whole = options.only === undefined && options.peer === undefined && !quick
  const file = options.out ?? (whole ? join(HERE, 'RESULTS.md') : undefined)
  if (file !== undefined) writeFileSync(file, `${report}\n`)
  const failed = rows.some((row) =>
    [...row.cells.values()].some((cell) => cell.failure !== undefined),
  )
  process.exitCode = failed ? 1 : 0
} finally {
  server.process.disconnect()
  rmSync(temporary, { recursive: true })
}

function choose(all, key, names, option) {
  if (names === undefined) return all
  return names.split(',').map((name) => {
    const found = all.find((item) => item[key] === name)
    if (found !== undefined) return found
    throw new RangeError(
      `${option} "${name}" is none of ${all.map((item) => item[key]).join(', ')}`,
    )
  })
}

async function startServer() {
  const child = fork(join(HERE, 'server.mjs'))
  const ended = new Promise((_, reject) => {
    child.once('exit', (code) => reject(new Error(`The server ended with code ${code}`)))
  })
  // At the end of the bench the server is let go and nobody waits for it any more.
  ended.catch(() => {})
  const next = () => Promise.race([ended, once(child, 'message').then(([message]) => message)])
  const { listening } = await next()
  return {
    process: child,
    listening,
    async take() {
      const answer = next()
      child.send({ take: true })
      return (await answer).reports.map((text) => JSON.parse(text))
    },
  }
}

/** Who can take part here, with versions; and by name who cannot, and what is missing. */
function preparePeers() {
  const present = []
  const absent = []
  for (const peer of wanted) {
    const prepared = peer.language === 'c' ? compile(peer) : locate(peer)
    if (prepared.missing === undefined) present.push({ ...peer, ...prepared })
    else absent.push(`${peer.title}: ${prepared.missing}`)
  }
  return { present, absent }
}

function locate(peer) {
  const command = [process.execPath, '--expose-gc', join(HERE, 'client-process.mjs')]
  if (peer.id === 'floor') return { command, version: '' }
  if (peer.id === 'umqtt') {
    if (!existsSync(join(HERE, '../dist/simple.node.js')))
      return { missing: 'not built; npm run build' }
    return { command, version: readVersion(join(HERE, '../package.json')) }
  }
  const file = join(HERE, 'node_modules', peer.package, 'package.json')
  if (!existsSync(file)) return { missing: 'not installed; npm --prefix bench install' }
  return { command, version: readVersion(file) }
}

function readVersion(file) {
  return JSON.parse(readFileSync(file, 'utf8')).version
}

function compile(peer) {
  const program = join(temporary, peer.id)
  const libraries = peer.libraries.map((name) => `-l${name}`)
  const source = join(HERE, 'clients', `${peer.id}.c`)
  const probe = spawnSync('gcc', [
    '-E',
    '-include',
    peer.header,
    '-x',
    'c',
    '/dev/null',
    '-o',
    '/dev/null',
  ])
  if (probe.error !== undefined) return { missing: 'no gcc; apt-get install gcc' }
  if (probe.status !== 0) return { missing: `no ${peer.header}; apt-get install ${peer.debian}` }
  const built = spawnSync('gcc', ['-O2', '-Wall', '-Wextra', '-o', program, source, ...libraries], {
    encoding: 'utf8',
  })
  if (built.status !== 0) throw new Error(`${source} does not compile:\n${built.stderr}`)
  const version = spawnSync(program, ['version'], { encoding: 'utf8' }).stdout.trim()
  return { command: [program], version }
}

async function runScenario(scenario, present) {
  const entrants = present
    .filter((peer) => takesPart(scenario, peer))
    .map((peer) => ({
      peer,
      variants: variantsOf(scenario, peer),
      figures: [],
      remarks: new Set(),
    }))
  for (const entrant of entrants) await pickVariant(scenario, entrant)
  for (let round = 1; round <= rounds; round++) {
    for (const entrant of entrants) {
      if (entrant.failure !== undefined) continue
      const result = await measure(scenario, entrant.peer, entrant.variant, round)
      if (result.failure === undefined) entrant.figures.push(result.figure)
      else entrant.failure = result.failure
      for (const remark of result.remarks) entrant.remarks.add(remark)
      progress(scenario, entrant.peer, entrant.variant, `round ${round}`, result)
    }
  }
  const cells = new Map(
    entrants.map(({ peer, variant, variants, figures, failure, remarks }) => [
      peer.id,
      {
        variant,
        tried: variants,
        figure: median(figures),
        figures,
        failure,
        remarks: [...remarks],
      },
    ]),
  )
  return { scenario, cells }
}

function takesPart(scenario, peer) {
  if (scenario.peers !== undefined) return peer.id in scenario.peers
  return peer.highestQoS === undefined || scenario.settings.qos <= peer.highestQoS
}

/** The combinations of protocol and window that are worth trying for this scenario. */
function variantsOf(scenario, peer) {
  const windows = scenario.kind === 'publish' ? peer.windows : peer.windows.slice(-1)
  const tried = scenario.peers === undefined || scenario.kind === 'publish'
  const protocols = tried ? peer.protocols : peer.protocols.slice(-1)
  return protocols.flatMap((protocol) => windows.map((window) => ({ protocol, window })))
}

async function pickVariant(scenario, entrant) {
  entrant.variant = entrant.variants[0]
  if (entrant.variants.length === 1) return
  let best = Infinity
  for (const variant of entrant.variants) {
    const result = await measure(scenario, entrant.peer, variant, 0)
    progress(scenario, entrant.peer, variant, 'trial', result)
    if (result.failure !== undefined) entrant.failure ??= result.failure
    if (result.figure < best) {
      best = result.figure
      entrant.variant = variant
    }
  }
  if (best < Infinity) delete entrant.failure
}

async function measure(scenario, peer, variant, round) {
  const share = quick ? QUICK_SHARE : 1
  const messages = scenario.messages && Math.ceil((scenario.messages * share) / peer.slowness)
  const { hosts, port } = server.listening[scenario.port ?? 'normal']
  const settings = {
    kind: scenario.kind,
    client: scenario.programs?.[peer.id] ?? peer.id,
    clientId: `bench-${peer.id}`,
    host: hosts[0],
    port,
    ...variant,
    ...scenario.settings,
    messages: scenario.kind === 'offer' ? scenario.messages : messages,
    warmup: messages && Math.ceil(messages / 2),
    check: peer.id === 'floor' ? 0 : 1,
  }
  if (scenario.kind === 'idle') {
    settings.hosts = hosts.join(',')
    settings.clients = Math.ceil(scenario.peers[peer.id].clients * share)
  }
  if (scenario.kind === 'offer') {
    settings.warmupHost = server.listening.normal.hosts[0]
    settings.warmupPort = server.listening.normal.port
  }
  await server.take()
  const run = await execute(peer, settings, `${scenario.name}-${peer.id}-${round}`)
  const reports = await server.take()
  if (run.failure !== undefined) return { failure: run.failure, remarks: [] }
  return judge(scenario, settings, run.result, reports)
}

function execute(peer, settings, name) {
  const [program, ...head] = peer.command
  if (profiles !== undefined && peer.language === 'js') {
    head.unshift('--cpu-prof', `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${name}.cpuprofile`)
  }
  return new Promise((resolve) => {
    const child = spawn(program, [...head, ...formatSettings(settings)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    let errors = ''
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, RUN_TIMEOUT_MS)
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (errors += chunk))
    child.on('close', (code) => {
      clearTimeout(timer)
      if (late) resolve({ failure: `no end within ${RUN_TIMEOUT_MS / 1000} s` })
      else if (code !== 0) resolve({ failure: `exit code ${code}: ${essence(errors)}` })
      else resolve({ result: JSON.parse(output) })
    })
  })
}

/** The line of a stack trace that says what went wrong. */
function essence(errors) {
  const lines = errors.trim().split('\n')
  return (lines.find((line) => /Error|failed/.test(line)) ?? lines.at(-1)).trim()
}

/** A figure only when the client's counts and the server's are what they have to be. */
function judge(scenario, settings, result, reports) {
  const { kind, messages, warmup, qos, size, topics } = settings
  const report = reports.find(({ clientId }) => clientId === settings.clientId)
  const remarks = []
  for (const each of reports) {
    for (const [fault, times] of Object.entries(each.faults))
      remarks.push(`${fault} (${times} times)`)
  }
  const problems = []
  const expect = (what, found, expected) => {
    if (found !== expected) problems.push(`${what} ${found} instead of ${expected}`)
  }
  if (kind === 'publish') {
    for (const [counts, count] of [
      [report.warmup, warmup],
      [report.measured, messages],
    ]) {
      expect(
        'messages',
        counts?.publish.join(),
        [0, 1, 2].map((q) => (q === qos ? count : 0)).join(),
      )
      expect('bytes', counts?.bytes, count * size)
      expect('PUBREL', counts?.pubrel, qos === 2 ? count : 0)
    }
    expect('topics', report.warmup?.topics, topics)
    if (remarks.some((remark) => remark.startsWith('published'))) problems.push(...remarks)
  } else if (kind === 'receive') {
    expect('handled', result.received, messages)
    expect('bytes', result.receivedBytes, messages * size)
    expect('acknowledged', report.measured?.finished, qos === 0 ? 0 : messages)
    expect('PUBREC', report.measured?.pubrec, qos === 2 ? messages : 0)
  } else if (kind === 'offer') {
    const limit = scenario.port === 'silent-10' ? 10 : 65_535
    const sent = report.counts.publish[1]
    if (sent < Math.min(limit, messages)) problems.push(`the server got ${sent} messages`)
    if (sent > limit) remarks.push(`sent ${sent} where Receive Maximum allows ${limit}`)
  }
  const failure = problems.length > 0 ? problems.join('; ') : undefined
  const figure = result.bytes ?? result.cpuMicros / messages
  return { failure, figure: failure === undefined ? figure : undefined, remarks }
}

function median(figures) {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function progress(scenario, peer, { protocol, window }, what, { figure, failure }) {
  const text = failure === undefined ? figure.toFixed(3) : `FAILED: ${failure}`
  console.error(`${scenario.name} ${peer.id} ${what} (MQTT ${protocol}, ${window}): ${text}`)
}
