// The command as a process: help, unknown commands, completions.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { allCommands } from '../../src/cli/commands.ts'
import { shortHelp, wholeHelp } from '../../src/cli/help.ts'
import { runHere } from '../support/command-rig.ts'
import { runProgram } from '../support/run-program.ts'
import { requireOrSkip } from '../support/skip.ts'
import { inFolder } from '../support/temporary-folder.ts'

const MAIN = 'dist/cli/main.js'

describe('umqtt', () => {
  test('lists its commands, beginning with an example', async () => {
    const { code, stdout } = await runProgram(MAIN, ['--help'])
    assert.equal(code, 0)
    assert.match(stdout, /^\$ .*umqtt /)
    for (const { name } of await allCommands()) assert.match(stdout, new RegExp(`^  ${name} `, 'm'))
    assert.equal(
      stdout.split('\n').find((line) => line.length > 80),
      undefined,
    )
  })

  test('says on standard error what it needs when nothing is asked', async () => {
    const { code, stdout, stderr } = await runProgram(MAIN)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /usage: umqtt COMMAND/)
  })

  test('refuses a command that there is not', async () => {
    const { code, stderr } = await runHere(['publsh'])
    assert.equal(code, 2)
    assert.match(stderr, /There is no command "publsh": write .*completions/)
  })

  test('says its version', async () => {
    const { stdout } = await runProgram(MAIN, ['--version'])
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
  })
})

describe('the help', () => {
  test('fits a screen of 24 lines and 80 columns, and begins with an example', async () => {
    for (const command of await allCommands()) {
      const lines = shortHelp(command).trimEnd().split('\n')
      assert.ok(lines.length <= 24, `${command.name}: ${lines.length} lines`)
      const widest = lines.find((line) => line.length > 80)
      assert.equal(widest, undefined, command.name)
      assert.match(lines[0] ?? '', new RegExp(`^\\$ .*umqtt ${command.name}\\b`))
    }
  })

  test('has every option and every way to end, when all is asked for', async () => {
    for (const command of await allCommands()) {
      const text = wholeHelp(command)
      for (const { help } of Object.values(command.options)) {
        assert.ok(text.replaceAll(/\s+/g, ' ').includes(help), `${command.name}: ${help}`)
      }
      assert.match(text, /^ +130 {2}interrupted/m)
    }
  })
})

describe('the completions', () => {
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    test(`can be read by ${shell}`, async (t) => {
      const { code, stdout } = await runHere(['completions', shell])
      assert.equal(code, 0)
      for (const { name } of await allCommands()) assert.match(stdout, new RegExp(`\\b${name}\\b`))
      if (!requireOrSkip(t, shell)) return
      await inFolder(async (folder) => {
        const file = join(folder, 'completions')
        writeFileSync(file, stdout)
        const read = spawnSync(shell, ['-n', file], { encoding: 'utf8' })
        assert.deepEqual([read.status, read.stderr], [0, ''])
      })
    })
  }

  test('complete a command in bash', async (t) => {
    if (!requireOrSkip(t, 'bash')) return
    const { stdout } = await runHere(['completions', 'bash'])
    const script = `${stdout}\nCOMP_WORDS=(umqtt compl) COMP_CWORD=1; _umqtt; echo "\${COMPREPLY[@]}"`
    const { stdout: offered } = spawnSync('bash', [], { input: script, encoding: 'utf8' })
    assert.equal(offered, 'completions\n')
  })
})
