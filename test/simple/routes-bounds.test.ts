// What the routes of a client hold: as much as there are subscriptions, whatever has come, gone and been asked for.

import { ok } from 'node:assert/strict'
import { test } from 'node:test'
import { type Route, Routes } from '../../src/simple/routes.ts'

/** More than what the engine has not collected yet, and a fraction of what would be left behind. */
const GROWTH_BYTES = 60_000_000

const grownBy = (work: () => void): number => {
  const before = process.memoryUsage().heapUsed
  work()
  return process.memoryUsage().heapUsed - before
}

const route = (filter: string): Route => ({ filter, handler: undefined, owner: {} })

test('routes that have gone leave no level behind', () => {
  const routes = new Routes()
  const kept = route('house/+/state')
  routes.add(kept)
  const bytes = grownBy(() => {
    for (let i = 0; i < 60_000; i += 1) {
      const gone = route(`house/${i}/a/b/c/d/e/f/g/h/i/j`)
      routes.add(gone)
      routes.delete(gone)
    }
  })
  ok(bytes < GROWTH_BYTES, `The heap grew by ${bytes} bytes`)
  ok(routes.of('house/1/state')[0] === kept)
})

test('topics that were asked for are forgotten again', () => {
  const routes = new Routes()
  routes.add(route('#'))
  const long = 'x'.repeat(2_000)
  const bytes = grownBy(() => {
    for (let i = 0; i < 100_000; i += 1) ok(routes.of(`${long}/${i}`).length === 1)
  })
  ok(bytes < GROWTH_BYTES, `The heap grew by ${bytes} bytes`)
})
