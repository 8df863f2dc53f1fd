// Where text goes: what is for terminals alone, and what a narrow one shows.

import { equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Terminal } from '../../src/cli/terminal.ts'
import { KeptOutput } from '../support/command-line.ts'

describe('a terminal', () => {
  test('shows a line that the next one replaces, cut at its edge', async () => {
    const output = new KeptOutput(true, 10)
    const terminal = new Terminal(output, {})
    terminal.status('1 of many lines')
    terminal.status('2')
    await terminal.line('done')
    await terminal.flush()
    equal(output.text, '1 of many\r\u001b[K2\r\u001b[Kdone\n')
  })

  test('is none where nobody looks, or where it is dumb', async () => {
    for (const [isTTY, env] of [
      [false, {}],
      [true, { TERM: 'dumb' }],
    ] as const) {
      const output = new KeptOutput(isTTY)
      const terminal = new Terminal(output, env)
      terminal.status('1 of many')
      await terminal.line(terminal.paint('red', 'done'))
      equal(output.text, 'done\n')
    }
  })

  test('has the colours that the environment asks for', () => {
    const painted = (isTTY: boolean, env: Readonly<Record<string, string>>): boolean =>
      new Terminal(new KeptOutput(isTTY), env).paint('red', 'x') !== 'x'
    equal(painted(true, {}), true)
    equal(painted(true, { NO_COLOR: '1' }), false)
    equal(painted(true, { NO_COLOR: '' }), true)
    equal(painted(false, { FORCE_COLOR: '1' }), true)
    equal(painted(false, { FORCE_COLOR: '1', NO_COLOR: '1' }), false)
  })
})
