// What the options of a connection become, and what of them may be secret.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readArguments } from '../../src/cli/arguments.ts'
import { command } from '../../src/cli/command.ts'
import {
  type Connection,
  CONNECTION_OPTIONS,
  readConnection,
} from '../../src/cli/connection-options.ts'
import { MQTTClient } from '../../src/simple.node.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { inFolder } from '../support/temporary-folder.ts'

const sample = command({
  name: 'sample',
  summary: 'Connects.',
  examples: ['umqtt sample'],
  options: CONNECTION_OPTIONS,
  endings: [],
  run: () => Promise.resolve('done' as const),
})

const read = (args: readonly string[], env: Record<string, string> = {}): Connection =>
  readConnection(readArguments(sample, args).values, env)

describe('readConnection', () => {
  test('takes localhost when nothing is said', () => {
    assert.deepEqual(read([]), {
      server: 'localhost',
      clientId: undefined,
      topic: undefined,
      options: {},
    })
  })

  test('takes user, password and topic out of a URL', () => {
    const { server, topic, options } = read(['-L', 'mqtt://an%40a:p%3Aq:r@host:1884/a/%23'])
    assert.equal(server, 'mqtt://host:1884')
    assert.equal(topic, 'a/#')
    assert.deepEqual(options, { user: 'an@a', password: 'p:q:r' })
  })

  test('leaves the path of a WebSocket and of a Unix socket', () => {
    assert.equal(read(['-L', 'wss://u:p@host/mqtt?x=1']).server, 'wss://host/mqtt?x=1')
    assert.equal(read(['-L', 'unix:/run/mqtt.sock']).server, 'unix:/run/mqtt.sock')
  })

  test('prefers what is written to the environment', () => {
    const env = { UMQTT_SERVER: 'mqtt://there', UMQTT_USER: 'u', UMQTT_PASSWORD: 'p' }
    assert.deepEqual(read([], env).options, { user: 'u', password: 'p' })
    assert.equal(read([], env).server, 'mqtt://there')
    assert.equal(read(['-h', 'here'], env).server, 'here')
    assert.equal(read(['-P', 'q'], env).options.password, 'q')
  })

  test('reads a password from the first line of a file', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'password')
      writeFileSync(file, 'secret\nnot this\n')
      assert.equal(read(['-u', 'u', '--password-file', file]).options.password, 'secret')
    }))

  test('takes TLS for what needs it', () =>
    inFolder(async (folder) => {
      const { cert, key } = new CertificateAuthority('authority')
      const [file, keyFile] = [join(folder, 'ca.crt'), join(folder, 'ca.key')] as const
      writeFileSync(file, cert)
      writeFileSync(keyFile, key)
      assert.deepEqual(read(['--cafile', file]).options.tls, { ca: cert })
      assert.deepEqual(read(['--tls']).options.tls, {})
      const all = ['--cert', file, '--key', keyFile, '--servername', 'n', '--alpn', 'mqtt']
      const { options } = read(all)
      assert.deepEqual(options.tls, {
        cert,
        key,
        servername: 'n',
        alpnProtocols: ['mqtt'],
      })
      // A client takes every name of it.
      new MQTTClient('', 'localhost', options)
      assert.deepEqual(read(['--insecure']).options.tls, { rejectUnauthorized: false })
    }))

  test('takes every certificate of a folder once, and the lowest version of TLS', () =>
    inFolder(async (folder) => {
      const [one, two] = ['one', 'two'].map((name) => `-----BEGIN CERTIFICATE-----\n${name}\n`)
      for (const [name, text] of [
        ['a.pem', one],
        ['b.crt', two],
        ['c.0', one],
        ['a.key', 'a key'],
      ] as const) {
        writeFileSync(join(folder, name), text ?? '')
      }
      mkdirSync(join(folder, 'more'))
      const { options } = read(['--capath', folder, '--tls-version', 'tlsv1.3'])
      assert.deepEqual(options.tls, { ca: [one, two], minVersion: 'TLSv1.3' })
      new MQTTClient('', 'localhost', options)
      const empty = join(folder, 'more')
      assert.throws(() => read(['--capath', empty]), /no file in it has a certificate in PEM/)
      assert.throws(() => read(['--capath', join(folder, 'none')]), /\(ENOENT\): name a folder/)
      assert.throws(() => read(['--capath', folder, '--cafile', folder]), /leave one/)
    }))

  test('refuses what other clients have with what to do instead, and in its own commands alone', () => {
    for (const name of ['-A', '-M', '--ciphers', '--psk', '--proxy', '--tls-alpn']) {
      assert.throws(() => read([name, 'x']), new RegExp(`There is no option ${name}: \\w`))
    }
    const none = { ...sample, options: {} }
    assert.throws(() => readArguments(none, ['-A']), /There is no option -A\.$/)
  })

  test('refuses what contradicts itself, and shows no secret', () => {
    const refused: readonly (readonly [args: readonly string[], pattern: RegExp])[] = [
      [['-L', 'mqtt://a', '-h', 'b'], /--url with --host or --port/],
      [['--cert', 'a'], /--cert and --key belong together/],
      [['--cafile', '/nowhere/ca'], /Cannot read --cafile "\/nowhere\/ca" \(ENOENT\)/],
      [['-L', 'mqtt://u:top%secret@host'], /write "%25"/],
    ]
    for (const [args, pattern] of refused) {
      assert.throws(
        () => read(args),
        (error: Error) => pattern.test(error.message) && !error.message.includes('secret'),
      )
    }
  })
})
