// Every default of `umqtt/simple` in one place; docs/defaults.md has the reason for each number.
// Numbers alone: what they bound is said at the option, and tests compare them with that page.

import type { Limits, Timeouts } from './types.ts'

export const DEFAULT_KEEP_ALIVE_SECONDS = 60
/** A session that is meant to outlive its connection is kept for a day. */
export const DEFAULT_SESSION_EXPIRY_SECONDS = 86_400
/** "Does not expire" in MQTT 5.0, and what Clean Session 0 means in 3.1.1. §3.1.2.11.2 */
export const NEVER_EXPIRES_SECONDS = 4_294_967_295

export const DEFAULT_LIMITS: Required<Limits> = Object.freeze({
  receiveMaximum: 1024,
  maximumPacketSizeBytes: 16_777_216,
  topicAliasMaximum: 32,
  outboundTopicAliases: 32,
  waitingMessages: 250_000,
  waitingBytes: 67_108_864,
  inboxBytes: 1_048_576,
  inboxHardBytes: 8_388_608,
} as const satisfies Required<Limits>)

export const DEFAULT_TIMEOUTS: Required<Timeouts> = Object.freeze({
  connectMs: 30_000,
  acknowledgementMs: 20_000,
  pingMs: 10_000,
  writeMs: 20_000,
  operationMs: 60_000,
  closeMs: 2_000,
  handlerTimeoutMs: 30_000,
} as const satisfies Required<Timeouts>)
