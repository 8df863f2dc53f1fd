// What the tests of umqtt/robust on failing links share: a link with a fault proxy to a real server,
// clients on it, a witness beside it, and what a proxy's record has to say about a conversation.

import { equal, ok } from 'node:assert/strict'
import { type AckPacket, type ConnackPacket, PacketType } from '../../src/codec/packets.ts'
import { MQTTClient } from '../../src/robust.node.ts'
import type { RobustOptions } from '../../src/robust/types.ts'
import { MQTTClient as SimpleClient } from '../../src/simple.node.ts'
import type { QoS } from '../../src/simple/types.ts'
import { FaultProxy } from '../../src/testing/fault-proxy.ts'
import type { PassedPacket } from '../../src/testing/fault-types.ts'
import type { TestServer } from '../support/servers.ts'
import { Collected } from './setting.ts'

/** Soon back, so that a test need not wait. */
export const RECONNECT = { floorMs: 20, capMs: 60 } as const

/** Things that are to be ended, the last one first. */
export class Ends {
  readonly #ends: (() => unknown)[] = []

  add(end: () => unknown): void {
    this.#ends.push(end)
  }

  async end(): Promise<void> {
    for (const end of this.#ends.reverse()) await end()
  }
}

/** A failing link to a server. */
export async function linkTo(server: TestServer, ends: Ends): Promise<FaultProxy> {
  const proxy = await FaultProxy.start({ port: portOf(server) })
  ends.add(() => proxy.close())
  return proxy
}

export function portOf(server: TestServer): number {
  return Number(new URL(server.urls.tcp as string).port)
}

/** A client that holds on. */
export function robustClient(
  url: string,
  clientId: string,
  ends: Ends,
  options: RobustOptions = {},
): MQTTClient {
  const client = new MQTTClient(clientId, url, { reconnect: RECONNECT, ...options })
  ends.add(() => client[Symbol.asyncDispose]())
  return client
}

/** Whoever is connected to the server without a fault, and sees what arrives there. */
export async function witness(
  server: TestServer,
  filter: string,
  ends: Ends,
  qos: QoS = 2,
): Promise<Collected> {
  const collected = new Collected()
  const client = await bystander(server, `witness of ${filter}`, ends)
  await client.subscribe(filter, { qos }, (_topic, _payload, message) => collected.add(message))
  return collected
}

/** A client without a fault. */
export async function bystander(
  server: TestServer,
  clientId: string,
  ends: Ends,
): Promise<SimpleClient> {
  const client = new SimpleClient(clientId, server.urls.tcp as string)
  ends.add(() => client.disconnect())
  await client.connect()
  return client
}

/** Each text once, in the order in which it first came. */
export function firsts(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}

/** An exchange that our side has not finished, as far as the record can say. */
interface OpenExchange {
  readonly text: string
  readonly connection: number
  received: boolean
}

/**
 * Checks what our side has sent, by the record of its link: what is sent again in a session has DUP, the
 * packet id of before and its order; nothing is sent again that is answered; PUBREL follows a PUBREC.
 * [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.3.3-7]
 *
 * @returns how many were sent again
 */
export function checkResent(record: readonly PassedPacket[]): number {
  const exchanges = new Map<number, OpenExchange>()
  let resent = 0
  for (const { packet, connection, direction, forwarded } of record) {
    if (direction === 'to-client') {
      if (!forwarded) continue
      if (packet.type === PacketType.CONNACK && !packet.sessionPresent) exchanges.clear()
      else if (isFinal(packet)) exchanges.delete((packet as AckPacket).packetId)
      else if (packet.type === PacketType.PUBREC) {
        const exchange = exchanges.get(packet.packetId)
        if (exchange !== undefined) exchange.received = true
      }
    } else if (packet.type === PacketType.PUBLISH && packet.qos > 0) {
      const text = textOf(packet.payload)
      const before = exchanges.get(packet.packetId)
      if (before === undefined) {
        exchanges.set(packet.packetId, { text, connection, received: false })
        continue
      }
      resent += 1
      equal(before.text, text, `Packet id ${packet.packetId} is used for two messages`)
      ok(packet.dup, `"${text}" is sent again without DUP`)
      ok(connection > before.connection, `"${text}" is sent again on the same connection`)
      ok(!before.received, `"${text}" is sent again after its PUBREC`)
      exchanges.set(packet.packetId, { text, connection, received: false })
    }
  }
  return resent
}

/** Payloads whose PUBACK or PUBCOMP went on to our side. */
export function acknowledged(record: readonly PassedPacket[]): ReadonlySet<string> {
  const texts = new Map<number, string>()
  const done = new Set<string>()
  for (const { packet, direction, forwarded } of record) {
    if (direction === 'to-server') {
      if (packet.type === PacketType.PUBLISH && packet.qos > 0) {
        texts.set(packet.packetId, textOf(packet.payload))
      }
    } else if (forwarded && isFinal(packet)) {
      const { packetId, reasonCode } = packet as AckPacket
      const text = texts.get(packetId)
      if (text !== undefined && reasonCode < 0x80) done.add(text)
    }
  }
  return done
}

/**
 * Payloads of QoS 2 that nobody can call delivered in MQTT 3.1.1: a CONNECT had no answer, which may have made a new
 * session, and the PUBREL of a PUBREC from before it went out in what the next CONNECT found. A PUBCOMP of MQTT 5.0
 * says when it knows no such packet id; here it is the same for any.
 */
export function unknowable(record: readonly PassedPacket[]): ReadonlySet<string> {
  const texts = new Map<number, string>()
  /** The connections that PUBREC came on, by packet id. */
  const received = new Map<number, number>()
  const unsure = new Set<string>()
  let asked = 0
  let mayBeNew = false
  for (const { packet, connection, direction, forwarded } of record) {
    if (direction === 'to-client') {
      if (packet.type === PacketType.PUBREC && forwarded) received.set(packet.packetId, connection)
      if (packet.type !== PacketType.CONNACK || !forwarded) continue
      mayBeNew = asked > 1
      asked = 0
    } else if (packet.type === PacketType.CONNECT) asked += 1
    else if (packet.type === PacketType.PUBLISH && packet.qos > 0) {
      texts.set(packet.packetId, textOf(packet.payload))
    } else if (packet.type === PacketType.PUBREL && mayBeNew) {
      const text = texts.get(packet.packetId)
      if (text !== undefined && received.get(packet.packetId) !== connection) unsure.add(text)
    }
  }
  return unsure
}

/** How often each payload of QoS 1 and 2 was sent. @param withDup whether DUP counts too */
export function timesSent(
  record: readonly PassedPacket[],
  withDup = true,
): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  for (const { packet, direction } of record) {
    if (direction !== 'to-server' || packet.type !== PacketType.PUBLISH) continue
    if (packet.qos === 0 || (packet.dup && !withDup)) continue
    const text = textOf(packet.payload)
    times.set(text, (times.get(text) ?? 0) + 1)
  }
  return times
}

/** Whether each connection after the first found its session. */
export function sessionsFound(record: readonly PassedPacket[]): readonly boolean[] {
  return record
    .map(({ packet }) => packet)
    .filter((packet): packet is ConnackPacket => packet.type === PacketType.CONNACK)
    .map(({ sessionPresent }) => sessionPresent)
}

/**
 * What a record has to say about one message: its packets, and the connections between them, for the message of a
 * failure. `>` is to the server, `<` to our side, and a packet that did not arrive is said to be lost.
 */
export function storyOf(record: readonly PassedPacket[], text: string): string {
  const lines: string[] = []
  const ids = new Set<number>()
  for (const { packet, connection, direction, forwarded } of record) {
    const line = `${connection} ${direction === 'to-server' ? '>' : '<'} ${nameOf(packet)}`
    const end = forwarded ? '' : ', lost'
    if (packet.type === PacketType.CONNECT) lines.push(`${line}, clean: ${packet.cleanStart}${end}`)
    else if (packet.type === PacketType.CONNACK) {
      lines.push(`${line}, session present: ${packet.sessionPresent}${end}`)
    } else if (packet.type === PacketType.PUBLISH && packet.qos > 0) {
      if (textOf(packet.payload) === text) {
        ids.add(packet.packetId)
        lines.push(`${line} ${packet.packetId}, dup: ${packet.dup}${end}`)
      } else if (ids.delete(packet.packetId)) {
        lines.push(`${line} ${packet.packetId} is another one's from here on`)
      }
    } else if (isAck(packet) && ids.has(packet.packetId)) {
      lines.push(`${line} ${packet.packetId}, reason: ${packet.reasonCode}${end}`)
    }
  }
  return lines.join('\n')
}

function isAck(packet: PassedPacket['packet']): packet is AckPacket {
  return packet.type >= PacketType.PUBACK && packet.type <= PacketType.PUBCOMP
}

function nameOf({ type }: PassedPacket['packet']): string {
  return Object.entries(PacketType).find(([, value]) => value === type)?.[0] ?? `type ${type}`
}

function isFinal({ type, ...rest }: PassedPacket['packet']): boolean {
  if (type === PacketType.PUBACK || type === PacketType.PUBCOMP) return true
  return type === PacketType.PUBREC && (rest as AckPacket).reasonCode >= 0x80
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}
