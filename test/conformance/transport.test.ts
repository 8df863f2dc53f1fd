// MQTT over a real TCP connection, and against a server that knows nothing of us. §4.2, §7 of 3.1.1

import { deepEqual, equal, ok } from 'node:assert/strict'
import { PacketType } from '../../src/codec/packets.ts'
import { MQTTClient } from '../../src/simple.node.ts'
import { ScriptedServer } from '../../src/testing/scripted-server.ts'
import { startServer } from '../support/servers.ts'
import { rule } from './rule.ts'

rule(
  'TCP carries packets both ways, all of them and in order',
  { v4: 'MQTT-7.1.2-1', v5: 'MQTT-4.2-1' },
  async (version, t) => {
    const server = await ScriptedServer.start()
    t.after(() => server.close())
    const client = new MQTTClient('sensor', server.url, { protocol: version })
    const received: string[] = []
    const topics = Array.from({ length: 500 }, (_, i) => `t/${i}`)
    const done = new Promise<void>((resolve) => {
      client.setCallback((topic, payload) => {
        received.push(`${topic} ${payload.length}`)
        if (received.length === topics.length) resolve()
      })
    })
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.accept()
    await connecting
    const payload = new Uint8Array(2_000)
    connection.autoRespond()
    for (const topic of topics) connection.publish(topic, payload, { qos: 0 })
    const sending = topics.map((topic) => client.publish(topic, payload))
    await Promise.all([done, ...sending, client.publish('end', payload, { qos: 1 })])
    deepEqual(
      received,
      topics.map((topic) => `${topic} 2000`),
    )
    const sent = connection.received.flatMap((p) =>
      p.type === PacketType.PUBLISH ? [p.topic] : [],
    )
    deepEqual(sent, [...topics, 'end'])
    await client.disconnect()
  },
)

rule(
  'a server that knows nothing of us needs no extension',
  { v4: 'MQTT-7.0.0-2' },
  async (_version, t) => {
    const server = await startServer('aedes', { anonymous: true })
    t.after(() => server.remove())
    const client = new MQTTClient('sensor', String(server.urls.tcp), { protocol: 4 })
    const { protocol } = await client.connect()
    equal(protocol, 4)
    await client.subscribe('hall/#', { qos: 2 })
    for (const qos of [0, 1, 2] as const) {
      const waiting = client.waitMsg()
      await client.publish('hall/temperature', `21.${qos}`, { qos })
      const message = await waiting
      equal(message.text(), `21.${qos}`)
      equal(message.qos, qos)
    }
    await client.unsubscribe('hall/#')
    ok((await client.ping()) >= 0)
    await client.disconnect()
  },
)
