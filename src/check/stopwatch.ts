// Waiting with an end: an AbortSignal that a timer or another signal fires, and a pause that one cuts short.
// Every timer that is set here is cancelled when its owner is done.

import type { CheckPlatform } from './platform.ts'

/** A signal with an owner, who lets go of it. */
export interface Bounded {
  readonly signal: AbortSignal
  /** Ends it for a reason of the owner's. */
  abort(reason: unknown): void
  /** Cancels the timer and stops listening to the parent. */
  release(): void
}

/** A signal that fires with its parent, or after a time (Infinity: never) with the error that `late` makes. */
export function bounded(
  platform: CheckPlatform,
  parent: AbortSignal | undefined,
  ms: number,
  late: () => Error,
): Bounded {
  const controller = new AbortController()
  const follow = (): void => controller.abort(parent?.reason)
  const cancel = ms === Infinity ? undefined : platform.setTimer(() => controller.abort(late()), ms)
  const release = (): void => {
    cancel?.()
    parent?.removeEventListener('abort', follow)
  }
  if (parent?.aborted === true) follow()
  else parent?.addEventListener('abort', follow, { once: true })
  return { signal: controller.signal, abort: (reason) => controller.abort(reason), release }
}

/** Waits a time; rejects with the signal's reason when that fires first. */
export function pause(platform: CheckPlatform, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const stop = (): void => {
      cancel()
      reject(signal.reason as Error)
    }
    const cancel = platform.setTimer(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}
