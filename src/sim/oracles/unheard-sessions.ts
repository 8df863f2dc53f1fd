// Sessions of which no process was told, or not for long enough to record it: a CONNECT that wanted the session
// before was answered with a new one, and the connection ended, or the process died. The next connection finds a
// session, and nothing tells it from the one before, nor what comes as DUP in it from what came before. §3.2.2.1.1

import { type Packet, PacketType } from '../../codec/packets.ts'
import { deviceOf } from '../names.ts'
import type { Delivery, Observation } from '../observations.ts'
import { deliveryOf } from '../payload.ts'

/** A session that began for a CONNECT which did not ask for a new one. */
interface Young {
  readonly session: number
  /** When its process was told. */
  toldAt: number
}

/** As much of a payload as has the number of its delivery. */
const DIGITS_MAX = 20

export class UnheardSessions {
  static readonly hears: readonly Observation['kind'][] = [
    'packet',
    'session',
    'connected',
    'crash',
  ]
  readonly #recordMs: number
  readonly #young = new Map<string, Young>()
  readonly #unheard = new Set<number>()
  /** Messages to devices that were sent again. */
  readonly #again = new Set<number>()
  /** Whose CONNECT the servers have read last; none when it asked for a new session. */
  #connecting: string | undefined

  /** @param recordMs how long a record takes to be safe at the most */
  constructor(recordMs: number) {
    this.#recordMs = recordMs
  }

  observe(seen: Observation, now: number): void {
    switch (seen.kind) {
      case 'packet':
        return this.#note(seen.packet)
      case 'session': {
        const { session, gone } = seen
        if (gone !== undefined || this.#connecting === undefined) return
        this.#young.set(this.#connecting, { session, toldAt: Infinity })
        return
      }
      case 'connected': {
        const young = this.#young.get(seen.device)
        if (young !== undefined && !seen.sessionPresent) young.toldAt = now
        return
      }
      case 'crash': {
        const young = this.#young.get(seen.device)
        if (young === undefined) return
        this.#young.delete(seen.device)
        if (now - young.toldAt <= this.#recordMs) this.#unheard.add(young.session)
        return
      }
      default:
    }
  }

  /** Whether a message may be taken for another of the session before: its first copy may not have come. */
  mayMistake({ qos, session, serial }: Delivery): boolean {
    return qos === 2 && this.#unheard.has(session) && this.#again.has(serial)
  }

  #note(packet: Packet): void {
    if (packet.type === PacketType.PUBLISH && packet.dup) {
      this.#again.add(deliveryOf(String.fromCharCode(...packet.payload.subarray(0, DIGITS_MAX))))
    }
    if (packet.type !== PacketType.CONNECT) return
    const device = deviceOf(packet.clientId)
    // It tries again, and has not heard of the session that its last attempt has made.
    const young = this.#young.get(device)
    if (young?.toldAt === Infinity) this.#unheard.add(young.session)
    this.#connecting = packet.cleanStart ? undefined : device
  }
}
