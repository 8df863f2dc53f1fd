// The three engines that browsers have: Chromium's, Firefox's and WebKit's, which Safari's is one of. In each the
// IndexedDB store keeps its contract, has one tab, outlives a page, and the client talks to a real server.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { IndexedDbTraits } from '../src/outbox/indexeddb.ts'
import { MQTTClient } from '../src/simple.node.ts'
import type { Browser } from './support/browser/browser.ts'
import type { Result, Unkept } from './support/browser/outbox-page.ts'
import { startChromium } from './support/browser/start-chromium.ts'
import { startFirefox } from './support/browser/start-firefox.ts'
import { startWebKit } from './support/browser/start-webkit.ts'
import { startServer } from './support/servers.ts'
import { absent, type Capability } from './support/skip.ts'

const NOWHERE = 'ws://127.0.0.1:1'

/** A browser takes half a minute beside other tests. */
const TIMEOUT_MS = 180_000

interface Engine {
  readonly name: string
  readonly needs: readonly Capability[]
  readonly start: () => Promise<Browser>
  /** Whether a transaction of IndexedDB that begins in `pagehide` is carried out. */
  readonly writesInPageHide: boolean
}

const ENGINES: readonly Engine[] = [
  { name: 'Chromium', needs: ['chromium'], start: startChromium, writesInPageHide: true },
  { name: 'Firefox', needs: ['firefox'], start: startFirefox, writesInPageHide: true },
  { name: 'WebKit', needs: ['webkit', 'xvfb'], start: startWebKit, writesInPageHide: false },
]

for (const { name, needs, start, writesInPageHide } of ENGINES) {
  describe(`in ${name}`, { skip: absent(...needs), timeout: TIMEOUT_MS }, () => {
    let browser: Browser
    before(async () => {
      browser = await start()
    })
    after(() => browser.remove())

    test('the IndexedDB store passes the contract', async (t) => {
      const tab = await browser.tab()
      const results = await tab.call<readonly Result[]>('runContract')
      ok(results.length > 10)
      for (const { name: check, error } of results)
        await t.test(check, () => equal(error, undefined))
      await tab.close()
    })

    test('the IndexedDB store says what it is', async () => {
      const tab = await browser.tab()
      equal(await tab.call('open', 'traits'), 'opened 0')
      equal(await tab.call('write', 'traits', 'put', [1]), 'holds 1')
      const { persisted, evictable, ...traits } = await tab.call<IndexedDbTraits>(
        'traits',
        'traits',
      )
      // Firefox asks the person, who may never answer.
      ok(persisted === undefined || typeof persisted === 'boolean')
      equal(evictable, persisted !== true)
      deepEqual(traits, { power: true, process: true, engine: 'indexeddb', formatVersion: 1 })
      await tab.close()
    })

    test('an outbox belongs to one tab until that one ends', async () => {
      const [first, second] = [await browser.tab(), await browser.tab()]
      equal(await first.call('open', 'door'), 'opened 0')
      equal(await first.call('write', 'door', 'put', [1, 2, 3], 10), 'holds 3')
      match(await second.call('open', 'door'), /^ERR_MQTT_STORE_UNAVAILABLE: .*another tab/)
      await first.close()
      await second.call('waitForDoor')
      equal(await second.call('open', 'door'), 'opened 3')
      await second.close()
    })

    test('an outbox is taken over from a client that is disposed of and not waited for', async () => {
      const tab = await browser.tab()
      const closed = 'ERR_MQTT_CLOSED'
      equal(await tab.call('remount', NOWHERE), [closed, closed, 'disk', closed].join())
      await tab.close()
    })

    test(`what a page publishes first of all in its last moment is ${writesInPageHide ? 'kept' : 'not kept'}`, async () => {
      const tab = await browser.tab()
      await tab.call('publishAtEnd', NOWHERE)
      await tab.goTo('again')
      deepEqual(await tab.call('waitingAfterEnd', NOWHERE), writesInPageHide ? ['door'] : [])
      await tab.close()
    })

    test('a client says once that another page deletes its outbox, and hinders nobody in that', async () => {
      const [tab, other] = [await browser.tab(), await browser.tab()]
      await tab.call('keep', NOWHERE)
      equal(await other.call('deleteKept'), 'success')
      const { stored, told } = await tab.call<Unkept>('publishUnkept')
      deepEqual(stored, ['ERR_MQTT_STORE_UNAVAILABLE', 'ERR_MQTT_STORE_UNAVAILABLE'])
      equal(told.length, 1)
      match(told[0]!, /^Cannot write to ".+": another page deletes it, .+; reload the page$/)
      for (const one of [tab, other]) await one.close()
    })

    test('a client talks to a real server, also after it was away', async (t) => {
      const missing = absent('mosquitto')
      if (missing !== false) return t.skip(missing)
      const server = await startServer('mosquitto', { anonymous: true, persistence: true })
      try {
        const tab = await browser.tab()
        equal(await tab.call('talk', server.urls.ws), 'MQTT 5, new')
        equal(await tab.call('say', 'talk/0', 'at most once', 0), 'sent')
        equal(await tab.call('say', 'talk/1', 'at least once', 1), 'delivered')
        equal(await tab.call('say', 'talk/2', 'large', 2), 'delivered')
        deepEqual(await tab.call('heard', 3), [
          'talk/0 0 at most once',
          'talk/1 1 at least once',
          'talk/2 2 large',
        ])
        await server.stop()
        equal(await tab.call('left'), 'trying')
        const [outcome] = await Promise.all([tab.call('say', 'talk/3', 'later', 2), server.start()])
        equal(outcome, 'delivered')
        equal((await tab.call<readonly string[]>('heard', 4))[3], 'talk/3 2 later')
        await tab.call('leave')
        await tab.close()
      } finally {
        await server.remove()
      }
    })
  })
}

describe('a page that is stopped for a while, as in a device that sleeps,', () => {
  const missing = absent('chromium', 'mosquitto')

  test(
    'a client that the server has given up meanwhile gets what came for it',
    { skip: missing, timeout: TIMEOUT_MS },
    async () => {
      const server = await startServer('mosquitto', { anonymous: true, persistence: true })
      const browser = await startChromium()
      try {
        const tab = await browser.tab()
        await tab.call('talk', server.urls.ws, 1)
        const other = new MQTTClient('other', server.urls.tcp ?? '')
        await other.connect()
        await other.subscribe('page/gone', { qos: 1 })
        await browser.setStopped(true)
        const gone = await other.waitMsg({ signal: AbortSignal.timeout(TIMEOUT_MS / 3) })
        equal(gone.text(), 'given up by the server')
        await other.publish('talk/late', 'while it was stopped', { qos: 1 })
        await browser.setStopped(false)
        deepEqual(await tab.call('heard', 1), ['talk/late 1 while it was stopped'])
        equal(await tab.call('say', 'talk/on', 'goes on', 2), 'delivered')
        await other.disconnect()
        await tab.call('leave')
        await tab.close()
      } finally {
        await browser.setStopped(false)
        await browser.remove()
        await server.remove()
      }
    },
  )
})
