// Options, parsed once: inner code sees resolved values, and nothing of the caller's objects is kept or
// changed. Which options there are, and what each may be, is data.

import { NO_PROPERTIES, type WillFields } from '../codec/packets.ts'
import type { Platform } from '../driver/platform.ts'
import type { EngineOptions } from '../engine/types.ts'
import { parseServer } from '../transport/address.ts'
import type { ParseServer, ServerAddress } from '../transport/transport.ts'
import {
  asGiven,
  type Check,
  type Checks,
  checkBoolean,
  checkHandler,
  checkObject,
  checkPublishTopic,
  checkQos,
  checkText,
  checkTimer,
  copyBytes,
  copyPayload,
  copyUserProperties,
  fields,
  integer,
  oneOf,
  quote,
  refuse,
} from './checks.ts'
import {
  DEFAULT_KEEP_ALIVE_SECONDS,
  DEFAULT_LIMITS,
  DEFAULT_TIMEOUTS,
  NEVER_EXPIRES_SECONDS,
} from './defaults.ts'
import { packetProperties } from './properties.ts'
import type {
  Authentication,
  ClientOptions,
  ConnectProperties,
  Limits,
  Timeouts,
  Will,
} from './types.ts'

/** Limits and timeouts, of the engine and of the layer here. */
export type Bounds = EngineOptions & Required<Limits> & Required<Timeouts>

/** The options as they are kept, defaults in place. */
export interface ResolvedOptions extends Pick<
  ClientOptions,
  'user' | 'protocol' | 'tls' | 'transport'
> {
  readonly address: ServerAddress
  readonly password?: Uint8Array
  readonly keepAliveSeconds: number
  readonly will?: WillFields
  readonly bounds: Bounds
  readonly acknowledge: 'handled' | 'manual'
  readonly onHandlerError: 'acknowledge' | 'reject' | 'hold'
  readonly properties: ConnectProperties
}

const DEFAULT_BOUNDS: Bounds = Object.freeze({
  ...DEFAULT_LIMITS,
  ...DEFAULT_TIMEOUTS,
  enforceReceiveMaximum: false,
  stagedReceipts: false,
})

const UINT16 = integer(0, 65_535)
const COUNT = integer(0, Number.MAX_SAFE_INTEGER)
const AT_LEAST_ONE = integer(1, Number.MAX_SAFE_INTEGER)

/** What the will has beside topic and payload, checked. */
type WillOptions = Omit<Will, 'topic' | 'payload' | 'properties'> & Pick<WillFields, 'properties'>

export const WILL_OPTIONS: Checks<Omit<Will, 'topic' | 'payload'>, WillOptions> = {
  qos: checkQos,
  retain: checkBoolean,
  delaySeconds: integer(0, NEVER_EXPIRES_SECONDS),
  properties: packetProperties,
}

const checkWill = fields<Will, WillOptions & Pick<WillFields, 'topic' | 'payload'>>(
  { ...WILL_OPTIONS, topic: checkPublishTopic, payload: copyPayload },
  'topic',
  'payload',
)

/** The will as CONNECT carries it. §3.1.3.2 to 3.1.3.4 */
export const resolveWill: Check<Will, WillFields> = (name, will) => {
  const { delaySeconds, properties, ...same } = checkWill(name, will)
  return {
    qos: 0,
    retain: false,
    ...same,
    properties: { ...properties, ...(delaySeconds && { willDelayInterval: delaySeconds }) },
  }
}

type CheckedOptions = Omit<ClientOptions, 'password' | 'will'> &
  Pick<ResolvedOptions, 'password' | 'will'>

/** The check of each option. */
export const CLIENT_OPTIONS: Checks<ClientOptions, CheckedOptions> = {
  port: asGiven,
  user: checkText,
  // A password is never quoted: what is wrong is said without its value.
  password: (name, password) =>
    typeof password === 'string' ? copyPayload(name, password) : copyBytes(name, password),
  keepAliveSeconds: UINT16,
  protocol: oneOf(4, 5),
  will: resolveWill,
  // What may be in it is for the platform to say, or for a transport of the application's own.
  tls: (name, tls) => {
    checkObject(name, tls)
    return { ...tls }
  },
  limits: fields<Limits>({
    receiveMaximum: integer(1, 65_535),
    maximumPacketSizeBytes: integer(64, 268_435_460),
    topicAliasMaximum: UINT16,
    outboundTopicAliases: UINT16,
    waitingMessages: COUNT,
    waitingBytes: COUNT,
    inboxBytes: AT_LEAST_ONE,
    inboxHardBytes: AT_LEAST_ONE,
  }),
  timeouts: fields<Timeouts>({
    connectMs: checkTimer,
    acknowledgementMs: checkTimer,
    pingMs: checkTimer,
    writeMs: checkTimer,
    operationMs: checkTimer,
    closeMs: checkTimer,
    handlerTimeoutMs: checkTimer,
  }),
  acknowledge: oneOf('handled', 'manual'),
  onHandlerError: oneOf('acknowledge', 'reject', 'hold'),
  transport: checkHandler,
  properties: fields<ConnectProperties>({
    userProperties: copyUserProperties,
    requestResponseInformation: checkBoolean,
    requestProblemInformation: checkBoolean,
    authentication: fields<Authentication>(
      { method: checkText, data: copyBytes, respond: checkHandler },
      'method',
    ),
  }),
}

const checkOptions = fields(CLIENT_OPTIONS)

export function resolveOptions(
  server: string,
  options: ClientOptions,
  parse: ParseServer = parseServer,
): ResolvedOptions {
  const { limits, timeouts, port, ...given } = checkOptions('options', options)
  const bounds =
    limits || timeouts
      ? {
          ...DEFAULT_BOUNDS,
          ...limits,
          ...timeouts,
          enforceReceiveMaximum: limits?.receiveMaximum !== undefined,
        }
      : DEFAULT_BOUNDS
  const { inboxBytes, inboxHardBytes } = bounds
  if (inboxHardBytes < inboxBytes) {
    const why = `it is below inboxBytes "${inboxBytes}"`
    refuse('options.limits.inboxHardBytes', inboxHardBytes, why, RangeError)
  }
  if (given.protocol === 4) {
    if (given.password !== undefined && given.user === undefined) {
      throw new TypeError('Cannot use password without user: MQTT 3.1.1 forbids it [MQTT-3.1.2-22]')
    }
    if (given.properties?.authentication !== undefined) {
      throw new TypeError('Cannot use authentication with protocol 4: MQTT 3.1.1 has no AUTH')
    }
  }
  return {
    keepAliveSeconds: DEFAULT_KEEP_ALIVE_SECONDS,
    acknowledge: 'handled',
    onHandlerError: 'acknowledge',
    properties: NO_PROPERTIES,
    ...given,
    bounds,
    address: parse(server, { ...(port !== undefined && { port }), tls: given.tls !== undefined }),
  }
}

/** @throws {TypeError} when the platform has no way to the server, or cannot use the TLS settings */
export function requireTransport(
  { address, transport, tls }: ResolvedOptions,
  { transports, checkTls }: Platform,
): void {
  // One of the application's own knows what it takes.
  if (transport !== undefined) return
  if (tls !== undefined) {
    if (checkTls === undefined)
      refuse('options.tls', tls, 'this platform has its own, and takes none')
    checkTls(tls)
  }
  if (transports[address.scheme] !== undefined) return
  const known = Object.keys(transports).join(', ')
  throw new TypeError(`Cannot reach ${quote(address.href)} from here: this platform knows ${known}`)
}
