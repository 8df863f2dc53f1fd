// Every planted bug: a new list is added here. `npm run sim -- --mutants list` names them.

import type { TextChange } from '../changes.ts'
import { ENGINE_MUTANTS } from './engine.ts'
import { FRESH_MUTANTS } from './fresh.ts'
import type { Mutant } from './mutant.ts'
import { FOUND_MUTANTS } from './found.ts'
import { OUTBOX_MUTANTS } from './outbox.ts'
import { ROBUST_MUTANTS } from './robust.ts'

export type { Mutant } from './mutant.ts'

export const MUTANTS: readonly Mutant[] = [
  ...ENGINE_MUTANTS,
  ...ROBUST_MUTANTS,
  ...OUTBOX_MUTANTS,
  ...FOUND_MUTANTS,
  ...FRESH_MUTANTS,
]

/** @throws {RangeError} there is none of that name */
export function mutantOf(name: string): Mutant {
  const found = MUTANTS.find((mutant) => mutant.name === name)
  if (found === undefined) {
    throw new RangeError(`Unknown planted bug "${name}": --mutants list names them`)
  }
  return found
}

export function changesOf({ file, find, replace, also = [] }: Mutant): TextChange[] {
  return [{ file, find, replace }, ...also]
}
