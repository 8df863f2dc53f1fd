// `umqtt pub -l --outbox` reads on where it was: a file from its offset, a pipe from the number of its line; and
// refuses what is not the same input any more. Nobody listens: what is stored is what counts.

import { deepEqual, equal, match } from 'node:assert/strict'
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  openSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { MQTTClient } from '../../src/robust.node.ts'
import {
  type CommandEnding,
  type RunningHere,
  startUmqtt,
  startUmqttHere,
  umqtt,
} from '../support/command-line.ts'
import { inFolder } from '../support/temporary-folder.ts'

const NOWHERE = ['-L', 'mqtt://127.0.0.1:1']

type Start = (args: readonly string[], options: { input: string | number }) => RunningHere

/** Runs it until all of its input is stored, and ends it; within this process unless it is told otherwise. */
async function store(
  folder: string,
  input: string | number,
  more: readonly string[] = [],
  last = /./,
  start: Start = startUmqttHere,
): Promise<CommandEnding> {
  const args = ['pub', ...NOWHERE, '-t', 'a', '-l', '--outbox', join(folder, 'spool')]
  const command = start([...args, '--progress', '3', ...more], { input })
  await command.until(last).then(
    () => command.signal('SIGTERM'),
    () => undefined,
  )
  return command.ended
}

/** The same with a file. */
async function storeFile(
  folder: string,
  file: string,
  more: readonly string[] = [],
  last = /./,
  start: Start = startUmqttHere,
): Promise<CommandEnding> {
  const descriptor = openSync(file, 'r')
  try {
    return await store(folder, descriptor, more, last, start)
  } finally {
    closeSync(descriptor)
  }
}

/** The payloads that wait in the outbox. */
async function waiting(folder: string): Promise<string[]> {
  const client = new MQTTClient('reader', 'mqtt://127.0.0.1:1', { outbox: join(folder, 'spool') })
  const found: string[] = []
  for await (const { payload } of client.outbox.export()) {
    found.push(new TextDecoder().decode(payload))
  }
  await client[Symbol.asyncDispose]()
  return found
}

describe('a file that is read again', { timeout: 120_000 }, () => {
  test('is read from where it was left, also when its last line had no end', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'lines')
      writeFileSync(file, 'one\ntwo\n\nthree')
      const first = await storeFile(folder, file, [], /^4$/m, startUmqtt)
      equal(first.code, 143)
      match(first.stderr, /3 lines read, 1 blank .*the last stored is line 4/)
      appendFileSync(file, '\nfour\n')
      await storeFile(folder, file, [], /^5$/m, startUmqtt)
      appendFileSync(file, 'five\n')
      const { progress } = await storeFile(folder, file, [], /^6$/m)
      equal(progress, '5\n6\n')
      deepEqual(await waiting(folder), ['one', 'two', 'three', 'four', 'five'])
    }))

  test('is refused when it is not what it was, and taken again when that is wanted', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'lines')
      writeFileSync(file, 'one\ntwo\n')
      await storeFile(folder, file, [], /^2$/m)
      const refused = async (pattern: RegExp, path = file, more: string[] = []): Promise<void> => {
        const { code, stderr, progress } = await storeFile(folder, path, more, /^\d/m)
        deepEqual([code, progress], [1, ''], stderr)
        match(stderr, pattern)
        match(stderr, /Use --restart/)
      }
      const copy = join(folder, 'copy')
      copyFileSync(file, copy)
      await refused(/begins like one that was read to line 2, byte 8, and is a copy/, copy)
      writeFileSync(file, 'eins\nzwei\ndrei\n')
      await refused(/was read to line 2, byte 8, and is another one now/)
      truncateSync(file, 3)
      await refused(/has 3 bytes, and was read to line 2, byte 8/)
      const { progress } = await storeFile(folder, file, ['--restart'], /^1$/m)
      equal(progress, '0\n1\n')
      deepEqual(await waiting(folder), ['one', 'two', 'ein'])
    }))

  test('is followed by another one, once it was read whole', () =>
    inFolder(async (folder) => {
      const [one, two] = [join(folder, 'one'), join(folder, 'two')]
      writeFileSync(one, 'one\n\n')
      writeFileSync(two, 'two\nand more\n')
      await storeFile(folder, one, [], /^1$/m)
      const { progress } = await storeFile(folder, two, [], /^2$/m)
      match(progress, /^0\n(1\n)?2\n$/)
      deepEqual(await waiting(folder), ['one', 'two', 'and more'])
    }))
})

describe('a pipe that is fed again', { timeout: 120_000 }, () => {
  test('goes on behind the last line that was stored', () =>
    inFolder(async (folder) => {
      await store(folder, 'one\ntwo\n', [], /^2$/m, startUmqtt)
      const { progress } = await store(folder, 'three\n', [], /^3$/m, startUmqtt)
      equal(progress, '2\n3\n')
      deepEqual(await waiting(folder), ['one', 'two', 'three'])
    }))

  test('leaves out what is stored already, when its first line is named', () =>
    inFolder(async (folder) => {
      await store(folder, 'one\ntwo\n', [], /^2$/m)
      const more = ['--first-line', '2']
      await store(folder, 'two\nthree\n', more, /^3$/m)
      deepEqual(await waiting(folder), ['one', 'two', 'three'])
    }))

  test('is refused when lines are missing', () =>
    inFolder(async (folder) => {
      await store(folder, 'one\n', [], /^1$/m)
      const { code, stderr } = await store(folder, 'x\n', ['--first-line', '4'], /^4$/m)
      equal(code, 2)
      match(
        stderr,
        /Cannot begin at --first-line 4: line 1 is the last that is stored; feed from 2/,
      )
    }))

  test('is read no faster than there is room', () =>
    inFolder(async (folder) => {
      const args = ['--outbox-messages', '5', '--window', '3']
      const lines = Array.from({ length: 20 }, (_, i) => `${i}\n`).join('')
      const { stderr } = await store(folder, lines, args, /^5$/m)
      match(stderr, /[56] lines read: 5 wait|5 lines read: 5 wait/)
      deepEqual(await waiting(folder), ['0', '1', '2', '3', '4'])
    }))

  test('needs a descriptor that is open for its progress', () =>
    inFolder(async (folder) => {
      const args = ['pub', ...NOWHERE, '-t', 'a', '-l', '--outbox', folder, '--progress', '9']
      const { code, stderr } = await umqtt(args)
      equal(code, 2)
      match(stderr, /Cannot write to descriptor 9: open it, such as with 9>FILE/)
    }))
})
