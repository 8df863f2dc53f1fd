// portable
// Virtual time: what is put down comes in the order of its time, and in the order of putting at one time.

import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Agenda, type Appointment } from '../../src/sim/agenda.ts'
import { FAST_CHECK } from '../support/seed.ts'

function runAll(agenda: Agenda): void {
  while (agenda.step());
}

describe('agenda', () => {
  test('what comes earlier happens earlier, and time is that of what happens', () => {
    const agenda = new Agenda()
    const seen: [string, number][] = []
    for (const [name, at] of [
      ['c', 30],
      ['a', 10],
      ['b', 20],
    ] as const) {
      agenda.at(at, () => seen.push([name, agenda.now]))
    }
    equal(agenda.next, 10)
    runAll(agenda)
    deepEqual(seen, [
      ['a', 10],
      ['b', 20],
      ['c', 30],
    ])
    equal(agenda.next, Infinity)
    equal(agenda.steps, 3)
  })

  test('of one time, the first that was put down happens first', () => {
    const agenda = new Agenda()
    const seen: number[] = []
    for (let i = 0; i < 50; i += 1) agenda.at(7, () => seen.push(i))
    runAll(agenda)
    deepEqual(
      seen,
      Array.from({ length: 50 }, (_, i) => i),
    )
  })

  test('what is past happens next, and time never goes back', () => {
    const agenda = new Agenda()
    const seen: number[] = []
    agenda.at(10, () => agenda.at(3, () => seen.push(agenda.now)))
    agenda.at(20, () => seen.push(agenda.now))
    runAll(agenda)
    deepEqual(seen, [10, 20])
    agenda.moveTo(5)
    equal(agenda.now, 20)
    agenda.moveTo(25)
    equal(agenda.now, 25)
  })

  test('times are whole', () => {
    const agenda = new Agenda()
    agenda.after(0.2, () => undefined)
    equal(agenda.next, 1)
  })

  test('what is cancelled does not happen, not even when it is over', () => {
    const agenda = new Agenda()
    const seen: string[] = []
    const first = agenda.at(1, () => seen.push('first'))
    agenda.at(2, () => seen.push('second'))
    agenda.cancel(first)
    agenda.cancel(first)
    equal(agenda.next, 2)
    runAll(agenda)
    agenda.cancel(first)
    deepEqual(seen, ['second'])
    equal(agenda.step(), false)
  })

  test('many that are cancelled do not stay in the way', () => {
    const agenda = new Agenda()
    let happened = 0
    for (let i = 0; i < 1000; i += 1) {
      const appointment = agenda.at(i, () => (happened += 1))
      if (i % 10 !== 0) agenda.cancel(appointment)
    }
    runAll(agenda)
    equal(happened, 100)
    equal(agenda.steps, 100)
  })

  test('it does what a sorted list does', () => {
    const action = fc.record({
      at: fc.integer({ min: 0, max: 40 }),
      cancels: fc.option(fc.nat(60), { nil: undefined }),
      steps: fc.nat(2),
    })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
        const agenda = new Agenda()
        const list: { at: number; id: number }[] = []
        const made: Appointment[] = []
        const happened: number[] = []
        const wanted: number[] = []
        const step = (): void => {
          agenda.step()
          list.sort((a, b) => a.at - b.at || a.id - b.id)
          const due = list.shift()
          if (due !== undefined) wanted.push(due.id)
        }
        for (const [id, { at, cancels, steps }] of actions.entries()) {
          list.push({ at: Math.max(at, agenda.now), id })
          made.push(agenda.at(at, () => happened.push(id)))
          const cancelled = cancels === undefined ? undefined : made[cancels]
          if (cancelled !== undefined) {
            agenda.cancel(cancelled)
            const index = list.findIndex((one) => one.id === cancels)
            if (index >= 0) list.splice(index, 1)
          }
          for (let i = 0; i < steps; i += 1) step()
        }
        while (list.length > 0) step()
        equal(agenda.next, Infinity)
        deepEqual(happened, wanted)
      }),
      FAST_CHECK,
    )
  })
})
