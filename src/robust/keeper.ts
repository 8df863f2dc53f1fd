// Between the courier and an outbox: which changes are written, how safe they have to be, and what is
// taken up after a restart. It decides nothing about delivery.
//
// Written: a durable message when it is accepted, and its removal when it is settled; losing a removal
// costs one duplicate at QoS 1, so there it may be lazy. Ahead of the bytes: the packet id of a QoS 2
// message, its PUBREC, and the QoS 2 ids of messages to us. §4.1, §4.3.3

import type { StoreError } from '../errors.ts'
import type { Outbox, PutOp } from '../outbox/outbox.ts'
import type { Op, SyncLevel } from '../outbox/store.ts'
import { PAGE, SET_ASIDE_MAX } from './constants.ts'
import type { Entry } from './entry.ts'
import type { Kept, KeeperOwner } from './keeper-types.ts'
import { decodeUtf8, encodeUtf8, NO_BYTES } from '../codec/utf8.ts'
import { EntryRecords, readJson, type StoredStage, writeJson } from './entry-record.ts'

/**
 * Keys of the session table: whose it is, that there is no session yet, where it is, from which number on nothing was
 * sent at QoS 1, outbound packet ids, inbound QoS 2 ids, what is set aside, marks.
 */
export const CLIENT_KEY = 'client'
const UNMADE_KEY = 'unmade'
const SERVER_KEY = 'server'
const UNSENT_KEY = 'unsent'
export const OUTBOUND = 'o'
const INBOUND = 'i'
export const QUARANTINED = 'q'
/** Above all packet ids: with its number, what was in flight in a session that is gone, until its outcome is kept. */
export const LOST = 65_536
const MARK = 'm'
/** In place of a server's address: the session was given up. */
const NOWHERE = '?'

const POISONED = 'The server ended each connection on which it was sent alone'

/** A message that was found to end connections. */
interface SetAside {
  readonly seq: number
  readonly reason: string
  /** Whether it is being taken back, as a new message, with whose record it goes. */
  isTaken?: boolean
}

/** The packet id of a message in flight, and how far it is. */
type Bound = readonly [packetId: number, StoredStage]

export class Keeper {
  readonly #outbox: Outbox
  readonly #owner: KeeperOwner
  readonly #records = new EntryRecords()
  readonly #receivedIds = new Set<number>()
  readonly #aside = new Map<string, SetAside>()
  /** Whose record stands under a packet id: none of a session that is lost. */
  readonly #bound = new Map<number, Entry>()
  /** The application's own marks, as they are stored. */
  readonly marks: Map<string, Uint8Array> = new Map()
  /** Where the next page begins, and what in it was handed over already or is set aside. */
  #from = 0
  #saidEvictable = false
  readonly #adopts: boolean
  /** Whether it is recorded that the server has a session of this client. */
  #isRecorded = false
  /** Whether a process before this one has opened it for this client: the server may have its session all the same. */
  isOurs = false
  #server = ''
  /** As a process before this one left it. */
  #unsentFrom = Infinity
  readonly #taken = new Set<number>()
  /** How many QoS 1 messages of each topic are kept: of none a packet id is recorded. */
  readonly #ones = new Map<string, number>()
  /** By topic, the last QoS 2 message whose PUBLISH goes out again behind such messages. */
  readonly #resent = new Map<string, number>()

  /** @param adopts whether a process of this client takes up a session that it does not know */
  constructor(outbox: Outbox, owner: KeeperOwner, adopts: boolean) {
    this.#outbox = outbox
    this.#owner = owner
    this.#adopts = adopts
  }

  /** Whether what is stored survives the loss of power. */
  get survivesPower(): boolean {
    return this.#outbox.traits.power
  }

  /** Whether something of the outbox is known. */
  get isOpen(): boolean {
    return this.#outbox.isOpen
  }

  /**
   * Opens the outbox and hands over what was in flight; `readOn` gives the rest. Where what goes before it is
   * in the rest, it is read as far as that.
   * @throws {StoreError} it cannot be opened, or is somebody else's
   */
  async open(): Promise<Kept> {
    const { nextSeq, lowest, state } = await this.#outbox.open()
    const { clientId } = this.#owner
    const owner = state.get(CLIENT_KEY)
    this.isOurs = owner !== undefined && decodeUtf8(owner, 0, owner.length) === clientId
    const hasSession = this.isOurs && !state.has(UNMADE_KEY)
    const server = state.get(SERVER_KEY)
    this.#isRecorded = hasSession
    if (hasSession && server) this.#server = decodeUtf8(server, 0, server.length) ?? ''
    const unsent = state.get(UNSENT_KEY)
    if (unsent) this.#unsentFrom = readJson<number>(unsent)
    const unsentFrom = Math.min(this.#unsentFrom, nextSeq)
    const stages = new Map<number, Bound>()
    const ops: Op[] = []
    for (const [key, value] of state) {
      if (key.startsWith(QUARANTINED)) {
        const { id, reason } = readJson<{ id: string; reason: string }>(value)
        this.#aside.set(id, { seq: Number(key.slice(1)), reason })
        continue
      }
      // It is the application's, whatever its client is called.
      if (key.startsWith(MARK)) {
        this.marks.set(key.slice(1), value)
        continue
      }
      const packetId = Number(key.slice(1))
      if (key.startsWith(OUTBOUND)) {
        const stage = readJson<StoredStage>(value)
        stages.set(stage.seq, [packetId, stage])
        if (packetId > LOST) continue
        if (!hasSession) ops.push(['set', `${OUTBOUND}${LOST + stage.seq}`, value])
      } else if (key.startsWith(INBOUND) && hasSession) this.#receivedIds.add(packetId)
      if (!hasSession) ops.push(['unset', key])
    }
    // What was in flight has to be known before the first connection.
    for (const [seq, stage] of [...stages].sort(([a], [b]) => a - b)) {
      const [found] = await this.#outbox.read(seq, 1)
      if (found?.[0] === seq) this.#restore(seq, found[1], stage, hasSession)
      this.#taken.add(seq)
    }
    for (const { seq } of this.#aside.values()) this.#taken.add(seq)
    if (!hasSession) {
      ops.push(['set', CLIENT_KEY, encodeUtf8(clientId)], ['set', UNMADE_KEY, NO_BYTES])
    }
    if (!hasSession || !unsent) ops.push(['set', UNSENT_KEY, writeJson(unsentFrom)])
    if (ops.length > 0) await this.#outbox.write(ops, 'power')
    this.#from = lowest
    const last = Math.max(0, ...this.#resent.values())
    for (let more = true; more && this.#from <= last;) more = await this.readOn()
    return { nextSeq, unsentFrom, hasSession, receivedIds: [...this.#receivedIds] }
  }

  /**
   * Hands over the next page of what waits, in order. Gives whether there may be more.
   * @throws {StoreError} it cannot be read
   */
  async readOn(): Promise<boolean> {
    const page = await this.#outbox.read(this.#from, PAGE)
    for (const [seq, body] of page) {
      if (!this.#taken.has(seq)) this.#restore(seq, body, undefined, true)
      this.#from = seq + 1
    }
    if (page.length > 0) return true
    this.#taken.clear()
    this.#reportDamage()
    return false
  }

  /** Keeps a message that was accepted, and its mark. */
  put(entry: Entry): void {
    const ops: PutOp[] = [['put', entry.entryId, this.#records.of(entry, this.#owner.clocks)]]
    this.#countOne(entry, 1)
    const { mark } = entry
    if (mark !== undefined) ops.push(['set', MARK + mark.name, mark.value])
    const taken = this.#takenBack(entry)
    if (taken) ops.push(...unsetAside(taken))
    this.#outbox.enqueue(ops, 'power', this.#handlePut, entry)
  }

  readonly #handlePut = (error: StoreError | undefined, entry: Entry): void => {
    if (error === undefined) {
      const { mark } = entry
      if (mark !== undefined) this.marks.set(mark.name, mark.value)
      entry.mark = undefined
      if (this.#takenBack(entry)) this.#aside.delete(entry.id)
      this.#warnOfEviction()
      this.#owner.handleStored(entry)
    } else {
      // One that has its outcome was counted out with its removal.
      if (entry.status === undefined) this.#countOne(entry, -1)
      this.giveBack(entry.id)
      this.#owner.handleStoreFailed(entry, error)
      this.#owner.warn('outbox', error.message)
    }
  }

  /** Keeps how far the exchange of a QoS 2 message is; `done` is called once it is safe. */
  stage(entry: Entry, state: StoredStage['state'], done: () => void): void {
    const { packetId, keptPacketId } = entry
    // Of a session that was lost.
    const ops = packetId === keptPacketId ? [] : this.#unbind(entry)
    ops.push(this.#bind(entry, state, packetId))
    this.#write(ops, 'power', done)
  }

  #bind(entry: Entry, state: StoredStage['state'], packetId: number): Op {
    const { entryId: seq, topic } = entry
    const after = (state === 'sent' && this.#ones.has(topic)) || undefined
    const again = entry.possiblyDuplicated || undefined
    entry.keptPacketId = packetId
    this.#bound.set(packetId, entry)
    const value = writeJson({ seq, state, after, again } satisfies StoredStage)
    return ['set', `${OUTBOUND}${packetId}`, value]
  }

  /** Forgets the exchange of a message that has to begin anew, but not that an earlier one may have delivered it. */
  unstage(entry: Entry): void {
    const ops = this.#unbind(entry)
    if (ops.length > 0 && entry.possiblyDuplicated) {
      ops.push(this.#bind(entry, 'sent', LOST + entry.entryId))
    }
    if (ops.length > 0) this.#write(ops, 'power')
  }

  /**
   * Forgets a message that has its outcome. One that the server has comes back as a duplicate at the worst; one that
   * was given up or rejected would be sent after all.
   */
  remove(entry: Entry, done?: () => void): void {
    const ops: Op[] = [['delete', entry.entryId], ...this.#unbind(entry)]
    this.#countOne(entry, -1)
    const isLazy = entry.status === 'delivered' && entry.qos === 1
    this.#write(ops, isLazy ? 'lazy' : 'power', done)
  }

  /** Whether the next process would come to the outcome of a message as well, by what is stored of it. */
  endsAgain({ keptPacketId, expiresAt, policy }: Entry, now: number): boolean {
    // What has a packet id of a session that may go on is sent again: its time alone says nothing.
    if (keptPacketId === 0) return expiresAt <= now
    return keptPacketId > LOST && policy.onSessionLoss !== 'resend'
  }

  /**
   * Sets a message aside that was found to end connections: it is kept, and not sent. It is in no limit of what waits,
   * because it would keep what is good from being taken: the oldest goes when there are too many.
   */
  putAside(entry: Entry): void {
    const { entryId: seq, id, storeError } = entry
    // What could not be stored is not there, and was counted out.
    if (storeError !== undefined) return
    this.#aside.set(id, { seq, reason: POISONED })
    this.#countOne(entry, -1)
    const value = writeJson({ id, reason: POISONED })
    const ops: Op[] = [['set', `${QUARANTINED}${seq}`, value], ...this.#unbind(entry)]
    if (this.#aside.size > SET_ASIDE_MAX) {
      const [oldest, first] = [...this.#aside]
        .filter(([, { isTaken }]) => !isTaken)
        .reduce((a, b) => (b[1].seq < a[1].seq ? b : a))
      this.#aside.delete(oldest)
      ops.push(...unsetAside(first))
      this.#owner.warn(
        'set-aside-full',
        `More than ${SET_ASIDE_MAX} messages are set aside: the oldest is removed, "${oldest}"`,
      )
    }
    this.#write(ops, 'power')
  }

  /**
   * Takes a message back that was set aside, to be put as a new one; undefined when there is none of that id. It stays
   * aside until that one is stored, and where it is not. Whoever does not put it gives it back.
   */
  async takeBack(id: string): Promise<Entry | undefined> {
    const aside = this.#aside.get(id)
    if (aside === undefined || aside.isTaken) return undefined
    aside.isTaken = true
    let entry: Entry | undefined
    try {
      entry = await this.#readAside(aside)
    } finally {
      if (entry === undefined) this.giveBack(id)
    }
    return entry
  }

  #takenBack(entry: Entry): SetAside | undefined {
    const aside = this.#aside.size > 0 ? this.#aside.get(entry.id) : undefined
    return aside?.isTaken ? aside : undefined
  }

  /** It stays aside after all. */
  giveBack(id: string): void {
    const aside = this.#aside.get(id)
    if (aside) aside.isTaken = false
  }

  /** The messages that are set aside, as they were. */
  async *setAside(): AsyncIterable<Entry> {
    for (const aside of [...this.#aside.values()]) {
      if (aside.isTaken) continue
      const entry = await this.#readAside(aside)
      if (entry === undefined) continue
      entry.status = 'poisoned'
      yield entry
    }
  }

  async #readAside({ seq }: SetAside): Promise<Entry | undefined> {
    const [found] = await this.#outbox.read(seq, 1)
    return found?.[0] === seq ? this.#records.decode(found[1], this.#owner.clocks) : undefined
  }

  /** Keeps the QoS 2 id of a message to us; `done` is called once it is safe. */
  keepId(packetId: number, done: () => void): void {
    this.#receivedIds.add(packetId)
    this.#write([['set', `${INBOUND}${packetId}`, NO_BYTES]], 'power', done)
  }

  /** Forgets QoS 2 ids of messages to us; `done` is called once it is safe. */
  forgetIds(packetIds: readonly number[], done?: () => void): void {
    const ops = this.#unsetIds(packetIds)
    if (ops.length > 0 || done) this.#write(ops, 'power', done)
  }

  /**
   * The server has a session of ours from here on, and this comes before all that is kept of it: one of which no
   * CONNACK was seen has nothing in it. Where it is not the one before, what is in flight was in flight in that; where
   * that is lost, the QoS 2 ids of messages to us mean nothing any more.
   * @param done called once that is safe which nothing may be subscribed to before: a process after this one would
   * take the ids for those of the new session, or begin another if it takes up none that it does not know
   * @returns whether it would: `done` is called then, and never else
   */
  enter(sessionPresent: boolean, resumed: boolean, done: () => void): boolean {
    const ops = sessionPresent ? [] : this.#unsetIds(this.#receivedIds)
    const isEnded = !this.#isRecorded && !this.#adopts
    const isAwaited = (ops.length > 0 || isEnded) && this.#outbox.traits.process
    if (!this.#isRecorded) ops.push(['unset', UNMADE_KEY])
    if (!resumed) ops.push(...this.#loseAll())
    if (ops.length > 0) {
      this.#outbox.enqueue(ops, 'power', (error) => {
        this.#isRecorded ||= error === undefined
        this.#handleWritten(error, isAwaited ? done : undefined)
      })
    }
    return isAwaited
  }

  #unsetIds(packetIds: Iterable<number>): Op[] {
    const ops: Op[] = []
    for (const packetId of packetIds) {
      if (this.#receivedIds.delete(packetId)) ops.push(['unset', `${INBOUND}${packetId}`])
    }
    return ops
  }

  /**
   * Gives the session up: it is at no server any more, and what is in flight was in flight in it. Settles once that
   * is safe, and comes before a CONNECT that ends it: a process after this one would take the new one for it.
   */
  leave(): Promise<void> {
    this.#server = NOWHERE
    const given: Op = ['set', SERVER_KEY, encodeUtf8(NOWHERE)]
    const ops = [given, ...this.#unsetIds(this.#receivedIds), ...this.#loseAll()]
    return new Promise((done) => this.#write(ops, 'power', done))
  }

  /** What is in flight was in flight in a session that is lost. */
  #loseAll(): Op[] {
    const ops: Op[] = []
    for (const [packetId, entry] of [...this.#bound]) {
      if (packetId > LOST) continue
      ops.push(...this.#unbind(entry))
      // One that waited for its record never left, unless in a session before.
      const hasLeft = entry.state !== 'bound' || entry.possiblyDuplicated
      if (hasLeft) ops.push(this.#bind(entry, 'sent', LOST + entry.entryId))
    }
    return ops
  }

  /**
   * Keeps from which number on nothing was sent at QoS 1; undefined: there is none that is known.
   * @param done called once that is on the disk, or cannot be written
   * @returns whether there may be a next process
   */
  keepUnsent(from: number | undefined, done?: () => void): boolean {
    const op: Op = from === undefined ? ['unset', UNSENT_KEY] : ['set', UNSENT_KEY, writeJson(from)]
    this.#write([op], done ? 'power' : 'lazy', done)
    return this.#outbox.traits.process
  }

  /** The address of the server that has the session, which is kept; empty: not known. */
  get server(): string {
    return this.#server
  }

  /** Comes before all that is kept of the session there. */
  set server(server: string) {
    if (server === this.#server) return
    this.#server = server
    this.#write([['set', SERVER_KEY, encodeUtf8(server)]], 'power')
  }

  /** Never rejects: what could not be made safe is said as all that cannot be written. */
  close(): Promise<void> {
    return this.#outbox.close().catch((error: StoreError) => this.#handleWritten(error, undefined))
  }

  /** What could not be read, or is set aside. */
  get quarantined(): readonly { readonly id: string; readonly reason: string }[] {
    const damaged = this.#outbox.quarantined.map(({ seq, reason }) => ({
      id: `${seq ?? 'unknown'}`,
      reason,
    }))
    return [...Array.from(this.#aside, ([id, { reason }]) => ({ id, reason })), ...damaged]
  }

  #countOne({ qos, topic }: Entry, sign: 1 | -1): void {
    if (qos !== 1) return
    const count = (this.#ones.get(topic) ?? 0) + sign
    if (count > 0) this.#ones.set(topic, count)
    else this.#ones.delete(topic)
  }

  /** Forgets under which packet id a message was, unless another has the record by now. */
  #unbind(entry: Entry): Op[] {
    const { keptPacketId } = entry
    if (this.#bound.get(keptPacketId) !== entry) return []
    this.#bound.delete(keptPacketId)
    return [['unset', `${OUTBOUND}${keptPacketId}`]]
  }

  /** What cannot be written is said, and goes on: the message matters more than its record. */
  #write(ops: readonly Op[], sync: SyncLevel, done?: () => void): void {
    this.#outbox.enqueue(ops, sync, this.#handleWritten, done)
  }

  readonly #handleWritten = (
    error: StoreError | undefined,
    done: (() => void) | undefined,
  ): void => {
    if (error !== undefined) {
      const what =
        'after a restart what was sent or given up may go out again, or a message to us stay unhandled'
      this.#owner.warn('outbox', `${error.message}: ${what}`)
    }
    done?.()
  }

  #restore(seq: number, body: Uint8Array, found: Bound | undefined, hasSession: boolean): void {
    try {
      const entry = this.#records.decode(body, this.#owner.clocks)
      entry.entryId = seq
      // Whether one of QoS 1 was sent before the end of its process is known of what had only waited.
      entry.possiblyDuplicated = entry.qos === 1 && seq < this.#unsentFrom
      entry.staged = entry.qos === 2
      this.#countOne(entry, 1)
      if (found !== undefined) {
        const [packetId, { state, after, again = false }] = found
        const isLost = !hasSession || packetId > LOST
        entry.attempts = 1
        entry.possiblyDuplicated = again
        entry.state = state
        if (after) this.#resent.set(entry.topic, seq)
        entry.keptPacketId = isLost ? LOST + seq : packetId
        this.#bound.set(entry.keptPacketId, entry)
        if (!isLost) entry.packetId = packetId
        // Of what was sent at QoS 1 no packet id is recorded: it gets another.
      } else if (entry.qos === 1 && seq < (this.#resent.get(entry.topic) ?? 0)) entry.state = 'sent'
      this.#owner.handleRestored(entry)
    } catch (error) {
      this.#owner.warn(
        'outbox-damaged',
        `Entry ${seq} of the outbox is set aside: ${String(error)}`,
      )
    }
  }

  /** Said once, when something is promised that the platform has not promised. */
  #warnOfEviction(): void {
    if (this.#saidEvictable || !this.#outbox.traits.evictable) return
    this.#saidEvictable = true
    this.#owner.warn(
      'outbox-evictable',
      'The browser may clear the outbox: it has granted no persistent storage',
    )
  }

  #reportDamage(): void {
    const [first] = this.#outbox.quarantined
    if (first === undefined) return
    const { length } = this.#outbox.quarantined
    this.#owner.warn(
      'outbox-damaged',
      `${length} entries of the outbox are set aside: ${first.reason}`,
    )
  }
}

function unsetAside({ seq }: SetAside): readonly Op[] {
  return [
    ['unset', `${QUARANTINED}${seq}`],
    ['delete', seq],
  ]
}
