// Arguments of the calls, checked; those of publish and subscribe as operations of the engine, measured
// and not yet sent. Whatever is wrong with them throws here, before anything has happened.

import { NO_PROPERTIES, type SubscriptionRequest } from '../codec/packets.ts'
import { parseSharedFilter } from '../codec/topics.ts'
import { utf8Length } from '../codec/utf8.ts'
import { PublishOperation } from '../engine/operations.ts'
import {
  type Check,
  checkBoolean,
  checkKeys,
  checkPublishTopic,
  checkSignal,
  checkSize,
  checkSubscribeFilter,
  checkTimer,
  fields,
  integer,
  oneOf,
  payloadBytes,
  refuse,
} from './checks.ts'
import { NEVER_EXPIRES_SECONDS } from './defaults.ts'
import { packetProperties } from './properties.ts'
import type {
  ConnectOptions,
  DisconnectOptions,
  Payload,
  PublishOptions,
  QoS,
  SubscribeOptions,
} from './types.ts'

const checkQos = oneOf<QoS>(0, 1, 2)

const PUBLISH_CHECKS = {
  qos: checkQos,
  retain: checkBoolean,
  properties: packetProperties,
  signal: checkSignal,
  transfer: checkBoolean,
} satisfies { readonly [K in keyof Required<PublishOptions>]: unknown }

export const checkConnect: Check<ConnectOptions> = fields<ConnectOptions>({
  cleanStart: checkBoolean,
  sessionExpirySeconds: integer(0, NEVER_EXPIRES_SECONDS),
  signal: checkSignal,
})

const checkSubscribe = fields<SubscribeOptions>({
  qos: checkQos,
  noLocal: checkBoolean,
  retainAsPublished: checkBoolean,
  retainHandling: checkQos,
  signal: checkSignal,
})

export const checkDisconnect: Check<DisconnectOptions> = fields<DisconnectOptions>({
  // What a client may say in DISCONNECT. §3.14.2.1
  reasonCode: oneOf(0, 4, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x99),
  timeoutMs: checkTimer,
})

export const checkWait: Check<{ readonly signal?: AbortSignal }> = fields({ signal: checkSignal })

/** The largest payload that any packet can carry beside a header. §2.1.4 */
const LARGEST_PAYLOAD_BYTES = 268_435_455 - 65_537

/** Makes publish operations; the topic of the call before need not be checked again. */
export class PublishChecks {
  /** Undefined before the first call: an empty topic must be refused too. */
  #topic: string | undefined = undefined
  #topicBytes = 0

  /** The size of a topic that can be published to. @throws {TypeError} for another */
  topicBytes(topic: string): number {
    if (topic !== this.#topic) {
      this.#topicBytes = utf8Length(checkPublishTopic('topic', topic))
      this.#topic = topic
    }
    return this.#topicBytes
  }

  /** The size of a payload. @throws {TypeError} @throws {RangeError} for what is none, or too long */
  payloadBytes(payload: Payload): number {
    const sizeBytes = payloadBytes('payload', payload)
    checkSize('payload', sizeBytes, LARGEST_PAYLOAD_BYTES)
    return sizeBytes
  }

  /** @throws {TypeError} @throws {RangeError} for whatever cannot be published */
  operation(
    topic: string,
    payload: Payload,
    options: PublishOptions | undefined,
  ): PublishOperation {
    const topicBytes = this.topicBytes(topic)
    const sizeBytes = this.payloadBytes(payload)
    if (options === undefined) {
      return new PublishOperation(topic, topicBytes, payload, sizeBytes, 0, false)
    }
    checkPublishKeys(options)
    const { qos = 0, retain = false, transfer = false, signal, properties } = options
    if (qos !== 0 && qos !== 1 && qos !== 2) checkQos('qos', qos)
    if (typeof retain !== 'boolean') checkBoolean('retain', retain)
    if (typeof transfer !== 'boolean') checkBoolean('transfer', transfer)
    if (signal !== undefined) checkSignal('signal', signal)
    return new PublishOperation(
      topic,
      topicBytes,
      payload,
      sizeBytes,
      qos,
      retain,
      properties === undefined ? NO_PROPERTIES : packetProperties('properties', properties),
    )
  }
}

/** As `checkKeys`, for the call that is made most often: an object of the known shape costs little. */
function checkPublishKeys(options: PublishOptions): void {
  let known = typeof options === 'object' && options !== null
  for (const key in options) known &&= Object.hasOwn(PUBLISH_CHECKS, key)
  if (!known) checkKeys('options', options, PUBLISH_CHECKS)
}

/** @throws {TypeError} @throws {RangeError} for what cannot be subscribed to */
export function subscriptionRequests(
  filters: readonly string[],
  options: SubscribeOptions,
): SubscriptionRequest[] {
  const { signal: _signal, ...given } = checkSubscribe('options', options)
  return filters.map((filter) => {
    if (given.noLocal && parseSharedFilter(filter) !== undefined) {
      throw new TypeError(`Cannot use noLocal with the shared filter "${filter}" [MQTT-3.8.3-4]`)
    }
    return { qos: 0, ...given, filter }
  })
}

/** One filter or several, each checked. */
export function filterList(filter: string | readonly string[]): readonly string[] {
  const filters = typeof filter === 'string' ? [filter] : filter
  if (!Array.isArray(filters) || filters.length === 0) {
    refuse('filters', filter, 'give a filter, or a list of at least one')
  }
  return filters.map((each: string) => checkSubscribeFilter('filter', each))
}
