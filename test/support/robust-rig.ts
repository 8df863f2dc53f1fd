// Clients that hold on in front of scripted servers, in virtual time: each host name is a server of its
// own, chance has a seed, the wall clock is a number. Nothing of it is shared with another test.

import { type Packet, PacketType, type Properties } from '../../src/codec/packets.ts'
import { RobustClient } from '../../src/robust/client.ts'
import { checkKeys } from '../../src/simple/checks.ts'
import type { RobustPlatform } from '../../src/robust/platform.ts'
import type { RobustEvents, RobustOptions } from '../../src/robust/types.ts'
import { makeAborter } from '../../src/robust/aborter.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { elapse, ScriptedServer, settle, testPlatform } from './scripted-memory.ts'
import { VirtualClock } from './virtual-clock.ts'

/** A warning that no listener took. */
interface Warning {
  readonly code: string
  readonly message: string
}

type Constructor = new (...given: ConstructorParameters<typeof RobustClient>) => RobustClient

/** How the client of a test is made. */
export interface RobustRigOptions extends RobustOptions {
  /** @default "client" */
  readonly clientId?: string
  /** @default "mqtt://a.example" */
  readonly server?: string
  /** A class of the application's own. @default RobustClient */
  readonly Client?: Constructor
  /** From 0 to less than 1. @default a generator with the seed 1 */
  readonly random?: () => number
  /** Where several clients share a network or a clock. */
  readonly network?: Network
  readonly clock?: VirtualClock
  /** Whether what it tells is listened to. @default true */
  readonly listens?: boolean
}

/** A client and all that is around it. */
export interface RobustRig {
  readonly client: RobustClient
  /** The server of the constructor. */
  readonly server: ScriptedServer
  readonly network: Network
  readonly clock: VirtualClock
  readonly warnings: Warning[]
  /** The wall clock, which a test may set. */
  readonly wall: { epochMs: number }
  /** What the client told, in order, as `event detail`. */
  readonly told: string[]
}

/** Servers by their host name; one that nobody has named exists when it is dialled. */
export class Network {
  readonly #servers = new Map<string, ScriptedServer>()
  /** Hosts in the order in which they were dialled. */
  readonly dialled: string[] = []

  at(host: string): ScriptedServer {
    const known = this.#servers.get(host)
    if (known !== undefined) return known
    const server = new ScriptedServer()
    this.#servers.set(host, server)
    return server
  }

  readonly transport: ScriptedServer['transport'] = (address, handler, options) => {
    this.dialled.push(address.host)
    return this.at(address.host).transport(address, handler, options)
  }
}

/** A generator of even numbers from 0 to less than 1. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A client of `umqtt/robust` whose servers are scripted and whose time stands still. */
export function robustClient({
  clientId = 'client',
  server = 'mqtt://a.example',
  Client = RobustClient,
  random = seeded(1),
  network = new Network(),
  clock = new VirtualClock(1_000),
  listens = true,
  ...options
}: RobustRigOptions = {}): RobustRig {
  const warnings: Warning[] = []
  const wall = { epochMs: 1_700_000_000_000 }
  const started = clock.now()
  const platform: RobustPlatform = {
    ...testPlatform(clock, warnings),
    transports: { mqtt: network.transport, mqtts: network.transport, ws: network.transport },
    checkTls: (tls) => checkKeys('options.tls', tls, { ca: true }),
    random,
    epochNow: () => wall.epochMs + clock.now() - started,
    // QuickJS has none.
    makeAborter: () => (globalThis.AbortController ? new AbortController() : makeAborter()),
  }
  const client = new Client(clientId, server, options, platform)
  const told = listens ? listenToAll(client) : []
  const host = server.replace(/^\w+:\/\//, '').replace(/[:/].*/, '')
  return { client, server: network.at(host), network, clock, warnings, wall, told }
}

/** What a client tells about its connections, one line for each event. */
function listenToAll(client: RobustClient): string[] {
  const told: string[] = []
  const note = <E extends keyof RobustEvents>(
    event: E,
    text: (detail: RobustEvents[E]) => string,
  ): void => void client.on(event, (detail) => told.push(`${event} ${text(detail)}`))
  note('attempt', ({ number, server }) => `${number} ${server}`)
  note('waiting', ({ delayMs, slowLane }) => `${delayMs}${slowLane ? ' slow' : ''}`)
  note('connected', ({ sessionPresent }) => (sessionPresent ? 'resumed' : 'new'))
  note('connection-lost', ({ name }) => name)
  note('session-lost', ({ inFlight }) => `${inFlight}`)
  return told
}

/** How a connection is accepted. */
export interface Acceptance {
  /** Of CONNACK. */
  readonly connack?: Properties
  readonly sessionPresent?: boolean
}

/** Waits, and lets time pass, until the client dials, and accepts it. */
export async function accepted(
  { server, clock }: Pick<RobustRig, 'server' | 'clock'>,
  { connack, sessionPresent }: Acceptance = {},
): Promise<ScriptedConnection> {
  const connection = await dialled({ server, clock })
  await connection.accept(connack, sessionPresent)
  await settle()
  return connection
}

/** Waits, and lets time pass, until the client dials. @throws {Error} it does not in ten minutes */
export async function dialled({
  server,
  clock,
}: Pick<RobustRig, 'server' | 'clock'>): Promise<ScriptedConnection> {
  let found: ScriptedConnection | undefined
  void server.connection().then((connection) => (found = connection))
  const end = clock.now() + 600_000
  await settle()
  while (found === undefined) {
    if (clock.next > end) throw new Error('It does not dial')
    await elapse(clock, Math.max(0, clock.next - clock.now()))
  }
  return found
}

/** A client that has connected. */
export async function connectedRig(
  options: RobustRigOptions = {},
  acceptance: Acceptance = {},
): Promise<RobustRig & { readonly connection: ScriptedConnection }> {
  const rig = robustClient(options)
  const connecting = rig.client.connect()
  const connection = await accepted(rig, acceptance)
  await connecting
  return { ...rig, connection }
}

/** Refuses the next connection that the client opens. */
export async function refused(
  rig: Pick<RobustRig, 'server' | 'clock'>,
  reasonCode: number,
  properties: Properties = {},
): Promise<void> {
  const connection = await dialled(rig)
  await connection.refuse(reasonCode, properties)
  await settle()
}

/** What the client sent, a word for each packet with what tells it from others. */
export function brief(packets: readonly Packet[]): string[] {
  return packets.map((packet) => {
    switch (packet.type) {
      case PacketType.CONNECT:
        return packet.cleanStart ? 'CONNECT clean' : 'CONNECT'
      case PacketType.PUBLISH: {
        const { topic, qos, packetId, dup } = packet
        return `PUBLISH ${topic}${qos === 0 ? '' : ` ${packetId}`}${dup ? ' DUP' : ''}`
      }
      case PacketType.SUBSCRIBE:
        return `SUBSCRIBE ${packet.subscriptions.map(({ filter }) => filter).join(' ')}`
      case PacketType.UNSUBSCRIBE:
        return `UNSUBSCRIBE ${packet.filters.join(' ')}`
      case PacketType.PUBREL:
        return `PUBREL ${packet.packetId}`
      case PacketType.PUBREC:
        return `PUBREC ${packet.packetId}`
      case PacketType.PUBACK:
        return `PUBACK ${packet.packetId}`
      case PacketType.PUBCOMP:
        return `PUBCOMP ${packet.packetId}`
      case PacketType.PINGREQ:
        return 'PINGREQ'
      case PacketType.DISCONNECT:
        return 'DISCONNECT'
      default:
        return `packet ${packet.type}`
    }
  })
}
