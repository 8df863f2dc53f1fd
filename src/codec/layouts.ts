// How each packet is laid out, in order, for both versions and both directions. §3
// Rule: a layout is said once. A field is given with its value and answers with its value, whether it
// was written or read, and what is checked is checked either way. Only the fixed header is not here.

import type { Cursor } from './cursor.ts'
import { NO_PROPERTIES } from './packets.ts'
import type {
  AckPacket,
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  Packet,
  PingPacket,
  ProtocolVersion,
  Properties,
  PublishPacket,
  QoS,
  SubscriptionRequest,
} from './packets.ts'
import { properties } from './properties.ts'
import { reasonCarriers } from './reason-codes.ts'
import { filterFault, publishTopicFault, topicFault } from './topics.ts'

/** What comes after the fixed header of one packet; a packet that is read is given with no fields. */
export type Layout = (cursor: Cursor, given: never) => Packet

function packetId(cursor: Cursor, given: number): number {
  const id = cursor.number(2, given)
  if (id === 0) cursor.fail('packetId', id, '2.2.1-3 2.3.1-1')
  return id
}

/** A reason code that this packet may carry. §2.4 */
function reasonCode(cursor: Cursor, given: number, statement = '2-1'): number {
  const { type } = cursor
  const code = cursor.number(1, given)
  const known =
    cursor.version === 5
      ? reasonCarriers(code) & cursor.carriers ||
        // A server of MQTT 3.1.1 refuses 5.0 in its own words, which end here. §3.1.2.2 of 3.1.1
        (type === 2 && code === 1 && !cursor.more(true))
      : type === 2
        ? code < 6
        : code < 3 || code === 0x80
  if (!known) cursor.fail('reasonCode', code, `3.${type}.${statement}`, 0x82)
  return code
}

function connect(cursor: Cursor, given: Partial<ConnectPacket>): ConnectPacket {
  const { will, userName, password } = given
  const name = cursor.string('protocol name', 'MQTT')
  if (name !== 'MQTT') cursor.fail('protocol name', name, '3.1.2-1', 0x84)
  const version = cursor.number(1, given.version as number) as ProtocolVersion
  if (version !== 4 && version !== 5) cursor.fail('version', version, '3.1.2-2', 0x84)
  // What follows on the connection is of this version too.
  cursor.version = version
  const flags = cursor.number(
    1,
    (given.cleanStart ? 2 : 0) |
      (will ? 4 | (will.qos << 3) | (will.retain ? 32 : 0) : 0) |
      (password ? 64 : 0) |
      (userName === undefined ? 0 : 128),
  )
  const clause =
    flags & 1
      ? '3.1.2-3'
      : (flags & 24) === 24
        ? '3.1.2-12 3.1.2-14'
        : !(flags & 4) && flags & 56
          ? '3.1.2-11 3.1.2-13'
          : version === 4 && (flags & 192) === 64 && '3.1.2-22'
  if (clause) cursor.fail('flags', flags, clause)
  return {
    type: 1,
    version,
    cleanStart: (flags & 2) > 0,
    keepAlive: cursor.number(2, given.keepAlive as number),
    properties: properties(cursor, given.properties),
    clientId: cursor.string('clientId', given.clientId as string),
    ...(flags & 4 && {
      will: {
        qos: ((flags >> 3) & 3) as QoS,
        retain: (flags & 32) > 0,
        properties: properties(cursor, will?.properties, true),
        topic: cursor.string('topic', will?.topic as string, topicFault),
        payload: cursor.binary(will?.payload as Uint8Array),
      },
    }),
    ...(flags & 128 && { userName: cursor.string('userName', userName as string) }),
    ...(flags & 64 && { password: cursor.binary(password as Uint8Array) }),
  }
}

function connack(cursor: Cursor, given: Partial<ConnackPacket>): ConnackPacket {
  const flags = cursor.number(1, given.sessionPresent ? 1 : 0)
  if (flags > 1) cursor.fail('flags', flags, '3.2.2-1')
  const code = reasonCode(cursor, given.reasonCode as number, '2-8 3.2.2.3')
  if (flags && code) cursor.fail('reasonCode', code, '3.2.2-6 3.2.2-4', 0x82)
  if (code === 1) cursor.version = 4
  return {
    type: 2,
    sessionPresent: flags > 0,
    reasonCode: code,
    properties: properties(cursor, given.properties),
  }
}

function publish(cursor: Cursor, given: Partial<PublishPacket>): PublishPacket {
  // Of a packet that is read nothing is given.
  const flags = (cursor.flags |=
    (given.dup ? 8 : 0) | ((given.qos as number) << 1) | (given.retain ? 1 : 0))
  const qos = ((flags >> 1) & 3) as QoS
  if ((qos as number) === 3) cursor.fail('flags', flags, '3.3.1-4')
  if (qos === 0 && flags & 8) cursor.fail('flags', flags, '3.3.1-2')
  const topic = cursor.string('topic', given.topic as string, publishTopicFault)
  const id = !qos ? 0 : packetId(cursor, given.packetId as number)
  const some = properties(cursor, given.properties)
  if (!topic && some.topicAlias === undefined)
    cursor.fail('topic', 'empty', '3.3.2.1 4.7.3-1', 0x82)
  return {
    type: 3,
    topic,
    payload: cursor.rest(given.payload as Uint8Array),
    qos,
    retain: (flags & 1) > 0,
    dup: (flags & 8) > 0,
    packetId: id,
    properties: some,
  }
}

/** Acknowledgements, DISCONNECT and AUTH, whose end is left out as far as it says nothing. */
function reason(
  cursor: Cursor,
  given: Partial<AckPacket>,
): AckPacket | DisconnectPacket | AuthPacket {
  const { type } = cursor
  const packet = { type, reasonCode: 0, properties: NO_PROPERTIES } as {
    -readonly [P in keyof AckPacket]: AckPacket[P]
  }
  if (type < 8) packet.packetId = packetId(cursor, given.packetId as number)
  const some = given.properties && Object.keys(given.properties).length
  if (cursor.version === 5 && cursor.more(given.reasonCode || some)) {
    packet.reasonCode = reasonCode(cursor, given.reasonCode as number)
    // Only AUTH may not leave out a Property Length of 0 alone. §3.15.2.1
    if (cursor.more(some) || type === 15) packet.properties = properties(cursor, given.properties)
  }
  return packet
}

/** SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK: an id, properties and a list. */
function listed(name: string, layout: (cursor: Cursor, given: never) => unknown): Layout {
  return (cursor: Cursor, given: Readonly<Record<string, unknown>>) => {
    const { type } = cursor
    const packet: Record<string, unknown> = {
      type,
      packetId: packetId(cursor, given['packetId'] as number),
      properties: properties(cursor, given['properties'] as Properties),
    }
    const items = (given[name] ?? []) as readonly unknown[]
    const list: unknown[] = (packet[name] = [])
    // UNSUBACK of MQTT 3.1.1 ends here.
    if (cursor.version === 5 || type !== 11) {
      for (let i = 0; cursor.more(i < items.length); i++)
        list.push(layout(cursor, items[i] as never))
      if (list.length === 0)
        cursor.fail(name, 'empty', type === 8 ? '3.8.3-2 3.8.3-3' : `3.${type}.3-2`, 0x82)
    }
    return packet as never
  }
}

function filter(cursor: Cursor, given: string): string {
  return cursor.string('filter', given, filterFault)
}

function subscription(
  cursor: Cursor,
  given: Partial<SubscriptionRequest> = {},
): SubscriptionRequest {
  const text = filter(cursor, given.filter as string)
  const options = cursor.number(
    1,
    (given.qos as number) |
      (given.noLocal ? 4 : 0) |
      (given.retainAsPublished ? 8 : 0) |
      ((given.retainHandling ?? 0) << 4),
  )
  const qos = options & 3
  const noLocal = (options & 4) > 0
  const retainHandling = (options >> 4) & 3
  if (options & (cursor.version === 5 ? 192 : 252))
    cursor.fail('options', options, '3.8.3-5 3-8.3-4')
  if (qos === 3 || retainHandling === 3) cursor.fail('options', options, '3.8.3.1 3-8.3-4', 0x82)
  if (noLocal && text.startsWith('$share/')) cursor.fail('options', options, '3.8.3-4', 0x82)
  const retainAsPublished = (options & 8) > 0
  return { filter: text, qos, noLocal, retainAsPublished, retainHandling } as SubscriptionRequest
}

const codes = /* @__PURE__ */ listed('reasonCodes', (cursor, given: number) =>
  reasonCode(cursor, given, '3-2'),
)

function ping({ type }: Cursor): PingPacket {
  return { type: type as PingPacket['type'] }
}

/** By packet type. */
export const LAYOUTS: readonly (Layout | undefined)[] = [
  undefined,
  connect,
  connack,
  publish,
  reason,
  reason,
  reason,
  reason,
  listed('subscriptions', subscription),
  codes,
  listed('filters', filter),
  codes,
  ping,
  ping,
  reason,
  reason,
]
