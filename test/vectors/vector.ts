// What a vector is: bytes as they go over the wire, and what a decoder makes of them.

import type { Packet, ProtocolVersion } from '../../src/codec/packets.ts'

interface Wire {
  /** What is special about it. */
  readonly name: string
  readonly version: ProtocolVersion
  /** Who sends it. */
  readonly from: 'client' | 'server'
  readonly bytes: Uint8Array
}

/** Bytes that are a packet. */
export interface ValidVector extends Wire {
  readonly packet: Packet
  /** False when another form of the same packet is shorter, which is what is written. */
  readonly canonical: boolean
}

/** Bytes that are none, or one that is not allowed. */
export interface FaultyVector extends Wire {
  readonly error: 'MalformedPacketError' | 'ProtocolError'
  readonly clause: string
  /** Where the error points to, in bytes from the packet's first. */
  readonly offset: number
  readonly reasonCode: number
}

/** A packet, in the form in which it is also written. */
export function valid(
  version: ProtocolVersion,
  from: Wire['from'],
  name: string,
  bytes: Uint8Array,
  packet: Packet,
): ValidVector {
  return { name, version, from, bytes, packet, canonical: true }
}

/** A packet in a form that is allowed and not the shortest. */
export function longer(
  version: ProtocolVersion,
  from: Wire['from'],
  name: string,
  bytes: Uint8Array,
  packet: Packet,
): ValidVector {
  return { name, version, from, bytes, packet, canonical: false }
}

/** A malformed packet: answered with 0x81. */
export function malformed(
  version: ProtocolVersion,
  from: Wire['from'],
  name: string,
  bytes: Uint8Array,
  clause: string,
  offset: number,
): FaultyVector {
  const error = 'MalformedPacketError'
  return { name, version, from, bytes, error, clause, offset, reasonCode: 0x81 }
}

/** A packet that is not allowed: answered with 0x82, unless there is a code of its own. */
export function forbidden(
  version: ProtocolVersion,
  from: Wire['from'],
  name: string,
  bytes: Uint8Array,
  clause: string,
  offset: number,
  reasonCode = 0x82,
): FaultyVector {
  return { name, version, from, bytes, error: 'ProtocolError', clause, offset, reasonCode }
}
