// Connects over WebSocket, as a browser does: node examples/websocket.mjs [server]
// Before Node 22 this needs the package "ws": npm install ws
import { MQTTClient } from 'umqtt/simple'

const { UMQTT_SERVER = 'ws://localhost:8080/mqtt' } = process.env
const client = new MQTTClient(`websocket-${process.pid}`, process.argv[2] ?? UMQTT_SERVER)
await client.connect()

await client.subscribe('example/echo', { qos: 1 })
await client.publish('example/echo', 'hello', { qos: 1 })

// For programs that would rather ask than be called.
const message = await client.waitMsg()
console.log(`${message.topic}: ${message.text()}`)
await client.disconnect()
