// What became of each normative statement, by version and id: the lists of both versions in one.
// conformance.test.ts holds them against statements.json and against the tests that have run.

import { VERDICTS_3_1_1 } from './verdicts-3.1.1.ts'
import { VERDICTS_5_0 } from './verdicts-5.0.ts'

/** Tests are named by their subject: the part of the name before the version. */
export type Verdict =
  | { readonly tests: readonly string[] }
  | { readonly notApplicable: string }
  /** `tests` show what we do instead, or as far as we do it. */
  | { readonly deviation: string; readonly tests: readonly string[] }

/** By `<version> <id>`, such as `5.0 MQTT-3.3.2-2`. */
export const VERDICTS: ReadonlyMap<string, Verdict> = new Map([
  ...keyed('3.1.1', VERDICTS_3_1_1),
  ...keyed('5.0', VERDICTS_5_0),
])

function keyed(version: string, verdicts: Readonly<Record<string, Verdict>>): [string, Verdict][] {
  return Object.entries(verdicts).map(([id, verdict]) => [`${version} ${id}`, verdict])
}
