// Arbitrary packets of both versions and both sides, in the form in which a decoder hands them out.
// Which packet may carry which property and which code is said here once more, from the specification's
// tables and not from the source's, so that the two have to agree.

import fc from 'fast-check'
import { NO_PROPERTIES } from '../../src/codec/packets.ts'
import type {
  AckPacket,
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  Packet,
  PingPacket,
  Properties,
  ProtocolVersion,
  PublishPacket,
  QoS,
  SubackPacket,
  SubscribePacket,
  SubscriptionRequest,
  UnsubackPacket,
  UnsubscribePacket,
  WillFields,
} from '../../src/codec/packets.ts'
import { anyCharacter } from './characters.ts'

/** Who sends a packet. */
export type Side = 'client' | 'server'

/** What properties are listed by: a packet that one side sends, or the Will of CONNECT. */
type Carrier =
  | 'will'
  | 'connect'
  | 'connack'
  | 'publish of a client'
  | 'publish of a server'
  | 'acknowledgement'
  | 'subscribe'
  | 'suback'
  | 'unsubscribe'
  | 'unsuback'
  | 'disconnect of a client'
  | 'disconnect of a server'
  | 'auth'

/** Objects as literals make them. */
const PLAIN = { noNullPrototype: true } as const

/** Text as MQTT allows it: any Unicode but U+0000. §1.5.4 */
export const text: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 19, arbitrary: fc.string({ unit: anyCharacter(), maxLength: 12 }) },
    // What an object has of itself, if it is taken for a table.
    {
      weight: 1,
      arbitrary: fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'valueOf'),
    },
  )
  .map((value) => value.replaceAll('\0', '0'))

/** One level of a Topic Name. */
const level = text.map((value) => value.replaceAll(/[/#+]/g, '_'))

/** A Topic Name. §4.7 */
export const topic: fc.Arbitrary<string> = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/') || '/')

const plainFilter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, all]) => (all ? `${levels.join('/')}/#` : levels.join('/') || '#'))
  .filter((filter) => !filter.startsWith('$share/'))

/** A Topic Filter, also of a shared subscription. §4.7.1, §4.8.2 */
export const filter: fc.Arbitrary<string> = fc.oneof(
  plainFilter,
  fc.tuple(level, plainFilter).map(([shareName, rest]) => `$share/${shareName || 'group'}/${rest}`),
)

/** Small integers and limits more often than what is between. */
function integer(min: number, max: number): fc.Arbitrary<number> {
  return fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max))
}

const uint16 = integer(0, 0xffff)
const uint32 = integer(0, 0xffff_ffff)
const bytes = fc.uint8Array({ maxLength: 12 })
const bit = fc.constantFrom<0 | 1>(0, 1)

/** A packet id, 1 to 65,535. §2.2.1 */
export const packetId: fc.Arbitrary<number> = integer(1, 0xffff)

/** A payload: mostly short, sometimes beyond what is copied by itself. */
export const payload: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 60, maxLength: 300, size: 'max' }) },
)

const userProperties = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 3 })
const subscriptionIds = (maxLength: number): fc.Arbitrary<number[]> =>
  fc.array(
    fc.oneof(
      integer(1, 268_435_455),
      fc.constantFrom(127, 128, 16_383, 16_384, 2_097_151, 2_097_152),
    ),
    { minLength: 1, maxLength },
  )

const REASON = { reasonString: text, userProperties }
const MESSAGE = {
  payloadFormatIndicator: bit,
  messageExpiryInterval: uint32,
  contentType: text,
  responseTopic: topic,
  correlationData: bytes,
  userProperties,
}
const SESSION = {
  sessionExpiryInterval: uint32,
  authenticationMethod: text,
  authenticationData: bytes,
  receiveMaximum: integer(1, 0xffff),
  maximumPacketSize: integer(1, 0xffff_ffff),
  topicAliasMaximum: uint16,
  userProperties,
}
const PUBLISH = { ...MESSAGE, topicAlias: integer(1, 0xffff) }

/** Every property of every carrier. §3.1.2.11 to §3.15.2.2 */
export const PROPERTIES: Readonly<
  Record<Carrier, { [P in keyof Properties]: fc.Arbitrary<Properties[P]> }>
> = {
  will: { ...MESSAGE, willDelayInterval: uint32 },
  connect: {
    ...SESSION,
    requestProblemInformation: fc.boolean(),
    requestResponseInformation: fc.boolean(),
  },
  connack: {
    ...SESSION,
    ...REASON,
    maximumQoS: bit,
    retainAvailable: fc.boolean(),
    assignedClientIdentifier: text,
    wildcardSubscriptionAvailable: fc.boolean(),
    subscriptionIdentifiersAvailable: fc.boolean(),
    sharedSubscriptionAvailable: fc.boolean(),
    serverKeepAlive: uint16,
    responseInformation: text,
    serverReference: text,
  },
  'publish of a client': PUBLISH,
  'publish of a server': { ...PUBLISH, subscriptionIdentifiers: subscriptionIds(3) },
  acknowledgement: REASON,
  subscribe: { subscriptionIdentifiers: subscriptionIds(1), userProperties },
  suback: REASON,
  unsubscribe: { userProperties },
  unsuback: REASON,
  'disconnect of a client': { ...REASON, sessionExpiryInterval: uint32 },
  'disconnect of a server': { ...REASON, serverReference: text },
  auth: { ...REASON, authenticationMethod: text, authenticationData: bytes },
}

/** Authentication Data goes with its method alone. §3.1.2.11.10 */
function withMethod(properties: Properties): Properties {
  if (properties.authenticationMethod !== undefined) return properties
  const { authenticationData: _, ...rest } = properties
  return rest
}

/** Some of a carrier's properties, or none; on MQTT 3.1.1 always none. */
export function properties(version: ProtocolVersion, carrier: Carrier): fc.Arbitrary<Properties> {
  const none = fc.constant(NO_PROPERTIES)
  if (version === 4) return none
  const some = fc.record(PROPERTIES[carrier] as Record<string, fc.Arbitrary<unknown>>, {
    requiredKeys: [],
    noNullPrototype: true,
  })
  return fc.oneof(none, some.map(withMethod))
}

const COMMON = [0x80, 0x83]
const SERVER_ONLY = [0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f]

/** Every reason code that may stand in a packet, by type, version and side. §2.4, §3.2.2.2 and on */
export function reasonCodes(type: number, version: ProtocolVersion, side: Side): readonly number[] {
  if (version === 4) return type === 2 ? [0, 1, 2, 3, 4, 5] : type === 9 ? [0, 1, 2, 0x80] : [0]
  switch (type) {
    case 2:
      return [
        0,
        ...COMMON,
        0x81,
        0x82,
        0x84,
        0x85,
        0x86,
        0x87,
        0x88,
        0x89,
        0x8a,
        0x8c,
        0x90,
      ].concat([0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f])
    case 4:
    case 5:
      return [0, ...COMMON, 0x87, 0x90, 0x91, 0x97, 0x99].concat(side === 'server' ? [0x10] : [])
    case 6:
    case 7:
      return [0, 0x92]
    case 9:
      return [0, 1, 2, ...COMMON, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]
    case 11:
      return [0, 0x11, ...COMMON, 0x87, 0x8f, 0x91]
    case 14:
      return [0, ...COMMON, 0x81, 0x82, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99].concat(
        side === 'client' ? [4] : [...SERVER_ONLY, 0xa0, 0xa1, 0xa2],
      )
    case 15:
      return side === 'client' ? [0x18, 0x19] : [0, 0x18]
    default:
      return []
  }
}

function reasonCode(type: number, version: ProtocolVersion, side: Side): fc.Arbitrary<number> {
  return fc.constantFrom(...reasonCodes(type, version, side))
}

const qos = fc.constantFrom<QoS>(0, 1, 2)

function will(version: ProtocolVersion): fc.Arbitrary<WillFields> {
  return fc.record(
    {
      topic,
      payload: bytes,
      qos,
      retain: fc.boolean(),
      properties: properties(version, 'will'),
    },
    PLAIN,
  )
}

export function connectPacket(version: ProtocolVersion): fc.Arbitrary<ConnectPacket> {
  return fc
    .record(
      {
        type: fc.constant(1 as const),
        version: fc.constant(version),
        clientId: text,
        cleanStart: fc.boolean(),
        keepAlive: uint16,
        will: will(version),
        userName: text,
        password: bytes,
        properties: properties(version, 'connect'),
      },
      {
        requiredKeys: ['type', 'version', 'clientId', 'cleanStart', 'keepAlive', 'properties'],
        noNullPrototype: true,
      },
    )
    .map((packet) =>
      // MQTT 3.1.1 has no password without a user name [MQTT-3.1.2-22].
      version === 4 && 'password' in packet ? { userName: '', ...packet } : packet,
    )
}

export function connackPacket(version: ProtocolVersion): fc.Arbitrary<ConnackPacket> {
  return fc
    .record(
      {
        type: fc.constant(2 as const),
        sessionPresent: fc.boolean(),
        reasonCode: reasonCode(2, version, 'server'),
        properties: properties(version, 'connack'),
      },
      PLAIN,
    )
    .map((packet) => (packet.reasonCode > 0 ? { ...packet, sessionPresent: false } : packet))
}

export function publishPacket(version: ProtocolVersion, side: Side): fc.Arbitrary<PublishPacket> {
  return fc
    .record(
      {
        type: fc.constant(3 as const),
        topic,
        payload,
        qos,
        retain: fc.boolean(),
        dup: fc.boolean(),
        packetId,
        properties: properties(version, `publish of a ${side}`),
        aliased: fc.boolean(),
      },
      PLAIN,
    )
    .map(({ aliased, ...packet }) => ({
      ...packet,
      topic: aliased && packet.properties.topicAlias !== undefined ? '' : packet.topic,
      ...(packet.qos === 0 && { dup: false, packetId: 0 }),
    }))
}

export function ackPacket(version: ProtocolVersion, side: Side): fc.Arbitrary<AckPacket> {
  return fc.constantFrom<AckPacket['type']>(4, 5, 6, 7).chain((type) =>
    fc.record(
      {
        type: fc.constant(type),
        packetId,
        reasonCode: reasonCode(type, version, side),
        properties: properties(version, 'acknowledgement'),
      },
      PLAIN,
    ),
  )
}

function subscription(version: ProtocolVersion): fc.Arbitrary<SubscriptionRequest> {
  const flag = version === 5 ? fc.boolean() : fc.constant(false)
  return fc
    .record(
      {
        filter,
        qos,
        noLocal: flag,
        retainAsPublished: flag,
        retainHandling:
          version === 5 ? fc.constantFrom<0 | 1 | 2>(0, 1, 2) : fc.constant(0 as const),
      },
      PLAIN,
    )
    .map((request) =>
      request.filter.startsWith('$share/') ? { ...request, noLocal: false } : request,
    )
}

export function subscribePacket(version: ProtocolVersion): fc.Arbitrary<SubscribePacket> {
  return fc.record(
    {
      type: fc.constant(8 as const),
      packetId,
      subscriptions: fc.array(subscription(version), { minLength: 1, maxLength: 3 }),
      properties: properties(version, 'subscribe'),
    },
    PLAIN,
  )
}

export function subackPacket(version: ProtocolVersion): fc.Arbitrary<SubackPacket> {
  return fc.record(
    {
      type: fc.constant(9 as const),
      packetId,
      reasonCodes: fc.array(reasonCode(9, version, 'server'), { minLength: 1, maxLength: 4 }),
      properties: properties(version, 'suback'),
    },
    PLAIN,
  )
}

export function unsubscribePacket(version: ProtocolVersion): fc.Arbitrary<UnsubscribePacket> {
  return fc.record(
    {
      type: fc.constant(10 as const),
      packetId,
      filters: fc.array(filter, { minLength: 1, maxLength: 3 }),
      properties: properties(version, 'unsubscribe'),
    },
    PLAIN,
  )
}

export function unsubackPacket(version: ProtocolVersion): fc.Arbitrary<UnsubackPacket> {
  return fc.record(
    {
      type: fc.constant(11 as const),
      packetId,
      reasonCodes:
        version === 5
          ? fc.array(reasonCode(11, version, 'server'), { minLength: 1, maxLength: 4 })
          : fc.constant([]),
      properties: properties(version, 'unsuback'),
    },
    PLAIN,
  )
}

export function disconnectPacket(
  version: ProtocolVersion,
  side: Side,
): fc.Arbitrary<DisconnectPacket> {
  return fc.record(
    {
      type: fc.constant(14 as const),
      reasonCode: reasonCode(14, version, side),
      properties: properties(version, `disconnect of a ${side}`),
    },
    PLAIN,
  )
}

/** AUTH, which has a method unless it is nothing but a success. §3.15 */
export function authPacket(side: Side): fc.Arbitrary<AuthPacket> {
  return fc.record(
    {
      type: fc.constant(15 as const),
      reasonCode: reasonCode(15, 5, side),
      properties: fc
        .tuple(properties(5, 'auth'), text)
        .map(([rest, authenticationMethod]) => ({ ...rest, authenticationMethod })),
    },
    PLAIN,
  )
}

function pingPacket(type: PingPacket['type']): fc.Arbitrary<PingPacket> {
  return fc.constant({ type })
}

/** Any packet that one side may send in a version. */
export function packetOf(version: ProtocolVersion, side: Side): fc.Arbitrary<Packet> {
  const both: fc.Arbitrary<Packet>[] = [publishPacket(version, side), ackPacket(version, side)]
  const own: fc.Arbitrary<Packet>[] =
    side === 'client'
      ? [
          connectPacket(version),
          subscribePacket(version),
          unsubscribePacket(version),
          pingPacket(12),
          disconnectPacket(version, side),
        ]
      : [connackPacket(version), subackPacket(version), unsubackPacket(version), pingPacket(13)]
  if (version === 5) own.push(authPacket(side))
  if (version === 5 && side === 'server') own.push(disconnectPacket(version, side))
  return fc.oneof(...both, ...own)
}

/** A version, a side, and what that side may send in it: for properties over everything. */
export interface Traffic {
  readonly version: ProtocolVersion
  readonly side: Side
  readonly packets: readonly Packet[]
}

/** Some packets of one side, one after the other. */
export const traffic: fc.Arbitrary<Traffic> = fc
  .tuple(fc.constantFrom<ProtocolVersion>(4, 5), fc.constantFrom<Side>('client', 'server'))
  .chain(([version, side]) =>
    fc.record(
      {
        version: fc.constant(version),
        side: fc.constant(side),
        // CONNECT would change the version of what follows only if it named another.
        packets: fc.array(packetOf(version, side), { minLength: 1, maxLength: 6 }),
      },
      PLAIN,
    ),
  )
