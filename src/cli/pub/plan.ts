// What a person asked `umqtt pub` for, read before anything is opened: what is sent, and what it is worth.
// Knows no client.

import { readFileSync, statSync } from 'node:fs'
import {
  type DeliveryPolicy,
  fleeting,
  guaranteed,
  latest,
  type QoS,
  UNTIL_DELIVERED,
  within,
} from '../../robust.node.ts'
import { readDuration } from '../duration.ts'
import { shown, UsageError } from '../usage-error.ts'

/** What is sent. */
export type Source =
  | { readonly kind: 'payload'; readonly payload: Uint8Array | string; readonly times: number }
  /** All of standard input as one message. */
  | { readonly kind: 'input'; readonly times: number }
  | { readonly kind: 'lines'; readonly json: boolean }

/** The options that say it. */
export interface SourceValues {
  readonly message: string | undefined
  readonly file: string | undefined
  readonly nullMessage: true | undefined
  readonly stdinFile: true | undefined
  readonly stdinLine: true | undefined
  readonly json: true | undefined
  readonly repeat: number | undefined
}

/** @throws {UsageError} none of them, or several, or a file that cannot be read */
export function readSource(values: SourceValues): Source {
  const { message, file, nullMessage, stdinFile, stdinLine, json, repeat: times = 1 } = values
  const given = [
    message !== undefined && '-m',
    file !== undefined && '-f',
    nullMessage && '-n',
    stdinFile && '-s',
    (stdinLine ?? json) && '-l',
  ].filter((name) => name !== false && name !== undefined)
  if (given.length > 1) throw new UsageError(`Cannot use ${given.join(' with ')}: leave one`)
  if (given.length === 0) {
    throw new UsageError('What shall be sent? Write -m TEXT, -f FILE, -n, -s or -l')
  }
  if (values.repeat !== undefined && given[0] === '-l') {
    throw new UsageError('Cannot use --repeat with -l: lines are sent once')
  }
  if (message !== undefined) return { kind: 'payload', payload: message, times }
  if (file !== undefined) return { kind: 'payload', payload: fileOf(file), times }
  if (nullMessage) return { kind: 'payload', payload: '', times }
  if (stdinFile) return { kind: 'input', times }
  return { kind: 'lines', json: json === true }
}

/** The most that a packet holds, bytes. §2.1.4 */
export const MESSAGE_BYTES_MAX = 268_435_455

function fileOf(path: string): Uint8Array {
  let sizeBytes = 0
  try {
    ;({ size: sizeBytes } = statSync(path))
    // It is not read into memory to be refused.
    if (sizeBytes <= MESSAGE_BYTES_MAX) return readFileSync(path)
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new UsageError(`Cannot read -f ${shown(path)}${why}: name a file that can be read`)
  }
  throw new UsageError(
    `Cannot send -f ${shown(path)}: it has ${sizeBytes} bytes, and a message of MQTT is smaller than ${MESSAGE_BYTES_MAX}; send it in parts`,
  )
}

/** The options that say what a message is worth. */
export interface WorthValues {
  readonly delivery: string | undefined
  /** Milliseconds. */
  readonly within: number | undefined
  readonly qos: '0' | '1' | '2' | undefined
  readonly outbox: string | undefined
}

/** What a message is worth. */
export interface Worth {
  readonly policy: DeliveryPolicy
  /** Whether it is sent on a connection alone that there is. */
  readonly needsConnection: boolean
}

/** @throws {UsageError} they contradict each other */
export function readWorth(values: WorthValues): Worth {
  const { delivery, outbox } = values
  const [name = '', time] = (delivery ?? '').split(/=(.*)/s)
  const given = values.qos === undefined ? undefined : (Number(values.qos) as QoS)
  const expiry = readExpiry(values, time)
  const inOutbox = outbox !== undefined
  if (inOutbox && given === 0) {
    throw new UsageError('Cannot keep QoS 0 in --outbox: nothing acknowledges it; use -q 1 or -q 2')
  }
  if (inOutbox && (name === 'fleeting' || name === 'latest')) {
    throw new UsageError(
      `Cannot keep --delivery ${name} in --outbox: use within=15s or guaranteed, or no outbox`,
    )
  }
  // As mosquitto_pub: 0 unless something is promised.
  const qos = given ?? (inOutbox || delivery !== undefined || values.within !== undefined ? 1 : 0)
  if (name === 'guaranteed' && !inOutbox) {
    throw new UsageError('--delivery guaranteed needs --outbox DIR: a promise is kept on disk')
  }
  const needsConnection = name === 'fleeting' || name === 'latest'
  if (needsConnection && expiry !== undefined) {
    throw new UsageError(`Cannot use --within with --delivery ${name}: use within=15s`)
  }
  if (name === 'fleeting') return { policy: fleeting({ qos: given ?? 0 }), needsConnection }
  if (name === 'latest') return { policy: latest({ qos }), needsConnection }
  if (inOutbox && name !== 'within') {
    return {
      policy: guaranteed({ qos, ...(expiry !== undefined && { expiresAfter: expiry }) }),
      needsConnection,
    }
  }
  if (expiry !== undefined) return { policy: within(expiry, { qos }), needsConnection }
  return { policy: { ...UNTIL_DELIVERED, qos }, needsConnection }
}

/** Milliseconds; undefined: none. */
function readExpiry(
  { delivery, within: given }: WorthValues,
  time: string | undefined,
): number | undefined {
  if (delivery === undefined) return given
  const [name = ''] = delivery.split('=')
  if (!['fleeting', 'latest', 'within', 'guaranteed'].includes(name)) {
    throw new UsageError(
      `Cannot use --delivery ${shown(delivery)}: write fleeting, latest, within=15s or guaranteed`,
    )
  }
  if (name !== 'within') {
    if (time === undefined) return given
    throw new UsageError(
      `Cannot use --delivery ${shown(delivery)}: write ${name}, and --within TIME`,
    )
  }
  if (time === undefined) throw new UsageError('--delivery within needs a time: write within=15s')
  if (given !== undefined)
    throw new UsageError('Cannot use --within with --delivery within: leave one')
  return readDuration(time, '--delivery within')
}
