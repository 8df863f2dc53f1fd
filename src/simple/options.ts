// Options, parsed once: inner code sees resolved values without `undefined`, and nothing of the
// caller's objects is kept or changed.

import { encodeUtf8 } from '../codec/utf8.ts'
import type { WillFields } from '../codec/packets.ts'
import { NO_PROPERTIES } from '../codec/packets.ts'
import type { EngineOptions } from '../engine/types.ts'
import { parseServer } from '../transport/address.ts'
import type {
  ParseServer,
  ServerAddress,
  TlsOptions,
  TransportFactory,
} from '../transport/transport.ts'
import {
  checkBoolean,
  checkBytes,
  checkChoice,
  checkHandler,
  checkInteger,
  checkKeys,
  checkPublishTopic,
  checkText,
  LONGEST_FIELD_BYTES,
  LONGEST_TIMER_MS,
  payloadBytes,
} from './checks.ts'
import {
  DEFAULT_KEEP_ALIVE_SECONDS,
  DEFAULT_LIMITS,
  DEFAULT_TIMEOUTS,
  NEVER_EXPIRES_SECONDS,
} from './defaults.ts'
import { checkUserProperties, packetProperties } from './properties.ts'
import type {
  Authentication,
  ClientOptions,
  ConnectProperties,
  Limits,
  Payload,
  Will,
} from './types.ts'

const NONE: ConnectProperties = Object.freeze({})

const OPTION_KEYS: readonly (keyof ClientOptions)[] = [
  'port',
  'user',
  'password',
  'keepAliveSeconds',
  'protocol',
  'will',
  'tls',
  'limits',
  'timeouts',
  'acknowledge',
  'onHandlerError',
  'transport',
  'properties',
]

const PROPERTY_KEYS: readonly (keyof ConnectProperties)[] = [
  'userProperties',
  'requestResponseInformation',
  'requestProblemInformation',
  'authentication',
]

/** The smallest and the largest value of each limit. */
const LIMIT_RANGES: { readonly [K in keyof Required<Limits>]: readonly [number, number] } = {
  receiveMaximum: [1, 65_535],
  maximumPacketSizeBytes: [64, 268_435_460],
  topicAliasMaximum: [0, 65_535],
  outboundTopicAliases: [0, 65_535],
  waitingMessages: [0, Number.MAX_SAFE_INTEGER],
  waitingBytes: [0, Number.MAX_SAFE_INTEGER],
  inboxBytes: [1, Number.MAX_SAFE_INTEGER],
  inboxHardBytes: [1, Number.MAX_SAFE_INTEGER],
}

/** Options without `undefined`. */
export interface ResolvedOptions {
  readonly address: ServerAddress
  readonly userName: string | undefined
  readonly password: Uint8Array | undefined
  readonly keepAliveSeconds: number
  readonly protocol: 4 | 5 | undefined
  readonly will: WillFields | undefined
  readonly tls: TlsOptions | undefined
  readonly engine: EngineOptions
  readonly inboxBytes: number
  readonly inboxHardBytes: number
  readonly handlerTimeoutMs: number
  readonly manual: boolean
  readonly onHandlerError: 'acknowledge' | 'reject' | 'hold'
  readonly transport: TransportFactory | undefined
  readonly properties: ConnectProperties
}

const DEFAULT_ENGINE: EngineOptions = Object.freeze({
  ...DEFAULT_LIMITS,
  ...DEFAULT_TIMEOUTS,
  enforceReceiveMaximum: false,
})

export function resolveOptions(
  server: string,
  options: ClientOptions,
  parse: ParseServer = parseServer,
): ResolvedOptions {
  checkKeys('options', options, OPTION_KEYS)
  const { port, user, protocol, tls, will, transport, acknowledge, onHandlerError } = options
  const limits = resolveNumbers(
    'limits',
    options.limits,
    DEFAULT_LIMITS,
    (key) => LIMIT_RANGES[key],
  )
  const timeouts = resolveNumbers('timeouts', options.timeouts, DEFAULT_TIMEOUTS, () => [
    1,
    LONGEST_TIMER_MS,
  ])
  if (limits.inboxHardBytes < limits.inboxBytes) {
    throw new RangeError(
      `Cannot use limits.inboxHardBytes "${limits.inboxHardBytes}": it is below limits.inboxBytes "${limits.inboxBytes}"`,
    )
  }
  if (transport !== undefined) checkHandler('transport', transport)
  if (protocol !== undefined) checkChoice('protocol', protocol, [4, 5])
  const password = resolvePassword(options.password)
  if (protocol === 4 && password !== undefined && user === undefined) {
    throw new TypeError('Cannot use password without user: MQTT 3.1.1 forbids it [MQTT-3.1.2-22]')
  }
  const custom = options.limits !== undefined || options.timeouts !== undefined
  return {
    address: parse(server, {
      ...(port !== undefined && { port }),
      tls: tls !== undefined,
    }),
    userName: user === undefined ? undefined : checkText('user', user),
    password,
    keepAliveSeconds: checkInteger(
      'keepAliveSeconds',
      options.keepAliveSeconds ?? DEFAULT_KEEP_ALIVE_SECONDS,
      0,
      65_535,
    ),
    protocol,
    will: will === undefined ? undefined : resolveWill(will),
    tls: tls === undefined ? undefined : { ...tls },
    engine: custom
      ? Object.freeze({
          ...limits,
          ...timeouts,
          enforceReceiveMaximum: options.limits?.receiveMaximum !== undefined,
        })
      : DEFAULT_ENGINE,
    inboxBytes: limits.inboxBytes,
    inboxHardBytes: limits.inboxHardBytes,
    handlerTimeoutMs: timeouts.handlerTimeoutMs,
    manual:
      checkChoice('acknowledge', acknowledge ?? 'handled', ['handled', 'manual']) === 'manual',
    onHandlerError: checkChoice('onHandlerError', onHandlerError ?? 'acknowledge', [
      'acknowledge',
      'reject',
      'hold',
    ]),
    transport,
    properties:
      options.properties === undefined ? NONE : resolveProperties(options.properties, protocol),
  }
}

/** The will as CONNECT carries it, checked. §3.1.3.2 to 3.1.3.4 */
export function resolveWill(will: Will): WillFields {
  checkKeys('will', will, ['topic', 'payload', 'qos', 'retain', 'delaySeconds', 'properties'])
  const sizeBytes = payloadBytes(will.payload)
  if (sizeBytes > LONGEST_FIELD_BYTES) {
    throw new RangeError(
      `Cannot use will.payload: ${sizeBytes} bytes are above the limit of ${LONGEST_FIELD_BYTES}`,
    )
  }
  const properties =
    will.properties === undefined ? NO_PROPERTIES : packetProperties(will.properties)
  const delay = checkInteger('will.delaySeconds', will.delaySeconds ?? 0, 0, NEVER_EXPIRES_SECONDS)
  return {
    topic: checkPublishTopic(will.topic, 'will.topic'),
    payload: typeof will.payload === 'string' ? encodeUtf8(will.payload) : will.payload.slice(),
    qos: checkChoice('will.qos', will.qos ?? 0, [0, 1, 2]),
    retain: checkBoolean('will.retain', will.retain ?? false),
    properties: delay === 0 ? properties : { ...properties, willDelayInterval: delay },
  }
}

function resolvePassword(password: Payload | undefined): Uint8Array | undefined {
  if (password === undefined) return undefined
  // A password is never quoted: what is wrong is said without its value.
  if (typeof password === 'string') {
    if (payloadBytes(password) > LONGEST_FIELD_BYTES) {
      throw new RangeError(`Cannot use password: it is longer than ${LONGEST_FIELD_BYTES} bytes`)
    }
    return encodeUtf8(password)
  }
  return checkBytes('password', password).slice()
}

function resolveNumbers<T extends { readonly [K in keyof T]: number }>(
  name: string,
  given: { readonly [K in keyof T]?: number } | undefined,
  defaults: T,
  rangeOf: (key: keyof T) => readonly [number, number],
): T {
  if (given === undefined) return defaults
  checkKeys(name, given, Object.keys(defaults))
  const resolved: { [K in keyof T]: number } = { ...defaults }
  for (const key of Object.keys(defaults) as (keyof T & string)[]) {
    const value = given[key]
    if (value === undefined) continue
    const [from, to] = rangeOf(key)
    resolved[key] = checkInteger(`${name}.${key}`, value, from, to)
  }
  return resolved as T
}

function resolveProperties(
  properties: ConnectProperties,
  protocol: 4 | 5 | undefined,
): ConnectProperties {
  checkKeys('properties', properties, PROPERTY_KEYS)
  const { userProperties, authentication, requestResponseInformation, requestProblemInformation } =
    properties
  return {
    ...(userProperties && {
      userProperties: checkUserProperties('properties.userProperties', userProperties),
    }),
    ...(requestResponseInformation !== undefined && {
      requestResponseInformation: checkBoolean(
        'properties.requestResponseInformation',
        requestResponseInformation,
      ),
    }),
    ...(requestProblemInformation !== undefined && {
      requestProblemInformation: checkBoolean(
        'properties.requestProblemInformation',
        requestProblemInformation,
      ),
    }),
    ...(authentication && { authentication: resolveAuthentication(authentication, protocol) }),
  }
}

function resolveAuthentication(
  authentication: Authentication,
  protocol: 4 | 5 | undefined,
): Authentication {
  checkKeys('properties.authentication', authentication, ['method', 'data', 'respond'])
  if (protocol === 4) {
    throw new TypeError(
      'Cannot use properties.authentication with protocol 4: MQTT 3.1.1 has no AUTH',
    )
  }
  const { method, data, respond } = authentication
  if (respond !== undefined) checkHandler('properties.authentication.respond', respond)
  return {
    method: checkText('properties.authentication.method', method),
    ...(data && { data: checkBytes('properties.authentication.data', data).slice() }),
    ...(respond && { respond }),
  }
}
