// portable
// Plans with what is scarce: one in eleven, and the others are what they were before there was any.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { planOf } from '../../src/sim/additions.ts'
import type { Plan } from '../../src/sim/plan.ts'

const SEEDS = Array.from({ length: 400 }, (_, i) => i + 1)
const KINDS = ['1/wandering-0', '1/forgotten-0', '1/overfull-0'] as const

function hasTopic({ devices }: Plan, topic: string): boolean {
  return devices.some(({ streams }) => streams.some((stream) => stream.topic === topic))
}

const plainOf = (seed: number): Plan => planOf(seed, ['habits', 'rare'])
const scarceOf = (seed: number): Plan => planOf(seed, ['habits', 'rare', 'scarce'])
const isScarce = (seed: number): boolean => KINDS.some((topic) => hasTopic(scarceOf(seed), topic))

describe('a plan with what is scarce', () => {
  test('is one in eleven, and each kind is there', () => {
    const count = SEEDS.filter(isScarce).length
    ok(count > SEEDS.length * 0.05 && count < SEEDS.length * 0.13, `${count} of ${SEEDS.length}`)
    for (const topic of KINDS)
      ok(
        SEEDS.some((seed) => hasTopic(planOf(seed), topic)),
        topic,
      )
  })
  test('leaves the others as they were', () => {
    for (const seed of SEEDS.filter((one) => !isScarce(one))) {
      deepEqual(scarceOf(seed), plainOf(seed))
    }
  })
  test('has more of its first device, and keeps the faults that were armed', () => {
    for (const seed of SEEDS.filter(isScarce)) {
      const before = plainOf(seed)
      const { devices, faults, sharedSessions, servers } = scarceOf(seed)
      deepEqual(devices.slice(1), before.devices.slice(1))
      equal(devices[0]?.outbox, 'disk')
      for (const part of ['link', 'server', 'disk', 'process', 'clock'] as const) {
        deepEqual({ ...faults[part], ...before.faults[part] }, faults[part])
      }
      if (hasTopic(scarceOf(seed), '1/wandering-0')) {
        deepEqual([sharedSessions, servers.length > 1], [false, true])
      }
    }
  })
})
