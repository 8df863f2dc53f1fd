// umqtt/robust, as built, behind the interface of client-process.mjs: memory outbox, and the outcome of
// each message awaited, but for fleeting ones, whose receipts nobody looks at.

import { fleeting, MQTTClient } from '../../dist/robust.node.js'

export async function open({ host, port, clientId, protocol, keepAliveSeconds = 0, offline }) {
  const client = new MQTTClient(clientId, `mqtt://${host}:${port}`, {
    protocol,
    keepAliveSeconds,
    ...(offline === 1 && { limits: { outboxMessages: 2_000_000, outboxBytes: 1e9 } }),
  })
  if (offline !== 1) await client.connect()
  const reading = { delivery: fleeting() }

  return {
    async publish({ topics, payload, qos, count, window }) {
      let sent = 0
      if (qos === 0) {
        while (sent < count) {
          const end = Math.min(sent + window, count)
          for (; sent < end; sent++) client.publish(topics[sent % topics.length], payload, reading)
          await new Promise((resolve) => setImmediate(resolve))
        }
        return
      }
      const work = async () => {
        while (sent < count) {
          const { status } = await client.publish(topics[sent++ % topics.length], payload).settled
          if (status !== 'delivered') throw new Error(`A message was ${status}`)
        }
      }
      await Promise.all(Array.from({ length: window }, work))
    },
    offer: (topic, payload) => client.publish(topic, payload),
    async send(topic, text, qos) {
      await client.publish(topic, text, { qos }).settled
    },
    close: () => client.disconnect(),
  }
}
