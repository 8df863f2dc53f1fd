// portable
// Policies: the table of the documentation, what they refuse, and what they are as data.

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { QoS } from '../../src/codec/packets.ts'
import {
  type DeliveryPolicy,
  Policies,
  type PolicyJson,
  UNTIL_DELIVERED,
  fleeting,
  guaranteed,
  latest,
  policyFromJson,
  policyToJson,
  resolvePolicy,
  within,
} from '../../src/robust/policies.ts'
import { runs } from '../support/seed.ts'

const NONE = { ...UNTIL_DELIVERED }

describe('the makers of policies', () => {
  /** The table, a row a maker: what it resolves to by itself, and what changes at other QoS. */
  const table = [
    {
      name: 'none given',
      policy: UNTIL_DELIVERED,
      row: [1, Infinity, 'wait', undefined, 'if-available', 2, 'resend', 'normal'],
      losses: ['drop', 'resend', 'report'],
    },
    {
      name: 'fleeting',
      policy: fleeting(),
      row: [0, Infinity, 'drop', undefined, 'no', 0, 'drop', 'none'],
      losses: ['drop', 'drop', 'drop'],
    },
    {
      name: 'latest',
      policy: latest(),
      row: [1, Infinity, 'wait', true, 'no', 1, 'resend', 'ride'],
      losses: ['drop', 'resend', 'report'],
    },
    {
      name: 'within',
      policy: within('15s'),
      row: [1, 15_000, 'wait', undefined, 'if-available', 3, 'resend', 'urgent'],
      losses: ['drop', 'resend', 'report'],
    },
    {
      name: 'guaranteed',
      policy: guaranteed(),
      row: [1, Infinity, 'wait', undefined, 'required', 4, 'resend', 'frugal'],
      losses: [undefined, 'resend', 'resend'],
    },
  ] as const
  for (const { name, policy, row, losses } of table) {
    test(`${name} has its column of the table`, () => {
      const [qos, expiresAfterMs, offline, collapseKey, durable, priority, loss, energy] = row
      deepEqual(resolvePolicy(policy), {
        qos,
        expiresAfterMs,
        offline,
        collapseKey,
        durable,
        priority,
        onSessionLoss: loss,
        energy,
      })
    })
    test(`${name} is frozen, also resolved`, () => {
      ok(Object.isFrozen(policy))
      ok(Object.isFrozen(resolvePolicy(policy)))
    })
    for (const qos of [0, 1, 2] as const) {
      const loss = losses[qos]
      if (loss === undefined) continue
      test(`${name} has "${loss}" on session loss when publish names QoS ${qos}`, () => {
        const resolved = resolvePolicy(policy, qos)
        equal(resolved.qos, qos)
        equal(resolved.onSessionLoss, loss)
      })
    }
  }

  test('a choice on session loss holds at every QoS', () => {
    for (const qos of [0, 1, 2] as const) {
      equal(resolvePolicy(latest({ onSessionLoss: 'resend' }), qos).onSessionLoss, 'resend')
    }
    equal(resolvePolicy(guaranteed({ qos: 2, onSessionLoss: 'report' })).onSessionLoss, 'report')
  })
  test('"if-available" keeps nothing of QoS 0', () => {
    equal(resolvePolicy(within('1h'), 0).durable, 'no')
    equal(resolvePolicy(UNTIL_DELIVERED, 0).durable, 'no')
    equal(resolvePolicy(UNTIL_DELIVERED, 2).durable, 'if-available')
  })
  test('guaranteed takes nothing but an object of options', () => {
    for (const options of [5, true, null]) {
      throws(() => guaranteed(options as never), {
        name: 'TypeError',
        message: `Cannot use guaranteed options "${String(options)}": give an object`,
      })
    }
  })

  test('guaranteed takes its expiry as a duration, or in ms', () => {
    equal(guaranteed({ expiresAfter: '7d' }).expiresAfterMs, 604_800_000)
    equal(guaranteed({ expiresAfterMs: 5_000 }).expiresAfterMs, 5_000)
  })
  test('undefined is not given', () => {
    deepEqual(latest({ qos: undefined } as unknown as object), latest())
  })
  test('options replace single fields', () => {
    deepEqual(within('2m', { priority: 4, collapseKey: 'lamp' }), {
      ...within('2m'),
      priority: 4,
      collapseKey: 'lamp',
    })
  })
})

describe('a policy that cannot be meant', () => {
  const cases: readonly (readonly [string, () => unknown, string, string])[] = [
    [
      'an unknown key',
      () => latest({ prio: 1 } as object),
      'TypeError',
      'Cannot use latest options.prio: the known ones are qos, expiresAfterMs, offline, collapseKey, durable, priority, onSessionLoss, energy',
    ],
    [
      'no object',
      () => fleeting('15s' as unknown as object),
      'TypeError',
      'Cannot use fleeting options "15s": give an object',
    ],
    [
      'an unknown choice',
      () => latest({ energy: 'low' } as object),
      'TypeError',
      'Cannot use latest options.energy "low": give one of none, ride, normal, urgent, frugal',
    ],
    [
      'a QoS that is none',
      () => resolvePolicy(latest(), 3 as QoS),
      'TypeError',
      'Cannot use qos "3": give one of 0, 1, 2',
    ],
    [
      'a priority beyond the highest',
      () => resolvePolicy({ ...NONE, priority: 5 } as unknown as DeliveryPolicy),
      'TypeError',
      'Cannot use delivery.priority "5": give one of 0, 1, 2, 3, 4',
    ],
    [
      'a field that is missing',
      () => resolvePolicy({ qos: 1 } as DeliveryPolicy),
      'TypeError',
      'Cannot use delivery.expiresAfterMs "undefined": give whole ms from 1, or Infinity for never',
    ],
    [
      'no policy',
      () => resolvePolicy('guaranteed' as unknown as DeliveryPolicy),
      'TypeError',
      'Cannot use delivery "guaranteed": give an object',
    ],
    [
      'null',
      () => resolvePolicy(null as unknown as DeliveryPolicy),
      'TypeError',
      'Cannot use delivery "null": give an object',
    ],
    [
      'a key of a wrong kind',
      () => latest({ collapseKey: 7 } as unknown as object),
      'TypeError',
      'Cannot use latest options.collapseKey "7": give a string',
    ],
    [
      'an expiry of a wrong kind',
      () => guaranteed({ expiresAfterMs: '7d' } as unknown as object),
      'TypeError',
      'Cannot use guaranteed options.expiresAfterMs "7d": give whole ms from 1, or Infinity for never',
    ],
    [
      'no time at all',
      () => latest({ expiresAfterMs: 0 }),
      'RangeError',
      'Cannot use latest options.expiresAfterMs "0": with offline "wait" give at least 1',
    ],
    [
      'a deadline given twice',
      () => within('15s', { expiresAfterMs: 5 }),
      'TypeError',
      'Cannot use within options.expiresAfterMs: the known ones are qos, offline, collapseKey, durable, priority, onSessionLoss, energy',
    ],
    [
      'an expiry given twice',
      () => guaranteed({ expiresAfter: '7d', expiresAfterMs: 5 }),
      'TypeError',
      'Cannot use guaranteed options.expiresAfterMs: the known ones are qos, offline, collapseKey, durable, priority, onSessionLoss, energy',
    ],
    [
      'a deadline without a unit',
      () => within('15 s' as '15s'),
      'TypeError',
      'Cannot use within "15 s": give milliseconds, or a number with ms, s, m, h or d such as "15s"',
    ],
    [
      'a guarantee at QoS 0',
      () => resolvePolicy(guaranteed(), 0),
      'TypeError',
      'Cannot use qos "0": with durable "required" give 1 or 2: nothing acknowledges QoS 0',
    ],
    [
      'a guarantee that is dropped offline',
      () => guaranteed({ offline: 'drop' }),
      'TypeError',
      'Cannot use guaranteed options.offline "drop": with durable "required" give "wait"',
    ],
  ]
  for (const [what, call, name, message] of cases) {
    test(`is refused for ${what}`, () => throws(call, { name, message }))
  }
  for (const expiresAfterMs of [-1, 1.5, NaN, -Infinity, 2 ** 53]) {
    test(`is refused for an expiry of ${expiresAfterMs}`, () => {
      throws(() => resolvePolicy({ ...NONE, expiresAfterMs }), { name: 'RangeError' })
    })
  }
})

describe('a policy as data', () => {
  const anyPolicy: fc.Arbitrary<DeliveryPolicy> = fc.record(
    {
      qos: fc.constantFrom(1, 2),
      expiresAfterMs: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1 }), fc.constant(2 ** 40)),
      offline: fc.constant('wait'),
      durable: fc.constantFrom('no', 'if-available', 'required'),
      priority: fc.constantFrom(0, 1, 2, 3, 4),
      energy: fc.constantFrom('none', 'ride', 'normal', 'urgent', 'frugal'),
      collapseKey: fc.constantFrom(true as const, 'key', 'a/b'),
      onSessionLoss: fc.constantFrom('resend', 'report', 'drop'),
    },
    {
      noNullPrototype: true,
      requiredKeys: ['qos', 'expiresAfterMs', 'offline', 'durable', 'priority', 'energy'],
    },
  )

  test('survives JSON, as it is and resolved', () => {
    fc.assert(
      fc.property(anyPolicy, (policy) => {
        const again = policyFromJson(JSON.parse(JSON.stringify(policyToJson(policy))))
        deepEqual(again, policy)
        const resolved = resolvePolicy(policy)
        const stored = policyFromJson(JSON.parse(JSON.stringify(policyToJson(resolved))))
        deepEqual(resolvePolicy(stored), resolved)
      }),
      runs(100),
    )
  })
  test('writes an expiry of Infinity as "never"', () => {
    equal(policyToJson(guaranteed()).expiresAfterMs, 'never')
  })
  test('is checked when it is read', () => {
    const written = policyToJson(latest())
    for (const wrong of [
      null,
      undefined,
      7,
      'never',
      [],
      { ...written, expiresAfterMs: null },
      { ...written, qos: 3 },
      { ...written, more: 1 },
      {} as PolicyJson,
    ]) {
      throws(() => policyFromJson(wrong), { name: 'TypeError' })
    }
  })
})

describe('Policies', () => {
  test('reads an object once for each QoS', () => {
    const policies = new Policies()
    const policy = within('15s')
    const own = policies.resolve(policy)
    ok(own === policies.resolve(policy))
    const exact = policies.resolve(policy, 2)
    equal(exact.onSessionLoss, 'report')
    ok(exact === policies.resolve(policy, 2))
    ok(own === policies.resolve(policy))
  })
  test("gives the client's own policy to messages that name none", () => {
    deepEqual(new Policies().resolve(), resolvePolicy(UNTIL_DELIVERED))
    const policies = new Policies(latest())
    deepEqual(policies.resolve(), resolvePolicy(latest()))
    equal(policies.resolve(undefined, 0).qos, 0)
  })
  test("refuses a wrong policy of the client's own when it is made", () => {
    throws(() => new Policies({ ...NONE, energy: 'much' } as unknown as DeliveryPolicy), {
      name: 'TypeError',
    })
  })
  test('refuses what is no object', () => {
    throws(() => new Policies().resolve('latest' as unknown as DeliveryPolicy), {
      name: 'TypeError',
    })
  })
})
