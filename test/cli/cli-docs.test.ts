// docs/cli.md says what is so: its examples of `decode` print what stands there, and those of `outbox` run on an
// outbox with a message.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { guaranteed, MQTTClient } from '../../src/robust.node.ts'
import { inFolder } from '../support/temporary-folder.ts'

const TEXT = readFileSync('docs/cli.md', 'utf8')

/** The blocks of a kind, such as `console runs`. */
const blocksOf = (kind: string): string[] =>
  Array.from(
    TEXT.matchAll(new RegExp(`^\`\`\`${kind}\\n([^]*?)^\`\`\`$`, 'gm')),
    ([, code = '']) => code,
  )

/** Runs a line of a shell, in which `umqtt` is the command, in a folder. */
function run(
  line: string,
  folder: string,
): { readonly code: number | null; readonly stdout: string } {
  const main = resolve('dist/cli/main.js')
  const script = `umqtt() { "${process.execPath}" "${main}" "$@"; }\n${line}`
  const { status, stdout } = spawnSync('sh', ['-c', script], { cwd: folder, encoding: 'utf8' })
  return { code: status, stdout }
}

describe('docs/cli.md', () => {
  test('shows what decode prints', async () => {
    const blocks = blocksOf('console runs')
    assert.ok(blocks.length >= 2)
    await inFolder(async (folder) => {
      for (const block of blocks) {
        const [line = '', ...printed] = block.split('\n')
        assert.match(line, /^\$ /)
        assert.equal(run(line.slice(2), folder).stdout, printed.join('\n'))
      }
    })
  })

  test('has commands that work on an outbox', async () => {
    const lines = blocksOf('sh outbox').flatMap((block) => block.trimEnd().split('\n'))
    assert.ok(lines.length >= 6)
    await inFolder(async (folder) => {
      const outbox = join(folder, 'spool')
      const client = new MQTTClient('door-7', 'mqtt://127.0.0.1:1', { outbox })
      await client.publish('door/window', 'broken', { delivery: guaranteed() }).stored
      await client[Symbol.asyncDispose]()
      for (const line of lines) {
        // What is cancelled was of QoS 1.
        const { code, stdout } = run(line, folder)
        assert.equal(code, line.includes('cancel') ? 6 : 0, line)
        if (!line.includes('export')) assert.match(stdout, /door\/window|1/)
      }
      const saved = JSON.parse(readFileSync(join(folder, 'saved.json'), 'utf8')) as object
      assert.deepEqual(Object.keys(saved).sort(), ['payload', 'qos', 'retain', 'time', 'topic'])
    })
  })
})
