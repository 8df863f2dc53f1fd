// How long to wait before the next attempt is yours: override delay(), or delayMs() for a number alone.
// node examples/own-delay.mjs [server]
import { MQTTClient } from 'umqtt/robust'

class PatientClient extends MQTTClient {
  /**
   * @param {number} attempt from 1
   * @param {Error} error why
   * @param {{ suggestedMs: number, signal: AbortSignal }} context
   * @override
   */
  async delay(attempt, error, context) {
    console.log(`Attempt ${attempt} failed. ${error.message}`)
    // Whatever is done here, the floor and the budget are kept, and the signal ends it early.
    const suggestedMs = Math.min(200, context.suggestedMs)
    await super.delay(attempt, error, { ...context, suggestedMs })
  }
}

const { UMQTT_SERVER = 'mqtt://localhost' } = process.env
const options = { reconnect: { floorMs: 100 } }
const client = new PatientClient('patient', process.argv[2] ?? UMQTT_SERVER, options)
await client.connect()
console.log('Connected')
await client.disconnect()
