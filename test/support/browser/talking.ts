// What a client of robust.browser.ts does with a real server, in a page: messages of each QoS to itself, and one
// that is published while the server is away.

import { fleeting, guaranteed, MQTTClient } from '../../../src/robust.browser.ts'

/** More than one frame, and every byte there is. */
const LARGE = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff)

let client: MQTTClient | undefined
const received: string[] = []
let wake = (): void => undefined

/** Connects and subscribes. @returns whether the server keeps the session, and which protocol it speaks */
export async function talk(url: string, keepAliveSeconds = 60): Promise<string> {
  client = new MQTTClient('page', url, {
    outbox: 'talk',
    reconnect: { floorMs: 50, capMs: 200 },
    keepAliveSeconds,
    will: { topic: 'page/gone', payload: 'given up by the server', qos: 1 },
  })
  const { protocol, sessionPresent } = await client.connect()
  await client.subscribe('talk/#', { qos: 2 }, (topic, payload, { qos }) => {
    const same = payload.length === LARGE.length && payload.every((byte, i) => byte === LARGE[i])
    received.push(`${topic} ${qos} ${same ? 'large' : new TextDecoder().decode(payload)}`)
    wake()
  })
  return `MQTT ${protocol}, ${sessionPresent ? 'kept' : 'new'}`
}

/** Publishes a message. @returns what became of it */
export async function say(topic: string, text: string, qos: 0 | 1 | 2): Promise<string> {
  const delivery = qos === 0 ? fleeting() : guaranteed({ qos })
  const payload = text === 'large' ? LARGE : text
  return (await client!.publish(topic, payload, { delivery }).settled).status
}

/** What has arrived, once it is so much. */
export async function heard(count: number): Promise<readonly string[]> {
  while (received.length < count) await new Promise<void>((arrived) => (wake = arrived))
  return received
}

/** Settles when the client has noticed that the server is gone. */
export async function left(): Promise<string> {
  while (client!.state === 'connected') await new Promise((told) => client!.on('state', told))
  return client!.state === 'waiting' || client!.state === 'connecting' ? 'trying' : client!.state
}

/** Leaves in good order. */
export async function leave(): Promise<void> {
  await client!.disconnect()
  await client![Symbol.asyncDispose]()
}
