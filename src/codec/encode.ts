// Packets to bytes, for both versions and both directions.
// Rule: `encode` and `write` check everything, by the layouts' own rules and by comparing what a reader
// would read with what was given. The functions for one packet each, which a client calls, only
// write: the call that led there has checked. What MQTT 3.1.1 has no place for, they leave out.

import { packetName } from './carriers.ts'
import { LAYOUTS } from './layouts.ts'
import * as PacketType from './packet-type.ts'
import { NO_PROPERTIES } from './packets.ts'
import type {
  AckPacket,
  AuthPacket,
  ConnectPacket,
  DisconnectPacket,
  Packet,
  Properties,
  ProtocolVersion,
  QoS,
  SubscribePacket,
  UnsubscribePacket,
} from './packets.ts'
import { properties } from './properties.ts'
import type { Sink } from './sink.ts'
import { copyInto, NO_BYTES, writeUtf8 } from './utf8.ts'
import { varintLength, Writer } from './writer.ts'

/** What stands before the payload of a PUBLISH; a {@link PublishPacket} is one. §3.3 */
export interface PublishHeader {
  readonly topic: string
  readonly qos: QoS
  readonly retain: boolean
  readonly dup: boolean
  /** 1 to 65,535; not written at QoS 0. */
  readonly packetId: number
  readonly properties: Properties
}

function withAlias(header: PublishHeader, topicAlias: number): Properties {
  return topicAlias > 0 ? { ...header.properties, topicAlias } : header.properties
}

/** What the Remaining Length counts. §2.1.4 */
function publishRemaining(
  version: ProtocolVersion,
  header: PublishHeader,
  topicBytes: number,
  payloadLength: number,
  topicAlias: number,
): number {
  let propertiesBytes = version - 4
  if (version === 5) {
    if (header.properties === NO_PROPERTIES) {
      if (topicAlias > 0) propertiesBytes = 4
    } else {
      const counter = new Writer(PacketType.PUBLISH, version)
      properties(counter, withAlias(header, topicAlias))
      propertiesBytes = counter.length
    }
  }
  return 2 + topicBytes + (header.qos > 0 ? 2 : 0) + propertiesBytes + payloadLength
}

/**
 * The size of a whole PUBLISH, in bytes.
 *
 * @param topicBytes the topic's size in UTF-8; 0 when an alias replaces it
 * @param payloadLength the payload's size, in bytes
 * @param topicAlias 1 to 65,535, or 0 for none
 * @throws {RangeError} a property has a value that it may not have
 */
export function publishSize(
  version: ProtocolVersion,
  header: PublishHeader,
  topicBytes: number,
  payloadLength: number,
  topicAlias: number,
): number {
  const remaining = publishRemaining(version, header, topicBytes, payloadLength, topicAlias)
  return 1 + varintLength(remaining) + remaining
}

/**
 * Writes a PUBLISH up to its payload, which the caller lets follow. Only properties are checked; the
 * parameters are those of {@link publishSize}.
 *
 * @param topicText the topic in UTF-8, if the caller has it: to copy it costs half of encoding it
 */
export function writePublishHeader(
  sink: Sink,
  version: ProtocolVersion,
  header: PublishHeader,
  topicBytes: number,
  payloadLength: number,
  topicAlias: number,
  topicText?: Uint8Array,
): void {
  const { qos, topic, packetId } = header
  let remaining = publishRemaining(version, header, topicBytes, payloadLength, topicAlias)
  sink.reserve(5 + remaining - payloadLength)
  const { bytes } = sink
  let at = sink.length
  bytes[at++] = 0x30 | (header.dup ? 8 : 0) | (qos << 1) | (header.retain ? 1 : 0)
  for (; remaining > 127; remaining >>= 7) bytes[at++] = remaining | 128
  bytes[at++] = remaining
  bytes[at++] = topicBytes >> 8
  bytes[at++] = topicBytes
  if (topicBytes > 0) {
    if (topicText !== undefined) copyInto(bytes, at, topicText)
    else writeUtf8(topic, bytes, at)
    at += topicBytes
  }
  if (qos > 0) {
    bytes[at++] = packetId >> 8
    bytes[at++] = packetId
  }
  if (version === 5) {
    if (header.properties !== NO_PROPERTIES) {
      const writer = new Writer(PacketType.PUBLISH, version)
      writer.bytes = bytes
      writer.length = at
      properties(writer, withAlias(header, topicAlias))
      at = writer.length
    } else if (topicAlias > 0) {
      bytes[at++] = 3
      bytes[at++] = 0x23
      bytes[at++] = topicAlias >> 8
      bytes[at++] = topicAlias
    } else {
      bytes[at++] = 0
    }
  }
  sink.length = at
}

/**
 * Writes PUBACK, PUBREC, PUBREL or PUBCOMP without properties: 4 bytes when the reason code is 0 or
 * the version is 4, which has none, else 5. Checks nothing.
 */
export function writeAck(
  sink: Sink,
  version: ProtocolVersion,
  type: AckPacket['type'],
  packetId: number,
  reasonCode: number,
): void {
  sink.reserve(5)
  const { bytes } = sink
  let at = sink.length
  const short = reasonCode === 0 || version === 4
  // PUBREL has 0010 for flags [MQTT-3.6.1-1].
  bytes[at++] = (type << 4) | (type === PacketType.PUBREL ? 2 : 0)
  bytes[at++] = short ? 2 : 3
  bytes[at++] = packetId >> 8
  bytes[at++] = packetId
  if (!short) bytes[at++] = reasonCode
  sink.length = at
}

/** Writes a packet, whatever it is; `check` is told what a reader would read of it. */
function put(
  sink: Sink,
  packet: Packet,
  version: ProtocolVersion,
  check?: (given: Packet, read: Packet, path: string) => void,
): void {
  const { type } = packet
  const layout = LAYOUTS[type]!
  const writer = new Writer(type, version)
  const read = layout(writer, packet as never)
  check?.(packet, read, packetName(type))
  const { length } = writer
  sink.reserve(1 + varintLength(length) + length)
  writer.bytes = sink.bytes
  writer.length = sink.length
  writer.number(1, (type << 4) | writer.flags)
  writer.varint(length)
  layout(writer, packet as never)
  sink.length = writer.length
}

/** Writes a packet of one kind, which the caller has checked. */
type Put<P extends Packet> = (sink: Sink, packet: P, version: ProtocolVersion) => void

/** Writes CONNECT for the version that it names. §3.1 */
export function writeConnect(sink: Sink, packet: ConnectPacket): void {
  put(sink, packet, packet.version)
}

/** Writes SUBSCRIBE. §3.8 */
export const writeSubscribe: Put<SubscribePacket> = put

/** Writes UNSUBSCRIBE. §3.10 */
export const writeUnsubscribe: Put<UnsubscribePacket> = put

/** Writes PINGREQ. §3.12 */
export function writePing(sink: Sink): void {
  sink.reserve(2)
  sink.bytes[sink.length++] = 0xc0
  sink.bytes[sink.length++] = 0
}

/** Writes DISCONNECT. §3.14 */
export const writeDisconnect: Put<DisconnectPacket> = put

/** Writes AUTH, which only MQTT 5.0 has. §3.15 */
export function writeAuth(sink: Sink, packet: AuthPacket): void {
  put(sink, packet, 5)
}

/**
 * The size of a whole packet, in bytes; as costly to know as to encode it.
 *
 * @param packet of either direction
 * @param version 4 for MQTT 3.1.1, or 5
 * @returns bytes, the fixed header included
 * @throws {TypeError | RangeError} as {@link encode} does
 * @example
 * ```js
 * import { encodedSize, PacketType } from 'umqtt/codec'
 *
 * console.log(encodedSize({ type: PacketType.PINGREQ }, 5)) // 2
 * ```
 */
export function encodedSize(packet: Packet, version: ProtocolVersion): number {
  return encode(packet, version).length
}

/**
 * Encodes a packet as {@link encode} does, into a sink.
 *
 * @param sink where the bytes go, from its `length` on
 * @param packet of either direction
 * @param version 4 for MQTT 3.1.1, or 5
 * @throws {TypeError | RangeError} as {@link encode} does; then `length` is where it was
 * @example
 * ```ts
 * import { PacketType, write, type Sink } from 'umqtt/codec'
 *
 * const sink: Sink = {
 *   bytes: new Uint8Array(1024),
 *   length: 0,
 *   reserve(sizeBytes) {
 *     if (sink.length + sizeBytes > sink.bytes.length) throw new RangeError('The sink is full')
 *   },
 * }
 * write(sink, { type: PacketType.PINGREQ }, 5)
 * ```
 */
export function write(sink: Sink, packet: Packet, version: ProtocolVersion): void {
  const { type } = packet
  // MQTT 3.1.1 has no AUTH.
  if (!LAYOUTS[type] || (version !== 5 && (version !== 4 || type > 14)))
    throw new RangeError(`Cannot encode type ${type} for version ${version}`)
  put(sink, packet, version, requireSame)
}
/**
 * Encodes any packet of either direction; CONNECT for the version that it names. A decoder reads of
 * it, field by field, what was given.
 *
 * @param packet what it says
 * @param version 4 for MQTT 3.1.1, or 5
 * @returns its bytes, which nobody else has
 * @throws {RangeError} a field has a value that MQTT does not allow there
 * @throws {TypeError} a field would be read as another value: it has the wrong type, or the packet
 *   cannot carry it in this version
 * @example
 * ```ts
 * import { encode, NO_PROPERTIES } from 'umqtt/codec'
 *
 * const payload = Uint8Array.of(0x32, 0x31)
 * const flags = { qos: 0, retain: false, dup: false, packetId: 0 } as const
 * encode({ type: 3, topic: 'hall/temperature', payload, ...flags, properties: NO_PROPERTIES }, 5)
 * ```
 */
export function encode(packet: Packet, version: ProtocolVersion): Uint8Array {
  const sink = {
    bytes: NO_BYTES,
    length: 0,
    reserve(sizeBytes: number): void {
      this.bytes = new Uint8Array(sizeBytes)
    },
  }
  write(sink, packet, version)
  return sink.bytes
}

/** Throws unless every field that is given is read as it is. */
function requireSame(given: unknown, read: unknown, path: string): void {
  if (given === read || given === undefined) return
  if (typeof given !== 'object')
    throw new TypeError(
      `Cannot encode ${path}: ${given as string} would be read as ${read as string}`,
    )
  for (const key in given)
    requireSame(given[key as never], (read as typeof given)?.[key as never], `${path} ${key}`)
}
