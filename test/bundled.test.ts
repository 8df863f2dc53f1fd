// Programs that are bundled to one file, as they are for a server function, a single executable or React Native: the
// package is installed as npm would, without the optional package `ws` and far from that of this repository.

import { deepEqual, equal, match } from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { build } from 'esbuild'
import { runNative } from './support/react-native.ts'
import { runProgram } from './support/run-program.ts'
import { type TestServer, startServer } from './support/servers.ts'

/** Publishes what is durable, and dials a server that only `ws` can reach. */
const PROGRAM = `
import { MQTTClient as SimpleClient } from 'umqtt/simple'
import { MQTTClient, guaranteed } from 'umqtt/robust'

const main = async () => {
  const client = new MQTTClient('bundled', process.env.SERVER, { outbox: process.env.OUTBOX })
  const receipt = client.publish('hall/window', 'broken', { delivery: guaranteed() })
  console.log((await receipt.settled).status)
  await client[Symbol.asyncDispose]()
  const other = new SimpleClient('other', 'wss://127.0.0.1:1', { tls: { minVersion: 'TLSv1.3' } })
  await other.connect().catch((error) => console.log(error.message))
}
main()
`

/** What an application tries that may have no reason, no folder and no outbox. */
const NATIVE_PROGRAM = `
import { MQTTClient as SimpleClient } from 'umqtt/simple'
import { MQTTClient, guaranteed, within } from 'umqtt/robust'

const main = async () => {
  const client = new MQTTClient('phone', SERVER)
  await client.subscribe('hall/#', { qos: 2 })
  const messages = client.messages()
  const press = client.publish('hall/light', 'ä', { delivery: within('15s'), qos: 2 })
  tell((await press.settled).status)
  for await (const { topic, text } of messages) {
    tell(topic)
    break
  }
  const waits = [
    (signal) => client.waitMsg({ signal }),
    (signal) => client.publish('hall/light', 'off', { delivery: within('15s') }).wait({ signal }),
    (signal) => new SimpleClient('other', SERVER).connect({ signal }),
  ]
  for (const wait of waits) {
    const aborter = new AbortController()
    const waiting = wait(aborter.signal)
    aborter.abort()
    await waiting.then(tell, ({ name, message }) => tell(name + ': ' + message))
    await wait(aborter.signal).then(tell, ({ name }) => tell(name))
  }
  try {
    client.publish('hall/window', 'broken', { delivery: guaranteed() })
  } catch ({ message }) {
    tell(message)
  }
  await client[Symbol.asyncDispose]()
}
main().then(() => tell('done'), fail)
`

describe('a program that is bundled to one file, where there is no ws', () => {
  let folder = ''
  let server: TestServer
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'umqtt-bundled-'))
    for (const path of ['package.json', 'dist']) {
      cpSync(path, join(folder, 'node_modules/umqtt', path), {
        recursive: true,
        filter: (source) => !/\.(map|ts)$/.test(source),
      })
    }
    writeFileSync(join(folder, 'program.mjs'), PROGRAM)
    writeFileSync(join(folder, 'native.mjs'), NATIVE_PROGRAM)
    server = await startServer('aedes', { anonymous: true })
  })
  after(async () => {
    await server.remove()
    rmSync(folder, { recursive: true })
  })

  for (const [format, extension] of [
    ['esm', 'mjs'],
    ['cjs', 'cjs'],
  ] as const) {
    test(`is built without a word and runs, as ${format}`, async () => {
      const outfile = join(folder, `bundled.${extension}`)
      const { warnings } = await build({
        absWorkingDir: folder,
        entryPoints: ['program.mjs'],
        bundle: true,
        platform: 'node',
        format,
        outfile,
        logLevel: 'silent',
      })
      deepEqual(warnings, [])
      const { code, stdout, stderr } = await runProgram(outfile, [], {
        SERVER: server.urls.tcp ?? '',
        OUTBOX: join(folder, `outbox-${format}`),
      })
      equal(stderr, '')
      match(stdout, /^delivered\nCannot connect to "wss:.+": install the package "ws"/)
      equal(code, 0)
    })
  }

  test('runs in React Native, whose bundler takes the files without modules of Node', async () => {
    const { outputFiles, warnings } = await build({
      absWorkingDir: folder,
      entryPoints: ['native.mjs'],
      bundle: true,
      write: false,
      platform: 'neutral',
      // What Metro asks for, and lowers for Hermes.
      conditions: ['react-native', 'import'],
      target: 'es2017',
      logLevel: 'silent',
    })
    deepEqual(warnings, [])
    deepEqual(await runNative(outputFiles[0]?.text ?? '', server.urls.ws ?? ''), [
      'delivered',
      'hall/light',
      ...['AbortError: Aborted', 'AbortError'],
      ...['AbortError: Aborted', 'AbortError'],
      ...['AbortError: Aborted', 'AbortError'],
      'Cannot publish to "hall/window" with durable "required": set the option outbox to a folder or a store',
    ])
  })
})
