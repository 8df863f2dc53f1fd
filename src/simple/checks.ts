// Checks of what the application hands over: a mistake throws at the call, before any effect, with
// the value in the message. TypeError for a wrong kind, RangeError for a number out of bounds.
// A check gets a value and its name, and gives what is kept of it: nothing of the caller's that can change.

import { checkFilter, checkTopic } from '../codec/topics.ts'
import { encodeUtf8, utf8Length } from '../codec/utf8.ts'
import type { QoS, UserProperty } from '../codec/packets.ts'
import { LONGEST_FIELD_BYTES, LONGEST_TIMER_MS } from './constants.ts'
import type { Payload } from './types.ts'

/** Gives what is kept of a value, or throws. */
export type Check<In, Out = In> = (name: string, value: In) => Out

/** The check of each option, by its key. */
export type Checks<In, Out = In> = {
  readonly [K in keyof In & keyof Out]-?: Check<Exclude<In[K], undefined>, Out[K]>
}

/** A value as it stands in a message: short, in quotes, never a payload's content. */
export function quote(value: unknown): string {
  const text =
    typeof value === 'object' && value !== null
      ? (value.constructor?.name ?? 'object')
      : String(value)
  return `"${text.length > 80 ? `${text.slice(0, 80)}…` : text}"`
}

export function refuse(
  name: string,
  value: unknown,
  why: string,
  Kind: ErrorConstructor = TypeError,
): never {
  throw new Kind(`Cannot use ${name} ${quote(value)}: ${why}`)
}

/** What every object has, and no list of options. */
const COMMON: { readonly [key: string]: unknown } = {}

export function checkObject(name: string, value: object): void {
  if (typeof value !== 'object' || value === null) refuse(name, value, 'give an object')
}

/** Refuses keys that nothing reads: a typing mistake is the commonest bug. */
export function checkKeys(name: string, value: object, checks: object): void {
  checkObject(name, value)
  // An object of a shape that was seen before is walked without a list of its keys, and two looks at a
  // field are less than a question for it: every publish comes by.
  for (const key in value) {
    if ((checks as typeof COMMON)[key] !== COMMON[key] || !Object.hasOwn(value, key)) continue
    const known = Object.keys(checks).join(', ')
    throw new TypeError(`Cannot use ${name}.${key}: the known ones are ${known}`)
  }
}

/** An object whose values have a check each; those that are undefined are left out. */
export function fields<In extends object, Out extends object = In>(
  checks: Checks<In, Out>,
  ...required: readonly (keyof In)[]
): Check<In, Out> {
  return (name, given) => {
    checkKeys(name, given, checks)
    const kept: { [key: PropertyKey]: unknown } = {}
    for (const key of Object.keys(checks) as (keyof In & keyof Out & string)[]) {
      const value = given[key]
      if (value === undefined && !required.includes(key)) continue
      kept[key] = checks[key](`${name}.${key}`, value as Exclude<typeof value, undefined>)
    }
    return kept as Out
  }
}

export function integer(from: number, to: number): Check<number> {
  return (name, value) =>
    Number.isInteger(value) && value >= from && value <= to
      ? value
      : refuse(
          name,
          value,
          `give an integer from ${from} to ${to}`,
          typeof value === 'number' ? RangeError : TypeError,
        )
}

export const checkTimer: Check<number> = integer(1, LONGEST_TIMER_MS)

export function oneOf<T>(...choices: readonly T[]): Check<T> {
  return (name, value) =>
    choices.includes(value) ? value : refuse(name, value, `give one of ${choices.join(', ')}`)
}

/** These two are asked at every publish. */
export const checkBoolean: Check<boolean> = (name, value) =>
  typeof value === 'boolean' ? value : refuse(name, value, 'give one of true, false')

export const checkQos: Check<QoS> = (name, qos) =>
  qos === 0 || qos === 1 || qos === 2 ? qos : refuse(name, qos, 'give one of 0, 1, 2')

/** Refuses what is longer than a packet can say. */
export function checkSize(
  name: string,
  sizeBytes: number,
  limitBytes: number = LONGEST_FIELD_BYTES,
): void {
  if (sizeBytes <= limitBytes) return
  refuse(`${name} of`, `${sizeBytes} bytes`, `the limit is ${limitBytes}`, RangeError)
}

function textWithout(faultOf: (text: string) => string | undefined): Check<string> {
  return (name, value) => {
    const fault = typeof value === 'string' ? faultOf(value) : 'give a string'
    return fault === undefined ? value : refuse(name, value, fault)
  }
}

const checkCharacters = textWithout((text) =>
  utf8Length(text) < 0
    ? 'it has an unpaired surrogate'
    : text.includes('\0')
      ? 'it has U+0000'
      : undefined,
)

/** A text field of a packet: well formed, without U+0000, at most 65,535 bytes. §1.5.4 */
export const checkText: Check<string> = (name, value) => {
  checkSize(name, utf8Length(checkCharacters(name, value)))
  return value
}

/** A Topic Name to publish to. §4.7 */
export const checkPublishTopic: Check<string> = textWithout(checkTopic)

/** A Topic Filter to subscribe to. §4.7, §4.8.2 */
export const checkSubscribeFilter: Check<string> = textWithout(checkFilter)

/** A copy of bytes. They may be secret: what is given instead is told by its type alone. */
export const copyBytes: Check<Uint8Array> = (name, value) => {
  if (!(value instanceof Uint8Array)) refuse(`${name} of type`, typeof value, 'give a Uint8Array')
  checkSize(name, value.length)
  return value.slice()
}

/** The size of a payload in bytes. @throws {TypeError} when it is no payload */
export function payloadBytes(name: string, payload: Payload): number {
  if (payload instanceof Uint8Array) return payload.length
  if (typeof payload !== 'string') refuse(name, payload, 'give a Uint8Array or a string')
  const sizeBytes = utf8Length(payload)
  if (sizeBytes < 0) refuse(name, 'text', 'it has an unpaired surrogate')
  return sizeBytes
}

/** A copy of a payload that is a field of CONNECT. */
export const copyPayload: Check<Payload, Uint8Array> = (name, payload) => {
  checkSize(name, payloadBytes(name, payload))
  return typeof payload === 'string' ? encodeUtf8(payload) : payload.slice()
}

export const copyUserProperties: Check<readonly UserProperty[]> = (name, pairs) => {
  if (!Array.isArray(pairs)) refuse(name, pairs, 'give pairs of strings')
  return pairs.map((pair: UserProperty): UserProperty => {
    if (!Array.isArray(pair) || pair.length !== 2) refuse(name, pair, 'give [name, value]')
    return [checkText(name, pair[0]), checkText(name, pair[1])]
  })
}

/** An AbortSignal of any platform. */
export const checkSignal: Check<AbortSignal> = (name, signal) =>
  typeof signal?.addEventListener === 'function'
    ? signal
    : refuse(name, signal, 'give an AbortSignal')

/** The name of an event, of those that there are: another one would never be told. */
export function checkEvent<E extends PropertyKey>(
  events: { readonly [name in E]: unknown },
  event: E,
): void {
  if (typeof event !== 'string' || !Object.hasOwn(events, event)) {
    refuse('event', event, `the known ones are ${Object.keys(events).join(', ')}`)
  }
}

export function checkHandler<T>(name: string, handler: T): T {
  return typeof handler === 'function' ? handler : refuse(name, handler, 'give a function')
}

/** What is checked elsewhere, or by nobody. */
export function asGiven<T>(_name: string, value: T): T {
  return value
}
