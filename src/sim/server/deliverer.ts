// What a server sends to a client in one session: messages, within the client's Receive Maximum and in their
// order, and the exchange of each. It knows no bytes; whoever has the connection sends. §4.3, §4.4, §4.9

import { type AckPacket, type Packet, PacketType } from '../../codec/packets.ts'
import type { World } from '../world.ts'
import type { Catalogue } from './options.ts'
import { ack } from './packets.ts'
import type { Outgoing, ServerSession } from './session.ts'

const { PUBLISH, PUBACK, PUBCOMP, PUBREL } = PacketType

export interface DelivererOptions {
  readonly world: World
  readonly catalogue: Catalogue
  readonly session: ServerSession
  /** Of the client. */
  readonly receiveMaximum: number
  readonly send: (packet: Packet) => void
  /** Sends what answers a packet of the client. */
  readonly answer: (packet: Packet) => void
}

export class Deliverer {
  readonly #options: DelivererOptions
  /** True until a resumed session has sent again what it must. */
  #resuming = false

  constructor(options: DelivererOptions) {
    this.#options = options
  }

  /** Sends what waits. */
  pump(): void {
    const { session, receiveMaximum } = this.#options
    if (this.#resuming) return
    const { queued, inflight } = session
    for (let next = queued[0]; next !== undefined; next = queued[0]) {
      if (next.delivery.qos > 0) {
        if (inflight.size >= receiveMaximum) return
        do session.lastId = (session.lastId % 65_535) + 1
        while (inflight.has(session.lastId))
        next.packetId = session.lastId
        inflight.set(next.packetId, next)
      }
      queued.shift()
      this.#send(next, false)
    }
  }

  /** What a resumed session sends again, in its order. [MQTT-4.4.0-1] */
  resume(): void {
    this.#resuming = true
    for (const outgoing of this.#options.session.inflight.values()) {
      if (outgoing.state === 'received') this.#options.send(ack(PUBREL, outgoing.packetId))
      else this.#send(outgoing, true)
    }
    this.#resuming = false
  }

  /** PUBACK, PUBREC or PUBCOMP. @returns what is wrong with it, if anything is */
  handle({ type, packetId, reasonCode }: AckPacket): string | undefined {
    const { session, world } = this.#options
    const wanted = type === PUBCOMP ? 'received' : 'sent'
    const outgoing = session.inflight.get(packetId)
    // Sent twice, it may be answered twice.
    if (outgoing?.state !== wanted) return undefined
    if (type === PUBCOMP) {
      this.#finish(outgoing)
      return undefined
    }
    const { delivery } = outgoing
    if ((type === PUBACK) !== (delivery.qos === 1))
      return `packet ${type} for a QoS ${delivery.qos}`
    delivery.acknowledged = true
    world.tell({ kind: 'acknowledged', delivery })
    if (type === PUBACK || reasonCode >= 0x80) this.#finish(outgoing)
    else {
      outgoing.state = 'received'
      this.#options.answer(ack(PUBREL, packetId))
    }
    return undefined
  }

  #finish(outgoing: Outgoing): void {
    this.#options.session.inflight.delete(outgoing.packetId)
    this.pump()
  }

  #send(outgoing: Outgoing, dup: boolean): void {
    const { catalogue, send } = this.#options
    const { delivery, payload, packetId, retain, properties } = outgoing
    const { qos, topic } = delivery
    catalogue.deliver(delivery)
    outgoing.state = 'sent'
    send({
      type: PUBLISH,
      topic,
      payload: catalogue.payloadTo(delivery, payload),
      qos,
      retain,
      dup: dup && qos > 0,
      packetId: qos === 0 ? 0 : packetId,
      properties,
    })
  }
}
