// The tests of the SQLite store, and of the lock, on every runtime that has a SQLite of its own, the compiled ones as they are.
// The first runtime that is there walks all of them, the others what a runtime may do in its own way: the store, fewer
// of the same cuts, kills and random operations. A test that would be skipped there fails.

import { equal, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { type Capability, requireOrSkip, runtimePath } from '../support/skip.ts'

const STORE = ['sqlite', 'sqlite-takeover']
/** Their tests of the log are among those of this run; two versions of Node have the same locks. */
const PLATFORM = ['lock', 'handover']

const NODE = ['--import=./scripts/lib/light-runner.mjs', '--test', '--test-reporter=tap']

/** How each is told to run a test file, and where it says how many passed. */
const RUNTIMES = [
  { name: 'node22', args: NODE, count: /^# pass (\d+)$/m },
  {
    name: 'node24',
    args: NODE,
    count: /^# pass (\d+)$/m,
    files: STORE,
  },
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
  readonly count: RegExp
  readonly files?: readonly string[]
}[]

/** A disk in memory for what is repeated: a runtime does nothing of its own about a sync. Absent, the usual place. */
const MEMORY = '/dev/shm'
const REPEATED = {
  UMQTT_REPEATED: 'yes',
  ...(existsSync(MEMORY) && { TMPDIR: MEMORY }),
}

/** What stands still longer hangs. */
const DEADLINE_MS = 180_000

/** How many tests pass at least, on the first runtime and on the others. */
const TESTS_MIN = { all: 55, again: 30 }
let first = true

for (const { name, args, count, ...own } of RUNTIMES) {
  /** @returns how many tests of the files passed; fails unless all did */
  const passed = async (files: readonly string[], more: object): Promise<number> => {
    const { NODE_TEST_CONTEXT: _, ...rest } = process.env
    const env = { ...rest, UMQTT_REQUIRE: 'sqlite', ...more }
    const paths = files.map((file) => `./build/test/outbox/${file}.test.js`)
    const { code, output } = await new Promise<{ code: unknown; output: string }>((resolve) => {
      const settings = { env, timeout: DEADLINE_MS, killSignal: 'SIGKILL' } as const
      execFile(runtimePath(name), [...args, ...paths], settings, (error, stdout, stderr) =>
        resolve({
          code: error === null ? 0 : (error.code ?? error.signal),
          output: stdout + stderr,
        }),
      )
    })
    equal(code, 0, output)
    return Number(count.exec(output)?.[1])
  }

  test(`the tests of the SQLite store pass on ${name}`, async (t) => {
    if (!requireOrSkip(t, name)) return
    if (first) {
      first = false
      const tests = (await passed(STORE, {})) + (await passed(PLATFORM, REPEATED))
      ok(tests >= TESTS_MIN.all, `${tests} tests`)
    } else {
      const files = 'files' in own ? own.files : [...STORE, ...PLATFORM]
      const tests = await passed(files, REPEATED)
      ok(tests >= TESTS_MIN.again, `${tests} tests`)
    }
  })
}
