// One measurement of one JavaScript client in a process of its own: `node client-process.mjs name=value …`.
// It warms up, measures between two marks that the server acknowledges, and prints one line of JSON.
// A client file exports `open(settings)`, which gives an object with
//   publish({ topics, payload, qos, count, window })  settles when the client has reported every message done
//   send(topic, text, qos)      one message; settles when it is acknowledged
//   offer(topic, payload)       QoS 1, the promise that the caller keeps
//   subscribe(filter, qos), onMessage((topic, payload) => …), close()
// of which one that is measured for memory alone needs fewer.

import {
  DATA_FILTER,
  FLOOD_TOPIC,
  MARK_TOPIC,
  dataTopics,
  parseSettings,
  pattern,
  ringSize,
} from './common.mjs'

const settings = parseSettings(process.argv.slice(2))
const { open } = await import(`./clients/${settings.client}.mjs`)
const kinds = { publish, receive, idle, offer, offline }

// A client may reject promises that nobody waits for; a run in which that happens is worth nothing.
process.on('unhandledRejection', (error) => {
  throw error
})
const result = await kinds[settings.kind]()
await new Promise((resolve) => process.stdout.write(`${JSON.stringify(result)}\n`, resolve))
process.exit()

async function publish() {
  const { qos, size, topics, messages, warmup, window } = settings
  const client = await open(settings)
  const work = { topics: dataTopics(topics), payload: pattern(size), qos, window }
  await client.send(MARK_TOPIC, 'warm', 1)
  await client.publish({ ...work, count: warmup })
  await client.send(MARK_TOPIC, 'start', 1)
  const start = process.cpuUsage()
  await client.publish({ ...work, count: messages })
  await client.send(MARK_TOPIC, 'end', 1)
  return { cpuMicros: cpuMicros(start) }
}

async function receive() {
  const { qos, size, topics, messages, warmup } = settings
  const client = await open(settings)
  const expected = dataTopics(topics)
  const letters = pattern(size).subarray(4)
  let checking = settings.check === 1
  let received = 0
  let bytes = 0
  let wanted = 0
  let done
  const handler = (topic, payload) => {
    if (checking) check(topic, payload)
    bytes += payload.length
    if (++received === wanted) done()
  }
  function check(topic, payload) {
    const place = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
    const rest = Buffer.from(payload.buffer, payload.byteOffset + 4, payload.length - 4)
    if (topic !== expected[received % topics])
      throw new Error(`Message ${received} has topic ${topic}`)
    if (place !== received % ringSize(qos))
      throw new Error(`Message ${received} is number ${place}`)
    if (!letters.equals(rest)) throw new Error(`Message ${received} has a wrong payload`)
  }
  const flood = (count) =>
    new Promise((resolve, reject) => {
      received = 0
      bytes = 0
      wanted = count
      done = resolve
      client.send(FLOOD_TOPIC, `${qos} ${size} ${topics} ${count}`, 0).catch(reject)
    })
  client.onMessage(handler)
  await client.subscribe(DATA_FILTER, qos)
  await client.send(MARK_TOPIC, 'warm', 1)
  await flood(warmup)
  await client.send(MARK_TOPIC, 'start', 1)
  checking = false
  const start = process.cpuUsage()
  await flood(messages)
  await client.send(MARK_TOPIC, 'end', 1)
  return { cpuMicros: cpuMicros(start), received, receivedBytes: bytes }
}

/** Resident memory a connected client that has nothing to do. */
async function idle() {
  const { hosts, clients } = settings
  const all = hosts.split(',')
  const handler = () => {}
  const opened = []
  const openMany = async (count) => {
    while (count > 0) {
      const batch = Array.from({ length: Math.min(count, 100) }, (_, i) =>
        open({
          ...settings,
          host: all[i % all.length],
          clientId: `idle-${opened.length + i}`,
          keepAliveSeconds: 60,
        }),
      )
      for (const client of await Promise.all(batch)) {
        client.onMessage(handler)
        opened.push(client)
      }
      count -= batch.length
    }
  }
  await openMany(100)
  await settled(() => process.memoryUsage.rss())
  const before = await settled(() => process.memoryUsage.rss())
  await openMany(clients)
  const after = await settled(() => process.memoryUsage.rss())
  return { bytes: (after - before) / clients }
}

/** Heap and buffers a message that was offered while the server says nothing, beyond its payload. */
async function offer() {
  const { size, messages, warmupHost, warmupPort } = settings
  const [topic] = dataTopics(1)
  const other = await open({ ...settings, host: warmupHost, port: warmupPort, clientId: 'warm-up' })
  await other.publish({
    topics: [topic],
    payload: pattern(size),
    qos: 1,
    count: 5000,
    window: 1000,
  })
  await other.close()
  const client = await open(settings)
  const promises = new Array(messages).fill(undefined)
  const before = await settled(heapBytes)
  for (let i = 0; i < messages; i++) promises[i] = client.offer(topic, Buffer.alloc(size, i & 0xff))
  const after = await settled(heapBytes)
  return { bytes: (after - before) / promises.length - size }
}

/** Heap and buffers a message that waits for a server which is not there, beyond its payload. */
async function offline() {
  const { size, messages } = settings
  const [topic] = dataTopics(1)
  const client = await open({ ...settings, port: 1, offline: 1 })
  for (let i = 0; i < 5000; i++) client.offer(topic, Buffer.alloc(size, 1))
  const before = await settled(heapBytes)
  for (let i = 0; i < messages; i++) client.offer(topic, Buffer.alloc(size, i & 0xff))
  const after = await settled(heapBytes)
  return { bytes: (after - before) / messages - size }
}

function cpuMicros(start) {
  const { user, system } = process.cpuUsage(start)
  return user + system
}

function heapBytes() {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** The figure once garbage collection and the sending of what was buffered no longer lower it. */
async function settled(measure) {
  let least = Infinity
  for (let unchanged = 0; unchanged < 3;) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    globalThis.gc()
    const figure = measure()
    unchanged = figure < least * 0.995 ? 0 : unchanged + 1
    least = Math.min(least, figure)
  }
  return least
}
