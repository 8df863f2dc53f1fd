// What every store shares, once: group commit, the checks of each record, counters, and the quota.
// Rule: one commit is under way, and what arrives meanwhile goes into the next, so that a thousand calls
// cost one wait for the disk. It knows no message and no platform: bodies are bytes, a store is given.

import { StoreError } from '../errors.ts'
import { BATCH_BYTES, BATCH_OPS, JOIN_TURNS } from './constants.ts'
import { Ledger } from './ledger.ts'
import {
  type Body,
  compareCounters,
  COUNTERS_KEY,
  readCounters,
  RecordWriter,
  unwrapRecord,
  writeCounters,
} from './records.ts'
import type { Op, OutboxStore, StoreTraits, SyncLevel } from './store.ts'

const DONE: Promise<void> = /* @__PURE__ */ Promise.resolve()
/** Of all outboxes: a process with many clients has one buffer for what each of them writes now and then. */
const RECORDS = /* @__PURE__ */ new RecordWriter()
const STRENGTH: Readonly<Record<SyncLevel, number>> = { lazy: 0, process: 1, power: 2 }

export type { Body } from './records.ts'

/** A change as the core takes it: a body in the place of the record. */
export type PutOp = Op | readonly ['put', seq: number, body: Body]

/** Settings of an {@link Outbox}. */
export interface OutboxOptions {
  /** The bytes that all records may take together. @default Infinity: what the store has room for */
  readonly quotaBytes?: number
  /** The operations in one commit, 1 and up; those of one call are never parted. @default 4096 */
  readonly batchOps?: number
}

/** Something that is set aside: it is there and cannot be read, or should be there and is not. */
export interface Quarantined {
  /** The record's number; undefined when that is not known either. */
  readonly seq: number | undefined
  readonly reason: string
}

/** What was found when an outbox was opened. */
export interface OpenedOutbox {
  /** The session table, without the core's own key. */
  readonly state: ReadonlyMap<string, Uint8Array>
  readonly count: number
  /** The lowest number there is; 0 when there is none. */
  readonly lowest: number
  /** Above every number that was ever used. */
  readonly nextSeq: number
  /** What is damaged as far as it shows without reading the records. */
  readonly quarantined: readonly Quarantined[]
}

/** Told once how a call ended, and what it was about; must not throw. */
export type WriteDone<T> = (error: StoreError | undefined, about: T) => void

interface Call {
  /** With records in the place of bodies. */
  readonly ops: readonly Op[]
  readonly sync: SyncLevel
  readonly done: WriteDone<unknown>
  readonly about: unknown
}

/** A store with all that is the same above any store. */
export class Outbox {
  /** Told each time that the store is asked for something, with the answer to come. */
  onAsked: ((answer: Promise<unknown>) => void) | undefined = undefined
  readonly #store: OutboxStore
  readonly #quotaBytes: number
  readonly #batchOps: number
  readonly #ledger = new Ledger()
  readonly #quarantined = new Map<number | string, Quarantined>()
  /** Calls that wait for the next commit, oldest first. */
  #calls: Call[] = []
  #running: Promise<void> | undefined
  #commits = 0
  #open = false

  constructor(store: OutboxStore, options: OutboxOptions = {}) {
    this.#store = store
    this.#quotaBytes = options.quotaBytes ?? Infinity
    this.#batchOps = options.batchOps ?? BATCH_OPS
  }

  get traits(): StoreTraits {
    return this.#store.traits
  }

  /** Whether it was opened and not closed: its store is ours alone. */
  get isOpen(): boolean {
    return this.#open
  }

  /** Group commits made. */
  get commits(): number {
    return this.#commits
  }

  /** Bytes of all records with their checksums; one that was deleted unread counts until the next open. */
  get sizeBytes(): number {
    return this.#ledger.sizeBytes
  }

  /** Records that are there, damaged ones among them. */
  get count(): number {
    return this.#ledger.count
  }

  /** What was found damaged until now: at open, and while reading. */
  get quarantined(): readonly Quarantined[] {
    return [...this.#quarantined.values()]
  }

  /**
   * Opens the store and compares what is there with what its last commit counted.
   *
   * @throws {StoreError} what the store says; damage is no error but set aside
   */
  async open(): Promise<OpenedOutbox> {
    const found = await this.#asked(this.#store.open())
    const state = new Map(
      await this.#asked(this.#store.state()).catch((error) => this.#giveUp(error)),
    )
    const said = readCounters(state.get(COUNTERS_KEY))
    state.delete(COUNTERS_KEY)
    this.#ledger.open(found, said?.next ?? 1)
    this.#quarantined.clear()
    for (const { seq, reason, position } of found.damaged) {
      this.#quarantine(seq, position === undefined ? reason : `${reason}, at ${position}`)
    }
    for (const reason of compareCounters(said, found)) this.#quarantine(undefined, reason)
    this.#open = true
    const { count, lowest } = found
    return { state, count, lowest, nextSeq: this.#ledger.next, quarantined: this.quarantined }
  }

  /**
   * Reads a page of records, lowest first, as they were last committed.
   *
   * Damaged ones are left out and listed in {@link Outbox.quarantined}. A page that is all damaged is
   * skipped: an empty answer means that there is nothing more.
   *
   * @param from the lowest number wanted
   * @param limit how many at most, 1 and up
   * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE the store cannot be read
   */
  async read(
    from: number,
    limit: number,
  ): Promise<readonly (readonly [seq: number, body: Uint8Array])[]> {
    for (let start = from; ;) {
      const page = await this.#asked(this.#store.scan(start, limit))
      const end = page.length < limit ? undefined : page.at(-1)![0] + 1
      this.#ledger.read(start, page, end)
      const bodies: [number, Uint8Array][] = []
      for (const [seq, record] of page) {
        const body = unwrapRecord(seq, record)
        if (typeof body === 'string') this.#quarantine(seq, `Record ${seq} ${body}`)
        else bodies.push([seq, body])
      }
      if (bodies.length > 0 || end === undefined) return bodies
      start = end
    }
  }

  /**
   * Writes changes with the next commit: all of this call or none, in the order of the calls.
   *
   * A new record has a number that was never used: {@link OpenedOutbox.nextSeq} and up. Only what is
   * there is replaced, and it is deleted once: the counters rely on it.
   *
   * @param ops `put` takes the body, which is copied at once; version and checksum are added here
   * @param sync how safe it is when the promise resolves; a stronger neighbour's level counts for both
   * @throws {StoreError} ERR_MQTT_STORE_FULL quota or disk, and nothing of this call was made: it can
   * happen to calls that add a record alone, or when not even the reserve is left;
   * ERR_MQTT_STORE_UNAVAILABLE the store cannot be written, or is closed
   * @throws {RangeError} a sequence number is not 1 to 2^53 - 1
   */
  write(ops: readonly Op[], sync: SyncLevel): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error: StoreError | undefined): void => (error ? reject(error) : resolve())
      this.enqueue(ops, sync, done)
    })
  }

  /** The same as {@link Outbox.write} without a promise: `done` is called once, after this returns. */
  enqueue<T>(ops: readonly PutOp[], sync: SyncLevel, done: WriteDone<T>, about?: T): void {
    // As long as what is given: an array that grows begins with room for seventeen.
    const [first] = ops
    const made = ops.length === 1 && first ? [this.#make(first)] : ops.map((op) => this.#make(op))
    this.#calls.push({ ops: made, sync, done: done as WriteDone<unknown>, about })
    this.#running ??= this.#run()
  }

  /** An operation with a record in the place of its body. */
  #make(op: PutOp): Op {
    const [kind, seq] = op
    if ((kind === 'put' || kind === 'delete') && !(Number.isSafeInteger(seq) && seq > 0)) {
      throw new RangeError(`Cannot write record ${seq}: its number has to be 1 to 2^53 - 1`)
    }
    return kind === 'put' ? ['put', seq, RECORDS.write(seq, op[2])] : op
  }

  /**
   * Closes the store when everything that was written before is committed.
   *
   * @throws {StoreError} something could not be made safe; it is closed all the same
   */
  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running
    if (!this.#open) return
    this.#open = false
    try {
      await this.#asked(this.#store.close())
    } catch (cause) {
      throw asStoreError(cause)
    }
  }

  /** Lets go of a store of which no more is known than that it opens. @throws what has failed */
  async #giveUp(error: unknown): Promise<never> {
    // What failed first is what is told.
    await this.#asked(this.#store.close()).catch(() => undefined)
    throw error
  }

  #asked<T>(answer: Promise<T>): Promise<T> {
    this.onAsked?.(answer)
    return answer
  }

  #quarantine(seq: number | undefined, reason: string): void {
    this.#quarantined.set(seq ?? reason, { seq, reason })
  }

  async #run(): Promise<void> {
    do {
      for (let turn = 0; turn < JOIN_TURNS; turn++) await DONE
      await this.#commit(this.#take(), true)
    } while (this.#calls.length > 0)
    this.#running = undefined
  }

  /** Takes the calls of one commit out of the queue. */
  #take(): readonly Call[] {
    let ops = 0
    let sizeBytes = 0
    let taken = 0
    for (const call of this.#calls) {
      ops += call.ops.length
      for (const op of call.ops) if (op[0] === 'put') sizeBytes += op[2].length
      if (taken > 0 && (ops > this.#batchOps || sizeBytes > BATCH_BYTES)) break
      taken++
    }
    const calls = this.#calls
    this.#calls = calls.slice(taken)
    calls.length = taken
    return calls
  }

  /** Makes one commit of the calls. @param retry whether what adds nothing is tried alone on a full disk */
  async #commit(calls: readonly Call[], retry: boolean): Promise<void> {
    const ledger = this.#ledger
    const before = ledger.begin()
    const taken: Call[] = []
    const ops: Op[] = []
    let sync: SyncLevel = 'lazy'
    for (const call of calls) {
      const refusal = this.#refuse(call)
      if (refusal !== undefined) {
        call.done(refusal, call.about)
        continue
      }
      taken.push(call)
      if (STRENGTH[call.sync] > STRENGTH[sync]) sync = call.sync
      for (const op of call.ops) {
        ops.push(op)
        ledger.enter(op, before)
      }
    }
    if (taken.length === 0) return
    ops.push(['set', COUNTERS_KEY, writeCounters(ledger.counters)])
    try {
      await this.#asked(this.#store.commit(ops, sync))
    } catch (cause) {
      ledger.undo(before, ops)
      const error = asStoreError(cause)
      const rest = retry && error.code === 'ERR_MQTT_STORE_FULL' ? this.#thatAddNothing(taken) : []
      const spared = new Set(rest)
      for (const call of taken) if (!spared.has(call)) call.done(error, call.about)
      return this.#commit(rest, false)
    }
    this.#commits++
    for (const { done, about } of taken) done(undefined, about)
  }

  /** Why a call is not even tried. */
  #refuse({ ops }: Call): StoreError | undefined {
    if (!this.#open) {
      return new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Cannot write: the outbox is not open')
    }
    if (this.#quotaBytes === Infinity) return undefined
    let sizeBytes = this.#ledger.sizeBytes
    let adds = false
    for (const op of ops) {
      if (!this.#ledger.adds(op)) continue
      adds = true
      sizeBytes += (op[2] as Uint8Array).length
    }
    return adds && sizeBytes > this.#quotaBytes
      ? new StoreError(
          'ERR_MQTT_STORE_FULL',
          `Cannot store: ${sizeBytes} bytes would exceed the quota of ${this.#quotaBytes} bytes`,
        )
      : undefined
  }

  /** On a full disk what settles messages may still have room: those calls, in their order. */
  #thatAddNothing(calls: readonly Call[]): readonly Call[] {
    const rest = calls.filter(({ ops }) => !ops.some((op) => this.#ledger.adds(op)))
    return rest.length < calls.length ? rest : []
  }
}

function asStoreError(cause: unknown): StoreError {
  return cause instanceof StoreError
    ? cause
    : new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Cannot write to the outbox', { cause })
}
