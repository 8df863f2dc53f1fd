// `umqtt decode` as a process: files, standard input, pipes that are closed, signals, arguments.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { hex } from '../support/hex.ts'
import { runHere } from '../support/command-rig.ts'
import { runProgram } from '../support/run-program.ts'
import { inFolder } from '../support/temporary-folder.ts'

const MAIN = 'dist/cli/main.js'
const CONNECT = hex`10 0d 00 04 'MQTT' 04 02 00 3c 00 01 'a'`

describe('umqtt decode as a process', () => {
  test('reads a file of bytes, and of hex, and says which is which of two', async () => {
    await inFolder(async (folder) => {
      const [client, server] = [join(folder, 'client.bin'), join(folder, 'server.hex')]
      writeFileSync(client, Buffer.concat([CONNECT, hex`82 06 00 01 00 01 'a' 00`]))
      writeFileSync(server, '20 02 00 00 90 03 00 01 00\n')
      const { code, stdout } = await runProgram(MAIN, ['decode', client, server])
      assert.equal(code, 0)
      assert.match(stdout, /==> ".*client\.bin" <==\n0 → CONNECT 15 bytes\n/)
      assert.match(stdout, /4 ← SUBACK 5 bytes\n {4}Belongs to: SUBSCRIBE at 15 of .*client\.bin/)
    })
  })

  test('reads standard input, and ends with 8 when it is damaged', () => {
    const run = (input: string): [number | null, string] => {
      const { status, stdout } = spawnSync(process.execPath, [MAIN, 'decode'], {
        input,
        encoding: 'utf8',
      })
      return [status, stdout]
    }
    assert.deepEqual(run('c0 00'), [0, '0 → PINGREQ 2 bytes\n'])
    const [code, stdout] = run('c1 00')
    assert.equal(code, 8)
    assert.match(
      stdout,
      /MALFORMED \(0x81\)\n.*flags is 1 \[MQTT-2\.1\.3-1\]\n.*expected: the flags/,
    )
  })

  test('says what is wrong with a file, and with arguments', async () => {
    await inFolder(async (folder) => {
      const missing = await runHere(['decode', join(folder, 'none')])
      assert.deepEqual([missing.code, missing.stdout], [1, ''])
      assert.match(missing.stderr, /^umqtt: Cannot read ".*none": there is no such file\n$/)
      const isFolder = await runHere(['decode', folder])
      assert.match(isFolder.stderr, /it is a folder; give a file\n$/)
      const empty = join(folder, 'empty')
      writeFileSync(empty, '')
      assert.match((await runHere(['decode', empty])).stderr, /There are no bytes/)
    })
    const both = await runHere(['decode', '--raw', '--hex'])
    assert.equal(both.code, 2)
    assert.match(both.stderr, /Cannot use --raw and --hex/)
  })

  test('ends with 130 at SIGINT while it waits for bytes', async () => {
    const child = spawn(process.execPath, [MAIN, 'decode', '--raw'], { stdio: 'pipe' })
    child.stdin.write(hex`c0 00`)
    const closed = once(child, 'close')
    await once(child.stdout, 'data')
    child.kill('SIGINT')
    assert.deepEqual(await closed, [130, null])
  })

  test('ends with 141 when nobody reads any more, and holds little of an endless input', async () => {
    const child = spawn(process.execPath, [MAIN, 'decode', '--raw'], { stdio: 'pipe' })
    const closed = once(child, 'close')
    child.stdin.on('error', () => undefined)
    const pings = Buffer.alloc(65_536, hex`c0 00`)
    let written = 0
    const feed = (): void => {
      while (!child.stdin.destroyed && child.stdin.write(pings)) written += pings.length
    }
    child.stdin.on('drain', feed)
    feed()
    await once(child.stdout, 'data')
    child.stdout.destroy()
    assert.deepEqual(await closed, [141, null])
    assert.ok(written < 16_777_216, `${written} bytes were taken`)
  })
})
