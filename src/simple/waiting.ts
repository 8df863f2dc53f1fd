// Promises that are settled from elsewhere, and signals that cut a wait short.
// Whoever begins to watch a signal gets what stops it, so that no listener outlives its wait.

import { deferred } from '../driver/deferred.ts'

/** Who watches a signal, at the signal itself: all share one listener of it. */
const WATCHERS: unique symbol = /* @__PURE__ */ Symbol()

interface Watched extends AbortSignal {
  [WATCHERS]?: { readonly all: Set<() => void>; readonly listener: () => void } | undefined
}

/**
 * Calls `aborted` with the signal's reason once it aborts. A listener for each wait would cost Node a walk through all
 * that there are, and Node 20 warns of a leak at the eleventh: a program may give one signal to all its calls.
 * @returns what stops watching; to be called when the wait is over, so that nothing is held
 */
export function watch(signal: Watched | undefined, aborted: (reason: unknown) => void): () => void {
  if (signal === undefined) return () => undefined
  const { all, listener } = (signal[WATCHERS] ??= listenTo(signal))
  const watcher = (): void => aborted(reasonOf(signal))
  all.add(watcher)
  return () => {
    if (!all.delete(watcher) || all.size > 0) return
    signal.removeEventListener('abort', listener)
    signal[WATCHERS] = undefined
  }
}

function listenTo(signal: Watched): NonNullable<Watched[typeof WATCHERS]> {
  const all = new Set<() => void>()
  const listener = (): void => {
    // It happens once: nothing is held by it any more, and who begins to watch now is too late.
    signal[WATCHERS] = undefined
    for (const watcher of all) watcher()
  }
  signal.addEventListener('abort', listener, { once: true })
  return { all, listener }
}

interface Reasoned {
  readonly reason?: unknown
}

/** Why a signal has aborted. That of React Native, and of browsers before 2022, knows no reason. */
export function reasonOf(signal: AbortSignal): unknown {
  const { reason = Object.assign(new Error('Aborted'), { name: 'AbortError' }) } =
    signal as Reasoned
  return reason
}

/** The same as the promise, but for the signal that comes first; nothing of the wait is left at it. */
export function until<T>(signal: AbortSignal | undefined, wait: Promise<T>): Promise<T> {
  const { promise, reject } = deferred<never>()
  if (signal?.aborted) reject(reasonOf(signal))
  return Promise.race([wait, promise]).finally(watch(signal, reject))
}

/** Settles what somebody waits for: with the result, or with a rejected promise. */
export type Settle<T> = (answer: T | Promise<T>) => void

/** The promise of an operation, which `context` settles. */
export function answerTo<T>(operation: { context: unknown }): Promise<T> {
  return new Promise<T>((resolve) => {
    operation.context = resolve
  })
}

/**
 * The promise of an operation, which `context` settles. When the signal aborts it rejects; `abandoned`
 * gives what its answer goes to then.
 */
export function promiseOf<T>(
  operation: { context: unknown },
  signal?: AbortSignal,
  abandoned?: () => Settle<T> | undefined,
): Promise<T> {
  if (signal === undefined) return answerTo(operation)
  return new Promise<T>((resolve) => {
    const stopWatching = watch(signal, (reason) => {
      operation.context = abandoned?.()
      resolve(Promise.reject(reason))
    })
    operation.context = (answer: T | Promise<T>): void => {
      stopWatching()
      resolve(answer)
    }
  })
}
