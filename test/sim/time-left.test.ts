// portable
// What a message has left over the end of a process, when the wall clock is set while its outbox is still to write it.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { guaranteed, resolvePolicy, within } from '../../src/robust/policies.ts'
import type { SentMessage } from '../../src/sim/observations.ts'
import { LowestClock, redate } from '../../src/sim/time-left.ts'
import { scenario } from '../support/sim-rig.ts'

const LASTS_MS = 60_000

/** Published when the monotonic clock said 1,000 and the wall clock 500,000. */
function message(stored: SentMessage['stored']): SentMessage {
  const policy = resolvePolicy(within(LASTS_MS))
  return { policy, stored, publishedEpoch: 500_000, deadline: 1000 + LASTS_MS } as SentMessage
}

describe('what a message has left', () => {
  test('is counted by the wall clock, and a clock that was set back makes nothing younger than new', () => {
    const until = (one: SentMessage, epoch: number): number =>
      new LowestClock().deadlineOf(one, { now: 0, epoch })
    const seen = [500_000, 510_000, 570_000, 400_000].map((epoch) => until(message('disk'), epoch))
    deepEqual(seen, [LASTS_MS, LASTS_MS - 10_000, 0, LASTS_MS])
    equal(until({ ...message('disk'), policy: resolvePolicy(guaranteed()) }, 1e12), Infinity)
  })

  test('is at the most what the clock said at any time while the outbox was read', () => {
    const clock = new LowestClock()
    clock.note({ now: 0, epoch: 900_000 })
    clock.note({ now: 2000, epoch: 512_000 })
    clock.note({ now: 4000, epoch: 514_000 })
    // Read at 4000, when the clock said 514,000: then 46 s were left.
    equal(clock.deadlineOf(message('disk'), { now: 5000, epoch: 900_000 }), 50_000)
  })

  test('is counted from a date of the clock as it was set before the outbox had it, not after', () => {
    const clocks = { now: 3000, epoch: 4_102_000 }
    const dates = ([undefined, 'disk'] as const).map((stored) => {
      const one = message(stored)
      redate(one, clocks)
      return one.publishedEpoch
    })
    deepEqual(dates, [4_100_000, 500_000])
  })

  test('is no less for a clock that is set back meanwhile: nobody sees which it was written by', () => {
    const one = message(undefined)
    redate(one, { now: 3000, epoch: 1 })
    equal(one.publishedEpoch, 500_000)
  })

  test('is what the client keeps to, in a process after the one that stored it', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://server').stop()
      const door = world.device('door', { outbox: 'disk' })
      door.disk.slow('2s')
      const delivery = within('10m', { durable: 'required' })
      const receipt = door.client.publish('a', 'x', { delivery })
      await world.pass('1s')
      // The network has come back, and set a clock that had begun in the past.
      door.jumpClock('1h')
      equal(receipt.stage, 'accepted')
      equal(await receipt.stored, 'disk')
      door.kill()
      door.start()
      const found = await door.client.receipt(receipt.id)
      // The first process had no connection, and left that in the outbox.
      equal((await found?.settled)?.status, 'expired')
      ok(world.now >= 599_000 && world.now <= 601_000, `${world.now}`)
    })
  })
})
