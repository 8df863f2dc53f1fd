// One of a group of consumers, as a process that can be killed. It is told on its standard input which
// partitions it takes, says each message that it has handled on its standard output, and handles one at a
// time: arguments are its name, the milliseconds that a message takes, and the servers, its own first.

import { createInterface } from 'node:readline'
import { MQTTClient } from '../../src/robust.node.ts'
import { PASSWORD, USER } from './servers/server.ts'

const [name = '', workMs = '1', server = '', ...servers] = process.argv.slice(2)

/** What waits for its turn. */
const line: (() => void)[] = []
setInterval(() => line.shift()?.(), Number(workMs))

createInterface(process.stdin).on('line', (partition) => void take(partition))
process.stdin.on('end', () => process.exit())

async function take(partition: string): Promise<void> {
  // The session belongs to the partition, whoever has it: what waits in it goes to the next one.
  const client = new MQTTClient(`work-${partition}`, server, {
    servers,
    user: USER,
    password: PASSWORD,
    protocol: 4,
    reconnect: { floorMs: 50, capMs: 1000 },
  })
  await client.subscribe(`work/${partition}`, { qos: 1 }, async (_topic, payload) => {
    await new Promise<void>((resolve) => line.push(resolve))
    // It is acknowledged after this, so that a death before it leaves the message to another.
    process.stdout.write(`done ${Buffer.from(payload).toString()}\n`)
  })
  process.stdout.write(`taken ${partition} by ${name}\n`)
}
