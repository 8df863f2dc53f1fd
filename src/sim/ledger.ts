// Every message of a run, by number: those that devices publish and those that come to them. Everybody who
// meets one looks it up here.

import { encodeUtf8 } from '../codec/utf8.ts'
import type { Delivery, SentMessage } from './observations.ts'
import { numberIn } from './payload.ts'
import type { Catalogue } from './server/options.ts'

export class Ledger implements Catalogue {
  readonly messages: SentMessage[] = []
  /** How many of them handlers have published. */
  replies = 0
  readonly #deliveries = new Map<number, Delivery>()
  /** Messages by device, but for those that `stored` has left out. */
  readonly #open = new Map<string, SentMessage[]>()

  /** Takes a message that is about to be published, under `nextNumber`. */
  add(message: SentMessage): SentMessage {
    this.messages.push(message)
    const open = this.#open.get(message.device)
    if (open === undefined) this.#open.set(message.device, [message])
    else open.push(message)
    return message
  }

  /** What earlier processes of a device had stored, and had not heard the end of; none of them lives. */
  stored(device: string): readonly SentMessage[] {
    // The others never come back: a dead process stores nothing more, and an outcome stays.
    const open = (this.#open.get(device) ?? []).filter(
      ({ outcome, stored }) => outcome === undefined && stored === 'disk',
    )
    this.#open.set(device, open)
    return [...open]
  }

  get nextNumber(): number {
    return this.messages.length + 1
  }

  message(number: number): SentMessage | undefined {
    return this.messages[number - 1]
  }

  numberIn(payload: Uint8Array): number {
    return numberIn(payload)
  }

  faultOf(payload: Uint8Array): string | undefined {
    const message = this.message(this.numberIn(payload))
    if (message?.sizeBytes === payload.length) return undefined
    return `a payload of ${payload.length} bytes that nobody published`
  }

  passedOn(payload: Uint8Array): Uint8Array {
    return payload
  }

  payloadTo({ serial }: Delivery, payload: Uint8Array): Uint8Array {
    const label = encodeUtf8(`${serial}>`)
    const labelled = new Uint8Array(label.length + payload.length)
    labelled.set(label)
    labelled.set(payload, label.length)
    return labelled
  }

  deliver(delivery: Delivery): void {
    this.#deliveries.set(delivery.serial, delivery)
  }

  delivery(serial: number): Delivery | undefined {
    return this.#deliveries.get(serial)
  }
}
