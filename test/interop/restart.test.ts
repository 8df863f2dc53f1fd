// A real server that stops, or is killed, and comes back with what it had on disk: the same client
// object goes on, and every promise of before has settled.

import { equal, ok } from 'node:assert/strict'
import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, test } from 'node:test'
import { MqttError } from '../../src/errors.ts'
import type { QoS } from '../../src/simple/types.ts'
import { type TestServer, startServer } from '../support/servers.ts'
import { absent } from '../support/skip.ts'
import { Collected, Setting, type TappedClient, outcome } from './setting.ts'

const TIMEOUT_MS = 30_000

describe('mosquitto, restarted', { skip: absent('mosquitto'), timeout: TIMEOUT_MS }, () => {
  for (const protocol of [5, 4] as const) {
    for (const ending of ['stop', 'kill'] as const) {
      test(`finishes in MQTT ${protocol} what was in flight at a ${ending}`, async (t) => {
        const server = await startServer('mosquitto', { persistence: true })
        t.after(() => server.remove())
        const setting = new Setting(server, 'tcp', protocol)
        const [sender, receiver] = [setting.client(t), setting.client(t)]
        const received = new Collected()
        receiver.setCallback((_topic, _payload, message) => received.add(message))
        await Promise.all([
          connectKept(sender),
          connectKept(receiver).then(() => receiver.subscribe('t', { qos: 2 })),
        ])
        await sender.publish('retained', 'before', { qos: 1, retain: true })
        await onDisk(server, 'before')
        sender.tap.deaf = true
        const promises = [
          outcome(sender.publish('t', 'one', { qos: 1 })),
          outcome(sender.publish('t', 'two', { qos: 2 })),
        ]
        await received.until(1)
        const lost = [sender, receiver].map(isLost)
        await server[ending]()
        await Promise.all(lost)
        for (const error of await Promise.all(promises)) {
          ok(MqttError.is(error))
          equal(error.sent, 'maybe')
        }
        equal(sender.statistics.inflight, 2)
        ok(MqttError.is(await outcome(sender.publish('t', 'between', { qos: 1 }))))

        await server.start()
        equal((await receiver.connect({ cleanStart: false })).sessionPresent, true)
        equal((await sender.connect({ cleanStart: false })).sessionPresent, true)
        await sender.tap.until(() => sender.statistics.inflight === 0)
        await sender.publish('t', 'after', { qos: 2 })
        await received.untilText('after')
        ok(received.texts.includes('one'))
        equal(received.texts.filter((text) => text === 'after').length, 1)
        // A server that was killed may have forgotten what it had already taken.
        const twos = received.texts.filter((text) => text === 'two').length
        ok(ending === 'stop' ? twos === 1 : twos >= 1)
      })
    }

    test(`settles every promise in MQTT ${protocol} when the server is killed in the middle`, async (t) => {
      const server = await startServer('mosquitto')
      t.after(() => server.remove())
      const setting = new Setting(server, 'tcp', protocol)
      const client = await setting.connected(t)
      const received = await client.collect('t/#', { qos: 2 })
      const promises: Promise<unknown>[] = []
      for (let i = 0; i < 6_000; i += 1) {
        promises.push(outcome(client.publish('t/x', String(i), { qos: (i % 3) as QoS })))
      }
      promises.push(outcome(client.subscribe('u')), outcome(client.unsubscribe('v')))
      promises.push(outcome(client.ping()), outcome(client.waitMsg()))
      await received.until(1)
      const lost = isLost(client)
      await server.kill()
      await lost
      const results = await Promise.all(promises)
      equal(results.length, 6_004)
      equal(client.statistics.waitingMessages, 0)
      equal(client.state, 'closed')
      await client.disconnect()
    })
  }
})

async function connectKept(client: TappedClient): Promise<void> {
  equal((await client.connect({ cleanStart: false })).sessionPresent, false)
}

function isLost(client: TappedClient): Promise<Error> {
  return new Promise((resolve) => client.on('connection-lost', resolve))
}

/** Waits until the server has saved a message, and so all sessions of before it. */
function onDisk(server: TestServer, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      readFile(server.database).then(
        (content) => {
          if (!content.includes(text)) return
          watcher.close()
          resolve()
        },
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return
          watcher.close()
          reject(error)
        },
      )
    }
    const watcher = watch(dirname(server.database), look)
    look()
  })
}
