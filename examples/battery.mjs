// A device on a battery: measures often, connects seldom, and sleeps in between.
// node examples/battery.mjs [server] [rounds]
import { setTimeout as sleep } from 'node:timers/promises'
import { MQTTClient, latest, within } from 'umqtt/robust'

const SLEEP_MS = 100
const { UMQTT_SERVER = 'mqtt://localhost' } = process.env
const [, , server = UMQTT_SERVER, rounds = '3'] = process.argv
const client = new MQTTClient(`battery-${process.pid}`, server, {
  connection: 'on-demand',
  reconnect: { budget: { attempts: 60, perMs: 3_600_000 } },
})
client.on('connected', () => console.log('Radio on'))
client.on('settled', ({ receipt, outcome }) => console.log(`${receipt.topic} ${outcome.status}`))

for (let round = 1; round <= Number(rounds); round += 1) {
  // Rides along when there is a connection, and asks for none.
  client.publish('example/level', String(round), { delivery: latest() })
  await sleep(SLEEP_MS)
}
// This is worth the radio; what waits goes with it.
client.publish('example/button', 'pressed', { delivery: within('15s') })
await client.drain({ signal: AbortSignal.timeout(20_000) })
await client.disconnect()
console.log(`Nothing to do: ${client.idle}; wake me in ${client.nextWake()} ms`)
