// The display: sees what arrives at the server, over a connection of its own that nobody cuts.
// What it has seen is the truth that everything said of a message is compared with.

import { type ClientOptions, type ConnectResult, MQTTClient } from 'umqtt/simple'
import { type Ledger, ROWS, type RowName } from './ledger.ts'
import { readNote } from './setting.ts'

export class Display {
  readonly client: MQTTClient
  readonly #run: string
  readonly #last: Partial<Record<RowName, string>> = {}

  constructor(run: string, url: string, options: ClientOptions, ledger: Ledger) {
    this.client = new MQTTClient(`${run}-display`, url, options)
    this.#run = run
    this.client.setCallback((topic, payload) => {
      const row = topic.slice(run.length + 1) as RowName
      const { number, value } = readNote(payload)
      this.#last[row] = value
      ledger.arrive(row, number)
    })
  }

  async start(): Promise<ConnectResult> {
    const result = await this.client.connect()
    const qos = result.limits.maximumQoS
    if (qos === 0) {
      throw new Error('The demo needs QoS 1, which this server does not have: choose another one')
    }
    const filters = Object.keys(ROWS).map((row) => `${this.#run}/${row}`)
    await this.client.subscribe(filters, { qos })
    return result
  }

  /** What is to be seen on it. */
  get shown(): string {
    const { state = '–', press = '–', alarm = '–' } = this.#last
    return `${state}, light ${press}, window ${alarm}`
  }
}
