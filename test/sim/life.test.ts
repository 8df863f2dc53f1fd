// portable
// One life of a process: its clock, its timers, its sleep, and that nothing reaches it after its death.

import { deepEqual, equal, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Life } from '../../src/sim/life.ts'
import type { World } from '../../src/sim/world.ts'
import { makeWorld } from '../support/sim-rig.ts'

function runUntil(world: World, at: number): void {
  while (world.agenda.next <= at) world.agenda.step()
  world.agenda.moveTo(at)
}

describe('life', () => {
  test('its clock begins somewhere and goes on with the world', () => {
    const world = makeWorld()
    runUntil(world, 5000)
    const life = new Life(world, 1, 1, () => undefined)
    const began = life.now()
    runUntil(world, 6500)
    equal(life.now() - began, 1500)
    equal(life.wokeAt, began)
  })

  test('a clock that drifts is fast or slow, and so are its timers', () => {
    for (const rate of [0.5, 1.1, 2]) {
      const world = makeWorld()
      const life = new Life(world, 1, rate, () => undefined)
      const began = life.now()
      let rang = 0
      life.setTimer(() => (rang = life.now()), 1000)
      runUntil(world, 10_000)
      equal(life.now() - began, Math.floor(10_000 * rate))
      // Never early by its own clock.
      equal(rang - began >= 1000 && rang - began <= 1002, true, `${rang - began}`)
    }
  })

  test('timers ring once, unless they are cleared', () => {
    const world = makeWorld()
    const life = new Life(world, 1, 1, () => undefined)
    const seen: string[] = []
    life.setTimer(() => seen.push('a'), 10)
    life.clearTimer(life.setTimer(() => seen.push('b'), 5))
    life.setTimer(() => seen.push('now'), 0)
    runUntil(world, 100)
    deepEqual(seen, ['now', 'a'])
    for (const delayMs of [-1, NaN, 2_147_483_648]) {
      throws(() => life.setTimer(() => undefined, delayMs), RangeError)
    }
  })

  test('while it sleeps nothing happens, and when it wakes all that is due', () => {
    const world = makeWorld()
    const life = new Life(world, 1, 1, () => undefined)
    const seen: [string, number][] = []
    life.setTimer(() => seen.push(['timer', world.now]), 10)
    life.later(20, () => seen.push(['later', world.now]))
    life.setTimer(() => seen.push(['after', world.now]), 2000)
    life.sleepsUntil = 1000
    equal(life.asleep, true)
    runUntil(world, 999)
    deepEqual(seen, [])
    runUntil(world, 3000)
    deepEqual(seen, [
      ['timer', 1000],
      ['later', 1000],
      ['after', 2000],
    ])
    equal(life.asleep, false)
    equal(life.wokeAt - life.now(), 1000 - 3000)
  })

  test('when it is woken before its time, what is due is done then, and once', () => {
    const world = makeWorld()
    const life = new Life(world, 1, 1, () => undefined)
    const seen: [string, number][] = []
    life.setTimer(() => seen.push(['timer', world.now]), 10)
    life.later(20, () => seen.push(['later', world.now]))
    const cleared = life.setTimer(() => seen.push(['cleared', world.now]), 30)
    life.setTimer(() => seen.push(['after', world.now]), 200)
    life.sleepsUntil = 1000
    runUntil(world, 100)
    life.clearTimer(cleared)
    life.wake()
    equal(life.asleep, false)
    runUntil(world, 3000)
    deepEqual(seen, [
      ['timer', 100],
      ['later', 100],
      ['after', 200],
    ])
  })

  test('a timer that is cleared during sleep does not ring after it', () => {
    const world = makeWorld()
    const life = new Life(world, 1, 1, () => undefined)
    const seen: string[] = []
    const timer = life.setTimer(() => seen.push('timer'), 10)
    life.sleepsUntil = 100
    runUntil(world, 50)
    life.clearTimer(timer)
    runUntil(world, 200)
    deepEqual(seen, [])
  })

  test('a dead process hears nothing and takes no steps', () => {
    const world = makeWorld()
    let steps = 0
    const life = new Life(world, 1, 1, () => (steps += 1))
    const seen: string[] = []
    life.setTimer(() => seen.push('timer'), 10)
    life.later(10, () => seen.push('later'))
    life.step()
    life.kill()
    life.step()
    equal(life.alive(), false)
    runUntil(world, 100)
    deepEqual(seen, [])
    equal(steps, 1)
  })
})
