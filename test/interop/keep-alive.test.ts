// A consumer that is slower than the server, and a keep alive of a second: the server must not drop us.
// Time passes here by what happens: a handler waits for answers to pings, which come with the time. The
// servers are waited for at once.

import { equal, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type TestServer, startServer } from '../support/servers.ts'
import { absent } from '../support/skip.ts'
import { Setting, Watchers } from './setting.ts'

const TIMEOUT_MS = 30_000
/** Enough of them for longer than the 1.5 s after which a server drops a silent client. */
const PINGS = 3

const SERVERS = [
  { name: 'mosquitto', protocol: 5, skip: absent('mosquitto') },
  { name: 'mosquitto', protocol: 4, skip: absent('mosquitto') },
  { name: 'aedes', protocol: 4, skip: false },
] as const

describe('a slow consumer', { concurrency: true, timeout: TIMEOUT_MS }, () => {
  for (const { name, protocol, skip } of SERVERS) {
    describe(`of ${name} in MQTT ${protocol}`, { concurrency: true, skip }, () => {
      let server: TestServer
      let setting: Setting
      before(async () => {
        server = await startServer(name)
        setting = new Setting(server, 'tcp', protocol)
      })
      after(() => server.remove())

      test('is kept alive while a handler is slow and messages wait', async (t) => {
        const topic = setting.name()
        const total = 1_000
        const sender = await setting.connected(t)
        const receiver = await setting.connected(t, { keepAliveSeconds: 1 })
        const idle = await setting.connected(t, { keepAliveSeconds: 1 })
        let handled = 0
        await receiver.ping()
        const { tap } = receiver
        const until = tap.pingResponses + PINGS
        const release = tap.until(() => tap.pingResponses >= until)
        const watchers = new Watchers()
        await receiver.subscribe(topic, { qos: 1 }, async () => {
          await release
          handled += 1
          watchers.look()
        })
        const payload = new Uint8Array(500)
        for (let i = 0; i < total; i += 1) void sender.publish(topic, payload, { qos: 1 })
        await sender.ping()
        equal(handled, 0)
        await watchers.until(() => handled === total)
        ok(idle.tap.pingResponses >= PINGS - 1)
        for (const client of [receiver, idle]) equal(client.state, 'connected')
      })

      test('is kept alive while it has stopped reading', async (t) => {
        const topic = setting.name()
        const total = 1_000
        const sender = await setting.connected(t)
        const receiver = await setting.connected(t, {
          keepAliveSeconds: 1,
          limits: { inboxBytes: 65_536 },
        })
        let handled = 0
        let begun = 0
        const release = receiver.tap.until(() => receiver.tap.pingRequests >= PINGS + 1)
        const watchers = new Watchers()
        await receiver.subscribe(topic, { qos: 0 }, async () => {
          begun += 1
          await release
          handled += 1
          watchers.look()
        })
        const payload = new Uint8Array(4_096)
        for (let i = 0; i < total; i += 1) void sender.publish(topic, payload)
        await release
        ok(begun < total, 'All of it came in at once')
        await watchers.until(() => handled === total)
        equal(receiver.state, 'connected')
        ok((await receiver.ping()) >= 0)
      })
    })
  }
})
