// Commits that dice choose, each by the seed and its number alone, so that a process goes on where one was killed.
// Each writes its own number down: what a store has says which commits it has.

import type { Op, SyncLevel } from '../../src/outbox/store.ts'
import { dice } from './simulated-disk.ts'

const NUMBER_KEY = 'number'
const RECORDS = 30
const RECORD_BYTES_MAX = 600
const LEVELS = ['power', 'process'] as const

/** The commit of this number, 1 and up; it is safe from kill -9 when it is told. */
export function commitOf(seed: number, number: number): [ops: readonly Op[], sync: SyncLevel] {
  const roll = dice(seed + number)
  const bytes = (): Uint8Array => new Uint8Array(roll(RECORD_BYTES_MAX)).fill(number)
  const ops = Array.from({ length: 4 + roll(5) }, (): Op => {
    const seq = 1 + roll(RECORDS)
    const choice = roll(7)
    if (choice < 3) return ['put', seq, bytes()]
    if (choice === 3) return ['delete', seq]
    return choice < 6 ? ['set', `key ${seq}`, bytes()] : ['unset', `key ${seq}`]
  })
  const own: Op = ['set', NUMBER_KEY, Uint8Array.of(number >> 8, number & 255)]
  return [[...ops, own], LEVELS[roll(2)] as SyncLevel]
}

/** The number of the last commit that a session table has; 0 for none. */
export function numberIn(state: ReadonlyMap<string, Uint8Array>): number {
  const [high = 0, low = 0] = state.get(NUMBER_KEY) ?? []
  return high * 256 + low
}
