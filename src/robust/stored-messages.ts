// The messages of an outbox without a client: what waits, how far each is, what is set aside; and how one is
// given up. Rule: nothing is written but by `cancel`, and that takes away what a client would take away in the
// same place. Delivery is not known here.

import { decodeUtf8 } from '../codec/utf8.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Op } from '../outbox/store.ts'
import { publicProperties } from '../simple/properties.ts'
import { reasonOf } from '../simple/waiting.ts'
import { PAGE } from './constants.ts'
import type { Entry } from './entry.ts'
import { EntryRecords, readJson, type StoredStage } from './entry-record.ts'
import { CLIENT_KEY, LOST, OUTBOUND, QUARANTINED } from './keeper.ts'
import { type ExportedMessage, payloadOf } from './outbox-view.ts'
import { policyToJson } from './policies.ts'

/** A message in an outbox that nobody has open. */
export interface StoredMessage extends ExportedMessage {
  /** `stored`, `sent` and `received` at QoS 2, or `poisoned`: it was found to end connections. */
  readonly stage: 'stored' | 'sent' | 'received' | 'poisoned'
  /** Until it is worth nothing, by its policy or its own expiry, in ms; Infinity: for ever. */
  readonly expiresInMs: number
  /** When it was published, ms since 1970. */
  readonly publishedAtMs: number
  /**
   * Whether the server can have it. At QoS 1 nobody writes down that it is sent, so it may be at any time; at
   * QoS 2 it is written down before.
   */
  readonly mayBeSent: boolean
  /** Why it is set aside. */
  readonly reason: string | undefined
}

/** What became of a message that was to be given up. */
export interface CancelledMessage {
  readonly id: string
  readonly topic: string
  /**
   * `never-sent`: it is gone, and the server does not have it · `maybe-sent`: it is gone, and the server may have
   * it · `kept`: the server has its packet id, and the exchange has to be finished; it is as it was.
   */
  readonly result: 'never-sent' | 'maybe-sent' | 'kept'
}

/** Something that is in an outbox and cannot be read. */
export interface StoredDamage {
  /** The number of the record, where it is known. */
  readonly seq: number | undefined
  readonly reason: string
}

/** What is in an outbox. */
export class StoredMessages {
  readonly #outbox: Outbox
  readonly #epochNow: () => number
  readonly #records = new EntryRecords()
  /** How far what was in flight is, and under which packet id; above LOST, in a session that is gone. */
  readonly #stages = new Map<
    number,
    { readonly state: StoredStage['state']; readonly packetId: number }
  >()
  readonly #aside = new Map<number, string>()
  readonly #damaged: StoredDamage[] = []
  #lowest = 0
  #clientId: string | undefined

  constructor(outbox: Outbox, epochNow: () => number) {
    this.#outbox = outbox
    this.#epochNow = epochNow
  }

  /** @throws {StoreError} it cannot be opened */
  async open(): Promise<void> {
    const { state, lowest } = await this.#outbox.open()
    this.#lowest = lowest
    const client = state.get(CLIENT_KEY)
    this.#clientId = client && decodeUtf8(client, 0, client.length)
    for (const [key, value] of state) {
      try {
        if (key.startsWith(QUARANTINED)) {
          this.#aside.set(Number(key.slice(1)), readJson<{ reason: string }>(value).reason)
        } else if (key.startsWith(OUTBOUND)) {
          const { seq, state: stage } = readJson<StoredStage>(value)
          this.#stages.set(seq, { state: stage, packetId: Number(key.slice(1)) })
        }
      } catch (error) {
        const reason = `The session has "${key}", which cannot be read: ${String(error)}`
        this.#damaged.push({ seq: undefined, reason })
      }
    }
  }

  /** Whose outbox it is; undefined when no client has opened it yet. */
  get clientId(): string | undefined {
    return this.#clientId
  }

  /** Records, damaged ones among them. */
  get count(): number {
    return this.#outbox.count
  }

  /** What was found damaged until now; all of it after all messages were read. */
  get damaged(): readonly StoredDamage[] {
    return [...this.#outbox.quarantined, ...this.#damaged]
  }

  /** All of them, in the order in which they were published. @throws {StoreError} it cannot be read */
  async *messages(): AsyncGenerator<StoredMessage, void> {
    for await (const page of this.#pages())
      for (const [seq, entry] of page) yield this.#of(seq, entry)
  }

  /**
   * Gives messages up. What is told is safe on the disk.
   * @param isMeant which ones
   * @throws {StoreError} it cannot be read or written
   */
  async *cancel(
    isMeant: (id: string) => boolean,
    signal?: AbortSignal,
  ): AsyncGenerator<CancelledMessage, void> {
    for await (const page of this.#pages()) {
      // Between two commits: what is gone by now has been told.
      if (signal?.aborted) throw reasonOf(signal)
      const ops: Op[] = []
      const done: CancelledMessage[] = []
      for (const [seq, entry] of page) {
        const { id, topic } = entry
        if (!isMeant(id)) continue
        const isAside = this.#aside.has(seq)
        const { packetId } = this.#stages.get(seq) ?? {}
        if (packetId !== undefined && packetId < LOST && !isAside) {
          done.push({ id, topic, result: 'kept' })
          continue
        }
        if (packetId !== undefined) ops.push(['unset', `${OUTBOUND}${packetId}`])
        if (isAside) ops.push(['unset', `${QUARANTINED}${seq}`])
        ops.push(['delete', seq])
        const { mayBeSent } = this.#of(seq, entry)
        done.push({ id, topic, result: mayBeSent ? 'maybe-sent' : 'never-sent' })
      }
      if (ops.length > 0) await this.#outbox.write(ops, 'power')
      yield* done
    }
  }

  close(): Promise<void> {
    return this.#outbox.close()
  }

  async *#pages(): AsyncGenerator<readonly (readonly [seq: number, entry: Entry])[], void> {
    for (let from = this.#lowest; ;) {
      const page = await this.#outbox.read(from, PAGE)
      const last = page.at(-1)
      if (last === undefined) return
      const epoch = this.#epochNow()
      yield page.flatMap(([seq, body]) => {
        try {
          return [[seq, this.#records.decode(body, { now: epoch, epoch })] as const]
        } catch (error) {
          if (!this.#damaged.some((known) => known.seq === seq)) {
            this.#damaged.push({ seq, reason: `Record ${seq} is no message: ${String(error)}` })
          }
          return []
        }
      })
      from = last[0] + 1
    }
  }

  #of(seq: number, entry: Entry): StoredMessage {
    const { id, topic, sizeBytes, qos, retain, properties, policy, acceptedAt, endsAt } = entry
    const reason = this.#aside.get(seq)
    const state = this.#stages.get(seq)?.state
    const stage =
      reason !== undefined
        ? 'poisoned'
        : state === undefined
          ? 'stored'
          : state === 'released'
            ? 'received'
            : 'sent'
    return {
      id,
      topic,
      sizeBytes,
      stage,
      expiresInMs: Math.max(0, endsAt - this.#epochNow()),
      payload: payloadOf(entry),
      qos,
      retain,
      properties: publicProperties(properties),
      policy: { ...policyToJson(policy), expiresAfterMs: policy.expiresAfterMs },
      publishedAtMs: acceptedAt,
      mayBeSent: qos < 2 || stage !== 'stored',
      reason,
    }
  }
}
