// What the demo promises and whether it happened: nothing is claimed that was not counted.

/** One promise, judged. */
export interface Entry {
  readonly text: string
  /** Why it was broken; undefined when it was kept. */
  readonly broken: string | undefined
}

export class Ledger {
  readonly #entries: Entry[] = []

  get entries(): readonly Entry[] {
    return this.#entries
  }

  get broken(): number {
    return this.#entries.filter(({ broken }) => broken !== undefined).length
  }

  /** Judges a promise by a condition. */
  judge(text: string, kept: boolean, why: string): void {
    this.#entries.push({ text, broken: kept ? undefined : why })
  }

  /** Judges a promise by what was counted. */
  equal(text: string, actual: unknown, expected: unknown): void {
    const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
    this.judge(text, got === wanted, `${got} instead of ${wanted}`)
  }
}

/** Things that arrive, and the wait for them. */
export class Arrivals<T> {
  readonly all: T[] = []
  #check: () => void = () => undefined

  add(item: T): void {
    this.all.push(item)
    this.#check()
  }

  /**
   * Waits until a condition holds, at most for a time.
   * @returns whether it holds; what is missing is for the ledger to say
   */
  until(holds: (all: readonly T[]) => boolean, withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (held: boolean): void => {
        clearTimeout(timer)
        this.#check = (): void => undefined
        resolve(held)
      }
      const timer = setTimeout(() => end(false), withinMs)
      this.#check = (): void => {
        if (holds(this.all)) end(true)
      }
      this.#check()
    })
  }
}
