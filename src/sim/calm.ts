// Less at a time: what dies again and again waits longer each time, and about half of the runs are quiet. In those
// few faults meet a client that has little to do: connections are idle for long, messages come alone, waits grow
// to their end and begin anew. It came later than the rest of a plan, and has a stream of chance of its own.

import type { Faults } from './faults.ts'
import type { DevicePlan, Plan } from './plan.ts'
import { Random } from './random.ts'

/** How many plans are quiet. */
const QUIET = 0.5
/** The most that a device publishes at once. */
const BURST_MAX = 3

/** The plan with a watchdog, and where its seed says so with less of everything. */
export function addCalm(plan: Plan): Plan {
  const random = new Random(`calm ${plan.seed}`)
  const watched: Plan = { ...plan, watchdog: true }
  return random.chance(QUIET) ? quieten(random, watched) : watched
}

function quieten(random: Random, plan: Plan): Plan {
  const { durationMs, devices, faults, simple } = plan
  // How much less often than it would it does anything.
  const factor = random.magnitude(2, 12)
  return {
    ...plan,
    devices: devices.map((device) => slow(device, random.pick([60, 300, 300, 1200]), factor)),
    faults: thin(random.fork('faults'), faults, durationMs),
    ...(simple !== undefined && {
      simple: {
        ...simple,
        keepAliveSeconds: random.pick([60, 300]),
        everyMs: Math.ceil(simple.everyMs * factor),
        burst: Math.min(simple.burst, BURST_MAX),
      },
    }),
  }
}

function slow(device: DevicePlan, keepAliveSeconds: number, factor: number): DevicePlan {
  const seldom = <T extends { readonly everyMs: number; readonly burst: number }>(one: T): T => ({
    ...one,
    // With smaller bursts it would be less by far.
    everyMs: Math.ceil((one.everyMs * factor * Math.min(one.burst, BURST_MAX)) / one.burst),
    burst: Math.min(one.burst, BURST_MAX),
  })
  return {
    ...device,
    keepAliveSeconds,
    streams: device.streams.map(seldom),
    commands: device.commands.map(seldom),
  }
}

/** The same kinds, each a few times in a run. */
function thin(random: Random, faults: Faults, durationMs: number): Faults {
  const seldom = ([kind, fault]: [string, object]): [string, object] => {
    const everyMs = Math.ceil(random.fork(kind).magnitude(durationMs / 6, durationMs / 2))
    if ('everyMs' in fault)
      return [kind, { ...fault, everyMs: Math.max(fault.everyMs as number, everyMs) }]
    if ('steps' in fault) return [kind, { ...fault, steps: 10 * (fault.steps as number) }]
    if ('packets' in fault) return [kind, { ...fault, packets: 5 * (fault.packets as number) }]
    return [kind, fault]
  }
  const parts = Object.entries(faults).map(([part, armed]) => [
    part,
    Object.fromEntries(Object.entries(armed as Record<string, object>).map(seldom)),
  ])
  return Object.fromEntries(parts) as Faults
}
