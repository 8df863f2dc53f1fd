// portable
// Lengths of time, as an application writes them.

import { equal, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Duration, parseDuration } from '../../src/robust/duration.ts'

describe('parseDuration', () => {
  const good: readonly (readonly [Duration, number])[] = [
    [1500, 1_500],
    ['250ms', 250],
    ['15s', 15_000],
    ['2m', 120_000],
    ['12h', 43_200_000],
    ['7d', 604_800_000],
    ['1.5s', 1_500],
    ['0.1ms', 1],
    [0.2, 1],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ]
  for (const [given, ms] of good) {
    test(`reads ${JSON.stringify(given)}`, () => equal(parseDuration('deadline', given), ms))
  }

  for (const given of ['15 s', '15', 's', '', '1e3s', '-5s', '.5s', '15sec', '15S', ' 15s', '1w']) {
    test(`refuses "${given}" and says what to give`, () => {
      throws(() => parseDuration('within', given as Duration), {
        name: 'TypeError',
        message: `Cannot use within "${given}": give milliseconds, or a number with ms, s, m, h or d such as "15s"`,
      })
    })
  }
  for (const [i, given] of [undefined, null, true, {}, [], 5n].entries()) {
    test(`refuses what is no duration, ${i}: ${typeof given}`, () => {
      throws(() => parseDuration('within', given as unknown as Duration), { name: 'TypeError' })
    })
  }
  for (const given of [0, -1, NaN, Infinity, -Infinity, 2 ** 53, '0s', '999999999999d'] as const) {
    test(`refuses ${given} as out of range`, () => {
      throws(() => parseDuration('within', given), {
        name: 'RangeError',
        message: `Cannot use within "${given}": give more than 0 ms, and at most 9007199254740991`,
      })
    })
  }
})
