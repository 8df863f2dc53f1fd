// How long a message is worth something, as its device can know it: by the monotonic clock while its process lives,
// by the wall clock over the end of one. Rule: the outbox dates a message when it writes it, so a wall clock that is
// set before that is the one that counts. It knows no client and no run.

import type { SentMessage } from './observations.ts'

/** Both clocks of a device at one moment, ms. */
export interface DeviceClocks {
  readonly now: number
  readonly epoch: number
}

/** What a message has left in a later process: a wall clock that was set back makes nothing younger than new. */
function leftMs({ policy, publishedEpoch }: SentMessage, epoch: number): number {
  const { expiresAfterMs } = policy
  if (expiresAfterMs === 0) return Infinity
  return expiresAfterMs - Math.max(0, epoch - publishedEpoch)
}

/** Where the wall clock of a process stood at its lowest, against the monotonic one. */
export class LowestClock {
  #lead = Infinity

  note({ now, epoch }: DeviceClocks): void {
    this.#lead = Math.min(this.#lead, epoch - now)
  }

  /**
   * When a message that was found in the outbox is worth nothing any more, by the monotonic clock, at the latest: its
   * time counts from when its record was read, which nobody sees from outside, and the clock may have been set since.
   */
  deadlineOf(message: SentMessage, clocks: DeviceClocks): number {
    this.note(clocks)
    return clocks.now + Math.max(0, leftMs(message, clocks.now + this.#lead))
  }
}

/**
 * The wall clock was set: what its outbox is still to write is dated by it, as old as it is by the monotonic one.
 * Nobody sees from outside whether it was written a moment before, so the later date holds.
 */
export function redate(message: SentMessage, { now, epoch }: DeviceClocks): void {
  const { deadline, policy, stored } = message
  if (stored !== undefined || deadline === Infinity) return
  const publishedAt = deadline - policy.expiresAfterMs
  message.publishedEpoch = Math.max(message.publishedEpoch, epoch - (now - publishedAt))
}
