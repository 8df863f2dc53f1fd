// What a restart costs with a million messages waiting: time to the first PUBLISH and until all of them are
// known, resident memory, and how fast they drain. `node bench/micro/reopen.mjs`, after `npm run build`.
// COUNT says how many. The client is a process of its own; the server is the least that speaks MQTT 5.0.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { leastServer } from './least-server.mjs'

const COUNT = Number(process.env.COUNT ?? 1_000_000)
const TOPICS = 1000
const AT_ONCE = 10_000
const LIMITS = { outboxMessages: 2 * COUNT, outboxBytes: 2 ** 40 }

const { MQTTClient } = await import(new URL('../../dist/robust.node.js', import.meta.url).href)

const mib = (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`

if (process.argv[2] === 'client') {
  const [, , , folder, port] = process.argv
  const client = new MQTTClient('bench', `mqtt://127.0.0.1:${port}`, {
    outbox: folder,
    limits: LIMITS,
  })
  const start = performance.now()
  let delivered = 0
  client.on('settled', () => (delivered += 1))
  await client.connect()
  console.log(
    `connected after ${(performance.now() - start).toFixed(0)} ms, ${mib(process.memoryUsage().rss)} resident`,
  )
  await client.open()
  const opened = performance.now()
  console.log(
    `all known after ${(opened - start).toFixed(0)} ms, ${delivered} delivered by then, ${mib(process.memoryUsage().rss)} resident`,
  )
  await client.drain()
  const seconds = (performance.now() - start) / 1000
  const peak = mib(process.resourceUsage().maxRSS * 1024)
  console.log(`${delivered} delivered after ${seconds.toFixed(1)} s, at most ${peak} resident`)
  await client[Symbol.asyncDispose]()
} else {
  const folder = await mkdtemp(join(process.env.FOLDER ?? tmpdir(), 'umqtt-bench-'))
  try {
    await fill(folder)
    await measure(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function fill(folder) {
  const client = new MQTTClient('bench', 'mqtt://127.0.0.1:1', { outbox: folder, limits: LIMITS })
  await client.open()
  await client.disconnect()
  const payload = new Uint8Array(100).fill(0x78)
  for (let at = 0; at < COUNT; at += AT_ONCE) {
    let last
    for (let i = 0; i < AT_ONCE; i++) last = client.publish(`bench/${i % TOPICS}`, payload)
    await last.stored
  }
  await client[Symbol.asyncDispose]()
  let diskBytes = 0
  for (const name of await readdir(folder)) diskBytes += (await stat(join(folder, name))).size
  console.log(`${COUNT} messages of ${payload.length} bytes wait, ${mib(diskBytes)} on the disk`)
}

async function measure(folder) {
  let first = 0
  const server = await leastServer(0, () => (first ||= performance.now()))
  const started = performance.now()
  const child = spawn(
    process.execPath,
    [new URL(import.meta.url).pathname, 'client', folder, String(server.port)],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
  await once(child, 'exit')
  console.log(`first PUBLISH ${(first - started).toFixed(0)} ms after the process was started`)
  server.close()
}
