// What the parts of one engine share about the connection of the moment. The engine writes it, its
// parts read it.

import { writeAck } from '../codec/encode.ts'
import type { ProtocolVersion } from '../codec/packets.ts'
import { countingSink, type Sink } from '../codec/sink.ts'
import { NotSupportedError, PacketTooLargeError, QueueFullError } from '../errors.ts'
import { Deque } from './deque.ts'
import { OutboundBuffer } from './outbound-buffer.ts'
import { limitsOf, type ServerLimits } from './server-limits.ts'
import type { SlabPool } from './slab-pool.ts'
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

/** What the server does not offer; `limit` names what it said. §3.2.2.3 */
export function notSupported(link: Link, call: string, limit: string): NotSupportedError {
  const said = link.limits[limit] ?? 'not MQTT 5.0'
  return new NotSupportedError(`Cannot ${call}: the server's ${limit} is ${said}`, { limit })
}

/** Why the server would not read a packet of this size, if so. [MQTT-3.2.2-15] */
export function sizeError(
  link: Link,
  call: string,
  sizeBytes: number,
): PacketTooLargeError | undefined {
  const limitBytes = link.limits.maximumPacketSizeBytes
  if (sizeBytes <= limitBytes) return undefined
  const text = `Cannot ${call}: ${sizeBytes} bytes are above the server's limit of ${limitBytes}`
  return new PacketTooLargeError(text, { sizeBytes, limitBytes, limitedBy: 'server' })
}

/** Too much waits or is under way already. */
export function queueFull(call: string, limit: string, limitValue: number): QueueFullError {
  const text = `Cannot ${call}: ${limit} of ${limitValue} is reached`
  return new QueueFullError(text, { limit, limitValue })
}

/** Writes a packet whose size nobody knows yet, unless it is too large for the server. */
export function sendSized(
  link: Link,
  call: string,
  write: (sink: Sink) => void,
): PacketTooLargeError | undefined {
  const counter = countingSink()
  write(counter)
  const tooLarge = sizeError(link, call, counter.length)
  if (tooLarge !== undefined) return tooLarge
  write(link.out)
  link.packetsSent += 1
  return undefined
}
