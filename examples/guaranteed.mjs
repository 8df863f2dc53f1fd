// An alarm that has to arrive: on disk before anything else, and sent until the server has it.
// node examples/guaranteed.mjs [server] [folder]: stop it without a server, and start it again with one
import { MQTTClient, guaranteed } from 'umqtt/robust'

const { UMQTT_SERVER = 'mqtt://localhost' } = process.env
const [, , server = UMQTT_SERVER, outbox = './example-outbox'] = process.argv
const client = new MQTTClient('guaranteed-example', server, { outbox })
client.on('settled', ({ receipt, outcome }) => {
  const again = outcome.possiblyDuplicated ? ', perhaps twice' : ''
  console.log(`${receipt.topic}: ${outcome.status}${again}`)
})

await client.open()
console.log(`Waiting from before: ${client.outbox.count}`)

const alarm = client.publish('example/window', 'broken', { delivery: guaranteed() })
const where = await alarm.stored
console.log(where === 'disk' ? 'On disk: pull the plug now' : 'Delivered already')

await client.drain()
await client[Symbol.asyncDispose]()
