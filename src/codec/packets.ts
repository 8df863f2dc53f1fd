// The MQTT Control Packets as plain data, for both versions and both directions.
// One type for each packet: what only MQTT 5.0 has is optional or empty on MQTT 3.1.1.
// Names are those of the OASIS text in camelCase; units are the specification's (seconds, bytes).

import * as Type from './packet-type.ts'

/** The protocol level of CONNECT: 4 is MQTT 3.1.1, 5 is MQTT 5.0. §3.1.2.2 */
export type ProtocolVersion = 4 | 5
/** At most once, at least once, exactly once. §4.3 */
export type QoS = 0 | 1 | 2
/** A name and a value, in the order received. §2.2.2.2 */
export type UserProperty = readonly [name: string, value: string]

/** The type in the upper half of the first byte, for applications. §2.1.2 */
export const PacketType: typeof Type = {
  CONNECT: Type.CONNECT,
  CONNACK: Type.CONNACK,
  PUBLISH: Type.PUBLISH,
  PUBACK: Type.PUBACK,
  PUBREC: Type.PUBREC,
  PUBREL: Type.PUBREL,
  PUBCOMP: Type.PUBCOMP,
  SUBSCRIBE: Type.SUBSCRIBE,
  SUBACK: Type.SUBACK,
  UNSUBSCRIBE: Type.UNSUBSCRIBE,
  UNSUBACK: Type.UNSUBACK,
  PINGREQ: Type.PINGREQ,
  PINGRESP: Type.PINGRESP,
  DISCONNECT: Type.DISCONNECT,
  AUTH: Type.AUTH,
}

/** Every property of MQTT 5.0; which packet may carry which is a table (§2.2.2.2). */
export interface Properties {
  readonly payloadFormatIndicator?: 0 | 1
  readonly messageExpiryInterval?: number
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlationData?: Uint8Array
  readonly subscriptionIdentifiers?: readonly number[]
  readonly sessionExpiryInterval?: number
  readonly assignedClientIdentifier?: string
  readonly serverKeepAlive?: number
  readonly authenticationMethod?: string
  readonly authenticationData?: Uint8Array
  readonly requestProblemInformation?: boolean
  readonly willDelayInterval?: number
  readonly requestResponseInformation?: boolean
  readonly responseInformation?: string
  readonly serverReference?: string
  readonly reasonString?: string
  readonly receiveMaximum?: number
  readonly topicAliasMaximum?: number
  readonly topicAlias?: number
  readonly maximumQoS?: 0 | 1
  readonly retainAvailable?: boolean
  readonly userProperties?: readonly UserProperty[]
  readonly maximumPacketSize?: number
  readonly wildcardSubscriptionAvailable?: boolean
  readonly subscriptionIdentifiersAvailable?: boolean
  readonly sharedSubscriptionAvailable?: boolean
}

/** The Will Message of CONNECT. §3.1.2.5 */
export interface WillFields {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  readonly properties?: Properties
}

/** CONNECT, for the version that it names. §3.1 */
export interface ConnectPacket {
  readonly type: typeof PacketType.CONNECT
  readonly version: ProtocolVersion
  readonly clientId: string
  /** Clean Start; on MQTT 3.1.1 the same bit is called Clean Session. §3.1.2.4 */
  readonly cleanStart: boolean
  /** Keep Alive in seconds, 0 to 65,535; 0 switches it off. §3.1.2.10 */
  readonly keepAlive: number
  readonly will?: WillFields
  readonly userName?: string
  readonly password?: Uint8Array
  readonly properties?: Properties
}

/** CONNACK. §3.2 */
export interface ConnackPacket {
  readonly type: typeof PacketType.CONNACK
  readonly sessionPresent: boolean
  /** A reason code (5.0), or a return code 0 to 5 (3.1.1). */
  readonly reasonCode: number
  readonly properties: Properties
}

/** PUBLISH, of either direction. §3.3 */
export interface PublishPacket {
  readonly type: typeof PacketType.PUBLISH
  /** Empty when a topic alias stands for it (MQTT 5.0). */
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  readonly dup: boolean
  /** 1 to 65,535; 0 at QoS 0, which has none. */
  readonly packetId: number
  readonly properties: Properties
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP. */
export interface AckPacket {
  readonly type: 4 | 5 | 6 | 7
  readonly packetId: number
  readonly reasonCode: number
  readonly properties: Properties
}

/** One Topic Filter of SUBSCRIBE with its options; only `qos` exists on MQTT 3.1.1. §3.8.3.1 */
export interface SubscriptionRequest {
  readonly filter: string
  readonly qos: QoS
  readonly noLocal?: boolean
  readonly retainAsPublished?: boolean
  readonly retainHandling?: 0 | 1 | 2
}

/** SUBSCRIBE. §3.8 */
export interface SubscribePacket {
  readonly type: typeof PacketType.SUBSCRIBE
  readonly packetId: number
  readonly subscriptions: readonly SubscriptionRequest[]
  readonly properties: Properties
}

/** SUBACK, with a reason code for each filter. §3.9 */
export interface SubackPacket {
  readonly type: typeof PacketType.SUBACK
  readonly packetId: number
  /** One for each filter, in their order. */
  readonly reasonCodes: readonly number[]
  readonly properties: Properties
}

/** UNSUBSCRIBE. §3.10 */
export interface UnsubscribePacket {
  readonly type: typeof PacketType.UNSUBSCRIBE
  readonly packetId: number
  readonly filters: readonly string[]
  readonly properties: Properties
}

/** UNSUBACK, with a reason code for each filter; none on MQTT 3.1.1. §3.11 */
export interface UnsubackPacket {
  readonly type: typeof PacketType.UNSUBACK
  readonly packetId: number
  /** One for each filter, in their order; none on MQTT 3.1.1. */
  readonly reasonCodes: readonly number[]
  readonly properties: Properties
}

/** PINGREQ or PINGRESP. §3.12, §3.13 */
export interface PingPacket {
  readonly type: typeof PacketType.PINGREQ | typeof PacketType.PINGRESP
}

/** DISCONNECT, of the server on MQTT 5.0 alone. §3.14 */
export interface DisconnectPacket {
  readonly type: typeof PacketType.DISCONNECT
  readonly reasonCode: number
  readonly properties: Properties
}

/** AUTH, which only MQTT 5.0 has. §3.15 */
export interface AuthPacket {
  readonly type: typeof PacketType.AUTH
  readonly reasonCode: number
  readonly properties: Properties
}

/** Any MQTT Control Packet; told apart by `type`. */
export type Packet =
  | ConnectPacket
  | ConnackPacket
  | PublishPacket
  | AckPacket
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | UnsubackPacket
  | PingPacket
  | DisconnectPacket
  | AuthPacket

/** The properties of a packet that carries none; shared, so that nothing is made for it. */
export const NO_PROPERTIES: Properties = Object.freeze({})
