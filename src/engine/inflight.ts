// What is in flight, by packet id: a ring whose slot is the id's low bits.
// Invariant: an id in the ring is never given out again until it is removed. §2.2.1 [MQTT-2.2.1-3]
// The ring grows with what is in flight; an id whose slot is taken is skipped, so that one message
// that is never acknowledged costs its slot and nothing else.

/** The most packet ids that exist: 1 to 65,535. §2.2.1 */
export const MAXIMUM_PACKET_IDS = 65_535

const FIRST_CAPACITY = 16
const LARGEST_CAPACITY = 65_536

/** The ring while nothing is in flight; never written. */
const NOTHING: readonly undefined[] = new Array<undefined>(1).fill(undefined)

/** Anything that holds a packet id while it waits for an answer. */
export interface Identified {
  packetId: number
}

/** The operations in flight of one client. */
export class Inflight<T extends Identified> {
  #slots = NOTHING as (T | undefined)[]
  #lastId: number
  #size = 0

  /** @param lastId The id given out last, 0 to 65,535; the next one follows it. */
  constructor(lastId = 0) {
    this.#lastId = lastId
  }

  get size(): number {
    return this.#size
  }

  get lastId(): number {
    return this.#lastId
  }

  get full(): boolean {
    return this.#size >= MAXIMUM_PACKET_IDS
  }

  /** Gives an operation a packet id that nothing else holds. The caller has checked `full`. */
  add(operation: T): void {
    if (this.#size * 2 >= this.#slots.length - 1) this.#grow()
    const slots = this.#slots
    const mask = slots.length - 1
    let id = this.#lastId
    do {
      id = id === MAXIMUM_PACKET_IDS ? 1 : id + 1
    } while (slots[id & mask] !== undefined)
    this.#lastId = id
    operation.packetId = id
    slots[id & mask] = operation
    this.#size += 1
  }

  /** Puts back an operation that has its id already, as after a restart. */
  restore(operation: T): void {
    const { packetId } = operation
    while (this.#slots === NOTHING || this.#slots[packetId & (this.#slots.length - 1)]) {
      if (!this.#grow()) {
        throw new RangeError(`Cannot restore packet id ${packetId}: it is in use`)
      }
    }
    this.#slots[packetId & (this.#slots.length - 1)] = operation
    this.#size += 1
  }

  get(packetId: number): T | undefined {
    const slots = this.#slots
    const operation = slots[packetId & (slots.length - 1)]
    return operation?.packetId === packetId ? operation : undefined
  }

  remove(operation: T): void {
    const slots = this.#slots
    const slot = operation.packetId & (slots.length - 1)
    if (slots[slot] !== operation) return
    slots[slot] = undefined
    this.#size -= 1
    // A window of a thousand keeps its ring, of 16 KiB.
    if (this.#size === 0 && slots.length > 2048) this.clear()
  }

  *values(): IterableIterator<T> {
    for (const operation of this.#slots) if (operation !== undefined) yield operation
  }

  clear(): void {
    this.#slots = NOTHING as (T | undefined)[]
    this.#size = 0
  }

  /** Doubles the ring; tells whether it can have grown. */
  #grow(): boolean {
    const before = this.#slots
    const capacity = Math.max(FIRST_CAPACITY, before.length * 2)
    if (capacity > LARGEST_CAPACITY) return false
    const slots = new Array<T | undefined>(capacity).fill(undefined)
    for (const operation of before) {
      if (operation !== undefined) slots[operation.packetId & (capacity - 1)] = operation
    }
    this.#slots = slots
    return true
  }
}
