// S8: outcomes are true. Delivered is what a server took; what ended before it was ever sent, or was turned away
// each time, none took; what was sent afresh may be there twice; what was sent once at the most, and may have
// arrived, is called so. What `cancel()` says is true as well. Whether an earlier process has sent a message is not
// known where its disk has failed, or was too slow to be waited for.

import { SLOW_STORE_MS } from '../../robust/constants.ts'
import type { OutcomeStatus } from '../../robust/entry.ts'
import type { Outcome } from '../../robust/types.ts'
import type { Observation, SentMessage } from '../observations.ts'
import type { Plan } from '../plan.ts'
import { recordMs } from './disk-time.ts'
import { FailedDisks } from './failed-disks.ts'
import type { Oracle } from './oracle.ts'
import { Sleeps } from './sleeps.ts'

/** Outcomes of messages that no server ever had; of one that is rejected, its outcome says whether it may. */
const NEVER_TAKEN: readonly OutcomeStatus[] = [
  'expired',
  'cancelled',
  'superseded',
  'dropped',
  'evicted',
  'refused',
]

/** Whether an outcome says that no server has the message. */
export function saysAbsent({
  status,
  possiblyDuplicated,
}: Pick<Outcome, 'status' | 'possiblyDuplicated'>): boolean {
  return NEVER_TAKEN.includes(status) || (status === 'rejected' && !possiblyDuplicated)
}

/** How long a record is waited for before what it is about is sent all the same: by a clock that runs ahead, ms. */
const RECORD_WAIT_MS = 0.9 * SLOW_STORE_MS

/** A message that was given up and is being removed. */
interface Leaving {
  readonly message: SentMessage
  readonly at: number
  /** How long its device had slept until then, ms. */
  readonly sleptMs: number
}

export class TruthOracle implements Oracle {
  readonly name = 'S8'
  readonly hears: readonly Observation['kind'][] = [
    'fault',
    'warning',
    'boot',
    'settled',
    'given up',
    'crash',
    'taken',
    'connected',
  ]
  readonly #failed = new FailedDisks()
  /** When each device was told of its connection. */
  readonly #connectedAt = new Map<string, number>()
  /** The first process that sent a message later after that than a slow disk is waited for. */
  readonly #late = new Map<SentMessage, number>()
  /** The process of each device. */
  readonly #lives = new Map<string, number>()
  /** Messages that were given up, and are still being removed: the outcome is told at once. */
  readonly #leaving = new Map<string, Leaving[]>()
  readonly #sleeps = new Sleeps()
  /** Of those, the ones that a crash has brought back. */
  readonly #back = new Set<SentMessage>()
  /** Messages of which `cancel()` said that no server has them. */
  readonly #absent = new Set<SentMessage>()
  readonly #recordMs: number

  constructor({ faults }: Plan) {
    this.#recordMs = recordMs(faults.disk)
  }

  observe(seen: Observation, now: number): string | undefined {
    this.#failed.observe(seen)
    this.#sleeps.observe(seen)
    if (seen.kind === 'boot') this.#lives.set(seen.device, seen.life)
    if (seen.kind === 'connected') this.#connectedAt.set(seen.device, now)
    if (seen.kind === 'settled') {
      const { message, outcome } = seen
      const { takes, number, policy } = message
      const { status } = outcome
      if (status === 'delivered' && takes.length === 0) {
        return `#${number} is called delivered, and no server has it`
      }
      if (saysAbsent(outcome) && takes.length > 0 && this.#isKnown(message)) {
        return `#${number} is called ${status}, and a server has it`
      }
      const isSentAfresh = takes.some(({ dup }, i) => i > 0 && !dup)
      const saysOnce = status === 'delivered' && !outcome.possiblyDuplicated
      if (saysOnce && isSentAfresh && this.#isKnown(message)) {
        return `#${number} was taken twice as new, and is called delivered once`
      }
      if (this.#absent.has(message) && !NEVER_TAKEN.includes(status)) {
        return `#${number} was given up as never taken, and is called ${status}`
      }
      if (saysAbsent(outcome)) this.#leave(message, now)
      if (status === 'sent' && policy.qos > 0)
        return `#${number} at QoS ${policy.qos} is called sent`
      return undefined
    }
    if (seen.kind === 'given up' && seen.absent) {
      const { message } = seen
      const { takes, outcome, number } = message
      this.#absent.add(message)
      if (takes.length > 0 && this.#isKnown(message)) {
        return `#${number} was given up as never taken, and a server has it`
      }
      if (outcome !== undefined && !NEVER_TAKEN.includes(outcome.status)) {
        return `#${number} was given up as never taken, and is called ${outcome.status}`
      }
    }
    if (seen.kind === 'crash') {
      for (const leaving of this.#leaving.get(seen.device) ?? []) {
        if (this.#isLeaving(leaving, now)) this.#back.add(leaving.message)
      }
      this.#leaving.delete(seen.device)
    }
    if (seen.kind === 'taken') {
      const { message } = seen
      const { device, outcome, number } = message
      const elapsedMs = now - (this.#connectedAt.get(device) ?? now)
      const isLate = Math.min(elapsedMs, this.#recordMs) >= RECORD_WAIT_MS
      if (isLate && !this.#late.has(message)) {
        this.#late.set(message, this.#lives.get(device) ?? message.life)
      }
      if (this.#failed.has(device) || this.#back.has(message)) return undefined
      if (outcome !== undefined && saysAbsent(outcome)) {
        return `#${number} was called ${outcome.status}, and a server took it later`
      }
    }
    return undefined
  }

  /** Whether it can be known that a message was sent: by this process, or by the record of an earlier one. */
  #isKnown(message: SentMessage): boolean {
    const { device, life } = message
    const current = this.#lives.get(device) ?? life
    const isWaitedFor = (this.#late.get(message) ?? current) === current
    return (isWaitedFor && !this.#failed.has(device)) || life === current
  }

  #leave(message: SentMessage, at: number): void {
    const { device } = message
    const leaving = this.#leaving.get(device) ?? []
    this.#leaving.set(device, [
      ...leaving.filter((one) => this.#isLeaving(one, at)),
      { message, at, sleptMs: this.#sleeps.msOf(device) },
    ])
  }

  /** Whether its device has not been awake for long enough to remove it. */
  #isLeaving({ message, at, sleptMs }: Leaving, now: number): boolean {
    const asleepMs = this.#sleeps.msOf(message.device) - sleptMs
    return now - at - asleepMs <= this.#recordMs
  }
}
