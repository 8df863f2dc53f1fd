// Publishes at each quality of service: node examples/publish.mjs [server]
import { MQTTClient } from 'umqtt/simple'

const { UMQTT_SERVER = 'mqtt://localhost' } = process.env
const client = new MQTTClient(`publish-${process.pid}`, process.argv[2] ?? UMQTT_SERVER)
await client.connect()

// QoS 0 settles when the bytes are handed over: nobody says whether they arrive.
await client.publish('example/temperature', '21.5')

// QoS 1 settles when the server has it. A retained message waits for late subscribers.
const reading = await client.publish('example/temperature', '21.6', { qos: 1, retain: true })
console.log(reading.subscribers === 'none' ? 'Nobody listens' : 'The server has it')

// QoS 2: exactly once. A payload is text or bytes.
await client.publish('example/raw', Uint8Array.of(1, 2, 3), { qos: 2 })
console.log('Published')

await client.disconnect()
