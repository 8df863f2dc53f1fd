// Lines on their way out, many of them in one write. Rule: what is held is little more than one write, and the
// reader of the output says how fast it goes.

import type { Terminal } from '../terminal.ts'

/** As much as a pipe of Linux holds. */
const BATCH_LETTERS = 65_536

/** Collects lines. */
export class Batch {
  readonly #out: Terminal
  #text = ''

  constructor(out: Terminal) {
    this.#out = out
  }

  /** Whether it is time to hand over what there is. */
  get isFull(): boolean {
    return this.#text.length >= BATCH_LETTERS
  }

  line(text: string): void {
    this.#text += `${text}\n`
  }

  /** Hands over what there is; settles when there may be more. */
  async flush(): Promise<void> {
    const text = this.#text
    this.#text = ''
    if (text !== '') await this.#out.write(text)
  }
}
