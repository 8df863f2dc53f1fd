// What the log holds: where each record is, the session table, and what still lives in each segment.
// Rule: a record's position is kept and never the record, and the counts are right at any moment, also
// straight after a restart, or segments would never be freed. It reads and writes nothing.

import { SequenceMap } from '../sequence-map.ts'
import type { Op } from '../store.ts'
import { putOverheadBytes, type Visitor } from './format.ts'

/** A file of the log. */
export interface Segment {
  readonly index: number
  readonly name: string
  sizeBytes: number
  /** Of those, its head and its copy of the session table. */
  fixedBytes: number
  /** The records in it that are neither deleted nor replaced, and what they take. */
  live: number
  liveBytes: number
}

/** Where a record is. */
export interface Place {
  readonly segment: Segment
  readonly offset: number
  readonly length: number
}

/** A segment of which nothing is known yet. */
export function newSegment(index: number, name: string): Segment {
  return { index, name, sizeBytes: 0, fixedBytes: 0, live: 0, liveBytes: 0 }
}

/** Everything that a log holds. */
export class Catalog {
  readonly places: SequenceMap<Place> = new SequenceMap()
  readonly state: Map<string, Uint8Array> = new Map()
  /** Oldest first. */
  readonly segments: Segment[] = []
  /** Bytes of all records. */
  sizeBytes = 0
  /** The same with what the log needs to say of each. */
  liveBytes = 0

  clear(): void {
    this.places.clear()
    this.state.clear()
    this.segments.length = 0
    this.sizeBytes = 0
    this.liveBytes = 0
  }

  put(seq: number, place: Place): void {
    const bytes = putOverheadBytes(seq, place.length) + place.length
    place.segment.live++
    place.segment.liveBytes += bytes
    this.sizeBytes += place.length
    this.liveBytes += bytes
    this.#release(seq, this.places.set(seq, place))
  }

  delete(seq: number): void {
    this.#release(seq, this.places.delete(seq))
  }

  /** Enters a commit. @param offsets where in the segment its records are, in their order */
  commit(ops: readonly Op[], segment: Segment, offsets: readonly number[]): void {
    let puts = 0
    for (const op of ops) {
      if (op[0] === 'put')
        this.put(op[1], { segment, offset: offsets[puts++]!, length: op[2].length })
      else if (op[0] === 'delete') this.delete(op[1])
      else if (op[0] === 'set') this.state.set(op[1], op[2])
      else this.state.delete(op[1])
    }
  }

  /**
   * Enters what is read of a segment.
   *
   * @param salvaged it is a damaged batch: what it adds may be whole, but it takes nothing away
   */
  visitor(segment: Segment, salvaged: boolean): Visitor {
    const nothing = (): void => undefined
    const put = (seq: number, offset: number, length: number): void => {
      if (!salvaged || (seq > 0 && this.places.get(seq) === undefined)) {
        this.put(seq, { segment, offset, length })
      }
    }
    if (salvaged) return { put, delete: nothing, set: nothing, unset: nothing, reset: nothing }
    return {
      put,
      delete: (seq) => this.delete(seq),
      set: (key, value) => void this.state.set(key, value),
      unset: (key) => void this.state.delete(key),
      reset: () => this.state.clear(),
    }
  }

  #release(seq: number, place: Place | undefined): void {
    if (place === undefined) return
    const bytes = putOverheadBytes(seq, place.length) + place.length
    place.segment.live--
    place.segment.liveBytes -= bytes
    this.sizeBytes -= place.length
    this.liveBytes -= bytes
  }
}
