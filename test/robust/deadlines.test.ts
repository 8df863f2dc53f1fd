// portable
// The earliest moment of many: against a sorted list, with items that are settled meanwhile.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Deadlines } from '../../src/robust/deadlines.ts'
import { paced } from '../support/pace.ts'
import { runs } from '../support/seed.ts'

interface Item {
  readonly at: number
  open: boolean
}

const byTime = (a: Item, b: Item): number => a.at - b.at

describe('deadlines', () => {
  test('agree with a sorted list whatever is added, settled and taken', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: fc.nat(50) }) },
      { weight: 2, arbitrary: fc.record({ settle: fc.nat(200) }) },
      { weight: 1, arbitrary: fc.record({ take: fc.nat(50) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const deadlines = new Deadlines<Item>((item) => item.open)
        const items: Item[] = []
        const open = (): Item[] => items.filter((item) => item.open).sort(byTime)
        for (const one of steps) {
          if ('add' in one) {
            const item = { at: one.add, open: true }
            items.push(item)
            deadlines.add(item.at, item)
          } else if ('settle' in one) {
            const item = items[one.settle % (items.length + 1)]
            if (item !== undefined) item.open = false
          } else {
            const due = open().filter(({ at }) => at <= one.take)
            const taken: number[] = []
            for (let item = deadlines.take(one.take); item; item = deadlines.take(one.take)) {
              taken.push(item.at)
              item.open = false
            }
            deepEqual(
              taken,
              due.map(({ at }) => at),
            )
          }
          equal(deadlines.next, open()[0]?.at ?? Infinity)
          deepEqual(
            [...deadlines].sort(byTime).map(({ at }) => at),
            open().map(({ at }) => at),
          )
        }
      }),
      runs(200),
    )
  })

  test('keep no more than twice what is open when more is added', () => {
    const deadlines = new Deadlines<Item>((item) => item.open)
    let looked = 0
    const counted = new Deadlines<Item>((item) => {
      looked += 1
      return item.open
    })
    const last: Item = { at: 1e9, open: true }
    const count = paced(200_000, 20_000)
    for (const each of [deadlines, counted]) each.add(last.at, last)
    for (let i = 0; i < count; i += 1) {
      const item = { at: 1e6 + i, open: true }
      counted.add(item.at, item)
      item.open = false
    }
    ok(looked < 5 * count, `${looked} looks`)
    looked = 0
    deepEqual([...counted], [last])
    ok(looked <= 128, `${looked} are kept`)
  })
})
