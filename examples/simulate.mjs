// Your policies over an outage of ten minutes with a power cut, in virtual time: this takes milliseconds.
// node examples/simulate.mjs [seed]
import { guaranteed, within } from 'umqtt/robust'
import { scenario } from 'umqtt/sim'

const [, , seed = '1'] = process.argv
const { value } = await scenario({ seed, report: console.error }, async (world) => {
  const server = world.server('mqtt://server')
  const house = world.device('house-7', { outbox: 'disk' }, (client) => void client.connect())
  const press = () => house.client.publish('button', 'on', { delivery: within('15s') }).settled

  await press()
  house.link.partition() // nobody is told: the client finds out by itself
  await press()
  await house.client.publish('window', 'broken', { delivery: guaranteed() }).stored
  await world.pass('5m')
  await press()
  house.powerCut()
  await world.pass('5m')
  house.link.heal()
  house.start()
  await world.until(() => server.received('window').length > 0, { within: '5m' })
  await press()
  return world.messages.map(({ topic, publishedAt, status, takenAt: [takenAt] }) => {
    return { topic, 'published, ms': publishedAt, status, 'taken, ms': takenAt }
  })
})
console.table(value)
