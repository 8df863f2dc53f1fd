// The least that speaks MQTT 5.0 to a publisher: it answers CONNECT, PUBLISH of QoS 1 and 2, PUBREL and PINGREQ, and
// keeps nothing, so that what is measured beside it is the client.

import { once } from 'node:events'
import { createServer } from 'node:net'

const ACKNOWLEDGEMENTS = { 1: 0x40, 2: 0x50 }

/**
 * Listens on the loopback interface.
 *
 * @param port 0: any that is free
 * @param published called for each PUBLISH
 */
export async function leastServer(port = 0, published = () => undefined) {
  const sockets = new Set()
  const server = createServer((socket) => {
    sockets.add(socket)
    let rest = Buffer.alloc(0)
    socket.on('data', (bytes) => {
      rest = answer(socket, rest.length === 0 ? bytes : Buffer.concat([rest, bytes]), published)
    })
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: server.address().port,
    url: `mqtt://127.0.0.1:${server.address().port}`,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Answers whole packets, and gives back what is left. */
function answer(socket, bytes, published) {
  let data = bytes
  const answers = []
  while (data.length > 1) {
    let length = 0
    let at = 1
    let byte = 128
    for (let unit = 1; byte >= 128 && at < data.length; unit *= 128) {
      byte = data[at++]
      length += (byte & 127) * unit
    }
    if (byte >= 128 || data.length < at + length) break
    const type = data[0] >> 4
    const qos = (data[0] >> 1) & 3
    const id = type === 3 ? at + 2 + data.readUInt16BE(at) : at
    if (type === 1) answers.push(Buffer.from([0x20, 3, 0, 0, 0]))
    if (type === 3) published()
    if (type === 3 && qos > 0) {
      answers.push(Buffer.from([ACKNOWLEDGEMENTS[qos], 2, data[id], data[id + 1]]))
    }
    if (type === 6) answers.push(Buffer.from([0x70, 2, data[id], data[id + 1]]))
    if (type === 12) answers.push(Buffer.from([0xd0, 0]))
    data = data.subarray(at + length)
  }
  if (answers.length > 0) socket.write(Buffer.concat(answers))
  // Of its own: a view would keep all that was read before it.
  return Buffer.from(data)
}
