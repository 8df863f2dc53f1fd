// Reason codes as data: what each is called and which packets may carry it. §2.4
// Rule: a row is the union of table 2-6 and the packet's own table. What a code means for the client,
// such as whether to try again, is not known here.

import {
  AUTH,
  CLIENT_PACKETS,
  CONNACK,
  DISCONNECT,
  PUBACK,
  PUBCOMP,
  PUBREC,
  PUBREL,
  SERVER_PACKETS,
  SUBACK,
  UNSUBACK,
} from './carriers.ts'

const ACKED = PUBACK | PUBREC
const RELEASED = PUBREL | PUBCOMP
const LEFT = DISCONNECT & SERVER_PACKETS

/**
 * Every reason code's name in the words of the specification, each with the set of packets that may
 * carry it: first those below 0x80, in the order of LOW_CODES, then those from 0x80 without a gap.
 */
const REASONS: readonly (string | number)[] = [
  'Success', // 0x00
  CONNACK | ACKED | RELEASED | SUBACK | UNSUBACK | DISCONNECT | (AUTH & SERVER_PACKETS),
  'Granted QoS 1', // 0x01
  SUBACK,
  'Granted QoS 2', // 0x02
  SUBACK,
  'Disconnect with Will Message', // 0x04
  DISCONNECT & CLIENT_PACKETS,
  'No matching subscribers', // 0x10
  ACKED & SERVER_PACKETS,
  'No subscription existed', // 0x11
  UNSUBACK,
  'Continue authentication', // 0x18
  AUTH,
  'Re-authenticate', // 0x19
  AUTH & CLIENT_PACKETS,
  'Unspecified error', // 0x80
  CONNACK | ACKED | SUBACK | UNSUBACK | DISCONNECT,
  'Malformed Packet', // 0x81
  CONNACK | DISCONNECT,
  'Protocol Error', // 0x82
  CONNACK | DISCONNECT,
  'Implementation specific error', // 0x83
  CONNACK | ACKED | SUBACK | UNSUBACK | DISCONNECT,
  'Unsupported Protocol Version', // 0x84
  CONNACK,
  'Client Identifier not valid', // 0x85
  CONNACK,
  'Bad User Name or Password', // 0x86
  CONNACK,
  'Not authorized', // 0x87
  CONNACK | ACKED | SUBACK | UNSUBACK | LEFT,
  'Server unavailable', // 0x88
  CONNACK,
  'Server busy', // 0x89
  CONNACK | LEFT,
  'Banned', // 0x8a
  CONNACK,
  'Server shutting down', // 0x8b
  LEFT,
  'Bad authentication method', // 0x8c
  CONNACK | LEFT,
  'Keep Alive timeout', // 0x8d
  LEFT,
  'Session taken over', // 0x8e
  LEFT,
  'Topic Filter invalid', // 0x8f
  SUBACK | UNSUBACK | LEFT,
  'Topic Name invalid', // 0x90
  CONNACK | ACKED | DISCONNECT,
  'Packet Identifier in use', // 0x91
  ACKED | SUBACK | UNSUBACK,
  'Packet Identifier not found', // 0x92
  RELEASED,
  'Receive Maximum exceeded', // 0x93
  DISCONNECT,
  'Topic Alias invalid', // 0x94
  DISCONNECT,
  'Packet too large', // 0x95
  CONNACK | DISCONNECT,
  'Message rate too high', // 0x96
  DISCONNECT,
  'Quota exceeded', // 0x97
  CONNACK | ACKED | SUBACK | DISCONNECT,
  'Administrative action', // 0x98
  DISCONNECT,
  'Payload format invalid', // 0x99
  CONNACK | ACKED | DISCONNECT,
  'Retain not supported', // 0x9a
  CONNACK | LEFT,
  'QoS not supported', // 0x9b
  CONNACK | LEFT,
  'Use another server', // 0x9c
  CONNACK | LEFT,
  'Server moved', // 0x9d
  CONNACK | LEFT,
  'Shared Subscriptions not supported', // 0x9e
  SUBACK | LEFT,
  'Connection rate exceeded', // 0x9f
  CONNACK | LEFT,
  'Maximum connect time', // 0xa0
  LEFT,
  'Subscription Identifiers not supported', // 0xa1
  SUBACK | LEFT,
  'Wildcard Subscriptions not supported', // 0xa2
  SUBACK | LEFT,
]
const LOW_CODES = [0, 1, 2, 4, 0x10, 0x11, 0x18, 0x19]

function indexOf(code: number): number {
  return 2 * (code < 0x80 ? LOW_CODES.indexOf(code) : code - 0x80 + LOW_CODES.length)
}

/** What a reason code is called in the specification, such as `Not authorized`; else `Unknown`. */
export function reasonName(code: number): string {
  return (REASONS[indexOf(code)] as string | undefined) ?? 'Unknown'
}

/** The set of packets that may carry a reason code, as `carriers.ts` has it; 0 for a code that is none. */
export function reasonCarriers(code: number): number {
  return (REASONS[indexOf(code) + 1] as number | undefined) ?? 0
}
