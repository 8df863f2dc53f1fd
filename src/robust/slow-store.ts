// Says when the outbox does not answer. A disk that hangs, where one that fails would be told, looks like nothing at
// all to an application that waits for `stored`. Rule: it only watches; whoever asked the store goes on waiting.

import type { Clock } from '../driver/clock.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { SLOW_STORE_GRACE_MS, SLOW_STORE_MS } from './constants.ts'

/** Calls `warn` each time that the store has not answered in time. */
export function watchStore(outbox: Outbox, clock: Clock, warn: (text: string) => void): void {
  const tell = (): void =>
    warn(
      `The outbox has not answered for ${SLOW_STORE_MS} ms: what has to be stored first waits for it`,
    )
  outbox.onAsked = (asked) => {
    // A device that slept over it hears the answer, which was there, in the time of grace.
    let timer = clock.setTimer(
      () => (timer = clock.setTimer(tell, SLOW_STORE_GRACE_MS)),
      SLOW_STORE_MS - SLOW_STORE_GRACE_MS,
    )
    const end = (): void => clock.clearTimer(timer)
    asked.then(end, end)
  }
}
