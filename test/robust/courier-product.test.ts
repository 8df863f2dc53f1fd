// portable
// Any events in any order, and every event in every place: each message has one outcome, stages go forward,
// the counters come back to nothing, and each payload is released once.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import * as PLACE from '../../src/robust/place.ts'
import type { Entry } from '../../src/robust/entry.ts'
import type { DeliveryPolicy } from '../../src/robust/policies.ts'
import { CourierRig } from '../support/courier-rig.ts'
import { runs } from '../support/seed.ts'
import { paced } from '../support/pace.ts'

const CODES = [0, 0x10, 0x80, 0x83, 0x87, 0x91, 0x92, 0x97, 0x99]

type Event = (rig: CourierRig, pick: number) => void

const flying = (rig: CourierRig, pick: number): Entry | undefined =>
  rig.connected ? [...rig.wire][pick % (rig.wire.size + 1)] : undefined

/** What can happen to a client; `pick` says to which message, or how. */
const EVENTS: Readonly<Record<string, Event>> = {
  connectResumed: (rig) => !rig.connected && rig.connect(true),
  connectLost: (rig) => !rig.connected && rig.connect(false),
  close: (rig) => rig.connected && rig.close(false),
  closeSuspiciously: (rig) => rig.connected && rig.close(true),
  answer: (rig, pick) => {
    const entry = flying(rig, pick)
    if (entry !== undefined) rig.answer(entry, CODES[pick % CODES.length])
  },
  receive: (rig, pick) => {
    const entry = flying(rig, pick)
    if (entry?.qos === 2) rig.receive(entry)
  },
  handBack: (rig, pick) => {
    const entry = flying(rig, pick)
    // What has left is never handed back: its packet id needs no clearing.
    if (entry === undefined || entry.state === 'released' || entry.resumed) return
    rig.handBack(entry, pick % 2 === 0)
    rig.close(false)
  },
  cancel: (rig, pick) => {
    const entry = rig.published[pick % (rig.published.length + 1)]
    if (entry !== undefined) rig.cancel(entry)
  },
  stored: (rig, pick) => {
    const entry = rig.published[pick % (rig.published.length + 1)]
    if (entry !== undefined) rig.courier.handleStored(entry)
  },
  elapse: (rig, pick) => rig.elapse((pick % 7) * 2500),
  narrow: (rig) => (rig.window = 1),
  widen: (rig) => (rig.window = 3),
}

const POLICIES: readonly Partial<DeliveryPolicy>[] = [
  {},
  { qos: 0 },
  { qos: 2 },
  { qos: 2, onSessionLoss: 'resend', priority: 3 },
  { qos: 1, onSessionLoss: 'drop', collapseKey: true, priority: 1 },
  { qos: 0, offline: 'drop', priority: 0, energy: 'none' },
  { qos: 1, offline: 'drop', priority: 0 },
  { expiresAfterMs: 9000, priority: 4, energy: 'urgent' },
  { qos: 2, durable: 'required', expiresAfterMs: 20_000, priority: 0 },
  { qos: 1, collapseKey: 'k', expiresAfterMs: 7000 },
]

/** Ends whatever is open, well. */
function finish(rig: CourierRig): void {
  rig.window = 65_535
  for (let i = 0; i < 100 && (!rig.courier.idle || rig.flying.length > 0); i += 1) {
    if (!rig.connected) rig.connect(true)
    for (const entry of [...rig.wire]) rig.answer(entry)
    rig.elapse(400_000)
  }
  if (rig.connected) rig.close()
  rig.connect(true)
}

/** The parts of the books that must agree at any moment. */
function check(rig: CourierRig): void {
  const { counts } = rig.courier
  const open = rig.published.filter(({ status }) => status === undefined)
  equal(counts.open, open.length)
  equal(
    counts.openBytes,
    open.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  )
  equal(counts.waiting, open.filter(({ place }) => place >= 0 && place <= PLACE.AGAIN).length)
  ok(counts.inflight >= rig.flying.length)
  for (const { place } of open) ok(place !== PLACE.NOWHERE)
}

describe('courier: any events', () => {
  test('keep the books right after each, and end with one outcome for each message', () => {
    const event = fc.oneof(
      {
        weight: 1,
        arbitrary: fc.record({
          policy: fc.nat(POLICIES.length - 1),
          topic: fc.constantFrom('a', 'b'),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ name: fc.constantFrom(...Object.keys(EVENTS)), pick: fc.nat(60) }),
      },
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), (events) => {
        const rig = new CourierRig({ outboxMessages: 8 })
        rig.window = 2
        for (const one of events) {
          if ('policy' in one) rig.publish(one.topic, POLICIES[one.policy])
          else EVENTS[one.name]?.(rig, one.pick)
          check(rig)
        }
        finish(rig)
        rig.checkEnd()
      }),
      runs(500),
    )
  })

  test('of two, in every place of a message, leave nothing behind', () => {
    const ways: readonly (readonly string[])[] = [
      [],
      ['connectLost'],
      ['connectLost', 'receive'],
      ['connectLost', 'close'],
      ['connectLost', 'receive', 'close'],
      ['connectLost', 'close', 'connectResumed'],
      ['connectLost', 'close', 'connectLost'],
      ['connectLost', 'answer:7'],
      ['connectLost', 'answer:7', 'elapse:6'],
      ['connectLost', 'answer:7', 'close', 'elapse:6'],
      ['connectLost', 'handBack'],
      ['connectLost', 'cancel'],
      ['connectLost', 'cancel', 'close'],
      ['connectLost', 'closeSuspiciously', 'connectResumed', 'closeSuspiciously', 'connectResumed'],
    ]
    const names = Object.keys(EVENTS)
    const steps = names.flatMap((name) =>
      name === 'answer' ? CODES.map((_, i) => `answer:${i}`) : [name],
    )
    const walkedWays = paced(ways.length, 1)
    const firsts = steps.filter((_, i) => i % paced(1, 7) === 0)
    let walked = 0
    for (const policy of POLICIES) {
      for (const way of ways.slice(0, walkedWays)) {
        for (const first of firsts) {
          for (const second of steps) {
            const rig = new CourierRig()
            rig.publish('t', policy)
            for (const step of [...way, first, second]) {
              const [name = '', pick = '0'] = step.split(':')
              // The one message is whatever is flying: a pick of its code, made even for one.
              const entry = rig.flying[0]
              if (name !== 'answer') EVENTS[name]?.(rig, Number(pick))
              else if (entry !== undefined && rig.wire.has(entry) && rig.connected) {
                rig.answer(entry, CODES[Number(pick)])
              }
              check(rig)
            }
            finish(rig)
            rig.checkEnd()
            walked += 1
          }
        }
      }
    }
    deepEqual(walked, POLICIES.length * walkedWays * firsts.length * steps.length)
  })
})
