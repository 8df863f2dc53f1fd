// A real Firefox, by WebDriver BiDi, the protocol that it speaks by itself (https://w3c.github.io/webdriver-bidi).
// Only for tests that asked for the capability "firefox".

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { GuardedProcess } from '../servers/guarded-process.ts'
import { programPath } from '../skip.ts'
import { type Browser, readText, textOf } from './browser.ts'
import { servePage } from './serve-page.ts'

/** Where it says that it listens. */
const READY = /WebDriver BiDi listening on (ws:\/\/\S+)/

/** What it answers a command with. */
interface Reply {
  readonly id?: number
  readonly type: 'success' | 'error' | 'event'
  readonly result?: unknown
  readonly error?: string
  readonly message?: string
}

/** What comes of an expression. */
interface Evaluated {
  readonly type: 'success' | 'exception'
  readonly result?: { readonly value?: string }
  readonly exceptionDetails?: { readonly text: string }
}

/** Starts one. */
export async function startFirefox(): Promise<Browser> {
  const server = await servePage()
  const profile = await mkdtemp(join(tmpdir(), 'umqtt-firefox-'))
  const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0']
  const [process, isReady] = await GuardedProcess.start({
    program: programPath('firefox-esr'),
    args,
    // It asks for a folder of its own there, whoever runs it.
    env: { HOME: profile },
    ready: READY,
  })
  if (!isReady) throw new Error(`Firefox ended:\n${process.log.join('\n')}`)
  const address = process.log.flatMap((line) => READY.exec(line)?.[1] ?? [])[0]!
  const session = await Session.open(`${address}/session`)
  await session.send('session.new', { capabilities: {} })
  return {
    tab: async () => {
      const { context } = await session.send<{ context: string }>('browsingContext.create', {
        type: 'tab',
      })
      const goTo = async (path: string): Promise<void> => {
        const url = `${server.url}${path}`
        await session.send('browsingContext.navigate', { context, url, wait: 'complete' })
      }
      await goTo('')
      return {
        call: async <T>(name: string, ...values: readonly unknown[]) => {
          const { type, result, exceptionDetails } = await session.send<Evaluated>(
            'script.evaluate',
            {
              expression: textOf(name, values),
              target: { context },
              awaitPromise: true,
            },
          )
          if (type === 'exception') throw new Error(exceptionDetails?.text)
          return readText<T>(result?.value)
        },
        goTo,
        close: async () => void (await session.send('browsingContext.close', { context })),
      }
    },
    remove: async () => {
      session.close()
      await process.kill()
      await rm(profile, { recursive: true, maxRetries: 3 })
      await server.close()
    },
  }
}

/** Commands and their answers, by number. */
class Session {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #last = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data: Buffer) => {
      const reply = JSON.parse(data.toString()) as Reply
      if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply)
    })
  }

  static async open(url: string): Promise<Session> {
    const socket = new WebSocket(url)
    await once(socket, 'open')
    return new Session(socket)
  }

  async send<T = unknown>(method: string, params: object): Promise<T> {
    const id = (this.#last += 1)
    const reply = await new Promise<Reply>((answered) => {
      this.#waiting.set(id, answered)
      this.#socket.send(JSON.stringify({ id, method, params }))
    })
    this.#waiting.delete(id)
    if (reply.type === 'error') throw new Error(`${method}: ${reply.error}: ${reply.message}`)
    return reply.result as T
  }

  close(): void {
    this.#socket.terminate()
  }
}
