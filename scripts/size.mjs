// Measures what a browser has to load: bundles the package's entries as an application would, minifies,
// gzips, and fails over a budget or when something of one platform has leaked in.
// `--built` takes dist/ as it is, `--verbose` prints what the bundles consist of.

import { build } from 'esbuild'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { compile } from './lib/compile.mjs'
import { ROOT } from './lib/run.mjs'

/**
 * What may be loaded by whom, in bytes minified and gzipped. The target is where it has to get; the limit
 * is what it weighs today, rounded up: it rises only in a commit that says what for. No limit: for information.
 * The order of imports is that of the bundle, and like packs best beside like: it is worth 200 bytes.
 */
const BUDGETS = [
  // That a message knows the end of its session, so that none of it is recorded any more: 20 bytes. That a session
  // may be another one after a CONNECT without an answer: 100. Properties of SUBSCRIBE: 50, in umqtt/robust 70.
  // Acknowledgements read without an object, and bytes copied without a search for the method: 170, for a tenth of
  // what a publish costs. That what was recorded for another connection keeps to the window of this one: 20.
  // Properties of DISCONNECT and UNSUBSCRIBE: 130. The shortcut to most of what a subscriber reads: 300,
  // for a tenth of what a message costs that comes in. Less held at rest: 10.
  // That DISCONNECT says what becomes of the session where there is no room for more, and that all packet ids may be in
  // use when a session goes on: 30. That a session which DISCONNECT ends is not told as lost: 30.
  // That a doubt about the session takes nothing along that came in it, and that the time for an answer runs from when
  // it can come: 65. That no session is prolonged which CONNECT did not ask for: 95.
  // What follows from acknowledgements done once a read, and one write for all that a read leads to: 110,
  // for a twentieth of what a message costs. That ids which show to be of a lost session are told: 50.
  // That several servers are remembered: 15, for 0.7 kB of each client at rest. Small writes that share bytes: 50, for
  // a fifteenth of what a message costs in a small window. What the server says with a refusal: 75.
  // That a first topic which is none is refused: 15.
  // That loops which begin late end: 90. That what a subscription leaves behind is let go, and that taking one back costs
  // what goes: 220. That no subscription lowers the QoS of another: 105. That a listener is told of every warning that
  // differs: 60. That an event which there is not is refused: 60.
  // That a loop whose body hangs is told of, that waiting for UNSUBACK ends with a signal, and that settings of TLS are
  // refused where there are none: 155. That a message costs what its topic has of levels, and not what there are of
  // subscriptions, a hundredth with a thousand of them: 330. That a page which is hidden keeps its connection: 35.
  // That a payload which may be sent again stays in the slab that it was written to, so that it is copied once less: 75.
  // That a signal which knows no reason, as in React Native, has one: 30.
  // That an error of PUBCOMP says that the message may have arrived: 15. That a factory which gives no transport is
  // told of: 30. That a handler has a message once, however many of its filters match: 35.
  // That no session is left behind with MQTT 3.1.1 where none was to be kept: 25.
  // That a transport of an application's own which breaks its contract ends its connection, in time, and nothing else: 335.
  // That who keeps messages back is told of room where no answer comes: 30.
  // That a connection can be given longer than the options say for its answers behind a large message: 155.
  // That handlers have the answer which they wait for, however large the messages are, within a bound: 120. That a connection says when
  // all is written: 25. That all calls with one signal share a listener of it: 85.
  // That an async listener which rejects ends no process: 35.
  // That PUBREL keeps to the order of the PUBRECs where one of them is to be recorded: 80.
  // That what waits does not overtake a message whose packet id is being recorded: 10.
  // That a listener or handler may throw what no text can be made of: 50.
  // That handlers which may wait for what is not read are told of: 55. That what is kept is looked through without a
  // copy: 10. That UNSUBSCRIBE which is repeated leaves out what was subscribed to since: 25.
  { entry: 'umqtt/simple', limitBytes: 31_790, targetBytes: 12_000 },
  // Marks, which are stored with a message, weigh 150 bytes; functions for TLS and will 190; records that are written
  // in one piece, for a half of what a durable message took, 250. That an answer of the wrong type is laid to the
  // message that it answers, and to none beside it: 120. That SUBSCRIBE waits until the outbox has forgotten the ids of
  // a lost session: 160; that a session is given up on disk before CONNECT ends it, beside the 100 of umqtt/simple: 140;
  // that PUBCOMP may be that of another session: 60. What umqtt/simple has for speed, and the same for entries: 530.
  // That closing never rejects: 20; that what is found at QoS 1 says that it may have been sent: 30; properties of
  // DISCONNECT and UNSUBSCRIBE: 130.
  // That outcomes which nobody could ask for yet outlive a crash, and that what is turned away keeps its record: 70.
  // That a device which slept asks once more before it blames a message: 30; that an outcome waits only where the next
  // process comes to it as well: 50.
  // The same, and one order for what was lost: 80. Books of the outbox that cost half as much a record: 145.
  // That no session is prolonged which CONNECT did not ask for: 120; that a session is recorded when the server has
  // it, and SUBSCRIBE waits for that: 90; that a disk which hangs costs an attempt, and what it has not recorded is
  // waited for by the next as well: 40; that what is fleeting needs no outbox that can be read: 15; that at
  // most so many are set aside: 125.
  // That what is lost with its session is recorded as lost at once: 50. What umqtt/simple has for speed: 90.
  // That the outbox forgets ids which show to be of a lost session: 85; that what is resubmitted stays aside until it is
  // stored: 75; that what was read while its removal failed is counted: 15. Books and calls that take less for what is
  // new, a tenth of a commit: 70. That a store which does not answer is told of: 135. What umqtt/simple has: 160.
  // That log is told of a lost connection too: 35. A ping when the device may have slept: 20.
  // That what an earlier process left is counted before all is done, and a busy outbox asked again: 80; that waits which
  // are given up leave nothing behind: 110.
  // What umqtt/simple has for what subscriptions leave, for warnings and for events: 505.
  // That an outbox which opened in part is not taken up twice: 35.
  // The same, and that options which are no object, and a client without a name on MQTT 3.1.1, are refused, that
  // `granted` is what the server said last, and that a will set by hand holds: 370. What umqtt/simple has for
  // subscriptions and pages: 315. That a client is told of another with its name: 50.
  // That an outbox is waited for whose owner lets go of it: 20. That its reserve is made while it is opened: 40.
  // That a message which cannot be stored is told of, and a database that is taken away said to be: 130.
  // What umqtt/simple has for payloads and signals: 135.
  // That a URL which is signed anew stands for the server of the constructor: 50; that a SUBSCRIBE which the server does
  // not take is told of, and laid to no message: 100. That a message which ends connections says how: 15.
  // That a filter which nobody wants any more counts as no SUBSCRIBE, and a suspect waits for one that the outbox holds: 20.
  // That no session is left behind with MQTT 3.1.1 where none was to be kept: 50.
  // That an error of PUBCOMP says that the message may have arrived: 25. What umqtt/simple has for factories and filters: 55.
  // That a reconnect() which does not wait for what it has begun does not hold it up, and a deadline of ages: 20.
  // That the next process knows of what had only waited that it was never sent: 335. That stages begin alike, and an async delayMs ends no process: 20.
  // What umqtt/simple has for such transports: 350. That what was turned away each time is told from what may have arrived: 90.
  // That the process after the next still knows that a session which is lost may have had a message: 35. That a
  // message's own expiry ends it also after it was on its way: 40.
  // What umqtt/simple has for room: 35. That what is published while reading is paused has its answer: 20.
  // That a large message gets over a slow link in the end: 225.
  // That a person is told of a client which never gets its connection, or is refused: 140.
  // That a message whose PUBREC is being recorded may be one of a session that is gone: 10.
  // That a connection on demand ends when all is written: 25. What umqtt/simple has for handlers that wait: 125;
  // for signals, and that what is given up while it is connected is not asked for: 90; for async listeners: 35.
  // What umqtt/simple has for what waits behind a record: 10.
  // That a message which was resubmitted leaves the outbox with its outcome, whatever had the key before: 5.
  // What umqtt/simple has for what no text can be made of: 20.
  // That a message is cancelled by its id without a look at all the others, also what no outbox keeps, and that a look
  // at many stops nothing else: 110. That a session which is not granted is lost: 20. That a device stays awake while
  // an attempt is prepared: 15. That who gives up a wait costs nobody else: 5. What umqtt/simple has for PUBREL, for handlers that may wait, and for what is kept: 150.
  { entry: 'umqtt/robust', limitBytes: 56_685, targetBytes: 20_000 },
  { entry: 'umqtt/codec', limitBytes: 6_000, targetBytes: 6_000 },
  { entry: 'umqtt/engine', limitBytes: undefined, targetBytes: undefined },
  // No application carries it: measured so that nothing of Node's part gets into the browser's.
  { entry: 'umqtt/testing', limitBytes: undefined, targetBytes: undefined },
  // Whoever brings a platform carries both clients: measured so that nothing of any platform gets into it.
  { entry: 'umqtt/portable', limitBytes: undefined, targetBytes: undefined },
  { entry: 'umqtt', limitBytes: undefined, targetBytes: undefined },
]

/** What no browser has, or no library should carry. */
const FORBIDDEN = [
  { what: 'a module of Node', pattern: /["'`]node:[a-z_/]+["'`]/ },
  { what: 'Buffer', pattern: /(?<![\w$.])Buffer\b/ },
  { what: 'process', pattern: /(?<![\w$.])process\.[a-z]/ },
  { what: 'require', pattern: /(?<![\w$.])require\(/ },
  { what: 'console', pattern: /(?<![\w$.])console\./ },
  {
    what: 'an import at run time',
    pattern: /(?<![\w$.])import\(|(?:^|[;}])(?:im|ex)port\b[^;`]*?\bfrom\s*["']/,
  },
]

/** It tells whoever writes a page what these weigh. */
const SAID = ['umqtt/simple', 'umqtt/robust']
const PAGE = readFileSync(`${ROOT}/docs/browsers.md`, 'utf8')

if (!process.argv.includes('--built') && !(await compile('ship'))) process.exitCode = 1

console.log(
  `${'entry'.padEnd(14)} ${'minified'.padStart(9)} ${'gzipped'.padStart(9)} ${'limit'.padStart(9)} ${'target'.padStart(9)}`,
)
for (const { entry, limitBytes, targetBytes } of BUDGETS) {
  const bundled = await bundle(entry)
  if (typeof bundled === 'string') {
    process.exitCode = 1
    console.error(`${entry.padEnd(14)} cannot be bundled: ${bundled}`)
    continue
  }
  const { bytes, inputs } = bundled
  const text = new TextDecoder().decode(bytes)
  const gzippedBytes = gzipSync(bytes, { level: 9 }).length
  const over = limitBytes !== undefined && gzippedBytes > limitBytes
  const columns = [bytes.length, gzippedBytes, limitBytes, targetBytes]
  const missed = targetBytes !== undefined && gzippedBytes > targetBytes
  const verdict = over ? '  OVER' : missed ? '  above its target' : ''
  console.log(`${entry.padEnd(14)} ${columns.map(format).join(' ')}${verdict}`)
  if (over) process.exitCode = 1
  for (const { what, pattern } of FORBIDDEN) {
    const match = pattern.exec(text)
    if (match === null) continue
    process.exitCode = 1
    const around = text.slice(Math.max(0, match.index - 40), match.index + 60)
    console.error(`  ${what} is in the bundle of "${entry}": …${around}…`)
  }
  const said = PAGE.replaceAll(/\s+/g, ' ').match(new RegExp(`(\\d+) kB for \`${entry}\``))?.[1]
  if (SAID.includes(entry) && !(Math.abs(Number(said) * 1000 - gzippedBytes) <= 1000)) {
    process.exitCode = 1
    console.error(`  docs/browsers.md says ${said ?? 'nothing, or no'} kB of "${entry}"`)
  }
  if (process.argv.includes('--verbose')) {
    for (const [path, size] of inputs) console.log(`  ${String(size).padStart(7)} ${path}`)
  }
}

/** @param {number | undefined} bytes */
function format(bytes) {
  return (bytes === undefined ? '' : bytes.toLocaleString('en')).padStart(9)
}

/**
 * @param {string} entry a name that an application imports
 * @returns {Promise<{ bytes: Uint8Array, inputs: [path: string, minifiedBytes: number][] } | string>}
 *   the largest input first, or what is wrong
 */
async function bundle(entry) {
  const result = await build(bundleOptions(entry)).catch((error) => error)
  if (result instanceof Error) return result.message.split('\n').slice(1).join(' ')
  const { outputFiles, metafile } = result
  const [file] = outputFiles
  if (file === undefined || file.contents.length < 100) return 'the bundle is empty'
  const parts = Object.values(metafile.outputs)[0]?.inputs ?? {}
  return {
    bytes: file.contents,
    inputs: Object.entries(parts)
      .map(([path, { bytesInOutput }]) => /** @type {[string, number]} */ ([path, bytesInOutput]))
      .sort((a, b) => b[1] - a[1]),
  }
}

/** @param {string} entry */
function bundleOptions(entry) {
  return /** @satisfies {import('esbuild').BuildOptions} */ ({
    stdin: { contents: `export * from '${entry}'`, resolveDir: ROOT },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    external: ['node:*'],
    outfile: 'bundle.js',
    logLevel: 'silent',
  })
}
