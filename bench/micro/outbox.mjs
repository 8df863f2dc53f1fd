// What it costs to store a message: the file outbox against a bare journal that appends and syncs with group
// commit, in turns, in one run: `node bench/micro/outbox.mjs`, after `npm run build`. A folder as its argument
// is measured in the place of dist/. 1,000 messages are handed over at once, each told when it is on the disk.
// Where this Node has SQLite, its store beside them, which syncs each commit (synchronous=FULL). At the end:
// QoS 2, exactly once, from a client with a durable outbox to a server, with the syncs that it took.

import { once } from 'node:events'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = resolve(process.argv[2] ?? new URL('../../dist', import.meta.url).pathname)
const load = (path) => import(pathToFileURL(`${root}/outbox/${path}.js`).href)
const { FileStore } = await load('file')
const { Outbox } = await load('outbox')
const { platformSqlite } = await load('sqlite-connection')
const { SqliteStore } = await load('sqlite')
const { MQTTClient, guaranteed } = await import(pathToFileURL(`${root}/robust.node.js`).href)

const ROUNDS = 7
const WAVES = 60
const AT_ONCE = 1000
const BODY_BYTES = 100
const EXACTLY_ONCE = { window: 20_000, alone: 300 }
const REOPEN_COUNT = Number(process.env.REOPEN ?? 200_000)

const body = new Uint8Array(BODY_BYTES).fill(0x78)

/** Appends and syncs; what arrives during a sync goes into the next. The least that keeps the promise. */
class Journal {
  #waiting = []
  #running = false

  constructor(handle) {
    this.handle = handle
  }

  append(record) {
    return new Promise((done) => {
      this.#waiting.push({ record, done })
      if (!this.#running) void this.#run()
    })
  }

  async #run() {
    this.#running = true
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      await this.handle.write(Buffer.concat(batch.map(({ record }) => record)))
      await this.handle.datasync()
      for (const { done } of batch) done()
      await Promise.resolve()
    }
    this.#running = false
  }
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
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => write(wave * AT_ONCE + i + 1)))
  }
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const count = WAVES * AT_ONCE
  return { perSecond: count / seconds, microseconds: (user + system) / count }
}

const RUNS = {
  'bare journal, append + fdatasync': (folder) => async () => {
    const handle = await open(join(folder, 'journal'), 'a')
    const journal = new Journal(handle)
    const result = await waves(() => journal.append(body))
    await handle.close()
    return result
  },
  'file outbox, put at power': (folder) => async () => {
    const outbox = new Outbox(new FileStore(folder))
    await outbox.open()
    const result = await waves((seq) => outbox.write([['put', seq, body]], 'power'))
    await outbox.close()
    return { ...result, commits: outbox.commits }
  },
  'file outbox, put at power and delete lazily': (folder) => async () => {
    const outbox = new Outbox(new FileStore(folder))
    await outbox.open()
    const result = await waves(async (seq) => {
      await outbox.write([['put', seq, body]], 'power')
      await outbox.write([['delete', seq]], 'lazy')
    })
    await outbox.close()
    return { ...result, commits: outbox.commits }
  },
}

if ((await platformSqlite()) !== undefined) {
  RUNS['SQLite outbox, put at power'] = (folder) => async () => {
    const outbox = new Outbox(new SqliteStore(folder))
    await outbox.open()
    const result = await waves((seq) => outbox.write([['put', seq, body]], 'power'))
    await outbox.close()
    return { ...result, commits: outbox.commits }
  }
}

const best = {}
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, make] of Object.entries(RUNS)) {
    const result = await inFolder((folder) => make(folder)())
    if (!(best[name]?.perSecond > result.perSecond)) best[name] = result
  }
}
const bare = Object.values(best)[0].perSecond
for (const [name, { perSecond, microseconds, commits }] of Object.entries(best)) {
  const parts = [
    name.padEnd(48),
    `${Math.round(perSecond).toLocaleString('en').padStart(9)} messages/s`,
    `${microseconds.toFixed(2)} µs processor time`,
    `${((perSecond / bare) * 100).toFixed(0)} % of bare`,
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
  const server = createServer((socket) => {
    socket.on('data', (bytes) => answer(socket, bytes))
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const store = new FileStore(folder)
  const commit = store.commit.bind(store)
  let commits = 0
  let syncs = 0
  store.commit = (ops, sync) => {
    commits += 1
    if (sync === 'power') syncs += 1
    return commit(ops, sync)
  }
  const url = `mqtt://127.0.0.1:${server.address().port}`
  const client = new MQTTClient('bench', url, { outbox: store })
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

/** The least that speaks MQTT 5.0: answers CONNECT, PUBLISH of QoS 2, PUBREL and PINGREQ. */
function answer(socket, bytes) {
  let data = socket.rest === undefined ? bytes : Buffer.concat([socket.rest, bytes])
  const answers = []
  while (data.length > 1) {
    let length = 0
    let at = 1
    for (let unit = 1, byte = 128; byte >= 128 && at < data.length; unit *= 128) {
      byte = data[at++]
      length += (byte & 127) * unit
    }
    if (data.length < at + length) break
    const type = data[0] >> 4
    const id = type === 3 ? at + 2 + data.readUInt16BE(at) : at
    if (type === 1) answers.push(Buffer.from([0x20, 3, 0, 0, 0]))
    if (type === 3) answers.push(Buffer.from([0x50, 2, data[id], data[id + 1]]))
    if (type === 6) answers.push(Buffer.from([0x70, 2, data[id], data[id + 1]]))
    if (type === 12) answers.push(Buffer.from([0xd0, 0]))
    data = data.subarray(at + length)
  }
  socket.rest = data
  if (answers.length > 0) socket.write(Buffer.concat(answers))
}
