// docs/cli.md says what is so: its examples run, its exit codes are those of the commands, and it names no option
// that there is not.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { allCommands } from '../../src/cli/commands.ts'
import { ENDINGS } from '../../src/cli/exit-codes.ts'
import { longName } from '../../src/cli/options.ts'
import { startServer, type TestServer } from '../support/servers.ts'
import { requireOrSkip } from '../support/skip.ts'
import { inFolder } from '../support/temporary-folder.ts'

const TEXT = readFileSync('docs/cli.md', 'utf8')
const BLOCKS = Array.from(TEXT.matchAll(/^```sh run\n([^]*?)^```$/gm), ([, code = '']) =>
  // A tenth of the lines comes as far.
  code.replaceAll(/\b([15])000\b/g, '$100'),
)

/** Options of other programs, and those that every command has. */
const OTHERS = ['--help', '--version', '--global', '--lines', '--ciphers', '--psk']
OTHERS.push('--proxy', '--nodelay', '--random-filter', '--pretty')

describe('docs/cli.md', { timeout: 120_000 }, () => {
  let server: TestServer
  before(async () => {
    server = await startServer('aedes', { anonymous: true })
  })
  after(() => server.remove())

  test('has examples', () => ok(BLOCKS.length >= 5, `${BLOCKS.length}`))

  for (const [i, code] of BLOCKS.entries()) {
    test(`example ${i + 1} runs`, async (t) => {
      if (!requireOrSkip(t, 'bash')) return
      await inFolder(async (folder) => {
        const program = join(folder, 'umqtt')
        const main = join(process.cwd(), 'dist/cli/main.js')
        writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`)
        chmodSync(program, 0o755)
        const shell = spawn('bash', ['-euo', 'pipefail', '-c', code], {
          cwd: folder,
          env: {
            ...process.env,
            PATH: `${folder}${delimiter}${process.env['PATH']}`,
            UMQTT_SERVER: server.urls.tcp,
          },
        })
        let said = ''
        for (const stream of [shell.stdout, shell.stderr]) {
          stream.setEncoding('utf8').on('data', (text: string) => (said += text))
        }
        const [status] = (await once(shell, 'close')) as [number | null]
        equal(status, 0, said)
      })
    })
  }

  test('has the exit codes of the commands', () => {
    const rows = Array.from(TEXT.matchAll(/^\| +(\d+) \| (.+?) *\|$/gm), ([, code, meaning]) => ({
      code: Number(code),
      meaning,
    }))
    deepEqual(rows, Object.values(ENDINGS))
  })

  test('names no option that there is not', async () => {
    const options = (await allCommands()).flatMap((command) => Object.keys(command.options))
    const known = new Set([...options.map((key) => `--${longName(key)}`), ...OTHERS])
    const named = Array.from(TEXT.matchAll(/(?<![\w-])--[a-z][a-z-]*/g), ([name]) => name)
    deepEqual(
      named.filter((name) => !known.has(name)),
      [],
    )
  })
})
