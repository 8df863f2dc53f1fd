// The connection is cut after every single byte of each exchange, in either direction, and the session
// is resumed: nothing is lost at QoS 1 and 2, and nothing comes twice at QoS 2.

import { equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CLIENT_PACKETS, Decoder } from '../../src/codec/decode.ts'
import { encode } from '../../src/codec/encode.ts'
import { type Packet, PacketType, type ProtocolVersion, type QoS } from '../../src/codec/packets.ts'
import { Engine } from '../../src/engine/engine.ts'
import { PublishOperation, SubscribeOperation } from '../../src/engine/operations.ts'
import { makeRuntime } from '../../src/engine/runtime.ts'
import { MqttError } from '../../src/errors.ts'
import { OPTIONS, SETTINGS } from '../support/engine-rig.ts'
import { paced } from '../support/pace.ts'
import { ServerSession } from '../support/server-session.ts'

/** What the application and the server want of each other. */
interface Exchange {
  readonly publish?: QoS
  readonly send?: 1 | 2
  readonly subscribe?: boolean
}

/** Where the pipe breaks: after so many bytes to the server, or to the client. */
interface Cut {
  readonly toServer: number
  readonly toClient: number
}

const NO_CUT: Cut = { toServer: Infinity, toClient: Infinity }

/** An application, its engine, a server, and the pipe between them. */
class World {
  readonly server: ServerSession
  readonly taken: string[] = []
  subscribed = false
  /** Bytes that went each way on the last connection. */
  toServer = 0
  toClient = 0
  readonly #engine: Engine
  readonly #version: ProtocolVersion
  readonly #exchange: Exchange
  readonly #decoder: Decoder
  #serverHasSession = false
  #sent = false
  #published = false

  constructor(exchange: Exchange, version: ProtocolVersion) {
    this.#exchange = exchange
    this.#version = version
    this.server = new ServerSession(version)
    const runtime = makeRuntime()
    this.#engine = new Engine(OPTIONS, runtime)
    this.#decoder = new Decoder({
      reads: CLIENT_PACKETS,
      version,
      maximumPacketSizeBytes: 10_000,
      topics: runtime.topics,
    })
  }

  /** One connection, from the dial until nothing moves or the pipe breaks. */
  connect(cut: Cut): void {
    this.toServer = 0
    this.toClient = 0
    this.#decoder.reset()
    const engine = this.#engine
    engine.connect({ ...SETTINGS, version: this.#version }, 0)
    if (this.#exchange.publish !== undefined && !this.#published) {
      this.#published = true
      const operation = new PublishOperation('a', 1, 'a', 1, this.#exchange.publish, false)
      operation.context = 'publish'
      engine.publish(operation, true, 0)
    }
    engine.handleOpened(0)
    while (this.#poll() && engine.out.sizeBytes > 0) {
      if (!this.#toServer(cut)) break
    }
    engine.handleClosed(undefined, 0)
    this.#poll()
  }

  /** Writes what waits, one byte after the other; false when the pipe has broken. */
  #toServer(cut: Cut): boolean {
    const batch = this.#engine.out.take(Infinity)
    const bytes = batch.chunks.flatMap((chunk) => [...chunk])
    this.#engine.handleWriteStarted(0)
    this.#engine.out.release(batch)
    this.#engine.handleWritten(0)
    for (const byte of bytes) {
      if (this.toServer >= cut.toServer) return false
      this.toServer += 1
      this.#decoder.push(new Uint8Array([byte]), 1)
      for (let packet = this.#decoder.next(); packet; packet = this.#decoder.next()) {
        for (const answer of this.#answer(packet)) {
          if (!this.#deliver(answer, cut)) return false
        }
      }
    }
    return this.toServer < cut.toServer
  }

  #deliver(answer: Packet, cut: Cut): boolean {
    for (const byte of encode(answer, this.#version)) {
      if (this.toClient >= cut.toClient) return false
      this.toClient += 1
      this.#engine.handleData(new Uint8Array([byte]), 1, 0)
      this.#poll()
    }
    return true
  }

  #answer(packet: Packet): Packet[] {
    if (packet.type !== PacketType.CONNECT) {
      this.server.inbox.push(packet)
      return this.server.answer()
    }
    const sessionPresent = this.#serverHasSession
    this.#serverHasSession = true
    const again = sessionPresent ? this.server.again() : []
    const { send } = this.#exchange
    if (send !== undefined && !this.#sent) {
      this.#sent = true
      again.push(this.server.send('m', send))
    }
    return [{ type: PacketType.CONNACK, sessionPresent, reasonCode: 0, properties: {} }, ...again]
  }

  #poll(): true {
    const engine = this.#engine
    for (let output = engine.poll(); output; output = engine.poll()) {
      if (output.kind === 'message') {
        this.taken.push(output.topic)
        engine.acknowledge(output, 0, 0)
      } else if (output.kind === 'connected' && this.#exchange.subscribe && !this.subscribed) {
        const operation = new SubscribeOperation([{ filter: 'f', qos: 1 }])
        operation.context = 'subscribe'
        engine.request(operation, 0)
      } else if (output.kind === 'publish') {
        output.context = undefined
        // What was not sent may be published again without a doubt; the rest is the session's.
        const { answer } = output
        if (MqttError.is(answer) && answer.sent === 'no') this.#published = false
      } else if (output.kind === 'subscribe') {
        output.context = undefined
        this.subscribed = !(output.answer instanceof MqttError)
      }
    }
    return true
  }
}

const EXCHANGES: readonly (readonly [name: string, exchange: Exchange])[] = [
  ['a publish at QoS 0', { publish: 0 }],
  ['a publish at QoS 1', { publish: 1 }],
  ['a publish at QoS 2', { publish: 2 }],
  ['a message at QoS 1', { send: 1 }],
  ['a message at QoS 2', { send: 2 }],
  ['a subscribe', { subscribe: true }],
  ['all at once', { publish: 2, send: 2, subscribe: true }],
]

function check(world: World, { publish, send, subscribe }: Exchange, where: string): void {
  const came = world.server.delivered.length
  if (publish === 0) ok(came <= 1, `${where}: came ${came} times`)
  if (publish === 1) ok(came >= 1, `${where}: lost`)
  if (publish === 2) equal(came, 1, `${where}: came ${came} times`)
  if (send === 1) ok(world.taken.length >= 1, `${where}: lost`)
  if (send === 2) equal(world.taken.length, 1, `${where}: handed out ${world.taken.length} times`)
  if (subscribe) ok(world.subscribed, `${where}: not subscribed`)
  equal(world.server.open, 0, `${where}: the server has all its acknowledgements`)
}

describe('a connection that is cut after every byte', () => {
  for (const version of [5, 4] as const) {
    for (const [name, exchange] of EXCHANGES) {
      test(`loses nothing and doubles nothing in ${name} on MQTT ${version}`, () => {
        const whole = new World(exchange, version)
        whole.connect(NO_CUT)
        check(whole, exchange, 'uncut')
        for (const direction of ['toServer', 'toClient'] as const) {
          const length = whole[direction]
          ok(length > 3, 'There is something to cut')
          for (let at = 0; at <= length; at += paced(1, 4)) {
            const world = new World(exchange, version)
            world.connect({ ...NO_CUT, [direction]: at })
            // A second cut at the same place, then a connection that holds.
            world.connect({ ...NO_CUT, [direction]: at })
            world.connect(NO_CUT)
            check(world, exchange, `cut ${direction} at ${at}`)
          }
        }
      })
    }
  }
})
