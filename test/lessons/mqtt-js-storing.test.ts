// What MQTT.js was seen to lose with a store on disk, by the number of its table: processes that end with
// kill -9, of which each gave packet ids that the store had already.

import { deepEqual, equal } from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { PacketType } from '../../src/codec/packets.ts'
import { MQTTClient } from '../../src/robust.node.ts'
import { FaultProxy } from '../../src/testing/fault-proxy.ts'
import { startProgram } from '../support/run-program.ts'
import { inFolder } from '../support/temporary-folder.ts'
import { ToyServer } from '../support/toy-server.ts'

const BATCH = fileURLToPath(new URL('../support/batch-main.js', import.meta.url))
/** Two of these lost a half where the ids began anew: 402 messages, of which 201 were left. */
const EACH = 201

test('lesson mqtt.js 14: two batches that were stored before kill -9 arrive, all and once', () =>
  inFolder(async (folder) => {
    const outbox = join(folder, 'outbox')
    const server = await ToyServer.start()
    const proxy = await FaultProxy.start({ port: Number(new URL(server.url).port) })
    const witness = new MQTTClient('witness', server.url)
    const client = new MQTTClient('batch', proxy.url, { outbox })
    const arrived: { [topic: string]: number[] } = { 'batch/1': [], 'batch/2': [] }
    try {
      await proxy.refuse()
      for (const from of [0, EACH]) {
        const args = [proxy.url, outbox, `${from}`, `${from + EACH}`]
        const batch = startProgram(BATCH, args)
        await batch.until(/^stored on disk$/m)
        batch.signal('SIGKILL')
        await batch.ended
      }
      await witness.subscribe('batch/#', { qos: 2 }, (topic, payload) => {
        arrived[topic]?.push(Number(Buffer.from(payload).toString()))
      })
      await client.open()
      equal(client.outbox.count, 2 * EACH)
      await proxy.heal()
      await client.connect()
      await client.drain()
      await witness.publish('batch/2', '-1', { qos: 2 }).settled
      const numbers = Array.from({ length: 2 * EACH }, (_, index) => index)
      deepEqual(arrived, {
        'batch/1': numbers.filter((number) => number % 2 === 0),
        'batch/2': [...numbers.filter((number) => number % 2 === 1), -1],
      })
      // One PUBLISH for each: nothing was sent under the id of another, or twice.
      const sent = proxy.record.filter(({ packet }) => packet.type === PacketType.PUBLISH)
      equal(sent.length, 2 * EACH)
    } finally {
      for (const one of [client, witness]) await one[Symbol.asyncDispose]()
      await proxy.close()
      await server.stop()
    }
  }))
