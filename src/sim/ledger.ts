// Every message of a run, by number: those that devices publish and those that come to them. Everybody who
// meets one looks it up here.

import type { Delivery, SentMessage } from './observations.ts'
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

  deliver(delivery: Delivery): void {
    this.#deliveries.set(delivery.serial, delivery)
  }

  delivery(serial: number): Delivery | undefined {
    return this.#deliveries.get(serial)
  }
}
