// What an application may see and do of its outbox: what waits, what was set aside.
// It changes nothing by looking.

import { encodeUtf8 } from '../codec/utf8.ts'
import { Outbox } from '../outbox/outbox.ts'
import type { OutboxStore } from '../outbox/store.ts'
import { checkText, refuse } from '../simple/checks.ts'
import { publicProperties } from '../simple/properties.ts'
import type { PublishProperties, QoS } from '../simple/types.ts'
import { sleepFor } from './connector.ts'
import { PAGE } from './constants.ts'
import type { Entry } from './entry.ts'
import type { RobustPlatform } from './platform.ts'
import { type DeliveryPolicy, policyToJson } from './policies.ts'
import { stageOf } from './receipt.ts'
import type { RobustCore } from './robust-core.ts'
import type { Receipt, Stage } from './types.ts'

/** One message that has no outcome yet. */
export interface OutboxEntry {
  readonly id: string
  readonly topic: string
  readonly sizeBytes: number
  readonly stage: Stage
  /** Infinity: never. */
  readonly expiresInMs: number
}

/** The same with all that it consists of, such that `publish` takes it again. */
export interface ExportedMessage extends OutboxEntry {
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  readonly properties: PublishProperties
  readonly policy: DeliveryPolicy
}

/** The messages of a client that have no outcome, and those that were set aside. Looking changes nothing. */
export class OutboxView {
  readonly #core: RobustCore

  /** @param core of the client whose outbox it is */
  constructor(core: RobustCore) {
    this.#core = core
  }

  /** Messages without an outcome; as far as they are read, when the outbox is being opened. */
  get count(): number {
    return this.#core.delivery.courier.counts.open
  }

  /** Their topics and payloads, bytes. */
  get sizeBytes(): number {
    return this.#core.delivery.courier.counts.openBytes
  }

  /**
   * What has no outcome: in flight, then what waits, in the order in which it would be sent. What settles
   * meanwhile is left out, what is published meanwhile too.
   * @throws {StoreError} the outbox cannot be opened or read
   * @example
   * ```js
   * for await (const { topic, stage, expiresInMs } of client.outbox.entries()) {
   *   console.log(topic, stage, expiresInMs)
   * }
   * ```
   */
  async *entries(): AsyncIterable<OutboxEntry> {
    for await (const entry of this.#open()) yield this.#describe(entry)
  }

  /**
   * The same messages with all that they consist of, and behind them those that are set aside, whose stage
   * is `poisoned`: to be kept elsewhere, before an end or after a restart. It changes nothing: what is
   * exported is still sent, unless it is cancelled.
   * @throws {StoreError} the outbox cannot be opened or read
   * @example
   * ```js
   * for await (const { id, topic, payload, policy } of client.outbox.export()) {
   *   console.log(topic, payload.length, policy.qos)
   *   await client.outbox.cancel(id)
   * }
   * ```
   */
  async *export(): AsyncIterable<ExportedMessage> {
    for await (const entry of this.#open()) yield this.#whole(entry)
    const { keeper } = this.#core.delivery
    for await (const entry of keeper?.setAside() ?? []) yield this.#whole(entry)
  }

  /**
   * Gives a message up, as the `cancel` of its receipt does.
   * @param id of the message
   * @returns whether the server certainly has it not; false too when no message of that id waits
   * @throws {TypeError} it is no text
   * @throws {StoreError} the outbox cannot be opened
   * @example
   * ```js
   * const { id } = client.publish('door/7/unlock', 'now', { qos: 1 })
   * if (!(await client.outbox.cancel(id))) console.log('it may have gone out')
   * ```
   */
  async cancel(id: string): Promise<boolean> {
    checkText('id', id)
    await this.#core.open()
    const { delivery } = this.#core
    const found = delivery.find(id)
    return found !== undefined && delivery.cancel(found)
  }

  /**
   * What could not be read, or was found to end connections.
   * @returns the id of each, or where it stands, and why
   * @throws {StoreError} the outbox cannot be opened
   * @example
   * ```js
   * for await (const { id, reason } of client.outbox.quarantined()) console.error(id, reason)
   * ```
   */
  async *quarantined(): AsyncIterable<{ readonly id: string; readonly reason: string }> {
    await this.#core.open()
    yield* this.#core.delivery.keeper?.quarantined ?? []
  }

  /**
   * The value of a mark as it was last stored, with the message that it was published with.
   * @param name of the mark
   * @returns a copy of its bytes; undefined when there is none
   * @throws {TypeError} it is no text
   * @throws {StoreError} the outbox cannot be opened
   * @example
   * ```js
   * import { MQTTClient } from 'umqtt/robust'
   *
   * const client = new MQTTClient('reader-1', 'mqtt://localhost', { outbox: './reader-outbox' })
   * const mark = await client.outbox.mark('line')
   * const line = mark === undefined ? 0 : Number(new TextDecoder().decode(mark))
   * client.publish('log/line', 'text', { qos: 1, mark: { name: 'line', value: `${line + 1}` } })
   * await client.drain()
   * await client[Symbol.asyncDispose]()
   * ```
   */
  async mark(name: string): Promise<Uint8Array | undefined> {
    await this.#core.open()
    return this.#core.delivery.keeper?.marks.get(checkText('name', name))?.slice()
  }

  /**
   * Publishes a message anew that was found to end connections, with the policy that it had. It stays aside until it
   * is stored as a new one: what cannot be, because the disk is full or too much waits, can be resubmitted later. Where
   * it was sent before the disk failed, its receipt tells what came of it, and it stays aside all the same.
   * @param id as `quarantined` gives it
   * @returns the receipt of the new message
   * @throws {TypeError} at the call: it is no text
   * @throws {RangeError} no message of that id is set aside, or it is being resubmitted
   * @throws {StoreError} the outbox cannot be opened or read
   * @example
   * ```js
   * // The server was mended: try those again that it could not take.
   * for await (const { id, reason } of client.outbox.quarantined()) {
   *   if (reason.includes('connection')) await client.outbox.resubmit(id)
   * }
   * ```
   */
  resubmit(id: string): Promise<Receipt> {
    return this.#core.resubmit(checkText('id', id))
  }

  /** What is open when it has its turn. Between two pages everything else goes on: a loop alone would stop it for seconds. */
  async *#open(): AsyncIterable<Entry> {
    await this.#core.open()
    let count = 0
    for (const entry of [...this.#core.delivery.entries()]) {
      if (entry.status !== undefined) continue
      yield entry
      count += 1
      if (count % PAGE === 0) await sleepFor(this.#core.clock, 1, undefined)
    }
  }

  #describe(entry: Entry): OutboxEntry {
    const { id, topic, sizeBytes, expiresAt } = entry
    const expiresInMs = Math.max(0, expiresAt - this.#core.clock.now())
    return { id, topic, sizeBytes, stage: stageOf(entry), expiresInMs }
  }

  #whole(entry: Entry): ExportedMessage {
    const { qos, retain, properties, policy } = entry
    return {
      ...this.#describe(entry),
      payload: payloadOf(entry),
      qos,
      retain,
      properties: publicProperties(properties),
      policy: { ...policyToJson(policy), expiresAfterMs: policy.expiresAfterMs },
    }
  }
}

/** A copy of the payload: whoever has it may keep it. */
export function payloadOf({ payload, payloadOffset, payloadLength }: Entry): Uint8Array {
  return typeof payload === 'string'
    ? encodeUtf8(payload)
    : payload.slice(payloadOffset, payloadOffset + payloadLength)
}

/** @throws {TypeError} when the option is neither a folder nor a store */
export function makeOutbox(given: unknown, platform: RobustPlatform): Outbox | undefined {
  if (given === undefined) return undefined
  if (typeof given === 'string') {
    const { openFolder } = platform
    if (openFolder === undefined || given === '') {
      refuse('options.outbox', given, 'give a store: this platform has no folders')
    }
    return new Outbox(openFolder(given))
  }
  if (typeof (given as OutboxStore | null)?.commit !== 'function') {
    refuse('options.outbox', given, 'give a folder or a store')
  }
  return new Outbox(given as OutboxStore)
}
