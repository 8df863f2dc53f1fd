// portable
// When a client tries again, and where: the rules one by one, and what many devices do together. Time is a
// number and chance a seeded generator.

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FOLLOWED_MAX, PATIENCE } from '../../src/robust/defaults.ts'
import type { Failure, FailureKind } from '../../src/robust/refusals.ts'
import {
  type Decision,
  type ReconnectOptions,
  resolveReconnect,
  Schedule,
  type Urgency,
} from '../../src/robust/schedule.ts'
import { paced } from '../support/pace.ts'
import { runs } from '../support/seed.ts'

const { floorMs: FLOOR, capMs: CAP, stableAfterMs: STABLE } = resolveReconnect()
const FIRST_MOST = FLOOR + 12_000

/** Mulberry32. */
function chance(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Given extends ReconnectOptions {
  readonly random?: () => number
  readonly servers?: readonly string[]
  readonly freshCredentials?: boolean
}

function make(given: Given = {}): Schedule {
  const { random = () => 0.5, servers = ['a'], freshCredentials = false, ...options } = given
  return new Schedule({ ...resolveReconnect(options), freshCredentials }, random, servers)
}

const of = (kind: FailureKind, serverReference?: string): Failure => ({ kind, serverReference })

/** An attempt that fails. */
function fail(schedule: Schedule, now: number, failure: Failure = of('retry')): Decision {
  schedule.handleAttempt(now)
  return schedule.handleFailed(failure, now)
}

/** A connection that is made and lost. */
function live(schedule: Schedule, from: number, to: number, failure = of('retry')): Decision {
  schedule.handleAttempt(from)
  schedule.handleConnected(from)
  return schedule.handleLost(failure, to)
}

/** Failures one after the other, each when the schedule says; gives the waits. */
function waits(schedule: Schedule, count: number, failure?: Failure): number[] {
  let now = 0
  return Array.from({ length: count }, () => {
    const { delayMs } = fail(schedule, now, failure)
    now += delayMs
    return delayMs
  })
}

const anySeed = fc.integer()
const URGENCIES: readonly Urgency[] = ['normal', 'urgent', 'now']

describe('a wait', () => {
  test('is none before the first attempt', () => {
    for (const urgency of URGENCIES) equal(make().earliest(7, urgency), 7)
  })
  test('never undercuts the floor and never exceeds the cap, with any settings', () => {
    const anyOptions = fc
      .record({
        floorMs: fc.integer({ min: 1, max: 60_000 }),
        more: fc.integer({ min: 0, max: 600_000 }),
      })
      .map(({ floorMs, more }) => ({ floorMs, capMs: floorMs + more }))
    const anyKind = fc.constantFrom<FailureKind[]>('retry', 'busy', 'slow', 'credentials')
    fc.assert(
      fc.property(anySeed, anyOptions, fc.array(anyKind), (seed, options, kinds) => {
        const schedule = make({ ...options, random: chance(seed) })
        let now = 0
        for (const kind of kinds) {
          const { delayMs } = fail(schedule, now, of(kind))
          ok(delayMs >= options.floorMs && delayMs <= options.capMs, `${delayMs}`)
          for (const urgency of URGENCIES) {
            ok(schedule.earliest(now, urgency) - now >= options.floorMs)
          }
          now += delayMs
        }
      }),
      runs(300),
    )
  })
  test('grows until the cap bounds it, and then goes on being spread', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        const devices = Array.from({ length: 400 }, (_, i) =>
          waits(make({ random: chance(seed + i) }), 8),
        )
        const means = [0, 1, 2, 3].map((nth) => mean(devices.map((one) => one[nth] ?? 0)))
        for (const [nth, least] of [6_000, 11_000, 20_000, 35_000].entries()) {
          ok((means[nth] ?? 0) > least, `wait ${nth} is ${means[nth]} in the mean`)
        }
        const last = devices.map((one) => one[7] ?? 0)
        // Evenly between floor and cap: in no twentieth is more than three times its share.
        ok(Math.abs(mean(last) - (FLOOR + CAP) / 2) < 10_000, `${mean(last)}`)
        for (let part = 0; part < 20; part += 1) {
          const within = last.filter(
            (ms) => Math.floor((20 * (ms - FLOOR)) / (CAP - FLOOR)) === part,
          )
          ok(within.length < 60 && within.length > 0, `${within.length} of 400 in part ${part}`)
        }
      }),
      runs(paced(10, 2)),
    )
  })
  test('has its most at least doubled each time, also when chance gives the least', () => {
    const draws = [0, 0, 0, 0, 0, 0.999_999]
    const random = (): number => draws.shift() ?? 0
    const last = waits(make({ random }), 6).at(-1) ?? 0
    ok(last > CAP - 1, `${last}`)
  })
  test('has three times a long draw as its next most', () => {
    const [first = 0, second = 0] = waits(make({ random: () => 0.999_999 }), 2)
    ok(second > 3 * first - 5, `${second} after ${first}`)
  })
  test('is spread above the floor, not cut off at it', () => {
    const times = Array.from(
      { length: 400 },
      (_, i) => fail(make({ random: chance(i), floorMs: 60_000 }), 0).delayMs,
    )
    ok(times.filter((ms) => ms < 60_100).length < 20)
  })
  test('is drawn anew each time: no two devices stay in step', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        const one = waits(make({ random: chance(seed) }), 10)
        const other = waits(make({ random: chance(seed + 1) }), 10)
        ok(one.filter((ms, i) => Math.abs(ms - (other[i] ?? 0)) < 10).length <= 2)
      }),
      runs(50),
    )
  })
})

describe('500 devices that are cut at once', () => {
  test('come back over more than 10 seconds, in no second more than a fifth of them', () => {
    fc.assert(
      fc.property(anySeed, (seed) => {
        const times = Array.from(
          { length: 500 },
          (_, i) => live(make({ random: chance(seed + i) }), 0, STABLE).delayMs,
        )
        const least = Math.min(...times)
        const most = Math.max(...times)
        ok(least >= FLOOR && most <= FIRST_MOST)
        ok(most - least > 10_000, `${most - least}`)
        for (let second = 0; second < 13; second += 1) {
          ok(times.filter((ms) => Math.floor(ms / 1_000) === second).length <= 100)
        }
      }),
      runs(20),
    )
  })
  test('do so also when a busy server sends them away', () => {
    const times = Array.from(
      { length: 500 },
      (_, i) => live(make({ random: chance(i) }), 0, STABLE, of('busy')).delayMs,
    )
    ok(Math.max(...times) - Math.min(...times) > 10_000)
  })
})

describe('the waits begin anew', () => {
  const random = (): number => 0.999_999
  const grown = (): Schedule => {
    const schedule = make({ random })
    waits(schedule, 6)
    return schedule
  }
  test('only after a connection that was stable', () => {
    const short = grown()
    ok(live(short, 1e6, 1e6 + STABLE - 1).delayMs > CAP - 1)
    equal(short.attempts, 7)
    const long = grown()
    ok(live(long, 1e6, 1e6 + STABLE).delayMs <= FIRST_MOST)
    equal(long.attempts, 0)
  })
  test('not with a server that accepts and throws out', () => {
    const schedule = make({ random })
    let now = 0
    let attempts = 0
    for (; now < 3_600_000; attempts += 1) {
      now += 100
      now += live(schedule, now - 100, now).delayMs
    }
    ok(attempts < 40, `${attempts}`)
  })
  test('with restart, which keeps the floor', () => {
    const schedule = grown()
    schedule.restart(1e6)
    equal(schedule.attempts, 0)
    equal(schedule.earliest(1e6, 'normal'), 1e6)
    fail(schedule, 1e6)
    schedule.restart(1e6 + 1)
    equal(schedule.earliest(1e6 + 1, 'normal'), 1e6 + FLOOR)
  })
})

describe('the budget', () => {
  const budget = { attempts: 10, perMs: 3_600_000 }

  test('is kept over any hour, whatever is urgent and however it fails', () => {
    const anyEvent = fc.record({
      urgency: fc.constantFrom(...URGENCIES),
      lives: fc.constantFrom(0, 0, 100, STABLE),
      kind: fc.constantFrom<FailureKind[]>('retry', 'busy', 'slow', 'elsewhere', 'protocol'),
    })
    const anyBudget = fc.record({
      attempts: fc.integer({ min: 1, max: 30 }),
      perMs: fc.constantFrom(60_000, 3_600_000),
    })
    fc.assert(
      fc.property(
        anySeed,
        anyBudget,
        fc.array(anyEvent, { minLength: 60, maxLength: 100 }),
        (seed, given, events) => {
          const schedule = make({ random: chance(seed), budget: given, servers: ['a', 'b'] })
          const times: number[] = []
          let now = 0
          for (const { urgency, lives, kind } of events) {
            now = schedule.earliest(now, urgency)
            times.push(now)
            const failure = of(kind, kind === 'elsewhere' ? 'c' : undefined)
            if (lives === 0) fail(schedule, now, failure)
            else live(schedule, now, now + lives, failure)
            now += lives
          }
          for (const [i, at] of times.entries()) {
            const inWindow = times.slice(i).filter((one) => one < at + given.perMs - 1)
            ok(inWindow.length <= given.attempts, `${inWindow.length} of ${given.attempts}`)
          }
        },
      ),
      runs(200),
    )
  })
  test('is used: half in a row, the rest spread over the time', () => {
    const schedule = make({ budget })
    const times: number[] = []
    for (let now = 0; now <= budget.perMs; now = schedule.earliest(now, 'now')) {
      times.push(now)
      fail(schedule, now)
    }
    deepEqual(
      times.slice(0, 5),
      [0, 1, 2, 3, 4].map((nth) => nth * FLOOR),
    )
    equal(times.length, 10)
  })
  test('of one attempt lets one through each time', () => {
    const schedule = make({ budget: { attempts: 1, perMs: 60_000 } })
    fail(schedule, 0)
    equal(schedule.earliest(0, 'now'), 60_000)
  })
  test('delays what follows, which the decision says', () => {
    const schedule = make({ budget: { attempts: 2, perMs: 3_600_000 } })
    equal(fail(schedule, 0).delayMs, 3_600_000)
  })
})

describe('an urgent message', () => {
  test('brings the next attempt forward, to the floor', () => {
    const schedule = make()
    const { delayMs } = fail(schedule, 0)
    equal(schedule.earliest(0, 'normal'), delayMs)
    equal(schedule.earliest(0, 'urgent'), FLOOR)
    equal(schedule.earliest(FLOOR + 5, 'urgent'), FLOOR + 5)
  })
  test('does not override a server that asked for time', () => {
    const schedule = make()
    const { delayMs } = fail(schedule, 0, of('busy'))
    for (const urgency of URGENCIES) equal(schedule.earliest(0, urgency), delayMs)
  })
  test('does not leave the slow lane, and "now" does', () => {
    const schedule = make()
    const { delayMs } = fail(schedule, 0, of('slow'))
    equal(schedule.earliest(0, 'urgent'), delayMs)
    equal(schedule.earliest(0, 'now'), FLOOR)
  })
  test('has the floor from the end of the last attempt, not from its beginning', () => {
    const schedule = make()
    schedule.handleAttempt(0)
    schedule.handleFailed(of('retry'), 30_000)
    equal(schedule.earliest(30_000, 'urgent'), 30_000 + FLOOR)
  })
  test('has the floor from the loss of a connection', () => {
    const schedule = make()
    live(schedule, 0, 90_000)
    equal(schedule.earliest(90_000, 'urgent'), 90_000 + FLOOR)
  })
  test('waits ever longer while it is not through, up to the schedule', () => {
    const schedule = make({ random: () => 0.999_999 })
    const waits: number[] = []
    for (let now = 0; waits.length < 12;) {
      const { delayMs } = fail(schedule, now)
      const at = schedule.earliest(now, 'urgent')
      ok(at - now <= delayMs, `${at - now} of ${delayMs}`)
      waits.push(at - now)
      now = at
    }
    deepEqual(
      waits.slice(0, 6),
      [1, 2, 4, 8, 16, 32].map((times) => times * FLOOR),
    )
    deepEqual(waits.slice(-2), [CAP, CAP])
  })
  test('is spread from the second attempt on', () => {
    const schedule = make({ random: () => 0.25 })
    fail(schedule, 0)
    fail(schedule, FLOOR)
    equal(schedule.earliest(FLOOR, 'urgent'), FLOOR + 1.25 * FLOOR)
  })
  test('has an attempt of its own as soon as the floor allows', () => {
    const schedule = make({ random: () => 0.999_999 })
    let now = 0
    for (let nth = 0; nth < 8; nth += 1) {
      fail(schedule, now)
      now = schedule.earliest(now, 'urgent')
    }
    fail(schedule, now)
    ok(schedule.earliest(now, 'urgent') > now + 10 * FLOOR)
    schedule.handleUrgent()
    equal(schedule.earliest(now, 'urgent'), now + FLOOR)
  })
  test('is free again after the hint is over', () => {
    const schedule = make()
    const { delayMs } = fail(schedule, 0, of('busy'))
    fail(schedule, delayMs)
    equal(schedule.earliest(delayMs, 'urgent'), delayMs + FLOOR)
  })
  test('is free between two servers, also after a hint', () => {
    const schedule = make({ servers: ['a', 'b'] })
    fail(schedule, 0, of('busy'))
    const { delayMs } = fail(schedule, 0, of('busy'))
    fail(schedule, delayMs)
    schedule.replaceDelay({ now: delayMs, delayMs: 5_000 })
    equal(schedule.earliest(delayMs, 'urgent'), delayMs)
  })
})

describe('a busy server', () => {
  test('has more time than a lost one', () => {
    for (const draw of [0, 0.999_999]) {
      const { delayMs } = fail(make({ random: () => draw }), 0, of('busy'))
      ok(delayMs >= PATIENCE * 60_000 && delayMs <= 60_000, `${delayMs}`)
    }
  })
})

describe('the slow lane', () => {
  for (const kind of ['slow', 'credentials'] as const) {
    test(`is where "${kind}" leads, at the cap`, () => {
      for (const draw of [0, 0.999_999]) {
        const decision = fail(make({ random: () => draw }), 0, of(kind))
        ok(decision.slowLane && !decision.stop)
        ok(decision.delayMs >= PATIENCE * CAP && decision.delayMs <= CAP)
      }
    })
  }
  for (const kind of ['retry', 'busy', 'protocol', 'elsewhere'] as const) {
    test(`is not where "${kind}" leads`, () => {
      const schedule = make()
      ok(!fail(schedule, 0, of(kind, 'b')).slowLane)
      ok(!schedule.slowLane)
    })
  }
  test('is left by a failure that time may cure, and by an attempt', () => {
    const schedule = make()
    fail(schedule, 0, of('slow'))
    ok(schedule.slowLane)
    schedule.handleAttempt(1)
    ok(!schedule.slowLane)
    ok(!schedule.handleFailed(of('retry'), 1).slowLane)
  })
  test('is where a connection ends that another client has taken over', () => {
    ok(live(make(), 0, STABLE, of('slow')).slowLane)
  })
  test('ends there with whenRefused "stop", until restart', () => {
    const schedule = make({ whenRefused: 'stop' })
    deepEqual(fail(schedule, 0, of('slow')), { delayMs: Infinity, slowLane: true, stop: true })
    ok(schedule.stopped)
    for (const urgency of URGENCIES) equal(schedule.earliest(1e9, urgency), Infinity)
    schedule.restart(500)
    ok(!schedule.stopped && !schedule.slowLane)
    equal(schedule.earliest(500, 'normal'), FLOOR)
  })
  test('does not stop for what time may cure', () => {
    ok(!fail(make({ whenRefused: 'stop' }), 0, of('busy')).stop)
  })
})

describe('credentials that are asked for anew', () => {
  const options = { freshCredentials: true, whenRefused: 'stop' } as const
  test('have one normal attempt before the slow lane', () => {
    const schedule = make(options)
    const first = fail(schedule, 0, of('credentials'))
    ok(!first.slowLane && first.delayMs <= FIRST_MOST)
    ok(fail(schedule, first.delayMs, of('credentials')).stop)
  })
  test('have it again after a connection', () => {
    const schedule = make(options)
    fail(schedule, 0, of('credentials'))
    live(schedule, 5_000, 6_000)
    ok(!fail(schedule, 20_000, of('credentials')).slowLane)
  })
  test('have one for all servers of a list', () => {
    const schedule = make({ ...options, servers: ['a', 'b'] })
    for (const stop of [false, false, false, true]) {
      equal(fail(schedule, 0, of('credentials')).stop, stop)
    }
  })
})

describe('a list of servers', () => {
  /** The servers in the order in which they are tried, while each fails. */
  const tried = (schedule: Schedule, count: number): string[] =>
    Array.from({ length: count }, (_, i) => {
      const { server } = schedule
      fail(schedule, i)
      return server
    })

  test('is tried to its end before there is a wait', () => {
    const schedule = make({ servers: ['a', 'b', 'c'] })
    const delays = [0, 0, 0, 0].map(() => fail(schedule, 0).delayMs)
    deepEqual(
      delays.map((ms) => ms > 0),
      [false, false, true, false],
    )
  })
  test('begins with the last good one', () => {
    const schedule = make({ servers: ['a', 'b', 'c'] })
    fail(schedule, 0)
    equal(schedule.server, 'b')
    live(schedule, 0, 1)
    deepEqual(tried(schedule, 6), ['b', 'a', 'c', 'b', 'a', 'c'])
  })
  test('has the one that is connected', () => {
    const schedule = make({ servers: ['a', 'b'] })
    fail(schedule, 0)
    schedule.handleAttempt(0)
    schedule.handleConnected(0)
    equal(schedule.server, 'b')
  })
  test('is in the slow lane when none of them is a matter of time, and waits when one is busy', () => {
    const mixed = make({ servers: ['a', 'b'] })
    fail(mixed, 0, of('slow'))
    ok(!fail(mixed, 0, of('retry')).slowLane)
    const refused = make({ servers: ['a', 'b'] })
    ok(!fail(refused, 0, of('slow')).slowLane)
    ok(fail(refused, 0, of('slow')).slowLane)
    const busy = make({ servers: ['a', 'b'] })
    fail(busy, 0, of('busy'))
    const { delayMs } = fail(busy, 0)
    equal(busy.earliest(0, 'urgent'), delayMs)
  })
  test('forgets what failed before a connection', () => {
    const schedule = make({ servers: ['a', 'b'], whenRefused: 'stop' })
    fail(schedule, 0, of('busy'))
    live(schedule, 0, STABLE)
    equal(schedule.earliest(STABLE, 'urgent'), STABLE + FLOOR)
  })
  test('may be another one at each round, and what is tried meanwhile is not repeated', () => {
    const schedule = make({ servers: ['a', 'b'] })
    fail(schedule, 0)
    schedule.setServers(['c', 'd'])
    deepEqual(tried(schedule, 3), ['b', 'c', 'd'])
    schedule.setServers(['e'])
    equal(schedule.server, 'e')
  })
  test('that is another one at each attempt still ends in a wait', () => {
    const schedule = make({ servers: ['a', 'b'] })
    let waited = 0
    for (let i = 0; i < 10; i += 1) {
      schedule.setServers(i % 2 === 0 ? ['a', 'b'] : ['b', 'a'])
      if (fail(schedule, i).delayMs > 0) waited += 1
    }
    equal(waited, 5)
  })
  test('loses its last good one when the application takes it out', () => {
    const schedule = make({ servers: ['a', 'b'] })
    live(schedule, 0, 1)
    schedule.setServers(['b', 'c'])
    deepEqual(tried(schedule, 3), ['b', 'c', 'b'])
  })
  test('comes from the application also when its list has changed within the round', () => {
    const schedule = make({ servers: ['a', 'b?1'] })
    fail(schedule, 0)
    schedule.setServers(['a', 'b?2'])
    deepEqual([schedule.server, schedule.isReferred], ['b?1', false])
    live(schedule, 0, 1)
    schedule.setServers(['a', 'b?3'])
    deepEqual(tried(schedule, 2), ['a', 'b?3'])
  })
})

describe('a server that names another', () => {
  test('is followed at once when it refuses', () => {
    const schedule = make({ servers: ['a', 'b'] })
    equal(fail(schedule, 0, of('elsewhere', 'x  y')).delayMs, 0)
    equal(schedule.server, 'x')
    ok(schedule.isReferred)
    fail(schedule, 0)
    equal(schedule.server, 'y')
    fail(schedule, 0)
    equal(schedule.server, 'b')
    ok(!schedule.isReferred)
  })
  test('is followed after a wait when it had accepted, so that not all arrive at once', () => {
    const schedule = make()
    ok(live(schedule, 0, STABLE, of('elsewhere', 'x')).delayMs >= FLOOR)
    equal(schedule.server, 'x')
    equal(schedule.earliest(STABLE, 'urgent'), STABLE + FLOOR)
    schedule.setServers(['a', 'b'])
    equal(schedule.server, 'x')
  })
  test('makes the other one the last good one when that accepts', () => {
    const schedule = make()
    fail(schedule, 0, of('elsewhere', 'x'))
    live(schedule, 0, STABLE)
    equal(schedule.server, 'x')
    fail(schedule, 0)
    equal(schedule.server, 'a')
  })
  test('is followed a bounded number of times, then it counts as busy', () => {
    const schedule = make()
    let now = 0
    for (let i = 0; i < FOLLOWED_MAX; i += 1)
      equal(fail(schedule, now, of('elsewhere', 'x')).delayMs, 0)
    const { delayMs, slowLane } = fail(schedule, now, of('elsewhere', 'x'))
    ok(delayMs >= PATIENCE * 60_000 && !slowLane)
    equal(schedule.earliest(now, 'urgent'), delayMs)
    equal(schedule.server, 'a')
    now += delayMs
    equal(fail(schedule, now, of('elsewhere', 'x')).delayMs, 0)
  })
  test('cannot name more than that at once', () => {
    const schedule = make()
    fail(schedule, 0, of('elsewhere', 'q r s t u v w x y z'))
    let tries = 0
    while (fail(schedule, 0).delayMs === 0) tries += 1
    equal(tries, FOLLOWED_MAX - 1)
  })
  test('is not followed for ever by connections that do not last', () => {
    const schedule = make()
    for (let i = 0; i < FOLLOWED_MAX; i += 1) {
      live(schedule, i, i, of('elsewhere', `x${i}`))
      equal(schedule.server, `x${i}`)
    }
    live(schedule, 9, 9, of('elsewhere', 'y'))
    equal(schedule.server, `x${FOLLOWED_MAX - 1}`)
  })
})

describe('a fall-back to MQTT 3.1.1', () => {
  test('goes to the same server at once, a bounded number of times', () => {
    const schedule = make({ servers: ['a', 'b'] })
    equal(fail(schedule, 0, of('protocol')).delayMs, 0)
    equal(schedule.server, 'a')
    let tries = 1
    while (fail(schedule, 0, of('protocol')).delayMs === 0) tries += 1
    equal(tries, FOLLOWED_MAX + 1)
  })
})

describe("an application's own wait", () => {
  test('takes the place of the suggested one, and keeps the floor', () => {
    const schedule = make()
    fail(schedule, 0)
    equal(schedule.replaceDelay({ now: 0, delayMs: 777_000 }), 777_000)
    equal(schedule.earliest(0, 'normal'), 777_000)
    for (const delayMs of [0, -5, NaN, 1]) {
      equal(schedule.replaceDelay({ now: 0, delayMs }), FLOOR)
    }
    equal(schedule.replaceDelay({ now: 0, delayMs: Infinity }), Infinity)
    equal(schedule.earliest(0, 'urgent'), FLOOR)
  })
  test('keeps the budget', () => {
    const schedule = make({ budget: { attempts: 1, perMs: 60_000 } })
    fail(schedule, 0)
    equal(schedule.replaceDelay({ now: 0, delayMs: 5_000 }), 60_000)
  })
})

describe('the options of reconnection', () => {
  test('have their defaults, and are frozen', () => {
    deepEqual(resolveReconnect(), {
      floorMs: 1_000,
      capMs: 120_000,
      stableAfterMs: 30_000,
      budget: undefined,
      whenRefused: 'slow',
    })
    ok(Object.isFrozen(resolveReconnect()))
    equal(resolveReconnect({ floorMs: 600_000 }).capMs, 600_000)
  })
  const wrong: readonly (readonly [object, string, string])[] = [
    [
      { floor: 5 },
      'TypeError',
      'Cannot use reconnect.floor: the known ones are floorMs, capMs, stableAfterMs, budget, whenRefused',
    ],
    [
      { floorMs: 0 },
      'RangeError',
      'Cannot use reconnect.floorMs "0": give an integer from 1 to 2147483647',
    ],
    [{ capMs: 999 }, 'RangeError', 'Cannot use reconnect.capMs "999": it is below floorMs "1000"'],
    [
      { stableAfterMs: '30s' },
      'TypeError',
      'Cannot use reconnect.stableAfterMs "30s": give an integer from 0 to 2147483647',
    ],
    [{ budget: 5 }, 'TypeError', 'Cannot use reconnect.budget "5": give an object'],
    [
      { budget: { attempts: 0, perMs: 1 } },
      'RangeError',
      'Cannot use reconnect.budget.attempts "0": give an integer from 1 to 9007199254740991',
    ],
    [
      { budget: { attempts: 1 } },
      'TypeError',
      'Cannot use reconnect.budget.perMs "undefined": give an integer from 1 to 9007199254740991',
    ],
    [
      { whenRefused: 'never' },
      'TypeError',
      'Cannot use reconnect.whenRefused "never": give one of slow, stop',
    ],
  ]
  for (const [options, name, message] of wrong) {
    test(`refuse ${JSON.stringify(options)}`, () => {
      throws(() => resolveReconnect(options), { name, message })
    })
  }
})

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
