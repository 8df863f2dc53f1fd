// What `pub` and `sub` have in common beside the connection: session, will, properties, how to try again, and
// what a person wants to be told. Made into the options of a client that holds on.

import { randomBytes } from 'node:crypto'
import { readDuration } from './duration.ts'
import type { RobustOptions, Will } from '../robust.node.ts'
import { type Connection, type CONNECTION_OPTIONS, readConnection } from './connection-options.ts'
import type { Values } from './options.ts'
import { type GivenProperties, readProperties } from './properties.ts'
import { usableTopic } from './topics.ts'
import { UsageError } from './usage-error.ts'

/** Session, will, and the rest of a client, beside the options of its connection. */
export const CLIENT_OPTIONS = {
  idPrefix: {
    kind: 'text',
    short: 'I',
    placeholder: 'TEXT',
    help: 'a client identifier of this and the number of the process',
  },
  disableCleanSession: {
    kind: 'flag',
    short: 'c',
    help: 'keep the session at the server between runs; needs -i',
  },
  sessionExpiryInterval: {
    kind: 'integer',
    short: 'x',
    placeholder: 'SECONDS',
    min: 0,
    max: 4_294_967_295,
    help: 'how long the server keeps the session [0; with -c: for ever]',
  },
  willTopic: { kind: 'text', placeholder: 'TOPIC', help: 'topic of the will' },
  willPayload: { kind: 'text', placeholder: 'TEXT', help: 'its payload [empty]' },
  willQos: { kind: 'choice', words: ['0', '1', '2'], help: 'its QoS [0]' },
  willRetain: { kind: 'flag', help: 'whether the server retains it' },
  property: {
    kind: 'parts',
    short: 'D',
    placeholder: 'PACKET NAME VALUE',
    count: 3,
    counts: { 'user-property': 4 },
    multiple: true,
    help: 'a property of MQTT 5.0, as "-D connect user-property NAME VALUE"',
  },
  retryMin: {
    kind: 'duration',
    read: (given: string, name: string): number => readDuration(given, name),
    placeholder: 'TIME',
    help: 'the least time from one attempt to connect to the next [1s]',
  },
  retryMax: {
    kind: 'duration',
    read: (given: string, name: string): number => readDuration(given, name),
    placeholder: 'TIME',
    help: 'the longest time between two [2m]',
  },
  debug: { kind: 'flag', short: 'd', help: 'tell of every attempt to connect' },
  quiet: { kind: 'flag', help: 'say nothing but what cannot be done' },
} as const

/** What was given of them, and of the connection's. */
export type ClientValues = Values<typeof CONNECTION_OPTIONS> & Values<typeof CLIENT_OPTIONS>

/** What a client is made of. */
export interface ClientPlan extends Omit<Connection, 'options'> {
  readonly properties: GivenProperties
  readonly options: RobustOptions
}

/** For ever, in Session Expiry Interval. §3.1.2.11.2 */
const FOR_EVER_SECONDS = 4_294_967_295

/** The longest time that a timer of the client takes. */
const TIMER_MS_MAX = 2_147_483_647

/**
 * What the options say.
 * @param keptSeconds how long the session is kept where nobody says it
 * @throws {UsageError} options that contradict each other
 */
export function readClient(
  values: ClientValues,
  env: Readonly<Record<string, string | undefined>>,
  packets: Parameters<typeof readProperties>[1],
  keptSeconds = 0,
): ClientPlan {
  const connection = readConnection(values, env)
  const { id, idPrefix, disableCleanSession } = values
  if (id !== undefined && idPrefix !== undefined) {
    throw new UsageError('Cannot use --id with --id-prefix: leave one')
  }
  if (disableCleanSession && (id ?? '') === '') {
    throw new UsageError('-c needs -i: a session belongs to a client identifier')
  }
  const properties = readProperties(values.property, packets)
  const { connect } = properties
  const will = readWill(values, properties)
  const expirySeconds =
    values.sessionExpiryInterval ??
    connect.sessionExpirySeconds ??
    (disableCleanSession ? FOR_EVER_SECONDS : keptSeconds)
  // Who connected without a session cannot ask for one at the end. §3.14.2.2.2
  if ((properties.disconnect.sessionExpirySeconds ?? 0) > 0 && expirySeconds === 0) {
    throw new UsageError('-D disconnect session-expiry-interval needs -x SECONDS, or -c')
  }
  return {
    ...connection,
    clientId: idPrefix === undefined ? id : `${idPrefix}${process.pid}`,
    properties,
    options: {
      ...connection.options,
      ...(will !== undefined && { will }),
      ...connectOptions(connect),
      session: { expirySeconds },
      reconnect: readReconnect(values),
    },
  }
}

/** An identifier that nobody else has, of the letters that every server takes. §3.1.3.1 */
export function newClientId(): string {
  return `umqtt-${randomBytes(6).toString('hex')}`
}

function readReconnect({
  retryMin: floorMs,
  retryMax: capMs,
}: ClientValues): NonNullable<RobustOptions['reconnect']> {
  for (const [name, ms] of [
    ['--retry-min', floorMs],
    ['--retry-max', capMs],
  ] as const) {
    if (ms !== undefined && ms > TIMER_MS_MAX) {
      throw new UsageError(`Cannot use ${name}: write at most 24d`)
    }
  }
  if (floorMs !== undefined && capMs !== undefined && capMs < floorMs) {
    throw new UsageError('Cannot use --retry-max below --retry-min: write more')
  }
  // A cap that is below the usual floor lowers it.
  const floor = floorMs ?? (capMs !== undefined && capMs < 1_000 ? capMs : undefined)
  return {
    ...(floor !== undefined && { floorMs: floor }),
    ...(capMs !== undefined && { capMs }),
  }
}

function readWill(
  values: ClientValues,
  { will: { delaySeconds, ...properties } }: GivenProperties,
): Will | undefined {
  const { willTopic: topic, willPayload, willQos, willRetain } = values
  if (topic === undefined) {
    if ((willPayload ?? willQos ?? willRetain) !== undefined || delaySeconds !== undefined) {
      throw new UsageError('A will needs --will-topic')
    }
    return undefined
  }
  return {
    topic: usableTopic('--will-topic', topic),
    payload: willPayload ?? '',
    qos: Number(willQos ?? 0) as 0 | 1 | 2,
    retain: willRetain === true,
    ...(delaySeconds !== undefined && { delaySeconds }),
    properties,
  }
}

function connectOptions(connect: GivenProperties['connect']): Partial<RobustOptions> {
  const { authenticationMethod: method, authenticationData: data } = connect
  if (method === undefined && data !== undefined) {
    throw new UsageError('authentication-data needs authentication-method')
  }
  const { receiveMaximum, maximumPacketSizeBytes, topicAliasMaximum } = connect
  const { userProperties, requestProblemInformation, requestResponseInformation } = connect
  return {
    limits: {
      ...(receiveMaximum !== undefined && { receiveMaximum }),
      ...(maximumPacketSizeBytes !== undefined && { maximumPacketSizeBytes }),
      ...(topicAliasMaximum !== undefined && { topicAliasMaximum }),
    },
    properties: {
      ...(userProperties !== undefined && { userProperties }),
      ...(requestProblemInformation !== undefined && { requestProblemInformation }),
      ...(requestResponseInformation !== undefined && { requestResponseInformation }),
      ...(method !== undefined && {
        authentication: { method, ...(data !== undefined && { data }) },
      }),
    },
  }
}
