// Why a connection ends, as errors: what the server said, what it broke, what became of the transport,
// and what that means for the operations that were open. §3.2.2.2, §3.14.2.1, §4.13

import {
  type AuthPacket,
  type ConnackPacket,
  type DisconnectPacket,
  type Packet,
  PacketType,
} from '../codec/packets.ts'
import { reasonName } from '../codec/reason-codes.ts'
import {
  ClosedError,
  ConnectionLostError,
  ConnectRefusedError,
  MqttError,
  ProtocolError,
  ServerDisconnectError,
  TimeoutError,
} from '../errors.ts'
import type { ConnectionState } from './connection-states.ts'
import type { ConnectSettings } from './types.ts'
import { TIMER_REASONS } from './timers.ts'

/** Refusals that waiting or another server can cure; 3 is "Server unavailable" of MQTT 3.1.1. */
const TRANSIENT_REFUSALS: readonly number[] = [3, 0x88, 0x89, 0x97, 0x9c, 0x9d, 0x9f]

/** §3.2.2.3 of MQTT 3.1.1. */
const RETURN_CODES: readonly string[] = [
  'Accepted',
  'Unacceptable protocol version',
  'Identifier rejected',
  'Server unavailable',
  'Bad user name or password',
  'Not authorized',
]

/** The error of a CONNACK that refuses. §3.2.2.2 */
export function refusalError(packet: ConnackPacket): ConnectRefusedError {
  const { reasonCode, properties } = packet
  return new ConnectRefusedError(`Server refused the connection with ${reasonOf(packet)}`, {
    reasonCode,
    reasonString: properties.reasonString,
    serverReference: properties.serverReference,
    transient: TRANSIENT_REFUSALS.includes(reasonCode),
  })
}

/** The error of a DISCONNECT from the server. §3.14.2.1 */
export function disconnectError(packet: DisconnectPacket): ServerDisconnectError {
  const { reasonCode, properties } = packet
  return new ServerDisconnectError(`Server ended the connection with ${reasonOf(packet)}`, {
    reasonCode,
    reasonString: properties.reasonString,
    serverReference: properties.serverReference,
  })
}

/** A packet that this state of the connection does not allow. */
export function misplacedError(packet: Packet, state: ConnectionState): ProtocolError {
  const clause = packet.type === PacketType.CONNACK ? 'MQTT-3.2.0-2' : 'MQTT-3.2.0-1'
  return new ProtocolError(`Packet ${packet.type} is not allowed while ${state}`, {
    clause,
    reasonCode: 0x82,
  })
}

/** Of a server that was asked for no problem information: only these may have it. [MQTT-3.1.2-29] */
export function requireNoProblem(packet: Packet): void {
  const { type } = packet
  if (!('properties' in packet) || type === PacketType.PUBLISH) return
  if (type === PacketType.CONNACK || type === PacketType.DISCONNECT) return
  const { reasonString, userProperties } = packet.properties ?? {}
  if (reasonString === undefined && userProperties === undefined) return
  const text = `Packet ${type} has problem information, which CONNECT asked to leave out`
  throw new ProtocolError(text, { clause: 'MQTT-3.1.2-29', reasonCode: 0x82 })
}

/** The transport ended, and MQTT had not said why. */
export function lostError(state: ConnectionState, cause: Error | undefined): MqttError {
  // A transport that knows what happened has said it already.
  if (cause instanceof MqttError) return cause
  const what =
    state === 'dialling'
      ? 'Cannot open the connection'
      : state === 'handshaking'
        ? 'Server closed the connection before CONNACK'
        : 'Connection was lost'
  return new ConnectionLostError(cause === undefined ? what : `${what}: ${cause.message}`, {
    cause,
  })
}

/** Nothing has moved for too long. */
export function silenceError(timer: number, afterMs: number): TimeoutError {
  const operation = TIMER_REASONS[timer] as string
  return new TimeoutError(`No ${operation} within ${afterMs} ms`, { operation, afterMs })
}

/** A request that needs a connection, and there is none. */
export function unconnectedError(request: string): ClosedError {
  return new ClosedError(`Cannot ${request}: the client is not connected`, { sent: 'no' })
}

/** How an operation ends with its connection; without a reason, by our own DISCONNECT. */
export function endedError(reason: MqttError | undefined, sent: 'no' | 'maybe'): MqttError {
  const text = sent === 'no' ? 'Not sent' : 'Sent, but not known to have arrived'
  return reason === undefined
    ? new ClosedError(`${text}: the client disconnected`, { sent })
    : new ConnectionLostError(`${text}: ${reason.message}`, { cause: reason, sent })
}

function reasonOf(packet: ConnackPacket | DisconnectPacket): string {
  const { reasonCode, properties } = packet
  const name = (reasonCode < 0x80 && RETURN_CODES[reasonCode]) || reasonName(reasonCode)
  const said = properties.reasonString === undefined ? '' : `: ${properties.reasonString}`
  return `reason 0x${reasonCode.toString(16).padStart(2, '0')} (${name})${said}`
}

/** Throws when the server answers a clean start with an old session. */
export function requireCleanStart(packet: ConnackPacket, settings: ConnectSettings): void {
  if (!packet.sessionPresent || !settings.cleanStart) return
  const text = 'Session present after a clean start'
  throw new ProtocolError(text, { clause: 'MQTT-3.2.2-2', reasonCode: 0x82 })
}

/** Throws unless AUTH names the method that CONNECT named. */
export function requireMethod(packet: AuthPacket, method: string | undefined): void {
  const named = packet.properties.authenticationMethod
  if (method !== undefined && named === method) return
  const text =
    method === undefined
      ? 'AUTH although CONNECT named no authentication method'
      : `AUTH names the method "${named ?? ''}" instead of "${method}"`
  const clause = method === undefined ? 'MQTT-4.12.0-6' : 'MQTT-4.12.0-5'
  throw new ProtocolError(text, { clause, reasonCode: 0x82 })
}
