// Chance that a seed decides: the same seed and the same questions give the same answers on every engine.
// Rule: each part of a run asks a stream of its own (`fork`), so that taking one part away, as the shrinking
// of a failing run does, leaves the chances of all others as they were.

/** One stream of chance. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** @param seed any text or number; the streams of two seeds have nothing in common */
  constructor(seed: string | number) {
    const hash = hashText(`${seed}`)
    this.#a = hash
    this.#b = Math.imul(hash ^ 0x9e3779b9, 0x85ebca6b)
    this.#c = Math.imul(hash ^ 0xc2b2ae35, 0x27d4eb2f)
    for (let i = 0; i < 12; i += 1) this.#next()
  }

  /** A stream that depends on this one's next answer and the label alone. */
  fork(label: string): Random {
    return new Random(`${label} ${this.#next()}`)
  }

  /** From 0 to less than 1. */
  fraction(): number {
    return this.#next() / 4_294_967_296
  }

  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1))
  }

  /** True with this probability, 0 to 1. */
  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  /** One of a list that has at least one. */
  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)] as T
  }

  /** A whole wait of at least 1 whose mean is about this, as of events that know nothing of each other. */
  exponential(mean: number): number {
    return Math.max(1, Math.ceil(-Math.log(1 - this.fraction()) * mean))
  }

  /** A number from `least` to `most`, small ones as likely as large ones by their order of magnitude. */
  magnitude(least: number, most: number): number {
    return least * (most / least) ** this.fraction()
  }

  /** sfc32 by Chris Doty-Humphrey: 32 bits at a time, a period of about 2^127. */
  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }
}

/** FNV-1a over the units of a text. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  return hash >>> 0
}
