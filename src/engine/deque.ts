// A first-in first-out queue on a ring of power-of-two size: constant time, no shifting of arrays.
// It starts without storage, so that ten thousand idle clients pay nothing for their empty queues.

const FIRST_CAPACITY = 16

/** A first-in first-out queue; growing is its only cost, and emptying gives the storage back. */
export class Deque<T> {
  #items: (T | undefined)[] | undefined
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(item: T): void {
    const items = (this.#items ??= new Array<T | undefined>(FIRST_CAPACITY).fill(undefined))
    if (this.#length === items.length) this.#grow(items)
    const ring = this.#items
    ring[(this.#head + this.#length) & (ring.length - 1)] = item
    this.#length += 1
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#items?.[this.#head]
  }

  shift(): T | undefined {
    const items = this.#items
    if (items === undefined || this.#length === 0) return undefined
    const item = items[this.#head]
    items[this.#head] = undefined
    this.#head = (this.#head + 1) & (items.length - 1)
    this.#length -= 1
    if (this.#length === 0 && items.length > FIRST_CAPACITY) this.clear()
    return item
  }

  clear(): void {
    this.#items = undefined
    this.#head = 0
    this.#length = 0
  }

  *[Symbol.iterator](): IterableIterator<T> {
    const items = this.#items
    if (items === undefined) return
    for (let i = 0; i < this.#length; i += 1) {
      yield items[(this.#head + i) & (items.length - 1)] as T
    }
  }

  #grow(items: (T | undefined)[]): void {
    const ordered = [...items.slice(this.#head), ...items.slice(0, this.#head)]
    ordered.length = items.length * 2
    this.#items = ordered.fill(undefined, this.#length)
    this.#head = 0
  }
}
