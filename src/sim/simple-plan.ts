// The plan of a device that has `umqtt/simple` alone: what its script does, and how often. Some seeds have one
// beside their other devices, from a stream of chance of its own.

import { Random } from './random.ts'

export interface SimplePlan {
  readonly clientId: string
  readonly protocol: 4 | 5
  readonly keepAliveSeconds: number
  readonly sessionExpirySeconds: number
  /** How many connections begin a new session, 0 to 1. */
  readonly clean: number
  /** How many connections are made by a new client, which knows nothing of the one before, 0 to 1. */
  readonly anew: number
  /** The mean wait before it connects again, virtual ms. */
  readonly againMs: number
  readonly topic: string
  /** The QoS of its messages: one of these each time. */
  readonly qos: readonly (0 | 1 | 2)[]
  /** The mean time between two bursts, virtual ms. */
  readonly everyMs: number
  readonly burst: number
  readonly sizeBytes: number
  /** How many messages are given up a little later, 0 to 1. */
  readonly aborted: number
  /** Whether it hears its own messages. */
  readonly subscribes: boolean
  /** The mean time between two orderly ends of its connection, virtual ms; Infinity: none. */
  readonly disconnectEveryMs: number
}

/** How many seeds have one. */
const PART = 0.12
const MESSAGES = 150

/** The plan for a run of this length, where its seed has one. */
export function planSimple(seed: number, durationMs: number): SimplePlan | undefined {
  const random = new Random(`simple ${seed}`)
  if (!random.chance(PART)) return undefined
  const burst = random.pick([1, 3, 12])
  return {
    clientId: 'simple-1',
    protocol: random.chance(0.7) ? 5 : 4,
    keepAliveSeconds: random.pick([20, 60]),
    sessionExpirySeconds: random.pick([60, 259_200, 259_200]),
    clean: random.pick([0, 0, 0.2, 1]),
    anew: random.pick([0, 0.3, 0.8]),
    againMs: Math.ceil(random.magnitude(200, 60_000)),
    topic: 'simple/a',
    qos: random.pick([[0, 1, 2], [2], [1, 2], [0, 0, 2]] as const),
    everyMs: Math.ceil((durationMs * burst) / MESSAGES),
    burst,
    sizeBytes: random.pick([8, 40, 900]),
    aborted: random.pick([0, 0.2, 0.6]),
    subscribes: random.chance(0.5),
    disconnectEveryMs: random.chance(0.3) ? durationMs / random.integer(2, 10) : Infinity,
  }
}
