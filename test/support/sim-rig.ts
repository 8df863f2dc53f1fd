// What the tests of the simulator's parts need: a world without a run, turns for engines that have nothing
// but microtasks, and a client of a model server that speaks packets. Runs on every engine.

import { Decoder, SERVER_PACKETS } from '../../src/codec/decode.ts'
import { encode } from '../../src/codec/encode.ts'
import {
  type ConnectPacket,
  NO_PROPERTIES,
  type Packet,
  PacketType,
  type ProtocolVersion,
  type PublishPacket,
} from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import type { ServerFaults } from '../../src/sim/faults.ts'
import type { LifeView } from '../../src/sim/life.ts'
import type { ServerEnd } from '../../src/sim/link.ts'
import type { Observation } from '../../src/sim/observations.ts'
import { Random } from '../../src/sim/random.ts'
import type { Oracle } from '../../src/sim/oracles/oracle.ts'
import { runScenario, type ScenarioBody } from '../../src/sim/scenario.ts'
import type { ScenarioOptions, ScenarioResult } from '../../src/sim/scenario/types.ts'
import { ScenarioLedger } from '../../src/sim/scenario/ledger.ts'
import { ModelServer } from '../../src/sim/server/server.ts'
import { Cluster } from '../../src/sim/server/session.ts'
import { type Turns, World } from '../../src/sim/world.ts'

/** More microtasks in a row than the client ever needs for what is due at once. */
const HOPS = 80

/** Turns where there is nothing but microtasks. */
export const microtaskTurns: Turns = (next) => {
  let hops = 0
  const hop = (): void => {
    hops += 1
    if (hops > HOPS) next()
    else void Promise.resolve().then(hop)
  }
  hop()
}

/** `scenario()` of `umqtt/sim`, for every engine. */
export function scenario<T>(
  options: ScenarioOptions,
  body: ScenarioBody<T>,
): Promise<ScenarioResult<T>> {
  return runScenario(options, body, microtaskTurns)
}

/** Keeps what is told, and finds no fault with it. */
export class Listener implements Oracle {
  readonly name = 'listener'
  readonly told: Observation[] = []

  observe(seen: Observation): undefined {
    this.told.push(seen)
  }

  kinds(): string[] {
    return this.told.map(({ kind }) => kind)
  }

  /** The names of the faults that have fired. */
  get faults(): string[] {
    return this.told.flatMap((seen) => (seen.kind === 'fault' ? [seen.fault] : []))
  }
}

export function makeWorld(...oracles: Oracle[]): World {
  return new World(new Random('test'), oracles, 100)
}

/** Lets virtual time pass, with all the microtasks in between. */
export async function pass(world: World, forMs: number): Promise<void> {
  await world.run(world.now + forMs, microtaskTurns, () => false)
}

/** A process that lives until it is told otherwise. */
export class TestLife implements LifeView {
  isAlive = true
  steps = 0
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  alive(): boolean {
    return this.isAlive
  }

  step(): void {
    this.steps += 1
  }

  later(delayMs: number, action: () => void): void {
    this.#world.agenda.after(delayMs, () => {
      if (this.isAlive) action()
    })
  }
}

/** A model server, and what it knows. */
export class ServerRig {
  readonly listener = new Listener()
  readonly world: World = makeWorld(this.listener)
  readonly ledger = new ScenarioLedger(() => this.world.now)
  readonly cluster: Cluster
  readonly server: ModelServer

  constructor(faults: ServerFaults = {}, only311 = false) {
    const counters = { sessions: 0, connections: 0, deliveries: 0 }
    this.cluster = new Cluster(this.world, counters)
    this.server = new ModelServer({
      world: this.world,
      random: new Random('server'),
      host: 'a',
      faults,
      cluster: this.cluster,
      counters,
      catalogue: this.ledger,
      others: ['b'],
      only311,
    })
  }

  client(clientId: string, version: ProtocolVersion = 5): PacketClient {
    return new PacketClient(this, clientId, version)
  }

  get breaches(): string[] {
    return this.listener.told.flatMap((seen) => (seen.kind === 'breach' ? [seen.text] : []))
  }
}

/** The packet that has this type. */
type PacketOf<T, P = Packet> = P extends { readonly type: infer U }
  ? T extends U
    ? P
    : never
  : never

/** One connection to a model server, packet by packet. */
export class PacketClient {
  /** What has come, in order. */
  readonly got: Packet[] = []
  /** How the server has ended it. */
  end: 'closed' | 'destroyed' | undefined
  readonly #clientId: string
  readonly #version: ProtocolVersion
  readonly #end: ServerEnd
  readonly #decoder: Decoder

  constructor(rig: ServerRig, clientId: string, version: ProtocolVersion) {
    this.#clientId = clientId
    this.#version = version
    const maximumPacketSizeBytes = 268_435_460
    this.#decoder = new Decoder({ reads: SERVER_PACKETS, version, maximumPacketSizeBytes })
    this.#end = rig.server.accept({
      write: (bytes) => {
        this.#decoder.push(bytes, bytes.length)
        for (let packet = this.#decoder.next(); packet; packet = this.#decoder.next()) {
          this.got.push(packet)
        }
      },
      close: () => (this.end = 'closed'),
      destroy: () => (this.end = 'destroyed'),
    })
  }

  send(packet: Packet): void {
    this.#end.received(encode(packet, this.#version))
  }

  sendBytes(bytes: Uint8Array): void {
    this.#end.received(bytes)
  }

  /** The client's end is closed, or lost. */
  leave(orderly = true): void {
    this.#end.closed(orderly)
  }

  connect(options: Partial<ConnectPacket> = {}): this {
    this.send({
      type: PacketType.CONNECT,
      version: this.#version,
      clientId: this.#clientId,
      cleanStart: false,
      keepAlive: 0,
      ...options,
    })
    return this
  }

  subscribe(filter: string, qos: 0 | 1 | 2, more: object = {}): this {
    const subscriptions = [{ filter, qos, ...more }]
    this.send({ type: PacketType.SUBSCRIBE, packetId: 1, subscriptions, properties: NO_PROPERTIES })
    return this
  }

  publish(topic: string, payload: string, options: Partial<PublishPacket> = {}): void {
    this.send({
      type: PacketType.PUBLISH,
      topic,
      payload: encodeUtf8(payload),
      qos: 0,
      retain: false,
      dup: false,
      packetId: 0,
      properties: NO_PROPERTIES,
      ...options,
    })
  }

  ack(type: 4 | 5 | 6 | 7, packetId: number, reasonCode = 0): void {
    this.send({ type, packetId, reasonCode, properties: NO_PROPERTIES })
  }

  /** The packets of one type. */
  of<P extends Packet['type']>(type: P): PacketOf<P>[] {
    return this.got.filter((packet) => packet.type === type) as never
  }

  /** The types of what has come, and forgets it. */
  take(): number[] {
    return this.got.splice(0).map(({ type }) => type)
  }
}
