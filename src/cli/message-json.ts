// A message as a line of JSON, the same for both directions: what `umqtt sub --json` prints, `umqtt pub --json`
// takes. A payload that is not UTF-8 is `payloadBase64`.

import type { Message, PublishProperties, QoS, UserProperty } from '../robust.node.ts'
import { base64Of, bytesJson } from './readable.ts'

/** The names in the line. */
interface JsonMessage {
  /** When it came, ISO 8601. */
  readonly time?: string
  readonly topic?: string
  readonly payload?: string
  readonly payloadBase64?: string
  readonly qos?: QoS
  readonly retain?: boolean
  readonly dup?: boolean
  readonly contentType?: string
  readonly correlationDataBase64?: string
  readonly messageExpirySeconds?: number
  readonly payloadFormatIndicator?: 0 | 1
  readonly responseTopic?: string
  readonly subscriptionIds?: readonly number[]
  readonly userProperties?: readonly UserProperty[]
}

/** A message that a line says; what is undefined is not said. */
export interface ReadMessage {
  readonly topic: string | undefined
  readonly payload: Uint8Array | string
  readonly qos: QoS | undefined
  readonly retain: boolean | undefined
  readonly properties: PublishProperties
}

/** The line of a message, without its end. */
export function writeMessage(message: Message, receivedAt: Date): string {
  const { topic, payload, qos, retain, dup, properties } = message
  const { correlationData, ...others } = properties
  const line: JsonMessage = {
    time: receivedAt.toISOString(),
    topic,
    ...bytesJson('payload', payload),
    qos,
    retain,
    ...(dup && { dup }),
    ...others,
    ...(correlationData && { correlationDataBase64: base64Of(correlationData) }),
  }
  return JSON.stringify(line)
}

type Kind = (value: unknown) => boolean

const isText: Kind = (value) => typeof value === 'string'
const isFlag: Kind = (value) => typeof value === 'boolean'
const isBase64: Kind = (value) =>
  typeof value === 'string' && /^(?:[\w+/]{4})*(?:[\w+/]{2}==|[\w+/]{3}=)?$/.test(value)
const isBelow =
  (bound: number): Kind =>
  (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < bound
const isPairs: Kind = (value) =>
  Array.isArray(value) &&
  value.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isText))

/** What each name must be. */
const KINDS: { readonly [K in keyof Required<JsonMessage>]: readonly [Kind, string] } = {
  time: [isText, 'a string'],
  topic: [isText, 'a string'],
  payload: [isText, 'a string'],
  payloadBase64: [isBase64, 'Base64'],
  qos: [isBelow(3), '0, 1 or 2'],
  retain: [isFlag, 'true or false'],
  dup: [isFlag, 'true or false'],
  contentType: [isText, 'a string'],
  correlationDataBase64: [isBase64, 'Base64'],
  messageExpirySeconds: [isBelow(2 ** 32), 'a whole number of seconds'],
  payloadFormatIndicator: [isBelow(2), '0 or 1'],
  responseTopic: [isText, 'a string'],
  subscriptionIds: [Array.isArray, 'a list'],
  userProperties: [isPairs, 'a list of pairs of strings'],
}

/**
 * What a line says; `time`, `dup` and `subscriptionIds` are of the way that it came, and not sent on.
 * @throws {TypeError} it is no message
 */
export function readMessage(line: string): ReadMessage {
  const given = parsed(line)
  for (const [name, value] of Object.entries(given)) {
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name as keyof JsonMessage] : undefined
    if (kind === undefined) throw new TypeError(`it has an unknown name "${name}"`)
    if (!kind[0](value)) throw new TypeError(`its "${name}" is not ${kind[1]}`)
  }
  const { payload, payloadBase64, topic, qos, retain, correlationDataBase64 } = given
  if (payload !== undefined && payloadBase64 !== undefined) {
    throw new TypeError('it has both "payload" and "payloadBase64"')
  }
  const { contentType, messageExpirySeconds, payloadFormatIndicator, responseTopic } = given
  const { userProperties } = given
  return {
    topic,
    payload: payloadBase64 === undefined ? (payload ?? '') : Buffer.from(payloadBase64, 'base64'),
    qos,
    retain,
    properties: {
      ...(contentType !== undefined && { contentType }),
      ...(messageExpirySeconds !== undefined && { messageExpirySeconds }),
      ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
      ...(responseTopic !== undefined && { responseTopic }),
      ...(userProperties !== undefined && { userProperties }),
      ...(correlationDataBase64 !== undefined && {
        correlationData: Buffer.from(correlationDataBase64, 'base64'),
      }),
    },
  }
}

function parsed(line: string): JsonMessage {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new TypeError('it is no JSON')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new TypeError('it is no JSON object')
}
