// Runs the tests of the pure layers once more, on QuickJS: each of them is reported here under its own name.
// First it proves that the runner beside it sees failures.

import { deepEqual, fail, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { portableTests } from './support/portable.ts'
import { EXPECTED } from './support/quickjs/expected.ts'
import { bundle, runOnQuickJs } from './support/quickjs/run.ts'

const root = process.cwd()
const files = portableTests(root)
const PROBE = 'test/support/quickjs/probe.ts'
const WAITS = 'test/support/quickjs/waits-for-ever.ts'
const scripts = await bundle(root, [...files, PROBE, WAITS])

test('the QuickJS runner reports each way in which a test can end', async () => {
  const results = await runOnQuickJs(scripts, PROBE)
  deepEqual(
    results.map(({ name, status }) => [name, status]),
    EXPECTED,
  )
})

test('the QuickJS runner names a test that waits for what never comes', async () => {
  await rejects(
    runOnQuickJs(scripts, WAITS),
    /"waits for ever" waits for something that never comes/,
  )
})

test('portable tests are found', () => {
  ok(files.length > 0, 'No portable test file is in test/')
})

for (const file of files) {
  test(`${file} passes on QuickJS`, async (t) => {
    const results = await runOnQuickJs(scripts, file)
    ok(results.length > 0, `No test ran in "${file}"`)
    for (const { name, status, reason } of results) {
      await t.test(name, (subtest) => {
        if (status === 'skipped') subtest.skip(reason)
        if (status === 'failed') fail(reason)
      })
    }
  })
}
