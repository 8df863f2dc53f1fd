// Mosquitto over every route, in both versions of MQTT.

import { after, before, describe } from 'node:test'
import { ROUTES, type TestServer, startServer } from '../support/servers.ts'
import { absent } from '../support/skip.ts'
import { Setting } from './setting.ts'
import { interopSuite5 } from './suite-5.ts'
import { interopSuite } from './suite.ts'
import { Waker } from './waker.ts'

describe('mosquitto', { skip: absent('mosquitto') }, () => {
  let server: TestServer
  before(async () => {
    server = await startServer('mosquitto')
  })
  after(() => server.remove())

  for (const protocol of [5, 4] as const) {
    const version = protocol === 5 ? '5.0' : '3.1.1'
    describe(`in MQTT ${version}`, () => {
      for (const route of ROUTES) {
        let setting: Setting | undefined
        const lazily = (): Setting => (setting ??= new Setting(server, route, protocol))
        describe(`over ${route}`, () => {
          if (route === 'ws' || route === 'wss') {
            const waker = new Waker()
            before(() => waker.start(server))
            after(() => waker.stop())
          }
          interopSuite('as any server', lazily, {
            flood: route === 'tcp' ? 20_000 : 2_000,
            who: route === 'mutual-tls' ? 'certificate' : 'password',
          })
          if (protocol === 5) interopSuite5('as a server of 5.0', lazily)
        })
      }
    })
  }
})
