// The order in which messages arrive, whatever happens: some are kept in an outbox on a disk that is slow now and then,
// some are not, answers come in any order, connections end with packets on their way, and sessions go on or are lost.
// Of one topic and QoS, what arrives for the first time is in the order of the calls; and everything arrives.

import { equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Packet, PacketType, type QoS } from '../../src/codec/packets.ts'
import { decodeUtf8 } from '../../src/codec/utf8.ts'
import type { Op } from '../../src/outbox/store.ts'
import type { DeliveryPolicy } from '../../src/robust/policies.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { KeptStore } from '../support/kept-store.ts'
import { paced } from '../support/pace.ts'
import { accepted, type RobustRig, robustClient, seeded } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'
import { type RandomStep, randomSteps } from '../support/random-steps.ts'
import { runs } from '../support/seed.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** The server takes a message later. */
const QUOTA_EXCEEDED = 0x97

const ACTIONS = { publish: 8, answer: 6, elapse: 3, stall: 1, cut: 1, connect: 2 } as const

type Step = RandomStep<keyof typeof ACTIONS>

const steps = randomSteps(ACTIONS)

/** A store whose every commit takes its time, from none to a second. */
class SlowStore extends KeptStore {
  readonly #clock: VirtualClock
  readonly #random: () => number

  constructor(clock: VirtualClock, seed: number) {
    super()
    this.#clock = clock
    this.#random = seeded(seed)
  }

  override async commit(ops: readonly Op[]): Promise<void> {
    const delayMs = Math.max(0, Math.floor(this.#random() * 1_500) - 500)
    if (delayMs > 0) await new Promise<void>((go) => void this.#clock.setTimer(go, delayMs))
    return super.commit(ops)
  }
}

/** A client, and a server that answers when it is told to. */
class World {
  readonly #rig: RobustRig
  readonly #receiveMaximum: number
  #connection: ScriptedConnection | undefined
  /** How many of its packets were looked at, and those that have no answer yet. */
  #seen = 0
  #arrived: Packet[] = []
  #published = 0
  readonly #waited = new Set<number>()
  /** By topic and QoS the last message that arrived for the first time. */
  readonly #last = new Map<string, number>()
  readonly #known = new Set<number>()

  constructor(seed: number, receiveMaximum: number) {
    const clock = new VirtualClock(1_000)
    this.#receiveMaximum = receiveMaximum
    this.#rig = robustClient({ clock, outbox: new SlowStore(clock, seed) })
  }

  async run({ do: action, which, qos, kept, odd }: Step): Promise<void> {
    const { clock, server } = this.#rig
    if (action === 'publish') this.#publish(qos, kept, which)
    else if (action === 'answer') this.#answer(which, odd)
    else if (action === 'elapse') await elapse(clock, which)
    else if (action === 'stall') server.stallWrites = !server.stallWrites
    else if (action === 'cut') await this.#cut()
    else if (this.#connection === undefined) await this.#connect(!odd)
    await settle()
    this.#look()
  }

  /** Lets everything come through. */
  async finish(): Promise<void> {
    const { client, clock, server } = this.#rig
    server.stallWrites = false
    for (let turn = 0; turn < 400 && client.outbox.count > 0; turn += 1) {
      if (this.#connection === undefined) await this.#connect(true)
      this.#answer(0, false)
      await elapse(clock, this.#arrived.length > 0 ? 0 : 1_000)
      this.#look()
    }
    equal(client.outbox.count, 0, 'Every message has its outcome')
    for (const number of this.#waited) ok(this.#known.has(number), `${number} has arrived`)
    await this.#close()
  }

  #publish(qos: QoS, durable: boolean, which: number): void {
    const number = this.#published
    this.#published += 1
    const delivery: DeliveryPolicy = {
      qos,
      expiresAfterMs: Infinity,
      offline: 'wait',
      durable: durable ? 'if-available' : 'no',
      priority: 2,
      onSessionLoss: 'resend',
      energy: 'normal',
    }
    this.#rig.client.publish(which % 3 === 0 ? 'a' : 'b', `${number}`, { delivery })
    if (qos > 0) this.#waited.add(number)
  }

  /** The server answers one packet, any of those that it has. */
  #answer(which: number, odd: boolean): void {
    const [packet] = this.#arrived.splice(which % Math.max(1, this.#arrived.length), 1)
    if (packet === undefined) return
    if (!odd || packet.type !== PacketType.PUBLISH) return this.#connection?.acknowledge(packet)
    const { qos, packetId } = packet
    const type = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC
    this.#connection?.send({ type, packetId, reasonCode: QUOTA_EXCEEDED, properties: {} })
  }

  async #connect(sessionPresent: boolean): Promise<void> {
    const connack = { receiveMaximum: this.#receiveMaximum }
    const isFirst = this.#rig.server.connections.length === 0
    if (isFirst) void this.#rig.client.connect()
    this.#rig.server.stallWrites = false
    this.#connection = await accepted(this.#rig, {
      connack,
      sessionPresent: sessionPresent && !isFirst,
    })
    this.#seen = 0
  }

  /** What has not arrived by now is lost. */
  async #cut(): Promise<void> {
    await settle()
    this.#look()
    this.#connection?.destroy()
    this.#connection = undefined
    this.#arrived = []
  }

  async #close(): Promise<void> {
    const closing = this.#rig.client[Symbol.asyncDispose]()
    await elapse(this.#rig.clock, 10_000)
    await closing
  }

  #look(): void {
    const { received = [] } = this.#connection ?? {}
    for (; this.#seen < received.length; this.#seen += 1) {
      const packet = received[this.#seen] as Packet
      if (packet.type === PacketType.PUBLISH) {
        this.#note(
          packet.topic,
          packet.qos,
          Number(decodeUtf8(packet.payload, 0, packet.payload.length)),
        )
      }
      const isAsking =
        packet.type === PacketType.PUBLISH ? packet.qos > 0 : packet.type === PacketType.PUBREL
      if (isAsking) this.#arrived.push(packet)
    }
  }

  #note(topic: string, qos: QoS, number: number): void {
    if (this.#known.has(number)) return
    this.#known.add(number)
    const key = `${topic} ${qos}`
    const last = this.#last.get(key) ?? -1
    ok(number > last, `${number} arrives after ${last}, both at QoS ${qos}`)
    this.#last.set(key, number)
  }
}

describe('the order in which messages arrive', () => {
  test('is that of the calls for one topic and QoS, whatever is kept, cut, lost or turned away', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.constantFrom(1, 3, 65_535),
        fc.array(steps, { minLength: 1, maxLength: 60, size: 'max' }),
        async (seed, receiveMaximum, list) => {
          const world = new World(seed, receiveMaximum)
          for (const step of list) await world.run(step)
          await world.finish()
        },
      ),
      runs(paced(40, 2)),
    )
  })
})
