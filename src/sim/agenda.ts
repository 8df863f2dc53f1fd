// Virtual time: what happens, and when. Time stands still until somebody takes the next step.
// Rule: events come in the order of their time, those of one time in the order in which they were put down;
// nothing else decides, so that a run can be repeated.

/** Something that will happen, unless it is cancelled. */
export interface Appointment {
  /** Virtual ms. */
  readonly at: number
  readonly order: number
  /** Undefined once it has happened or was cancelled. */
  action: (() => void) | undefined
}

/** Events in the order of their time: a binary heap. */
export class Agenda {
  /** Virtual ms since the run began; whole. */
  now = 0
  /** Steps taken. */
  steps = 0
  #order = 0
  #heap: Appointment[] = []
  #cancelled = 0

  /** Puts something down. @param at whole virtual ms; what is past happens next */
  at(at: number, action: () => void): Appointment {
    const appointment = { at: Math.max(this.now, Math.ceil(at)), order: this.#order, action }
    this.#order += 1
    this.#push(appointment)
    return appointment
  }

  after(delayMs: number, action: () => void): Appointment {
    return this.at(this.now + delayMs, action)
  }

  cancel(appointment: Appointment): void {
    if (appointment.action === undefined) return
    appointment.action = undefined
    this.#cancelled += 1
    if (this.#cancelled * 2 > this.#heap.length + 64) this.#sweep()
  }

  /** When something happens next; Infinity: nothing will. */
  get next(): number {
    this.#skip()
    return this.#heap[0]?.at ?? Infinity
  }

  /** Lets the next thing happen. @returns false when nothing is left */
  step(): boolean {
    this.#skip()
    const due = this.#pop()
    if (due === undefined) return false
    const { action } = due
    due.action = undefined
    this.now = due.at
    this.steps += 1
    action?.()
    return true
  }

  /** Lets time pass in which nothing happens. */
  moveTo(at: number): void {
    this.now = Math.max(this.now, at)
  }

  #skip(): void {
    while (this.#heap.length > 0 && this.#heap[0]?.action === undefined) {
      this.#pop()
      this.#cancelled -= 1
    }
  }

  #sweep(): void {
    const kept = this.#heap.filter(({ action }) => action !== undefined)
    this.#heap = []
    this.#cancelled = 0
    for (const appointment of kept) this.#push(appointment)
  }

  #push(appointment: Appointment): void {
    const heap = this.#heap
    let place = heap.length
    heap.push(appointment)
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = heap[parent] as Appointment
      if (isBefore(above, appointment)) break
      heap[place] = above
      place = parent
    }
    heap[place] = appointment
  }

  #pop(): Appointment | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (isBefore(last, heap[child]!)) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = last
    return first
  }
}

function isBefore(a: Appointment, b: Appointment): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
