// A stored message in words, as fields for a person, and as an object for a program. Rule: texts of messages are
// quoted, so that nothing in them moves the cursor; times are lengths for a person, and moments for a program.

import type { StoredMessage } from '../../outbox/inspect.ts'
import { base64Of, bytesJson, count, type Cut, quoted, shownBytes } from '../readable.ts'

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's'],
] as const

/** A length of time in its largest unit. */
export function length(ms: number): string {
  const [size, unit] = UNITS.find(([one]) => ms >= one) ?? ([1_000, 's'] as const)
  return `${Math.floor(ms / size)}${unit}`
}

/** How long it is still worth anything. */
export function expiryOf({ expiresInMs }: StoredMessage): string {
  if (expiresInMs === Infinity) return 'never'
  return expiresInMs === 0 ? 'expired' : length(expiresInMs)
}

/** How long ago it was published. */
export function ageOf({ publishedAtMs }: StoredMessage, now: number): string {
  return length(Math.max(0, now - publishedAtMs))
}

const STAGES: Readonly<Record<StoredMessage['stage'], string>> = {
  stored: 'stored',
  sent: 'sent, its exchange has begun',
  received: 'received, its exchange is not finished',
  poisoned: 'set aside: it was found to end connections',
}

/** All of a message, as names and words. */
export function fieldsOf(
  message: StoredMessage,
  now: number,
  cut: Cut,
): readonly (readonly [name: string, value: string])[] {
  const { id, topic, payload, qos, retain, properties, policy, stage, mayBeSent, reason } = message
  const { correlationData, userProperties = [], ...others } = properties
  return [
    ['id', id],
    ['topic', quoted(topic, cut)],
    ['stage', STAGES[stage]],
    ...(reason === undefined ? [] : [['reason', quoted(reason, cut)] as const]),
    ['may be sent', mayBeSent ? 'yes: the server can have it' : 'no: the server does not have it'],
    ['published', `${isoOf(message.publishedAtMs)}, ${ageOf(message, now)} ago`],
    ['expires', expiryOf(message)],
    ['qos', `${qos}${retain ? ', retain' : ''}`],
    ['policy', policyWords(policy)],
    ...Object.entries(others).map(
      ([name, value]) =>
        [name, typeof value === 'string' ? quoted(value, cut) : String(value)] as const,
    ),
    ...(correlationData === undefined
      ? []
      : [['correlationData', shownBytes(correlationData, cut)] as const]),
    ...userProperties.map(
      ([name, value]) => ['userProperty', `${quoted(name, cut)} ${quoted(value, cut)}`] as const,
    ),
    ['size', `${count(message.sizeBytes, 'byte')} with the topic`],
    ['payload', shownBytes(payload, cut)],
  ]
}

function policyWords(policy: StoredMessage['policy']): string {
  const { priority, durable, offline, energy, onSessionLoss, expiresAfterMs, collapseKey } = policy
  return [
    `priority ${priority}`,
    expiresAfterMs === Infinity ? 'for ever' : `for ${expiresAfterMs} ms`,
    `durable ${durable}`,
    `offline ${offline}`,
    `energy ${energy}`,
    ...(onSessionLoss === undefined ? [] : [`session lost: ${onSessionLoss}`]),
    ...(collapseKey === undefined ? [] : [`collapses by ${quoted(String(collapseKey))}`]),
  ].join(', ')
}

/** A moment as ISO 8601; a time that no calendar has, as its number. */
export function isoOf(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString()
}

/** A row of the list for a program: what `list --json` and `show --json` begin with. */
export function jsonOf(message: StoredMessage): object {
  const { id, topic, stage, sizeBytes, qos, retain, expiresInMs, mayBeSent, reason } = message
  return {
    id,
    topic,
    stage,
    sizeBytes,
    qos,
    retain,
    priority: message.policy.priority,
    publishedAt: isoOf(message.publishedAtMs),
    expiresInMs: expiresInMs === Infinity ? 'never' : Math.round(expiresInMs),
    mayBeSent,
    ...(reason !== undefined && { reason }),
  }
}

/** All of a message for a program. */
export function wholeJsonOf(message: StoredMessage): object {
  const { policy } = message
  const { expiresAfterMs } = policy
  return {
    ...jsonOf(message),
    policy: { ...policy, expiresAfterMs: expiresAfterMs === Infinity ? 'never' : expiresAfterMs },
    ...contentOf(message),
  }
}

/**
 * A message as `umqtt pub --json` takes it. What is left of its time is its expiry at the server; what it is worth
 * to us, `pub` is told with `--delivery`.
 */
export function exportOf(message: StoredMessage): object {
  const { topic, qos, retain, publishedAtMs, expiresInMs } = message
  const { messageExpirySeconds: _expiry, ...content } = contentOf(message)
  return {
    time: isoOf(publishedAtMs),
    topic,
    qos,
    retain,
    ...content,
    ...(expiresInMs !== Infinity && { messageExpirySeconds: Math.ceil(expiresInMs / 1_000) }),
  }
}

/** Payload and properties: bytes as text where they are one, else as base64. */
function contentOf({ payload, properties }: StoredMessage): Record<string, unknown> {
  const { correlationData, ...others } = properties
  return {
    ...bytesJson('payload', payload),
    ...others,
    ...(correlationData !== undefined && { correlationDataBase64: base64Of(correlationData) }),
  }
}
