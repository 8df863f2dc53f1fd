// What a device does beside its plan: habits of real ones that chance alone seldom makes, each a change of
// the plan. They came later than the plans, and are drawn for themselves.

import { fleeting } from '../robust/policies.ts'
import type { CommandPlan, DevicePlan, StreamPlan } from './plan.ts'
import type { Random } from './random.ts'

const HOUR_MS = 3_600_000
/** The most readings of a sensor in a run, so that a run stays short. */
const READINGS_MAX = 300
/** A sensor has one no more often, ms. */
const READING_MS = 5000

type Habit = (random: Random, device: DevicePlan, durationMs: number) => DevicePlan

const HABITS: readonly Habit[] = [sensor, oneTopic, commanded, commanded, hesitant, thrifty]

/** Gives it one or two. */
export function addHabits(random: Random, device: DevicePlan, durationMs: number): DevicePlan {
  const count = random.pick([1, 1, 2])
  let changed = device
  for (let i = 0; i < count; i += 1) {
    changed = random.pick(HABITS)(random.fork(`habit ${i}`), changed, durationMs)
  }
  return changed
}

/** Readings that are worth nothing later, more often than anything else is heard, and nothing beside them. */
function sensor(random: Random, device: DevicePlan, durationMs: number): DevicePlan {
  const everyMs = Math.ceil(Math.max(READING_MS, durationMs / READINGS_MAX))
  const streams = device.streams.slice(0, 1).map((stream): StreamPlan => ({
    ...stream,
    delivery: fleeting(),
    everyMs,
    burst: 1,
    sizeBytes: 40,
    cancelled: 0,
  }))
  return { ...device, keepAliveSeconds: random.pick([60, 300]), connection: 'always', streams }
}

/** Everything goes to one topic, whatever it is worth. */
function oneTopic(random: Random, device: DevicePlan): DevicePlan {
  const [first] = device.streams
  if (first === undefined) return device
  const priorities = [1, 2, 3, 4] as const
  const streams = device.streams.length > 1 ? device.streams : [first, first]
  return {
    ...device,
    streams: streams.map((stream) => ({
      ...stream,
      topic: first.topic,
      delivery:
        stream.delivery.offline === 'drop'
          ? stream.delivery
          : { ...stream.delivery, priority: random.pick(priorities) },
    })),
  }
}

/** Somebody tells it what to do, and it takes its time. */
function commanded(random: Random, device: DevicePlan, durationMs: number): DevicePlan {
  const topic = `${device.clientId}/command`
  const qos = random.pick([1, 1, 2, 2] as const)
  const burst = random.pick([1, 2, 5])
  const commands: CommandPlan = {
    topic,
    qos,
    everyMs: Math.ceil((burst * durationMs) / random.magnitude(10, 150)),
    burst,
  }
  const handler = random.pick(['slow', 'slow', 'slow', 'quick', 'throwing', 'publishing'] as const)
  return {
    ...device,
    commands: [...device.commands, commands],
    subscriptions: [
      ...device.subscriptions.filter(({ filter }) => filter !== topic),
      { filter: topic, qos: random.pick([qos, 2]), handler },
    ],
  }
}

/** Much of what it publishes is given up, also by the process after a restart. */
function hesitant(_random: Random, device: DevicePlan): DevicePlan {
  return {
    ...device,
    cancelsFound: 0.5,
    streams: device.streams.map((stream) => ({ ...stream, cancelled: 0.3 })),
  }
}

/** Attempts cost energy, and it may make few. */
function thrifty(random: Random, device: DevicePlan): DevicePlan {
  const budget = {
    attempts: random.integer(2, 12),
    perMs: random.pick([HOUR_MS / 6, HOUR_MS]),
  }
  return { ...device, reconnect: { ...device.reconnect, budget } }
}
