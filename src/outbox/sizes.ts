// The size of each record by its number, in pages of neighbours: numbers are given out one by one, so that the
// page of the last one is nearly always the one that is asked for. It grows by a few bytes a record, and
// what is deleted leaves nothing behind once its page is empty.

/**
 * Numbers in a page. What is not stored has a number as well, so that a page may hold one record alone: it takes some
 * 400 bytes then.
 */
const PAGE = 32

interface Page {
  readonly sizes: number[]
  count: number
}

/** A map from the numbers of records, 1 and up, to their sizes in bytes, 1 and up. */
export class Sizes {
  readonly #pages = new Map<number, Page>()
  /** The page that was asked for last. */
  #index = -1
  #page: Page | undefined
  /** None has a lower index. */
  #first = Infinity

  /** The size of a record; 0: there is none. */
  get(seq: number): number {
    return this.#at(Math.floor(seq / PAGE))?.sizes[seq % PAGE] ?? 0
  }

  set(seq: number, size: number): void {
    const index = Math.floor(seq / PAGE)
    const page = this.#at(index) ?? this.#add(index)
    const at = seq % PAGE
    if (page.sizes[at] === 0) page.count++
    page.sizes[at] = size
  }

  delete(seq: number): void {
    const index = Math.floor(seq / PAGE)
    const page = this.#at(index)
    if (page === undefined || page.sizes[seq % PAGE] === 0) return
    page.sizes[seq % PAGE] = 0
    if (--page.count > 0) return
    this.#pages.delete(index)
    this.#index = -1
  }

  /** The lowest number; 0 when there is none. */
  get lowest(): number {
    if (!this.#pages.has(this.#first)) {
      this.#first = Infinity
      for (const index of this.#pages.keys()) this.#first = Math.min(this.#first, index)
    }
    const at = this.#pages.get(this.#first)?.sizes.findIndex((size) => size > 0)
    return at === undefined ? 0 : this.#first * PAGE + at
  }

  clear(): void {
    this.#pages.clear()
    this.#index = -1
  }

  #at(index: number): Page | undefined {
    if (index !== this.#index) {
      this.#page = this.#pages.get(index)
      this.#index = index
    }
    return this.#page
  }

  #add(index: number): Page {
    const page = { sizes: new Array<number>(PAGE).fill(0), count: 0 }
    this.#pages.set(index, page)
    this.#first = Math.min(this.#first, index)
    this.#page = page
    return page
  }
}
