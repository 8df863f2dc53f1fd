// The disk store without a disk: an append-only log in segments, given the files and the checksum.
// Rule: a batch is written at once and synced once, what is safe is never changed, and only the oldest
// segment is ever removed, so that no record comes back whose deletion went with a newer one. One thing
// is done at a time. It knows no platform: a simulator runs it on a disk that loses what was not synced.

import { StoreError } from '../../errors.ts'
import type { Op, OpenResult, OutboxStore, StoredRecord, StoreTraits, SyncLevel } from '../store.ts'
import { Catalog, newSegment, type Place, type Segment } from './catalog.ts'
import type { Checksum, Files, LogFile } from './files.ts'
import { BatchWriter } from './format.ts'
import { LOG } from './marker.ts'
import { readAll, recover } from './recover.ts'
import { readSegment } from './segments.ts'
import { Reserve } from './reserve.ts'

/** Larger ones are made and removed less often; smaller ones free room sooner. */
const SEGMENT_BYTES = 2_097_152
/** What settles all messages of one segment, one by one, fits into it: it frees the next room. */
const RESERVE_BYTES = 2_097_152
/** Garbage of up to this many segments, beside as much as there is live, is not worth a rewrite. */
const SLACK_SEGMENTS = 2
/** A segment counts as this part of a full one at least, or a thousand restarts left a thousand files. */
const SMALLEST_PART = 1 / 32
/** Records are read together when no more than this is between them, and no more than that at once. */
const READ_GAP_BYTES = 4096
const READ_BYTES = 1_048_576
const PROBE = 'probe'
const NO_BYTES: Uint8Array = /* @__PURE__ */ new Uint8Array(0)

/** Settings of a {@link LogStore}. */
export interface LogOptions {
  /** 16 random bytes, the id of an outbox that is made. */
  readonly newId: Uint8Array
  /** The id of this one, where its marker is not there yet and is not to be written. */
  readonly id?: Uint8Array
  readonly checksum: Checksum
  /** A segment takes no further batch beyond this many bytes. @default 2,097,152 */
  readonly segmentBytes?: number
  /** Set aside for a full disk; 0 for none. @default 2,097,152 */
  readonly reserveBytes?: number
}

/** An {@link OutboxStore} on files. */
export class LogStore implements OutboxStore {
  readonly traits: StoreTraits = {
    power: true,
    process: true,
    ...LOG,
  }
  readonly #files: Files
  readonly #options: LogOptions
  readonly #segmentBytes: number
  readonly #reserve: Reserve
  readonly #catalog = new Catalog()
  #id: Uint8Array = NO_BYTES
  #writer: BatchWriter | undefined
  /** The segment that is written, and its file; none before the first commit. */
  #head: { readonly segment: Segment; readonly file: LogFile } | undefined
  /** Whether what was opened needs no head before the oldest goes: the newest segment has all of the state. */
  #isWhole = false
  #nextIndex = 1
  #nextNumber = 1
  /** Every batch up to this one is safe. */
  #synced = 0
  #folderSynced = true
  #compactions = 0
  /** Why nothing more can be written. */
  #broken: StoreError | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(files: Files, options: LogOptions) {
    this.#files = files
    this.#options = options
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES
    this.#reserve = new Reserve(files, options.reserveBytes ?? RESERVE_BYTES)
  }

  /** How many files the log has, what they take, and how often one was rewritten to free it. */
  get usage(): {
    readonly segments: number
    readonly diskBytes: number
    readonly compactions: number
  } {
    const { segments } = this.#catalog
    const diskBytes = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    return { segments: segments.length, diskBytes, compactions: this.#compactions }
  }

  open(): Promise<OpenResult> {
    const opened = this.#inTurn(async () => {
      this.#broken = undefined
      const found = await recover(this.#files, this.#options, this.#catalog)
      this.#id = found.id
      this.#writer = new BatchWriter(this.#options.checksum, found.id)
      this.#nextIndex = found.nextIndex
      this.#nextNumber = found.nextNumber
      this.#synced = found.nextNumber - 1
      this.#isWhole = found.isWhole
      await this.#probe()
      const { places, sizeBytes } = this.#catalog
      const { size: count, lowest, highest } = places
      return { count, lowest, highest, sizeBytes, damaged: found.damaged }
    })
    // A process that ends after each commit leaves a segment behind every time.
    return this.#thenTidy(opened)
  }

  commit(ops: readonly Op[], sync: SyncLevel): Promise<void> {
    const made = this.#inTurn(async () => {
      if (this.#broken !== undefined) throw this.#broken
      const adds = ops.some(
        (op) => op[0] === 'put' && this.#catalog.places.get(op[1]) === undefined,
      )
      if (adds) await this.#reserve.make()
      await this.#append(ops, sync === 'power', !adds)
    })
    return this.#thenTidy(made)
  }

  scan(from: number, limit: number): Promise<readonly StoredRecord[]> {
    return this.#inTurn(() => this.#read(this.#catalog.places.from(from, limit)))
  }

  async state(): Promise<ReadonlyMap<string, Uint8Array>> {
    return new Map(this.#catalog.state)
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      const head = this.#head
      try {
        // What failed behind the caller's back is told here at the latest, also without a file to write to.
        if (this.#broken !== undefined) throw this.#broken
        if (head !== undefined) await this.#sync()
      } finally {
        this.#head = undefined
        this.#isWhole = false
        await head?.file.close()
      }
    })
  }

  /** Does one thing at a time, in the order asked for. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Tidies behind the caller's back: what fails there is told to the next one. */
  #thenTidy<T>(made: Promise<T>): Promise<T> {
    made.then(
      () => this.#inTurn(() => this.#tidy()),
      () => undefined,
    )
    return made
  }

  /** Remembers that the log is in no state to be written. */
  #break(cause: unknown): StoreError {
    this.#broken =
      cause instanceof StoreError && cause.code === 'ERR_MQTT_STORE_UNAVAILABLE'
        ? cause
        : new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Cannot write to the outbox', { cause })
    return this.#broken
  }

  /** Writes one batch. @param spend whether the reserve may go for it */
  async #append(ops: readonly Op[], power: boolean, spend: boolean): Promise<void> {
    await this.#endFullSegment()
    const { state } = this.#catalog
    const writer = this.#writer!
    const head = this.#head
    const index = this.#nextIndex
    const segment = head?.segment ?? newSegment(index, `${String(index).padStart(8, '0')}.log`)
    const header = { number: this.#nextNumber, synced: this.#synced }
    const offsets: number[] = []
    const bytes = writer.write(ops, header, head === undefined ? state : undefined, offsets)
    let file = head?.file
    try {
      file ??= await this.#files.open(segment.name, true)
      await file.write(bytes, segment.sizeBytes)
    } catch (error) {
      if (!isFull(error)) {
        if (head === undefined) await file?.close()
        throw this.#break(error)
      }
      // What is left of it in the head is written over by the next one, or torn in front of it.
      if (head === undefined && file !== undefined) {
        await file.close()
        await this.#files.remove(segment.name)
      }
      if (spend && (await this.#reserve.free())) return this.#append(ops, power, false)
      throw error
    }
    if (head === undefined) {
      segment.fixedBytes = writer.fixedBytes
      this.#head = { segment, file }
      this.#catalog.segments.push(segment)
      this.#folderSynced = false
      this.#nextIndex++
    }
    this.#nextNumber++
    if (power) await this.#sync()
    const base = segment.sizeBytes
    segment.sizeBytes += bytes.length
    for (let i = 0; i < offsets.length; i++) offsets[i]! += base
    this.#catalog.commit(ops, segment, offsets)
  }

  /** Makes everything safe that was written. */
  async #sync(): Promise<void> {
    const number = this.#nextNumber - 1
    if (this.#synced === number && this.#folderSynced) return
    try {
      await this.#head?.file.sync()
      if (!this.#folderSynced) await this.#files.syncFolder()
    } catch (error) {
      // After a sync that failed nobody knows what is on the disk: it is read again at the next open.
      throw this.#break(error)
    }
    this.#folderSynced = true
    this.#synced = number
  }

  /** Goes on to a new segment when the head is full. What is in an older one is always safe. */
  async #endFullSegment(): Promise<void> {
    const head = this.#head
    if (head === undefined) return
    if (head.segment.sizeBytes - head.segment.fixedBytes < this.#segmentBytes) return
    await this.#sync()
    this.#head = undefined
    await head.file.close()
  }

  /** Frees the oldest segments: those in which nothing lives, and one that is worth a rewrite. */
  async #tidy(): Promise<void> {
    const { segments } = this.#catalog
    try {
      while (this.#broken === undefined && segments.length > 1) {
        // After `close` the folder may be somebody else's.
        if (this.#head === undefined && !this.#isWhole) return
        const tail = segments[0]!
        if (tail.live > 0 && !(this.#isWorthRewriting(tail) && (await this.#rewrite(tail)))) return
        // What removed the last of it is safe before it goes, and each is gone before the next one goes.
        await this.#sync()
        await this.#files.remove(tail.name)
        segments.shift()
        await this.#files.syncFolder()
      }
    } catch (error) {
      this.#break(error)
    }
  }

  /**
   * A rewrite of one segment is paid for by as many bytes of garbage: while a record lives, it is
   * rewritten once at most for each time that the log has grown by all that lives and the slack.
   */
  #isWorthRewriting(tail: Segment): boolean {
    // Without the reserve room is short: only what frees much more than it takes.
    if (!this.#reserve.there) return tail.liveBytes * 4 < tail.sizeBytes
    const { segments, liveBytes } = this.#catalog
    const least = this.#segmentBytes * SMALLEST_PART
    let sizeBytes = 0
    for (const segment of segments) {
      sizeBytes += Math.max(segment.sizeBytes - segment.fixedBytes, least)
    }
    return sizeBytes > 2 * liveBytes + SLACK_SEGMENTS * this.#segmentBytes
  }

  /** Writes what lives in the oldest segment once more, at the head. @returns false on a full disk */
  async #rewrite(tail: Segment): Promise<boolean> {
    const { checksum } = this.#options
    const bytes = await readAll(this.#files, tail.name)
    const ops: Op[] = []
    const nothing = (): void => undefined
    const put = (seq: number, offset: number, length: number): void => {
      const place = this.#catalog.places.get(seq)
      if (place?.segment !== tail || place.offset !== offset) return
      ops.push(['put', seq, bytes.subarray(offset, offset + length)])
    }
    for (const batch of readSegment(tail.name, bytes, checksum, this.#id).batches) {
      batch.visit({ put, delete: nothing, set: nothing, unset: nothing, reset: nothing })
    }
    try {
      await this.#append(ops, true, false)
    } catch (error) {
      if (isFull(error)) return false
      throw error
    }
    this.#compactions++
    return true
  }

  async #read(found: readonly (readonly [seq: number, place: Place])[]): Promise<StoredRecord[]> {
    const records: StoredRecord[] = []
    let open: { readonly segment: Segment; readonly file: LogFile } | undefined
    try {
      for (let at = 0; at < found.length;) {
        const { segment, offset, length } = found[at]![1]
        let end = offset + length
        let next = at + 1
        for (; next < found.length; next++) {
          const place = found[next]![1]
          const gap = place.offset - end
          if (place.segment !== segment || gap < 0 || gap > READ_GAP_BYTES) break
          if (place.offset + place.length - offset > READ_BYTES) break
          end = place.offset + place.length
        }
        if (open?.segment !== segment) {
          await open?.file.close()
          open = { segment, file: await this.#files.open(segment.name, false) }
        }
        const bytes = await open.file.read(offset, end - offset)
        for (; at < next; at++) {
          const [seq, place] = found[at]!
          const start = place.offset - offset
          records.push([seq, bytes.slice(start, start + place.length)])
        }
      }
    } finally {
      await open?.file.close()
    }
    return records
  }

  /** Finds out whether something can be written, read back and deleted, and sets the reserve aside. */
  async #probe(): Promise<void> {
    // On a full disk what an earlier process left goes first, and the reserve when that was not enough.
    let full = await this.#isTooFull()
    if (full !== undefined) {
      await this.#tidy()
      full = await this.#isTooFull()
    }
    if (full !== undefined) {
      if (!(await this.#reserve.free())) throw full
      await this.#tryOut()
      return
    }
    try {
      await this.#reserve.make()
    } catch (error) {
      // What waits is let out all the same: that makes room.
      if (!isFull(error) || this.#catalog.places.size === 0) throw error
    }
  }

  /** Why nothing can be written, where that is a full disk. */
  async #isTooFull(): Promise<StoreError | undefined> {
    try {
      await this.#tryOut()
      return undefined
    } catch (error) {
      if (isFull(error)) return error
      throw error
    }
  }

  async #tryOut(): Promise<void> {
    const files = this.#files
    if ((await files.list()).includes(PROBE)) await files.remove(PROBE)
    const file = await files.open(PROBE, true)
    try {
      await file.write(this.#id, 0)
      await file.sync()
      const read = await file.read(0, this.#id.length)
      if (read.length !== this.#id.length || read.some((byte, i) => byte !== this.#id[i])) {
        throw new StoreError(
          'ERR_MQTT_STORE_UNAVAILABLE',
          'Cannot open the outbox: what was written to its folder is not what is read back',
        )
      }
    } finally {
      await file.close()
      await files.remove(PROBE)
    }
  }
}

function isFull(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === 'ERR_MQTT_STORE_FULL'
}
