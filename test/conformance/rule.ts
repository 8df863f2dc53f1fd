// Registers tests of the specification's statements: once for each version that has the rule, under a name
// that says which statements it shows, and a record of what has run, for conformance.test.ts.

import { test, type TestContext } from 'node:test'

/** A version by its number in CONNECT, and by its name. */
export const VERSION_NAMES = { 4: '3.1.1', 5: '5.0' } as const
export type VersionName = (typeof VERSION_NAMES)[4 | 5]

/** The statements that a test shows, by version: ids with blanks between them. */
export interface Statements {
  /** Those of both versions. */
  readonly both?: string
  /** Those of MQTT 3.1.1. */
  readonly v4?: string
  /** Those of MQTT 5.0. */
  readonly v5?: string
}

/** One test of one version. */
export interface Run {
  /** The name without version and statements. */
  readonly subject: string
  /** The whole name. */
  readonly name: string
  readonly version: VersionName
  readonly ids: readonly string[]
  /** Whether it has run to its end without a failure. */
  passed: boolean
}

/** Every test of this process, in the order of registration. */
export const RUNS: Run[] = []

/**
 * Registers a test for each version that `statements` names.
 * @param subject what is shown: `<subject> <does what> when <condition>`
 */
export function rule(
  subject: string,
  statements: Statements,
  body: (version: 4 | 5, t: TestContext) => void | Promise<void>,
): void {
  for (const version of [4, 5] as const) {
    const own = version === 4 ? statements.v4 : statements.v5
    const ids = [statements.both, own].flatMap((text) => text?.split(' ') ?? [])
    if (ids.length === 0) continue
    const versionName = VERSION_NAMES[version]
    const name = `${subject}, ${versionName} [${ids.join(', ')}]`
    const run: Run = { subject, name, version: versionName, ids, passed: false }
    RUNS.push(run)
    test(name, async (t) => {
      await body(version, t)
      run.passed = true
    })
  }
}
