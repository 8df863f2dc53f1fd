// The IndexedDB store, and the client of robust.browser.ts, in a real Chromium, as far as only Chromium can be made to:
// site data that are cleared, a browser that is killed, a quota that is reached, and what wakes a client.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Unkept } from '../support/browser/outbox-page.ts'
import { type Chromium, startChromium } from '../support/browser/start-chromium.ts'
import { absent } from '../support/skip.ts'

describe('the IndexedDB store in Chromium', { skip: absent('chromium'), timeout: 60_000 }, () => {
  let chromium: Chromium
  before(async () => {
    chromium = await startChromium()
  })
  after(() => chromium.remove())

  test('says once that its data were cleared, and hinders nobody in that', async () => {
    const [tab, other] = [await chromium.tab(), await chromium.tab()]
    await tab.call('keep', 'ws://127.0.0.1:1')
    const session = await other.page.context().newCDPSession(other.page)
    const [origin, storageTypes] = [chromium.url.slice(0, -1), 'all']
    await session.send('Storage.clearDataForOrigin', { origin, storageTypes })
    const { stored, told } = await tab.call<Unkept>('publishUnkept')
    deepEqual(stored, ['ERR_MQTT_STORE_UNAVAILABLE', 'ERR_MQTT_STORE_UNAVAILABLE'])
    equal(told.length, 1)
    match(told[0]!, /^Cannot write to ".+": the browser has closed it, .+; reload the page$/)
    for (const one of [tab, other]) await one.close()
  })

  test('has everything after the browser was killed', async () => {
    const tab = await chromium.tab()
    await tab.call('open', 'alarm')
    equal(await tab.call('write', 'alarm', 'put', [1, 2], 100), 'holds 2')
    await chromium.killAndRestart()
    const again = await chromium.tab()
    equal(await again.call('open', 'alarm'), 'opened 2')
    await again.close()
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
    await tab.close()
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
