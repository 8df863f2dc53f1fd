// A server's half of one session, as §4.1 and §4.3 say, kept over connections: what it has received at
// QoS 2, and what it has sent and not seen acknowledged. Runs on every engine.

import { equal, ok } from 'node:assert/strict'
import type { Packet, ProtocolVersion } from '../../src/codec/packets.ts'
import { decodeUtf8 } from '../../src/codec/utf8.ts'
import { puback, pubcomp, published, pubrec, pubrel, suback, unsuback } from './engine-rig.ts'

/** A server's half of one session, and what it has not answered yet. */
export class ServerSession {
  /** Topics that came, in order, without what QoS 2 recognises as a copy. */
  readonly delivered: string[] = []
  /** Packets of the client that wait for their turn. */
  inbox: Packet[] = []
  /** QoS 2 ids of the client between PUBLISH and PUBREL. */
  readonly #received = new Set<number>()
  /** Messages to the client by packet id. */
  readonly #sending = new Map<number, { topic: string; qos: 1 | 2; released: boolean }>()
  #lastId = 0
  readonly #notFound: number

  /** MQTT 3.1.1 has no code for an id that is not known. */
  constructor(version: ProtocolVersion = 5) {
    this.#notFound = version === 5 ? 0x92 : 0
  }

  /** What the client has still to acknowledge. */
  get open(): number {
    return this.#sending.size
  }

  /** Answers the oldest packet that waits. */
  answer(): Packet[] {
    const packet = this.inbox.shift()
    if (packet === undefined) return []
    switch (packet.type) {
      case 3:
        if (packet.qos === 2 && this.#received.has(packet.packetId)) {
          ok(packet.dup, 'An id in use is used again for a copy alone')
          return [pubrec(packet.packetId)]
        }
        equal(decodeUtf8(packet.payload, 0, packet.payload.length), packet.topic)
        this.delivered.push(packet.topic)
        if (packet.qos === 0) return []
        if (packet.qos === 1) return [puback(packet.packetId)]
        this.#received.add(packet.packetId)
        return [pubrec(packet.packetId)]
      case 6:
        return [
          pubcomp(packet.packetId, this.#received.delete(packet.packetId) ? 0 : this.#notFound),
        ]
      case 4:
        ok(this.#sending.delete(packet.packetId), 'PUBACK for nothing')
        return []
      case 5: {
        const message = this.#sending.get(packet.packetId)
        if (message === undefined) return [pubrel(packet.packetId, this.#notFound)]
        message.released = true
        return [pubrel(packet.packetId)]
      }
      case 7:
        this.#sending.delete(packet.packetId)
        return []
      case 8:
        return [suback(packet.packetId, ...packet.subscriptions.map(({ qos }) => qos))]
      case 10:
        return [unsuback(packet.packetId, ...packet.filters.map(() => 0))]
      default:
        return []
    }
  }

  send(topic: string, qos: 1 | 2): Packet {
    this.#lastId += 1
    this.#sending.set(this.#lastId, { topic, qos, released: false })
    return published(topic, { qos, packetId: this.#lastId })
  }

  /** What a resumed session sends again. [MQTT-4.4.0-1] */
  again(): Packet[] {
    this.inbox = []
    return [...this.#sending].map(([packetId, { topic, qos, released }]) =>
      released ? pubrel(packetId) : published(topic, { qos, packetId, dup: true }),
    )
  }
}
