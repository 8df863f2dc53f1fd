// S10: delivered is told for the last acknowledgement alone: no message is called so before a server has sent
// its PUBACK or PUBCOMP, at QoS 2 not for PUBREC.

import { PacketType } from '../../codec/packets.ts'
import type { Observation } from '../observations.ts'
import { numberIn } from '../payload.ts'
import type { Oracle } from './oracle.ts'

const { PUBLISH, PUBACK, PUBCOMP } = PacketType

export class AnsweredOracle implements Oracle {
  readonly name = 'S10'
  readonly hears: readonly Observation['kind'][] = ['packet', 'settled']
  /** The message that a packet id stands for, by session. */
  readonly #carried = new Map<number, Map<number, number>>()
  /** Messages whose last acknowledgement a server has sent. */
  readonly #answered = new Set<number>()

  observe(seen: Observation): string | undefined {
    if (seen.kind === 'packet') this.#note(seen)
    if (seen.kind !== 'settled' || seen.outcome.status !== 'delivered') return undefined
    const { number } = seen.message
    if (this.#answered.has(number)) return undefined
    return `#${number} is called delivered, and no server has sent its last acknowledgement`
  }

  #note({ packet, from, connection }: Extract<Observation, { kind: 'packet' }>): void {
    const { session } = connection
    if (from === 'client') {
      if (packet.type !== PUBLISH || packet.qos === 0) return
      const carried = this.#carried.get(session) ?? new Map<number, number>()
      carried.set(packet.packetId, numberIn(packet.payload))
      this.#carried.set(session, carried)
    } else if (packet.type === PUBACK || packet.type === PUBCOMP) {
      const number = this.#carried.get(session)?.get(packet.packetId)
      if (number !== undefined) this.#answered.add(number)
    }
  }
}
