// A program for the tests of kill -9: publishes a batch of guaranteed messages, QoS 1 and 2 in turns, into the
// outbox of a folder, and says when all of it is stored. It never ends by itself.

import { guaranteed, MQTTClient } from '../../src/robust.node.ts'

const [, , url = '', folder = '', from = '', to = ''] = process.argv

const client = new MQTTClient('batch', url, { outbox: folder })
const places = []
for (let number = Number(from); number < Number(to); number += 1) {
  const qos = number % 2 === 0 ? 1 : 2
  const { stored } = client.publish(`batch/${qos}`, `${number}`, { delivery: guaranteed({ qos }) })
  places.push(stored)
}
const where = new Set(await Promise.all(places))
process.stdout.write(`stored on ${[...where].join(' and ')}\n`)
setInterval(() => undefined, 60_000)
