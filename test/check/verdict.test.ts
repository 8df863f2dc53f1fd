// From results to a verdict, row by row: each conclusion has results that lead to it, and the gravest leads.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { adviceFor } from '../../src/check/advice.ts'
import { CHECK_IDS, type CheckId } from '../../src/check/ids.ts'
import { CHECKS, RESTARTS } from '../../src/check/table.ts'
import type { CheckResult, CheckVerdict, Facts } from '../../src/check/types.ts'
import { conclude } from '../../src/check/verdict.ts'

type Change = readonly [id: CheckId, verdict: CheckVerdict, facts?: Facts]

/** All is well but for what is changed. */
function results(product: string, ...changes: readonly Change[]): CheckResult[] {
  return CHECK_IDS.map((id) => {
    const [, verdict = 'ok', facts = {}] = changes.find(([changed]) => changed === id) ?? []
    const advice = adviceFor(id, { verdict, facts }, product)
    const seen = 'as a test says'
    return { id, title: id, verdict, seen, facts, ...(advice && { advice }), durationMs: 0 }
  })
}

const ROWS: readonly (readonly [code: string, level: string, ...changes: readonly Change[]])[] = [
  ['fit', 'fit'],
  ['restart-untested', 'fit', ['restart', 'skipped'], ['kill', 'skipped']],
  ['restart-unknown', 'unknown', ['kill', 'unknown']],
  ['session-lies', 'unfit', ['session', 'bad', { lies: true }]],
  ['no-session', 'unfit', ['session', 'bad', { kept: false }]],
  ['no-qos1', 'unfit', ['qos1', 'bad']],
  ['forgets-at-restart', 'unfit', ['restart', 'bad']],
  ['forgets-at-crash', 'unfit', ['kill', 'bad']],
  ['keeps-no-messages', 'unfit', ['queue-qos1', 'bad', { kept: 0, sent: 1_500 }]],
  ['keeps-few-messages', 'unfit', ['queue-qos2', 'limited', { kept: 99 }]],
  ['keeps-some-messages', 'limited', ['queue-qos1', 'limited', { kept: 100 }]],
  ['queue-broken', 'unfit', ['queue-qos1', 'bad', { kept: 1_500, inOrder: false }]],
  ['session-short', 'unfit', ['session-expiry', 'limited', { grantedSeconds: 3_599 }]],
  ['session-bounded', 'limited', ['session-expiry', 'limited', { grantedSeconds: 3_600 }]],
  ['untrusted', 'unfit', ['tls', 'bad', { encrypted: true }]],
  ['essential-unknown', 'unknown', ['queue-qos1', 'unknown']],
  ['loses-the-last', 'limited', ['kill', 'limited']],
  ['not-exactly-once', 'limited', ['qos2', 'limited', { supported: false }]],
  ['not-exactly-once', 'limited', ['qos2-resent', 'bad', { copies: 2 }]],
  ['takeover', 'limited', ['takeover', 'bad']],
  ['partial', 'limited', ['session', 'skipped']],
]

describe('the verdict', () => {
  for (const [code, level, ...changes] of ROWS) {
    test(`is "${code}" for ${JSON.stringify(changes)}`, () => {
      const conclusions = conclude(results('unknown', ...changes))
      equal(conclusions[0].code, code)
      equal(conclusions[0].level, level)
      ok(!conclusions.some(({ text }) => /undefined|NaN|Infinity/.test(text)))
    })
  }

  test('names the gravest first, and the rest after it', () => {
    const conclusions = conclude(
      results(
        'mosquitto',
        ['kill', 'bad'],
        ['queue-qos1', 'limited', { kept: 1_000 }],
        ['restart', 'bad'],
      ),
    )
    deepEqual(
      conclusions.map(({ code }) => code),
      ['forgets-at-restart', 'forgets-at-crash', 'keeps-some-messages'],
    )
    match(conclusions[0].text, /set "persistence true"/)
    match(conclusions[1]?.text ?? '', /autosave_interval 1/)
    match(conclusions[2]?.text ?? '', /beyond 1000: set max_queued_messages/)
  })

  test('does not call fit what does not matter to it', () => {
    const conclusions = conclude(
      results('unknown', ['aliases-in', 'limited'], ['shared', 'limited'], ['retained', 'bad']),
    )
    equal(conclusions[0].code, 'fit')
  })
})

describe('the table of checks', () => {
  test('has a row for each name', () => {
    const ids = [...CHECKS, ...RESTARTS].map(({ id }) => id)
    deepEqual(ids, [...CHECK_IDS])
  })
})
