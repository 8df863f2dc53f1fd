// Tests that end in every way there is: run on QuickJS by quickjs.test.ts, which compares the results.
// Not a test file of its own, because some of these fail, as they must.

import { deepEqual, equal, fail, match, ok, rejects, throws } from 'node:assert/strict'
import { before, beforeEach, describe, it, test } from 'node:test'
import * as fc from 'fast-check'

const counts = { before: 0, beforeEach: 0 }

test('passes', () => {
  ok(true)
})
test('waits for promises', async () => {
  equal(await Promise.resolve(1), 1)
})
test('fails', () => {
  fail('on purpose')
})
test('rejects', async () => {
  await Promise.reject(new Error('on purpose'))
})
describe('suite', () => {
  before(() => {
    counts.before += 1
  })
  beforeEach(() => {
    counts.beforeEach += 1
  })
  it('runs hooks', () => {
    deepEqual(counts, { before: 1, beforeEach: 1 })
  })
  it('has subtests', async (t) => {
    await t.test('inner', () => {
      ok(true)
    })
    await t.test('inner that fails', () => {
      fail('on purpose')
    })
  })
  it('is skipped', { skip: 'on purpose' }, () => {
    fail('Skipped tests do not run')
  })
})
test('skips itself', (t) => {
  t.skip('on purpose')
})
test('assertions accept what they should', async () => {
  deepEqual(
    { a: [1, new Uint8Array([1, 2])], m: new Map([['k', new Set([1])]]), n: NaN },
    { a: [1, new Uint8Array([1, 2])], m: new Map([['k', new Set([1])]]), n: NaN },
  )
  deepEqual(new RangeError('same'), new RangeError('same'))
  match('Expected', /pect/)
  throws(() => fail('words'), /words/)
  throws(() => fail(new TypeError('words')), TypeError)
  throws(() => fail(new TypeError('words')), { name: 'TypeError', message: 'words' })
  await rejects(
    () => Promise.reject(new TypeError('words')),
    (error: unknown) => error instanceof TypeError,
  )
})
test('deepEqual tells apart bytes', () => {
  deepEqual(new Uint8Array([1, 2]), new Uint8Array([1, 3]))
})
test('deepEqual tells apart members', () => {
  deepEqual({ a: 1 }, { a: 1, b: undefined })
})
test('deepEqual tells apart types', () => {
  deepEqual(new Uint8Array([1]), [1])
})
test('equal tells 0 from -0', () => {
  equal(0, -0)
})
test('throws wants an error', () => {
  throws(() => 1)
})
test('throws wants the right error', () => {
  throws(() => fail('words'), RangeError)
})
test('rejects wants a rejection', async () => {
  await rejects(Promise.resolve(1))
})
test('a property that holds', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => bytes.every((byte) => byte < 256)))
})
test('a property that does not hold', async () => {
  await fc.assert(fc.asyncProperty(fc.nat(), (n) => Promise.resolve(n < 0)))
})
test('timers do not work', () => {
  throws(() => setTimeout(() => {}, 0), /QuickJS has no setTimeout/)
})
test('the platform is absent', () => {
  for (const name of ['process', 'console', 'TextEncoder', 'URL', 'AbortSignal', 'Buffer']) {
    equal(name in globalThis, false, name)
  }
})
test('a recursion without end is an error', () => {
  const forever = (depth: number): number => forever(depth + 1) + 1
  throws(() => forever(0))
})
