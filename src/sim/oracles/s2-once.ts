// S2: at QoS 2 a message reaches the other side once: within one session, and across its loss unless the policy is
// to send again, or the process that heard of the loss died before it can have recorded it, or none heard of it
// because CONNACK was lost: the client finds the new session, and nothing tells it from the old. To a device: its
// handler is called once, but for a crash before its id can have been recorded; the session of `umqtt/simple` is its
// client's. At QoS 1 it may come again, but not while its handler still has it.

import { PacketType } from '../../codec/packets.ts'
import { deviceOf } from '../names.ts'
import type { Delivery, Observation, SentMessage } from '../observations.ts'
import type { Plan } from '../plan.ts'
import { recordMs } from './disk-time.ts'
import { FailedDisks } from './failed-disks.ts'
import type { Oracle } from './oracle.ts'

/** A process was told that the server has no session of its own. */
interface Loss {
  readonly life: number
  readonly at: number
  /** Whether what was stored after it is known to be safe, and with it that the session was lost. */
  isRecorded: boolean
}

export class OnceOracle implements Oracle {
  readonly name = 'S2'
  readonly hears: readonly Observation['kind'][] = [
    'fault',
    'warning',
    'taken',
    'packet',
    'session',
    'boot',
    'crash',
    'connected',
    'stored',
    'handled',
  ]
  readonly #durable: ReadonlyMap<string, boolean>
  readonly #failed = new FailedDisks()
  /** When a process ended, by device and process. */
  readonly #ends = new Map<string, number>()
  readonly #lives = new Map<string, number>()
  readonly #losses = new Map<string, Loss[]>()
  /** Who has asked last, unless for a new session, and what was made for one that had not, with its device. */
  #resuming: string | undefined
  readonly #unasked = new Map<number, { readonly device: string; readonly at: number }>()
  readonly #isSteady: boolean
  readonly #recordMs: number

  constructor({ devices, faults }: Plan) {
    // Where time stands still now and then, or the disk has no room, nobody knows how long it takes.
    this.#isSteady = faults.process.sleep === undefined && faults.disk.full === undefined
    this.#durable = new Map(
      devices.map(({ clientId, outbox }) => [clientId, outbox === 'disk' && this.#isSteady]),
    )
    this.#recordMs = recordMs(faults.disk)
  }

  observe(seen: Observation, now: number): string | undefined {
    this.#failed.observe(seen)
    switch (seen.kind) {
      case 'taken': {
        const { message, take } = seen
        if (this.#failed.has(message.device)) return undefined
        const { takes, policy, number } = message
        if (policy.qos !== 2 || takes.length < 2) return undefined
        const again = takes.filter(({ session }) => session === take.session)
        if (again.length > 1) return `#${number} was taken twice in s${take.session}`
        if (policy.onSessionLoss === 'resend' || !this.#isLossKnown(message)) return undefined
        return `#${number} was taken in s${takes[0]?.session} and s${take.session}, and not to be sent again`
      }
      case 'packet':
        if (seen.packet.type === PacketType.CONNECT) {
          const device = deviceOf(seen.connection.clientId)
          this.#resuming = seen.packet.cleanStart ? undefined : device
        }
        return undefined
      case 'session':
        if (seen.gone === undefined && this.#resuming !== undefined)
          this.#unasked.set(seen.session, { device: this.#resuming, at: now })
        return undefined
      case 'boot':
        this.#lives.set(seen.device, seen.life)
        return undefined
      case 'crash':
        this.#ends.set(`${seen.device} ${this.#lives.get(seen.device)}`, now)
        return undefined
      case 'connected': {
        const { device, sessionPresent } = seen
        if (sessionPresent) return undefined
        const losses = this.#losses.get(device) ?? []
        losses.push({ life: this.#lives.get(device) ?? 0, at: now, isRecorded: false })
        this.#losses.set(device, losses)
        return undefined
      }
      case 'stored': {
        const { device, life, publishedAt, stored } = seen.message
        if (stored !== 'disk') return undefined
        for (const loss of this.#losses.get(device) ?? [])
          if (loss.life === life && loss.at < publishedAt) loss.isRecorded = true
        return undefined
      }
      case 'handled':
        return this.#judge(seen.delivery)
      default:
        return undefined
    }
  }

  #judge(delivery: Delivery): string | undefined {
    const { qos, handled, serial, device } = delivery
    const now = handled.at(-1)
    if (now === undefined) return undefined
    const { life, handler } = now
    const isBusy = handled.some(
      (one) =>
        one !== now && one.life === life && one.handler === handler && one.doneAt === undefined,
    )
    if (isBusy) return `>${serial} was handled by ${device} while its handler still had it`
    if (qos !== 2) return undefined
    const times = handled.filter((one) => one.life === life && one.handler === handler).length
    if (times > 1) return `>${serial} was handled twice by process ${life} of ${device}`
    if (this.#failed.has(device) || this.#durable.get(device) !== true) return undefined
    const before = handled.find((one) => one.life !== life && this.#isRecorded(delivery, one.life))
    if (before === undefined) return undefined
    return `>${serial} was handled by process ${before.life} of ${device}, and again by ${life}`
  }

  /**
   * Whether the process that has sent a message in another session must know that the first one was lost: where
   * nobody but processes that have died was told, one of them had the time to record it.
   */
  #isLossKnown({ device, takes }: SentMessage): boolean {
    const [earlier, last] = takes.slice(-2)
    const told = (this.#losses.get(device) ?? []).filter(
      ({ at }) => at >= (earlier?.at ?? 0) && at <= (last?.at ?? 0),
    )
    const isKnown = ({ life, at, isRecorded }: Loss): boolean => {
      if (isRecorded || life === this.#lives.get(device)) return true
      const end = this.#ends.get(`${device} ${life}`) ?? 0
      return this.#isSteady && at + this.#recordMs < end
    }
    // Nobody was told; who had asked for a new session knew it all the same.
    if (told.length === 0) return !this.#unasked.has(last?.session ?? 0)
    // Of the session that came next nobody may have heard: it was taken for the first, which has turned the message away.
    const [next, later] = [...this.#unasked.values()].filter(
      (one) => one.device === device && one.at > (earlier?.at ?? 0),
    )
    if (next && later && !told.some(({ at }) => at >= next.at && at < later.at)) return false
    return told.some(isKnown)
  }

  /** Whether a process had the time to record what its handlers were done with. */
  #isRecorded({ handled, device }: Delivery, life: number): boolean {
    const end = this.#ends.get(`${device} ${life}`) ?? 0
    return handled
      .filter((one) => one.life === life)
      .every(({ doneAt = Infinity }) => doneAt + this.#recordMs < end)
  }
}
