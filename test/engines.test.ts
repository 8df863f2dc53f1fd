// docs/engines.md: its transport keeps the contract of transports, and its program runs on QuickJS, which has neither
// timers nor any object of a browser or of Node, against a server over real sockets.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { after, before, describe, test } from 'node:test'
import { build } from 'esbuild'
import { transportContract } from '../src/testing/transport-contract.ts'
import type { TransportFactory } from '../src/transport/transport.ts'
import { listenTcp, networkSetting } from './support/peers.ts'
import { runHosted } from './support/quickjs/hosted.ts'
import { type TestServer, startServer } from './support/servers.ts'

const ROOT = process.cwd()

/** Inside the repository, so that the package is found by its name. */
const FOLDER = join(ROOT, 'build/engines')

const text = readFileSync('docs/engines.md', 'utf8')

function block(mark: string): string {
  const [, code] = new RegExp(`^\`\`\`js ${mark}\\n([^]*?)^\`\`\`$`, 'm').exec(text) ?? []
  ok(code !== undefined, `docs/engines.md has no "${mark}"`)
  return code
}

/** One file of a program, its module "host" and the package. */
async function bundle(name: string, host: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(FOLDER, name)],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    external: ['node:*'],
    alias: { host: join(ROOT, host) },
    logLevel: 'silent',
  })
  equal(outputFiles.length, 1)
  return outputFiles[0]!.text
}

describe('docs/engines.md', { timeout: 60_000 }, () => {
  let server: TestServer
  before(async () => {
    rmSync(FOLDER, { recursive: true, force: true })
    mkdirSync(FOLDER, { recursive: true })
    server = await startServer('aedes', { anonymous: true })
    writeFileSync(join(FOLDER, 'own-platform.js'), block('own-platform'))
    const program = block('own-program').replace('mqtt://localhost', server.urls.tcp ?? '')
    writeFileSync(join(FOLDER, 'program.js'), program)
  })
  after(() => server.remove())

  test('has a program that runs on QuickJS, which has nothing but ECMAScript', async () => {
    const code = await bundle('program.js', 'test/support/quickjs/host-bridge.ts')
    deepEqual(await runHosted(code), ['delivered', 'on'])
  })
  test('has a program that says on QuickJS why it cannot connect', async () => {
    writeFileSync(
      join(FOLDER, 'refused.js'),
      `import { print } from 'host'
import { MQTTClient } from 'umqtt/portable'
import { platform } from './own-platform.js'

const client = new MQTTClient('lamp-7', 'mqtt://127.0.0.1:1', {}, platform)
await client.connect().catch(({ name, message, transient }) => print([name, message, transient].join()))`,
    )
    const code = await bundle('refused.js', 'test/support/quickjs/host-bridge.ts')
    deepEqual(await runHosted(code), [
      'ConnectionLostError,Cannot connect to "mqtt://127.0.0.1:1": connect ECONNREFUSED 127.0.0.1:1,true',
    ])
  })

  describe('its transport', () => {
    transportContract(test, {
      traits: { slowsPeer: true, halfCloses: true, breaks: true, canBeSilent: false },
      open: async () => {
        const file = join(FOLDER, 'own-platform.run.mjs')
        writeFileSync(file, await bundle('own-platform.js', 'test/support/engine-host.ts'))
        const { tcp } = (await import(pathToFileURL(file).href)) as { tcp: TransportFactory }
        return networkSetting(tcp, await listenTcp(), 'mqtt')
      },
    })
  })
})
