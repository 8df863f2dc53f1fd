// Prints what comes, until "stop" does: node examples/subscribe.mjs [server] [filter]
import { MQTTClient } from 'umqtt/simple'

const { UMQTT_SERVER = 'mqtt://localhost' } = process.env
const [, , server = UMQTT_SERVER, filter = 'example/#'] = process.argv
const client = new MQTTClient(`subscribe-${process.pid}`, server)
await client.connect()

const messages = await client.subscribe(filter, { qos: 1 })
console.log(`Listening to ${filter}`)

// Each message is acknowledged when the loop asks for the next one. The loop throws when the
// connection is lost.
for await (const message of messages) {
  const { topic, payload, retain } = message
  console.log(`${topic} ${retain ? '(retained) ' : ''}${payload.length} bytes: ${message.text()}`)
  if (message.text() === 'stop') break
}

await client.disconnect()
