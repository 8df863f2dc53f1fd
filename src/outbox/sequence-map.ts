// A map from sequence numbers to anything, kept in their order: found by halving, scanned from anywhere.
// Rule: putting at the end and deleting at the front, which is what an outbox does, cost next to nothing
// with a million in it. Keys and values are in pages, so that the middle is not dear either.

const PAGE = 512

interface Page<T> {
  readonly keys: number[]
  readonly values: T[]
}

/** A map in the order of its keys. */
export class SequenceMap<T> {
  #size = 0
  /** No page is empty. */
  readonly #pages: Page<T>[] = []

  get size(): number {
    return this.#size
  }

  /** The lowest key; 0 when there is none. */
  get lowest(): number {
    return this.#pages[0]?.keys[0] ?? 0
  }

  /** The highest key; 0 when there is none. */
  get highest(): number {
    return this.#pages.at(-1)?.keys.at(-1) ?? 0
  }

  get(key: number): T | undefined {
    const page = this.#pages[this.#pageOf(key)]
    if (page === undefined) return undefined
    const at = firstFrom(page.keys, key)
    return page.keys[at] === key ? page.values[at] : undefined
  }

  /** Puts a value and gives the one that it replaces. */
  set(key: number, value: T): T | undefined {
    const index = this.#pageOf(key)
    const page = this.#pages[index]
    if (page === undefined || (key > page.keys.at(-1)! && page.keys.length >= PAGE)) {
      // Also after a full page in the middle: the order of the pages stays.
      this.#pages.splice(index + 1, 0, { keys: [key], values: [value] })
      this.#size++
      return undefined
    }
    const { keys, values } = page
    const at = key > keys.at(-1)! ? keys.length : firstFrom(keys, key)
    if (keys[at] === key) {
      const before = values[at]
      values[at] = value
      return before
    }
    this.#size++
    if (at === keys.length) {
      keys.push(key)
      values.push(value)
      return undefined
    }
    keys.splice(at, 0, key)
    values.splice(at, 0, value)
    if (keys.length > PAGE) {
      const half = { keys: keys.splice(PAGE / 2), values: values.splice(PAGE / 2) }
      this.#pages.splice(index + 1, 0, half)
    }
    return undefined
  }

  /** Removes a key and gives its value. */
  delete(key: number): T | undefined {
    const index = this.#pageOf(key)
    const page = this.#pages[index]
    if (page === undefined) return undefined
    const at = firstFrom(page.keys, key)
    if (page.keys[at] !== key) return undefined
    const before = page.values[at]
    if (page.keys.length === 1) this.#pages.splice(index, 1)
    else if (at === 0) {
      page.keys.shift()
      page.values.shift()
    } else {
      page.keys.splice(at, 1)
      page.values.splice(at, 1)
    }
    this.#size--
    return before
  }

  clear(): void {
    this.#pages.length = 0
    this.#size = 0
  }

  /** Up to `limit` pairs from a key on, lowest first. */
  from(key: number, limit: number): [key: number, value: T][] {
    const found: [number, T][] = []
    let index = Math.max(this.#pageOf(key), 0)
    let at = index < this.#pages.length ? firstFrom(this.#pages[index]!.keys, key) : 0
    for (; index < this.#pages.length && found.length < limit; index++, at = 0) {
      const { keys, values } = this.#pages[index]!
      for (; at < keys.length && found.length < limit; at++) found.push([keys[at]!, values[at]!])
    }
    return found
  }

  /** The index of the last page that begins at the key or below; the first page below all of them. */
  #pageOf(key: number): number {
    const pages = this.#pages
    let low = 0
    let high = pages.length - 1
    // Most of all something is put at the end.
    if (high > 0 && pages[high]!.keys[0]! <= key) return high
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (pages[middle]!.keys[0]! <= key) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** The index of the first key that is `key` or above. */
function firstFrom(keys: readonly number[], key: number): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}
