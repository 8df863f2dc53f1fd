// A message as the outbox keeps it: policy and header as lines of JSON, which a person can read, and the
// payload's bytes. Rule: what was the same for the message before is not written anew but copied.
// Versions and checksums are the outbox's. Times are those of the wall clock: the monotonic one does not
// outlive the process.

import { NO_PROPERTIES, type Properties } from '../codec/packets.ts'
import { decodeUtf8, encodeUtf8, NO_BYTES, utf8Length, writeUtf8 } from '../codec/utf8.ts'
import type { Body } from '../outbox/outbox.ts'
import { NEW_LINE, POLICIES_MAX, SHORT } from './constants.ts'
import { Entry } from './entry.ts'
import { policyFromJson, policyToJson, type ResolvedPolicy, resolvePolicy } from './policies.ts'

type HeaderProperties = Omit<Properties, 'correlationData'> & {
  readonly correlationData: readonly number[] | undefined
}

/** What the header says, without names: it is written for each message. */
type Header = [
  topic: string,
  retain: 0 | 1,
  /** When it was published, ms since 1970. */
  at: number,
  id: string,
  properties?: HeaderProperties,
]

/** Both clocks at one moment. */
export interface Clocks {
  /** Monotonic ms. */
  readonly now: number
  /** Ms since 1970; it may jump. */
  readonly epoch: number
}

const ASCII = /^[\0-\x7f]*$/

/** Writes and reads messages; few policies are used for many, and each of them is read once. */
export class EntryRecords implements Body {
  readonly #policies = new Map<string, ResolvedPolicy>()
  /** What the record of the last message began with, and what that says. */
  #head = NO_BYTES
  #policy: ResolvedPolicy | undefined
  #topic = ''
  #retain = false
  /** What is to be written: the rest of the header, and the payload. */
  #rest = ''
  #entry: Entry | undefined
  roomBytes = 0

  /** The record of a message, which is to be written before the next one is asked for. */
  of(entry: Entry, { now, epoch }: Clocks): Body {
    const { topic, retain, policy, properties } = entry
    // JSON has no line feed of its own.
    if (policy !== this.#policy || topic !== this.#topic || retain !== this.#retain) {
      const text = JSON.stringify([topic, retain ? 1 : 0]).slice(0, -1)
      this.#head = encodeUtf8(`${JSON.stringify(policyToJson(policy))}\n${text}`)
      this.#policy = policy
      this.#topic = topic
      this.#retain = retain
    }
    this.#rest = `,${epoch - (now - entry.acceptedAt)},${JSON.stringify(entry.id)}`
    if (properties !== NO_PROPERTIES) {
      const { correlationData } = properties
      // What is undefined is not written.
      const written = { ...properties, correlationData: correlationData && [...correlationData] }
      this.#rest += `,${JSON.stringify(written)}`
    }
    this.#rest += ']\n'
    this.#entry = entry
    // Three bytes at most for a unit.
    this.roomBytes = this.#head.length + 3 * this.#rest.length + entry.payloadLength
    return this
  }

  write(into: Uint8Array, at: number): number {
    into.set(this.#head, at)
    const start = writeUtf8(this.#rest, into, at + this.#head.length)
    const { payload, payloadOffset, payloadLength } = this.#entry!
    if (typeof payload === 'string') writeUtf8(payload, into, start)
    else if (payload.length === payloadLength) into.set(payload, start)
    else into.set(payload.subarray(payloadOffset, payloadOffset + payloadLength), start)
    this.#entry = undefined
    return start + payloadLength
  }

  /**
   * The payload of the message is a view of the body: not its own yet.
   * @throws {TypeError} @throws {RangeError} @throws {SyntaxError} for bytes that are no message
   */
  decode(body: Uint8Array, { now, epoch }: Clocks): Entry {
    const middle = body.indexOf(NEW_LINE)
    const end = body.indexOf(NEW_LINE, middle + 1)
    const policy = this.#policyOf(textOf(body, 0, middle))
    const [topic, retain, at, id, properties] = JSON.parse(textOf(body, middle, end)) as Header
    const correlationData = properties?.correlationData
    const payload = body.subarray(end + 1)
    const entry = new Entry(
      topic,
      utf8Length(topic),
      payload,
      payload.length,
      policy.qos,
      retain === 1,
      correlationData
        ? { ...properties, correlationData: Uint8Array.from(correlationData) }
        : ((properties as Properties | undefined) ?? NO_PROPERTIES),
      false,
      policy,
      id,
      undefined,
    )
    // A clock that was set back makes nothing younger than new.
    entry.acceptedAt = now - Math.max(0, epoch - at)
    const { expiresAfterMs } = policy
    if (expiresAfterMs > 0) entry.expiresAt = entry.acceptedAt + expiresAfterMs
    entry.durable = true
    entry.onDisk = true
    entry.stage = 'stored'
    return entry
  }

  #policyOf(text: string): ResolvedPolicy {
    let policy = this.#policies.get(text)
    if (policy === undefined) {
      policy = resolvePolicy(policyFromJson(JSON.parse(text)))
      if (this.#policies.size < POLICIES_MAX) this.#policies.set(text, policy)
    }
    return policy
  }
}

/** Where a message of QoS 2 is in its exchange, as the session table keeps it. */
export interface StoredStage {
  readonly seq: number
  /** `sent`: its PUBLISH may have left; `released`: PUBREC is in. */
  readonly state: 'sent' | 'released'
  /** Whether messages of its topic at QoS 1 were kept when it was sent: they go before it. */
  readonly after: true | undefined
  /** Whether a session that is lost may have it too. */
  readonly again: true | undefined
}

/** What the session table keeps, as JSON. */
export function writeJson(value: object | number): Uint8Array {
  return encodeUtf8(JSON.stringify(value))
}

/** Reads what {@link writeJson} wrote. */
export function readJson<T>(value: Uint8Array): T {
  return JSON.parse(textOf(value, 0, value.length)) as T
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  // Four times as fast for what is short and of one byte a letter, as nearly all is.
  if (end - start < SHORT) {
    const units = bytes.subarray(start, end) as ArrayLike<number> as number[]
    const letters = String.fromCharCode.apply(undefined, units)
    if (ASCII.test(letters)) return letters
  }
  const text = decodeUtf8(bytes, start, end)
  if (text === undefined) throw new TypeError('Cannot read an entry of the outbox: it is not UTF-8')
  return text
}
