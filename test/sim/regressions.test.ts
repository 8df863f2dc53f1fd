// The runs that once found something find nothing any more.

import { describe, test } from 'node:test'
import { REGRESSIONS } from './regressions.ts'
import { findsNothing } from './seeds.ts'

describe('a run of the simulator that once found', () => {
  for (const { name, seed, change } of REGRESSIONS) {
    test(`${name} finds nothing, with seed ${seed}`, () => {
      return findsNothing(change === undefined ? { seed } : { seed, change })
    })
  }
})
