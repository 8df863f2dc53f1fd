// portable
// Chance that a seed decides: repeatable, even, and in streams that know nothing of each other.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hashText, Random } from '../../src/sim/random.ts'
import { FAST_CHECK } from '../support/seed.ts'

const DRAWS = 4000

const draw = (random: Random, count = 20): number[] =>
  Array.from({ length: count }, () => random.fraction())

describe('random', () => {
  test('the same seed gives the same answers, for texts and numbers', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.integer()), (seed) => {
        deepEqual(draw(new Random(seed)), draw(new Random(seed)))
      }),
      FAST_CHECK,
    )
  })

  test('seeds that are alike give answers that are not', () => {
    const firsts = Array.from({ length: 1000 }, (_, seed) => new Random(seed).fraction())
    equal(new Set(firsts).size, 1000)
    const mean = firsts.reduce((sum, one) => sum + one, 0) / firsts.length
    ok(mean > 0.45 && mean < 0.55, `${mean}`)
  })

  test('fractions are spread evenly from 0 to below 1', () => {
    const counts = Array.from({ length: 10 }, () => 0)
    for (const fraction of draw(new Random('even'), DRAWS)) {
      ok(fraction >= 0 && fraction < 1)
      counts[Math.floor(fraction * 10)]! += 1
    }
    for (const count of counts) ok(count > 320 && count < 480, counts.join(' '))
  })

  test('integers are within their bounds, and reach both', () => {
    const random = new Random('integers')
    const seen = new Set(Array.from({ length: 200 }, () => random.integer(-2, 3)))
    deepEqual(
      [...seen].sort((a, b) => a - b),
      [-2, -1, 0, 1, 2, 3],
    )
    equal(random.integer(7, 7), 7)
  })

  test('chance is as likely as it is told', () => {
    const random = new Random('chance')
    const hits = Array.from({ length: DRAWS }, () => random.chance(0.2)).filter(Boolean).length
    ok(hits > 0.17 * DRAWS && hits < 0.23 * DRAWS, `${hits}`)
    equal(random.chance(0), false)
    equal(random.chance(1), true)
  })

  test('waits are whole, at least 1, and have about the mean', () => {
    const random = new Random('waits')
    const waits = Array.from({ length: DRAWS }, () => random.exponential(500))
    ok(waits.every((wait) => Number.isInteger(wait) && wait >= 1))
    const mean = waits.reduce((sum, wait) => sum + wait, 0) / DRAWS
    ok(mean > 460 && mean < 540, `${mean}`)
    ok(waits.filter((wait) => wait > 500).length < DRAWS / 2)
  })

  test('magnitudes are as often small as large', () => {
    const random = new Random('magnitudes')
    const sizes = Array.from({ length: DRAWS }, () => random.magnitude(1, 10_000))
    ok(sizes.every((size) => size >= 1 && size <= 10_000))
    const small = sizes.filter((size) => size < 100).length
    ok(small > 0.45 * DRAWS && small < 0.55 * DRAWS, `${small}`)
  })

  test('every one of a list is picked', () => {
    const random = new Random('list')
    const seen = new Set(Array.from({ length: 100 }, () => random.pick(['a', 'b', 'c'])))
    equal(seen.size, 3)
  })

  test('a fork goes its own way, whatever becomes of the others', () => {
    const lonely = new Random(1).fork('a')
    const parent = new Random(1)
    const fork = parent.fork('a')
    const brother = parent.fork('b')
    draw(brother, 7)
    draw(parent, 3)
    deepEqual(draw(fork), draw(lonely))
    const twin = new Random(1).fork('b')
    ok(draw(twin)[0] !== draw(new Random(1).fork('a'))[0])
  })

  test('a text has the hash of FNV-1a', () => {
    equal(hashText(''), 0x811c9dc5)
    equal(hashText('a'), 0xe40c292c)
    equal(hashText('foobar'), 0xbf9cf968)
  })
})
