// A courier with an engine that can be seen through: what it has, what is on the wire, and every outcome.
// It counts what must happen once: outcomes, and releases of payloads; and knows what the server may have.

import { deepEqual, equal, ok } from 'node:assert/strict'
import type { QoS } from '../../src/codec/packets.ts'
import { PayloadPool } from '../../src/engine/payload-pool.ts'
import { SlabPool } from '../../src/engine/slab-pool.ts'
import { ClosedError, ConnectionLostError, type MqttError } from '../../src/errors.ts'
import { Courier } from '../../src/robust/courier.ts'
import type { CourierOptions } from '../../src/robust/courier-types.ts'
import { Entry, type OpenStage, type OutcomeStatus } from '../../src/robust/entry.ts'
import {
  type DeliveryPolicy,
  resolvePolicy,
  type ResolvedPolicy,
  UNTIL_DELIVERED,
} from '../../src/robust/policies.ts'
import { saysAbsent } from '../../src/sim/oracles/s8-truth.ts'

const STAGES: readonly OpenStage[] = ['accepted', 'stored', 'sent', 'received']

const RESOLVED = new WeakMap<object, ResolvedPolicy>()

/** A message; `delivery` replaces fields of the usual policy. */
export function makeEntry(topic: string, delivery: Partial<DeliveryPolicy> = {}, size = 1): Entry {
  const policy = RESOLVED.get(delivery) ?? resolvePolicy({ ...UNTIL_DELIVERED, ...delivery })
  RESOLVED.set(delivery, policy)
  const payload = new Uint8Array(size)
  const { qos } = policy
  return new Entry(topic, topic.length, payload, size, qos, false, {}, true, policy, 'test-', 1)
}

class CountingPool extends PayloadPool {
  readonly released = new Map<object, number>()

  override release(holder: Parameters<PayloadPool['release']>[0]): void {
    this.released.set(holder, (this.released.get(holder) ?? 0) + 1)
    super.release(holder)
  }
}

export class CourierRig {
  now = 1000
  /** The server's Receive Maximum. */
  window = 65_535
  connected = false
  readonly courier: Courier
  /** What the engine has, in the order of sending, and what of it went out on this connection. */
  flying: Entry[] = []
  wire = new Set<Entry>()
  /** Handed to a connection, in order, each time. */
  readonly sent: Entry[] = []
  readonly settled: Entry[] = []
  readonly forgotten: Entry[] = []
  readonly published: Entry[] = []
  /** How often each went out without being turned away. */
  readonly #copies = new Map<Entry, number>()
  readonly #pool = new CountingPool(new SlabPool())

  constructor(options: Partial<CourierOptions> = {}) {
    this.courier = new Courier(
      {
        outboxMessages: 1000,
        outboxBytes: 1_000_000,
        turnedAwayMs: 5000,
        turnedAwayMsMax: 300_000,
        ...options,
      },
      (qos) => this.#hasRoom(qos),
      this.#pool,
      (entry) => {
        this.forgotten.push(entry)
        this.#drop(entry)
      },
    )
  }

  get statuses(): (OutcomeStatus | undefined)[] {
    return this.published.map(({ status }) => status)
  }

  get topics(): string[] {
    return this.sent.map(({ topic }) => topic)
  }

  publish(topic: string, delivery?: Partial<DeliveryPolicy>, size?: number): Entry {
    const entry = makeEntry(topic, delivery, size)
    this.watch(entry)
    this.courier.accept(entry, this.now)
    this.pump()
    return entry
  }

  /** Follows an entry's stages, which only move forward. */
  watch(entry: Entry): void {
    this.published.push(entry)
    let last = -1
    entry.watcher = {
      handleStage: ({ stage, status }) => {
        const place = STAGES.indexOf(stage)
        ok(status !== undefined || place >= last, `${stage} after ${STAGES[last]}`)
        last = place
      },
    }
  }

  pump(): void {
    for (let entry = this.courier.poll(); entry !== undefined; entry = this.courier.poll()) {
      if (entry.status !== undefined) {
        ok(!this.settled.includes(entry), `"${entry.topic}" has one outcome`)
        this.settled.push(entry)
        this.#checkTruth(entry)
        continue
      }
      ok(this.connected, 'nothing is sent without a connection')
      ok(entry.payload !== '' && !this.flying.includes(entry))
      this.sent.push(entry)
      if (entry.qos === 0) this.#answer(entry, 0)
      else {
        entry.packetId = this.sent.length
        entry.state = 'sent'
        this.flying.push(entry)
        this.wire.add(entry)
        this.#countCopy(entry, 1)
      }
    }
  }

  connect(resumed = true): void {
    this.connected = true
    this.wire.clear()
    if (!resumed) this.flying = []
    for (const entry of this.flying) if (entry.state !== 'released') this.#countCopy(entry, 1)
    this.courier.handleConnected(resumed, this.now)
    this.#resend()
    this.pump()
  }

  /** The connection ends; what is in flight is handed back in no order. */
  close(suspicious = false): void {
    this.connected = false
    for (const entry of [...this.flying].reverse()) {
      // It waits for its record, and has not left.
      if (entry.state === 'bound') this.#countCopy(entry, -1)
      this.courier.handleInterrupted(entry)
    }
    this.courier.handleClosed(suspicious, this.now)
    this.pump()
  }

  /** The last acknowledgement of a message. */
  answer(entry: Entry, answer: number | MqttError = 0): void {
    this.#drop(entry)
    if (typeof answer === 'object' || (answer >= 0x80 && answer !== 0x92))
      this.#countCopy(entry, -1)
    this.#answer(entry, answer)
    this.#resend()
    this.pump()
  }

  /** PUBREC. */
  receive(entry: Entry): void {
    entry.state = 'released'
    this.courier.handleReceived(entry)
    this.pump()
  }

  /** The connection ends before anything but a PUBREL has gone out for it. */
  handBack(entry: Entry, inOrder: boolean): void {
    const text = 'Not sent'
    const error = inOrder
      ? new ClosedError(text, { sent: 'no' })
      : new ConnectionLostError(text, { sent: 'no' })
    this.#drop(entry)
    this.#countCopy(entry, -1)
    this.#answer(entry, error)
  }

  elapse(ms: number): void {
    this.now += ms
    this.courier.handleTimeout(this.now)
    this.pump()
  }

  cancel(entry: Entry): boolean {
    const isAbsent = this.courier.cancel(entry, this.now)
    ok(!isAbsent || !this.#mayHave(entry), `"${entry.topic}" may be at the server`)
    this.pump()
    return isAbsent
  }

  /** Everything has ended well for the books: nothing is open, and each payload was released once. */
  checkEnd(): void {
    deepEqual(this.courier.counts, { open: 0, openBytes: 0, waiting: 0, inflight: 0 })
    equal(this.courier.idle, true)
    equal(this.courier.urgent, false)
    equal(this.courier.wantsConnection, false)
    equal(this.courier.sendQuota, Infinity)
    equal(this.courier.nextTimeout(), Infinity)
    deepEqual([...this.courier.entries()], [])
    equal(this.settled.length, this.published.length)
    for (const entry of this.published) {
      ok(entry.status !== undefined)
      equal(this.#pool.released.get(entry), 1, `"${entry.topic}" is released once`)
    }
  }

  #answer(entry: Entry, answer: number | MqttError): void {
    entry.answer = answer
    entry.state = 'done'
    this.courier.handleAnswer(entry, this.now)
  }

  #countCopy(entry: Entry, sign: 1 | -1): void {
    this.#copies.set(entry, (this.#copies.get(entry) ?? 0) + sign)
  }

  #mayHave(entry: Entry): boolean {
    return (this.#copies.get(entry) ?? 0) > 0
  }

  /** Its outcome says whether the server may have it. */
  #checkTruth(entry: Entry): void {
    const { status, possiblyDuplicated, topic } = entry
    if (status === undefined) return
    if (saysAbsent({ status, possiblyDuplicated })) {
      ok(!this.#mayHave(entry), `"${topic}" is ${status}, and the server may have it`)
    }
    // Of one of an earlier process nothing is known here.
    if (status === 'maybe-delivered' && !possiblyDuplicated && this.#copies.has(entry)) {
      ok(this.#mayHave(entry), `"${topic}" is ${status}, and the server cannot have it`)
    }
  }

  #drop(entry: Entry): void {
    this.flying = this.flying.filter((one) => one !== entry)
    this.wire.delete(entry)
  }

  #resend(): void {
    if (!this.connected) return
    for (const entry of this.flying) {
      if (this.wire.size >= Math.min(this.window, this.courier.sendQuota)) return
      this.wire.add(entry)
    }
  }

  #hasRoom(qos: QoS): boolean {
    if (!this.connected || this.wire.size < this.flying.length) return false
    return qos === 0 || this.wire.size < this.window
  }
}
