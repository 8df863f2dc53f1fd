// Aedes, which speaks MQTT 3.1.1, over every route that it has; and the fall-back to it from 5.0.

import { equal } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MQTTClient } from '../../src/simple.node.ts'
import { PASSWORD, type TestServer, USER, startServer } from '../support/servers.ts'
import { Setting } from './setting.ts'
import { interopSuite } from './suite.ts'

const ROUTES = ['tcp', 'tls', 'ws', 'wss', 'unix'] as const

describe('aedes', () => {
  let server: TestServer
  before(async () => {
    server = await startServer('aedes')
  })
  after(() => server.remove())

  for (const route of ROUTES) {
    let setting: Setting | undefined
    const lazily = (): Setting => (setting ??= new Setting(server, route, 4))
    interopSuite(`over ${route}`, lazily, {
      flood: route === 'tcp' ? 20_000 : 2_000,
      who: 'password',
    })
  }

  for (const route of ROUTES) {
    test(`is spoken to in MQTT 3.1.1 over ${route} when nothing is said of the version`, async (t) => {
      const options = { user: USER, password: PASSWORD }
      const tls = route === 'tls' || route === 'wss' ? { tls: server.tls } : {}
      const client = new MQTTClient('', server.urls[route] ?? '', { ...options, ...tls })
      t.after(() => client.disconnect())
      const result = await client.connect()
      equal(result.protocol, 4)
      await client.subscribe('fallback', { qos: 2 })
      await client.publish('fallback', 'works', { qos: 2 })
      equal((await client.waitMsg()).text(), 'works')
      await client.disconnect()
      equal((await client.connect()).protocol, 4)
    })
  }
})
