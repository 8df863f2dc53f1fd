// What surrounds connecting is yours: override reconnect() to switch on a modem, wait for a network, count.
// node examples/own-reconnect.mjs [server]
import { setTimeout as pause } from 'node:timers/promises'
import { MQTTClient } from 'umqtt/robust'

class ModemClient extends MQTTClient {
  /** @override */
  async reconnect() {
    console.log('Modem on')
    await pause(50)
    const result = await super.reconnect()
    console.log(`Connected, session ${result.sessionPresent ? 'resumed' : 'new'}`)
    return result
  }
}

const { UMQTT_SERVER = 'mqtt://localhost' } = process.env
const client = new ModemClient(`modem-${process.pid}`, process.argv[2] ?? UMQTT_SERVER)
// Nothing else is needed: what is published asks for a connection.
const { status } = await client.publish('example/hello', 'from far away').settled
console.log(status)
await client.disconnect()
