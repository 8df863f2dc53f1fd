// A message as the application sees it, and how many consumers still have it.
// It settles nothing itself: the inbox counts its consumers and lets it go.

import { decodeUtf8 } from '../codec/utf8.ts'
import type { QoS } from '../codec/packets.ts'
import type { Deferred } from '../driver/deferred.ts'
import type { InboundMessage } from '../engine/inbound-message.ts'
import { oneOf } from './checks.ts'
import { publicProperties } from './properties.ts'
import type { Message, PublishProperties } from './types.ts'

/** What a client may say in PUBACK and PUBREC. §3.4.2.1 [MQTT-3.4.2-1] [MQTT-3.5.2-1] */
const checkReason = oneOf(0, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99)

/** Who takes the application's own acknowledgement. */
export interface Acknowledger {
  acknowledge(message: ReceivedMessage, reasonCode: number): void
}

/** The message of one PUBLISH. */
export class ReceivedMessage implements Message {
  declare readonly inbound: InboundMessage
  /** Consumers that are not done with it. */
  consumers = 1
  /** Whether a handler of it threw or rejected. */
  failed = false
  /** Whether it has left the inbox. */
  finished = false
  /** When the application got it, while that is watched; -1 before. */
  since = -1
  /** Who waits until its consumers are done. */
  waiter: Deferred<ReceivedMessage> | undefined = undefined
  readonly #acknowledger: Acknowledger

  constructor(inbound: InboundMessage, acknowledger: Acknowledger) {
    this.inbound = inbound
    this.#acknowledger = acknowledger
  }

  get topic(): string {
    return this.inbound.topic
  }

  get payload(): Uint8Array {
    return this.inbound.packet.payload
  }

  get qos(): QoS {
    return this.inbound.packet.qos
  }

  get retain(): boolean {
    return this.inbound.packet.retain
  }

  get dup(): boolean {
    return this.inbound.packet.dup
  }

  get properties(): PublishProperties {
    return publicProperties(this.inbound.packet.properties)
  }

  text(): string {
    const { payload, topic } = this
    const text = decodeUtf8(payload, 0, payload.length)
    if (text === undefined)
      throw new TypeError(`Cannot read the payload of "${topic}": it is not UTF-8`)
    return text
  }

  json(): unknown {
    return JSON.parse(this.text())
  }

  acknowledge(reasonCode = 0): void {
    this.#acknowledger.acknowledge(this, checkReason('reasonCode', reasonCode))
  }
}
