// What a server reads from one packet, or writes into one: properties that it passes on, what an
// acknowledgement says, how long a session is to live. It knows no connection and no session.

import {
  type AckPacket,
  NO_PROPERTIES,
  type Packet,
  PacketType,
  type Properties,
} from '../../codec/packets.ts'

/** What a server passes on of the properties; an alias is of one connection alone. [MQTT-3.3.2-17] */
export function passedOn(properties: Properties): Properties {
  if (properties === NO_PROPERTIES) return properties
  const passed: { -readonly [K in keyof Properties]: Properties[K] } = { ...properties }
  delete passed.topicAlias
  delete passed.messageExpiryInterval
  return passed
}

/** A PUBREC that ends the exchange. */
export function isRefusal(packet: Packet): boolean {
  return packet.type === PacketType.PUBREC && packet.reasonCode >= 0x80
}

/** 0xFFFFFFFF: it never expires. §3.1.2.11.2 */
export function expiryOf(seconds: number): number {
  return seconds === 0xffff_ffff ? Infinity : seconds
}

export function ack(type: AckPacket['type'], packetId: number, reasonCode = 0): AckPacket {
  return { type, packetId, reasonCode, properties: NO_PROPERTIES }
}
