// How the tests of probe.ts end on QuickJS, in the order of running.

/** Names and statuses. */
export const EXPECTED: readonly (readonly [name: string, status: string])[] = [
  ['passes', 'passed'],
  ['waits for promises', 'passed'],
  ['fails', 'failed'],
  ['rejects', 'failed'],
  ['suite > runs hooks', 'passed'],
  ['suite > has subtests > inner', 'passed'],
  ['suite > has subtests > inner that fails', 'failed'],
  ['suite > has subtests', 'failed'],
  ['suite > is skipped', 'skipped'],
  ['skips itself', 'skipped'],
  ['assertions accept what they should', 'passed'],
  ['deepEqual tells apart bytes', 'failed'],
  ['deepEqual tells apart members', 'failed'],
  ['deepEqual tells apart types', 'failed'],
  ['equal tells 0 from -0', 'failed'],
  ['throws wants an error', 'failed'],
  ['throws wants the right error', 'failed'],
  ['rejects wants a rejection', 'failed'],
  ['a property that holds', 'passed'],
  ['a property that does not hold', 'failed'],
  ['timers do not work', 'passed'],
  ['the platform is absent', 'passed'],
  ['a recursion without end is an error', 'passed'],
]
