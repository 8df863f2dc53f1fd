// The first story: a temperature sensor. Each reading is worth nothing a moment later, and what it is now
// is worth sending when there is a connection anyway. Nothing is retried, and nothing piles up.

import { MQTTClient, fleeting, latest } from 'umqtt/robust'
import type { Ledger } from './ledger.ts'
import { type Setting, note } from './setting.ts'

const READING = fleeting()
const STATE = latest()

export class Temperature {
  readonly client: MQTTClient
  readonly #run: string
  readonly #ledger: Ledger
  #number = 0
  #value = ''

  constructor({ run, url, options }: Setting, ledger: Ledger) {
    this.client = new MQTTClient(`${run}-temperature`, url, options)
    this.#run = run
    this.#ledger = ledger
  }

  /** What it is now, for people. */
  get value(): string {
    return this.#value
  }

  measure(): void {
    this.#number += 1
    this.#value = `${(20.5 + Math.sin(this.#number / 6)).toFixed(1)} °C`
    const reading = this.#ledger.publish('reading', this.#number, this.#value)
    const state = this.#ledger.publish('state', this.#number, this.#value)
    const payload = note(this.#number, this.#value)
    for (const [published, delivery] of [
      [reading, READING],
      [state, STATE],
    ] as const) {
      const topic = `${this.#run}/${published.row}`
      const receipt = this.client.publish(topic, payload, { delivery })
      void receipt.settled.then((outcome) => this.#ledger.end(published, outcome))
    }
  }
}
