// The server that costs little: as much MQTT 3.1.1 and 5.0 as the clients under measure need, by scanning
// fixed headers, with one write of answers for each read. It counts, so that a lost message is noticed.
// It speaks on loopback alone and is driven by its parent over IPC: it says where it listens, and
// answers { take: true } with what each connection has seen since the last time.
// It does no routing, keeps no sessions, and trusts that CONNECT and SUBSCRIBE are well formed.

import net from 'node:net'
import { DATA_FILTER, FLOOD_TOPIC, MARK_TOPIC, dataTopics, pattern, ringSize } from './common.mjs'

/** Four addresses, so that the ports of ten thousand connections that were closed do not run out. */
const HOSTS = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4']
/** What each listening port does. Silent: it answers CONNECT and PINGREQ and acknowledges nothing. */
const MODES = {
  normal: { receiveMaximum: 65_535, silent: false },
  silent: { receiveMaximum: 65_535, silent: true },
  'silent-10': { receiveMaximum: 10, silent: true },
}
/** Bytes of one write of a QoS 0 flood, about. */
const BLOCK_BYTES = 65_536
const DATA_TOPIC_LENGTH = DATA_FILTER.length + 1
const PUBLISH = 3
const PUBACK = 4
const PUBREC = 5
const PUBREL = 6
const PUBCOMP = 7

/** Where answers are gathered during one read; no read brings more packets than fit. */
const answers = Buffer.alloc(1 << 20)
const rings = new Map()
const reports = []

class Connection {
  #socket
  #mode
  #rest
  #protocol = 4
  #receiveMaximum = 65_535
  #flood
  #heldMark
  #letters
  #ids

  constructor(socket, mode) {
    this.#socket = socket
    this.#mode = mode
    this.#ids = mode.silent ? new Uint8Array(65_536) : undefined
    this.report = {
      clientId: undefined,
      protocol: undefined,
      receiveMaximum: undefined,
      counts: emptyCounts(),
      measured: undefined,
      faults: {},
    }
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('drain', () => this.#pump())
    // A client that ends its process without a word resets the connection: nothing to repair here.
    socket.on('error', () => socket.destroy())
  }

  #read(chunk) {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    const counts = this.report.counts
    const silent = this.#mode.silent
    let length = 0
    let at = 0
    while (at + 2 <= bytes.length) {
      const first = bytes[at]
      let body = at + 1
      let remaining = 0
      let shift = 0
      let byte
      do {
        byte = bytes[body++]
        remaining |= (byte & 0x7f) << shift
        shift += 7
      } while (byte >= 0x80 && body < bytes.length)
      if (byte >= 0x80 || body + remaining > bytes.length) break
      const end = body + remaining
      const type = first >> 4
      if (type === PUBLISH) {
        const qos = (first >> 1) & 3
        const topicEnd = body + 2 + ((bytes[body] << 8) | bytes[body + 1])
        if (topicEnd - body - 2 !== DATA_TOPIC_LENGTH) {
          const answered = this.#control(bytes, body, topicEnd, end, qos)
          if (answered) length = answer(PUBACK, bytes, topicEnd, length)
        } else {
          const payload = topicEnd + (qos > 0 ? 2 : 0) + (this.#protocol === 5 ? 1 : 0)
          counts.publish[qos]++
          counts.bytes += end - payload
          if (counts === this.report.warmup) this.#inspect(bytes, body + 2, topicEnd, payload, end)
          if (qos > 0) {
            if (silent) this.#rememberId((bytes[topicEnd] << 8) | bytes[topicEnd + 1])
            else length = answer(qos === 1 ? PUBACK : PUBREC, bytes, topicEnd, length)
          }
        }
      } else if (type === PUBREL) {
        counts.pubrel++
        if (!silent) length = answer(PUBCOMP, bytes, body, length)
      } else if (type === PUBACK || type === PUBCOMP) {
        counts.finished++
        if (this.#flood === undefined) this.#fault('acknowledged more than it got')
        else this.#flood.done++
      } else if (type === PUBREC) {
        counts.pubrec++
        length = answer(PUBREL, bytes, body, length)
      } else {
        length = this.#other(type, bytes, body, end, length)
      }
      at = end
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined
    if (length > 0) this.#socket.write(Buffer.from(answers.subarray(0, length)))
    if (this.#flood !== undefined) this.#pump()
  }

  /** What the harness asks for; true when the packet is to be acknowledged at once. */
  #control(bytes, topicAt, topicEnd, end, qos) {
    const topic = bytes.toString('latin1', topicAt + 2, topicEnd)
    const id = qos > 0 ? (bytes[topicEnd] << 8) | bytes[topicEnd + 1] : 0
    const payloadAt = topicEnd + (qos > 0 ? 2 : 0) + (this.#protocol === 5 ? 1 : 0)
    const text = bytes.toString('latin1', payloadAt, end)
    if (topic === MARK_TOPIC && qos === 1) {
      if (this.#flood === undefined) {
        this.#mark(text)
        return true
      }
      this.#heldMark = { id, text }
    } else if (topic === FLOOD_TOPIC && qos === 0) {
      const [floodQoS, size, topics, count] = text.split(' ').map(Number)
      this.#flood = new Flood(this.#protocol, floodQoS, size, topics, count, this.#receiveMaximum)
    } else {
      this.#fault(`published to "${topic}" at QoS ${qos}`)
    }
    return false
  }

  #mark(text) {
    const report = this.report
    if (text === 'warm') report.warmup = report.counts = emptyCounts()
    else if (text === 'start') report.counts = emptyCounts()
    else report.measured = report.counts
  }

  /** Before the measured part every message is looked at: right topic, right payload. */
  #inspect(bytes, topicAt, topicEnd, payloadAt, end) {
    const size = end - payloadAt
    if (this.#letters?.length !== size) this.#letters = pattern(size)
    if (this.#letters.compare(bytes, payloadAt, end) !== 0) this.#fault('published a wrong payload')
    const topic = bytes.toString('latin1', topicAt, topicEnd)
    if (!topic.startsWith('bench/data/')) this.#fault(`published to "${topic}"`)
    this.report.warmup.topics.add(topic)
  }

  #rememberId(id) {
    if (id === 0) this.#fault('used packet id 0')
    if (this.#ids[id] === 1) this.#fault('used a packet id that was in flight')
    this.#ids[id] = 1
  }

  #fault(text) {
    this.report.faults[text] = (this.report.faults[text] ?? 0) + 1
  }

  #other(type, bytes, body, end, length) {
    if (type === 1) return this.#connect(bytes, body, length)
    if (type === 8 || type === 10) return this.#subscribe(type, bytes, body, end, length)
    if (type === 12) {
      answers[length] = 0xd0
      answers[length + 1] = 0
      return length + 2
    }
    if (type === 14) this.#socket.end()
    else this.#fault(`sent a packet of type ${type}`)
    return length
  }

  #connect(bytes, body, length) {
    this.#protocol = bytes[body + 6]
    let at = body + 10
    if (this.#protocol === 5) {
      const propertiesEnd = at + 1 + bytes[at]
      this.#receiveMaximum = findReceiveMaximum(bytes, at + 1, propertiesEnd) ?? 65_535
      at = propertiesEnd
    }
    this.report.clientId = bytes.toString('utf8', at + 2, at + 2 + bytes.readUInt16BE(at))
    this.report.protocol = this.#protocol
    this.report.receiveMaximum = this.#receiveMaximum
    const maximum = this.#mode.receiveMaximum
    const packet =
      this.#protocol === 5
        ? [0x20, 6, 0, 0, 3, 0x21, maximum >> 8, maximum & 0xff]
        : [0x20, 2, 0, 0]
    answers.set(packet, length)
    return length + packet.length
  }

  #subscribe(type, bytes, body, end, length) {
    const codes = []
    let at = body + 2
    if (this.#protocol === 5) at += 1 + bytes[at]
    while (at < end) {
      at += 2 + bytes.readUInt16BE(at)
      codes.push(type === 8 ? bytes[at++] & 3 : 0)
    }
    const head =
      this.#protocol === 5 ? [bytes[body], bytes[body + 1], 0] : [bytes[body], bytes[body + 1]]
    const payload = type === 10 && this.#protocol === 4 ? [] : codes
    const packet = [(type + 1) << 4, head.length + payload.length, ...head, ...payload]
    answers.set(packet, length)
    return length + packet.length
  }

  #pump() {
    const flood = this.#flood
    if (flood === undefined) return
    while (!this.#socket.writableNeedDrain) {
      const block = flood.next()
      if (block === undefined) break
      this.#socket.write(block)
    }
    if (!flood.finished) return
    this.#flood = undefined
    if (this.#heldMark === undefined) return
    const { id, text } = this.#heldMark
    this.#heldMark = undefined
    this.#mark(text)
    this.#socket.write(Buffer.from([PUBACK << 4, 2, id >> 8, id & 0xff]))
  }
}

/** Messages to one client, cut from a ring that was encoded once. */
class Flood {
  done = 0
  #qos
  #count
  #ring
  #size
  #messageBytes
  #window
  #sent = 0

  constructor(protocol, qos, size, topics, count, receiveMaximum) {
    this.#qos = qos
    this.#count = count
    this.#size = ringSize(qos)
    this.#ring = floodRing(protocol, qos, size, topics)
    this.#messageBytes = this.#ring.length / this.#size
    this.#window = Math.min(receiveMaximum, this.#size)
  }

  get finished() {
    return this.#sent === this.#count && (this.#qos === 0 || this.done === this.#count)
  }

  /** The next bytes that the client's window allows, or undefined. */
  next() {
    const open = this.#qos === 0 ? this.#size : this.#window - (this.#sent - this.done)
    const from = this.#sent % this.#size
    const most = this.#qos === 0 ? Math.ceil(BLOCK_BYTES / this.#messageBytes) : open
    const messages = Math.min(open, most, this.#size - from, this.#count - this.#sent)
    if (messages === 0) return undefined
    this.#sent += messages
    return this.#ring.subarray(from * this.#messageBytes, (from + messages) * this.#messageBytes)
  }
}

function floodRing(protocol, qos, size, topicCount) {
  const key = `${protocol} ${qos} ${size} ${topicCount}`
  const known = rings.get(key)
  if (known !== undefined) return known
  const topics = dataTopics(topicCount)
  const messages = []
  for (let i = 0; i < ringSize(qos); i++) {
    const topic = Buffer.from(topics[i % topicCount])
    const payload = pattern(size)
    payload.writeUInt32BE(i, 0)
    const id = qos > 0 ? [(i + 1) >> 8, (i + 1) & 0xff] : []
    const properties = protocol === 5 ? [0] : []
    const remaining = 2 + topic.length + id.length + properties.length + size
    const header = [(PUBLISH << 4) | (qos << 1)]
    for (let rest = remaining; ; rest >>>= 7) {
      if (rest < 0x80) {
        header.push(rest)
        break
      }
      header.push((rest & 0x7f) | 0x80)
    }
    messages.push(Buffer.from([...header, 0, topic.length]), topic)
    messages.push(Buffer.from([...id, ...properties]), payload)
  }
  const ring = Buffer.concat(messages)
  rings.set(key, ring)
  return ring
}

function emptyCounts() {
  return { publish: [0, 0, 0], bytes: 0, pubrel: 0, pubrec: 0, finished: 0, topics: new Set() }
}

function answer(type, bytes, idAt, length) {
  answers[length] = type === PUBREL ? 0x62 : type << 4
  answers[length + 1] = 2
  answers[length + 2] = bytes[idAt]
  answers[length + 3] = bytes[idAt + 1]
  return length + 4
}

/** Properties of CONNECT by what follows their identifier. §3.1.2.11 */
function findReceiveMaximum(bytes, from, end) {
  for (let at = from; at < end;) {
    const id = bytes[at++]
    if (id === 0x21) return bytes.readUInt16BE(at)
    if (id === 0x17 || id === 0x19) at += 1
    else if (id === 0x22) at += 2
    else if (id === 0x11 || id === 0x27) at += 4
    else {
      at += 2 + bytes.readUInt16BE(at)
      if (id === 0x26) at += 2 + bytes.readUInt16BE(at)
    }
  }
  return undefined
}

async function listen(mode) {
  const hosts = []
  let port = 0
  for (const host of HOSTS) {
    const server = net.createServer((socket) => reports.push(new Connection(socket, mode).report))
    const bound = await new Promise((resolve, reject) => {
      server.once('error', (error) => {
        // Some systems have 127.0.0.1 alone on their loopback.
        if (error.code === 'EADDRNOTAVAIL' && hosts.length > 0) resolve(false)
        else reject(error)
      })
      server.listen({ host, port, backlog: 4096 }, () => resolve(true))
    })
    if (!bound) break
    port = server.address().port
    hosts.push(host)
  }
  return { hosts, port }
}

process.on('message', (message) => {
  if (!message.take) return
  const taken = reports.splice(0)
  process.send({ reports: taken.map((report) => JSON.stringify(report, setsAsCounts)) })
})
process.on('disconnect', () => process.exit())

function setsAsCounts(_, value) {
  return value instanceof Set ? value.size : value
}

const listening = {}
for (const [name, mode] of Object.entries(MODES)) listening[name] = await listen(mode)
process.send({ listening })
