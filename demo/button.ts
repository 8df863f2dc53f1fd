// The second story: a button. It is pressed by a person, who sees what happens meanwhile and who does not
// wait for ever: after its deadline a press is worth nothing, and must not switch the light any more.

import { MQTTClient, type Outcome, type Stage, within } from 'umqtt/robust'
import type { Ledger } from './ledger.ts'
import { type Setting, note } from './setting.ts'
import { PRESS_DEADLINE_MS } from './timeline.ts'

/** What the lamp in the button shows, by stage. */
const LAMP: Partial<Record<Stage, string>> = {
  accepted: '◌ waiting',
  sent: '◔ on its way',
  delivered: '● done',
  expired: '✗ too late, press again',
  'maybe-delivered': '? perhaps: look at the light',
}

export class Button {
  readonly client: MQTTClient
  readonly #run: string
  readonly #ledger: Ledger
  readonly #says: (text: string) => void
  #number = 0
  #lamp = ''

  constructor({ run, url, options }: Setting, ledger: Ledger, says: (text: string) => void) {
    this.client = new MQTTClient(`${run}-button`, url, options)
    this.#run = run
    this.#ledger = ledger
    this.#says = says
  }

  /** What the person sees. */
  get lamp(): string {
    return this.#lamp
  }

  /** Somebody presses it; settles when the lamp shows how it ended. */
  async press(): Promise<void> {
    this.#number += 1
    const number = this.#number
    const published = this.#ledger.publish('press', number, number % 2 === 1 ? 'on' : 'off')
    const receipt = this.client.publish(`${this.#run}/press`, note(number, published.value), {
      delivery: within(PRESS_DEADLINE_MS),
    })
    for await (const stage of receipt.stages()) {
      this.#lamp = LAMP[stage] ?? stage
      this.#says(`press ${number}, light ${published.value}: ${this.#lamp}`)
    }
    const outcome: Outcome = await receipt.settled
    this.#ledger.end(published, outcome)
  }
}
