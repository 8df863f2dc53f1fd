// fast-check for an interpreter that is fifty times slower than a compiler: the same properties, fewer runs.
// The runs that find new failures are those on Node; these find what differs between engines.

import fc, { type Arbitrary, type Parameters, type StringConstraints } from 'fast-check'
import { anyCharacter } from '../../characters.ts'

/** Runs of one property at most, whatever it asks for. */
const RUNS_MAX = 4

export * from 'fast-check'

type Assert = (property: unknown, parameters?: Parameters<unknown>) => unknown

const assertFully = fc.assert as Assert

const assertBriefly: Assert = (property, parameters) => {
  const numRuns = Math.min(parameters?.numRuns ?? RUNS_MAX, RUNS_MAX)
  return assertFully(property, { ...parameters, numRuns })
}

/** fast-check's `assert` with fewer runs. */
export const assert: typeof fc.assert = assertBriefly as typeof fc.assert

/** fast-check's `string`, whose unit `binary` takes seconds here. */
export function string(constraints: StringConstraints = {}): Arbitrary<string> {
  const { unit } = constraints
  return fc.string(unit === 'binary' ? { ...constraints, unit: anyCharacter() } : constraints)
}

export default { ...fc, assert, string }
