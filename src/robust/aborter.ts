// AbortController for engines of JavaScript that have none. Rule: as much of it as the client uses, and it
// calls its listeners at once, in their order.

import type { Aborter } from './connector.ts'

class Signal {
  aborted = false
  reason: unknown
  readonly #listeners = new Set<() => void>()

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener)
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason as Error
  }

  abort(reason: unknown): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    for (const listener of [...this.#listeners]) listener()
  }
}

export function makeAborter(): Aborter {
  const signal = new Signal()
  return {
    signal: signal as unknown as AbortSignal,
    abort: (reason) => signal.abort(reason ?? new Error('It was aborted')),
  }
}
