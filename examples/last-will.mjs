// Leaves a will. Stop it with Ctrl+C and the server says nothing; with `kill -9` it publishes the will.
// Watch with examples/subscribe.mjs: node examples/last-will.mjs [server]
import { once } from 'node:events'
import { MQTTClient } from 'umqtt/simple'

const { UMQTT_SERVER = 'mqtt://localhost' } = process.env
const client = new MQTTClient(`last-will-${process.pid}`, process.argv[2] ?? UMQTT_SERVER, {
  // A server that hears nothing for one and a half times as long takes the client for dead.
  keepAliveSeconds: 10,
})
client.setLastWill('example/status', 'gone', { qos: 1, retain: true })
await client.connect()
await client.publish('example/status', 'here', { qos: 1, retain: true })

const stopped = once(process, 'SIGINT')
console.log('Here, until Ctrl+C')
await stopped
await client.publish('example/status', 'left', { qos: 1, retain: true })
await client.disconnect()
console.log('Left in good order')
