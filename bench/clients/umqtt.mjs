// umqtt/simple, as built, behind the interface of client-process.mjs: a promise for each message.

import { MQTTClient } from '../../dist/simple.node.js'

export async function open({ host, port, clientId, protocol, keepAliveSeconds = 0 }) {
  const client = new MQTTClient(clientId, `mqtt://${host}:${port}`, { protocol, keepAliveSeconds })
  await client.connect()

  return {
    async publish({ topics, payload, qos, count, window }) {
      let sent = 0
      if (qos === 0) {
        while (sent < count) {
          let last
          const end = Math.min(sent + window, count)
          for (; sent < end; sent++) last = client.publish(topics[sent % topics.length], payload)
          await last
        }
        return
      }
      const options = { qos }
      const work = async () => {
        while (sent < count) await client.publish(topics[sent++ % topics.length], payload, options)
      }
      await Promise.all(Array.from({ length: window }, work))
    },
    offer: (topic, payload) => client.publish(topic, payload, { qos: 1 }),
    async send(topic, text, qos) {
      await client.publish(topic, text, { qos })
    },
    onMessage(handler) {
      client.setCallback(handler)
    },
    async subscribe(filter, qos) {
      await client.subscribe(filter, { qos })
    },
    close: () => client.disconnect(),
  }
}
