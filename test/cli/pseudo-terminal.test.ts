// The command on a terminal: colours, lines that are written over, a narrow window, keys. Where it is only about what
// is shown, the terminal is none: it says of itself that it is one.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { guaranteed, MQTTClient } from '../../src/robust.node.ts'
import { umqttHere } from '../support/command-line.ts'
import { CTRL_C, CTRL_D, screenOf, startOnTerminal } from '../support/pseudo-terminal.ts'
import { ScriptedServer } from '../../src/testing/scripted-server.ts'
import { startServer } from '../support/servers.ts'
import { absent } from '../support/skip.ts'
import { inFolder } from '../support/temporary-folder.ts'

describe('umqtt on a terminal', { skip: absent('script'), timeout: 120_000 }, () => {
  let server: ScriptedServer
  before(async () => {
    server = await ScriptedServer.start()
  })
  after(() => server.close())

  /** Takes the next connection and everything that it sends. */
  async function accepted(): Promise<Awaited<ReturnType<ScriptedServer['connection']>>> {
    const connection = await server.connection()
    await connection.accept()
    connection.autoRespond()
    return connection
  }

  test('sub has colours, obeys nobody, and ends at Ctrl-C with a line of its own', async () => {
    const command = startOnTerminal(['sub', '-L', server.url, '-t', 'a/#', '-v'])
    const connection = await accepted()
    connection.publish('a/\u009b2J', '\u001b[31mred')
    await command.until(/red\r\n/)
    command.type(CTRL_C)
    const { code, text } = await command.ended
    deepEqual([code, text], [130, '\u001b[36ma/\\x9b2J\u001b[39m \\x1b[31mred\r\n^C\r\n'])
  })

  test('sub has none where NO_COLOR says so, and formats obey nobody either', async () => {
    for (const [args, shown] of [
      [['-v'], 'a \\x1b[31mred\n'],
      [['-F', '%t \\e[1m%p\\e[0m'], 'a \u001b[1m\\x1b[31mred\u001b[0m\n'],
    ] as const) {
      const command = umqttHere(
        ['sub', '-L', server.url, '-t', 'a', '-C', '1', ...args],
        { NO_COLOR: '1' },
        { isTTY: true },
      )
      const connection = await accepted()
      connection.publish('a', '\u001b[31mred')
      deepEqual(await command, { code: 0, out: shown, err: '' })
    }
  })

  test('sub shows its JSON so that it is still JSON', async () => {
    const args = ['sub', '-L', server.url, '-t', 'a', '-C', '1', '--json']
    const command = umqttHere(args, {}, { isTTY: true })
    const connection = await accepted()
    connection.publish('a', '\u001b\u009b\u007f')
    match((await command).out, /"payload":"\\u001b\\u009b\\u007f"/)
  })

  test('a reason of a server is shown in one line, and not obeyed', async () => {
    const args = ['pub', '-L', server.url, '-t', 'a', '-m', 'x']
    const command = umqttHere(args, {}, { isTTY: true })
    const connection = await server.connection()
    await connection.refuse(0x87, { reasonString: '\u001b[2J\r\nall is well' })
    connection.close()
    const { code, out, err } = await command
    equal(code, 4)
    match(err, /Not authorized\): \\x1b\[2J\\x0d\\x0aall is well\n$/)
    ok(!`${out}${err}`.includes('\u001b[2J'))
  })

  test('pub -l sends what is typed, writes over nothing of it, and ends at Ctrl-D', async () => {
    const command = startOnTerminal(['pub', '-L', server.url, '-t', 'a', '-q', '1', '-l'])
    const connection = await accepted()
    await command.until(/Ctrl-D ends it/)
    command.type('one\n')
    await connection.next(PacketType.PUBLISH)
    command.type('two\n')
    await connection.next(PacketType.PUBLISH)
    command.type(CTRL_D)
    const { code, text } = await command.ended
    equal(code, 0)
    deepEqual(screenOf(text).slice(1), ['one', 'two', 'umqtt: 2 lines read: 2 delivered', ''])
    ok(!text.includes('\r\u001b[K'))
  })

  test('pub -l counts on the last line of a narrow terminal, and takes that away at Ctrl-C', () =>
    inFolder(async (folder) => {
      const lines = join(folder, 'lines')
      writeFileSync(lines, 'one\ntwo\n')
      const outbox = join(folder, 'with-a-long-name')
      const args = ['pub', '-L', 'mqtt://127.0.0.1:1', '-t', 'a', '-l', '--outbox', outbox]
      const command = startOnTerminal(args, { columns: 20, redirection: `< ${lines}` })
      await command.until(/2 lines read, 2 wai(?!t)/)
      command.type(CTRL_C)
      const { code, text } = await command.ended
      equal(code, 130)
      const shown = screenOf(text)
      ok(!shown.some((line) => /\d wai$/.test(line)), text)
      match(shown.at(-2) ?? '', /^umqtt: 2 lines read: 2 wait in /)
    }))

  test('check keeps to the width, and its count leaves room for what was seen', async (t) => {
    const real = await startServer('aedes', { anonymous: true })
    t.after(() => real.remove())
    const args = ['check', real.urls.tcp ?? '', '--only', 'session,qos1,retained']
    const { text } = await startOnTerminal(args, { columns: 40 }).ended
    match(text, /1 of \d+ checks/)
    const shown = screenOf(text)
    // A single word may be wider, such as a topic.
    const wide = shown.filter((line) => line.length > 40 && line.trim().includes(' '))
    deepEqual([wide, shown.filter((line) => line.includes('checks'))], [[], []])
    ok(shown.includes('ok       Retained messages'), shown.join('\n'))
    ok(text.includes('\u001b[32mok     \u001b[39m'))
  })

  test('the help keeps to the width', async () => {
    const { code, out } = await umqttHere(['help', 'pub'], {}, { isTTY: true, columns: 40 })
    equal(code, 0)
    const wide = screenOf(out.replaceAll('\n', '\r\n')).filter(
      (line) => line.length > 40 && /^(?!\$ ).*\S {1,2}\S/.test(line),
    )
    deepEqual(
      wide.filter((line) => !/^ +(?:-.,)? *--\S+ \S+$/.test(line)),
      [],
    )
  })

  test('outbox cancels what somebody says yes to, and nothing at Ctrl-C', () =>
    inFolder(async (folder) => {
      const outbox = join(folder, 'spool')
      const client = new MQTTClient('door-7', 'mqtt://127.0.0.1:1', { outbox })
      await client.publish('door', 'broken', { delivery: guaranteed({ qos: 2 }) }).stored
      await client[Symbol.asyncDispose]()
      const answered = async (keys: string): Promise<readonly [number | null, string]> => {
        const command = startOnTerminal(['outbox', outbox, 'cancel', '--all'])
        await command.until(/Cancel 1 message\? \[y\/N\] /)
        command.type(keys)
        const { code, text } = await command.ended
        return [code, screenOf(text).slice(1).join('|')]
      }
      deepEqual(await answered('\n'), [1, 'Nothing was cancelled|'])
      equal((await answered(CTRL_C))[0], 130)
      const [code, said] = await answered('y\n')
      equal(code, 0)
      match(said, /\tdoor\tcancelled, never sent\|$/)
    }))
})
