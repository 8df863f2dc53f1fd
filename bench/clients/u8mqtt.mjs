// u8-mqtt behind the interface of client-process.mjs. It has no QoS 2, and its QoS 0 has no back-pressure of
// its own: the socket is ours, so each burst waits until it has drained. `post`, its call for QoS 0, throws in
// 0.6.7 ("Cannot set properties of null"), so QoS 0 goes through `_send`, which `post` is meant to end in.

import net from 'node:net'
import { once } from 'node:events'
import { mqtt_v4, mqtt_v5 } from 'u8-mqtt'

export async function open({ host, port, clientId, protocol, keepAliveSeconds = 0 }) {
  const socket = net.connect({ host, port, noDelay: true })
  const client = (protocol === 5 ? mqtt_v5 : mqtt_v4)({ log_conn() {} })
  client.with_stream(socket)
  await client.connect({
    client_id: clientId,
    keep_alive: keepAliveSeconds,
    flags: { clean_start: true },
  })
  const post = (topic, payload) => client._send('publish', { topic, payload, qos: 0 })
  let handler

  // After a packet that came in two reads, its decoder (0.6.7) holds a shorter one back until as many bytes are
  // there: the answers to these pings push the PUBACK through.
  async function sendPushed(topic, text) {
    const sent = client.send(topic, text)
    const push = setInterval(() => {
      for (let i = 0; i < 50; i++) void client._send('pingreq')
    }, 2)
    const [, failure] = await sent
    clearInterval(push)
    if (failure !== undefined) throw new Error(`u8-mqtt gave up on a message: ${failure}`)
  }

  return {
    async publish({ topics, payload, qos, count, window }) {
      let sent = 0
      if (qos === 0) {
        while (sent < count) {
          let last
          const end = Math.min(sent + window, count)
          for (; sent < end; sent++) last = post(topics[sent % topics.length], payload)
          await last
          if (socket.writableNeedDrain) await once(socket, 'drain')
        }
        return
      }
      const work = async () => {
        while (sent < count) {
          const [, failure] = await client.send(topics[sent++ % topics.length], payload)
          if (failure !== undefined) throw new Error(`u8-mqtt gave up on a message: ${failure}`)
        }
      }
      await Promise.all(Array.from({ length: window }, work))
    },
    async send(topic, text, qos) {
      if (qos === 0) await post(topic, text)
      else await sendPushed(topic, text)
    },
    onMessage(given) {
      handler = given
    },
    async subscribe(filter, qos) {
      client.on_topic(filter, (packet) => handler(packet.topic, packet.payload))
      await client.subscribe([[filter, qos]])
    },
    async close() {
      socket.destroy()
    },
  }
}
