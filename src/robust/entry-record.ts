// A message as the outbox keeps it: policy and header as lines of JSON, which a person can read, and the
// payload's bytes.
// Versions and checksums are the outbox's. Times are those of the wall clock: the monotonic one does not
// outlive the process.

import { NO_PROPERTIES, type Properties } from '../codec/packets.ts'
import { decodeUtf8, encodeUtf8, utf8Length, writeUtf8 } from '../codec/utf8.ts'
import { NEW_LINE, POLICIES_MAX, SHORT } from './constants.ts'
import { Entry } from './entry.ts'
import { policyFromJson, policyToJson, type ResolvedPolicy, resolvePolicy } from './policies.ts'

type HeaderProperties = Omit<Properties, 'correlationData'> & {
  readonly correlationData: readonly number[] | undefined
}

/** What the header says. Short names: it is written for each message. */
interface Header {
  readonly id: string
  readonly topic: string
  readonly retain: boolean
  /** When it was published, ms since 1970. */
  readonly at: number
  readonly properties: HeaderProperties | undefined
}

/** Both clocks at one moment. */
export interface Clocks {
  /** Monotonic ms. */
  readonly now: number
  /** Ms since 1970; it may jump. */
  readonly epoch: number
}

const ASCII = /^[\0-\x7f]*$/

/** Writes and reads messages; few policies are used for many, and each of them is read once. */
export class EntryRecords {
  readonly #texts = new WeakMap<ResolvedPolicy, string>()
  readonly #policies = new Map<string, ResolvedPolicy>()

  encode(entry: Entry, { now, epoch }: Clocks): Uint8Array {
    const { id, topic, retain, policy, acceptedAt, properties } = entry
    const { correlationData } = properties
    // What is undefined is not written.
    const header: Header = {
      id,
      topic,
      retain,
      at: epoch - (now - acceptedAt),
      properties:
        properties === NO_PROPERTIES
          ? undefined
          : { ...properties, correlationData: correlationData && [...correlationData] },
    }
    let policyText = this.#texts.get(policy)
    if (policyText === undefined) {
      policyText = JSON.stringify(policyToJson(policy))
      this.#texts.set(policy, policyText)
    }
    // JSON has no line feed of its own.
    const text = `${policyText}\n${JSON.stringify(header)}\n`
    const { payload, payloadOffset, payloadLength } = entry
    const bytes = new Uint8Array(utf8Length(text) + payloadLength)
    const length = writeUtf8(text, bytes, 0)
    if (typeof payload === 'string') writeUtf8(payload, bytes, length)
    else if (payload.length === payloadLength) bytes.set(payload, length)
    else bytes.set(payload.subarray(payloadOffset, payloadOffset + payloadLength), length)
    return bytes
  }

  /**
   * The payload of the message is a view of the body: not its own yet.
   * @throws {TypeError} @throws {RangeError} @throws {SyntaxError} for bytes that are no message
   */
  decode(body: Uint8Array, { now, epoch }: Clocks): Entry {
    const middle = body.indexOf(NEW_LINE)
    const end = body.indexOf(NEW_LINE, middle + 1)
    const policy = this.#policyOf(textOf(body, 0, middle))
    const { id, topic, retain, at, properties } = JSON.parse(textOf(body, middle, end)) as Header
    const correlationData = properties?.correlationData
    const payload = body.subarray(end + 1)
    const entry = new Entry(
      topic,
      utf8Length(topic),
      payload,
      payload.length,
      policy.qos,
      retain,
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
}

/** What the session table keeps, as JSON. */
export function writeJson(value: object): Uint8Array {
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
