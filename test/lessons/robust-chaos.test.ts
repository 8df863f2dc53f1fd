// Half an hour of cuts, refusals and lost sessions against a server that keeps what it acknowledges: nothing is
// lost, nothing at QoS 2 comes twice while the session holds, every receipt has its one outcome.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { type Packet, PacketType } from '../../src/codec/packets.ts'
import { within } from '../../src/robust/policies.ts'
import type { Receipt } from '../../src/robust/types.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { accepted, connectedRig, robustClient, seeded } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

const SEED = Number(process.env['SEED'] ?? 2026)

/** A server that keeps one session, and what arrived in it. */
class KeepingServer {
  readonly arrived: string[] = []
  /** QoS 2 ids whose message has arrived. */
  readonly #ids = new Set<number>()

  handle(connection: ScriptedConnection, packet: Packet): void {
    if (packet.type === PacketType.PUBLISH) {
      const isNew = packet.qos < 2 || !this.#ids.has(packet.packetId)
      if (packet.qos === 2) this.#ids.add(packet.packetId)
      if (isNew) this.arrived.push(String.fromCharCode(...packet.payload))
    } else if (packet.type === PacketType.PUBREL) this.#ids.delete(packet.packetId)
    connection.acknowledge(packet)
  }
}

test(`lesson mqtt.js 39: half an hour of chaos loses nothing, and doubles nothing at QoS 2 (seed ${SEED})`, async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const random = seeded(SEED)
  const rig = robustClient({ random })
  const { client, server, clock } = rig
  const keeping = new KeepingServer()
  let calm = false
  let had = false
  const serve = async (): Promise<void> => {
    for (;;) {
      const connection = await server.connection()
      await connection.accept({}, had).catch(() => undefined)
      had = true
      if (!calm) clock.setTimer(() => cut(connection), Math.floor(random() * 40_000))
      void answer(connection)
    }
  }
  const answer = async (connection: ScriptedConnection): Promise<void> => {
    for (;;) {
      const packet = await connection.next().catch(() => undefined)
      if (packet === undefined) return
      // Some answers are lost with their connection.
      if (calm || random() < 0.95) keeping.handle(connection, packet)
      else return silence(connection)
    }
  }
  // A bare close right after a message would say that the message is to blame.
  const silence = (connection: ScriptedConnection): void => {
    const pipe = server.pipe(connection)
    pipe.toPeer.stalled = true
    pipe.toClient.stalled = true
  }
  const cut = (connection: ScriptedConnection): void => {
    if (random() < 0.5) return silence(connection)
    connection.send({ type: PacketType.DISCONNECT, reasonCode: 0x8b, properties: {} })
    connection.close()
  }
  void serve()
  const receipts: Receipt[] = []
  for (let second = 0; second < 1_800; second += 1) {
    const qos = random() < 0.5 ? 1 : 2
    receipts.push(client.publish('a', `${qos}:${second}`, { qos }))
    server.refuse = random() < 0.05 ? new Error('away') : undefined
    await elapse(clock, 1_000)
  }
  calm = true
  server.refuse = undefined
  await elapse(clock, 600_000)
  deepEqual(new Set(receipts.map(({ stage }) => stage)), new Set(['delivered']))
  equal(client.idle, true)
  const once = keeping.arrived.filter((payload) => payload.startsWith('2:'))
  equal(new Set(once).size, once.length)
  equal(new Set(keeping.arrived).size, receipts.length)
  ok(server.dials > 15, `${server.dials}`)
})

test('lesson scenario 26: an outage longer than the expiry costs what expired, and nothing else', async () => {
  const rig = await connectedRig()
  const { client, server, clock, connection } = rig
  server.refuse = new Error('away')
  connection.destroy()
  await settle()
  const short = client.publish('a', 'short', { delivery: within('5m') })
  const long = client.publish('a', 'long', { delivery: within('5h') })
  const endless = client.publish('a', 'endless')
  await elapse(clock, 3_600_000)
  server.refuse = undefined
  const second = await accepted(rig, { sessionPresent: true })
  second.autoRespond()
  await settle()
  const stages = [short, long, endless].map(({ stage }) => stage)
  deepEqual(stages, ['expired', 'delivered', 'delivered'])
  const payloads = second.received.flatMap((packet) =>
    packet.type === PacketType.PUBLISH ? [String.fromCharCode(...packet.payload)] : [],
  )
  deepEqual(payloads, ['long', 'endless'])
})
