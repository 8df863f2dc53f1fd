// Arguments of publish and subscribe as operations of the engine: checked, measured, not yet sent.
// Whatever is wrong with them throws here, before anything has happened.

import { NO_PROPERTIES, type QoS, type SubscriptionRequest } from '../codec/packets.ts'
import { parseSharedFilter } from '../codec/topics.ts'
import { utf8Length } from '../codec/utf8.ts'
import { PublishOperation } from '../engine/operations.ts'
import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkKeys,
  checkPublishTopic,
  checkSignal,
  checkSubscribeFilter,
  LONGEST_TIMER_MS,
  payloadBytes,
  quote,
} from './checks.ts'
import { packetProperties } from './properties.ts'
import type { DisconnectOptions, Payload, PublishOptions, SubscribeOptions } from './types.ts'

const PUBLISH_KEYS: readonly (keyof PublishOptions)[] = [
  'qos',
  'retain',
  'properties',
  'signal',
  'transfer',
]
const SUBSCRIBE_KEYS: readonly (keyof SubscribeOptions)[] = [
  'qos',
  'noLocal',
  'retainAsPublished',
  'retainHandling',
  'signal',
]
/** What a client may say in DISCONNECT. §3.14.2.1 */
const DISCONNECT_REASONS: readonly number[] = [
  0, 4, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x99,
]
/** The largest payload that any packet can carry beside a header. §2.1.4 */
const LARGEST_PAYLOAD_BYTES = 268_435_455 - 65_537

/** Makes publish operations; the topic of the call before need not be checked again. */
export class PublishChecks {
  /** Undefined before the first call: an empty topic must be refused too. */
  #topic: string | undefined = undefined
  #topicBytes = 0

  /** @throws {TypeError} @throws {RangeError} for whatever cannot be published */
  operation(
    topic: string,
    payload: Payload,
    options: PublishOptions | undefined,
  ): PublishOperation {
    if (topic !== this.#topic) {
      this.#topicBytes = utf8Length(checkPublishTopic(topic))
      this.#topic = topic
    }
    const sizeBytes = payloadBytes(payload)
    if (sizeBytes > LARGEST_PAYLOAD_BYTES) {
      throw new RangeError(
        `Cannot publish ${sizeBytes} bytes: the limit of MQTT is ${LARGEST_PAYLOAD_BYTES}`,
      )
    }
    if (options === undefined) {
      return new PublishOperation(topic, this.#topicBytes, payload, sizeBytes, 0, false)
    }
    if (typeof options !== 'object' || options === null) {
      checkKeys('options', options, PUBLISH_KEYS)
    }
    checkPublishKeys(options)
    const { qos = 0, retain = false, transfer = false, signal, properties } = options
    if (qos !== 0 && qos !== 1 && qos !== 2) checkChoice('qos', qos, [0, 1, 2])
    checkBoolean('retain', retain)
    checkBoolean('transfer', transfer)
    checkSignal(signal)
    return new PublishOperation(
      topic,
      this.#topicBytes,
      payload,
      sizeBytes,
      qos,
      retain,
      properties === undefined ? NO_PROPERTIES : packetProperties(properties),
    )
  }
}

/** As `checkKeys`, for the call that is made most often: an object of the known shape costs little. */
function checkPublishKeys(options: PublishOptions): void {
  for (const key in options) {
    switch (key) {
      case 'qos':
      case 'retain':
      case 'properties':
      case 'signal':
      case 'transfer':
        break
      default:
        checkKeys('options', options, PUBLISH_KEYS)
    }
  }
}

/** @throws {TypeError} @throws {RangeError} for what cannot be subscribed to */
export function subscriptionRequests(
  filters: readonly string[],
  options: SubscribeOptions,
): SubscriptionRequest[] {
  checkKeys('options', options, SUBSCRIBE_KEYS)
  checkSignal(options.signal)
  const qos = checkChoice<QoS>('qos', options.qos ?? 0, [0, 1, 2])
  const noLocal = checkBoolean('noLocal', options.noLocal ?? false)
  const retainAsPublished = checkBoolean('retainAsPublished', options.retainAsPublished ?? false)
  const retainHandling = checkChoice<QoS>('retainHandling', options.retainHandling ?? 0, [0, 1, 2])
  return filters.map((filter) => {
    if (noLocal && parseSharedFilter(filter) !== undefined) {
      throw new TypeError(`Cannot use noLocal with the shared filter "${filter}" [MQTT-3.8.3-4]`)
    }
    return { filter, qos, noLocal, retainAsPublished, retainHandling }
  })
}

/** One filter or several, each checked. */
export function filterList(filter: string | readonly string[]): readonly string[] {
  const filters = typeof filter === 'string' ? [filter] : filter
  if (!Array.isArray(filters) || filters.length === 0) {
    throw new TypeError(
      `Cannot use filters ${quote(filter)}: give a filter, or a list of at least one`,
    )
  }
  return filters.map(checkSubscribeFilter)
}

/** @throws {TypeError} @throws {RangeError} for options that cannot be meant */
export function disconnectRequest(
  options: DisconnectOptions,
  closeMs: number,
): { readonly reasonCode: number; readonly timeoutMs: number } {
  checkKeys('options', options, ['reasonCode', 'timeoutMs'])
  return {
    reasonCode: checkChoice('reasonCode', options.reasonCode ?? 0, DISCONNECT_REASONS),
    timeoutMs: checkInteger('timeoutMs', options.timeoutMs ?? closeMs, 1, LONGEST_TIMER_MS),
  }
}
