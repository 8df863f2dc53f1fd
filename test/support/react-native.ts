// What a program finds in React Native, as far as a client may touch it: no `addEventListener`, no `navigator.locks`, no
// IndexedDB, no `crypto`, no TextEncoder; signals that know no reason; a WebSocket that does not say what it has buffered.

import { createContext, runInContext } from 'node:vm'
import { WebSocket } from 'ws'

type Listener = (event: object) => void

class Target {
  readonly #listeners = new Map<string, Set<Listener>>()

  addEventListener(type: string, listener: Listener): void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners.add(listener))
  }

  removeEventListener(type: string, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener)
  }

  protected tell(type: string, fields: object = {}): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ type, ...fields })
  }
}

class NativeSignal extends Target {
  aborted = false

  abort(): void {
    this.aborted = true
    this.tell('abort')
  }
}

class NativeAbortController {
  readonly signal = new NativeSignal()

  abort(): void {
    this.signal.abort()
  }
}

class NativeWebSocket extends Target {
  binaryType: string | undefined
  bufferedAmount: number | undefined
  protocol: string | undefined
  readonly #socket: WebSocket
  #isOver = false

  constructor(url: string, protocols: string[]) {
    super()
    this.#socket = new WebSocket(url, [...protocols])
    this.#socket.binaryType = 'arraybuffer'
    this.#socket.on('open', () => {
      this.protocol = this.#socket.protocol
      this.tell('open')
    })
    this.#socket.on('message', (data) => this.tell('message', { data }))
    this.#socket.on('error', ({ message }) => {
      this.tell('error', { message })
      this.#end(1006, message)
    })
    this.#socket.on('close', (code, reason) => this.#end(code, reason.toString()))
  }

  send(data: Uint8Array): void {
    this.#socket.send(data.slice())
  }

  close(): void {
    this.#socket.close()
  }

  #end(code: number, reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.tell('close', { code, reason })
  }
}

/** Runs a script, which tells what it finds with `tell`, until it says 'done'. */
export async function runNative(code: string, server: string): Promise<unknown[]> {
  const told: unknown[] = []
  await new Promise<void>((resolve, reject) => {
    const globals: Record<string, unknown> = {
      setTimeout,
      clearTimeout,
      queueMicrotask,
      performance: { now: () => performance.now() },
      console: { warn: (text: string) => told.push(text) },
      navigator: { product: 'ReactNative' },
      WebSocket: NativeWebSocket,
      AbortController: NativeAbortController,
      SERVER: server,
      tell: (what: unknown) => (what === 'done' ? resolve() : told.push(what)),
      fail: reject,
    }
    globals['window'] = globals['self'] = globals['global'] = globals
    runInContext(code, createContext(globals))
  })
  return told
}
