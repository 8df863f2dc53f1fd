// What the server's reasons mean: for connecting again, for the messages that were in flight, and for one
// message that it refused. §2.4, §3.2.2.2, §3.14.2.1, §3.4.2.1; §3.2.2.3 of MQTT 3.1.1
// Rule: a table, one row a code. When the next attempt is made is up to the schedule.

import type { ProtocolVersion } from '../codec/packets.ts'
import {
  ConnectRefusedError,
  type MqttError,
  ProtocolError,
  ServerDisconnectError,
} from '../errors.ts'
import { MOVED } from './constants.ts'

/**
 * What a failure means for connecting again:
 * `retry`: it may work next time. `busy`: the server asks for time. `elsewhere`: at the server that
 * `serverReference` names. `slow`: time alone will not cure it; somebody has to. `credentials`: the same,
 * unless fresh ones help. `protocol`: again, with MQTT 3.1.1.
 */
export type FailureKind = 'retry' | 'busy' | 'elsewhere' | 'slow' | 'credentials' | 'protocol'

/** A failed attempt or a lost connection, as the schedule sees it. */
export interface Failure {
  readonly kind: FailureKind
  /** The servers to use instead, as the server wrote them; only of `elsewhere`. §4.11 */
  readonly serverReference: string | undefined
}

interface Row {
  /** In CONNACK. */
  readonly refused?: FailureKind
  /** In DISCONNECT. */
  readonly ended?: FailureKind
  /** Whether a PUBLISH of ours can have caused the DISCONNECT. */
  readonly byPacket?: true
}

/** Of the packet, not of the client: connecting again is right, and the courier finds the message. */
const PACKET: Row = { refused: 'slow', ended: 'retry', byPacket: true }
const BOTH = (kind: FailureKind): Row => ({ refused: kind, ended: kind })

/** By reason code; a row lacks the packet that cannot carry the code. */
export const REFUSALS: Readonly<Record<number, Row>> = {
  // MQTT 3.1.1
  0x01: { refused: 'protocol' }, // Unacceptable protocol version
  0x02: { refused: 'slow' }, // Identifier rejected
  0x03: { refused: 'retry' }, // Server unavailable
  0x04: { refused: 'credentials' }, // Bad user name or password
  0x05: { refused: 'credentials' }, // Not authorized

  // MQTT 5.0
  0x00: { ended: 'retry' }, // Normal disconnection
  0x80: { refused: 'retry', ended: 'retry', byPacket: true }, // Unspecified: it may be anything
  0x81: PACKET, // Malformed Packet
  0x82: PACKET, // Protocol Error
  0x83: PACKET, // Implementation specific: valid, and not accepted by this server
  0x84: { refused: 'protocol' }, // Unsupported Protocol Version
  0x85: { refused: 'slow' }, // Client Identifier not valid
  0x86: { refused: 'credentials' }, // Bad User Name or Password
  // Not authorized. In DISCONNECT: CONNECT was accepted, so some servers say it of a publish; and if the
  // rights were taken away meanwhile, the next CONNACK says so.
  0x87: { refused: 'credentials', ended: 'retry', byPacket: true },
  0x88: { refused: 'retry' }, // Server unavailable
  0x89: BOTH('busy'), // Server busy
  0x8a: { refused: 'slow' }, // Banned
  0x8b: { ended: 'retry' }, // Server shutting down
  0x8c: BOTH('slow'), // Bad authentication method
  0x8d: { ended: 'retry' }, // Keep Alive timeout
  // Two clients of one name would throw each other out for ever.
  0x8e: { ended: 'slow' }, // Session taken over
  0x8f: { ended: 'slow' }, // Topic Filter invalid: the same subscription would be sent again
  0x90: PACKET, // Topic Name invalid
  0x93: { ended: 'retry' }, // Receive Maximum exceeded: by how many, not by one of them
  0x94: { ended: 'retry', byPacket: true }, // Topic Alias invalid
  0x95: PACKET, // Packet too large
  0x96: { ended: 'busy' }, // Message rate too high
  0x97: BOTH('busy'), // Quota exceeded
  0x98: { ended: 'busy' }, // Administrative action: somebody wants us off, for now
  0x99: PACKET, // Payload format invalid
  0x9a: PACKET, // Retain not supported
  0x9b: PACKET, // QoS not supported
  0x9c: BOTH('elsewhere'), // Use another server
  0x9d: BOTH('elsewhere'), // Server moved
  0x9e: { ended: 'slow' }, // Shared Subscriptions not supported
  0x9f: BOTH('busy'), // Connection rate exceeded
  0xa0: { ended: 'retry' }, // Maximum connect time
  0xa1: { ended: 'slow' }, // Subscription Identifiers not supported
  0xa2: { ended: 'slow' }, // Wildcard Subscriptions not supported
}

/** In PUBACK and PUBREC: those that may be different later; any other is for good. §3.4.2.1 */
const LATER: readonly number[] = [0x80, 0x83, 0x91, 0x97]

/**
 * What a failed attempt or the end of a connection means for connecting again.
 *
 * @param version of the CONNECT: from 3.1.1 there is nothing to fall back to
 */
export function classifyFailure(error: MqttError, version: ProtocolVersion): Failure {
  const kind = kindOf(error)
  const serverReference =
    kind === 'elsewhere' ? (error as ServerDisconnectError).serverReference : undefined
  if (kind === 'protocol' && version === 4) return { kind: 'slow', serverReference }
  if (kind === 'elsewhere' && serverReference === undefined) {
    // Without a place to go to: "use another server" is for a while, "moved" has to be mended here.
    const { reasonCode } = error as ServerDisconnectError
    return { kind: reasonCode === MOVED ? 'slow' : 'busy', serverReference }
  }
  return { kind, serverReference }
}

/**
 * Whether the server said that a packet of ours was at fault, or answered one as it must not: it would do
 * so again. A bare close says nothing: see `isBareClose`. Our own timeouts and the network's losses never
 * are a packet's fault.
 */
export function isCausedByPacket(error: MqttError): boolean {
  return (
    misansweredId(error) !== undefined ||
    (error instanceof ServerDisconnectError && REFUSALS[error.reasonCode]?.byPacket === true)
  )
}

/** The packet id of the message that the server answered with the wrong packet, if it did. */
export function misansweredId(error: MqttError | undefined): number | undefined {
  return error instanceof ProtocolError ? error.packetId : undefined
}

/**
 * What a reason of 0x80 or above in PUBACK or PUBREC means for the message: `rejected` for good, or
 * `later`: it may be tried again within its deadline.
 */
export function publishRefusal(reasonCode: number): 'rejected' | 'later' {
  return LATER.includes(reasonCode) ? 'later' : 'rejected'
}

function kindOf(error: MqttError): FailureKind {
  if (error instanceof ConnectRefusedError) {
    // A code that is in no table: what is not known is not known to pass.
    return REFUSALS[error.reasonCode]?.refused ?? 'slow'
  }
  if (error instanceof ServerDisconnectError) return REFUSALS[error.reasonCode]?.ended ?? 'retry'
  return error.transient ? 'retry' : 'slow'
}
