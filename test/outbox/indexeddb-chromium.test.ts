// The IndexedDB store, and the client of robust.browser.ts, in a real Chromium: the contract, two tabs, the
// end of a tab, a browser that is killed, a quota that is reached, and what wakes a client.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { IndexedDbTraits } from '../../src/outbox/indexeddb.ts'
import type { Result, Unkept } from '../support/browser/outbox-page.ts'
import { type Chromium, startChromium } from '../support/browser/start-chromium.ts'
import { absent } from '../support/skip.ts'

describe('the IndexedDB store in Chromium', { skip: absent('chromium'), timeout: 60_000 }, () => {
  let chromium: Chromium
  before(async () => {
    chromium = await startChromium()
  })
  after(() => chromium.remove())

  test('passes the contract', async (t) => {
    const tab = await chromium.tab()
    const results = await tab.call<readonly Result[]>('runContract')
    ok(results.length > 10)
    for (const { name, error } of results) await t.test(name, () => equal(error, undefined))
    await tab.page.close()
  })

  test('says what it is', async () => {
    const tab = await chromium.tab()
    equal(await tab.call('open', 'traits'), 'opened 0')
    equal(await tab.call('write', 'traits', 'put', [1]), 'holds 1')
    const { persisted, evictable, ...traits } = await tab.call<IndexedDbTraits>('traits', 'traits')
    equal(typeof persisted, 'boolean')
    equal(evictable, !persisted)
    deepEqual(traits, { power: true, process: true, engine: 'indexeddb', formatVersion: 1 })
    await tab.page.close()
  })

  test('belongs to one tab until that one ends', async () => {
    const [first, second] = [await chromium.tab(), await chromium.tab()]
    equal(await first.call('open', 'door'), 'opened 0')
    equal(await first.call('write', 'door', 'put', [1, 2, 3], 10), 'holds 3')
    match(await second.call('open', 'door'), /^ERR_MQTT_STORE_UNAVAILABLE: .*another tab/)
    await first.page.close()
    await second.page.evaluate(`navigator.locks.request('umqtt outbox door', () => undefined)`)
    equal(await second.call('open', 'door'), 'opened 3')
    await second.page.close()
  })

  test('is taken over from a client that is disposed of and not waited for', async () => {
    const tab = await chromium.tab()
    const closed = 'ERR_MQTT_CLOSED'
    equal(await tab.call('remount', 'ws://127.0.0.1:1'), [closed, closed, 'disk', closed].join())
    await tab.page.close()
  })

  test('has what was published first of all in the last moment of a page', async () => {
    const tab = await chromium.tab()
    const nowhere = 'ws://127.0.0.1:1'
    await tab.call('publishAtEnd', nowhere)
    await tab.page.goto(`${chromium.url}again`)
    deepEqual(await tab.call('waitingAfterEnd', nowhere), ['door'])
    await tab.page.close()
  })

  for (const how of ['another page deletes it', 'the browser has closed it']) {
    test(`says once that ${how}, and hinders nobody in that`, async () => {
      const [tab, other] = [await chromium.tab(), await chromium.tab()]
      await tab.call('keep', 'ws://127.0.0.1:1')
      if (how.startsWith('another')) equal(await other.call('deleteKept'), 'success')
      else {
        const session = await other.page.context().newCDPSession(other.page)
        const [origin, storageTypes] = [chromium.url.slice(0, -1), 'all']
        await session.send('Storage.clearDataForOrigin', { origin, storageTypes })
      }
      const { stored, told } = await tab.call<Unkept>('publishUnkept')
      deepEqual(stored, ['ERR_MQTT_STORE_UNAVAILABLE', 'ERR_MQTT_STORE_UNAVAILABLE'])
      equal(told.length, 1)
      match(told[0]!, new RegExp(`^Cannot write to ".+": ${how}, .+; reload the page$`))
      for (const one of [tab, other]) await one.page.close()
    })
  }

  test('has everything after the browser was killed', async () => {
    const tab = await chromium.tab()
    await tab.call('open', 'alarm')
    equal(await tab.call('write', 'alarm', 'put', [1, 2], 100), 'holds 2')
    await chromium.killAndRestart()
    const again = await chromium.tab()
    equal(await again.call('open', 'alarm'), 'opened 2')
    await again.page.close()
  })

  test('is what a client is woken beside: online, or visible again, until it is disposed of', async () => {
    const tab = await chromium.tab()
    await tab.call('startClient', 'ws://127.0.0.1:1')
    await chromium.setOffline(true)
    await chromium.setOffline(false)
    await tab.call('waitsAfter', 2)
    await tab.call('show')
    await tab.call('waitsAfter', 3)
    await tab.call('endClient')
    await tab.call('show')
    equal(await tab.call('attempts'), 3)
    await tab.page.close()
  })
})

describe('a quota that is reached in Chromium', { skip: absent('chromium') }, () => {
  test('lets nothing in, the store be opened, and everything out', async () => {
    // A browser of its own: what room there is, is asked for at its first transaction.
    const chromium = await startChromium()
    try {
      const tab = await chromium.tab()
      const session = await tab.page.context().newCDPSession(tab.page)
      const origin = chromium.url.slice(0, -1)
      await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 3_000_000 })
      equal(await tab.call('open', 'full'), 'opened 0')
      let seq = 0
      for (const sizeBytes of [200_000, 20_000, 2000, 200, 20]) {
        let answer = ''
        while (answer !== 'ERR_MQTT_STORE_FULL') {
          ok(seq < 1000)
          answer = await tab.call<string>('write', 'full', 'put', [++seq], sizeBytes)
        }
      }
      await tab.call('close', 'full')
      const [, count] = /^opened (\d+)$/.exec(await tab.call<string>('open', 'full')) ?? []
      ok(Number(count) > 5)
      for (let one = 1, left = Number(count); one <= seq && left > 0; one++) {
        const answer = await tab.call<string>('write', 'full', 'delete', [one])
        match(answer, /^holds \d+$/)
        left = Number(answer.slice(6))
        if (one === seq) equal(left, 0)
      }
      equal(await tab.call('write', 'full', 'put', [seq + 1], 20), 'holds 1')
    } finally {
      await chromium.remove()
    }
  })
})
