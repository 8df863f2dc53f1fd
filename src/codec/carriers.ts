// Sets of packets in one number, by type and sender: which packets may carry a property or a code.
// Bit 0 is a Will, bits 1 to 15 are the types as a client sends them, bits 17 to 31 as a server does.
// Rule: a set says who, never when.

import { PacketType } from './packets.ts'

/** What one side may send, as a set. */
export type Role = number

const EITHER = 0xc0f8
/** What a client may send: what a server's decoder reads. */
export const CLIENT_PACKETS: Role = EITHER | 0x1502
/** What a server may send: what a client's decoder reads. */
export const SERVER_PACKETS: Role = (EITHER | 0x2a04) << 16

export const WILL = 1
export const CONNECT: number = 1 << 1
export const CONNACK: number = 1 << 18
export const PUBLISH: number = 0x10001 << 3
export const PUBACK: number = 0x10001 << 4
export const PUBREC: number = 0x10001 << 5
export const PUBREL: number = 0x10001 << 6
export const PUBCOMP: number = 0x10001 << 7
export const SUBSCRIBE: number = 1 << 8
export const SUBACK: number = 1 << 25
export const UNSUBSCRIBE: number = 1 << 10
export const UNSUBACK: number = 1 << 27
export const DISCONNECT: number = 0x10001 << 14
export const AUTH: number = 0x10001 << 15

/** The set of a packet type as sent by either side. */
export function carriersOf(type: number): number {
  return 0x10001 << type
}

/** The name of a packet type, such as `PUBLISH`; of 0, which is none, `packet`. */
export function packetName(type: number): string {
  return Object.keys(PacketType)[type - 1] ?? 'packet'
}

/** The fixed flags of a packet type: 0010 for PUBREL, SUBSCRIBE and UNSUBSCRIBE. Table 2-2 */
export function flagsOf(type: number): number {
  return (0x540 >> type) & 1 ? 2 : 0
}
