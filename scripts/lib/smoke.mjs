// What `npm run runtimes` lets every runtime do with the built package: talk to real servers over every
// route. `SMOKE` is JSON: a list of { name, url, options }. Prints a line for each; ends with code 1 when
// one fails. Runs on Node, Bun and Deno alike.

import { MQTTClient } from '../../dist/simple.node.js'

const BIG_BYTES = 1_048_576
const COUNT = 300
/** Where a slow consumer makes the client stop reading. */
const INBOX_BYTES = 65_536
const TIMEOUT_MS = 15_000

/** @type {readonly { name: string, url: string, options: object }[]} */
const targets = JSON.parse(process.env.SMOKE ?? '[]')
let failures = targets.length === 0 ? 1 : 0
for (const { name, url, options } of targets) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${TIMEOUT_MS} ms`)), TIMEOUT_MS)
  })
  try {
    await Promise.race([talk(name, url, options), timeout])
    console.log(`ok      ${name}`)
  } catch (error) {
    failures += 1
    console.log(`FAILED  ${name}: ${error instanceof Error ? error.stack : String(error)}`)
  }
  clearTimeout(timer)
}
process.exit(failures === 0 ? 0 : 1)

/**
 * @param {string} name
 * @param {string} url
 * @param {object} options
 */
async function talk(name, url, options) {
  const client = new MQTTClient('', url, options)
  await client.connect()
  await client.subscribe(`${name}/#`, { qos: 2 })
  const stream = client.messages()
  const published = []
  for (let i = 0; i < COUNT; i += 1) {
    published.push(
      client.publish(`${name}/n`, String(i), { qos: /** @type {0 | 1 | 2} */ (i % 3) }),
    )
  }
  await Promise.all(published)
  const seen = [new Set(), new Set(), new Set()]
  for (let i = 0; i < COUNT; i += 1) {
    const { value: message } = await stream.next()
    const number = Number(message.text())
    seen[number % 3]?.add(number)
  }
  expect(
    seen.every((found) => found.size === COUNT / 3),
    'a message is missing',
  )

  const payload = new Uint8Array(BIG_BYTES)
  for (let i = 0; i < BIG_BYTES; i += 1) payload[i] = i ^ (i >>> 8)
  await client.publish(`${name}/big`, payload, { qos: 1 })
  const { value: big } = await stream.next()
  expect(big.payload.length === BIG_BYTES, 'the big message is short')
  expect(
    big.payload.every((/** @type {number} */ byte, /** @type {number} */ i) => byte === payload[i]),
    'the big message is damaged',
  )
  expect((await client.ping()) >= 0, 'no answer to a ping')
  await holdBack(client, `${name}-slow`, url, options)
  await client.disconnect()
  expect(client.state === 'closed', `the client is ${client.state}`)

  const refused = new MQTTClient(
    '',
    url.replace(/:\d+(?=\/|$)/, ':1').replace('socket', 'none'),
    options,
  )
  const error = await refused.connect().catch((/** @type {unknown} */ reason) => reason)
  expect(
    error instanceof Error && 'code' in error && error.code === 'ERR_MQTT_CONNECTION_LOST',
    `a dial to nobody ends with ${String(error)}`,
  )
}

/**
 * A consumer that takes nothing for a while: reading stops, and everything comes in the end.
 * @param {MQTTClient} sender
 * @param {string} topic
 * @param {string} url
 * @param {object} options
 */
async function holdBack(sender, topic, url, options) {
  const client = new MQTTClient('', url, { ...options, limits: { inboxBytes: INBOX_BYTES } })
  await client.connect()
  await client.subscribe(topic)
  const messages = client.messages()
  for (let i = 0; i < COUNT; i += 1) void sender.publish(topic, new Uint8Array(4_096).fill(i))
  // Some servers hold back the sender too, so nothing of it is waited for.
  while (client.statistics.inboxBytes < INBOX_BYTES) await new Promise((go) => setTimeout(go, 5))
  for (let i = 0; i < COUNT; i += 1) {
    const { value: message } = await messages.next()
    expect(message.payload.length === 4_096, 'a message is short')
    expect(message.payload[4_095] === (i & 255), `message ${i} is another`)
  }
  await client.disconnect()
}

/**
 * @param {boolean} condition
 * @param {string} text
 */
function expect(condition, text) {
  if (!condition) throw new Error(text)
}
