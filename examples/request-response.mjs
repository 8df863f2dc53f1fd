// Asks, and matches the answer to its question (MQTT 5.0): node examples/request-response.mjs [server]
import { MQTTClient } from 'umqtt/simple'

const { UMQTT_SERVER = 'mqtt://localhost' } = process.env
const server = process.argv[2] ?? UMQTT_SERVER
const responder = new MQTTClient(`responder-${process.pid}`, server, { protocol: 5 })
const asker = new MQTTClient(`asker-${process.pid}`, server, { protocol: 5 })
await Promise.all([responder.connect(), asker.connect()])

await responder.subscribe('example/square', { qos: 1 }, async (_topic, _payload, message) => {
  const { responseTopic, correlationData } = message.properties
  if (responseTopic === undefined) return
  const answer = String(Number(message.text()) ** 2)
  const properties = correlationData === undefined ? {} : { correlationData }
  await responder.publish(responseTopic, answer, { properties })
})

const responseTopic = `example/answers/${process.pid}`
const answers = await asker.subscribe(responseTopic, { qos: 1 })
const properties = { responseTopic, correlationData: Uint8Array.of(7) }
await asker.publish('example/square', '12', { qos: 1, properties })
for await (const answer of answers) {
  console.log(`Answer to question ${answer.properties.correlationData?.[0]}: ${answer.text()}`)
  break
}
await Promise.all([responder.disconnect(), asker.disconnect()])
