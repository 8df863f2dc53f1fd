// portable
// Who is next: the line against a plain model of its rule, and that its time grows with the messages alone.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import * as PLACE from '../../src/robust/place.ts'
import type { Entry } from '../../src/robust/entry.ts'
import type { DeliveryPolicy } from '../../src/robust/policies.ts'
import { WaitingLine } from '../../src/robust/waiting-line.ts'
import { makeEntry } from '../support/courier-rig.ts'
import { checkLinear } from '../support/cpu-time.ts'
import { runs } from '../support/seed.ts'

type Priority = DeliveryPolicy['priority']

/** The rule in the plainest words: each message has a line, and a moment when it joined it. */
class Model {
  again: Entry[] = []
  waiting: { entry: Entry; line: number; joined: number }[] = []
  #moment = 0

  add(entry: Entry): void {
    const { priority } = entry.policy
    for (const one of this.waiting) {
      if (one.entry.topic === entry.topic && one.line < priority) {
        Object.assign(one, { line: priority, joined: (this.#moment += 1) })
      }
    }
    this.waiting.push({ entry, line: priority, joined: (this.#moment += 1) })
  }

  remove(entry: Entry): void {
    this.again = this.again.filter((one) => one !== entry)
    this.waiting = this.waiting.filter((one) => one.entry !== entry)
  }

  get order(): Entry[] {
    const sorted = [...this.waiting].sort((a, b) => b.line - a.line || a.joined - b.joined)
    return [...this.again, ...sorted.map(({ entry }) => entry)]
  }

  get beside(): Entry | undefined {
    if (this.again.length > 0) return undefined
    const lowest = this.order.find((one) => this.waiting.some((w) => w.entry === one && !w.line))
    const first = this.waiting.find(({ entry }) => entry.topic === lowest?.topic)
    return first?.entry === lowest ? lowest : undefined
  }

  evictables(priority: number): Entry[] {
    return this.waiting
      .map(({ entry }) => entry)
      .filter(({ policy }) => policy.priority < priority && policy.durable !== 'required')
      .sort((a, b) => a.policy.priority - b.policy.priority || a.entryId - b.entryId)
  }
}

type Step =
  | { readonly kind: 'add'; readonly topic: string; readonly priority: Priority; keep: boolean }
  | { readonly kind: 'again' | 'first' | 'leave'; readonly nth: number }
  | { readonly kind: 'send' | 'beside'; readonly nth?: never }
  | { readonly kind: 'evict'; readonly priority: Priority }

const PRIORITIES = ([0, 1, 2, 3, 4] as const).map((one) => ({ priority: one }))
const KEPT = { priority: 1, durable: 'required' } as const

const priority = fc.constantFrom<Priority>(0, 1, 2, 3, 4)
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('add' as const),
        topic: fc.constantFrom('a', 'b', 'c', 'd'),
        priority,
        keep: fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom('again' as const, 'first' as const, 'leave' as const),
        nth: fc.nat(40),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom('send' as const, 'beside' as const) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('evict' as const), priority }) },
  ),
  { maxLength: 120 },
)

function fill(
  line: WaitingLine,
  count: number,
  topicOf: (i: number) => string,
  spread: number,
): void {
  for (let i = 0; i < count; i += 1) {
    const entry = makeEntry(topicOf(i), PRIORITIES[(i * 7) % spread])
    entry.entryId = i
    line.add(entry)
  }
}

function drain(line: WaitingLine): void {
  for (let entry = line.peek(); entry !== undefined; entry = line.peek()) line.remove(entry)
  equal(line.length, 0)
}

describe('waiting line', () => {
  test('agrees with the model of its rule after any steps', () => {
    fc.assert(
      fc.property(steps, (list: readonly Step[]) => {
        const line = new WaitingLine()
        const model = new Model()
        const gone: Entry[] = []
        let ids = 0
        const take = (entry: Entry | undefined): void => {
          if (entry === undefined) return
          line.remove(entry)
          model.remove(entry)
          equal(entry.place, PLACE.NOWHERE)
          gone.push(entry)
        }
        for (const step of list) {
          if (step.kind === 'add') {
            const durable = step.keep ? 'required' : 'no'
            const entry = makeEntry(step.topic, { priority: step.priority, durable })
            entry.entryId = ids += 1
            line.add(entry)
            model.add(entry)
          } else if (step.kind === 'again' || step.kind === 'first') {
            const entry = gone.splice(step.nth % (gone.length + 1), 1)
            if (step.kind === 'first') {
              line.addFirst(entry)
              model.again.unshift(...entry)
            } else
              for (const one of entry) {
                line.addAgain(one)
                model.again.push(one)
              }
          } else if (step.kind === 'leave') take(model.order[step.nth])
          else if (step.kind === 'send') {
            equal(line.peek(), model.order[0])
            take(line.peek())
          } else if (step.kind === 'beside') {
            const { beside } = model
            // With one priority alone nothing is beside: the next is the next.
            if (line.peekBeside() !== undefined) equal(line.peekBeside(), beside)
            if (beside !== undefined && beside !== line.peek()) equal(line.peekBeside(), beside)
          } else if (step.kind === 'evict') {
            const [victim, ...others] = model.evictables(step.priority)
            equal(line.evictable(step.priority), victim)
            equal(line.canFree(step.priority, 1, 1, undefined), victim !== undefined)
            equal(line.canFree(step.priority, 1, 1, victim), others.length > 0)
            take(victim)
          }
          equal(line.length, model.order.length)
        }
        deepEqual(
          [...line].map((one) => one.entryId),
          model.order.map((one) => one.entryId),
        )
        for (const next of model.order) {
          equal(line.peek(), next)
          take(next)
        }
        equal(line.peek(), undefined)
        equal(line.length + line.droppable, 0)
      }),
      runs(400),
    )
  })

  test('keeps the order of publishing within a topic whatever the priorities', () => {
    const any = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), priority), { maxLength: 80 })
    fc.assert(
      fc.property(any, (list) => {
        const line = new WaitingLine()
        const entries = list.map(([topic, one]) => makeEntry(topic, { priority: one }))
        for (const [i, entry] of entries.entries()) {
          entry.entryId = i
          line.add(entry)
        }
        const last = new Map<string, number>()
        for (let entry = line.peek(); entry !== undefined; entry = line.peek()) {
          const { topic, entryId, policy } = entry
          ok(entryId > (last.get(topic) ?? -1))
          last.set(topic, entryId)
          // Nobody who waits is worth more than the best behind whoever goes.
          const behind = entries.filter((one) => one.place >= 0 && one.topic === topic)
          const worth = Math.max(...behind.map((one) => one.policy.priority))
          ok(worth >= policy.priority)
          for (const other of entries) if (other.place >= 0) ok(other.policy.priority <= worth)
          line.remove(entry)
        }
      }),
      runs(200),
    )
  })

  const patterns: readonly [name: string, run: (count: number) => void][] = [
    [
      'many topics in mixed priorities',
      (count) => {
        const line = new WaitingLine()
        fill(line, count, (i) => `t/${i % 1000}`, 5)
        drain(line)
      },
    ],
    [
      'one topic whose priorities alternate',
      (count) => {
        const line = new WaitingLine()
        fill(line, count, () => 't', 2)
        drain(line)
      },
    ],
    [
      'one topic whose priorities rise and leave from the middle',
      (count) => {
        const line = new WaitingLine()
        fill(line, count / 2, () => 't', 1)
        let before: Entry | undefined
        for (let i = 0; i < count / 2; i += 1) {
          const entry = makeEntry('t', PRIORITIES[3])
          line.add(entry)
          if (before !== undefined) line.remove(before)
          before = entry
        }
        equal(line.length, count / 2 + 1)
        drain(line)
      },
    ],
    [
      'evictions past messages that must stay',
      (count) => {
        const line = new WaitingLine()
        for (let i = 0; i < count / 2; i += 1) line.add(makeEntry('kept', KEPT))
        for (let i = 0; i < count / 2; i += 1) {
          line.add(makeEntry(`t${i % 10}`, PRIORITIES[1]))
          const victim = line.evictable(4)
          ok(victim !== undefined)
          line.remove(victim)
        }
        drain(line)
      },
    ],
    [
      'many come and leave behind one that stays',
      (count) => {
        const line = new WaitingLine()
        const first = makeEntry('first', PRIORITIES[1])
        line.add(first)
        for (let i = 0; i < count; i += 1) {
          const entry = makeEntry('t', PRIORITIES[1])
          line.add(entry)
          line.remove(entry)
          if (i % 10 === 0) equal([...line].length, 1)
        }
      },
    ],
    [
      'all leave from the end',
      (count) => {
        const line = new WaitingLine()
        fill(line, count, (i) => `t/${i % 100}`, 5)
        for (const entry of [...line].reverse()) line.remove(entry)
        equal(line.length, 0)
      },
    ],
  ]
  for (const [name, run] of patterns) {
    test(`takes time that grows with the messages alone: ${name}`, () => {
      checkLinear(run, 100_000)
    })
  }

  test('forgets whoever left a topic whose first message stays', () => {
    const line = new WaitingLine()
    const first = makeEntry('t', { priority: 2 })
    line.add(first)
    for (let i = 0; i < 100; i += 1) {
      const entry = makeEntry('t', { priority: 1 })
      line.add(entry)
      line.remove(entry)
      equal(entry.previous, undefined)
      equal(entry.next, undefined)
    }
    equal(first.next, undefined)
  })
})
