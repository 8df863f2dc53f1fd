// What is loaded before each test file (scripts/lib/light-runner.mjs) keeps the runner from following promises. An
// error that nobody caught still fails the file and is shown, and what stands in a suite still belongs to it.

import { equal, match } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHook } from 'node:async_hooks'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { inheritedEnv } from './run-program.ts'
import { inFolder } from './temporary-folder.ts'

/** Runs a file as `npm test` does. */
async function run(
  code: string,
): Promise<{ readonly status: number | null; readonly said: string }> {
  let said = ''
  let status: number | null = null
  await inFolder(async (folder) => {
    const file = join(folder, 'one.test.mjs')
    writeFileSync(file, `import { before, describe, test } from 'node:test'\n${code}`)
    const child = spawn(
      process.execPath,
      ['--import=./scripts/lib/light-runner.mjs', '--test', '--test-reporter=tap', file],
      { env: { ...inheritedEnv(), NODE_TEST_CONTEXT: undefined } },
    )
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    }
    ;[status] = (await once(child, 'close')) as [number | null]
  })
  return { status, said }
}

const TURN = 'await new Promise((resolve) => setTimeout(resolve, 5))'

describe('a test file with a light runner', () => {
  for (const [name, code] of [
    ['thrown', "setTimeout(() => { throw new RangeError('Nobody caught it') })"],
    ['rejected', "void Promise.reject(new RangeError('Nobody caught it'))"],
  ] as const) {
    test(`fails for an error that is ${name} outside of it`, async () => {
      const { status, said } = await run(`test('a', async () => { ${code}; ${TURN} })`)
      equal(status, 1)
      match(said, /RangeError: Nobody caught it\n.* at .*one\.test\.mjs:2:/)
    })
  }

  test('passes without one, with its suites and their hooks', async () => {
    const { status, said } = await run(`
      let ready = 'not'
      describe('outer', () => {
        before(() => (ready = 'is'))
        describe('inner', () => test('leaf', (t) => t.diagnostic(ready + ' ready')))
      })
      test('beside', (t) => t.diagnostic(ready + ' awaited'))`)
    equal(status, 0, said)
    match(
      said,
      /^ {8}# Subtest: leaf\n[^]*# is ready\n[^]*^ok 1 - outer\n[^]*^# Subtest: beside\n[^]*# is awaited\n/m,
    )
  })

  test('leaves the hooks of others as they are', async () => {
    let promises = 0
    const hook = createHook({ init: () => (promises += 1) }).enable()
    await Promise.resolve()
    hook.disable()
    match(`${promises}`, /^[1-9]/)
  })
})
