// A program for the tests of kill -9: receives at QoS 2 with an outbox that keeps the packet ids, and
// prints a line for each message when its handler has it. It never ends by itself.

import { writeSync } from 'node:fs'
import { MQTTClient } from '../../src/robust.node.ts'

const [, , url = '', folder = '', protocol] = process.argv

const client = new MQTTClient(`torture-reader-${protocol}`, url, {
  protocol: protocol === '4' ? 4 : 5,
  reconnect: { floorMs: 10, capMs: 40 },
  outbox: folder,
})
client.on('warning', ({ message }) => writeSync(1, `warning ${message}\n`))
client.setCallback((_topic, payload) => {
  writeSync(1, `got ${Buffer.from(payload).toString()}\n`)
})
const { sessionPresent } = await client.connect()
if (!sessionPresent) await client.subscribe(`torture/in/${protocol}`, { qos: 2 })
writeSync(1, 'ready\n')
