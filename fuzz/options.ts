// The client of a run: options from a seed, some of them tight, so that limits are reached.

import type { ClientOptions } from '../src/simple/types.ts'
import type { Random } from './random.ts'

/** Limits of time that the fuzzer has to know, ms. */
export interface RunTimeouts {
  readonly connectMs: number
  readonly operationMs: number
  readonly closeMs: number
  readonly writeMs: number
}

/** Options, and what of them is checked. */
export interface RunOptions {
  readonly client: ClientOptions
  readonly timeouts: RunTimeouts
}

export function runOptions(random: Random): RunOptions {
  const tight = random.chance(0.3)
  const timeouts = {
    connectMs: tight ? random.integer(1, 5_000) : 30_000,
    acknowledgementMs: tight ? random.integer(1, 5_000) : 20_000,
    pingMs: tight ? random.integer(1, 5_000) : 10_000,
    writeMs: tight ? random.integer(1, 5_000) : 20_000,
    operationMs: tight ? random.integer(1, 10_000) : 60_000,
    closeMs: tight ? random.integer(1, 2_000) : 2_000,
    handlerTimeoutMs: random.integer(1, 30_000),
  }
  const limits = {
    receiveMaximum: random.integer(1, 10),
    topicAliasMaximum: random.integer(0, 4),
    outboundTopicAliases: random.integer(0, 4),
    ...(random.chance(0.3) && { inboxBytes: random.integer(1, 2_000) }),
    ...(random.chance(0.3) && { waitingMessages: random.integer(0, 20) }),
    ...(random.chance(0.2) && { waitingBytes: random.integer(0, 5_000) }),
  }
  const protocol = random.pick([undefined, 4, 5] as const)
  return {
    timeouts,
    client: {
      ...(protocol !== undefined && { protocol }),
      keepAliveSeconds: random.pick([0, 1, 5, 60]),
      timeouts,
      limits,
      onHandlerError: random.pick(['acknowledge', 'reject']),
      ...(random.chance(0.3) && { will: { topic: 'will', payload: 'gone', qos: 1 } }),
    },
  }
}
