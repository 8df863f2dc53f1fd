// What waits to be sent, and who is next. One rule: a topic keeps the order of publishing, and between
// topics the higher priority goes first; what was sent before goes before all.
// Whoever stands before a message of higher priority in its topic is lifted to it, and stays there.
// It knows no connection and no time. Entries that leave from the middle are skipped when they come up.

import { Deque } from '../engine/deque.ts'
import { HIGHEST } from './constants.ts'
import * as PLACE from './place.ts'
import type { Entry } from './entry.ts'

/** The waiting messages of one topic, linked by `previous` and `next` in the order of publishing. */
interface Lane {
  first: Entry
  last: Entry
  /** By priority: all up to this message are in a line at least as high. */
  raised: (Entry | undefined)[] | undefined
}

export class WaitingLine {
  length = 0
  /** How many of them do not outlive the connection. */
  droppable = 0
  /** A line for each priority, and one for what is sent again. */
  readonly #lines: Deque<Entry>[] = makeLines(PLACE.AGAIN + 1)
  /** How many of each line have left it from the middle. */
  readonly #left: number[] = [0, 0, 0, 0, 0, 0]
  /** Kept only while messages of more than one priority wait: with one, the line itself is the order. */
  #lanes: Map<string, Lane> | undefined
  /** The priority of what waits, while it is one alone. */
  #onlyPriority = 0
  /** By their own priority: messages that may be given up for others, and their bytes. */
  readonly #evictable: number[] = [0, 0, 0, 0, 0]
  readonly #evictableBytes: number[] = [0, 0, 0, 0, 0]
  /** The same, the oldest first; kept from the first eviction until nothing waits. */
  #victims: Deque<Entry>[] | undefined

  /** Puts a message at the end of its line, and whatever of its topic waits in lower ones before it. */
  add(entry: Entry): void {
    const { priority } = entry.policy
    if (this.length === 0) {
      this.#lanes = undefined
      this.#victims = undefined
      this.#onlyPriority = priority
    } else if (this.#lanes === undefined && priority !== this.#onlyPriority) this.#makeLanes()
    if (this.#lanes !== undefined) this.#join(this.#lanes, entry, priority)
    this.#put(entry, priority)
    this.#count(entry, 1)
    this.#addVictim(entry)
  }

  /** Puts a message that was sent before in front of all that were not, behind its like. */
  addAgain(entry: Entry): void {
    this.#put(entry, PLACE.AGAIN)
    this.#count(entry, 1)
  }

  /** Puts messages that were sent before in front of all. */
  addFirst(entries: readonly Entry[]): void {
    const line = PLACE.AGAIN
    const behind = this.#take(line)
    for (const entry of entries) this.addAgain(entry)
    for (const entry of behind) this.#put(entry, line)
  }

  /** Who is next. */
  peek(): Entry | undefined {
    for (let line = PLACE.AGAIN; line >= 0; line -= 1) {
      const entry = this.#head(line)
      if (entry !== undefined) return entry
    }
    return undefined
  }

  /** The lowest priority's next message when nothing of its topic waits before it. */
  peekBeside(): Entry | undefined {
    const entry = this.#head(PLACE.AGAIN) === undefined ? this.#head(0) : undefined
    return entry !== undefined && this.#lanes?.get(entry.topic)?.first === entry ? entry : undefined
  }

  /** Whether giving up messages below this priority frees so much, `without` left out. */
  canFree(priority: number, messages: number, bytes: number, without: Entry | undefined): boolean {
    const isCounted =
      without !== undefined && isEvictable(without) && without.policy.priority < priority
    let count = isCounted ? -1 : 0
    let sizeBytes = isCounted ? -without.sizeBytes : 0
    for (let lower = 0; lower < priority; lower += 1) {
      count += this.#evictable[lower] as number
      sizeBytes += this.#evictableBytes[lower] as number
    }
    return count >= messages && sizeBytes >= bytes
  }

  /** The oldest message of the lowest priority below this one that may be given up for another. */
  evictable(priority: number): Entry | undefined {
    for (let lower = 0; lower < priority; lower += 1) {
      if (this.#evictable[lower] === 0) continue
      const victims = (this.#victims ?? this.#makeVictims())[lower] as Deque<Entry>
      for (let one = victims.peek(); one !== undefined; one = victims.peek()) {
        if (isWaiting(one)) return one
        victims.shift()
      }
    }
    return undefined
  }

  /** Takes a message out, wherever it is. */
  remove(entry: Entry): void {
    const { place } = entry
    const line = this.#lines[place] as Deque<Entry>
    this.#count(entry, -1)
    if (this.#lanes !== undefined && isWaiting(entry)) unlink(this.#lanes, entry)
    entry.place = PLACE.NOWHERE
    if (line.peek() === entry) line.shift()
    else this.#leave(place)
  }

  /** Everything that waits, in the order of the lines. */
  *[Symbol.iterator](): IterableIterator<Entry> {
    for (let line = PLACE.AGAIN; line >= 0; line -= 1) {
      for (const entry of this.#lines[line] as Deque<Entry>) if (entry.place === line) yield entry
    }
  }

  #count(entry: Entry, sign: 1 | -1): void {
    const { priority, offline } = entry.policy
    this.length += sign
    if (offline === 'drop') this.droppable += sign
    if (!isEvictable(entry)) return
    this.#evictable[priority] = (this.#evictable[priority] as number) + sign
    this.#evictableBytes[priority] =
      (this.#evictableBytes[priority] as number) + sign * entry.sizeBytes
  }

  #put(entry: Entry, line: number): void {
    entry.place = line
    this.#lines[line]?.push(entry)
  }

  #head(line: number): Entry | undefined {
    const entries = this.#lines[line] as Deque<Entry>
    for (let entry = entries.peek(); entry !== undefined; entry = entries.peek()) {
      if (entry.place === line) return entry
      entries.shift()
      this.#left[line] = (this.#left[line] as number) - 1
    }
    return undefined
  }

  /** One has left this line from the middle; when the half has, the line is made anew. */
  #leave(line: number): void {
    const left = (this.#left[line] as number) + 1
    this.#left[line] = left
    if (left * 2 <= (this.#lines[line] as Deque<Entry>).length + 16) return
    for (const entry of this.#take(line)) this.#put(entry, line)
  }

  /** Empties a line; gives those who were in it. */
  #take(line: number): Entry[] {
    const entries = this.#lines[line] as Deque<Entry>
    const staying = [...entries].filter((entry) => entry.place === line)
    entries.clear()
    this.#left[line] = 0
    return staying
  }

  #makeVictims(): Deque<Entry>[] {
    const found = [...this].filter(isEvictable).sort((a, b) => a.entryId - b.entryId)
    this.#victims = makeLines(HIGHEST + 1)
    for (const entry of found) this.#victims[entry.policy.priority]?.push(entry)
    return this.#victims
  }

  #addVictim(entry: Entry): void {
    const { priority } = entry.policy
    const victims = this.#victims?.[priority]
    if (victims === undefined || !isEvictable(entry)) return
    victims.push(entry)
    if (victims.length <= 2 * (this.#evictable[priority] as number) + 16) return
    const staying = [...victims].filter(isWaiting)
    victims.clear()
    for (const one of staying) victims.push(one)
  }

  #makeLanes(): void {
    const lanes = new Map<string, Lane>()
    this.#lanes = lanes
    const line = this.#onlyPriority
    for (const entry of this.#lines[line] as Deque<Entry>) {
      if (entry.place === line) this.#join(lanes, entry, line)
    }
  }

  #join(lanes: Map<string, Lane>, entry: Entry, priority: number): void {
    const lane = lanes.get(entry.topic)
    if (lane === undefined) {
      lanes.set(entry.topic, { first: entry, last: entry, raised: undefined })
      return
    }
    if (priority > 0) this.#raise(lane, priority)
    entry.previous = lane.last
    lane.last.next = entry
    lane.last = entry
  }

  /** Lifts a topic's messages to a priority; each is looked at once a priority, so this stays linear. */
  #raise(lane: Lane, priority: number): void {
    const raised = (lane.raised ??= [])
    const known = raised[priority]
    let one = known === undefined ? lane.first : known.next
    for (; one !== undefined; one = one.next) {
      const { place } = one
      if (place >= priority) continue
      this.#put(one, priority)
      this.#leave(place)
    }
    raised[priority] = lane.last
  }
}

/** Takes a message out of its topic's order; an empty lane is forgotten. */
function unlink(lanes: Map<string, Lane>, entry: Entry): void {
  const { topic, previous, next } = entry
  const lane = lanes.get(topic) as Lane
  entry.previous = undefined
  entry.next = undefined
  if (previous === undefined && next === undefined) {
    lanes.delete(topic)
    return
  }
  if (previous === undefined) lane.first = next as Entry
  else previous.next = next
  if (next === undefined) lane.last = previous as Entry
  else next.previous = previous
  const { raised } = lane
  if (raised === undefined) return
  for (let line = 1; line <= HIGHEST; line += 1) {
    if (raised[line] === entry) raised[line] = previous
  }
}

/** Whether it is in the line of its priority, or of a higher one. */
function isWaiting(entry: Entry): boolean {
  return entry.place >= 0 && entry.place <= HIGHEST
}

function isEvictable(entry: Entry): boolean {
  return isWaiting(entry) && entry.policy.durable !== 'required'
}

function makeLines(count: number): Deque<Entry>[] {
  return Array.from({ length: count }, () => new Deque<Entry>())
}
