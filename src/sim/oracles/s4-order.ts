// S4: one topic keeps the order of publishing, over priorities and QoS. What the server turned away for a
// while comes later and does not count, nor does what the policy replaces by something newer, nor what was still on
// its way on a connection before the present one: a server that knows its client by another name does not end that.

import type { Observation, SentMessage } from '../observations.ts'
import type { Plan } from '../plan.ts'
import { FailedDisks } from './failed-disks.ts'
import type { Oracle } from './oracle.ts'

export class OrderOracle implements Oracle {
  readonly name = 'S4'
  readonly hears: readonly Observation['kind'][] = ['fault', 'warning', 'boot', 'taken']
  readonly #failed = new FailedDisks()
  /** The process of each device. */
  readonly #lives = new Map<string, number>()
  /** Devices whose client identifier changes: a server does not end the connection of the one before. */
  readonly #renamed: ReadonlySet<string>
  /** The last connection of each device on which something was taken. */
  readonly #connections = new Map<string, number>()
  /** The newest that was taken, by device and topic. */
  readonly #newest = new Map<string, SentMessage>()

  constructor({ devices }: Plan) {
    const renamed = devices.filter(({ renames }) => renames !== undefined)
    this.#renamed = new Set(renamed.map(({ clientId }) => clientId))
  }

  observe(seen: Observation): string | undefined {
    this.#failed.observe(seen)
    if (seen.kind === 'boot') this.#lives.set(seen.device, seen.life)
    if (seen.kind !== 'taken' || this.#failed.has(seen.message.device)) return undefined
    const { message, take } = seen
    const last = this.#connections.get(message.device) ?? 0
    if (take.connection < last && this.#renamed.has(message.device)) return undefined
    this.#connections.set(message.device, take.connection)
    // A second time is no matter of order.
    if (message.takes.length > 1 || message.turnedAway) return undefined
    const life = this.#lives.get(message.device) ?? 0
    // Nor is what had its end in an earlier process, and came back: whether that may be is asked by S8.
    if (message.outcome !== undefined && message.settledIn !== life) return undefined
    // Of what no process was told that it is stored nobody sees the end in one between its own and this.
    if (message.stored !== 'disk' && life > message.life + 1) return undefined
    const key = `${message.device} ${message.topic}`
    const newest = this.#newest.get(key)
    if (newest === undefined || newest.number < message.number) {
      this.#newest.set(key, message)
      return undefined
    }
    return `#${message.number} came after #${newest.number} of the same topic "${message.topic}"`
  }
}
