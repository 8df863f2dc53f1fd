// How fast the simulator is with one client that publishes a message a second and nothing that goes wrong:
// the figure by which simulators of devices are compared.

import { NO_FAULTS } from '../src/sim/faults.ts'
import { type Plan } from '../src/sim/plan.ts'
import { planOf } from '../src/sim/additions.ts'
import { runOnePlan } from './run.ts'

const HOUR_MS = 3_600_000
/** Warm first; then the best of some. */
const ROUNDS = 4
const HOURS = 6

/** One client, one server, QoS 1, no faults. */
export function speedPlan(hours: number): Plan {
  const plan = planOf(1, [])
  return {
    ...plan,
    durationMs: hours * HOUR_MS,
    servers: [{ host: 'a.sim', only311: false }],
    faults: NO_FAULTS,
    devices: [
      {
        clientId: 'device-1',
        protocol: 5,
        outbox: 'memory',
        connection: 'always',
        keepAliveSeconds: 60,
        sessionExpirySeconds: 259_200,
        adopt: true,
        reconnect: {},
        outboxMessages: 250_000,
        receiveMaximum: 1024,
        watches: 'events',
        credentials: false,
        streams: [
          {
            topic: '1/a',
            delivery: {
              qos: 1,
              expiresAfterMs: Infinity,
              offline: 'wait',
              durable: 'if-available',
              priority: 2,
              energy: 'normal',
            },
            everyMs: 1000,
            burst: 1,
            sizeBytes: 40,
            cancelled: 0,
          },
        ],
        subscriptions: [],
        disconnectEveryMs: Infinity,
        resubscribeEveryMs: Infinity,
        commands: [],
        cancelsFound: 0,
      },
    ],
  }
}

/** Measures in this process. @returns whether every oracle was content */
export async function measureSpeed(): Promise<boolean> {
  let best = 0
  for (let round = 1; round <= ROUNDS; round += 1) {
    const before = process.cpuUsage()
    const { simulatedMs, messages, violations } = await runOnePlan(speedPlan(HOURS))
    const { user, system } = process.cpuUsage(before)
    const cpuMs = (user + system) / 1000
    const times = simulatedMs / cpuMs
    best = Math.max(best, times)
    console.log(
      `${(simulatedMs / HOUR_MS).toFixed(1)} hours, ${messages} messages: ${(cpuMs / 1000).toFixed(2)} s of one core, ${Math.round(times).toLocaleString('en-US')} times faster than real time`,
    )
    for (const { oracle, text } of violations) console.error(`${oracle}: ${text}`)
    if (violations.length > 0) return false
  }
  console.log(`best: ${Math.round(best).toLocaleString('en-US')} times`)
  return true
}
