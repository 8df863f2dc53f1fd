// The safety rules of the simulator, over a scenario: each device has judges of its own, so that devices may
// come while it goes on. What is promised after a healing is not judged, nor what an application's own
// handlers and its own `delay` do.

import type { Faults } from '../faults.ts'
import type { Observation } from '../observations.ts'
import { makeOracles } from '../oracles/all.ts'
import type { Oracle } from '../oracles/oracle.ts'
import type { DevicePlan, Plan } from '../plan.ts'

/** The rules that hold whatever an application does. */
const SAFETY: readonly string[] = ['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8']
/** The slowest disk whose removals are told from what a crash brings back, ms. */
const SLOWEST_DISK_MS = 5000

/** What the rules need to know of a device. */
export interface JudgedDevice {
  readonly clientId: string
  readonly isDurable: boolean
  readonly outboxMessages: number
}

export class Judges implements Oracle {
  readonly name = 'rules'
  readonly #judges = new Map<string, readonly Oracle[]>()
  /** Devices whose disk has failed: what it has of a topic comes late, after the next start. */
  readonly #failed = new Set<string>()

  add(device: JudgedDevice): void {
    const judges = makeOracles(planOf(device)).filter(({ name }) => SAFETY.includes(name))
    this.#judges.set(device.clientId, judges)
  }

  observe(seen: Observation, now: number): string | undefined {
    if (seen.kind === 'fault' && seen.fault === 'disk.fail') this.#failed.add(seen.target)
    const device = deviceOf(seen)
    const judges =
      device === undefined ? [...this.#judges.values()].flat() : (this.#judges.get(device) ?? [])
    let broken: string | undefined
    for (const judge of judges) {
      const text = judge.observe(seen, now)
      const isExcused = judge.name === 'S4' && device !== undefined && this.#failed.has(device)
      if (text !== undefined && !isExcused) broken ??= `${judge.name}: ${text}`
    }
    return broken
  }
}

/** The device that something is about; undefined: all of them. */
function deviceOf(seen: Observation): string | undefined {
  if ('device' in seen) return seen.device
  if ('message' in seen) return seen.message.device
  if ('connection' in seen) return seen.connection.clientId
  if ('snapshot' in seen) return seen.snapshot.device
  if ('delivery' in seen) return seen.delivery.device
  return undefined
}

function planOf({ clientId, isDurable, outboxMessages }: JudgedDevice): Plan {
  const device: DevicePlan = {
    clientId,
    protocol: 5,
    outbox: isDurable ? 'disk' : 'memory',
    connection: 'always',
    keepAliveSeconds: 60,
    sessionExpirySeconds: 0,
    adopt: true,
    reconnect: {},
    outboxMessages,
    receiveMaximum: 1024,
    watches: 'receipts',
    credentials: false,
    streams: [],
    subscriptions: [],
    disconnectEveryMs: Infinity,
    resubscribeEveryMs: Infinity,
    commands: [],
    cancelsFound: 0,
  }
  const faults: Faults = {
    link: {},
    server: {},
    disk: { slow: { delayMs: SLOWEST_DISK_MS } },
    process: {},
    clock: {},
  }
  return { seed: 0, durationMs: 0, devices: [device], servers: [], sharedSessions: true, faults }
}
