// Messages by their ids: what is durable from when it is accepted until its outcome was asked for, or told, or there
// are too many; and what is not, as long as it is open, once an id was asked for that is none of those: most programs
// never ask, and would pay for it with each message. It knows no place and no outcome but that there is one.

import { OUTCOMES_KEPT } from './constants.ts'
import type { Entry } from './entry.ts'

export class Known {
  readonly #byKey = new Map<number | string, Entry>()
  /** Those with an outcome, the oldest first. */
  readonly #untaken: Entry[] = []
  /** Whether it has also what is not durable. */
  #hasAll = false

  add(entry: Entry): void {
    if (entry.durable || this.#hasAll) this.#byKey.set(entry.key, entry)
  }

  has({ key }: Entry): boolean {
    return this.#byKey.has(key)
  }

  delete({ key }: Entry): void {
    this.#byKey.delete(key)
  }

  /** @param open all that are open; they are looked at once, and only if the message is not known yet */
  find(id: string, open: () => Iterable<Entry>): Entry | undefined {
    const found = this.#find(id)
    if (found !== undefined || this.#hasAll) return found
    this.#hasAll = true
    for (const entry of open()) if (entry.status === undefined) this.add(entry)
    return this.#find(id)
  }

  #find(id: string): Entry | undefined {
    const own = this.#byKey.get(Number(id.slice(id.indexOf('-') + 1)))
    return own?.id === id ? own : this.#byKey.get(id)
  }

  /** For whoever asks by the id; when there are too many the oldest goes, but not one that was resubmitted under it. */
  keepOutcome(entry: Entry): void {
    this.#untaken.push(entry)
    if (this.#untaken.length <= OUTCOMES_KEPT) return
    for (const old of this.#untaken.splice(0, OUTCOMES_KEPT / 2)) {
      if (this.#byKey.get(old.key) === old) this.delete(old)
    }
  }
}
