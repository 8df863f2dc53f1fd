// The life of one connection as a table, and which packets a state may receive.
// A pair that is absent is illegal: a bug of ours in the first table, a protocol error of the
// server in the second. §3.1.4, §3.2, §4.13

import { SERVER_PACKETS } from '../codec/carriers.ts'
import * as PacketType from '../codec/packet-type.ts'

/** `handshaking` lasts from the open transport to CONNACK, AUTH included. */
export type ConnectionState =
  'idle' | 'dialling' | 'handshaking' | 'connected' | 'closing' | 'closed'

/** `end` is our decision to stop; `close` is the end of the transport, whoever caused it. */
export type ConnectionEvent = 'dial' | 'open' | 'accept' | 'end' | 'close'

/** Where each event leads. */
export const CONNECTION_TRANSITIONS: {
  readonly [S in ConnectionState]: { readonly [E in ConnectionEvent]?: ConnectionState }
} = {
  idle: { dial: 'dialling' },
  dialling: { open: 'handshaking', end: 'closing', close: 'closed' },
  handshaking: { accept: 'connected', end: 'closing', close: 'closed' },
  connected: { end: 'closing', close: 'closed' },
  closing: { close: 'closed' },
  closed: { dial: 'dialling' },
}

/** The packet types that a state may receive, as bits. */
export const RECEIVABLE: { readonly [S in ConnectionState]: number } = {
  idle: 0,
  dialling: 0,
  handshaking: (1 << PacketType.CONNACK) | (1 << PacketType.AUTH),
  connected: (SERVER_PACKETS >>> 16) & ~(1 << PacketType.CONNACK),
  closing: 0,
  closed: 0,
}
