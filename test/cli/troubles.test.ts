// What a machine does to a command: disks that are full, files that are none, or become others, certificates that do
// not fit. Each has an error that says what to do, its number, and no line that is lost in silence.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { bytesFrom, ChangedFileError } from '../../src/cli/pub/position.ts'
import type { Arrival } from '../../src/cli/sub/format.ts'
import { printed } from '../../src/cli/sub/printer.ts'
import { Terminal } from '../../src/cli/terminal.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import {
  type CommandOptions,
  KeptOutput,
  startUmqtt,
  startUmqttHere,
  umqtt,
  umqttHere,
} from '../support/command-line.ts'
import { inFolder } from '../support/temporary-folder.ts'

/** Nobody listens there. */
const NOWHERE = 'mqtt://127.0.0.1:1'

/** A disk that is full, where the system has one. */
const FULL = '/dev/full'

/** Runs something with a descriptor. */
async function withOpen<T>(
  path: string,
  flags: string,
  run: (fd: number) => Promise<T>,
): Promise<T> {
  const descriptor = openSync(path, flags)
  try {
    return await run(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

describe('a command in trouble', { timeout: 60_000 }, () => {
  test('says that standard output is lost, and ends with 1', async (t) => {
    if (!existsSync(FULL)) return t.skip('the system has no /dev/full')
    for (const args of [['help', 'pub'], ['decode']]) {
      const input = '20 03 00 00 00'
      const options: CommandOptions = { input }
      const { code, stderr } = await withOpen(FULL, 'w', (output) =>
        umqtt(args, { ...options, output }),
      )
      equal(code, 1, args.join(' '))
      match(stderr, /Cannot write to standard output: ENOSPC/)
    }
  })

  // Node opens /dev/null in the place of a closed descriptor, so that no file gets its number: nobody can tell one from
  // the other, and a service whose output goes nowhere has not failed.
  test(
    'takes standard output that is closed for one to nowhere',
    { skip: process.platform === 'win32' },
    () => {
      const shell = 'exec "$0" dist/cli/main.js help pub >&-'
      const { status, stderr } = spawnSync('sh', ['-c', shell, process.execPath])
      deepEqual([status, String(stderr)], [0, ''])
    },
  )

  test('keeps the identifier of an outbox when there is no room for another one', () =>
    inFolder(async (folder) => {
      const args = ['pub', '-L', NOWHERE, '-t', 'a', '-m', 'x', '-W', '100ms', '--outbox', folder]
      writeFileSync(join(folder, 'client-id'), 'first')
      // A file that cannot be made.
      symlinkSync('/nowhere/at/all', join(folder, 'client-id.new'))
      const { code, err } = await umqttHere([...args, '-i', 'second'])
      equal(code, 1)
      match(err, /Cannot keep the client identifier in ".*client-id": ENOENT.*name another folder/)
      equal(readFileSync(join(folder, 'client-id'), 'utf8'), 'first')
    }))

  test('sends no file that is larger than a message can be', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'large')
      writeFileSync(file, '')
      truncateSync(file, 300 * 1_048_576)
      const { code, err } = await umqttHere(['pub', '-L', NOWHERE, '-t', 'a', '-f', file])
      equal(code, 2)
      match(err, /Cannot send -f ".*large": it has 314572800 bytes/)
    }))

  test('takes one message of any size without an outbox, and says which option bounds it', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'large')
      writeFileSync(file, '')
      truncateSync(file, 68 * 1_048_576)
      const args = ['pub', '-L', NOWHERE, '-t', 'a', '-f', file, '-W', '2s']
      const waiting = await umqttHere(args)
      equal(waiting.code, 3)
      match(waiting.err, /1 cancelled/)
      const bounded = await umqttHere([...args, '--outbox-bytes', '1000'])
      equal(bounded.code, 4)
      match(bounded.err, /--outbox-bytes of 1000 is reached/)
    }))

  test('takes no folder for standard input', () =>
    inFolder(async (folder) => {
      for (const source of ['-l', '-s']) {
        const { code, stderr } = await withOpen(
          folder,
          'r',
          (input) => startUmqttHere(['pub', '-L', NOWHERE, '-t', 'a', source], { input }).ended,
        )
        equal(code, 2, source)
        match(stderr, /Cannot read standard input: it is a folder/)
      }
    }))

  test('says that a file was cut while it was read', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'lines')
      for (const left of [1_000, 100_000]) {
        writeFileSync(path, 'x'.repeat(200_000))
        await withOpen(path, 'r', async (descriptor) => {
          const bytes = bytesFrom(descriptor, 0)
          ok(!(await bytes.next()).done)
          truncateSync(path, left)
          const rest = async (): Promise<void> => {
            for await (const chunk of bytes) ok(chunk.length > 0)
          }
          await rejects(rest, (error: Error) => {
            ok(error instanceof ChangedFileError)
            match(error.message, new RegExp(`it had 200000 bytes and has ${left} now`))
            return true
          })
        })
      }
    }))

  test('ends with 8 at a line that is too long, or that no server would take', () =>
    inFolder(async (folder) => {
      for (const [args, input, words] of [
        [['-l', '-t', 'a'], `one\n${'x'.repeat(16_777_217)}\n`, /Line 2 is longer than 16777216/],
        [['--json'], '{"topic":"a"}\n{"topic":"a/#"}\n', /Line 2 is no message: Cannot use topic/],
      ] as const) {
        const { code, err } = await umqttHere(
          ['pub', '-L', NOWHERE, '-W', '30s', '--outbox', join(folder, args[0]), ...args],
          {},
          { input },
        )
        equal(code, 8)
        match(err, words)
        match(err, /the last stored is line/)
      }
    }))

  test('takes no arguments for a client that it cannot have', async () => {
    for (const args of [
      ['pub', '-h', 'a b', '-t', 'a', '-m', 'x'],
      ['sub', '-h', 'a b', '-t', 'a'],
      ['pub', '-L', NOWHERE, '-i', 'x'.repeat(70_000), '-t', 'a', '-m', 'x'],
    ]) {
      const { code, err } = await umqttHere(args)
      equal(code, 2, args.join(' '))
      match(err, /Cannot use/)
    }
    const { code, err } = await umqttHere([
      ...['sub', '-L', NOWHERE, '-t', 'a', '-u', 'x'.repeat(70_000)],
    ])
    equal(code, 2)
    match(err, /Cannot use --user of/)
  })

  test('looks at certificates and keys before it connects', () =>
    inFolder(async (folder) => {
      const authority = new CertificateAuthority('authority')
      const { cert, key } = authority.issue({ name: 'a' })
      const files = { ca: authority.cert, cert, key, other: authority.key, none: 'nothing' }
      const path = (name: keyof typeof files): string => join(folder, name)
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
      for (const [args, words] of [
        [['--cafile', path('key')], /Cannot use --cafile ".*key": it has no certificate in PEM/],
        [['--cert', path('none'), '--key', path('key')], /Cannot use --cert ".*": it is no PEM/],
        [['--cert', path('cert'), '--key', path('none')], /Cannot use --key ".*": it is no PEM/],
        [
          ['--cert', path('cert'), '--key', path('other')],
          /Cannot use --cert with --key: the key is that of another certificate/,
        ],
      ] as const) {
        const { code, err } = await umqttHere(['sub', '-L', NOWHERE, '-t', 'a', ...args])
        equal(code, 2, args.join(' '))
        match(err, words)
      }
      const fitting = ['--cafile', path('ca'), '--cert', path('cert'), '--key', path('key')]
      const { code } = await umqttHere([
        ...['sub', '-h', '127.0.0.1', '-p', '1', '-t', 'a', '-W', '50ms', ...fitting],
      ])
      equal(code, 27)
    }))

  test('takes its ciphers from NODE_OPTIONS, as the refusal of --ciphers says', () =>
    inFolder(async (folder) => {
      const { code, err } = await umqttHere(['sub', '-t', 'a', '--ciphers', 'x'])
      equal(code, 2)
      match(err, /NODE_OPTIONS=--tls-cipher-list=NAMES/)

      const authority = new CertificateAuthority('authority')
      writeFileSync(join(folder, 'ca'), authority.cert)
      const ciphers: string[] = []
      const server = createServer(
        authority.issue({ name: 'server', altNames: ['127.0.0.1'] }),
        (socket) => {
          ciphers.push(socket.getCipher().name)
          socket.destroy()
        },
      )
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      try {
        const { port } = server.address() as AddressInfo
        // Neither is what Node would take first.
        for (const name of ['TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256']) {
          const args = ['sub', '-L', `mqtts://127.0.0.1:${port}`, '--cafile', join(folder, 'ca')]
          const NODE_OPTIONS = `--tls-cipher-list=${name}`
          const command = startUmqtt([...args, '-t', 'a'], { env: { NODE_OPTIONS } })
          await command.until(/before CONNACK/)
          command.signal('SIGTERM')
          equal((await command.ended).code, 143)
          equal(ciphers.pop(), name)
        }
      } finally {
        server.close()
      }
    }))

  test('leaves out a message that becomes longer than a text can be, and says so', () => {
    const err = new KeptOutput()
    const arrival = { message: { topic: 'huge' }, at: new Date(0) } as Arrival
    const print = (): Uint8Array => Buffer.from('x'.repeat(2 ** 30))
    equal(printed(arrival, print, new Terminal(err, {})).length, 0)
    match(err.text, /"huge" is left out: Invalid string length/)
  })

  test('remembers why an output failed', () => {
    const stream = new PassThrough()
    const out = new Terminal(stream, {})
    equal(out.failure, undefined)
    const full = new Error('ENOSPC')
    stream.destroy(full)
    return new Promise<void>((resolve) => {
      stream.on('close', () => {
        equal(out.failure, full)
        resolve()
      })
    })
  })
})
