// portable
// What dies again and again waits longer each time, to a limit, and what was well for a while begins anew.

import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Watchdog } from '../../src/sim/watchdog.ts'

function waitsOf(watchdog: Watchdog, lives: readonly number[]): number[] {
  return lives.map((livedMs) => watchdog.waitMs(livedMs))
}

describe('a watchdog', () => {
  test('lets a few short lives pass, and then waits twice as long each time', () => {
    const short = Array.from({ length: 12 }, () => 10)
    deepEqual(waitsOf(new Watchdog(true), short), [
      ...Array<number>(8).fill(0),
      1000,
      2000,
      4000,
      8000,
    ])
  })
  test('waits no longer than a quarter of an hour or so', () => {
    const waits = waitsOf(new Watchdog(true), Array<number>(40).fill(10))
    equal(Math.max(...waits), 1_024_000)
    equal(waits.at(-1), 1_024_000)
  })
  test('does nothing where a run has none', () => {
    deepEqual(waitsOf(new Watchdog(false), Array<number>(20).fill(10)), Array<number>(20).fill(0))
  })
  test('begins anew after a life that was long enough', () => {
    const watchdog = new Watchdog(true)
    waitsOf(watchdog, Array<number>(20).fill(10))
    deepEqual(waitsOf(watchdog, [30_000, ...Array<number>(8).fill(10)]), Array<number>(9).fill(0))
    equal(watchdog.waitMs(10), 1000)
  })
})
