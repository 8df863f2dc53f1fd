// S11: a fleeting message goes out on the connection that was there when it was published, or never: it does
// not outlive it, unless it was on its way already.

import { PacketType } from '../../codec/packets.ts'
import type { Observation } from '../observations.ts'
import type { Oracle } from './oracle.ts'

export class FleetingOracle implements Oracle {
  readonly name = 'S11'
  readonly hears: readonly Observation['kind'][] = ['packet', 'taken']
  /** When each connection had its CONNACK sent. */
  readonly #connectedAt = new Map<number, number>()

  observe(seen: Observation, now: number): string | undefined {
    if (seen.kind === 'packet' && seen.packet.type === PacketType.CONNACK) {
      this.#connectedAt.set(seen.connection.serial, now)
    }
    if (seen.kind !== 'taken') return undefined
    const { message, take } = seen
    const { offline, onSessionLoss } = message.policy
    if (offline !== 'drop') return undefined
    // What had been sent is finished in its session, or sent again where the policy wants that.
    if (take.dup || onSessionLoss === 'resend') return undefined
    const connectedAt = this.#connectedAt.get(take.connection) ?? Infinity
    if (connectedAt <= message.publishedAt) return undefined
    return `#${message.number} is fleeting, and went out on a connection that was made after it`
  }
}
