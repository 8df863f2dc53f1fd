// What was published, what was said of it, and what arrived: nothing is claimed that was not counted.
// Knows no client: it is told, and at the end it judges.

import type { Outcome, Stored } from 'umqtt/robust'
import { PRESS_DEADLINE_MS } from './timeline.ts'

/** The kinds of messages, one row of the table each. */
export const ROWS = {
  reading: { what: 'each reading', policy: 'fleeting()' },
  state: { what: 'the latest', policy: 'latest()' },
  press: { what: 'button', policy: `within('${PRESS_DEADLINE_MS / 1000}s')` },
  alarm: { what: 'window', policy: 'guaranteed()' },
} as const

export type RowName = keyof typeof ROWS

/** Parts of an outcome that can be told from one process to another. */
export type Ending = Pick<Outcome, 'status' | 'attempts' | 'latencyMs' | 'possiblyDuplicated'>

/** One message and all that is known of it. */
export interface Published {
  readonly row: RowName
  readonly number: number
  readonly value: string
  stored: Stored | undefined
  ending: Ending | undefined
  /** How often it reached the display. */
  arrivals: number
}

/** One promise, judged. */
export interface Verdict {
  readonly text: string
  /** Why it was broken; undefined when it was kept. */
  readonly broken: string | undefined
}

/** How many of a row ended how. */
export interface Count {
  readonly published: number
  readonly sent: number
  readonly delivered: number
  readonly expired: number
  readonly dropped: number
  readonly superseded: number
  readonly maybe: number
  readonly arrived: number
  readonly doubled: number
  /** Of what was promised: said to be delivered, or said to be on disk and guaranteed. */
  readonly lost: number
}

export class Ledger {
  readonly #published: Published[] = []
  readonly #verdicts: Verdict[] = []
  #check: () => void = () => undefined
  /** Arrivals of messages that nobody published. */
  strangers = 0

  publish(row: RowName, number: number, value: string): Published {
    const published = { row, number, value, stored: undefined, ending: undefined, arrivals: 0 }
    this.#published.push(published)
    return published
  }

  of(row: RowName): readonly Published[] {
    return this.#published.filter((one) => one.row === row)
  }

  /** The display has got a message. */
  arrive(row: RowName, number: number): void {
    const found = this.#published.find((one) => one.row === row && one.number === number)
    if (found === undefined) this.strangers += 1
    else found.arrivals += 1
    this.#check()
  }

  /** A message has ended; a second end of one is a broken promise. */
  end(published: Published, ending: Ending): void {
    if (published.ending !== undefined) {
      this.judge(`${published.row} ${published.number} ends once`, `also ${ending.status}`)
    }
    published.ending = ending
    this.#check()
  }

  /** Messages that are promised, and have not arrived. */
  lost(row?: RowName): readonly Published[] {
    return this.#published.filter((one) => {
      const promised =
        one.ending?.status === 'delivered' || (one.row === 'alarm' && one.stored !== undefined)
      return (row === undefined || one.row === row) && promised && one.arrivals === 0
    })
  }

  /** Messages without an outcome. */
  open(): readonly Published[] {
    return this.#published.filter(({ ending }) => ending === undefined)
  }

  count(row: RowName): Count {
    const all = this.of(row)
    const ended = (status: Ending['status']): number =>
      all.filter(({ ending }) => ending?.status === status).length
    return {
      published: all.length,
      sent: ended('sent'),
      delivered: ended('delivered'),
      expired: ended('expired'),
      dropped: ended('dropped'),
      superseded: ended('superseded'),
      maybe: ended('maybe-delivered'),
      arrived: all.filter(({ arrivals }) => arrivals > 0).length,
      doubled: all.reduce((sum, { arrivals }) => sum + Math.max(0, arrivals - 1), 0),
      lost: this.lost(row).length,
    }
  }

  /**
   * Waits until a condition holds, at most for a time.
   * @returns whether it holds; what is missing is for the verdicts to say
   */
  until(holds: () => boolean, withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (held: boolean): void => {
        clearTimeout(timer)
        this.#check = (): void => undefined
        resolve(held)
      }
      const timer = setTimeout(() => end(false), withinMs)
      this.#check = (): void => {
        if (holds()) end(true)
      }
      this.#check()
    })
  }

  get verdicts(): readonly Verdict[] {
    return this.#verdicts
  }

  get broken(): number {
    return this.#verdicts.filter(({ broken }) => broken !== undefined).length
  }

  /** Judges a promise: kept without a reason why not. */
  judge(text: string, broken: string | undefined): void {
    this.#verdicts.push({ text, broken })
  }

  /** Judges a promise that no message may break. */
  none(text: string, breaking: readonly Published[]): void {
    const names = breaking.map(
      ({ row, number, ending, arrivals }) =>
        `${row} ${number} (${ending?.status ?? 'open'}, arrived ${arrivals} times)`,
    )
    this.judge(text, names.length === 0 ? undefined : names.join(', '))
  }
}
