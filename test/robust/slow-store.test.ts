// An outbox that does not answer is told of once, by whatever it was asked; one that answers, or fails, is not, nor
// one whose device slept over the answer.

import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OpenResult, StoredRecord } from '../../src/outbox/store.ts'
import { guaranteed } from '../../src/robust/policies.ts'
import { HeldStore, KeptStore } from '../support/kept-store.ts'
import { connectedRig, robustClient, type RobustRig } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

function codes({ warnings }: RobustRig): string[] {
  return warnings.map(({ code }) => code)
}

describe('an outbox that does not answer', () => {
  test('is told of when it is to store something', async () => {
    const outbox = new HeldStore()
    const rig = await connectedRig({ outbox })
    outbox.isHeld = true
    const { stored } = rig.client.publish('a', 'x', { delivery: guaranteed() })
    await elapse(rig.clock, 9999)
    deepEqual(codes(rig), [])
    await elapse(rig.clock, 1)
    deepEqual(codes(rig), ['outbox-slow'])
    match(rig.warnings[0]!.message, /^The outbox has not answered for 10000 ms: /)
    await outbox.letAll()
    equal(await stored, 'disk')
    // Once: whoever wants to know more looks at the receipts.
    outbox.isHeld = true
    rig.client.publish('a', 'x', { delivery: guaranteed() })
    await elapse(rig.clock, 60_000)
    deepEqual(codes(rig), ['outbox-slow'])
  })

  test('is told of when it is to be opened', async () => {
    class Stuck extends KeptStore {
      override open(): Promise<OpenResult> {
        return never()
      }
    }
    const rig = robustClient({ outbox: new Stuck() })
    void rig.client.open()
    await elapse(rig.clock, 10_000)
    deepEqual(codes(rig), ['outbox-slow'])
  })

  test('is told of when its session table is to be read', async () => {
    class Stuck extends KeptStore {
      override state(): Promise<ReadonlyMap<string, Uint8Array>> {
        return never()
      }
    }
    const rig = robustClient({ outbox: new Stuck() })
    void rig.client.open()
    await elapse(rig.clock, 10_000)
    deepEqual(codes(rig), ['outbox-slow'])
  })

  test('is told of when it is to be read', async () => {
    class Stuck extends KeptStore {
      override scan(): Promise<readonly StoredRecord[]> {
        return never()
      }
    }
    const rig = robustClient({ outbox: new Stuck() })
    void rig.client.open()
    await elapse(rig.clock, 10_000)
    deepEqual(codes(rig), ['outbox-slow'])
  })
})

describe('an outbox is not told of', () => {
  test('when it answers, however often it is asked', async () => {
    const outbox = new HeldStore()
    const rig = robustClient({ outbox })
    await rig.client.open()
    for (let i = 0; i < 5; i += 1) {
      outbox.isHeld = true
      rig.client.publish('a', 'x', { delivery: guaranteed() })
      await elapse(rig.clock, 5000)
      await outbox.letAll()
    }
    await elapse(rig.clock, 60_000)
    deepEqual(codes(rig), [])
  })

  test('when it fails', async () => {
    const outbox = new HeldStore()
    const rig = robustClient({ outbox })
    await rig.client.open()
    outbox.isBroken = true
    const { settled } = rig.client.publish('a', 'x', { delivery: guaranteed() })
    equal((await settled).status, 'refused')
    await elapse(rig.clock, 60_000)
    // Of the failure it is.
    deepEqual(codes(rig), ['outbox'])
  })

  test('when the device slept over the answer', async () => {
    const outbox = new HeldStore()
    const rig = robustClient({ outbox })
    await rig.client.open()
    outbox.isHeld = true
    rig.client.publish('a', 'x', { delivery: guaranteed() })
    await settle()
    // All that was due is done at once when it wakes, and then the disk answers.
    rig.clock.jump(3_600_000)
    rig.clock.advance(0)
    await outbox.letAll()
    await elapse(rig.clock, 60_000)
    deepEqual(codes(rig), [])
  })
})
