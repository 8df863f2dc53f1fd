// What is open: how many messages without an outcome, how large, and what they may spend; and what is to
// go before one more has a place. It knows no places and no time: the courier counts each message in and out.

import { QueueFullError } from '../errors.ts'
import type { Entry } from './entry.ts'

/** Bounds on what is open. */
export interface TallyLimits {
  /** Messages without an outcome, and their topics and payloads in bytes. */
  readonly outboxMessages: number
  readonly outboxBytes: number
}

export class Tally {
  readonly #limits: TallyLimits
  messages = 0
  bytes = 0
  readonly #byEnergy = { none: 0, ride: 0, normal: 0, urgent: 0, frugal: 0 }

  constructor(limits: TallyLimits) {
    this.#limits = limits
  }

  /** Whether something is worth an attempt before its time. */
  get urgent(): boolean {
    return this.#byEnergy.urgent > 0
  }

  /** Whether something is worth a connection of its own. */
  get wantsConnection(): boolean {
    const { normal, urgent, frugal } = this.#byEnergy
    return normal + urgent + frugal > 0
  }

  /** Messages above the limit; not above it when negative. */
  #messagesAbove(): number {
    return this.messages - this.#limits.outboxMessages
  }

  #bytesAbove(): number {
    return this.bytes - this.#limits.outboxBytes
  }

  /** How many messages and bytes have to go beside this one; undefined when it is within the limits then. */
  aboveWithout(entry: Entry | undefined): { messages: number; bytes: number } | undefined {
    const messages = this.#messagesAbove() - (entry === undefined ? 0 : 1)
    const bytes = this.#bytesAbove() - (entry?.sizeBytes ?? 0)
    return messages > 0 || bytes > 0 ? { messages, bytes } : undefined
  }

  /** Whether one more of this size is within the limits. */
  fits(sizeBytes: number): boolean {
    return this.#messagesAbove() < 0 && this.#bytesAbove() + sizeBytes <= 0
  }

  get isFull(): boolean {
    return this.#messagesAbove() > 0 || this.#bytesAbove() > 0
  }

  count(entry: Entry, sign: 1 | -1): void {
    this.messages += sign
    this.bytes += sign * entry.sizeBytes
    this.#byEnergy[entry.policy.energy] += sign
  }

  /** Why a message has no place. */
  fullError(entry: Entry): QueueFullError {
    const limit = this.#messagesAbove() > 0 ? 'outboxMessages' : 'outboxBytes'
    const limitValue = this.#limits[limit]
    const text = `Cannot publish to "${entry.topic}": limits.${limit} of ${limitValue} is reached`
    return new QueueFullError(text, { limit, limitValue })
  }
}
