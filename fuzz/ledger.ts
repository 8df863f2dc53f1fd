// What must be true of every message, in both directions: what the application was told, what the server
// had, and which sessions have come to an end meanwhile. Compared on the way and at the end of a run.

import { type MqttError, MqttError as Errors } from '../src/errors.ts'
import type { QoS } from '../src/codec/packets.ts'
import { numberIn, numberOf } from './content.ts'
import { Violation } from './violation.ts'

/** What a PUBLISH has beside its payload at the most here: topic and header, bytes. */
const OVERHEAD_BYTES_MAX = 100

/** A message that the client publishes. */
export interface Outgoing {
  readonly number: number
  readonly qos: QoS
  readonly length: number
  /** Undefined while the promise is open. */
  result: 'resolved' | 'aborted' | MqttError | undefined
  /** Whether the server has read a PUBLISH of it. */
  seen: boolean
  /** How often the server took it for a new message. */
  accepted: number
  /** Whether the server refused it, which settles it too. */
  refused: boolean
  /** Whether its session has ended, so that nothing is promised any longer. */
  released: boolean
}

/** A message that the server publishes. */
export interface Incoming {
  readonly number: number
  readonly qos: QoS
  /** How often the application has got it. */
  delivered: number
  /** Whether its session has ended, or it was answered with an error. */
  released: boolean
}

/** All messages of one run. */
export class Ledger {
  readonly outgoing = new Map<number, Outgoing>()
  readonly incoming = new Map<number, Incoming>()
  /** False once the server has lied, so that only its victims' manners are watched. */
  trusted = true
  /** The largest packet that the server takes, once a CONNACK has said so, bytes. */
  sizeMaximum = Infinity
  #number = 0
  #lastSeen = 0
  #lastDelivered = 0

  publish(qos: QoS, length: number): Outgoing {
    const message: Outgoing = {
      number: (this.#number += 1),
      qos,
      length,
      result: undefined,
      seen: false,
      accepted: 0,
      refused: false,
      released: false,
    }
    this.outgoing.set(message.number, message)
    return message
  }

  offer(qos: QoS): Incoming {
    const message = { number: (this.#number += 1), qos, delivered: 0, released: false }
    this.incoming.set(message.number, message)
    return message
  }

  /** The server's session is gone: what belonged to it is nobody's any more. */
  release(): void {
    for (const message of this.outgoing.values()) message.released = true
    for (const message of this.incoming.values()) message.released = true
  }

  /** The server has read a PUBLISH. */
  see(topic: string, payload: Uint8Array, qos: QoS): Outgoing {
    const number = numberOf(topic, payload)
    const message = this.outgoing.get(number)
    if (message === undefined || message.qos !== qos) {
      throw new Violation('content', `message ${number} at QoS ${qos} is none of the client's`)
    }
    if (Math.max(message.length, 4) !== payload.length) {
      throw new Violation('content', `message ${number} has ${payload.length} bytes`)
    }
    if (message.seen) return message
    message.seen = true
    if (number < this.#lastSeen) {
      throw new Violation('order', `message ${number} came after ${this.#lastSeen}`)
    }
    this.#lastSeen = number
    return message
  }

  accept(message: Outgoing): void {
    message.accepted += 1
    if (message.qos === 2 && message.accepted > 1 && this.trusted) {
      throw new Violation('exactly once', `the server has message ${message.number} twice`)
    }
  }

  /** The application has got a message. */
  deliver(topic: string, payload: Uint8Array): void {
    if (!this.trusted) return
    const number = numberOf(topic, payload)
    const message = this.incoming.get(number)
    if (message === undefined) throw new Violation('content', `message ${number} is none of ours`)
    message.delivered += 1
    if (message.delivered > 1) {
      if (message.qos === 1 || message.released) return
      throw new Violation('exactly once', `message ${number} was delivered twice`)
    }
    if (message.qos === 0) return
    if (number < this.#lastDelivered && !message.released) {
      throw new Violation('order', `message ${number} was delivered after ${this.#lastDelivered}`)
    }
    this.#lastDelivered = number
  }

  /** The application has refused a message: it may come again, or not. */
  excuse(payload: Uint8Array): void {
    const message = this.incoming.get(numberIn(payload))
    if (message === undefined) return
    message.delivered = 0
    message.released = true
  }

  /** What was promised to the application, at the end of a run in which everything was healed. */
  check(): void {
    for (const message of this.outgoing.values()) this.#checkOutgoing(message)
    if (!this.trusted) return
    for (const { number, qos, delivered, released } of this.incoming.values()) {
      if (qos > 0 && delivered === 0 && !released) {
        throw new Violation('nothing lost', `message ${number} was not delivered`)
      }
    }
  }

  #checkOutgoing(message: Outgoing): void {
    const { number, qos, length, result, seen, accepted, refused, released } = message
    if (result === undefined) throw new Violation('settles in time', `message ${number} is open`)
    if (!this.trusted) return
    if (seen && Errors.is(result) && result.sent === 'no') {
      throw new Violation('honest about sending', `message ${number} arrived: ${result.message}`)
    }
    if (qos === 0) return
    if (result === 'resolved' && accepted === 0) {
      throw new Violation('nothing lost', `message ${number} is resolved and not at the server`)
    }
    const open = Errors.is(result) && result.sent === 'maybe'
    // What was under way on MQTT 3.1.1 may be larger than the server says on the next connection.
    const isTooLarge = length + OVERHEAD_BYTES_MAX > this.sizeMaximum
    if (open && accepted === 0 && !refused && !released && !isTooLarge) {
      throw new Violation('nothing lost', `message ${number} is in a kept session and not arrived`)
    }
  }
}
