// Sessions of which no process was told, or not for long enough to record it: a CONNECT that wanted the session
// before was answered with a new one, and the process died. The next one finds a session, and nothing tells it from
// the one before. §3.2.2.1.1

import { PacketType } from '../../codec/packets.ts'
import { deviceOf } from '../names.ts'
import type { Observation } from '../observations.ts'

/** A session that began for a CONNECT which did not ask for a new one. */
interface Young {
  readonly session: number
  /** When its process was told. */
  toldAt: number
}

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
  /** Whose CONNECT the servers have read last; none when it asked for a new session. */
  #connecting: string | undefined

  /** @param recordMs how long a record takes to be safe at the most */
  constructor(recordMs: number) {
    this.#recordMs = recordMs
  }

  observe(seen: Observation, now: number): void {
    switch (seen.kind) {
      case 'packet': {
        const { packet } = seen
        if (packet.type !== PacketType.CONNECT) return
        this.#connecting = packet.cleanStart ? undefined : deviceOf(packet.clientId)
        return
      }
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

  has(session: number): boolean {
    return this.#unheard.has(session)
  }
}
