// What the tests of a client share: a client whose connection is open, the packets that its server takes
// by their types, time that passes with everything it sets in motion, and promises that can be looked at
// without waiting for them. Knows no socket and no test runner.

import { ok } from 'node:assert/strict'
import type {
  AckPacket,
  ConnectPacket,
  Packet,
  PingPacket,
  Properties,
} from '../../src/codec/packets.ts'
import { PacketType } from '../../src/codec/packets.ts'
import type { ConnectOptions, ConnectResult } from '../../src/simple/types.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import {
  settle,
  type TestClient,
  testClient,
  type TestClientOptions,
} from '../support/scripted-memory.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'

/** A client with an open connection. */
export interface Connected extends TestClient {
  readonly connection: ScriptedConnection
  readonly connectPacket: ConnectPacket
  readonly result: ConnectResult
}

/** How the connection of a test is opened. */
export interface Handshake {
  readonly request?: ConnectOptions
  /** Properties of CONNACK. */
  readonly connack?: Properties
  readonly sessionPresent?: boolean
}

/** A client that has connected. */
export async function connected(
  options: TestClientOptions = {},
  handshake: Handshake = {},
): Promise<Connected> {
  const made = testClient(options)
  return { ...made, ...(await reconnected(made, handshake)) }
}

/** Connects a client, for the first time or again. */
export async function reconnected(
  { client, server }: Pick<TestClient, 'client' | 'server'>,
  { request, connack, sessionPresent }: Handshake = {},
): Promise<Pick<Connected, 'connection' | 'connectPacket' | 'result'>> {
  const connecting = client.connect(request)
  const connection = await server.connection()
  const connectPacket = await connection.accept(connack, sessionPresent)
  return { connection, connectPacket, result: await connecting }
}

type PacketOf<T extends Packet['type']> = T extends AckPacket['type']
  ? AckPacket
  : T extends PingPacket['type']
    ? PingPacket
    : Extract<Packet, { type: T }>

/** The next packet of the client, which has to be of this type. */
export async function take<T extends Packet['type']>(
  connection: ScriptedConnection,
  type: T,
): Promise<PacketOf<T>> {
  return (await connection.next(type)) as PacketOf<T>
}

/** How many packets of a type have come. */
export function count(connection: ScriptedConnection, type: Packet['type']): number {
  return connection.received.filter((packet) => packet.type === type).length
}

/** The acknowledgements that have come, as type and packet id. */
export function acknowledgements(connection: ScriptedConnection): [type: string, id: number][] {
  const names: Partial<Record<number, string>> = {
    [PacketType.PUBACK]: 'PUBACK',
    [PacketType.PUBREC]: 'PUBREC',
    [PacketType.PUBCOMP]: 'PUBCOMP',
  }
  return connection.received.flatMap((packet): [string, number][] => {
    const name = names[packet.type]
    return name === undefined ? [] : [[name, (packet as AckPacket).packetId]]
  })
}

/** Lets time pass, with all that it sets in motion. */
export async function pass(clock: VirtualClock, ms: number): Promise<void> {
  const end = clock.now() + ms
  await settle()
  while (clock.next <= end) {
    clock.advance(clock.next - clock.now())
    await settle()
  }
  clock.advance(end - clock.now())
  await settle()
}

/** A promise, looked at from outside. */
export interface Outcome<T> {
  readonly status: 'open' | 'fulfilled' | 'rejected'
  readonly value: T | undefined
  readonly error: Error | undefined
}

/** Looks at a promise without waiting for it; a rejection counts as handled. */
export function watch<T>(promise: Promise<T>): Outcome<T> {
  const outcome: { -readonly [K in keyof Outcome<T>]: Outcome<T>[K] } = {
    status: 'open',
    value: undefined,
    error: undefined,
  }
  promise.then(
    (value) => {
      outcome.status = 'fulfilled'
      outcome.value = value
    },
    (error: unknown) => {
      outcome.status = 'rejected'
      outcome.error = error as Error
    },
  )
  return outcome
}

/** The error that a promise rejects with, which has to be of this class. */
export async function failure<E extends Error>(
  promise: Promise<unknown>,
  expected: abstract new (...args: never[]) => E,
): Promise<E> {
  const [result] = await Promise.allSettled([promise])
  ok(result.status === 'rejected', `It fulfilled instead of rejecting with ${expected.name}`)
  const error: unknown = result.reason
  ok(error instanceof expected, `It rejected with ${String(error)} instead of ${expected.name}`)
  return error
}

/** A promise and its ends, for handlers that a test finishes. */
export interface Gate<T = void> {
  readonly promise: Promise<T>
  readonly open: (value: T) => void
  readonly fail: (error: Error) => void
}

export function gate<T = void>(): Gate<T> {
  let open!: Gate<T>['open']
  let fail!: Gate<T>['fail']
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { promise, open, fail }
}
