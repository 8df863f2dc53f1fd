// A transport that an application brings, held to the contract of transport.ts: what it throws ends the connection and
// nothing else, what it says after its end is not heard, and one that is destroyed counts as gone in time.

import type { Transport, TransportFactory, TransportHandler } from '../transport/transport.ts'
import type { Clock, TimerHandle } from './clock.ts'
import { DESTROY_MS } from './constants.ts'
import { errorOf } from './thrown.ts'

/** Makes a factory whose transports keep the contract, of one of which that is not known. */
export function guarded(dial: TransportFactory, clock: Clock): TransportFactory {
  return (address, handler, options) => {
    /** Undefined while the factory runs, and for ever where it throws. */
    let inner: Transport | undefined = undefined
    /** False once it was destroyed, or said that it is over. */
    let isAlive = true
    let hasClosed = false
    /** Why it ends: what it threw, or said. */
    let reason: Error | undefined
    let timer: TimerHandle | undefined

    /** Later: it may be within a call of the driver's, or of the factory. */
    const end = (error?: unknown): void => {
      if (hasClosed) return
      hasClosed = true
      isAlive = false
      if (error) reason ??= errorOf(error)
      if (timer) clock.clearTimer(timer)
      void Promise.resolve().then(() => inner && handler.closed(reason))
    }
    const attempt = (action: () => unknown): void => {
      if (!isAlive) return
      const fail = (thrown: unknown): void => {
        reason ??= errorOf(thrown)
        destroy()
      }
      try {
        // An async function may stand where one is wanted that gives nothing.
        Promise.resolve(action()).catch(fail)
      } catch (error) {
        fail(error)
      }
    }
    const destroy = (): void =>
      attempt(() => {
        isAlive = false
        timer = clock.setTimer(() => end(), DESTROY_MS)
        return inner!.destroy()
      })

    const told: TransportHandler = {
      opened: () => isAlive && handler.opened(),
      received: (bytes, length) => isAlive && handler.received(bytes, length),
      written: () => isAlive && handler.written(),
      closed: end,
    }
    try {
      const given = dial(address, told, options) as Partial<Transport> | undefined
      if (!given?.write) {
        // An async function gives a promise, which nothing could be written to: what comes of it is not used.
        Promise.resolve(given)
          .then((late) => late?.destroy?.())
          .catch(() => undefined)
        throw new TypeError('the factory gave no transport')
      }
      inner = given as Transport
    } catch (error) {
      isAlive = false
      throw errorOf(error)
    }
    return {
      /** @throws why it has ended, or undefined where that was in order: nothing counts as handed over */
      write: (chunks) => {
        attempt(() => inner.write(chunks))
        if (!isAlive) throw reason as Error
      },
      pause: () => attempt(() => inner.pause()),
      resume: () => attempt(() => inner.resume()),
      close: () => attempt(() => inner.close()),
      destroy,
    }
  }
}
