// Reason codes as data: what each is called and which packets may carry it. §2.4
// Rule: a row is the union of table 2-6 and the packet's own table. What a code means for the client,
// such as whether to try again, is not known here.

import {
  AUTH,
  CLIENT_PACKETS,
  CONNACK,
  DISCONNECT,
  RECEIVED,
  RELEASED,
  SERVER_DISCONNECT,
  SERVER_PACKETS,
  SUBACK,
  UNSUBACK,
} from './carriers.ts'

/** Reason codes below 0x80; from there to 0xa2 they have no gap. */
const LOW_CODES = [0, 1, 2, 4, 0x10, 0x11, 0x18, 0x19]

/** Every reason code's name in the words of the specification: LOW_CODES, then those from 0x80. */
const NAMES = /* @__PURE__ */ `Success
Granted QoS 1
Granted QoS 2
Disconnect with Will Message
No matching subscribers
No subscription existed
Continue authentication
Re-authenticate
Unspecified error
Malformed Packet
Protocol Error
Implementation specific error
Unsupported Protocol Version
Client Identifier not valid
Bad User Name or Password
Not authorized
Server unavailable
Server busy
Banned
Server shutting down
Bad authentication method
Keep Alive timeout
Session taken over
Topic Filter invalid
Topic Name invalid
Packet Identifier in use
Packet Identifier not found
Receive Maximum exceeded
Topic Alias invalid
Packet too large
Message rate too high
Quota exceeded
Administrative action
Payload format invalid
Retain not supported
QoS not supported
Use another server
Server moved
Shared Subscriptions not supported
Connection rate exceeded
Maximum connect time
Subscription Identifiers not supported
Wildcard Subscriptions not supported`.split('\n')

/** In the same order the packets that may carry it. */
const CARRIERS: readonly number[] = [
  CONNACK | RECEIVED | RELEASED | SUBACK | UNSUBACK | DISCONNECT | (AUTH & SERVER_PACKETS), // 0x00 Success
  SUBACK, // 0x01 Granted QoS 1
  SUBACK, // 0x02 Granted QoS 2
  DISCONNECT & CLIENT_PACKETS, // 0x04 Disconnect with Will Message
  RECEIVED & SERVER_PACKETS, // 0x10 No matching subscribers
  UNSUBACK, // 0x11 No subscription existed
  AUTH, // 0x18 Continue authentication
  AUTH & CLIENT_PACKETS, // 0x19 Re-authenticate
  CONNACK | RECEIVED | SUBACK | UNSUBACK | DISCONNECT, // 0x80 Unspecified error
  CONNACK | DISCONNECT, // 0x81 Malformed Packet
  CONNACK | DISCONNECT, // 0x82 Protocol Error
  CONNACK | RECEIVED | SUBACK | UNSUBACK | DISCONNECT, // 0x83 Implementation specific error
  CONNACK, // 0x84 Unsupported Protocol Version
  CONNACK, // 0x85 Client Identifier not valid
  CONNACK, // 0x86 Bad User Name or Password
  CONNACK | RECEIVED | SUBACK | UNSUBACK | SERVER_DISCONNECT, // 0x87 Not authorized
  CONNACK, // 0x88 Server unavailable
  CONNACK | SERVER_DISCONNECT, // 0x89 Server busy
  CONNACK, // 0x8a Banned
  SERVER_DISCONNECT, // 0x8b Server shutting down
  CONNACK | SERVER_DISCONNECT, // 0x8c Bad authentication method
  SERVER_DISCONNECT, // 0x8d Keep Alive timeout
  SERVER_DISCONNECT, // 0x8e Session taken over
  SUBACK | UNSUBACK | SERVER_DISCONNECT, // 0x8f Topic Filter invalid
  CONNACK | RECEIVED | DISCONNECT, // 0x90 Topic Name invalid
  RECEIVED | SUBACK | UNSUBACK, // 0x91 Packet Identifier in use
  RELEASED, // 0x92 Packet Identifier not found
  DISCONNECT, // 0x93 Receive Maximum exceeded
  DISCONNECT, // 0x94 Topic Alias invalid
  CONNACK | DISCONNECT, // 0x95 Packet too large
  DISCONNECT, // 0x96 Message rate too high
  CONNACK | RECEIVED | SUBACK | DISCONNECT, // 0x97 Quota exceeded
  DISCONNECT, // 0x98 Administrative action
  CONNACK | RECEIVED | DISCONNECT, // 0x99 Payload format invalid
  CONNACK | SERVER_DISCONNECT, // 0x9a Retain not supported
  CONNACK | SERVER_DISCONNECT, // 0x9b QoS not supported
  CONNACK | SERVER_DISCONNECT, // 0x9c Use another server
  CONNACK | SERVER_DISCONNECT, // 0x9d Server moved
  SUBACK | SERVER_DISCONNECT, // 0x9e Shared Subscriptions not supported
  CONNACK | SERVER_DISCONNECT, // 0x9f Connection rate exceeded
  SERVER_DISCONNECT, // 0xa0 Maximum connect time
  SUBACK | SERVER_DISCONNECT, // 0xa1 Subscription Identifiers not supported
  SUBACK | SERVER_DISCONNECT, // 0xa2 Wildcard Subscriptions not supported
]

function indexOf(code: number): number {
  return code < 0x80 ? LOW_CODES.indexOf(code) : code - 0x80 + LOW_CODES.length
}

/**
 * What a reason code is called in the specification.
 * @param code 0 to 255, of any packet of MQTT 5.0
 * @returns such as `Not authorized`; `Unknown` for a code that is none
 * @see §2.4
 * @example
 * ```js
 * import { reasonName } from 'umqtt/codec'
 *
 * console.log(reasonName(0x87)) // Not authorized
 * ```
 */
export function reasonName(code: number): string {
  return NAMES[indexOf(code)] ?? 'Unknown'
}

/** The set of packets that may carry a reason code, as `carriers.ts` has it; 0 for a code that is none. */
export function reasonCarriers(code: number): number {
  return CARRIERS[indexOf(code)] ?? 0
}
