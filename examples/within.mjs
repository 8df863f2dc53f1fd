// A press of a button: tried until a deadline, and the person sees what happens meanwhile.
// node examples/within.mjs [server] [deadline]: without a server it is too late after the deadline
import { MQTTClient, within } from 'umqtt/robust'

const { UMQTT_SERVER = 'mqtt://localhost' } = process.env
const [, , server = UMQTT_SERVER, deadline = '15000'] = process.argv
const client = new MQTTClient(`within-${process.pid}`, server)

const press = client.publish('example/light', 'on', { delivery: within(Number(deadline)) })
for await (const stage of press.stages()) console.log(`The lamp shows: ${stage}`)

const { status, latencyMs } = await press.settled
if (status === 'delivered') console.log('The server has it')
else if (status === 'expired') console.log('It was never sent, and never will be: press again')
else if (status === 'rejected') console.log('The server would not take it')
else console.log(`Perhaps it arrived: look at the light (${status} after ${latencyMs} ms)`)
await client.disconnect()
