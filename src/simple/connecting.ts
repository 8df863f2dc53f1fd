// One call of `connect`: its settings, its answer, and when the older protocol is tried. §3.1, §3.2
// Pure functions: what is tried next, and when, is up to the client.

import type { ProtocolVersion, WillFields } from '../codec/packets.ts'
import type { ConnectedOutput, ConnectSettings } from '../engine/types.ts'
import { ConnectRefusedError, type MqttError } from '../errors.ts'
import { checkBoolean, checkInteger, checkKeys, checkSignal } from './checks.ts'
import { DEFAULT_SESSION_EXPIRY_SECONDS, NEVER_EXPIRES_SECONDS } from './defaults.ts'
import type { ResolvedOptions } from './options.ts'
import type { ConnectOptions, ConnectResult } from './types.ts'

/** What a connect asks for, checked. */
export interface ConnectRequest {
  readonly cleanStart: boolean
  readonly sessionExpirySeconds: number
}

/** @throws {TypeError} @throws {RangeError} for options that cannot be meant */
export function connectRequest(options: ConnectOptions): ConnectRequest {
  checkKeys('options', options, ['cleanStart', 'sessionExpirySeconds', 'signal'])
  checkSignal(options.signal)
  const cleanStart = checkBoolean('cleanStart', options.cleanStart ?? true)
  const sessionExpirySeconds = checkInteger(
    'sessionExpirySeconds',
    options.sessionExpirySeconds ?? (cleanStart ? 0 : DEFAULT_SESSION_EXPIRY_SECONDS),
    0,
    NEVER_EXPIRES_SECONDS,
  )
  return { cleanStart, sessionExpirySeconds }
}

/** CONNECT for one version. Clean Session of MQTT 3.1.1 is both ends of a session in one. */
export function connectSettings(
  clientId: string,
  options: ResolvedOptions,
  will: WillFields | undefined,
  request: ConnectRequest,
  version: ProtocolVersion,
): ConnectSettings {
  const { authentication, ...properties } = options.properties
  const kept = version === 5 ? request.sessionExpirySeconds : NEVER_EXPIRES_SECONDS
  return {
    version,
    clientId,
    cleanStart: request.cleanStart,
    sessionExpirySeconds: version === 4 && request.cleanStart ? 0 : kept,
    keepAliveSeconds: options.keepAliveSeconds,
    will,
    userName: options.userName,
    password: options.password,
    ...properties,
    authenticationMethod: authentication?.method,
    authenticationData: authentication?.data,
  }
}

export function connectResult(
  { packet, limits }: ConnectedOutput,
  protocol: ProtocolVersion,
  clientId: string,
): ConnectResult {
  const { userProperties, responseInformation } = packet.properties
  return {
    sessionPresent: packet.sessionPresent,
    protocol,
    clientId,
    limits,
    userProperties: userProperties ?? [],
    ...(responseInformation !== undefined && { responseInformation }),
  }
}

/** Whether the server refused the version: 0x84 of MQTT 5.0, or 1 of MQTT 3.1.1. §3.1.2.2 */
export function isVersionRefused(error: MqttError | undefined): boolean {
  return error instanceof ConnectRefusedError && [0x01, 0x84].includes(error.reasonCode)
}
