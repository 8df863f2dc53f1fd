// The books of an outbox: which records there are, how many and how large, and what numbers were used.
// Rule: they are exact without reading a record at open; of what is left of an earlier run the store gives
// the sums, and a record's own size is learnt when it is read. Every entry can be taken back.

import type { Counters } from './records.ts'
import { Sizes } from './sizes.ts'
import type { Op, OpenResult } from './store.ts'

/** What takes entries back. */
export interface Undo {
  readonly count: number
  readonly sizeBytes: number
  /** Nothing had this number, or a higher one: what has is taken back without a step. */
  readonly next: number
  /** Of each other entry, in order: number, size before or 0, and 1 if it was there unread. */
  readonly steps: number[]
}

/** Which records there are. */
export class Ledger {
  count = 0
  sizeBytes = 0
  /** Above every number that was ever used. */
  next = 1
  /** The sizes of the records that are known: put by us, or read. */
  readonly #sizes = new Sizes()
  /** From here to `#unreadEnd` there are records of an earlier run that were not read yet. */
  #unread = 0
  #unreadEnd = 0
  /** Which of those were deleted unread. */
  readonly #gone = new Set<number>()

  /** Begins with what a store found. @param next what its last commit said of the numbers */
  open(found: OpenResult, next: number): void {
    this.count = found.count
    this.sizeBytes = found.sizeBytes
    this.next = Math.max(next, found.highest + 1)
    this.#unread = found.lowest
    this.#unreadEnd = found.count === 0 ? 0 : found.highest + 1
    this.#sizes.clear()
    this.#gone.clear()
  }

  /** What a commit says of all records. */
  get counters(): Counters {
    const { lowest } = this.#sizes
    const unread = this.#unread < this.#unreadEnd
    return {
      count: this.count,
      lowest: unread && (lowest === 0 || lowest > this.#unread) ? this.#unread : lowest,
      next: this.next,
    }
  }

  /** Whether an operation adds a record, and does not replace one. */
  adds(op: Op): boolean {
    return op[0] === 'put' && this.#sizes.get(op[1]) === 0 && !this.#isUnread(op[1])
  }

  /** Begins a row of entries that can be taken back. */
  begin(): Undo {
    return { count: this.count, sizeBytes: this.sizeBytes, next: this.next, steps: [] }
  }

  /** Enters an operation. */
  enter(op: Op, { steps }: Undo): void {
    if (op[0] !== 'put' && op[0] !== 'delete') return
    const seq = op[1]
    const size = op[0] === 'put' ? op[2].length : 0
    if (seq >= this.next && size > 0) {
      this.#sizes.set(seq, size)
      this.count++
      this.sizeBytes += size
      this.next = seq + 1
      return
    }
    const before = this.#sizes.get(seq)
    const unread = before === 0 && this.#isUnread(seq)
    const there = before > 0 || unread
    if (size === 0 && !there) return
    steps.push(seq, before, unread ? 1 : 0)
    if (size === 0) {
      this.#sizes.delete(seq)
      this.count--
      this.sizeBytes -= before
      if (this.#inUnread(seq)) this.#gone.add(seq)
      return
    }
    this.#sizes.set(seq, size)
    if (!there) this.count++
    // The size of one that is replaced unread is not known: it is taken for the same.
    if (!unread) this.sizeBytes += size - before
  }

  /** Takes a row of entries back. @param ops all that were entered since it began */
  undo({ count, sizeBytes, next, steps }: Undo, ops: readonly Op[]): void {
    for (let i = steps.length - 3; i >= 0; i -= 3) {
      const [seq = 0, before = 0, unread = 0] = steps.slice(i, i + 3)
      // It was read past meanwhile, and its size is not known.
      if (unread > 0 && !this.#inUnread(seq)) this.#sizes.set(seq, 1)
      else if (before === 0) this.#sizes.delete(seq)
      else this.#sizes.set(seq, before)
      if (unread > 0 || before > 0) this.#gone.delete(seq)
    }
    for (const op of ops) if (op[0] === 'put' && op[1] >= next) this.#sizes.delete(op[1])
    this.count = count
    this.sizeBytes = sizeBytes
  }

  /** Takes notice of a page that was read. @param end where the next one begins; undefined at the end */
  read(
    from: number,
    page: readonly (readonly [seq: number, record: Uint8Array])[],
    end: number | undefined,
  ): void {
    for (const [seq, { length }] of page) {
      if (!this.#isUnread(seq) || this.#sizes.get(seq) > 0) continue
      // One of no bytes is damaged, and there.
      this.#sizes.set(seq, Math.max(1, length))
    }
    if (from <= this.#unread) this.#unread = Math.max(this.#unread, end ?? this.#unreadEnd)
    if (this.#unread >= this.#unreadEnd) this.#gone.clear()
  }

  #inUnread(seq: number): boolean {
    return seq >= this.#unread && seq < this.#unreadEnd
  }

  /** Whether a record may be there that `#sizes` does not know. */
  #isUnread(seq: number): boolean {
    return this.#inUnread(seq) && !this.#gone.has(seq)
  }
}
