// Readings that are worth nothing later: sent on an open connection, else dropped, never kept.
// node examples/fleeting.mjs [server]
import { MQTTClient, fleeting } from 'umqtt/robust'

const { UMQTT_SERVER = 'mqtt://localhost' } = process.env
const client = new MQTTClient(`fleeting-${process.pid}`, process.argv[2] ?? UMQTT_SERVER)
const reading = fleeting()

// There is no connection yet: this one is gone, and nothing remembers it.
const early = client.publish('example/temperature', '21.4', { delivery: reading })
console.log(`Before the connection: ${(await early.settled).status}`)

await client.connect()
for (const value of ['21.5', '21.6', '21.7']) {
  const { settled } = client.publish('example/temperature', value, { delivery: reading })
  console.log(`${value}: ${(await settled).status}`)
}
await client.disconnect()
