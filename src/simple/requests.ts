// Arguments of the calls, checked; those of publish and subscribe as operations of the engine, measured
// and not yet sent. Whatever is wrong with them throws here, before anything has happened.

import { NO_PROPERTIES, type Properties } from '../codec/packets.ts'
import { parseSharedFilter } from '../codec/topics.ts'
import { utf8Length } from '../codec/utf8.ts'
import { PublishOperation } from '../engine/operations.ts'
import {
  type Check,
  checkBoolean,
  checkKeys,
  checkPublishTopic,
  checkQos,
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
import { LARGEST_PAYLOAD_BYTES, TOPICS_KEPT, TOPIC_BYTES_MAX } from './constants.ts'
import { NEVER_EXPIRES_SECONDS } from './defaults.ts'
import type { FilterRequest } from './subscription.ts'
import {
  disconnectProperties,
  packetProperties,
  subscribeProperties,
  unsubscribeProperties,
} from './properties.ts'
import type {
  ConnectOptions,
  DisconnectOptions,
  Payload,
  PublishOptions,
  SubscribeOptions,
  UnsubscribeOptions,
} from './types.ts'

const PUBLISH_CHECKS = {
  qos: checkQos,
  retain: checkBoolean,
  properties: packetProperties,
  signal: checkSignal,
  transfer: checkBoolean,
} satisfies { readonly [K in keyof Required<PublishOptions>]: unknown }

export const checkConnect: Check<ConnectOptions> = /* @__PURE__ */ fields<ConnectOptions>({
  cleanStart: checkBoolean,
  sessionExpirySeconds: /* @__PURE__ */ integer(0, NEVER_EXPIRES_SECONDS),
  signal: checkSignal,
})

const checkSubscribe = /* @__PURE__ */ fields<
  SubscribeOptions,
  Omit<SubscribeOptions, 'properties'> & Pick<FilterRequest, 'properties'>
>({
  qos: checkQos,
  noLocal: checkBoolean,
  retainAsPublished: checkBoolean,
  retainHandling: checkQos,
  properties: subscribeProperties,
  signal: checkSignal,
})

export const checkUnsubscribe: Check<UnsubscribeOptions> = /* @__PURE__ */ fields({
  properties: unsubscribeProperties,
  signal: checkSignal,
})

type CheckedDisconnect = Omit<DisconnectOptions, 'properties'> & {
  readonly properties?: Properties
}

export const checkDisconnect: Check<DisconnectOptions, CheckedDisconnect> = /* @__PURE__ */ fields<
  DisconnectOptions,
  CheckedDisconnect
>({
  // What a client may say in DISCONNECT. §3.14.2.1
  reasonCode: /* @__PURE__ */ oneOf(
    0,
    4,
    0x80,
    0x81,
    0x82,
    0x83,
    0x90,
    0x93,
    0x94,
    0x95,
    0x96,
    0x97,
    0x99,
  ),
  timeoutMs: checkTimer,
  properties: disconnectProperties,
})

export const checkWait: Check<{ readonly signal?: AbortSignal }> = fields({ signal: checkSignal })

const NO_TOPIC: unique symbol = /* @__PURE__ */ Symbol()

/** Checks and measures what is published; a topic that was used lately need not be checked again. */
export class PublishChecks {
  /** What can be no topic before the first call: an empty one, and none at all, must be refused too. */
  #topic: string | symbol = NO_TOPIC
  #topicBytes = 0
  /** Topics that were checked, and their sizes; made at the second one. */
  #known: Map<string, number> | undefined

  /** The size of a topic that can be published to. @throws {TypeError} for another */
  topicBytes(topic: string): number {
    if (topic !== this.#topic) {
      let sizeBytes = this.#known?.get(topic)
      if (sizeBytes === undefined) {
        sizeBytes = utf8Length(checkPublishTopic('topic', topic))
        if (this.#topic !== NO_TOPIC && sizeBytes <= TOPIC_BYTES_MAX) this.#know(topic, sizeBytes)
      }
      this.#topicBytes = sizeBytes
      this.#topic = topic
    }
    return this.#topicBytes
  }

  #know(topic: string, sizeBytes: number): void {
    if (this.#known === undefined || this.#known.size >= TOPICS_KEPT) this.#known = new Map()
    this.#known.set(topic, sizeBytes)
  }

  /** The size of a payload. @throws {TypeError} @throws {RangeError} for what is none, or too long */
  payloadBytes(payload: Payload): number {
    const sizeBytes = payloadBytes('payload', payload)
    checkSize('payload', sizeBytes, LARGEST_PAYLOAD_BYTES)
    return sizeBytes
  }
}

/** A publish that is measured already. @throws {TypeError} @throws {RangeError} for wrong options */
export function publishOperation(
  topic: string,
  topicBytes: number,
  payload: Payload,
  payloadLength: number,
  options: PublishOptions,
): PublishOperation {
  checkKeys('options', options, PUBLISH_CHECKS)
  const { qos = 0, retain = false, transfer = false, signal, properties } = options
  checkQos('qos', qos)
  checkBoolean('retain', retain)
  checkBoolean('transfer', transfer)
  if (signal !== undefined) checkSignal('signal', signal)
  return new PublishOperation(
    topic,
    topicBytes,
    payload,
    payloadLength,
    qos,
    retain,
    properties === undefined ? NO_PROPERTIES : packetProperties('properties', properties),
  )
}

/** @throws {TypeError} @throws {RangeError} for what cannot be subscribed to */
export function subscriptionRequests(
  filters: readonly string[],
  options: SubscribeOptions,
): FilterRequest[] {
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
