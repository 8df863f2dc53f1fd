// Why a connection ends, as errors: what the server said, what it broke, what became of the transport,
// and what that means for the operations that were open. §3.2.2.2, §3.14.2.1, §4.13

import * as PacketType from '../codec/packet-type.ts'
import type { AuthPacket, ConnackPacket, DisconnectPacket, Packet } from '../codec/packets.ts'
import { reasonName } from '../codec/reason-codes.ts'
import {
  ClosedError,
  ConnectionLostError,
  ConnectRefusedError,
  MqttError,
  ProtocolError,
  type Sent,
  ServerDisconnectError,
  TimeoutError,
} from '../errors.ts'
import type { ConnectionState } from './connection-states.ts'
import type { IdentifiedOperation } from './operations.ts'
import { TIMER_REASONS } from './timers.ts'
import type { ConnectSettings, EngineOptions } from './types.ts'

/** Refusals that waiting or another server can cure. */
const TRANSIENT_REFUSALS: readonly number[] = [0x88, 0x89, 0x97, 0x9c, 0x9d, 0x9f]

/** What MQTT 5.0 says for the return codes of MQTT 3.1.1. §3.2.2.3 of 3.1.1 */
const RETURN_CODES: readonly number[] = [0, 0x84, 0x85, 0x88, 0x86, 0x87]

/** What cannot be said of a connection that is up: how its transport ended. */
const LOSSES: { readonly [S in ConnectionState]?: string } = {
  dialling: 'Cannot open the connection',
  handshaking: 'Server closed the connection before CONNACK',
}

/** What the specification forbids. @param packetId of a PUBLISH of ours that was answered wrongly */
export function violation(
  text: string,
  clause: string,
  reasonCode = 0x82,
  packetId?: number,
): ProtocolError {
  return new ProtocolError(text, { clause, reasonCode, packetId })
}

/** The error of a CONNACK that refuses, or of a DISCONNECT from the server. §3.2.2.2, §3.14.2.1 */
export function answerError(
  packet: ConnackPacket | DisconnectPacket,
): ConnectRefusedError | ServerDisconnectError {
  const { reasonCode } = packet
  const { reasonString, serverReference } = packet.properties
  const refused = packet.type === PacketType.CONNACK
  const code = RETURN_CODES[reasonCode] ?? reasonCode
  const transient = !refused || TRANSIENT_REFUSALS.includes(code)
  const hex = reasonCode.toString(16).padStart(2, '0')
  const said = reasonString === undefined ? '' : `: ${reasonString}`
  const verb = refused ? 'refused' : 'ended'
  return new (refused ? ConnectRefusedError : ServerDisconnectError)(
    `Server ${verb} the connection with reason 0x${hex} (${reasonName(code)})${said}`,
    { reasonCode, reasonString, serverReference, transient },
  )
}

/** An acknowledgement that the operation with its packet id does not wait for. */
export function misfitError(operation: IdentifiedOperation, type: number): ProtocolError {
  const { kind, packetId } = operation
  const isPublish = kind === 'publish'
  const isLowered = isPublish && operation.qos === 2 && type === PacketType.PUBACK
  const advice = isLowered ? ': a server without QoS 2 does so; publish at QoS 1' : ''
  const text = `Packet ${type} for packet id ${packetId} does not fit its state${advice}`
  return violation(text, '§4.3', 0x82, isPublish ? packetId : undefined)
}

/** A packet that this state of the connection does not allow. */
export function misplacedError({ type }: Packet, state: ConnectionState): ProtocolError {
  const clause = type === PacketType.CONNACK ? 'MQTT-3.2.0-2' : 'MQTT-3.2.0-1'
  return violation(`Packet ${type} is not allowed while ${state}`, clause)
}

/** Of a server that was asked for no problem information: only these may have it. [MQTT-3.1.2-29] */
export function requireNoProblem(packet: Packet): void {
  const { type } = packet
  if (!('properties' in packet) || type === PacketType.PUBLISH) return
  if (type === PacketType.CONNACK || type === PacketType.DISCONNECT) return
  const { reasonString, userProperties } = packet.properties ?? {}
  if (reasonString === undefined && userProperties === undefined) return
  const text = `Packet ${type} has problem information, which CONNECT asked to leave out`
  throw violation(text, 'MQTT-3.1.2-29')
}

/** The transport ended, and MQTT had not said why. */
export function lostError(state: ConnectionState, cause: Error | undefined): MqttError {
  // A transport that knows what happened has said it already.
  if (cause instanceof MqttError) return cause
  const what = LOSSES[state] ?? 'Connection was lost'
  return new ConnectionLostError(cause ? `${what}: ${cause.message}` : what, { cause })
}

/** Nothing has moved for too long, or no answer came. */
export function timeoutError(operation: string, afterMs: number, sent?: Sent): TimeoutError {
  const text = `No end of "${operation}" within ${afterMs} ms`
  return new TimeoutError(text, { operation, afterMs, ...(sent && { sent }) })
}

/** The end of a deadline of the connection; undefined for one that is no fault. */
export function timerError(timer: number, options: EngineOptions): TimeoutError | undefined {
  const { connectMs, pingMs, acknowledgementMs, writeMs } = options
  const afterMs = [connectMs, 0, pingMs, acknowledgementMs, writeMs][timer]
  return afterMs ? timeoutError(TIMER_REASONS[timer] as string, afterMs) : undefined
}

/** A request that needs a connection, and there is none. */
export function unconnectedError(request: string): ClosedError {
  return new ClosedError(`Cannot ${request}: the client is not connected`, { sent: 'no' })
}

/** How an operation ends with its connection; without a reason, by our own DISCONNECT. */
export function endedError(reason: MqttError | undefined, sent: Sent): MqttError {
  const text = sent === 'no' ? 'Not sent' : 'Sent, but not known to have arrived'
  return reason === undefined
    ? new ClosedError(`${text}: the client disconnected`, { sent })
    : new ConnectionLostError(`${text}: ${reason.message}`, { cause: reason, sent })
}

/** Throws when the server answers a clean start with an old session. */
export function requireCleanStart(packet: ConnackPacket, settings: ConnectSettings): void {
  if (!packet.sessionPresent || !settings.cleanStart) return
  throw violation('Session present after a clean start', 'MQTT-3.2.2-2')
}

/** Throws unless AUTH names the method that CONNECT named. */
export function requireMethod(packet: AuthPacket, method: string | undefined): void {
  const named = packet.properties.authenticationMethod
  if (method !== undefined && named === method) return
  const text = `AUTH names the authentication method "${named ?? ''}", CONNECT "${method ?? ''}"`
  throw violation(text, method === undefined ? 'MQTT-4.12.0-6' : 'MQTT-4.12.0-5')
}

/** The state that an event leads to; there is always one, unless we have a bug. */
export function required<S>(next: S | undefined, event: string, state: string): S {
  if (next === undefined) throw new Error(`Illegal "${event}" while "${state}"`)
  return next
}
