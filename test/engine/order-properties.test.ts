// Order in whatever happens: random publishes of every kind, records that are safe sooner or later, answers and
// handlers in any order, cuts, and sessions that go on or are lost, against a model of the wire that knows §4.6. In
// the end everything that was owed has been sent.

import { equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Packet, ProtocolVersion, QoS } from '../../src/codec/packets.ts'
import type { InboundMessage } from '../../src/engine/inbound-message.ts'
import { PublishOperation } from '../../src/engine/operations.ts'
import type { ReleaseOutput } from '../../src/engine/types.ts'
import { MqttError } from '../../src/errors.ts'
import {
  connack,
  puback,
  pubcomp,
  published,
  pubrec,
  pubrel,
  Rig,
  suback,
} from '../support/engine-rig.ts'
import { OrderOracle } from '../support/order-oracle.ts'
import { paced } from '../support/pace.ts'
import { type RandomStep, randomSteps } from '../support/random-steps.ts'
import { runs } from '../support/seed.ts'

const ACTIONS = {
  publish: 8,
  answer: 8,
  record: 4,
  handle: 4,
  send: 3,
  cancel: 1,
  flush: 2,
  request: 1,
  cut: 1,
  connect: 2,
} as const

type Step = RandomStep<keyof typeof ACTIONS>

interface Setting {
  readonly version: ProtocolVersion
  readonly receiveMaximum: number
  /** Whether the server has a session at the beginning that nobody here knows. */
  readonly adopted: boolean
  readonly stagedReceipts: boolean
}

const steps = randomSteps(ACTIONS)

const settings: fc.Arbitrary<Setting> = fc.record({
  version: fc.constantFrom(4 as const, 5 as const),
  receiveMaximum: fc.constantFrom(2, 4, 65_535),
  adopted: fc.boolean(),
  stagedReceipts: fc.boolean(),
})

/** A client, a server that does all that it may, and the model between them. */
class World {
  readonly #setting: Setting
  readonly #receiveMaximum: number
  readonly #rig: Rig
  readonly #oracle = new OrderOracle()
  /** Numbers of messages in the order of the calls, and those that have still to come to an end. */
  readonly #numbers = new Map<PublishOperation, number>()
  #operations: PublishOperation[] = []
  readonly #cancelled = new Set<PublishOperation>()
  /** What is being recorded, oldest first. */
  #records: (PublishOperation | ReleaseOutput)[] = []
  #inHand: InboundMessage[] = []
  /** What the server has read on this connection and not answered. */
  #arrived: Packet[] = []
  /** What the server has sent, by packet id, and whether it has PUBREC. */
  readonly #sending = new Map<number, { readonly qos: 1 | 2; released: boolean }>()
  readonly #held = new Set<number>()
  #lastId = 0

  constructor(setting: Setting) {
    this.#setting = setting
    const { version, receiveMaximum, stagedReceipts } = setting
    this.#receiveMaximum = version === 5 ? receiveMaximum : 65_535
    this.#rig = new Rig({ stagedReceipts })
    this.#connect(setting.adopted ? 'other' : 'new')
  }

  run({ do: action, which, qos, kept, odd }: Step): void {
    switch (action) {
      case 'publish':
        this.#publish(qos, kept && qos === 2)
        break
      case 'answer':
        this.#answer(which, odd)
        break
      case 'record':
        this.#record(which)
        break
      case 'handle':
        this.#handle(which, odd)
        break
      case 'send':
        if (qos > 0) this.#send(qos as 1 | 2)
        break
      case 'cancel':
        this.#cancel(which)
        break
      case 'flush':
        if (this.#connected) this.#rig.flush()
        break
      case 'request':
        if (this.#connected) this.#rig.subscribe('a')
        break
      case 'cut':
        if (this.#connected) this.#cut()
        break
      case 'connect':
        if (!this.#connected) this.#connect(odd ? 'new' : 'mine')
    }
    this.#look()
  }

  /** Lets everything come through, without another connection if there is one. */
  finish(): void {
    if (!this.#connected) this.#connect('mine')
    this.#look()
    const isAtWork = (): boolean =>
      this.#arrived.length + this.#records.length + this.#inHand.length > 0
    for (let turn = 0; turn < 1_000 && isAtWork(); turn += 1) {
      this.#record(0)
      this.#look()
      this.#handle(0, false)
      this.#look()
      this.#answer(0, false)
      this.#look()
    }
    this.#oracle.checkDone()
    for (const operation of this.#operations) {
      equal(operation.state, 'done', `${this.#numberOf(operation)} has come to its end`)
    }
    equal(this.#sending.size, this.#held.size, 'Nothing of the server is open')
    const { inflight, waitingMessages, waitingBytes } = this.#rig.engine.counters
    equal(inflight + waitingMessages + waitingBytes, 0)
  }

  get #connected(): boolean {
    return this.#rig.engine.connected
  }

  #publish(qos: QoS, staged: boolean): void {
    const number = this.#numbers.size
    const payload = `${number}`
    const operation = new PublishOperation('a', 1, payload, payload.length, qos, false)
    operation.context = this
    operation.followed = operation.staged = staged
    this.#numbers.set(operation, number)
    this.#operations.push(operation)
    this.#rig.do((engine, now) => engine.publish(operation, true, now))
  }

  #cancel(which: number): void {
    const open = this.#operations.filter(({ context }) => context !== undefined)
    const found = open[which % open.length]
    if (found === undefined) return
    this.#cancelled.add(found)
    if (this.#rig.do((engine) => engine.cancel(found)) === 'no') {
      this.#oracle.givenUp.add(this.#numberOf(found))
    }
  }

  /** Some record is safe: of packet ids the oldest that is not, as of one client they are safe in their order. */
  #record(which: number): void {
    const isBound = (one: PublishOperation | ReleaseOutput): boolean =>
      one.kind === 'publish' && one.state === 'bound'
    const bound = this.#records.find(isBound)
    const found = this.#records.filter((one) => one === bound || !isBound(one))
    const next = found[which % found.length]
    if (next === undefined) return
    this.#records.splice(this.#records.indexOf(next), 1)
    if (next.kind === 'release') return this.#rig.do((engine) => engine.release(next))
    this.#oracle.recording.delete(this.#numberOf(next))
    this.#rig.do((engine, now) => engine.proceed(next, now))
  }

  #handle(which: number, odd: boolean): void {
    const [message] = this.#inHand.splice(which % Math.max(1, this.#inHand.length), 1)
    if (message === undefined) return
    if (odd && which % 2 === 0) {
      const { packetId } = message.packet
      if (this.#sending.has(packetId)) this.#held.add(packetId)
      this.#oracle.handleHeld(message.packet)
      return this.#rig.do((engine) => engine.hold(message))
    }
    this.#rig.do((engine, now) => engine.acknowledge(message, odd ? 0x80 : 0, now))
  }

  #send(qos: 1 | 2): void {
    if (!this.#connected || this.#sending.size >= 20) return
    this.#lastId += 1
    this.#sending.set(this.#lastId, { qos, released: false })
    this.#receive(published('a', { qos, packetId: this.#lastId }))
  }

  #receive(...packets: Packet[]): void {
    // What is already on its way has been written before the answer is read.
    this.#rig.flush()
    this.#look()
    for (const packet of packets) this.#oracle.handleReceived(packet)
    this.#rig.receive(...packets)
  }

  /** The server answers one packet, any of those that it has. */
  #answer(which: number, odd: boolean): void {
    if (!this.#connected) return
    const [packet] = this.#arrived.splice(which % Math.max(1, this.#arrived.length), 1)
    if (packet === undefined) return
    const reasonCode = odd && this.#setting.version === 5 ? 0x80 : 0
    if (packet.type === 3 && packet.qos === 1) this.#receive(puback(packet.packetId, reasonCode))
    else if (packet.type === 3 && packet.qos === 2)
      this.#receive(pubrec(packet.packetId, reasonCode))
    else if (packet.type === 6) this.#receive(pubcomp(packet.packetId))
    else if (packet.type === 8) this.#receive(suback(packet.packetId, 0))
    else if (packet.type === 4 || packet.type === 7) this.#sending.delete(packet.packetId)
    else if (packet.type === 5 && packet.reasonCode >= 0x80) this.#sending.delete(packet.packetId)
    else if (packet.type === 5) {
      const message = this.#sending.get(packet.packetId)
      ok(message, 'PUBREC answers a PUBLISH')
      message.released = true
      this.#receive(pubrel(packet.packetId))
    }
  }

  #cut(): void {
    this.#rig.flush()
    this.#look()
    this.#rig.close()
    this.#arrived = []
  }

  #connect(session: 'mine' | 'new' | 'other'): void {
    const { version } = this.#setting
    this.#rig.open({ version })
    this.#look()
    this.#oracle.handleConnected(session, this.#receiveMaximum)
    const properties = version === 5 ? { receiveMaximum: this.#receiveMaximum } : {}
    this.#held.clear()
    if (session !== 'mine') {
      this.#sending.clear()
      // What was in flight is its caller's again.
      this.#operations = this.#operations.filter(({ state }) => state === 'waiting')
    }
    this.#rig.receive(connack(properties, session !== 'new'))
    this.#look()
    for (const [packetId, { qos, released }] of this.#sending) {
      this.#receive(released ? pubrel(packetId) : published('a', { qos, packetId, dup: true }))
    }
  }

  #numberOf(operation: PublishOperation): number {
    return this.#numbers.get(operation) as number
  }

  /** Takes what the client has told and written. */
  #look(): void {
    if (this.#connected) this.#rig.flush()
    for (const output of this.#rig.outputs.splice(0)) {
      if (output.kind === 'message') this.#inHand.push(output)
      else if (output.kind === 'release') this.#records.push(output)
      else if (output.kind === 'publish') this.#note(output)
    }
    for (const packet of this.#rig.sent.splice(0)) {
      this.#oracle.handleSent(packet)
      this.#arrived.push(packet)
    }
  }

  #note(operation: PublishOperation): void {
    const number = this.#numberOf(operation)
    const { state, held, answer } = operation
    if (state === 'done') {
      if (MqttError.is(answer) && 'sent' in answer && answer.sent === 'no') {
        this.#oracle.givenUp.add(number)
      }
      return
    }
    // The rig takes it that nobody waits for what was handed out.
    if (!this.#cancelled.has(operation)) operation.context = this
    if (!held || answer instanceof MqttError) return
    this.#oracle.recording.add(number)
    this.#records.push(operation)
  }
}

describe('the order of all that a client sends', () => {
  test('is that of §4.6 whatever happens, with packet ids that are free, and nothing is forgotten', () => {
    fc.assert(
      fc.property(settings, fc.array(steps, { maxLength: 120, size: 'max' }), (setting, list) => {
        const world = new World(setting)
        for (const step of list) world.run(step)
        world.finish()
      }),
      runs(paced(80, 4)),
    )
  })
})
