// The list of what broke in the systems before this one, a row for each. A row has a test whose name begins with
// "lesson", the list and the row, such as `lesson umqtt 17: …`; or it names the tests that prove it, wherever they
// are; or it says why no test can. rows.test.ts holds this table against the tests.

import { FINDING_LISTS } from './findings.ts'
import { INSIGHT_LISTS } from './insights.ts'

/** Names of tests, as their sources have them, by file from `test/`. */
export interface Proofs {
  readonly [file: string]: readonly string[]
}

/** One list of rows. */
export interface Lessons {
  /** Its name in the names of tests. */
  readonly list: string
  /** How many rows it has; their numbers, where they are not 1 to that. */
  readonly rows: number | readonly string[]
  /** What each row without a test comes with, by row. */
  readonly elsewhere: { readonly [row: string]: string }
  /** The tests that fail without what a row asks for, by row. */
  readonly proofs?: { readonly [row: string]: Proofs }
}

/** What broke, by list; the tests say what the row is about. */
export const LESSONS: readonly Lessons[] = [
  {
    // umqtt.simple and umqtt.robust: the complaints of ten years.
    list: 'umqtt',
    rows: 33,
    elsewhere: {},
  },
  {
    // umqtt.robust, failure by failure, in the order of its table.
    list: 'robust',
    rows: 12,
    elsewhere: {},
  },
  {
    // Scenarios, each of which broke at least one system, in their order.
    list: 'scenario',
    rows: 27,
    elsewhere: {},
  },
  {
    // MQTT.js under faults, by the numbers of its tables.
    list: 'mqtt.js',
    rows: (
      '01 02 22 23 34 38 37 42 06 06b 06c 45 41 ' +
      '08 08b 10 11 13 13b 39 04 19 14 09 15 27 26 ' +
      '03 03b 40 29 16 31 44 18 32 33 ' +
      '05 07 25b 25 30 24 ' +
      '17 17b 20 20b 21 28'
    ).split(' '),
    elsewhere: {},
  },
  ...INSIGHT_LISTS,
  ...FINDING_LISTS,
]
