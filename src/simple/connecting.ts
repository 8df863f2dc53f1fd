// One call of `connect`: its settings, its answer, and when the older protocol is tried. §3.1, §3.2
// Pure functions: what is tried next, and when, is up to the client.

import type { ProtocolVersion, WillFields } from '../codec/packets.ts'
import type { ConnectedOutput, ConnectSettings } from '../engine/types.ts'
import { ConnectionLostError, ConnectRefusedError, type MqttError } from '../errors.ts'
import { DEFAULT_SESSION_EXPIRY_SECONDS, NEVER_EXPIRES_SECONDS } from './defaults.ts'
import type { ResolvedOptions } from './options.ts'
import type { ConnectOptions, ConnectResult } from './types.ts'

/** What a client asks of a connection. */
export interface ConnectRequest extends ConnectOptions {
  /**
   * Whether MQTT 3.1.1, where only a session that starts clean ends with its connection, starts it clean.
   * @default false
   */
  readonly keepsNone?: boolean
  /** How many times as long as the timeouts say the connection may take behind a large message. @default 1 */
  readonly patience?: number
}

/** Whether the session starts clean. */
export function isClean(
  { cleanStart = true, keepsNone }: ConnectRequest,
  version: ProtocolVersion,
): boolean {
  return cleanStart || (version === 4 && keepsNone === true)
}

/** For how long a request asks the server to keep the session after the connection, in s. §3.1.2.11.2 */
export function sessionExpiryOf({
  cleanStart = true,
  sessionExpirySeconds = cleanStart ? 0 : DEFAULT_SESSION_EXPIRY_SECONDS,
}: ConnectOptions): number {
  return sessionExpirySeconds
}

/** CONNECT for one version. Clean Session of MQTT 3.1.1 is both ends of a session in one. */
export function connectSettings(
  clientId: string,
  { keepAliveSeconds, user, password, properties }: ResolvedOptions,
  will: WillFields | undefined,
  request: ConnectRequest,
  version: ProtocolVersion,
): ConnectSettings {
  const { authentication, ...same } = properties
  const cleanStart = isClean(request, version)
  const expirySeconds = cleanStart ? 0 : NEVER_EXPIRES_SECONDS
  return {
    version,
    clientId,
    cleanStart,
    sessionExpirySeconds: version === 4 ? expirySeconds : sessionExpiryOf(request),
    keepAliveSeconds,
    will,
    userName: user,
    password,
    ...same,
    authenticationMethod: authentication?.method,
    authenticationData: authentication?.data,
    patience: request.patience,
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

/**
 * Whether the other side closed the connection without a word, at its end of the stream. Right after the
 * first bytes of a message that is how servers of MQTT 3.1.1 refuse it. A reset is no such word: networks
 * make them too.
 */
export function isBareClose(error: MqttError): boolean {
  return error instanceof ConnectionLostError && error.cause === undefined
}
