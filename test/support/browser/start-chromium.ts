// A real Chromium, by playwright-core, which can also be killed, kept from its network and given a quota.
// Only for tests that asked for the capability "chromium".

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { findChromium } from '../skip.ts'
import { type Browser, callOf, type Tab } from './browser.ts'
import { servePage } from './serve-page.ts'

/** It keeps its profile when it is killed and started again. */
export interface Chromium extends Browser<ChromiumTab> {
  readonly url: string
  /** The browser dies at once, and another one begins on what it left. */
  killAndRestart(): Promise<void>
  /** Stops the processes of all pages, while their connections stay open, or lets them go on. */
  setStopped(stopped: boolean): Promise<void>
  /** Whether it is told that there is a network. */
  setOffline(offline: boolean): Promise<void>
}

export interface ChromiumTab extends Tab {
  readonly page: Page
}

/** Starts one. */
export async function startChromium(): Promise<Chromium> {
  const server = await servePage()
  const profile = await mkdtemp(join(tmpdir(), 'umqtt-chromium-'))
  const start = (): Promise<BrowserContext> =>
    chromium.launchPersistentContext(profile, {
      executablePath: findChromium()!,
      // Root may not have the sandbox, and the page is our own.
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    })
  let context = await start()
  return {
    url: server.url,
    tab: async () => {
      const page = await context.newPage()
      await page.goto(server.url)
      return {
        page,
        call: <T>(name: string, ...values: readonly unknown[]) =>
          page.evaluate<T>(callOf(name, values)),
        goTo: async (path) => void (await page.goto(`${server.url}${path}`)),
        close: () => page.close(),
      }
    },
    killAndRestart: async () => {
      const closed = new Promise((done) => context.once('close', done))
      const session = await context.browser()?.newBrowserCDPSession()
      await session?.send('Browser.crash').catch(() => undefined)
      await closed
      context = await start()
    },
    setStopped: async (stopped) => {
      const session = await context.browser()?.newBrowserCDPSession()
      const info = await session?.send('SystemInfo.getProcessInfo')
      const pages = info?.processInfo.filter(({ type }) => type === 'renderer') ?? []
      for (const { id } of pages) process.kill(id, stopped ? 'SIGSTOP' : 'SIGCONT')
    },
    setOffline: (offline) => context.setOffline(offline),
    remove: async () => {
      await context.close()
      await rm(profile, { recursive: true, maxRetries: 3 })
      await server.close()
    },
  }
}
