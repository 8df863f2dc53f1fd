// Runs that once found something: each stays as it is, so that it is found again if it comes back. One that a
// change of the simulator makes go another way is replaced by a seed that finds the same with the old code.
// `plain` are those that are older than what is added to plans now.

import type { PlanChange } from '../../src/sim/plan.ts'

/** One run, and what it was that it found. */
export interface Regression {
  /** What must not happen, in a few words. */
  readonly name: string
  readonly seed: number
  /** @default the plan as the seed makes it */
  readonly change?: PlanChange
}

const PLAIN: PlanChange = { additions: [] }
const RARE: PlanChange = { additions: ['rare'] }
/** What there was before runs were calm. */
const BUSY: PlanChange = { additions: ['habits', 'rare'] }
/** What there was before some plans had what is scarce. */
const BEFORE_SCARCE: PlanChange = { additions: ['habits', 'rare', 'calm'] }

export const REGRESSIONS: readonly Regression[] = [
  {
    name: 'a message overtaking one of its topic whose PUBCOMP was withheld',
    seed: 5,
    change: PLAIN,
  },
  { name: 'the same behind packet ids that are cleared after a restart', seed: 189, change: PLAIN },
  { name: 'a cancelled message sent after a loss of power', seed: 216, change: PLAIN },
  { name: 'a message cancelled before the outbox was open, and sent', seed: 1438, change: PLAIN },
  {
    name: 'a message that waits for ever for a session that was given up for another',
    seed: 29,
    change: PLAIN,
  },
  { name: 'the same with messages on disk', seed: 2087, change: PLAIN },
  {
    name: 'a header without its payload, of a message whose session was lost',
    seed: 3797,
    change: PLAIN,
  },
  { name: 'a message called superseded that may have arrived', seed: 4562, change: PLAIN },
  { name: 'a packet id that another message still had at the server', seed: 1587, change: PLAIN },
  {
    name: 'a cleared packet id that did not wait for one that was being recorded',
    seed: 440,
    change: { ...PLAIN, durationMs: 1_200_000 },
  },
  { name: 'a deadline that stood still while the outbox was opened', seed: 2225, change: PLAIN },
  {
    name: 'a message called refused that had been sent before the limits were lower',
    seed: 303,
    change: RARE,
  },
  { name: 'a message of a lost session that a crash made a new one', seed: 453, change: RARE },
  {
    name: 'a session at another server, taken up after a restart though it was given up',
    seed: 10_843,
    change: BUSY,
  },
  {
    name: 'a message that was given up and finished, and came back after a crash',
    seed: 1587,
    change: { ...RARE, durationMs: 1_200_000 },
  },
  {
    name: 'twice as many messages as an outbox may have, while it was read',
    seed: 500_785,
    change: BUSY,
  },
  { name: 'more than the window, of what was recorded for an earlier connection', seed: 2_004_386 },
  { name: 'PUBCOMP of a session that an earlier process had asked for', seed: 2_001_855 },
  {
    name: 'a deadline by the wall clock as it was before the outbox had the message (the judge was wrong)',
    seed: 2_009_115,
  },
  { name: 'a message of QoS 1 that a later process sent as new', seed: 2_008_881 },
  { name: 'a client that is closed when its disk has failed', seed: 2_013_754 },
  { name: 'a script that tries for ever what its server cannot bear', seed: 503_621 },
  { name: 'a device that dies at nearly every step, thousands of times', seed: 700_059 },
  { name: 'a fleeting message that overtook what was still to be read', seed: 2_008_536 },
  {
    name: 'a message turned away that a session before may have had',
    seed: 3_020_562,
    change: BEFORE_SCARCE,
  },
  { name: 'QoS 2 for a server that had allowed it before', seed: 3_033_335 },
  { name: 'segments of processes that each died after a commit', seed: 3_021_349 },
  { name: 'an outcome that a crash took along before anybody could ask for it', seed: 6_020_767 },
  {
    name: 'a message blamed for a connection that had gone while its device slept',
    seed: 8_001_390,
  },
  { name: 'what came in the session of today, forgotten with that of yesterday', seed: 10_008_070 },
  {
    name: 'a device that woke to subscribe, and was judged between two SUBSCRIBEs (the judge was wrong)',
    seed: 10_013_659,
  },
  {
    name: 'a suspect given up by the clock while its server was asked whether it is there',
    seed: 10_039_705,
  },
  {
    name: 'the order of a topic in a session that was lost before all of it was sent again',
    seed: 10_045_309,
  },
  {
    name: 'a message turned away in a session that nobody was told of (the judge was wrong)',
    seed: 11_011_366,
  },
  {
    name: 'a log that cannot be freed because its disk has failed (the judge was wrong)',
    seed: 11_034_677,
  },
  {
    name: 'the record of a message under a packet id that a new session gave to another',
    seed: 11_035_295,
  },
  { name: 'what was sent before it was recorded that there is a session', seed: 12_002_143 },
  {
    name: 'a connection over at its server before its device heard of it (the judge was wrong)',
    seed: 16_001_506,
  },
  {
    name: 'a wall clock set twice while an outbox was read (the judge was wrong)',
    seed: 16_020_315,
  },
  {
    name: 'bytes of a dead process that had another client identifier (the judge was wrong)',
    seed: 17_090_774,
  },
  {
    name: 'two attempts an hour by a clock that is slow (the judge was wrong)',
    seed: 17_093_795,
  },
  {
    name: 'a device asleep while a slow disk is freed of what was left (the judge was wrong)',
    seed: 18_048_740,
  },
  {
    name: 'a record behind a page of many files on a slow disk (the judge was wrong)',
    seed: 18_063_485,
  },
  {
    name: 'a message given up by a process that was never told that it is stored (the judge was wrong)',
    seed: 18_065_160,
  },
  {
    name: 'a packet id that a disk which failed still gives to another (the judge was wrong)',
    seed: 18_129_482,
  },
  {
    name: 'a removal that a device slept over until its power went (the judge was wrong)',
    seed: 18_167_651,
  },
  {
    name: 'an application that is told of a refusal before its call, and asks no more (it was wrong)',
    seed: 18_183_441,
  },
  {
    name: 'a device that slept from its CONNACK to the end (the judge was wrong)',
    seed: 20_005_633,
  },
  {
    name: 'a message sent afresh at QoS 2, of which the next process knew no more',
    seed: 24_000_302,
  },
  { name: 'a message that was rejected, and came back after a loss of power', seed: 24_001_353 },
  {
    name: 'PUBCOMP of a session that nobody was told of, while PUBREC was being recorded',
    seed: 29_000_436,
  },
  {
    name: 'a message set aside by a process that could not look at its receipt (the application was wrong)',
    seed: 1774,
  },
  {
    name: 'a message that ends connections, found after 134, as its bytes leave long after it was handed over',
    seed: 32_001_700,
  },
]
