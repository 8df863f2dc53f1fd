// What is rare in the plans of seeds, and has to happen all the same: rows of the client's tables that the rest
// of a plan seldom or never comes through. Each addition has a stream of chance of its own, and leaves what was
// there as it was.

import { fleeting, guaranteed, latest, within } from '../robust/policies.ts'
import type { Faults } from './faults.ts'
import { type DevicePlan, type Plan, type StreamPlan } from './plan.ts'
import { Random } from './random.ts'
import { planSimple } from './simple-plan.ts'

/** How many plans have each of the additions. */
const CROWDED = 0.06
const RENAMED = 0.04
const CLOSED = 0.04
const REPEATED = 0.04
const EAGER = 0.04
const SHARED = 0.03
const FLICKERING = 0.03
/** Messages of a stream that is added. */
const MESSAGES = 80

/** The plan with what its seed adds to it. */
export function addRare(plan: Plan): Plan {
  const { seed, durationMs } = plan
  const random = new Random(`rare ${seed}`)
  const simple = planSimple(seed, durationMs)
  let more = simple === undefined ? plan : { ...plan, simple }
  if (random.chance(CROWDED)) more = crowd(random.fork('crowded'), more)
  if (random.chance(RENAMED)) more = rename(random.fork('renamed'), more)
  if (random.chance(CLOSED)) {
    more = changeFirst(more, { closesEveryMs: Math.ceil(durationMs / random.integer(1, 5)) })
  }
  if (random.chance(REPEATED)) {
    more = withFaults(more, { server: { misnumber: { probability: 0.4, repeats: true } } })
  }
  if (random.chance(EAGER)) more = hasten(random.fork('eager'), more)
  if (random.chance(SHARED)) more = share(random.fork('shared'), more)
  if (random.chance(FLICKERING)) more = flicker(random.fork('flickering'), more)
  return more
}

/**
 * More than the window takes, of messages that are soon worth nothing: with sessions that are lost and a server
 * that turns messages away, some have their end while they wait to be sent again.
 */
function crowd(random: Random, plan: Plan): Plan {
  const { durationMs } = plan
  const often = { everyMs: Math.ceil(durationMs / 25) }
  const qos = random.pick([1, 2] as const)
  const loss = { onSessionLoss: 'resend' } as const
  const policies = [
    fleeting({ qos, ...loss }),
    within(2000, { qos, ...loss }),
    latest({ qos, ...loss }),
  ]
  const streams = policies.map((delivery, i): StreamPlan => {
    const burst = random.pick([5, 12])
    return {
      topic: `1/crowd-${i}`,
      delivery,
      everyMs: Math.ceil((durationMs * burst) / MESSAGES),
      burst,
      sizeBytes: 40,
      cancelled: 0.4,
    }
  })
  return withFaults(changeFirst(plan, {}, streams), {
    server: {
      refusePublish: { probability: 0.3, reasonCodes: [0x97, 0x97] },
      delay: { probability: 0.8, delayMs: 4000 },
      restartEmpty: { ...often, forMs: 1500 },
      lowLimits: {
        receiveMaximum: 1,
        topicAliasMaximum: 0,
        maximumPacketSizeBytes: 100_000,
        maximumQoS: 2,
      },
    },
  })
}

/** A device that publishes before its slow disk has told what is there, and soon wants it no more. */
function hasten(random: Random, plan: Plan): Plan {
  const { durationMs } = plan
  const everyMs = Math.ceil(durationMs / 20)
  const stream = { everyMs, burst: 3, sizeBytes: 40, cancelled: 0.6 }
  const unsafe = { qos: 1, durable: 'no' } as const
  const change = {
    greets: true,
    outbox: 'disk',
    outboxMessages: random.pick([4, 12, 250_000]),
  } as const
  const streams: readonly StreamPlan[] = [
    { ...stream, topic: '1/eager-0', delivery: within(2000, { qos: 1 }) },
    { ...stream, topic: '1/eager-1', delivery: latest({ qos: 1 }) },
    { ...stream, topic: '1/eager-2', delivery: within(random.pick([2000, 900_000]), unsafe) },
  ]
  return withFaults(changeFirst(plan, change, streams), {
    disk: { slow: { delayMs: random.pick([300, 4000]) } },
    process: { crash: { everyMs: Math.ceil(durationMs / 15), forMs: 1000 } },
  })
}

/**
 * A slow disk that loses its power, and a server that takes one message at a time: what is published, and what is
 * removed meanwhile because it was answered, are made safe by one commit, while more waits than was sent.
 */
function share(random: Random, plan: Plan): Plan {
  const { durationMs } = plan
  const stream = (qos: 1 | 2, burst: number, messages: number): StreamPlan => ({
    topic: `1/shared-${qos}`,
    delivery: guaranteed({ qos }),
    everyMs: Math.ceil((durationMs * burst) / messages),
    burst,
    sizeBytes: 40,
    cancelled: 0,
  })
  const streams = [stream(1, 12, MESSAGES), stream(1, 1, 2 * MESSAGES), stream(2, 1, MESSAGES)]
  return withFaults(changeFirst(plan, { outbox: 'disk' }, streams), {
    server: {
      delay: { probability: 0.8, delayMs: 2000 },
      changingMaximum: { receiveMaximums: [1, 2] },
    },
    disk: { slow: { delayMs: random.pick([300, 1000]) }, loseUnsynced: { probability: 1 } },
    process: { powerLoss: { everyMs: Math.ceil(durationMs / 25), forMs: 2000 } },
  })
}

/**
 * A device whose power goes again and again soon after it has come back, and whose disk is slow: what its outbox says
 * of what was sent has to be safe before anything is sent.
 */
function flicker(random: Random, plan: Plan): Plan {
  const { durationMs } = plan
  const everyMs = Math.ceil((durationMs * 3) / MESSAGES)
  const stream = { everyMs, burst: 3, sizeBytes: 40, cancelled: 0 }
  const streams: readonly StreamPlan[] = [
    { ...stream, topic: '1/flickering-0', delivery: within(20_000, { qos: 1 }) },
    { ...stream, topic: '1/flickering-1', delivery: guaranteed({ qos: 1 }) },
  ]
  return withFaults(changeFirst(plan, { outbox: 'disk' }, streams), {
    disk: { slow: { delayMs: random.pick([1000, 4000]) }, loseUnsynced: { probability: 1 } },
    process: { powerLoss: { everyMs: random.pick([4000, 10_000]), forMs: 1000 } },
  })
}

/** A device that gets a new name now and then: what the old one had in flight the new one cannot finish. */
function rename(random: Random, plan: Plan): Plan {
  const { durationMs } = plan
  const stream: StreamPlan = {
    topic: '1/renamed',
    delivery: guaranteed({
      qos: 2,
      onSessionLoss: random.pick(['resend', 'report', 'report'] as const),
    }),
    everyMs: Math.ceil((durationMs * 5) / MESSAGES),
    burst: 5,
    sizeBytes: 40,
    cancelled: 0,
  }
  return withFaults(changeFirst(plan, { renames: 0.6, outbox: 'disk' }, [stream]), {
    process: { crashAtStep: { steps: 120, forMs: 2000 } },
    server: { delay: { probability: 0.8, delayMs: 2000 } },
  })
}

/** The plan with this of its first device, and more streams of it. */
export function changeFirst(
  plan: Plan,
  change: Partial<DevicePlan>,
  streams: readonly StreamPlan[] = [],
): Plan {
  const devices = plan.devices.map((device, i) =>
    i > 0 ? device : { ...device, ...change, streams: [...device.streams, ...streams] },
  )
  return { ...plan, devices }
}

/** The plan with more faults; what was armed stays as it is. */
export function withFaults(plan: Plan, more: Partial<Faults>): Plan {
  const armed = plan.faults
  return {
    ...plan,
    faults: {
      link: { ...more.link, ...armed.link },
      server: { ...more.server, ...armed.server },
      disk: { ...more.disk, ...armed.disk },
      process: { ...more.process, ...armed.process },
      clock: { ...more.clock, ...armed.clock },
    },
  }
}
