// Every message of a run, by number: those that devices publish and those that come to them. Everybody who
// meets one looks it up here.

import { decodeUtf8, encodeUtf8 } from '../codec/utf8.ts'
import type { Delivery, SentMessage } from './observations.ts'
import { numberOf } from './payload.ts'
import type { Catalogue } from './server/options.ts'

export class Ledger implements Catalogue {
  readonly messages: SentMessage[] = []
  /** How many of them handlers have published. */
  replies = 0
  readonly #deliveries = new Map<number, Delivery>()

  /** Takes a message that is about to be published, under the next number. */
  add(message: Omit<SentMessage, 'number'>): SentMessage {
    const numbered: SentMessage = { ...message, number: this.messages.length + 1 }
    this.messages.push(numbered)
    return numbered
  }

  get nextNumber(): number {
    return this.messages.length + 1
  }

  message(number: number): SentMessage | undefined {
    return this.messages[number - 1]
  }

  numberIn(payload: Uint8Array): number {
    return numberOf(decodeUtf8(payload, 0, payload.length) ?? '')
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
