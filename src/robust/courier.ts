// The policy of the client in one place: what is sent next, and what every event means for each message.
// A pure machine of the engine's shape: inputs with `now`, then `poll` until nothing is left, then the
// next input. It knows no socket, no store and no promise; how a packet travels is the engine's.
// A message that is given up in flight has its outcome at once, and is followed until the engine is done.

import { Deque } from '../engine/deque.ts'
import type { PayloadPool } from '../engine/payload-pool.ts'
import type { MqttError } from '../errors.ts'
import { publishAnswer } from '../simple/answers.ts'
import { PACKET_ID_NOT_FOUND } from '../simple/constants.ts'
import type { CourierCounts, CourierOptions, Forget, HasRoom } from './courier-types.ts'
import { Deadlines } from './deadlines.ts'
import * as PLACE from './place.ts'
import { byPriority, bySending, type Entry, neverLeft, type OutcomeStatus } from './entry.ts'
import type { ResolvedPolicy } from './policies.ts'
import { publishRefusal } from './refusals.ts'
import { Suspects } from './suspects.ts'
import { Tally } from './tally.ts'
import { WaitingLine } from './waiting-line.ts'

/**
 * What an event means, by the place of a message:
 *
 * | place | its time is up, or cancel | connected, resumed | connected, lost | connection closed | answer |
 * | --- | --- | --- | --- | --- | --- |
 * | early | outcome | – | – | fleeting: outcome | – |
 * | a line | outcome | sent in its turn | the same | fleeting: outcome | – |
 * | again | outcome | sent before the lines | the same | fleeting: outcome | – |
 * | later | outcome | – | – | fleeting: outcome | – |
 * | engine | outcome, stays | – | – | interrupted | outcome, or later |
 * | interrupted | outcome, stays | engine | outcome, or again | – | – |
 *
 * "Outcome" of one that the server may have is `maybe-delivered`; its time is up for one that was turned away
 * each time: `rejected`.
 */
export class Courier {
  readonly #options: CourierOptions
  readonly #hasRoom: HasRoom
  readonly #payloads: PayloadPool
  readonly #forget: Forget
  /** Messages without an outcome. */
  readonly #open: Tally
  readonly #line = new WaitingLine()
  /** Deadlines of messages, and the moments at which what was turned away is tried again. */
  readonly #deadlines = new Deadlines<Entry>((entry) => entry.status === undefined)
  readonly #later = new Deadlines<Entry>((entry) => entry.place === PLACE.LATER)
  /** With the engine when the connection ended; also those that it had not sent: `new`. */
  #interrupted: Entry[] = []
  /** Taken before the outbox was read; some may have an outcome by now. */
  readonly #early: Entry[] = []
  /** The newest open message of each collapse key. */
  readonly #newest = new Map<string, Entry>()
  readonly #settled = new Deque<Entry>()
  #connected = false
  /** Whether the session is one that a process before this one may have used. */
  #isInherited = true
  #inflight = 0
  #sends = 0
  readonly #suspects = new Suspects()
  #nextEntryId = 1

  constructor(options: CourierOptions, hasRoom: HasRoom, payloads: PayloadPool, forget: Forget) {
    this.#options = options
    this.#open = new Tally(options)
    this.#hasRoom = hasRoom
    this.#payloads = payloads
    this.#forget = forget
  }

  get counts(): CourierCounts {
    const { messages: open, bytes: openBytes } = this.#open
    return { open, openBytes, waiting: this.#line.length, inflight: this.#inflight }
  }

  /** Whether nothing is left to do. */
  get idle(): boolean {
    return this.#open.messages === 0
  }

  /** Whether something is worth an attempt before its time. */
  get urgent(): boolean {
    return this.#open.urgent
  }

  /** Whether something is worth a connection of its own. */
  get wantsConnection(): boolean {
    return this.#open.wantsConnection
  }

  /** How many may be in flight at a time, beside what the server says. */
  get sendQuota(): number {
    return this.#suspects.count > 0 ? 1 : Infinity
  }

  /** Whatever is not on its way; those in flight when the connection ended may have an outcome. */
  *entries(): IterableIterator<Entry> {
    yield* this.#interrupted
    yield* this.#line
    yield* this.#later
  }

  /** Ids of new messages start here: above all that a store holds. */
  startAt(entryId: number): void {
    this.#nextEntryId = Math.max(this.#nextEntryId, entryId)
  }

  /** Takes a message that cannot have a place yet: its time runs, and it may be given up. `accept` follows. */
  acceptEarly(entry: Entry, now: number): void {
    this.#admit(entry, now)
    if (this.#isDropped(entry)) return this.#settle(entry, 'dropped', now)
    if (!this.#makePlace(entry, now)) return this.#settle(entry, 'refused', now)
    this.#enter(entry)
    this.#keepEarly(entry)
  }

  /** Those that were taken early and are still open, once. */
  takeEarly(): Entry[] {
    const open = this.#early.splice(0).filter(({ status }) => status === undefined)
    for (const entry of open) entry.place = PLACE.ADMITTED
    return open
  }

  /** What came early has a place beside what is read, or none. */
  fitEarly(now: number): void {
    const early = this.takeEarly()
    // Of the lowest priority the newest first.
    for (const entry of [...early].reverse().sort(byPriority)) {
      if (this.#open.isFull && !this.#makePlace(entry, now)) this.#giveUp(entry, 'refused', now)
    }
    for (const entry of early) this.#keepEarly(entry)
  }

  #keepEarly(entry: Entry): void {
    entry.place = PLACE.EARLY
    this.#early.push(entry)
  }

  #isDropped({ policy: { offline } }: Entry): boolean {
    return offline === 'drop' && !this.#connected
  }

  /** Takes a message: it waits, replaces another, or has its outcome already. */
  accept(entry: Entry, now: number): void {
    this.#take(entry, now)
    if (this.#isDropped(entry)) return this.#settle(entry, 'dropped', now)
    if (!this.#makePlace(entry, now)) return this.#settle(entry, 'refused', now)
    this.#enter(entry)
    this.#line.add(entry)
  }

  /**
   * Takes a message that is to be sent at once, because nothing is before it and the connection has
   * room. False, and nothing has happened, when it has to be accepted as any other.
   */
  acceptNext(entry: Entry, now: number): boolean {
    const { policy, qos, sizeBytes } = entry
    if (!this.isOpenTo(policy, sizeBytes) || !this.#hasRoom(qos, false)) return false
    this.#take(entry, now)
    this.#enter(entry)
    this.#hand(entry)
    return true
  }

  /** Whether there is nothing to decide of a message: it goes out if the connection has room. */
  isOpenTo({ collapseKey }: ResolvedPolicy, sizeBytes: number): boolean {
    return (
      this.#connected &&
      this.#line.length + this.#settled.length + this.#suspects.count === 0 &&
      collapseKey === undefined &&
      this.#open.fits(sizeBytes)
    )
  }

  /** Refuses a message that was never accepted. */
  refuse(entry: Entry, error: MqttError, now: number): void {
    this.#open.count(entry, 1)
    entry.error = error
    entry.storeError = error
    this.#settle(entry, 'refused', now)
  }

  /** Takes up a message that a store has kept. */
  restore(entry: Entry): void {
    this.#takeUp(entry)
    if (entry.packetId === 0) return this.#line.add(entry)
    this.#sends += 1
    entry.sentAs = this.#sends
    this.#inflight += 1
    this.#interrupt(entry)
  }

  /** Takes up a message whose session is gone: it was in flight in it. */
  restoreLost(entry: Entry, now: number): void {
    this.#takeUp(entry)
    if (this.#isLost(entry, now)) this.#line.addAgain(entry)
  }

  /** Gives a message up. Gives whether the server certainly has it not. */
  cancel(entry: Entry, now: number): boolean {
    if (entry.status !== undefined) return false
    const { isAbsent } = entry
    this.#giveUp(entry, isAbsent ? 'cancelled' : 'maybe-delivered', now)
    return isAbsent
  }

  /**
   * The server has accepted a connection; `resumed` when it has the session that we have.
   * @param isUnsure whether it may have another, in which PUBCOMP says nothing of a PUBLISH that came before
   * @param isOld whether it may have one that a process before this one has used
   */
  handleConnected(resumed: boolean, now: number, isUnsure = false, isOld: boolean = resumed): void {
    this.#connected = true
    this.#isInherited &&= isOld
    const again: Entry[] = []
    for (const entry of this.#interrupted.sort(bySending)) {
      const isOpen = entry.status === undefined
      if (resumed && entry.state !== 'new') {
        entry.place = PLACE.ENGINE
        if (!isOpen) continue
        // One that waits for its record never left.
        entry.resumed = entry.state !== 'bound'
        const isReceived = entry.state === 'received' || entry.state === 'released'
        if (isReceived) entry.isUnsure ||= isUnsure
        entry.attachExpiry(now)
        if (entry.resumed) entry.attempts += 1
        entry.reach(isReceived ? 'received' : 'sent')
        continue
      }
      this.#inflight -= 1
      entry.place = PLACE.NOWHERE
      if (!isOpen) this.#leave(entry)
      else if (neverLeft(entry) || this.#isLost(entry, now)) again.push(entry)
    }
    for (const entry of again) this.#comeBack(entry, now)
    this.#interrupted = []
    if (again.length > 0) this.#line.addFirst(again)
    this.handleTimeout(now)
  }

  /** The engine hands a message back unsettled because its connection has ended. */
  handleInterrupted(entry: Entry): void {
    if (entry.place === PLACE.ENGINE) this.#interrupt(entry)
  }

  /**
   * The connection has ended.
   * @param suspicious whether a packet of ours may be why
   * @param packetId of the message that was answered wrongly, if that was why
   */
  handleClosed(suspicious: boolean, now: number, packetId?: number): void {
    this.#connected = false
    const inflight = this.#interrupted.sort(bySending)
    const guilty = suspicious ? this.#suspects.handleDeath(inflight, packetId) : undefined
    if (guilty !== undefined) this.#convict(guilty, now)
    const waiting = this.#line.droppable > 0 ? this.#line : []
    for (const entry of [...waiting, ...this.#later, ...this.#early]) {
      if (entry.policy.offline !== 'drop' || entry.status !== undefined) continue
      this.#giveUp(entry, entry.isAbsent ? 'dropped' : 'maybe-delivered', now)
    }
  }

  /** The engine is done with a message: `entry.answer` says how it went. */
  handleAnswer(entry: Entry, now: number): void {
    if (entry.place !== PLACE.ENGINE) return
    this.#inflight -= 1
    entry.place = PLACE.NOWHERE
    if (entry.status === undefined) this.#judge(entry, entry.answer, now)
    else this.#leave(entry)
    this.handleTimeout(now)
  }

  /** QoS 2: the server has the message; PUBCOMP is to come. */
  handleReceived(entry: Entry): void {
    if (entry.status === undefined) entry.reach('received')
  }

  /** The store has it, and keeps it. */
  handleStored(entry: Entry): void {
    entry.onDisk = true
    if (entry.status !== undefined) return
    if (entry.stage === 'accepted') entry.stage = 'stored'
    entry.watcher?.handleStage(entry)
  }

  /** The store could not take it: it is refused, unless it is on its way. */
  handleStoreFailed(entry: Entry, error: MqttError, now: number): void {
    entry.storeError = error
    if (entry.status !== undefined || entry.attempts > 0) return
    entry.error = error
    this.#giveUp(entry, 'refused', now)
  }

  handleTimeout(now: number): void {
    for (let due = this.#deadlines.take(now); due !== undefined; due = this.#deadlines.take(now)) {
      // What is on its way is not bound by its own expiry, which the server knows.
      const isUnderWay = due.place >= PLACE.ENGINE && !due.isAbsent
      if (!isUnderWay || due.expiresAt <= now) this.#giveUp(due, due.lateStatus, now)
      else if (due.expiresAt !== Infinity) this.#deadlines.add(due.expiresAt, due)
    }
    for (let due = this.#later.take(now); due; due = this.#later.take(now)) this.#line.addAgain(due)
  }

  /** When `handleTimeout` is to be called, as `now` counts; Infinity: never. */
  nextTimeout(): number {
    return Math.min(this.#deadlines.next, this.#later.next)
  }

  /** What is to be done: a message with a `status` is settled, one without is to be sent. */
  poll(): Entry | undefined {
    const settled = this.#settled.shift()
    if (settled !== undefined) return settled
    if (!this.#connected || this.#line.length === 0) return undefined
    if (this.#suspects.count > 0 && this.#inflight > 0) return undefined
    let entry = this.#line.peek()
    if (entry === undefined) return undefined
    if (!this.#hasRoom(entry.qos, entry.staged)) {
      // A message that takes no place in the window need not wait for one, if it overtakes nobody.
      entry = this.#line.peekBeside()
      if (entry === undefined || entry.qos !== 0 || !this.#hasRoom(0, false)) return undefined
    }
    this.#line.remove(entry)
    this.#hand(entry)
    return entry
  }

  /** It is the engine's from here. */
  #hand(entry: Entry): void {
    entry.place = PLACE.ENGINE
    entry.attempts += 1
    this.#sends += 1
    entry.sentAs = this.#sends
    this.#inflight += 1
    // It may be the second time in this session, under whichever packet id. [MQTT-3.3.1-1]
    if (this.#isInherited) entry.dup = entry.qos === 1 && entry.possiblyDuplicated
    entry.reach('sent')
  }

  /** Counts it in, and dates it. */
  #admit(entry: Entry, now: number): void {
    const { expiresAfterMs } = entry.policy
    if (entry.acceptedAt === 0) entry.acceptedAt = now
    // 0 is the life of the connection.
    if (expiresAfterMs > 0) entry.expiresAt = entry.acceptedAt + expiresAfterMs
    this.#count(entry)
  }

  #take(entry: Entry, now: number): void {
    if (entry.place !== PLACE.ADMITTED) this.#admit(entry, now)
    entry.place = PLACE.NOWHERE
    entry.entryId = this.#nextEntryId
    this.#nextEntryId += 1
  }

  #count(entry: Entry): void {
    this.#open.count(entry, 1)
    if (entry.endsAt !== Infinity) this.#deadlines.add(entry.endsAt, entry)
  }

  /** The one that it replaces goes; when it is full, those of strictly lower priority; or it does. */
  #makePlace(entry: Entry, now: number): boolean {
    const { priority } = entry.policy
    const older = this.#replaceable(entry.collapseKey)
    const above = this.#open.aboveWithout(older)
    // None is given up for one that has no place even then.
    if (above && !this.#line.canFree(priority, above.messages, above.bytes, older)) {
      entry.error = this.#open.fullError(entry)
      return false
    }
    if (older !== undefined) this.#giveUp(older, 'superseded', now)
    while (this.#open.isFull) this.#giveUp(this.#line.evictable(priority) as Entry, 'evicted', now)
    return true
  }

  #enter(entry: Entry): void {
    if (entry.collapseKey !== undefined) this.#newest.set(entry.collapseKey, entry)
  }

  #takeUp(entry: Entry): void {
    this.startAt(entry.entryId + 1)
    this.#count(entry)
    this.#enter(entry)
  }

  /** The message that the newest with this key replaces: it waits, and the server has it not. */
  #replaceable(collapseKey: string | undefined): Entry | undefined {
    const older = collapseKey === undefined ? undefined : this.#newest.get(collapseKey)
    return older !== undefined && PLACE.isUnsent(older.place) ? older : undefined
  }

  /** What an answer means for a message. */
  #judge(entry: Entry, answer: Entry['answer'], now: number): void {
    if (typeof answer !== 'number') return this.#handleError(entry, answer, now)
    if (entry.qos === 0) return this.#settle(entry, 'sent', now)
    if (answer < 0x80 || answer === PACKET_ID_NOT_FOUND) {
      const isUnsure = answer < 0x80 ? entry.isUnsure : entry.resumed
      return this.#settle(entry, isUnsure ? 'maybe-delivered' : 'delivered', now)
    }
    // What was sent again: it may have the first copy.
    entry.possiblyDuplicated ||= entry.resumed
    if (publishRefusal(answer) === 'later') return this.#turnAway(entry, answer, now)
    this.#settle(entry, 'rejected', now)
  }

  /** The server has forgotten the session in which this one was in flight. Whether it is sent again. */
  #isLost(entry: Entry, now: number): boolean {
    // What no process is known to have sent is not given up.
    if (entry.policy.onSessionLoss !== 'resend' && entry.attempts > 0) {
      this.#settle(entry, 'maybe-delivered', now)
      return false
    }
    entry.possiblyDuplicated = true
    entry.renew()
    return true
  }

  #interrupt(entry: Entry): void {
    entry.place = PLACE.INTERRUPTED
    this.#interrupted.push(entry)
  }

  /** It has ended connections, the last one alone: it is sent no more. */
  #convict(entry: Entry, now: number): void {
    this.#forget(entry)
    this.#interrupted = this.#interrupted.filter((one) => one !== entry)
    this.#inflight -= 1
    entry.place = PLACE.NOWHERE
    if (typeof entry.answer === 'object') entry.error = entry.answer
    if (entry.status === undefined) this.#settle(entry, 'poisoned', now)
    else this.#leave(entry)
  }

  #handleError(entry: Entry, error: MqttError | undefined, now: number): void {
    if (error?.code === 'ERR_MQTT_CLOSED' || error?.code === 'ERR_MQTT_CONNECTION_LOST') {
      // Nothing but a PUBREL has gone out for it: it waits for the next connection.
      entry.attempts -= 1
      entry.renew()
      if (entry.policy.offline === 'drop') return this.#giveUp(entry, 'dropped', now)
      this.#comeBack(entry, now)
      this.#inflight += 1
      return this.#interrupt(entry)
    }
    entry.error = error
    const status = error?.code === 'ERR_MQTT_TIMEOUT' ? 'expired' : 'refused'
    // What was sent before the limits of the server were lower may have arrived.
    const wasSent = entry.resumed || entry.possiblyDuplicated
    this.#settle(entry, wasSent ? 'maybe-delivered' : status, now)
  }

  /** The server may take it later, unless a newer one has taken its place. */
  #turnAway(entry: Entry, reasonCode: number, now: number): void {
    this.#suspects.acquit(entry)
    entry.refusal = reasonCode
    const { collapseKey } = entry
    if (collapseKey !== undefined) {
      const newest = this.#newest.get(collapseKey) ?? entry
      if (newest !== entry) return this.#giveUp(entry, 'superseded', now)
      this.#newest.set(collapseKey, entry)
    }
    const { turnedAwayMs, turnedAwayMsMax } = this.#options
    const waitMs = Math.min(turnedAwayMsMax, turnedAwayMs * 2 ** entry.turnedAway)
    entry.turnedAway += 1
    entry.renew()
    entry.place = PLACE.LATER
    this.#later.add(now + waitMs, entry)
    this.#comeBack(entry, now)
  }

  /** It is on its way no more: its own expiry may have come meanwhile. */
  #comeBack(entry: Entry, now: number): void {
    if (entry.endsAt <= now) this.#deadlines.add(entry.endsAt, entry)
  }

  /** Settles a message wherever it is; what the engine has of it is finished by the engine. */
  #giveUp(entry: Entry, status: OutcomeStatus, now: number): void {
    const { place } = entry
    if (place >= 0 && place <= PLACE.AGAIN) this.#line.remove(entry)
    else if (place === PLACE.LATER || place <= PLACE.EARLY) entry.place = PLACE.NOWHERE
    this.#settle(entry, entry.possiblyDuplicated ? 'maybe-delivered' : status, now)
  }

  #settle(entry: Entry, status: OutcomeStatus, now: number): void {
    const { collapseKey: key } = entry
    entry.status = status
    entry.settledAt = now
    if (status === 'rejected') {
      entry.answer ??= entry.refusal
      entry.error = publishAnswer(entry) as MqttError
    }
    if (key !== undefined && this.#newest.get(key) === entry) this.#newest.delete(key)
    this.#open.count(entry, -1)
    this.#settled.push(entry)
    if (entry.place === PLACE.NOWHERE) this.#leave(entry)
  }

  /** It has its outcome, and the engine is done with it. */
  #leave(entry: Entry): void {
    this.#suspects.acquit(entry)
    this.#payloads.release(entry)
  }
}
