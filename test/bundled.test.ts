// Programs that are bundled to one file, as they are for a server function or a single executable: the package is
// installed as npm would, without the optional package `ws` and far from that of this repository.

import { deepEqual, equal, match } from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { build } from 'esbuild'
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
})
