// What it costs to store a message: the file outbox against a bare journal that appends and syncs with group
// commit, in turns, in one run: `node bench/micro/outbox.mjs`, after `npm run build`. A folder as its argument
// is measured in the place of dist/. 1,000 messages are handed over at once, each told when it is on the disk.

import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = resolve(process.argv[2] ?? new URL('../../dist', import.meta.url).pathname)
const load = (path) => import(pathToFileURL(`${root}/outbox/${path}.js`).href)
const { FileStore } = await load('file')
const { Outbox } = await load('outbox')

const ROUNDS = 7
const WAVES = 60
const AT_ONCE = 1000
const BODY_BYTES = 100
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
