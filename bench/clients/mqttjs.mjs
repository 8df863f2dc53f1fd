// MQTT.js behind the interface of client-process.mjs: callbacks, which cost it less than its promises.

import mqtt from 'mqtt'

export async function open({ host, port, clientId, protocol, keepAliveSeconds = 0 }) {
  const client = mqtt.connect({
    protocol: 'mqtt',
    host,
    port,
    clientId,
    protocolVersion: protocol,
    keepalive: keepAliveSeconds,
    reconnectPeriod: 0,
  })
  await new Promise((resolve, reject) => {
    client.once('connect', resolve)
    client.once('error', reject)
  })
  client.on('error', (error) => {
    throw error
  })

  function burst(topics, payload, from, end) {
    return new Promise((resolve, reject) => {
      const options = { qos: 0 }
      for (let i = from; i < end - 1; i++)
        client.publish(topics[i % topics.length], payload, options)
      client.publish(topics[(end - 1) % topics.length], payload, options, (error) =>
        error ? reject(error) : resolve(),
      )
    })
  }

  return {
    async publish({ topics, payload, qos, count, window }) {
      if (qos === 0) {
        for (let from = 0; from < count; from += window) {
          await burst(topics, payload, from, Math.min(from + window, count))
        }
        return
      }
      await new Promise((resolve, reject) => {
        const options = { qos }
        let sent = 0
        let acknowledged = 0
        const next = () => client.publish(topics[sent++ % topics.length], payload, options, done)
        const done = (error) => {
          if (error) reject(error)
          else if (++acknowledged === count) resolve()
          else if (sent < count) next()
        }
        while (sent < Math.min(window, count)) next()
      })
    },
    offer: (topic, payload) => client.publishAsync(topic, payload, { qos: 1 }),
    async send(topic, text, qos) {
      await client.publishAsync(topic, text, { qos })
    },
    onMessage(handler) {
      client.on('message', handler)
    },
    async subscribe(filter, qos) {
      await client.subscribeAsync(filter, { qos })
    },
    close: () => client.endAsync(true),
  }
}
