// portable
// Which routes a topic has: the same as filter by filter, in the order of coming, whatever came and went, and at a
// cost that does not grow with what else is subscribed to.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { topicMatches } from '../../src/codec/topics.ts'
import { type Route, Routes } from '../../src/simple/routes.ts'
import { paced } from '../support/pace.ts'
import { seeded } from '../support/robust-rig.ts'

const route = (filter: string): Route => ({ filter, handler: undefined, owner: {} })

const filtersOf = (routes: Routes, topic: string): string[] =>
  routes.of(topic).map(({ filter }) => filter)

describe('the routes of a topic', () => {
  const FILTERS = ['#', '+', 'a', 'a/#', 'a/+', '+/b', 'a/b', '/', '+/+', '/#', 'a//b', 'a/+/b']
  const MORE = [
    '$SYS/#',
    '$SYS/a',
    '$share/g/a/#',
    '$share/g/#',
    '$share/h/+/b',
    '+/a',
    'constructor',
  ]
  const TOPICS = [
    'a',
    'a/b',
    'b',
    '/',
    '//',
    'a/',
    '/b',
    'a//b',
    'a/x/b',
    '$SYS/a',
    '$SYS',
    '$share',
  ]

  test('are those whose filters match, in the order of coming', () => {
    const all = [...FILTERS, ...MORE]
    for (const filters of [all, [...all].reverse()]) {
      const routes = new Routes()
      for (const filter of filters) routes.add(route(filter))
      for (const topic of [...TOPICS, 'constructor', '__proto__']) {
        deepEqual(
          filtersOf(routes, topic),
          filters.filter((filter) => topicMatches(filter, topic)),
          topic,
        )
      }
    }
  })

  test('are the same after any coming and going as filter by filter', () => {
    const random = seeded(7)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
    const routes = new Routes()
    let there: Route[] = []
    let matches = 0
    const steps = paced(3_000, 500)
    for (let step = 0; step < steps; step += 1) {
      if (there.length > 0 && random() < 0.5) {
        const gone = pick(there)
        routes.delete(gone)
        there = there.filter((one) => one !== gone)
      } else {
        const depth = 1 + Math.floor(random() * 4)
        const names = Array.from({ length: depth }, () => pick(['a', 'b', '', '+']))
        const added = route([...names, ...(random() < 0.3 ? ['#'] : [])].join('/'))
        routes.add(added)
        there.push(added)
      }
      const topic = Array.from({ length: 1 + Math.floor(random() * 4) }, () =>
        pick(['a', 'b', '']),
      ).join('/')
      if (topic === '') continue
      const expected = there.filter(({ filter }) => topicMatches(filter, topic))
      deepEqual(routes.of(topic), expected)
      matches += expected.length
    }
    ok(matches > steps / 3)
  })

  test('are asked for without the others: nothing of them is looked at', () => {
    const routes = new Routes()
    let looks = 0
    for (let i = 0; i < 1_000; i += 1) {
      const filter = `device/${i}/state`
      const watched = {
        handler: undefined,
        owner: {},
        get filter() {
          looks += 1
          return filter
        },
      }
      routes.add(watched)
    }
    looks = 0
    equal(routes.of('device/500/state').length, 1)
    equal(routes.of('device/x/state').length, 0)
    equal(looks, 0)
  })

  test('go when they are taken out, once, and the others stay', () => {
    const routes = new Routes()
    const [first, second] = [route('a/b'), route('a/b')]
    routes.add(first)
    routes.add(second)
    equal(routes.of('a/b').length, 2)
    routes.delete(first)
    routes.delete(first)
    deepEqual(routes.of('a/b'), [second])
    routes.delete(second)
    routes.delete(route('a/b'))
    deepEqual(routes.of('a/b'), [])
  })

  test('are found under as many levels as a topic can have', () => {
    const levels = paced(65_535, 5000)
    const deep = '/'.repeat(levels)
    const routes = new Routes()
    const all = [route(deep), route('#'), route(`+${'/+'.repeat(levels)}`)]
    for (const one of all) routes.add(one)
    deepEqual(routes.of(deep), all)
    for (const one of all) routes.delete(one)
    deepEqual(routes.of(deep), [])
  })
})
