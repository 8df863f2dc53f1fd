// What one packet costs the codec, in nanoseconds of processor time: `node bench/micro/codec.mjs`, after
// `npm run build`. A folder as its argument is measured in the place of dist/. The best of several rounds.

import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = resolve(process.argv[2] ?? new URL('../../dist', import.meta.url).pathname)
const load = (path) => import(pathToFileURL(`${root}/codec/${path}.js`).href)
const { CLIENT_PACKETS, Decoder, SERVER_PACKETS } = await load('decode')
const { encode, publishSize, writeAck, writePublishHeader } = await load('encode')
const { NO_PROPERTIES } = await load('packets')
const { checkTopic, topicMatches } = await load('topics')
const { decodeUtf8, encodeUtf8, TopicCache, utf8Length } = await load('utf8')

const ROUNDS = 9
const CHUNK_BYTES = 65_536

/** Runs `run`, which does `count` things, and prints what one costs. */
function measure(name, count, run) {
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    for (let done = 0; done < 2_000_000; done += count) run()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, ((user + system) * 1000) / (Math.ceil(2_000_000 / count) * count))
  }
  console.log(`${name.padEnd(52)} ${best.toFixed(1).padStart(8)} ns`)
}

function publish(topic, payloadBytes, fields = {}) {
  const payload = new Uint8Array(payloadBytes).fill(0x78)
  const base = { type: 3, topic, payload, qos: 0, retain: false, dup: false, packetId: 0 }
  return { ...base, properties: NO_PROPERTIES, ...fields }
}

/** As many copies of the packets as fill a chunk, cut where a socket would cut it. */
function chunkOf(packets, version) {
  const encoded = packets.map((packet) => encode(packet, version))
  const chunk = new Uint8Array(CHUNK_BYTES)
  let length = 0
  let count = 0
  for (;;) {
    const bytes = encoded[count % encoded.length]
    if (length + bytes.length > CHUNK_BYTES) return { chunk, length, count }
    chunk.set(bytes, length)
    length += bytes.length
    count++
  }
}

function decoding(name, packets, version, reads = SERVER_PACKETS) {
  const { chunk, length, count } = chunkOf(packets, version)
  const topics = new TopicCache()
  const decoder = new Decoder({ reads, version, maximumPacketSizeBytes: 1e6, topics })
  let kept
  measure(`read ${name}`, count, () => {
    decoder.push(chunk, length)
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) kept = packet
  })
  return kept
}

const topic = 'sensors/hall/temperature'
const topics = Array.from({ length: 200 }, (_, i) => publish(`sensors/${i}/temperature`, 64))
const identified = { qos: 1, packetId: 7 }
const expiring = { properties: { messageExpiryInterval: 60, contentType: 'text/plain' } }

decoding('PUBLISH QoS 0, 64 B', [publish(topic, 64)], 5)
decoding('PUBLISH QoS 0, 64 B, 3.1.1', [publish(topic, 64)], 4)
decoding('PUBLISH QoS 0, 64 B, 200 topics', topics, 5)
decoding('PUBLISH QoS 1, 64 B', [publish(topic, 64, identified)], 5)
decoding('PUBLISH QoS 0, empty', [publish(topic, 0)], 5)
decoding('PUBLISH QoS 0, 200 B', [publish(topic, 200)], 5)
decoding('PUBLISH QoS 0, 1 KiB', [publish(topic, 1024)], 5)
decoding('PUBLISH QoS 0, 16 KiB', [publish(topic, 16_384)], 5)
decoding('PUBLISH QoS 0, 64 B, two properties', [publish(topic, 64, expiring)], 5)
decoding('PUBLISH QoS 0, 64 B, topic of 10 Chinese letters', [publish('温'.repeat(10), 64)], 5)
const ack = { type: 4, packetId: 7, reasonCode: 0, properties: NO_PROPERTIES }
decoding('PUBACK', [ack], 5)
decoding('PUBACK, 3.1.1', [ack], 4, CLIENT_PACKETS)
decoding(
  'PUBREC and PUBCOMP',
  [
    { ...ack, type: 5 },
    { ...ack, type: 7 },
  ],
  5,
)
decoding('PINGRESP', [{ type: 13 }], 5)
decoding('SUBACK', [{ type: 9, packetId: 7, reasonCodes: [1], properties: NO_PROPERTIES }], 5)

const sink = {
  bytes: new Uint8Array(CHUNK_BYTES),
  length: 0,
  reserve(sizeBytes) {
    if (this.length + sizeBytes > CHUNK_BYTES) this.length = 0
  },
}
const header = publish(topic, 64)
const topicBytes = utf8Length(topic)
measure('write the header of PUBLISH QoS 0', 1, () => {
  writePublishHeader(sink, 5, header, topicBytes, 64, 0)
})
const headerOf1 = publish(topic, 64, identified)
measure('write the header of PUBLISH QoS 1, 3.1.1', 1, () => {
  writePublishHeader(sink, 4, headerOf1, topicBytes, 64, 0)
})
const headerExpiring = publish(topic, 64, expiring)
measure('write the header of PUBLISH, two properties', 1, () => {
  writePublishHeader(sink, 5, headerExpiring, topicBytes, 64, 0)
})
measure('write PUBACK', 1, () => writeAck(sink, 5, 4, 7, 0))
let number = 0
measure('size of PUBLISH', 1, () => (number += publishSize(5, header, topicBytes, 64, 0)))
measure('size of PUBLISH, two properties', 1, () => {
  number += publishSize(5, headerExpiring, topicBytes, 64, 0)
})
measure('encode PUBLISH, checked', 1, () => encode(header, 5))

measure('utf8Length of 24 letters', 1, () => (number += utf8Length(topic)))
const short = encodeUtf8(topic)
measure('decodeUtf8 of 24 letters', 1, () => decodeUtf8(short, 0, short.length))
const long = encodeUtf8('Ein längerer Text mit Umlauten und ✓. '.repeat(2000))
measure('decodeUtf8 of a KiB', 1, () => {
  for (let i = 0; i < 1; i++) decodeUtf8(long, 0, 1025)
})
measure('checkTopic of 24 letters', 1, () => checkTopic(topic))
measure('topicMatches', 1, () => topicMatches('sensors/+/temperature', topic))
if (number < 0) console.log(number)
