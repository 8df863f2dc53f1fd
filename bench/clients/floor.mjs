// What a Node socket costs at the least: bytes encoded beforehand go out in one slab a write, reading uses one
// static buffer, packet ids are patched in, acknowledgements are told apart by their first byte. It is no MQTT
// client: it validates nothing, keeps nothing, and hands out no payload, only its length. For the memory of
// idle connections it is a socket with a listener for data over which CONNECT and CONNACK have gone, because a
// socket that has never been used is smaller by about 1 kB.

import net from 'node:net'
import { once } from 'node:events'

const SLAB_BYTES = 65_536
const PUBLISH = 3
const PUBACK = 4
const PUBREC = 5
const PUBREL = 6
const PUBCOMP = 7

export async function open(settings) {
  return settings.kind === 'idle' ? openBare(settings) : openFloor(settings)
}

async function openBare({ host, port, clientId, protocol }) {
  const socket = net.connect({ host, port })
  await once(socket, 'connect')
  socket.write(encodeConnect(clientId, protocol))
  await once(socket, 'data')
  return {
    onMessage(handler) {
      socket.on('data', handler)
    },
    async close() {
      socket.destroy()
    },
  }
}

function encodeConnect(clientId, protocol) {
  const level = protocol === 5 ? [5, 2, 0, 0, 0] : [4, 2, 0, 0]
  const body = [
    0,
    4,
    ...Buffer.from('MQTT'),
    ...level,
    0,
    clientId.length,
    ...Buffer.from(clientId),
  ]
  return Buffer.from([0x10, body.length, ...body])
}

async function openFloor({ host, port, clientId, protocol }) {
  const properties = protocol === 5 ? [0] : []
  const free = []
  const message = { length: 0 }
  let rest = Buffer.alloc(0)
  let handler
  let run
  let settle

  const socket = net.connect({
    host,
    port,
    noDelay: true,
    onread: { buffer: Buffer.alloc(SLAB_BYTES), callback: read },
  })
  await once(socket, 'connect')

  function read(length, buffer) {
    let bytes = buffer
    let end = length
    if (rest.length > 0) {
      bytes = Buffer.concat([rest, buffer.subarray(0, length)])
      end = bytes.length
    }
    const answers = free.pop() ?? Buffer.alloc(2 * SLAB_BYTES)
    let answered = 0
    let acknowledged = 0
    let at = 0
    while (at + 2 <= end) {
      let body = at + 1
      let remaining = bytes[body++]
      if (remaining >= 0x80) {
        if (body === end) break
        remaining = (remaining & 0x7f) | (bytes[body++] << 7)
      }
      if (body + remaining > end) break
      const first = bytes[at]
      const type = first >> 4
      at = body + remaining
      if (type === PUBLISH) {
        const qos = (first >> 1) & 3
        const topicEnd = body + 2 + ((bytes[body] << 8) | bytes[body + 1])
        message.length = at - topicEnd - (qos > 0 ? 2 : 0) - properties.length
        handler('', message)
        if (qos > 0) {
          answers[answered++] = (qos === 1 ? PUBACK : PUBREC) << 4
          answers[answered++] = 2
          answers[answered++] = bytes[topicEnd]
          answers[answered++] = bytes[topicEnd + 1]
        }
      } else if (type === PUBREC || type === PUBREL) {
        answers[answered++] = type === PUBREC ? 0x62 : PUBCOMP << 4
        answers[answered++] = 2
        answers[answered++] = bytes[body]
        answers[answered++] = bytes[body + 1]
      } else if (run !== undefined && (type === PUBACK || type === PUBCOMP)) {
        run.acknowledged++
        acknowledged++
      } else {
        settle?.()
      }
    }
    rest =
      at < end ? Buffer.from(bytes.subarray(at, end)) : rest.length > 0 ? rest.subarray(0, 0) : rest
    if (answered > 0) socket.write(answers.subarray(0, answered), () => free.push(answers))
    else free.push(answers)
    if (acknowledged > 0) refill()
    return true
  }

  /** As many as the window allows, a slab a write. */
  function refill() {
    while (run.sent < run.count && run.sent - run.acknowledged < run.window) {
      const slab = run.slabs.pop() ?? Buffer.from(run.template)
      let from = run.sent % run.topicCount
      const start = from * run.bytes
      const most = Math.min(
        run.count - run.sent,
        run.window - (run.sent - run.acknowledged),
        run.perSlab - from,
      )
      for (let i = 0; i < most; i++) {
        const idAt = from++ * run.bytes + run.idAt
        const id = (run.sent++ % 65_535) + 1
        slab[idAt] = id >> 8
        slab[idAt + 1] = id & 0xff
      }
      const slabs = run.slabs
      socket.write(slab.subarray(start, start + most * run.bytes), () => slabs.push(slab))
    }
    if (run.acknowledged === run.count) settle()
  }

  function encode(topic, payload, qos) {
    const id = qos > 0 ? [0, 1] : []
    const remaining = 2 + topic.length + id.length + properties.length + payload.length
    const size = remaining < 0x80 ? [remaining] : [(remaining & 0x7f) | 0x80, remaining >> 7]
    const head = [(PUBLISH << 4) | (qos << 1), ...size, 0, topic.length]
    return Buffer.concat([
      Buffer.from(head),
      Buffer.from(topic),
      Buffer.from([...id, ...properties]),
      Buffer.from(payload),
    ])
  }

  const write = (bytes) => new Promise((resolve) => socket.write(bytes, resolve))
  const answer = (bytes) =>
    new Promise((resolve) => {
      settle = resolve
      socket.write(bytes)
    })

  await answer(encodeConnect(clientId, protocol))

  return {
    async publish({ topics, payload, qos, count, window }) {
      const packets = topics.map((topic) => encode(topic, payload, qos))
      const bytes = packets[0].length
      const perSlab = Math.floor(SLAB_BYTES / bytes / topics.length) * topics.length
      const template = Buffer.concat(
        Array.from({ length: perSlab }, (_, i) => packets[i % topics.length]),
      )
      if (qos === 0) {
        for (let sent = 0; sent < count; sent += perSlab) {
          await write(template.subarray(0, Math.min(perSlab, count - sent) * bytes))
        }
        return
      }
      const idAt = bytes - payload.length - properties.length - 2
      run = { count, window, bytes, perSlab, template, idAt, slabs: [], sent: 0, acknowledged: 0 }
      run.topicCount = topics.length
      await new Promise((resolve) => {
        settle = resolve
        refill()
      })
      run = undefined
    },
    async send(topic, text, qos) {
      const packet = encode(topic, Buffer.from(text), qos)
      if (qos === 0) await write(packet)
      else await answer(packet)
    },
    onMessage(given) {
      handler = given
    },
    async subscribe(filter, qos) {
      const body = [0, 1, ...properties, 0, filter.length, ...Buffer.from(filter), qos]
      await answer(Buffer.from([0x82, body.length, ...body]))
    },
    async close() {
      socket.destroy()
    },
  }
}
