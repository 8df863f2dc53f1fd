// A run as data: how long, which devices and servers, what they do, and which faults are armed. A seed makes
// one; the shrinker and whoever replays a run change it. Rule: nothing of a run is decided elsewhere but the
// moments at which it happens.

import type { DeliveryPolicy } from '../robust/policies.ts'
import { fleeting, guaranteed, latest, within } from '../robust/policies.ts'
import type { ReconnectOptions } from '../robust/schedule.ts'
import { arm } from './arming.ts'
import type { Faults } from './faults.ts'
import { keepFaults } from './faults.ts'
import { Random } from './random.ts'
import type { SimplePlan } from './simple-plan.ts'

/** Habits of real devices and one more fault, what is rare, what is rarer still, or less at a time. */
export type Addition = 'habits' | 'rare' | 'scarce' | 'calm'

/** Messages that a device publishes one after another. */
export interface StreamPlan {
  readonly topic: string
  readonly delivery: DeliveryPolicy
  /** The mean time between two bursts, virtual ms. */
  readonly everyMs: number
  /** How many at once. */
  readonly burst: number
  readonly sizeBytes: number
  /** How many of them are given up a little later, 0 to 1. */
  readonly cancelled: number
}

/** What a device's handler does with a message. */
export type HandlerKind = 'quick' | 'slow' | 'throwing' | 'publishing'

export interface SubscriptionPlan {
  readonly filter: string
  readonly qos: 0 | 1 | 2
  readonly handler: HandlerKind
}

/** Messages that somebody else publishes to a device. */
export interface CommandPlan {
  readonly topic: string
  readonly qos: 0 | 1 | 2
  /** The mean time between two bursts, virtual ms. */
  readonly everyMs: number
  /** How many at once. */
  readonly burst: number
}

/** One device with one client. */
export interface DevicePlan {
  readonly clientId: string
  /** 4: MQTT 3.1.1 alone; 5: it falls back where a server wants that. */
  readonly protocol: 4 | 5
  readonly outbox: 'memory' | 'disk'
  readonly connection: 'always' | 'on-demand'
  readonly keepAliveSeconds: number
  readonly sessionExpirySeconds: number
  readonly adopt: boolean
  readonly reconnect: ReconnectOptions
  /** Messages that may be open; the rest is the client's default. */
  readonly outboxMessages: number
  readonly receiveMaximum: number
  /** Whether outcomes are heard of by an event, or at each receipt. */
  readonly watches: 'events' | 'receipts'
  /** Whether the device gives credentials by a function. */
  readonly credentials: boolean
  readonly streams: readonly StreamPlan[]
  readonly subscriptions: readonly SubscriptionPlan[]
  /** The mean time between two orderly ends of the connection by the application, virtual ms; Infinity: none. */
  readonly disconnectEveryMs: number
  /** The same, of a subscription that it makes or ends while running. */
  readonly resubscribeEveryMs: number
  /** Whether each process publishes at once, before its outbox is read. @default false */
  readonly greets?: boolean
  /** How many of its processes after the first have a new client identifier, 0 to 1. @default 0 */
  readonly renames?: number
  /** The mean time between two ends of its client by `close`, after which a new process begins, virtual ms. @default none */
  readonly closesEveryMs?: number
  readonly commands: readonly CommandPlan[]
  /** How many of the messages that a process finds after a restart it gives up, 0 to 1. */
  readonly cancelsFound: number
}

export interface ServerPlan {
  readonly host: string
  /** Whether it refuses MQTT 5. */
  readonly only311: boolean
}

export interface Plan {
  readonly seed: number
  readonly durationMs: number
  readonly devices: readonly DevicePlan[]
  readonly servers: readonly ServerPlan[]
  /** Whether the servers are one cluster. */
  readonly sharedSessions: boolean
  readonly faults: Faults
  /** A device of `umqtt/simple`, beside the others. */
  readonly simple?: SimplePlan
  /** Whether what dies again and again waits longer each time. @default false */
  readonly watchdog?: boolean
}

/** How a plan is made smaller. */
export interface PlanChange {
  /** Only these faults, as `part.kind`. @default all that are armed */
  readonly faults?: readonly string[]
  /** Only so many devices, 1 and up. @default all */
  readonly devices?: number
  /** The time in which faults fire, virtual ms. @default the plan's */
  readonly durationMs?: number
  /** What is added to the plain plan of a seed: see `additions.ts`. @default all */
  readonly additions?: readonly Addition[]
}

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** The plan of a seed with nothing added; `planOf` in `additions.ts` gives the whole. */
export function plainPlanOf(seed: number): Plan {
  const random = new Random(seed)
  const durationMs = Math.ceil(random.magnitude(10 * MINUTE_MS, 6 * HOUR_MS))
  const servers = Array.from({ length: random.pick([1, 1, 1, 2, 2, 3]) }, (_, i) => ({
    host: `${'abc'[i]}.sim`,
    only311: random.chance(0.06),
  }))
  const count = random.pick([1, 1, 1, 1, 1, 1, 2, 2, 2, 3])
  const messages = Math.ceil(random.magnitude(12, 300))
  const devices = Array.from({ length: count }, (_, i) =>
    planDevice(random.fork(`device ${i}`), i, durationMs, messages / count),
  )
  return {
    seed,
    durationMs,
    devices,
    servers,
    sharedSessions: random.chance(0.85),
    faults: arm(random.fork('faults'), durationMs),
  }
}

/** How many devices it has in all. */
export function deviceCount({ devices, simple }: Plan): number {
  return devices.length + (simple === undefined ? 0 : 1)
}

/** The same run with less in it. */
export function changePlan(plan: Plan, change: PlanChange): Plan {
  const { faults, devices = deviceCount(plan), durationMs = plan.durationMs } = change
  const { simple, ...rest } = plan
  return {
    ...rest,
    // It is the last one.
    ...(simple !== undefined && devices > plan.devices.length && { simple }),
    durationMs,
    devices: plan.devices.slice(0, devices),
    ...(faults !== undefined && { faults: keepFaults(plan.faults, faults) }),
  }
}

function planDevice(
  random: Random,
  index: number,
  durationMs: number,
  messages: number,
): DevicePlan {
  const outbox = random.chance(0.5) ? 'disk' : 'memory'
  const streams = random.integer(1, 4)
  const everyMs = (streams * durationMs) / messages
  const reconnect = planReconnect(random)
  return {
    clientId: `device-${index + 1}`,
    protocol: random.chance(0.75) ? 5 : 4,
    outbox,
    connection: random.chance(0.8) ? 'always' : 'on-demand',
    keepAliveSeconds: random.pick([20, 60, 60, 300]),
    sessionExpirySeconds: random.pick([0, 60, 3600, 259_200, 259_200, 259_200]),
    adopt: random.chance(0.8),
    reconnect,
    outboxMessages: random.chance(0.2) ? random.integer(3, 20) : 250_000,
    receiveMaximum: random.pick([1, 5, 1024, 1024]),
    watches: random.chance(0.7) ? 'events' : 'receipts',
    credentials: random.chance(0.2),
    streams: Array.from({ length: streams }, () =>
      planStream(random, index, everyMs, outbox === 'disk'),
    ),
    subscriptions: Array.from({ length: random.pick([0, 1, 1, 2]) }, () => ({
      filter: random.pick([`${index + 1}/a`, `${index + 1}/#`, '+/b', '#']),
      qos: random.pick([0, 1, 2, 2] as const),
      handler: random.pick(['quick', 'quick', 'slow', 'throwing', 'publishing'] as const),
    })),
    disconnectEveryMs: random.chance(0.15) ? durationMs / random.integer(1, 6) : Infinity,
    resubscribeEveryMs: random.chance(0.15) ? durationMs / random.integer(1, 6) : Infinity,
    commands: [],
    cancelsFound: 0,
  }
}

function planReconnect(random: Random): ReconnectOptions {
  return {
    ...(random.chance(0.2) && { floorMs: 200, capMs: 20_000 }),
    ...(random.chance(0.25) && {
      budget: { attempts: random.integer(2, 60), perMs: random.pick([60_000, HOUR_MS]) },
    }),
    ...(random.chance(0.1) && { whenRefused: 'stop' as const }),
  }
}

function planStream(
  random: Random,
  index: number,
  everyMs: number,
  isDurable: boolean,
): StreamPlan {
  const burst = random.pick([1, 1, 1, 3, 12])
  return {
    topic: `${index + 1}/${random.pick(['a', 'b', 'c', 'd'])}`,
    delivery: planDelivery(random, isDurable),
    everyMs: Math.ceil(everyMs * burst),
    burst,
    sizeBytes: random.pick([8, 40, 40, 300, 3000]),
    cancelled: random.chance(0.2) ? 0.2 : 0,
  }
}

function planDelivery(random: Random, isDurable: boolean): DeliveryPolicy {
  const qos = random.pick([1, 1, 2] as const)
  const loss = random.chance(0.3)
    ? { onSessionLoss: random.pick(['resend', 'report'] as const) }
    : {}
  const kind = random.pick([
    'fleeting',
    'latest',
    'within',
    'until',
    'until',
    'guaranteed',
  ] as const)
  switch (kind) {
    case 'fleeting':
      return fleeting()
    case 'latest':
      return latest({ qos, ...loss })
    case 'within':
      return within(random.pick([2000, 15_000, 120_000, 900_000]), { qos, ...loss })
    case 'until':
      return {
        qos,
        expiresAfterMs: Infinity,
        offline: 'wait',
        durable: 'if-available',
        priority: random.pick([1, 2, 3] as const),
        energy: random.pick(['normal', 'normal', 'urgent', 'frugal'] as const),
        ...loss,
      }
    case 'guaranteed':
      return isDurable
        ? guaranteed({ qos, ...loss, ...(random.chance(0.3) && { expiresAfterMs: 7_200_000 }) })
        : { ...guaranteed({ qos, ...loss }), durable: 'no' }
  }
}
