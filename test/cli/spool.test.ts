// `umqtt pub -l --outbox` while the server is restarted, the link is cut and the command is killed with -9:
// every line arrives, in order, once. `npm run torture -- --lines 100000` is the long run.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FAST_CHECK } from '../support/seed.ts'
import { absent } from '../support/skip.ts'
import { tortureSpool } from '../support/spool-torture.ts'

/** From each source. */
const LINES = 1_000
const { seed } = FAST_CHECK

describe(
  `umqtt pub -l --outbox, SEED=${seed}`,
  { skip: absent('mosquitto'), timeout: 120_000 },
  () => {
    for (const source of ['file', 'pipe'] as const) {
      test(`loses, doubles and disorders no line of a ${source}`, async () => {
        const summary = await tortureSpool({
          source,
          lines: LINES,
          seed,
          kills: 3,
          restarts: 1,
          cuts: 4,
        })
        deepEqual([summary.wrong, summary.received], [[], LINES])
        equal(summary.code, 0, summary.said)
        ok(summary.kills > 0 && summary.restarts > 0 && summary.cuts > 0)
        match(summary.said, /delivered/)
      })
    }
  },
)
