// A real Chromium with the page of outbox-page.ts, served from this machine, which makes it one that a
// browser trusts. Only for tests that asked for the capability "chromium".

import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { findChromium } from '../skip.ts'

const ENTRY = 'test/support/browser/outbox-page.ts'

/** A browser with a profile of its own, kept when it is killed and started again. */
export interface Chromium {
  readonly url: string
  /** Opens one more tab. */
  tab(): Promise<Tab>
  /** The browser dies at once, and another one begins on what it left. */
  killAndRestart(): Promise<void>
  /** Whether it is told that there is a network. */
  setOffline(offline: boolean): Promise<void>
  remove(): Promise<void>
}

/** A tab with the page in it. */
export interface Tab {
  readonly page: Page
  /** Calls a function of the page. */
  call<T>(name: string, ...values: readonly unknown[]): Promise<T>
}

/** Starts one. */
export async function startChromium(): Promise<Chromium> {
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  })
  const script = outputFiles[0]!.text
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : '<!doctype html><script src="/page.js"></script>')
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const profile = await mkdtemp(join(tmpdir(), 'umqtt-chromium-'))
  const start = (): Promise<BrowserContext> =>
    chromium.launchPersistentContext(profile, {
      executablePath: findChromium()!,
      // Root may not have the sandbox, and the page is our own.
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    })
  let context = await start()
  return {
    url,
    tab: async () => {
      const page = await context.newPage()
      await page.goto(url)
      return {
        page,
        call: <T>(name: string, ...values: readonly unknown[]) =>
          page.evaluate<T>(`page.${name}(${values.map((value) => JSON.stringify(value)).join()})`),
      }
    },
    killAndRestart: async () => {
      const closed = new Promise((done) => context.once('close', done))
      const session = await context.browser()?.newBrowserCDPSession()
      await session?.send('Browser.crash').catch(() => undefined)
      await closed
      context = await start()
    },
    setOffline: (offline) => context.setOffline(offline),
    remove: async () => {
      await context.close()
      await rm(profile, { recursive: true, maxRetries: 3 })
      await new Promise((closed) => server.close(closed))
    },
  }
}
