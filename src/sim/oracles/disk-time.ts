// How long a disk takes at the most to make something safe: so many operations, each as slow as the plan says. What
// a crash cuts off in that time was not recorded, and no judge may ask for it.

import type { DiskFaults } from '../faults.ts'

/** Operations of one record, and of what may be under way before it: another batch, and segments that are freed. */
const RECORD_STEPS = 16
/** And of a page of the outbox that is read before it, over ten segments: each is opened, read and closed. */
const PAGE_STEPS = 3 * 10
const RECORD_MS = 100

/** What it takes to record something, such as the id of a message that was handled, or its removal, ms. */
export function recordMs({ slow }: DiskFaults): number {
  return RECORD_MS + (RECORD_STEPS + PAGE_STEPS) * (slow?.delayMs ?? 0)
}
