// The properties of MQTT 5.0 as data, and the one function that walks them, in either direction. §2.2.2
// Rule: a property's type, place and values are said once, in its row. What it is for is not known here.

import {
  AUTH,
  CLIENT_PACKETS,
  CONNACK,
  CONNECT,
  DISCONNECT,
  PUBLISH,
  RECEIVED,
  RELEASED,
  SERVER_DISCONNECT,
  SERVER_PACKETS,
  SUBACK,
  SUBSCRIBE,
  UNSUBACK,
  UNSUBSCRIBE,
  WILL,
} from './carriers.ts'
import type { Cursor } from './cursor.ts'
import { NO_PROPERTIES } from './packets.ts'
import type { Properties, UserProperty } from './packets.ts'
import {
  BINARY,
  BIT,
  COUNT16,
  COUNT32,
  FLAG,
  PAIRS,
  STRING,
  TOPIC,
  UINT16,
  UINT32,
  VARINTS,
} from './property-kinds.ts'
import { topicFault } from './topics.ts'
import { stringFault } from './utf8.ts'

/** A property: its name in {@link Properties}, its kind, and the set of its carriers. */
export type PropertyRow = readonly [name: keyof Properties, kind: number, carriers: number]

const ANSWERS = CONNACK | RECEIVED | RELEASED | SUBACK | UNSUBACK | DISCONNECT | AUTH

/** Every property of MQTT 5.0, at the index that is its identifier. Table 2-4, and §3 for who sends it. */
export const PROPERTIES: readonly (PropertyRow | undefined)[] = [
  ,
  ['payloadFormatIndicator', BIT, PUBLISH | WILL], // 0x01
  ['messageExpiryInterval', UINT32, PUBLISH | WILL], // 0x02
  ['contentType', STRING, PUBLISH | WILL], // 0x03
  ,
  ,
  ,
  ,
  ['responseTopic', TOPIC, PUBLISH | WILL], // 0x08
  ['correlationData', BINARY, PUBLISH | WILL], // 0x09
  ,
  ['subscriptionIdentifiers', VARINTS, (PUBLISH & SERVER_PACKETS) | SUBSCRIBE], // 0x0b
  ,
  ,
  ,
  ,
  ,
  ['sessionExpiryInterval', UINT32, CONNECT | CONNACK | (DISCONNECT & CLIENT_PACKETS)], // 0x11
  ['assignedClientIdentifier', STRING, CONNACK], // 0x12
  ['serverKeepAlive', UINT16, CONNACK], // 0x13
  ,
  ['authenticationMethod', STRING, CONNECT | CONNACK | AUTH], // 0x15
  ['authenticationData', BINARY, CONNECT | CONNACK | AUTH], // 0x16
  ['requestProblemInformation', FLAG, CONNECT], // 0x17
  ['willDelayInterval', UINT32, WILL], // 0x18
  ['requestResponseInformation', FLAG, CONNECT], // 0x19
  ['responseInformation', STRING, CONNACK], // 0x1a
  ,
  ['serverReference', STRING, CONNACK | SERVER_DISCONNECT], // 0x1c
  ,
  ,
  ['reasonString', STRING, ANSWERS], // 0x1f
  ,
  ['receiveMaximum', COUNT16, CONNECT | CONNACK], // 0x21
  ['topicAliasMaximum', UINT16, CONNECT | CONNACK], // 0x22
  ['topicAlias', COUNT16, PUBLISH], // 0x23
  ['maximumQoS', BIT, CONNACK], // 0x24
  ['retainAvailable', FLAG, CONNACK], // 0x25
  ['userProperties', PAIRS, ANSWERS | CONNECT | PUBLISH | WILL | SUBSCRIBE | UNSUBSCRIBE], // 0x26
  ['maximumPacketSize', COUNT32, CONNECT | CONNACK], // 0x27
  ['wildcardSubscriptionAvailable', FLAG, CONNACK], // 0x28
  ['subscriptionIdentifiersAvailable', FLAG, CONNACK], // 0x29
  ['sharedSubscriptionAvailable', FLAG, CONNACK], // 0x2a
]

type Found = { -readonly [P in keyof Properties]?: unknown }

/**
 * The properties of a packet, or of its Will; of MQTT 3.1.1 none. §2.2.2
 *
 * @throws {RangeError} one that is to be written has a value that it may not have
 */
export function properties(cursor: Cursor, given?: Properties, will?: boolean): Properties {
  if (cursor.version === 4) return NO_PROPERTIES
  const { type } = cursor
  const mark = cursor.open()
  let found: Found | undefined
  // To be written are those that are given, to be read is what is there.
  for (const name in given) {
    const id = PROPERTIES.findIndex((row) => row?.[0] === name)
    if (id < 0) cursor.fail(name, 'no property', '2.2.2.2')
    // Each item of what may come again, and the one of what may not.
    const values: unknown[] = []
    for (const value of values.concat(given[name as keyof Properties] ?? values))
      property(cursor, (found ??= {}), will, id, value)
  }
  while (cursor.more(false)) property(cursor, (found ??= {}), will)
  if ((type === 15 || found?.authenticationData) && found?.authenticationMethod === undefined)
    cursor.fail('authenticationMethod', 'missing', `3.${type}`, 0x82)
  cursor.close(mark)
  return (found as Properties | undefined) ?? NO_PROPERTIES
}

/** One property, with its identifier, which is added to those that were found. */
function property(
  cursor: Cursor,
  found: Found,
  will: boolean | undefined,
  givenId?: number,
  given?: unknown,
): void {
  const { type } = cursor
  const id = cursor.varint(givenId as number)
  const row = PROPERTIES[id]
  if (!row || !(row[2] & (will ? WILL : cursor.carriers)))
    cursor.fail(`property ${id}`, 'misplaced', '2.2.2.2')
  const [name, kind] = row
  const many = kind === PAIRS || kind === VARINTS
  if (found[name] !== undefined && (!many || (type !== 3 && kind === VARINTS)))
    cursor.fail(name, 'repeated', `3.${type}`, 0x82)
  const value = propertyValue(cursor, name, kind, given)
  if (many) ((found[name] ??= []) as unknown[]).push(value)
  else found[name] = value
}

function propertyValue(cursor: Cursor, name: string, kind: number, given: unknown): unknown {
  if (kind === PAIRS) {
    const pair = (given ?? []) as UserProperty
    return [cursor.string(name, pair[0]), cursor.string(name, pair[1])]
  }
  if (kind === BINARY) return cursor.binary(given as Uint8Array)
  if (kind >= STRING)
    return cursor.string(name, given as string, kind === TOPIC ? topicFault : stringFault)
  const number = +(given as number)
  const value = kind === VARINTS ? cursor.varint(number) : cursor.number(kind & 7, number)
  if (value < ((kind >> 3) & 1) || (kind & 1 && value > 1))
    cursor.fail(name, value, `3.${cursor.type}`, name === 'topicAlias' ? 0x94 : 0x82)
  return kind === FLAG ? value > 0 : value
}
