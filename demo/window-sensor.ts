// The process of the window sensor: publishes what it is told with `guaranteed()`, from an outbox on disk.
// It knows nothing of the demo around it, and does nothing about being killed.

import { MQTTClient, guaranteed } from 'umqtt/robust'
import { note } from './setting.ts'
import type { Order, Report } from './window.ts'

const ALARM = guaranteed()

class WindowSensor {
  #client: MQTTClient | undefined
  #topic = ''

  async begin({ setting, folder }: Extract<Order, { kind: 'begin' }>): Promise<void> {
    const { run, url, options } = setting
    const client = new MQTTClient(`${run}-window`, url, { ...options, outbox: folder })
    this.#client = client
    this.#topic = `${run}/alarm`
    client.on('state', (state) => tell({ kind: 'state', state }))
    client.on('settled', ({ receipt: { id }, outcome }) => {
      const { status, attempts, latencyMs, possiblyDuplicated } = outcome
      tell({ kind: 'settled', id, ending: { status, attempts, latencyMs, possiblyDuplicated } })
    })
    await client.open()
    tell({ kind: 'opened', waiting: client.outbox.count })
    await client.connect()
  }

  async publish({ number, news }: Extract<Order, { kind: 'publish' }>): Promise<void> {
    const receipt = this.#client?.publish(this.#topic, note(number, news), { delivery: ALARM })
    if (receipt === undefined) throw new Error('Publish was ordered before begin')
    tell({ kind: 'stored', number, id: receipt.id, stored: await receipt.stored })
  }

  async leave(): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]()
    process.disconnect()
  }
}

function tell(report: Report): void {
  // The demo may be gone already.
  if (process.connected) process.send?.(report)
}

const sensor = new WindowSensor()
process.on('message', (message) => {
  const order = message as Order
  switch (order.kind) {
    case 'begin':
      return void sensor.begin(order)
    case 'publish':
      return void sensor.publish(order)
    case 'leave':
      return void sensor.leave()
  }
})
// Without the demo there is nothing to do.
process.on('disconnect', () => process.exit())
