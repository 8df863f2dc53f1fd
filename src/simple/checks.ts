// Checks of what the application hands over: a mistake throws at the call, before any effect, with
// the value in the message. TypeError for a wrong kind, RangeError for a number out of bounds.

import { checkFilter, checkTopic } from '../codec/topics.ts'
import { utf8Length } from '../codec/utf8.ts'

/** The longest string or binary field of a packet, bytes. §1.5.4 */
export const LONGEST_FIELD_BYTES = 65_535

/** The longest delay that the timers of the platforms take. */
export const LONGEST_TIMER_MS = 2_147_483_647

/** A value as it stands in a message: short, in quotes, never a payload's content. */
export function quote(value: unknown): string {
  if (typeof value === 'string') {
    return `"${value.length > 80 ? `${value.slice(0, 80)}…` : value}"`
  }
  if (typeof value === 'object' && value !== null) return `"${value.constructor?.name ?? 'object'}"`
  return `"${String(value)}"`
}

/** Refuses keys that nothing reads: a typing mistake is the commonest bug. */
export function checkKeys(name: string, value: object, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(`Cannot use ${name} ${quote(value)}: give an object`)
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new TypeError(`Cannot use ${name}.${key}: the known ones are ${known.join(', ')}`)
    }
  }
}

export function checkInteger(name: string, value: number, from: number, to: number): number {
  if (typeof value !== 'number')
    throw new TypeError(`Cannot use ${name} ${quote(value)}: give a number`)
  if (!Number.isInteger(value) || value < from || value > to) {
    throw new RangeError(`Cannot use ${name} "${value}": give an integer from ${from} to ${to}`)
  }
  return value
}

export function checkBoolean(name: string, value: boolean): boolean {
  if (typeof value !== 'boolean')
    throw new TypeError(`Cannot use ${name} ${quote(value)}: give true or false`)
  return value
}

export function checkChoice<T>(name: string, value: T, choices: readonly T[]): T {
  if (!choices.includes(value)) {
    throw new TypeError(`Cannot use ${name} ${quote(value)}: give one of ${choices.join(', ')}`)
  }
  return value
}

/** A text field of a packet: well formed, without U+0000, at most 65,535 bytes. §1.5.4 */
export function checkText(name: string, value: string): string {
  if (typeof value !== 'string')
    throw new TypeError(`Cannot use ${name} ${quote(value)}: give a string`)
  const bytes = utf8Length(value)
  if (bytes < 0)
    throw new TypeError(`Cannot use ${name} ${quote(value)}: it has an unpaired surrogate`)
  if (value.includes('\0')) throw new TypeError(`Cannot use ${name} ${quote(value)}: it has U+0000`)
  if (bytes > LONGEST_FIELD_BYTES) {
    throw new RangeError(
      `Cannot use ${name}: ${bytes} bytes are above the limit of ${LONGEST_FIELD_BYTES}`,
    )
  }
  return value
}

/** Bytes may be secret: what is given instead is told by its type alone. */
export function checkBytes(name: string, value: Uint8Array): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`Cannot use ${name} of type "${typeof value}": give a Uint8Array`)
  }
  if (value.length > LONGEST_FIELD_BYTES) {
    throw new RangeError(
      `Cannot use ${name}: ${value.length} bytes are above the limit of ${LONGEST_FIELD_BYTES}`,
    )
  }
  return value
}

/** A Topic Name to publish to. §4.7 */
export function checkPublishTopic(topic: string, name = 'topic'): string {
  if (typeof topic !== 'string')
    throw new TypeError(`Cannot use ${name} ${quote(topic)}: give a string`)
  const wrong = checkTopic(topic)
  if (wrong !== undefined) throw new TypeError(`Cannot use ${name} ${quote(topic)}: ${wrong}`)
  return topic
}

/** A Topic Filter to subscribe to. §4.7, §4.8.2 */
export function checkSubscribeFilter(filter: string): string {
  if (typeof filter !== 'string')
    throw new TypeError(`Cannot use filter ${quote(filter)}: give a string`)
  const wrong = checkFilter(filter)
  if (wrong !== undefined) throw new TypeError(`Cannot use filter ${quote(filter)}: ${wrong}`)
  return filter
}

/** The size of a payload in bytes. @throws {TypeError} when it is no payload */
export function payloadBytes(payload: Uint8Array | string): number {
  if (typeof payload === 'string') {
    const bytes = utf8Length(payload)
    if (bytes < 0)
      throw new TypeError('Cannot use a payload with an unpaired surrogate: give a Uint8Array')
    return bytes
  }
  if (payload instanceof Uint8Array) return payload.length
  throw new TypeError(`Cannot use payload ${quote(payload)}: give a Uint8Array or a string`)
}

/** An AbortSignal of any platform. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new TypeError(`Cannot use signal ${quote(signal)}: give an AbortSignal`)
  }
}

export function checkHandler(name: string, handler: unknown): void {
  if (typeof handler !== 'function') {
    throw new TypeError(`Cannot use ${name} ${quote(handler)}: give a function`)
  }
}
