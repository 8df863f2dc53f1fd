// Which entry's time comes first: a binary heap by a moment that is fixed when the entry joins.
// Entries that are settled meanwhile stay until they come up or until they are the half.

/** Something that is due at a moment. */
interface Due<T> {
  readonly at: number
  readonly item: T
}

export class Deadlines<T> {
  readonly #isOpen: (item: T) => boolean
  #heap: Due<T>[] = []
  #checkAt = 64

  /** @param isOpen whether an item still waits for its moment */
  constructor(isOpen: (item: T) => boolean) {
    this.#isOpen = isOpen
  }

  /** The earliest moment, or Infinity. */
  get next(): number {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#isOpen(top.item)) return top.at
      this.#pop()
    }
    return Infinity
  }

  add(at: number, item: T): void {
    if (this.#heap.length >= this.#checkAt) {
      const open = this.#heap.filter((due) => this.#isOpen(due.item))
      open.sort((a, b) => a.at - b.at)
      this.#heap = open
      this.#checkAt = Math.max(64, open.length * 2)
    }
    const heap = this.#heap
    let place = heap.length
    const due = { at, item }
    heap.push(due)
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = heap[above] as Due<T>
      if (parent.at <= at) break
      heap[place] = parent
      place = above
    }
    heap[place] = due
  }

  /** Those that still wait, in no order. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (const { item } of this.#heap) if (this.#isOpen(item)) yield item
  }

  /** Takes an item whose moment has come. */
  take(now: number): T | undefined {
    return this.next <= now ? this.#pop() : undefined
  }

  #pop(): T | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (last === undefined || last === top) return top?.item
    let place = 0
    for (;;) {
      let below = place * 2 + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && timeAt(heap, below + 1) < timeAt(heap, below)) below += 1
      if (timeAt(heap, below) >= last.at) break
      heap[place] = heap[below] as Due<T>
      place = below
    }
    heap[place] = last
    return top?.item
  }
}

function timeAt<T>(heap: readonly Due<T>[], place: number): number {
  return (heap[place] as Due<T>).at
}
