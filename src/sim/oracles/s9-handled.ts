// S9: a message to a device is acknowledged only when its handler is done with it. What a handler that throws
// was given counts as handled.

import type { Observation } from '../observations.ts'
import type { Plan } from '../plan.ts'
import type { Oracle } from './oracle.ts'

export class HandledOracle implements Oracle {
  readonly name = 'S9'
  /** Devices whose handlers stay: a message that none wants any more is acknowledged unhandled. */
  readonly #subscribed: ReadonlySet<string>

  constructor({ devices, faults }: Plan) {
    const isSteady = faults.server.refuseSubscribe === undefined
    const steady = devices.filter((device) => isSteady && device.resubscribeEveryMs === Infinity)
    this.#subscribed = new Set(steady.map(({ clientId }) => clientId))
  }

  observe(seen: Observation): string | undefined {
    if (seen.kind !== 'acknowledged') return undefined
    const { delivery } = seen
    const { handled, serial, device } = delivery
    if (handled.length === 0) {
      if (!this.#subscribed.has(device)) return undefined
      return `>${serial} of ${device} was acknowledged before it was handled`
    }
    if (handled.some(({ done }) => done)) return undefined
    return `>${serial} of ${device} was acknowledged while its handler was at work`
  }
}
