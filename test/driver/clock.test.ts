// The system's clock, with real timers of a few milliseconds.

import { equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../src/driver/clock.ts'

describe('systemClock', () => {
  it('tells whole milliseconds that never go back', () => {
    let last = systemClock.now()
    for (let i = 0; i < 10_000; i++) {
      const now = systemClock.now()
      ok(Number.isInteger(now) && now >= last)
      last = now
    }
  })

  it('fires once, not before the delay is over', async () => {
    const start = performance.now()
    await new Promise<void>((resolve) => systemClock.setTimer(resolve, 20.5))
    // Timers count in whole milliseconds of another origin.
    ok(performance.now() - start >= 20)
  })

  it('fires no timer that was cleared, and ignores one that has fired', async () => {
    let fired = 0
    const cleared = systemClock.setTimer(() => fired++, 0)
    systemClock.clearTimer(cleared)
    const handle = await new Promise<ReturnType<typeof systemClock.setTimer>>((resolve) => {
      const own = systemClock.setTimer(() => resolve(own), 1)
    })
    systemClock.clearTimer(handle)
    equal(fired, 0)
  })

  it('waits the longest time that a timer can when asked for longer', async () => {
    let fired = 0
    const handles = [2_147_483_647, 2_147_483_648, 1e12, Infinity].map((delayMs) =>
      systemClock.setTimer(() => fired++, delayMs),
    )
    await new Promise<void>((resolve) => systemClock.setTimer(resolve, 5))
    for (const handle of handles) systemClock.clearTimer(handle)
    equal(fired, 0)
  })
})
