// A state of which the newest counts: while there is no connection, each one replaces the one before.
// node examples/latest.mjs [server]
import { MQTTClient, latest } from 'umqtt/robust'

const { UMQTT_SERVER = 'mqtt://localhost' } = process.env
const client = new MQTTClient(`latest-${process.pid}`, process.argv[2] ?? UMQTT_SERVER)
client.on('settled', ({ receipt, outcome }) => console.log(`${receipt.topic} ${outcome.status}`))

// Nothing is connected yet: of the three, one is sent. Another topic has a newest of its own.
for (const value of ['21.5', '21.6', '21.7']) {
  client.publish('example/temperature', value, { delivery: latest(), retain: true })
}
client.publish('example/humidity', '40', { delivery: latest() })

await client.connect()
await client.drain()
await client.disconnect()
