// Which messages of the outbox cannot have been sent: those from a number on that is recorded while there is no
// connection. What is sent at QoS 1 leaves no packet id in the outbox, so that the next process could not call one
// expired, nor delivered once, that had only waited. A number that is recorded is true: it is taken back, and that
// is safe, before anything goes out at QoS 1 that had only waited.

import type { Clock } from '../driver/clock.ts'
import { Alarm } from './alarm.ts'
import { SLOW_STORE_MS } from './constants.ts'
import type { Keeper } from './keeper.ts'

export class Exposure {
  readonly #keeper: Keeper
  readonly #goOn: () => void
  /** The longest that a record is waited for. */
  readonly #alarm: Alarm
  /** The connection of the moment, while it waits. */
  #waits: object | undefined
  /** Above the numbers of all that may have been sent. */
  #next = 0
  #isExposed = false

  /** @param goOn called when what waited may be sent */
  constructor(keeper: Keeper, clock: Clock, goOn: () => void) {
    this.#keeper = keeper
    this.#goOn = goOn
    this.#alarm = new Alarm(clock, () => this.#end())
  }

  /** Whether nothing may be sent at QoS 1 yet but what was sent before. */
  get isPending(): boolean {
    return this.#waits !== undefined
  }

  /** @param next above the numbers of all that may have been sent by a process before this one */
  open(next: number): void {
    this.#next = next
  }

  handleSent(entryId: number): void {
    if (entryId >= this.#next) this.#next = entryId + 1
  }

  /** A store that hangs is waited for as long as it takes until it is told of. */
  handleConnected(now: number): void {
    const waits = {}
    this.#isExposed = true
    const isAwaited = this.#keeper.keepUnsent(undefined, () => {
      if (this.#waits === waits) this.#end()
    })
    if (!isAwaited) return
    this.#waits = waits
    this.#alarm.set(now + SLOW_STORE_MS, now)
  }

  handleClosed(): void {
    this.#waits = undefined
    this.#alarm.clear()
    if (this.#isExposed) this.#keeper.keepUnsent(this.#next)
    this.#isExposed = false
  }

  #end(): void {
    this.#waits = undefined
    this.#alarm.clear()
    this.#goOn()
  }
}
