// Sets of packets in one number, by type and sender: which packets may carry a property or a code.
// Bit 0 is a Will, bits 1 to 15 are the types as a client sends them, bits 17 to 31 as a server does.
// Rule: a set says who, never when.

import { PacketType } from './packets.ts'

/** What one side may send, as a set. */
export type Role = number

/** What a client may send: what a server's decoder reads. */
export const CLIENT_PACKETS: Role = 0xd5fa
/** What a server may send: what a client's decoder reads. */
export const SERVER_PACKETS: Role = 0xeafc << 16

/** The set of a packet type as sent by either side. */
export function carriersOf(type: number): number {
  return 0x10001 << type
}

export const WILL = 1
export const CONNECT: number = carriersOf(1)
export const CONNACK: number = carriersOf(2)
export const PUBLISH: number = carriersOf(3)
/** PUBACK and PUBREC. */
export const RECEIVED: number = carriersOf(4) | carriersOf(5)
/** PUBREL and PUBCOMP. */
export const RELEASED: number = carriersOf(6) | carriersOf(7)
export const SUBSCRIBE: number = carriersOf(8)
export const SUBACK: number = carriersOf(9)
export const UNSUBSCRIBE: number = carriersOf(10)
export const UNSUBACK: number = carriersOf(11)
export const DISCONNECT: number = carriersOf(14)
/** DISCONNECT of a server, which MQTT 3.1.1 has not. */
export const SERVER_DISCONNECT: number = DISCONNECT & SERVER_PACKETS
export const AUTH: number = carriersOf(15)

/** The name of a packet type, such as `PUBLISH`; of 0, which is none, `packet`. */
export function packetName(type: number): string {
  return Object.keys(PacketType)[type - 1] ?? 'packet'
}

/** The fixed flags of a packet type: 0010 for PUBREL, SUBSCRIBE and UNSUBSCRIBE. Table 2-2 */
export function flagsOf(type: number): number {
  return (0xa80 >> type) & 2
}
