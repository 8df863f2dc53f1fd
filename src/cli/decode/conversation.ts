// What packets have to do with each other: which one an acknowledgement answers, and the topic behind an alias.
// Rule: it says what it can be sure of, and nothing where two packets could be meant. What it keeps is bounded
// by the packet ids there are.

import { type Packet, PacketType } from '../../codec/index.ts'

/** Who sent a packet. */
export type Side = 'client' | 'server'

/** Aliases that are kept: more than servers grant. */
const ALIASES_MAX = 1_024

/** A packet that something answers. */
export interface Asked {
  readonly offset: number
  /** Which of the inputs it is in, from 0. */
  readonly input: number
  readonly type: number
  /** Of SUBSCRIBE and UNSUBSCRIBE. */
  readonly filters: readonly string[]
}

/** Where a packet is. */
export interface Where {
  readonly input: number
  readonly offset: number
  readonly from: Side | undefined
}

/** Which type asks for an answer of a type, and which side sent it, as seen from the answer. */
const ASKED_BY: Readonly<
  Record<number, { readonly of: readonly number[]; readonly own: boolean }>
> = {
  [PacketType.PUBACK]: { of: [PacketType.PUBLISH], own: false },
  [PacketType.PUBREC]: { of: [PacketType.PUBLISH], own: false },
  [PacketType.PUBREL]: { of: [PacketType.PUBLISH], own: true },
  [PacketType.PUBCOMP]: { of: [PacketType.PUBLISH], own: false },
  [PacketType.SUBACK]: { of: [PacketType.SUBSCRIBE], own: false },
  [PacketType.UNSUBACK]: { of: [PacketType.UNSUBSCRIBE], own: false },
}

/** Packets after which the id is free. */
const LAST: ReadonlySet<number> = new Set([
  PacketType.PUBACK,
  PacketType.PUBCOMP,
  PacketType.SUBACK,
  PacketType.UNSUBACK,
])

/** All that is remembered of one connection. */
export class Conversation {
  readonly #asked = new Map<string, Asked>()
  readonly #aliases = new Map<string, string>()

  /** Enters a packet, and gives the one that it belongs to. */
  enter(packet: Packet, where: Where): Asked | undefined {
    if (packet.type === PacketType.CONNECT) {
      this.#aliases.clear()
      return undefined
    }
    if (!('packetId' in packet) || packet.packetId === 0) return undefined
    const { type, packetId } = packet
    const asked = ASKED_BY[type]
    if (asked === undefined) {
      const filters =
        packet.type === PacketType.SUBSCRIBE
          ? packet.subscriptions.map(({ filter }) => filter)
          : packet.type === PacketType.UNSUBSCRIBE
            ? packet.filters
            : []
      const { offset, input, from } = where
      this.#asked.set(keyOf(type, from, packetId), { offset, input, type, filters })
      return undefined
    }
    const keys = asked.of
      .flatMap((of) => senders(where.from, asked.own).map((from) => keyOf(of, from, packetId)))
      .filter((key) => this.#asked.has(key))
    const [key] = keys
    if (key === undefined || keys.length > 1) return undefined
    const found = this.#asked.get(key)
    if (LAST.has(type)) this.#asked.delete(key)
    return found
  }

  /** The Topic Name of a PUBLISH that has an alias in its place; undefined when it was not seen. §3.3.2.3.4 */
  topicOf(topic: string, alias: number, from: Side | undefined): string | undefined {
    const key = `${from} ${alias}`
    if (topic === '') return this.#aliases.get(key)
    if (this.#aliases.size < ALIASES_MAX || this.#aliases.has(key)) this.#aliases.set(key, topic)
    return topic
  }
}

const keyOf = (type: number, from: Side | undefined, packetId: number): string =>
  `${type} ${from} ${packetId}`

/** Who can have sent the packet that is asked for. */
function senders(from: Side | undefined, own: boolean): readonly (Side | undefined)[] {
  if (from === undefined) return ['client', 'server', undefined]
  return [own ? from : from === 'client' ? 'server' : 'client', undefined]
}
