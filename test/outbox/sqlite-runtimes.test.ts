// The tests of the SQLite store, and of the lock, on every runtime that has a SQLite of its own, the compiled ones as they are.
// A test that would be skipped there fails.

import { equal, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { type Capability, requireOrSkip, runtimePath } from '../support/skip.ts'

const FILES = ['sqlite', 'sqlite-takeover', 'lock', 'handover'].map(
  (name) => `./build/test/outbox/${name}.test.js`,
)

/** How each is told to run a test file, and where it says how many passed. */
const RUNTIMES = [
  { name: 'node22', args: ['--test', '--test-reporter=tap'], count: /^# pass (\d+)$/m },
  { name: 'node24', args: ['--test', '--test-reporter=tap'], count: /^# pass (\d+)$/m },
  // By itself it ends a test after five seconds, which the others do not, and kills take longer beside other tests.
  { name: 'bun', args: ['test', '--timeout=60000'], count: /^\s*(\d+) pass$/m },
  {
    name: 'deno',
    args: ['test', '--no-check', '--allow-all', '--no-lock'],
    count: /\((\d+) steps\)/,
  },
] as const satisfies readonly {
  readonly name: Capability
  readonly args: string[]
  count: RegExp
}[]

for (const { name, args, count } of RUNTIMES) {
  test(`the tests of the SQLite store pass on ${name}`, async (t) => {
    if (!requireOrSkip(t, name)) return
    const { NODE_TEST_CONTEXT: _, ...rest } = process.env
    const env = { ...rest, UMQTT_REQUIRE: 'sqlite' }
    const { code, output } = await new Promise<{ code: unknown; output: string }>((resolve) => {
      execFile(runtimePath(name), [...args, ...FILES], { env }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : error.code, output: stdout + stderr }),
      )
    })
    equal(code, 0, output)
    ok(Number(count.exec(output)?.[1]) > 35, output)
  })
}
