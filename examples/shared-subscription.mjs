// Shares work: each job goes to one worker (MQTT 5.0): node examples/shared-subscription.mjs [server]
import { MQTTClient } from 'umqtt/simple'

const JOBS = 6
const { UMQTT_SERVER = 'mqtt://localhost' } = process.env
const clients = ['boss', 'anna', 'ben'].map((name) => {
  const clientId = `${name}-${process.pid}`
  return new MQTTClient(clientId, process.argv[2] ?? UMQTT_SERVER, { protocol: 5 })
})
await Promise.all(clients.map((client) => client.connect()))

const [boss, ...workers] = clients
let done = 0
let finish = () => {}
const allDone = new Promise((resolve) => (finish = () => resolve(undefined)))
for (const [i, worker] of workers.entries()) {
  await worker.subscribe('$share/workers/example/jobs', { qos: 1 }, (_topic, _payload, job) => {
    console.log(`Worker ${i + 1} does ${job.text()}`)
    if (++done === JOBS) finish()
  })
}
for (let n = 1; n <= JOBS; n += 1) await boss?.publish('example/jobs', `job ${n}`, { qos: 1 })
await allDone
await Promise.all(clients.map((client) => client.disconnect()))
