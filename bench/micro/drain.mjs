// Whether a backlog of the memory outbox drains in time that grows with its length and no faster, and all of it:
// `node bench/micro/drain.mjs`, after `npm run build`. Messages are published while there is no server; then there
// is one, and each outcome is counted. The client is a process of its own, whose processor time is taken for the
// first quarter, the last and all; COUNT says how many at most, of which a quarter and a half are measured as well.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { leastServer } from './least-server.mjs'

const COUNT = Number(process.env.COUNT ?? 1_000_000)
const TOPICS = 100
const PAYLOAD_BYTES = 64

const { MQTTClient } = await import(new URL('../../dist/robust.node.js', import.meta.url).href)

if (process.argv[2] === 'client') await drain(Number(process.argv[3]), Number(process.argv[4]))
else for (const part of [0.25, 0.5, 1]) await measure(Math.round(COUNT * part))

async function measure(count) {
  const reserved = await leastServer()
  reserved.close()
  const child = fork(new URL(import.meta.url).pathname, ['client', `${reserved.port}`, `${count}`])
  const ended = once(child, 'exit')
  await once(child, 'message')
  const server = await leastServer(reserved.port)
  child.send('a server is there')
  const [[result]] = await Promise.all([once(child, 'message'), ended])
  server.close()
  const { delivered, otherwise, first, last, all, seconds } = result
  const micros = [first, last, all].map((value) => value.toFixed(2))
  console.log(
    `${count.toLocaleString('en')} waiting: ${delivered.toLocaleString('en')} delivered, ${otherwise} not, in ${seconds.toFixed(1)} s;`,
    `µs of processor time a message: ${micros[0]} in the first quarter, ${micros[1]} in the last, ${micros[2]} in all`,
  )
}

async function drain(port, count) {
  const client = new MQTTClient('bench', `mqtt://127.0.0.1:${port}`, {
    limits: { outboxMessages: 2 * count, outboxBytes: 2 ** 40 },
  })
  let delivered = 0
  let otherwise = 0
  const marks = []
  const quarter = Math.floor(count / 4)
  const mark = () => {
    const { user, system } = process.cpuUsage()
    marks.push(user + system)
  }
  client.on('settled', ({ outcome }) => {
    if (outcome.status === 'delivered') delivered += 1
    else otherwise += 1
    if (delivered === quarter || delivered === count - quarter) mark()
  })
  for (let i = 0; i < count; i++) {
    client.publish(`bench/${i % TOPICS}`, Buffer.alloc(PAYLOAD_BYTES, i & 0xff))
  }
  process.send('filled')
  await once(process, 'message')
  const start = performance.now()
  mark()
  client.retryNow()
  await client.drain()
  mark()
  const seconds = (performance.now() - start) / 1000
  const [zero, first, nearly, end] = marks
  process.send({
    ...{ delivered, otherwise, seconds },
    first: (first - zero) / quarter,
    last: (end - nearly) / quarter,
    all: (end - zero) / count,
  })
  await client.disconnect()
  process.disconnect()
}
