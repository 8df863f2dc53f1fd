// What it costs to store a message: the file outbox, and a client from `publish` to `stored`, against two
// journals with group commit and against SQLite (journals.mjs says what those do), in turns, in one run:
// `node bench/micro/outbox.mjs`, after `npm run build`. Folders as arguments are measured in the place of dist/,
// one beside the other. 1,000 messages are handed over at once, each told when it is on the disk: the best
// round, and of each round's part of the journals the median. At the end: QoS 2, exactly once, with its syncs.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bareJournal, findSqlite, readableJournal, silentServer } from './journals.mjs'
import { leastServer } from './least-server.mjs'

const DIST = fileURLToPath(new URL('../../dist', import.meta.url))

const ROOTS = (process.argv.length > 2 ? process.argv.slice(2) : [DIST]).map((one) => resolve(one))
const { FileStore, Outbox, MQTTClient, guaranteed, crc32 } = await load(ROOTS[0])

const ROUNDS = Number(process.env.ROUNDS ?? 7)
const WAVES = 60
const AT_ONCE = 1000
const BODY_BYTES = 100
const EXACTLY_ONCE = { window: 20_000, alone: 300 }
const REOPEN_COUNT = Number(process.env.REOPEN ?? 200_000)

const body = new Uint8Array(BODY_BYTES).fill(0x78)

/** What is measured of one build. */
async function load(root) {
  const paths = [
    'outbox/file',
    'outbox/outbox',
    'outbox/crc32',
    'outbox/sqlite',
    'outbox/sqlite-connection',
    'robust.node',
  ]
  const modules = paths.map((path) => import(pathToFileURL(`${root}/${path}.js`).href))
  return Object.assign({}, ...(await Promise.all(modules)))
}

async function inFolder(run) {
  const folder = await mkdtemp(join(process.env.FOLDER ?? tmpdir(), 'umqtt-bench-'))
  try {
    return await run(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Waves of messages, each awaited by itself; gives messages a second and processor time for one. */
async function waves(write) {
  const cpu = process.cpuUsage()
  const start = performance.now()
  for (let wave = 0; wave < WAVES; wave++) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) => write(wave * AT_ONCE + i + 1, body)),
    )
  }
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const count = WAVES * AT_ONCE
  return { perSecond: count / seconds, microseconds: (user + system) / count }
}

/** The rows of one build. @param suffix what tells them from those of another */
async function rowsOf(root, suffix) {
  const built = await load(root)
  const put = (Store) => async (folder) => {
    const outbox = new built.Outbox(new Store(folder))
    await outbox.open()
    const result = await waves((seq) => outbox.write([['put', seq, body]], 'power'))
    await outbox.close()
    return { ...result, commits: outbox.commits }
  }
  const publish = async (folder) => {
    const server = await silentServer()
    const client = new built.MQTTClient('bench', server.url, {
      outbox: new built.FileStore(folder),
    })
    await client.open()
    const delivery = built.guaranteed()
    const result = await waves(() => client.publish('bench/topic', body, { delivery }).stored)
    await client[Symbol.asyncDispose]()
    server.close()
    return result
  }
  return {
    [`file outbox, put at power${suffix}`]: put(built.FileStore),
    [`file outbox, put at power and delete lazily${suffix}`]: async (folder) => {
      const outbox = new built.Outbox(new built.FileStore(folder))
      await outbox.open()
      const result = await waves(async (seq) => {
        await outbox.write([['put', seq, body]], 'power')
        await outbox.write([['delete', seq]], 'lazy')
      })
      await outbox.close()
      return { ...result, commits: outbox.commits }
    },
    [`client, publish guaranteed to stored${suffix}`]: publish,
    ...((await built.platformSqlite()) && {
      [`SQLite outbox, put at power${suffix}`]: put(built.SqliteStore),
    }),
  }
}

const BARE = 'bare journal, append + fdatasync'
const READABLE = 'journal with lengths, numbers and checksums'
const sqlite = await findSqlite()
if (sqlite.missing !== undefined) console.log(sqlite.missing)
const RUNS = {
  [BARE]: (folder) => bareJournal(folder, waves),
  [READABLE]: (folder) => readableJournal(crc32)(folder, waves),
  ...(sqlite.run && {
    [`${sqlite.name}, synchronous=FULL, WAL`]: (folder) => sqlite.run(folder, waves),
  }),
}
for (const [i, root] of ROOTS.entries()) {
  Object.assign(RUNS, await rowsOf(root, ROOTS.length > 1 ? ` (${i + 1})` : ''))
}

const results = {}
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(RUNS)) {
    results[name] ??= []
    results[name].push(await inFolder(run))
  }
}
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]
for (const [name, all] of Object.entries(results)) {
  const perSecond = Math.max(...all.map((one) => one.perSecond))
  const microseconds = Math.min(...all.map((one) => one.microseconds))
  // Of the same round: what else the machine does is the same for both then.
  const partOf = (journal) =>
    (median(all.map((one, i) => one.perSecond / results[journal][i].perSecond)) * 100).toFixed(0)
  const { commits } = all[0]
  const parts = [
    name.padEnd(48),
    `${Math.round(perSecond).toLocaleString('en').padStart(9)} messages/s`,
    `${microseconds.toFixed(2).padStart(5)} µs processor time`,
    `${partOf(BARE).padStart(3)} % of bare`,
    `${partOf(READABLE).padStart(3)} % of readable`,
    ...(commits === undefined ? [] : [`${commits} commits`]),
  ]
  console.log(parts.join('  '))
}

await inFolder(async (folder) => {
  const first = new Outbox(new FileStore(folder))
  await first.open()
  for (let seq = 1; seq <= REOPEN_COUNT; seq += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) => first.write([['put', seq + i, body]], 'lazy')),
    )
  }
  await first.close()
  const heap = process.memoryUsage().heapUsed
  const start = performance.now()
  const again = new Outbox(new FileStore(folder))
  const { count } = await again.open()
  const opened = performance.now()
  await again.read(0, 256)
  const ms = [opened - start, performance.now() - opened].map((value) => value.toFixed(0))
  const perEntry = (process.memoryUsage().heapUsed - heap) / count
  console.log(
    `reopened with ${count} waiting in ${ms[0]} ms, first page after ${ms[1]} ms more, about ${perEntry.toFixed(0)} bytes of heap each`,
  )
  await again.close()
})

await inFolder(async (folder) => {
  const server = await leastServer()
  const store = new FileStore(folder)
  const commit = store.commit.bind(store)
  let commits = 0
  let syncs = 0
  store.commit = (ops, sync) => {
    commits += 1
    if (sync === 'power') syncs += 1
    return commit(ops, sync)
  }
  const client = new MQTTClient('bench', server.url, { outbox: store })
  await client.connect()
  const delivery = guaranteed({ qos: 2, onSessionLoss: 'report' })
  const settled = () => client.publish('bench/topic', body, { delivery }).settled
  const measure = async (name, count, run) => {
    ;[commits, syncs] = [0, 0]
    const start = performance.now()
    await run(count)
    const seconds = (performance.now() - start) / 1000
    console.log(
      `QoS 2, ${name}: ${Math.round(count / seconds).toLocaleString('en')} messages/s, ${syncs} syncs in ${commits} commits for ${count} messages`,
    )
  }
  await measure('many at once', EXACTLY_ONCE.window, (count) =>
    Promise.all(Array.from({ length: count }, settled)),
  )
  await measure('one at a time', EXACTLY_ONCE.alone, async (count) => {
    for (let i = 0; i < count; i++) await settled()
  })
  await client[Symbol.asyncDispose]()
  server.close()
})
