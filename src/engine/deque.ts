// A first-in first-out queue on a ring of power-of-two size: constant time, no shifting of arrays.
// It starts without storage, so that ten thousand idle clients pay nothing for their empty queues.

const FIRST_CAPACITY = 16

/** The storage of an empty queue; never written. */
const NOTHING: readonly undefined[] = new Array<undefined>(1).fill(undefined)

/** A first-in first-out queue; growing is its only cost, and emptying gives the storage back. */
export class Deque<T> {
  #items = NOTHING as (T | undefined)[]
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(item: T): void {
    // One place stays free, so that NOTHING is full.
    if (this.#length >= this.#items.length - 1) this.#grow()
    const items = this.#items
    items[(this.#head + this.#length) & (items.length - 1)] = item
    this.#length += 1
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const items = this.#items
    const item = items[this.#head]
    items[this.#head] = undefined
    this.#head = (this.#head + 1) & (items.length - 1)
    this.#length -= 1
    if (this.#length === 0 && items.length > FIRST_CAPACITY) this.clear()
    return item
  }

  clear(): void {
    this.#items = NOTHING as (T | undefined)[]
    this.#head = 0
    this.#length = 0
  }

  *[Symbol.iterator](): IterableIterator<T> {
    const items = this.#items
    for (let i = 0; i < this.#length; i += 1) {
      yield items[(this.#head + i) & (items.length - 1)] as T
    }
  }

  #grow(): void {
    const items = this.#items
    const ordered = [...items.slice(this.#head), ...items.slice(0, this.#head)]
    ordered.length = Math.max(FIRST_CAPACITY, items.length * 2)
    this.#items = ordered.fill(undefined, this.#length)
    this.#head = 0
  }
}
