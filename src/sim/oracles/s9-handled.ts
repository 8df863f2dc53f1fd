// S9: a message to a device is acknowledged only when its handler is done with it. What a handler that throws
// was given counts as handled. At QoS 2 one that was sent again may be taken for the message of a session before, whose
// packet id it has: in a session that no process was told of.

import type { Observation } from '../observations.ts'
import type { Plan } from '../plan.ts'
import { recordMs } from './disk-time.ts'
import type { Oracle } from './oracle.ts'
import { UnheardSessions } from './unheard-sessions.ts'

export class HandledOracle implements Oracle {
  readonly name = 'S9'
  readonly hears: readonly Observation['kind'][] = [
    'deaf',
    'acknowledged',
    ...UnheardSessions.hears,
  ]
  /** Devices whose handlers stay: a message that none wants any more is acknowledged unhandled. */
  readonly #subscribed: Set<string>
  readonly #unheard: UnheardSessions

  constructor({ devices, faults }: Plan) {
    const isSteady = faults.server.refuseSubscribe === undefined
    const steady = devices.filter((device) => isSteady && device.resubscribeEveryMs === Infinity)
    this.#subscribed = new Set(steady.map(({ clientId }) => clientId))
    this.#unheard = new UnheardSessions(recordMs(faults.disk))
  }

  observe(seen: Observation, now: number): string | undefined {
    this.#unheard.observe(seen, now)
    // The application was told that it has no subscription: what an older one brings has no handler.
    if (seen.kind === 'deaf') this.#subscribed.delete(seen.device)
    if (seen.kind !== 'acknowledged') return undefined
    const { delivery } = seen
    if (delivery.handled.some(({ doneAt }) => doneAt !== undefined)) return undefined
    if (!this.#subscribed.has(delivery.device)) return undefined
    if (this.#unheard.mayMistake(delivery)) return undefined
    const early = delivery.handled.length === 0 ? 'before it was handled' : 'while it was handled'
    return `>${delivery.serial} of ${delivery.device} was acknowledged ${early}`
  }
}
