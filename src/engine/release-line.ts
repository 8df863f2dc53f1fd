// In which order PUBREL goes out: that of the PUBRECs, though one of them may have to be recorded first and the next
// not. Rule: behind one that is being recorded all wait. It changes no state of a message. §4.6 [MQTT-4.6.0-4]

import * as PacketType from '../codec/packet-type.ts'
import { Deque } from './deque.ts'
import { type Link, sendAck } from './link.ts'
import type { PublishOperation } from './operations.ts'

/** The line of a client whose PUBRECs need no record: nothing is ever put into it. */
const NOBODY = new Deque<PublishOperation>()

export class ReleaseLine {
  readonly #link: Link
  #line = NOBODY

  constructor(link: Link) {
    this.#link = link
  }

  /** A new connection begins. */
  clear(): void {
    this.#line.clear()
  }

  /** PUBREC is in: PUBREL goes out, or waits for the record of this one or of one before. */
  add(operation: PublishOperation): void {
    if (!operation.held && this.#line.length === 0) return this.#send(operation)
    if (this.#line === NOBODY) this.#line = new Deque()
    this.#line.push(operation)
  }

  /** One has been recorded: what waits goes out, as far as the next that is not. */
  proceed(): void {
    const line = this.#line
    for (let first = line.peek(); first && first.state !== 'received'; first = line.peek()) {
      line.shift()
      // One that was given up meanwhile may be another message by now.
      if (first.state === 'released' && this.#link.connected) this.#send(first)
    }
  }

  #send({ packetId }: PublishOperation): void {
    sendAck(this.#link, PacketType.PUBREL, packetId, 0)
  }
}
