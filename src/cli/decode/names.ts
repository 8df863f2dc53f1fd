// The words of the specification for what the codec has in camel case: properties, reason codes, return codes.
// A name that follows from the key is made of it; the others are a table.

import { PacketType, type ProtocolVersion, reasonName } from '../../codec/index.ts'

/** Names that do not follow from the key. */
const NAMES: Readonly<Record<string, string>> = {
  subscriptionIdentifiers: 'Subscription Identifier',
  userProperties: 'User Property',
  maximumQoS: 'Maximum QoS',
}

const SECONDS: ReadonlySet<string> = new Set([
  'messageExpiryInterval',
  'sessionExpiryInterval',
  'serverKeepAlive',
  'willDelayInterval',
])

/** Return codes of CONNACK in MQTT 3.1.1. Table 3.1 of it */
const RETURN_CODES = [
  'Connection Accepted',
  'Connection Refused, unacceptable protocol version',
  'Connection Refused, identifier rejected',
  'Connection Refused, Server unavailable',
  'Connection Refused, bad user name or password',
  'Connection Refused, not authorized',
]

/** What a code of 0 is called where that is not "Success". */
const ZERO: Readonly<Record<number, string>> = {
  [PacketType.SUBACK]: 'Granted QoS 0',
  [PacketType.DISCONNECT]: 'Normal disconnection',
}

/** The name of a property: `sessionExpiryInterval` is "Session Expiry Interval". */
export function propertyName(key: string): string {
  const words = key.replaceAll(/[A-Z]/g, ' $&')
  return NAMES[key] ?? words.charAt(0).toUpperCase() + words.slice(1)
}

/** What the number of a property counts, with a blank before it. */
export function unitOf(key: string): string {
  if (SECONDS.has(key)) return ' s'
  return key === 'maximumPacketSize' ? ' bytes' : ''
}

/** A reason code as its packet and version name it. */
export function codeName(code: number, type: number, version: ProtocolVersion): string {
  if (version === 4 && type === PacketType.CONNACK) return RETURN_CODES[code] ?? 'Unknown'
  if (version === 4 && code === 0x80) return 'Failure'
  return (code === 0 ? ZERO[type] : undefined) ?? reasonName(code)
}

/** The same with its number: `0x87 Not authorized`. */
export function shownCode(code: number, type: number, version: ProtocolVersion): string {
  return `0x${code.toString(16).padStart(2, '0')} ${codeName(code, type, version)}`
}

/** The version as people say it. */
export function versionName(version: ProtocolVersion): string {
  return version === 5 ? '5.0' : '3.1.1'
}
