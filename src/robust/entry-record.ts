// A message as the outbox keeps it: a header in JSON, which a person can read, and the payload's bytes.
// Versions and checksums are the outbox's. Times are those of the wall clock: the monotonic one does not
// outlive the process.

import type { Properties, QoS } from '../codec/packets.ts'
import { decodeUtf8, encodeUtf8, utf8Length, writeUtf8 } from '../codec/utf8.ts'
import { Entry } from './entry.ts'
import { type PolicyJson, policyFromJson, policyToJson, resolvePolicy } from './policies.ts'

/** What the header says. Short names: it is written for each message. */
interface Header {
  readonly id: string
  readonly topic: string
  readonly retain: boolean
  readonly policy: PolicyJson & { readonly qos: QoS }
  /** When it was published, ms since 1970. */
  readonly at: number
  readonly properties?: Omit<Properties, 'correlationData'>
  readonly correlationData?: readonly number[]
}

/** Both clocks at one moment. */
export interface Clocks {
  /** Monotonic ms. */
  readonly now: number
  /** Ms since 1970; it may jump. */
  readonly epoch: number
}

export function encodeEntry(entry: Entry, { now, epoch }: Clocks): Uint8Array {
  const { correlationData, ...properties } = entry.properties
  const header: Header = {
    id: entry.id,
    topic: entry.topic,
    retain: entry.retain,
    policy: { ...policyToJson(entry.policy), qos: entry.qos },
    at: epoch - (now - entry.acceptedAt),
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(correlationData !== undefined && { correlationData: [...correlationData] }),
  }
  const text = JSON.stringify(header)
  const headerBytes = utf8Length(text)
  const bytes = new Uint8Array(4 + headerBytes + entry.payloadLength)
  new DataView(bytes.buffer).setUint32(0, headerBytes)
  let length = writeUtf8(text, bytes, 4)
  const { payload, payloadOffset, payloadLength } = entry
  if (typeof payload === 'string') length = writeUtf8(payload, bytes, length)
  else bytes.set(payload.subarray(payloadOffset, payloadOffset + payloadLength), length)
  return bytes
}

/**
 * @throws {TypeError} @throws {RangeError} @throws {SyntaxError} for bytes that are no message
 */
export function decodeEntry(body: Uint8Array, { now, epoch }: Clocks): Entry {
  const headerBytes = new DataView(body.buffer, body.byteOffset, body.length).getUint32(0)
  const { id, topic, retain, policy, at, properties, correlationData } = parse<Header>(
    body,
    4,
    4 + headerBytes,
  )
  const payload = body.slice(4 + headerBytes)
  const entry = new Entry(
    topic,
    utf8Length(topic),
    payload,
    payload.length,
    policy.qos,
    retain,
    {
      ...properties,
      ...(correlationData && { correlationData: Uint8Array.from(correlationData) }),
    },
    true,
    resolvePolicy(policyFromJson(policy), policy.qos),
    id,
    undefined,
  )
  // A clock that was set back makes nothing younger than new.
  entry.acceptedAt = now - Math.max(0, epoch - at)
  const { expiresAfterMs } = entry.policy
  if (expiresAfterMs > 0) entry.expiresAt = entry.acceptedAt + expiresAfterMs
  entry.durable = true
  entry.onDisk = true
  entry.stage = 'stored'
  return entry
}

/** Where a message of QoS 2 is in its exchange, as the session table keeps it. */
export interface StoredStage {
  readonly seq: number
  /** `sent`: its PUBLISH may have left; `released`: PUBREC is in. */
  readonly state: 'sent' | 'released'
}

export function encodeStage(stage: StoredStage): Uint8Array {
  return encodeUtf8(JSON.stringify(stage))
}

export function decodeStage(value: Uint8Array): StoredStage {
  return parse<StoredStage>(value, 0, value.length)
}

function parse<T>(bytes: Uint8Array, start: number, end: number): T {
  const text = decodeUtf8(bytes, start, Math.min(end, bytes.length))
  if (text === undefined) throw new TypeError('Cannot read an entry of the outbox: it is not UTF-8')
  return JSON.parse(text) as T
}
