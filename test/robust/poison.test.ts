// A message that makes the server end the connection, and the far more frequent case of a server that ends
// every connection: only the first is the message's fault.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { accepted, brief, connectedRig, type RobustRig } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

/** Answers like a friendly server, until a message to "bad" comes: then it ends the connection. */
async function serve(rig: RobustRig, protocol: 4 | 5): Promise<void> {
  for (let round = 0; ; round += 1) {
    const connection = await rig.server.connection()
    await connection.accept({}, round > 0)
    for (;;) {
      const packet = await connection.next().catch(() => undefined)
      if (packet === undefined) break
      if (packet.type !== PacketType.PUBLISH || packet.topic !== 'bad') {
        connection.acknowledge(packet)
        continue
      }
      if (protocol === 5) {
        connection.send({ type: PacketType.DISCONNECT, reasonCode: 0x95, properties: {} })
      }
      connection.close()
    }
  }
}

describe('a server that ends every connection', () => {
  for (const protocol of [4, 5] as const) {
    for (const sessionPresent of [true, false]) {
      test(`right after CONNACK poisons nothing on ${protocol}${sessionPresent ? '' : ', nor when it forgets the session'}`, async () => {
        const rig = await connectedRig({ protocol })
        const receipts = ['a', 'b'].map((topic) => rig.client.publish(topic, 'x'))
        await settle()
        for (let round = 0; round < 20; round += 1) {
          rig.server.connections.at(-1)?.destroy()
          await accepted(rig, { sessionPresent })
        }
        deepEqual(
          receipts.map(({ stage }) => stage),
          ['sent', 'sent'],
        )
        rig.server.connections.at(-1)?.autoRespond()
        await settle()
        deepEqual(
          receipts.map(({ stage }) => stage),
          ['delivered', 'delivered'],
        )
      })
    }
  }
})

describe('a message that ends every connection', () => {
  for (const protocol of [4, 5] as const) {
    test(`is found, and what came with it is delivered on ${protocol}`, async () => {
      const rig = await connectedRig({ protocol })
      rig.connection.destroy()
      await settle()
      void serve(rig, protocol)
      const receipts = ['a', 'bad', 'b', 'c'].map((topic) => rig.client.publish(topic, 'x'))
      await elapse(rig.clock, 900_000)
      deepEqual(
        receipts.map(({ stage }) => stage),
        ['delivered', 'poisoned', 'delivered', 'delivered'],
      )
      ok(rig.server.dials <= 8, `${rig.server.dials}`)
      equal(rig.client.state, 'connected')
      const last = rig.server.connections.at(-1)
      ok(!brief(last?.received ?? []).some((line) => line.startsWith('PUBLISH bad')))
    })
  }
})
