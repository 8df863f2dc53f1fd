// What the parts of one engine share about the connection of the moment. The engine writes it, its
// parts read it.

import { writeAck } from '../codec/encode.ts'
import type { ProtocolVersion } from '../codec/packets.ts'
import { Deque } from './deque.ts'
import { OutboundBuffer, type SlabPool } from './outbound-buffer.ts'
import { limitsOf, type ServerLimits } from './server-limits.ts'
import type { Output } from './types.ts'

/** The connection of the moment. */
export interface Link {
  readonly out: OutboundBuffer
  readonly outputs: Deque<Output>
  version: ProtocolVersion
  limits: ServerLimits
  /** True from CONNACK to the first sign of the end. */
  connected: boolean
  /** Counts connections; what belongs to an earlier one is told by its number. */
  connection: number
  packetsSent: number
}

/** The link of a client that has never been connected. */
export function makeLink(slabs: SlabPool): Link {
  return {
    out: new OutboundBuffer(slabs),
    outputs: new Deque<Output>(),
    version: 5,
    limits: limitsOf(5, { keepAliveSeconds: 0, sessionExpirySeconds: 0 }),
    connected: false,
    connection: 0,
    packetsSent: 0,
  }
}

/** Writes PUBACK, PUBREC, PUBREL or PUBCOMP. */
export function sendAck(
  link: Link,
  type: 4 | 5 | 6 | 7,
  packetId: number,
  reasonCode: number,
): void {
  link.packetsSent += 1
  writeAck(link.out, link.version, type, packetId, reasonCode)
}
