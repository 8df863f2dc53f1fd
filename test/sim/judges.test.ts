// portable
// The rules over a scenario: each device has its own, they hear what is theirs, and what a disk that has
// failed brings late is excused.

import { equal, match } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolvePolicy, UNTIL_DELIVERED } from '../../src/robust/policies.ts'
import type { Observation, SentMessage } from '../../src/sim/observations.ts'
import { Judges } from '../../src/sim/scenario/judges.ts'

function taken(device: string, number: number): Observation {
  const take = { at: 0, session: 1, connection: 1, dup: false }
  const message: SentMessage = {
    number,
    device,
    topic: 't',
    policy: resolvePolicy(UNTIL_DELIVERED),
    sizeBytes: 1,
    life: 1,
    publishedAt: 0,
    publishedEpoch: 0,
    deadline: Infinity,
    receiptId: `${number}`,
    stored: 'disk',
    stage: undefined,
    outcome: undefined,
    settledIn: 0,
    cancelled: false,
    turnedAway: false,
    kills: 0,
    takes: [take],
  }
  return { kind: 'taken', message, take }
}

function makeJudges(): Judges {
  const judges = new Judges()
  for (const clientId of ['a', 'b']) {
    judges.add({ clientId, isDurable: true, outboxMessages: 10 })
  }
  return judges
}

const failed = (target: string): Observation => ({
  kind: 'fault',
  fault: 'disk.fail',
  target,
  detail: '',
})

describe('judges of a scenario', () => {
  test('find what a rule finds, once, and name it', () => {
    const judges = makeJudges()
    equal(judges.observe(taken('a', 2), 0), undefined)
    equal(judges.observe(taken('b', 1), 0), undefined)
    match(judges.observe(taken('a', 1), 0) ?? '', /^S4: #1 came after #2/)
  })

  test('excuse the order of a device whose disk has failed, and of no other', () => {
    const judges = makeJudges()
    judges.observe(failed('a'), 0)
    for (const device of ['a', 'b']) judges.observe(taken(device, 2), 0)
    equal(judges.observe(taken('a', 1), 0), undefined)
    match(judges.observe(taken('b', 1), 0) ?? '', /^S4/)
  })

  test('know nothing of a device that was never added', () => {
    const judges = makeJudges()
    judges.observe(taken('c', 2), 0)
    equal(judges.observe(taken('c', 1), 0), undefined)
  })
})
