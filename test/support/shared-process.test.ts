// A process that many programs share: each ends there as it would in a process of its own.

import { deepEqual, equal, match } from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type Ending, runProgram } from './run-program.ts'
import { SharedProcess } from './shared-process.ts'

const PROGRAMS: Readonly<Record<string, string>> = {
  'prints on both streams': `
    console.log('out', process.argv.slice(2), process.env.UMQTT_WORD)
    console.error('err')`,
  'prints last what a timer prints': `
    setTimeout(() => console.log('later'), 5)
    console.log('now')`,
  'has an exit code of its own': 'process.exitCode = 7',
  'has none after that': `console.log(process.exitCode, process.env.UMQTT_WORD)`,
  throws: `
    console.log('before')
    throw new RangeError('It is broken')`,
  'throws when it has been read': `setTimeout(() => { throw new RangeError('It is broken') }, 5)`,
  'waits for what never comes': `
    console.log('before')
    await new Promise(() => {})`,
  'is there after one that ended the process': `console.log(process.argv.slice(2))`,
}

/** Stack traces name the file with its run. */
const withoutPlaces = ({ code, stdout, stderr }: Ending): Ending => ({
  code,
  stdout,
  stderr: /^\w*Error: .*$|^err$/m.exec(stderr)?.[0] ?? '',
})

describe('programs that share a process', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'umqtt-shared-'))
  const shared = new SharedProcess()
  after(async () => {
    await shared.close()
    rmSync(folder, { recursive: true })
  })

  for (const [i, [name, code]] of Object.entries(PROGRAMS).entries()) {
    test(`one ${name}, as in a process of its own`, async () => {
      const path = join(folder, `${i}.mjs`)
      writeFileSync(path, code)
      const args = name.startsWith('prints') ? ['a', 'b c'] : []
      const env: Record<string, string> = args.length > 0 ? { UMQTT_WORD: 'word' } : {}
      const alone = await runProgram(path, args, env)
      deepEqual(withoutPlaces(await shared.run(path, args, env)), withoutPlaces(alone))
    })
  }

  test('one runs as often as it is asked to', async () => {
    const path = join(folder, 'again.mjs')
    writeFileSync(path, `console.log(globalThis.turns = (globalThis.turns ?? 0) + 1)`)
    equal((await shared.run(path)).stdout, '1\n')
    equal((await shared.run(path)).stdout, '2\n')
    match((await runProgram(path)).stdout, /^1\n$/)
  })
  test('the process is ended by what they have left in it, and ends without that by itself', async () => {
    const path = join(folder, 'left.mjs')
    writeFileSync(path, `process.on('exit', () => console.log('left behind'))`)
    equal((await shared.run(path)).stdout, '')
    deepEqual(await shared.end(), { code: 0, stdout: 'left behind\n', stderr: '' })
    equal(await shared.end(), undefined)
  })

  test('one that keeps the process alive is killed with it', async () => {
    const hurried = new SharedProcess({ deadlineMs: 500 })
    const path = join(folder, 'stays.mjs')
    writeFileSync(path, 'setInterval(() => undefined, 1000)')
    equal((await hurried.run(path)).code, 128)
  })
})
