// What is rarer still in the plans of seeds: a moment in which a promise hangs on one record of the outbox, while a
// device moves, a server forgets, or more comes than there is room for. It came when bugs of that kind were planted
// again and no run met them any more, and has a stream of chance of its own.

import { guaranteed } from '../robust/policies.ts'
import type { Plan, StreamPlan } from './plan.ts'
import { Random } from './random.ts'
import { changeFirst, withFaults } from './rare.ts'

/** How many plans have each of the additions. */
const WANDERING = 0.03
const FORGETFUL = 0.03
const OVERFULL = 0.03
/** Messages of a stream that is added. */
const MESSAGES = 80

/** The plan with what its seed adds to it. */
export function addScarce(plan: Plan): Plan {
  const random = new Random(`scarce ${plan.seed}`)
  let more = plan
  if (random.chance(WANDERING)) more = wander(random.fork('wandering'), more)
  if (random.chance(FORGETFUL)) more = forget(random.fork('forgetful'), more)
  if (random.chance(OVERFULL)) more = overfill(random.fork('overfull'), more)
  return more
}

/** Messages at QoS 2 in bursts, each of which means something else to a lost session. */
function exchanges(durationMs: number, burst: number, topic: string): readonly StreamPlan[] {
  const everyMs = Math.ceil((durationMs * burst) / MESSAGES)
  return (['report', 'resend'] as const).map((onSessionLoss, i) => ({
    everyMs,
    burst,
    sizeBytes: 40,
    cancelled: 0,
    topic: `${topic}-${i}`,
    delivery: guaranteed({ qos: 2, onSessionLoss }),
  }))
}

/**
 * Servers that share no sessions, and a device that goes from one to the other and back, and dies in between: each of
 * them still has the session that it had, and what is in flight now was sent to another.
 */
function wander(random: Random, plan: Plan): Plan {
  const { durationMs, servers } = plan
  const streams = exchanges(durationMs, 3, '1/wandering')
  const often = { everyMs: Math.ceil(durationMs / 25) }
  const change = { outbox: 'disk', connection: 'always', sessionExpirySeconds: 259_200 } as const
  return {
    ...withFaults(changeFirst(plan, change, streams), {
      server: {
        delay: { probability: 0.8, delayMs: random.pick([2000, 10_000]) },
        restart: { ...often, forMs: 20_000 },
      },
      process: { crash: { ...often, forMs: 1000 } },
    }),
    servers: servers.length > 1 ? servers : [...servers, { host: 'b.sim', only311: false }],
    sharedSessions: false,
  }
}

/** A slow disk, and a server that has lost its session before it is recorded under which packet id a message goes out. */
function forget(random: Random, plan: Plan): Plan {
  const { durationMs } = plan
  const streams = exchanges(durationMs, 5, '1/forgotten')
  const change = { outbox: 'disk', reconnect: { floorMs: 200, capMs: 2000 } } as const
  return withFaults(changeFirst(plan, change, streams), {
    server: { restartEmpty: { everyMs: Math.ceil(durationMs / 80), forMs: 300 } },
    disk: { slow: { delayMs: random.pick([1000, 4000]) } },
  })
}

/**
 * A device that dies with its outbox full, and publishes as much again before its slow disk has told what is there,
 * while its server takes one message at a time.
 */
function overfill(random: Random, plan: Plan): Plan {
  const { durationMs } = plan
  const burst = random.pick([4, 12])
  const stream = { everyMs: Math.ceil(durationMs / 20), burst, sizeBytes: 40, cancelled: 0 }
  const streams: readonly StreamPlan[] = [
    { ...stream, topic: '1/overfull-0', delivery: guaranteed({ qos: 1 }) },
    { ...stream, topic: '1/overfull-1', delivery: guaranteed({ qos: 2 }) },
  ]
  const change = { greets: true, outbox: 'disk', outboxMessages: burst } as const
  return withFaults(changeFirst(plan, change, streams), {
    server: {
      delay: { probability: 1, delayMs: 30_000 },
      changingMaximum: { receiveMaximums: [1] },
    },
    disk: { slow: { delayMs: random.pick([1000, 4000]) } },
    process: { crash: { everyMs: Math.ceil(durationMs / 40), forMs: 1000 } },
  })
}
