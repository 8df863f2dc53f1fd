// How long a disk takes at the most to make something safe: so many operations, each as slow as the plan says. What
// a crash cuts off in that time was not recorded, and no judge may ask for it.

import type { DiskFaults } from '../faults.ts'

/** Operations of one record, and of what may be under way before it: another batch, segments that are freed, a page. */
const RECORD_STEPS = 48
const RECORD_MS = 100

/** What it takes to record something, such as the id of a message that was handled, or its removal, ms. */
export function recordMs({ slow }: DiskFaults): number {
  return RECORD_MS + RECORD_STEPS * (slow?.delayMs ?? 0)
}
