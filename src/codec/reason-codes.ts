// Reason codes as data: what each is called and which packets may carry it. §2.4
// Rule: a row is the union of table 2-6 and the packet's own table. What a code means for the client,
// such as whether to try again, is not known here.

import {
  AUTH,
  CONNACK,
  DISCONNECT,
  CLIENT_PACKETS,
  SERVER_PACKETS,
  PUBACK,
  PUBCOMP,
  PUBREC,
  PUBREL,
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
  'Success',
  CONNACK | ACKED | RELEASED | SUBACK | UNSUBACK | DISCONNECT | (AUTH & SERVER_PACKETS),
  'Granted QoS 1',
  SUBACK,
  'Granted QoS 2',
  SUBACK,
  'Disconnect with Will Message',
  DISCONNECT & CLIENT_PACKETS,
  'No matching subscribers',
  ACKED & SERVER_PACKETS,
  'No subscription existed',
  UNSUBACK,
  'Continue authentication',
  AUTH,
  'Re-authenticate',
  AUTH & CLIENT_PACKETS,
  'Unspecified error',
  CONNACK | ACKED | SUBACK | UNSUBACK | DISCONNECT,
  'Malformed Packet',
  CONNACK | DISCONNECT,
  'Protocol Error',
  CONNACK | DISCONNECT,
  'Implementation specific error',
  CONNACK | ACKED | SUBACK | UNSUBACK | DISCONNECT,
  'Unsupported Protocol Version',
  CONNACK,
  'Client Identifier not valid',
  CONNACK,
  'Bad User Name or Password',
  CONNACK,
  'Not authorized',
  CONNACK | ACKED | SUBACK | UNSUBACK | LEFT,
  'Server unavailable',
  CONNACK,
  'Server busy',
  CONNACK | LEFT,
  'Banned',
  CONNACK,
  'Server shutting down',
  LEFT,
  'Bad authentication method',
  CONNACK | LEFT,
  'Keep Alive timeout',
  LEFT,
  'Session taken over',
  LEFT,
  'Topic Filter invalid',
  SUBACK | UNSUBACK | LEFT,
  'Topic Name invalid',
  CONNACK | ACKED | DISCONNECT,
  'Packet Identifier in use',
  ACKED | SUBACK | UNSUBACK,
  'Packet Identifier not found',
  RELEASED,
  'Receive Maximum exceeded',
  DISCONNECT,
  'Topic Alias invalid',
  DISCONNECT,
  'Packet too large',
  CONNACK | DISCONNECT,
  'Message rate too high',
  DISCONNECT,
  'Quota exceeded',
  CONNACK | ACKED | SUBACK | DISCONNECT,
  'Administrative action',
  DISCONNECT,
  'Payload format invalid',
  CONNACK | ACKED | DISCONNECT,
  'Retain not supported',
  CONNACK | LEFT,
  'QoS not supported',
  CONNACK | LEFT,
  'Use another server',
  CONNACK | LEFT,
  'Server moved',
  CONNACK | LEFT,
  'Shared Subscriptions not supported',
  SUBACK | LEFT,
  'Connection rate exceeded',
  CONNACK | LEFT,
  'Maximum connect time',
  LEFT,
  'Subscription Identifiers not supported',
  SUBACK | LEFT,
  'Wildcard Subscriptions not supported',
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
