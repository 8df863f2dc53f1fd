// A real WebKit, by WebDriver (https://www.w3.org/TR/webdriver2): the small browser that comes with WebKitGTK, on a
// display that nobody sees. Only for tests that asked for the capabilities "webkit" and "xvfb".

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GuardedProcess } from '../servers/guarded-process.ts'
import { freePorts } from '../servers/server.ts'
import { findMiniBrowser, programPath } from '../skip.ts'
import { type Browser, readText, textOf } from './browser.ts'
import { servePage } from './serve-page.ts'

/** How long a function of the page may take, ms. */
const SCRIPT_MS = 60_000

/** What every answer is. */
interface Reply {
  readonly value: unknown
}

/** Starts one. */
export async function startWebKit(): Promise<Browser> {
  const server = await servePage()
  const profile = await mkdtemp(join(tmpdir(), 'umqtt-webkit-'))
  const [screen, hasScreen] = await GuardedProcess.start({
    program: programPath('Xvfb'),
    args: ['-displayfd', '1', '-nolisten', 'tcp', '-screen', '0', '640x480x24'],
    ready: /^\d+$/,
  })
  if (!hasScreen) throw new Error(`Xvfb ended:\n${screen.log.join('\n')}`)
  const display = screen.log.find((line) => /^\d+$/.test(line))!
  const [port = 0] = await freePorts(1)
  const [driver] = await GuardedProcess.start({
    program: '/bin/sh',
    // It says nothing when it begins.
    args: ['-c', 'echo begun; exec "$@"', 'sh', programPath('WebKitWebDriver'), `--port=${port}`],
    env: { DISPLAY: `:${display}`, HOME: profile, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' },
    ready: /^begun$/,
  })
  const session = await Session.open(`http://127.0.0.1:${port}`, findMiniBrowser()!)
  return {
    tab: async () => {
      const handle = await session.newWindow()
      const goTo = (path: string): Promise<void> => session.goTo(handle, `${server.url}${path}`)
      await goTo('')
      return {
        call: async <T>(name: string, ...values: readonly unknown[]) =>
          readText<T>(await session.evaluate(handle, textOf(name, values))),
        goTo,
        close: () => session.closeWindow(handle),
      }
    },
    remove: async () => {
      await session.end()
      await driver.kill()
      await screen.kill()
      await rm(profile, { recursive: true, maxRetries: 3 })
      await server.close()
    },
  }
}

/** Commands about windows, one after another: each has to choose its window first. */
class Session {
  readonly #url: string
  /** The window that was there at the beginning. */
  #first = ''
  #last: Promise<unknown> = Promise.resolve()

  private constructor(url: string) {
    this.#url = url
  }

  static async open(origin: string, binary: string): Promise<Session> {
    // It says nothing when it listens: asked until it answers.
    const answers = (): Promise<boolean> =>
      fetch(`${origin}/status`).then(
        () => true,
        () => false,
      )
    while (!(await answers())) await new Promise((turn) => setImmediate(turn))
    const { sessionId } = (await request('POST', `${origin}/session`, {
      capabilities: {
        alwaysMatch: { 'webkitgtk:browserOptions': { binary, args: ['--automation'] } },
      },
    })) as { sessionId: string }
    const session = new Session(`${origin}/session/${sessionId}`)
    await session.#send('POST', '/timeouts', { script: SCRIPT_MS })
    session.#first = (await session.#send('GET', '/window')) as string
    return session
  }

  /** Opens one beside the first, whose end would be that of the session. */
  async newWindow(): Promise<string> {
    const made = await this.#in(this.#first, () =>
      this.#send('POST', '/window/new', { type: 'tab' }),
    )
    return (made as { readonly handle: string }).handle
  }

  async goTo(handle: string, url: string): Promise<void> {
    await this.#in(handle, () => this.#send('POST', '/url', { url }))
  }

  async closeWindow(handle: string): Promise<void> {
    await this.#in(handle, () => this.#send('DELETE', '/window'))
  }

  async evaluate(handle: string, expression: string): Promise<string | null> {
    const script = `const done = arguments[0];
      ${expression}.then((text) => done({ text }), (error) => done({ error: String(error) }))`
    const told = (await this.#in(handle, () =>
      this.#send('POST', '/execute/async', { script, args: [] }),
    )) as { readonly text: string | null; readonly error?: string }
    if (told.error !== undefined) throw new Error(told.error)
    return told.text
  }

  async end(): Promise<void> {
    await this.#send('DELETE', '')
  }

  #in<T>(handle: string, action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      await this.#send('POST', '/window', { handle })
      return action()
    })
    this.#last = result.catch(() => undefined)
    return result
  }

  #send(method: string, path: string, body?: object): Promise<unknown> {
    return request(method, `${this.#url}${path}`, body)
  }
}

async function request(method: string, url: string, body?: object): Promise<unknown> {
  const response = await fetch(url, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
  })
  const { value } = (await response.json()) as Reply
  if (!response.ok) throw new Error(`${method} ${url}: ${JSON.stringify(value)}`)
  return value
}
