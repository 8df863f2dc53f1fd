// What becomes of messages: carries out what the courier says, between the engine below and the outbox.
// It decides nothing that the courier decides, and knows no connection but the one of the moment.

import type { InboundMessage } from '../engine/inbound-message.ts'
import type { ConnectedOutput, ReleaseOutput } from '../engine/types.ts'
import { MqttError, type StoreError } from '../errors.ts'
import type { ClientCore } from '../simple/client-core.ts'
import { isBareClose } from '../simple/connecting.ts'
import type { Emitter } from '../simple/events.ts'
import type { Payload } from '../simple/types.ts'
import { Alarm } from './alarm.ts'
import { PROBE_MS, SUDDEN_MS } from './constants.ts'
import { Courier } from './courier.ts'
import type { CourierOptions } from './courier-types.ts'
import * as PLACE from './place.ts'
import type { Entry } from './entry.ts'
import type { Clocks } from './entry-record.ts'
import { Exposure } from './exposure.ts'
import type { Keeper } from './keeper.ts'
import type { KeeperOwner } from './keeper-types.ts'
import { Known } from './known.ts'
import type { RobustPlatform } from './platform.ts'
import type { ResolvedPolicy } from './policies.ts'
import { MessageReceipt, outcomeOf, type ReceiptOwner } from './receipt.ts'
import { isCausedByPacket, misansweredId } from './refusals.ts'
import type { Receipt, RobustEvents, Stored } from './types.ts'

/** What makes the keeper of an outbox. */
export type MakeKeeper = (owner: KeeperOwner) => Keeper

export class Delivery implements KeeperOwner, ReceiptOwner {
  readonly courier: Courier
  readonly #core: ClientCore
  readonly #events: Emitter<RobustEvents>
  readonly #platform: RobustPlatform
  readonly keeper: Keeper | undefined
  /** Called when nothing more can be done for now. */
  readonly #pumped: () => void
  /** Whether all of the outbox was read; the promises are undefined before the first use. */
  opened: boolean
  #opening: Promise<void> | undefined
  #reading: Promise<void> | undefined
  #closed = false
  #hasSession = false
  /** Messages of an earlier process that may be in flight, until the outbox is open. */
  readonly #restored: Entry[] = []
  readonly #known = new Known()
  /** What had its outcome before anybody could ask for it: a crash must not take the outcome along. */
  readonly #untold: Entry[] = []
  #lastSentAt = -Infinity
  /** Whether nothing is sent yet because the server has not shown that it lives. */
  #probing = false
  #pumping = false
  /** Sessions of which that is not safe yet which SUBSCRIBE has to wait for. */
  #forgetting = 0
  /** No CONNACK yet: the process before this one may have died with a CONNECT on its way. */
  #isFirst = true
  readonly #alarm: Alarm
  readonly #exposure: Exposure | undefined

  constructor(
    core: ClientCore,
    events: Emitter<RobustEvents>,
    options: CourierOptions,
    platform: RobustPlatform,
    makeKeeper: MakeKeeper | undefined,
    pumped: () => void,
  ) {
    this.#core = core
    this.#events = events
    this.#platform = platform
    this.#pumped = pumped
    this.keeper = makeKeeper?.(this)
    this.opened = this.keeper === undefined
    const { engine } = core
    const { clock } = platform
    this.#alarm = new Alarm(clock, () => {
      this.courier.handleTimeout(this.now)
      this.pump()
    })
    this.#exposure =
      this.keeper &&
      new Exposure(this.keeper, clock, () => {
        this.pump()
        core.driver.touch()
      })
    this.courier = new Courier(
      options,
      (qos, staged) => engine.hasRoom(qos, staged) && !(qos === 1 && this.#exposure?.isPending),
      platform.runtime.payloads,
      (entry) => engine.forget(entry),
    )
  }

  get clientId(): string {
    return this.#core.clientId
  }

  get clocks(): Clocks {
    return { now: this.now, epoch: this.#platform.epochNow() }
  }

  get place(): Stored {
    return this.keeper?.survivesPower ? 'disk' : 'memory'
  }

  /** Whether every message has its outcome: what was not read yet has none. */
  get idle(): boolean {
    return this.courier.idle && this.opened
  }

  /** Whether a process after this one may find QoS 2 ids of a session that is lost, or end the one that there is. */
  get forgetting(): boolean {
    return this.#forgetting > 0
  }

  /** Opens the outbox, once, and reads everything in it. */
  open(): Promise<void> {
    this.#reading ??= this.ready().then(() => this.#readOn())
    return this.#reading
  }

  /** Opens the outbox, once: a connection may be made, and what waits is sent as it is read. */
  ready(): Promise<void> {
    this.#opening ??= this.#open().catch((error: StoreError) => {
      // Whoever asks again may find that it is free by now; of one that was begun, no part is taken up twice.
      if (this.keeper?.isOpen !== true) this.#opening = this.#reading = undefined
      throw error
    })
    return this.#opening
  }

  /** Whether the outbox had a session of an earlier process; asked once. */
  takeSession(): boolean {
    const has = this.#hasSession
    this.#hasSession = false
    return has
  }

  /** Takes a message that is checked. */
  publish(entry: Entry): void {
    entry.durable = this.keeper !== undefined && entry.policy.durable !== 'no'
    if (this.opened) return this.#accept(entry)
    this.#own(entry)
    this.courier.acceptEarly(entry, this.now)
    this.pump()
    this.open().catch((error: unknown) => {
      const failure = error as StoreError
      for (const early of this.courier.takeEarly()) {
        // What is fleeting needs no outbox, and nothing of one that cannot be read is sent from here: none is overtaken.
        if (!early.durable && early.policy.offline === 'drop') this.#accept(early)
        else this.courier.handleStoreFailed(early, failure, this.now)
      }
      this.warn('outbox', failure.message)
      this.pump()
    })
  }

  /**
   * Sends a message at QoS 0 without retain and properties, if nothing has to be decided or told of it.
   * False, and nothing has happened, when it needs an entry.
   */
  publishPlain(
    topic: string,
    topicBytes: number,
    payload: Payload,
    payloadBytes: number,
    policy: ResolvedPolicy,
  ): boolean {
    const { engine } = this.#core
    // What is still to be read comes first, and what was published meanwhile.
    const isSent =
      this.opened &&
      this.courier.isOpenTo(policy, topicBytes + payloadBytes) &&
      !this.#events.has('settled') &&
      engine.publishPlain(topic, topicBytes, payload, payloadBytes)
    if (isSent) {
      this.#handleSent(this.now)
      this.#pumped()
    }
    return isSent
  }

  /** Refuses a message that was never accepted. */
  refuse(entry: Entry, error: MqttError): void {
    entry.durable = false
    this.courier.refuse(entry, error, this.now)
    entry.storeError = undefined
    this.pump()
  }

  /** A message that is open, or a durable one while its outcome is kept. */
  receipt(id: string): Receipt | undefined {
    const entry = this.find(id)
    if (entry === undefined) return undefined
    if (entry.status !== undefined) this.#known.delete(entry)
    return new MessageReceipt(entry, this)
  }

  find(id: string): Entry | undefined {
    return this.#known.find(id, () => this.entries())
  }

  /** Every message without an outcome: in flight, and what waits in the order in which it would be sent. */
  *entries(): IterableIterator<Entry> {
    const publishes = this.#core.engine.publishes as readonly Entry[]
    yield* publishes.filter(({ place }) => place === PLACE.ENGINE)
    yield* this.courier.entries()
  }

  /** Publishes a message anew that was set aside. */
  async resubmit(id: string): Promise<Receipt> {
    await this.open()
    const entry = await this.keeper?.takeBack(id)
    if (entry === undefined) {
      throw new RangeError(`Cannot resubmit "${id}": no message of that id is set aside`)
    }
    // Its outcome was that of the message before.
    const before = this.find(id)
    if (before !== undefined) this.#known.delete(before)
    entry.renewed(this.now)
    this.#accept(entry)
    if (entry.status !== undefined) this.keeper?.giveBack(id)
    return new MessageReceipt(entry, this)
  }

  cancel(entry: Entry): boolean {
    // The next process has it, and sends it.
    if (this.#closed && entry.durable) return false
    const unsent = this.courier.cancel(entry, this.now)
    this.pump()
    return unsent
  }

  // ---- what the connection tells

  /** @param forgotten called when `forgetting` has come to its end */
  handleConnected(
    { packet: { sessionPresent }, resumed, mayBeNew }: ConnectedOutput,
    forgotten: () => void,
  ): void {
    const { inflight } = this.courier.counts
    // MQTT 5.0 says in PUBCOMP when a session does not know the id.
    const isUnsure = (mayBeNew || this.#isFirst) && this.#core.version === 4
    const done = (): void => {
      this.#forgetting -= 1
      if (!this.forgetting) forgotten()
    }
    if (this.keeper?.enter(sessionPresent, resumed, done)) this.#forgetting += 1
    const isOld = resumed || (sessionPresent && this.#isFirst && this.keeper?.isOurs)
    this.#exposure?.handleConnected(this.now)
    this.courier.handleConnected(resumed, this.now, isUnsure, isOld)
    this.#isFirst = false
    if (sessionPresent && inflight > 0) this.#lastSentAt = this.now
    this.#probing = this.courier.sendQuota === 1
  }

  handleClosed(error: MqttError | undefined): void {
    const now = this.now
    const sudden = error !== undefined && now - this.#lastSentAt < SUDDEN_MS && isBareClose(error)
    const blamed = error !== undefined && (isCausedByPacket(error) || sudden)
    this.#exposure?.handleClosed()
    this.courier.handleClosed(blamed && !this.#probing, now, misansweredId(error))
    this.#probing = false
  }

  handlePublish(entry: Entry): void {
    const { state, held, answer, packetId } = entry
    if (state === 'done') {
      // One at a time: the engine sends the next that waits to be sent again.
      if (this.courier.sendQuota === 1) this.#lastSentAt = this.now
      this.courier.handleAnswer(entry, this.now)
      // Its exchange is over, and the id free for another, though it has no outcome.
      if (entry.status === undefined) this.keeper?.unstage(entry)
      return
    }
    if (answer instanceof MqttError) return this.courier.handleInterrupted(entry)
    if (state !== 'bound') this.courier.handleReceived(entry)
    if (!held) return
    const proceed = (): void => {
      // It may have another id by now, whose record is not safe.
      if (entry.packetId === packetId) this.#core.engine.proceed(entry, this.now)
      this.#handleSent(this.now)
      // What waits behind it may follow, and nothing else would say so before the server answers.
      this.pump()
    }
    // What was given up is kept no more, and goes on when that is safe: a crash would begin it anew.
    if (entry.status !== undefined) this.keeper?.remove(entry, proceed)
    else this.keeper?.stage(entry, state === 'bound' ? 'sent' : 'released', proceed)
  }

  handleRelease(output: ReleaseOutput): void {
    this.keeper?.forgetIds([output.packetId], () => {
      this.#core.engine.release(output)
      this.#core.driver.touch()
    })
  }

  keepId(message: InboundMessage, reasonCode: number): boolean {
    const kept = (): void => this.#core.acknowledge(message, reasonCode)
    this.keeper?.keepId(message.packet.packetId, kept)
    return this.keeper !== undefined
  }

  // ---- what the keeper tells

  handleStored(entry: Entry): void {
    this.courier.handleStored(entry)
  }

  handleStoreFailed(entry: Entry, error: StoreError): void {
    this.courier.handleStoreFailed(entry, error, this.now)
    this.pump()
  }

  handleRestored(entry: Entry): void {
    this.#own(entry)
    this.#known.add(entry)
    if (entry.state === 'new') this.courier.restore(entry)
    else this.#restored.push(entry)
  }

  warn(code: string, message: string): void {
    this.#core.warn(code, message)
  }

  /** What no outbox keeps has its outcome, and the outbox is closed. */
  async close(): Promise<void> {
    // A failure was told to those who asked for it.
    this.#closed = true
    await this.#reading?.catch(() => undefined)
    for (const entry of [...this.courier.entries()]) {
      if (!entry.durable) this.courier.cancel(entry, this.now)
    }
    this.pump()
    this.#alarm.clear()
    if (this.#opening !== undefined) await this.keeper?.close()
  }

  /** Does what the courier says until it says nothing more. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    const { courier } = this
    let sent = false
    this.#core.engine.sendQuota = this.#probing ? 0 : courier.sendQuota
    for (let entry = courier.poll(); entry !== undefined; entry = courier.poll()) {
      if (entry.status !== undefined) this.#tell(entry)
      else {
        sent = true
        this.#send(entry, this.now)
      }
    }
    this.#pumping = false
    if (sent) this.#handleSent(this.now)
    this.#arm()
    this.#pumped()
  }

  #send(entry: Entry, now: number): void {
    entry.attachExpiry(now)
    this.#exposure?.handleSent(entry.entryId)
    this.#core.engine.publish(entry, entry.owned, now)
    if (entry.qos > 0) entry.owned = true
    if (entry.state === 'done') this.courier.handleAnswer(entry, now)
  }

  #handleSent(now: number): void {
    this.#lastSentAt = now
    this.#core.driver.touch()
    // The answer is behind the messages at which reading has stopped.
    if (this.#core.driver.paused) this.#core.weigh()
  }

  /**
   * A server that ends every connection is no message's fault: it answers before a suspect is sent, and after
   * SUBSCRIBE. So it is asked again when the device has slept since: the connection may have ended.
   */
  probe(again = false): void {
    const { engine } = this.#core
    if (!this.#probing || this.forgetting) return
    engine.sendQuota = 0
    const askedAt = this.now
    const answered = (): void => {
      if (!again && this.now - askedAt > PROBE_MS) return this.probe(true)
      this.#probing = false
      this.#lastSentAt = this.now
      this.pump()
      this.#core.driver.touch()
    }
    // Without an answer the connection ends, and the next one begins anew; or it is slow, and asked again.
    this.#core.ping().then(answered, () => {
      if (engine.state === 'connected') this.probe(again)
    })
  }

  #tell(entry: Entry): void {
    const heard = this.#events.has('settled')
    if (entry.durable && this.#known.has(entry)) {
      // What could not be stored is not there.
      if (entry.status === 'poisoned') this.keeper?.putAside(entry)
      else if (entry.storeError === undefined) {
        const isUntold = !heard && !this.opened && entry.watcher === undefined
        if (isUntold && this.keeper?.endsAgain(entry, this.now)) this.#untold.push(entry)
        else this.keeper?.remove(entry)
      }
      if (heard) this.#known.delete(entry)
      else this.#known.keepOutcome(entry)
    } else this.#known.delete(entry)
    entry.watcher?.handleStage(entry)
    if (heard) {
      this.#events.emit('settled', {
        receipt: new MessageReceipt(entry, this),
        outcome: outcomeOf(entry),
      })
    }
  }

  #arm(): void {
    this.#alarm.set(this.courier.nextTimeout(), this.now)
  }

  get now(): number {
    return this.#core.driver.now
  }

  async #open(): Promise<void> {
    if (this.keeper === undefined) return
    const { nextSeq, unsentFrom, hasSession, receivedIds } = await this.keeper.open()
    this.#exposure?.open(unsentFrom)
    this.courier.startAt(nextSeq)
    this.#hasSession = hasSession
    const restored = this.#restored.splice(0).sort((a, b) => a.entryId - b.entryId)
    const last = new Map<string, number>()
    for (const { packetId, topic, entryId } of restored) if (packetId > 0) last.set(topic, entryId)
    // Of a message at QoS 2 that has no packet id the session was lost before; of one at QoS 1 with what follows it.
    const isKept = ({ packetId, qos, topic, entryId }: Entry): boolean =>
      packetId > 0 || (qos === 1 && entryId < (last.get(topic) ?? 0))
    const kept = restored.filter(isKept)
    if (hasSession) this.#core.engine.restore(kept, receivedIds)
    for (const entry of kept) this.courier.restore(entry)
    for (const entry of restored) if (!isKept(entry)) this.courier.restoreLost(entry, this.now)
    this.courier.fitEarly(this.now)
  }

  /** Reads what waits, page by page; what is published meanwhile comes behind all of it. */
  async #readOn(): Promise<void> {
    try {
      while (!this.#closed && (await this.keeper?.readOn())) {
        // The time of some was up while no process had them.
        this.courier.handleTimeout(this.now)
        this.courier.fitEarly(this.now)
        this.pump()
      }
    } catch (error) {
      this.warn('outbox', (error as StoreError).message)
      throw error
    }
    this.opened = true
    // Whoever waited for this to ask hears it before the first of these is written.
    if (!this.#closed) for (const entry of this.#untold.splice(0)) this.keeper?.remove(entry)
    for (const entry of this.courier.takeEarly()) this.#accept(entry)
    this.pump()
  }

  #accept(entry: Entry): void {
    const now = this.now
    if (!entry.durable && this.courier.acceptNext(entry, now)) {
      this.#send(entry, now)
      this.#handleSent(now)
      if (entry.status === undefined) {
        this.#known.add(entry)
        this.#arm()
      } else this.pump()
      return
    }
    this.courier.accept(entry, now)
    if (entry.status === undefined) {
      this.#known.add(entry)
      if (entry.durable) {
        entry.staged = entry.qos === 2
        this.keeper?.put(entry)
      }
    }
    this.pump()
    if (!entry.owned && entry.status === undefined) this.#own(entry)
  }

  #own(entry: Entry): void {
    if (entry.owned) return
    this.#platform.runtime.payloads.own(entry)
    entry.owned = true
  }
}
