// The demo as a user meets it: run as a program, with a server of its own, with other servers, and with
// servers that are absent, refuse, or lose what they were given.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Ledger } from '../demo/ledger.ts'
import { Narrator, hasColours } from '../demo/narrator.ts'
import { startServer as startDemoServer } from '../demo/server.ts'
import { MQTTClient } from '../src/simple.node.ts'
import { type Ending, runProgram } from './support/run-program.ts'
import { PASSWORD, USER, startServer } from './support/servers.ts'
import { requireOrSkip } from './support/skip.ts'

const PROGRAM = 'build/demo/main.js'
const DEMO_MS = 15_000

async function runDemo(env: Readonly<Record<string, string>> = {}): Promise<Ending> {
  const start = performance.now()
  const ending = await runProgram(PROGRAM, [], env)
  const tookMs = performance.now() - start
  ok(tookMs < DEMO_MS, `It took ${Math.round(tookMs)} ms:\n${ending.stdout}`)
  return ending
}

function promises({ stdout }: Ending): { kept: string[]; broken: string[] } {
  const lines = stdout.split('\n').map((line) => line.trim())
  const after = (word: string): string[] =>
    lines
      .filter((line) => line.startsWith(`${word}  `))
      .map((line) => line.slice(word.length).trim())
  return { kept: after('kept'), broken: after('BROKEN') }
}

describe('the demo', { timeout: 60_000 }, () => {
  test('keeps every promise and ends by itself with a server of its own', async () => {
    const ending = await runDemo()
    equal(ending.code, 0, ending.stdout + ending.stderr)
    equal(ending.stderr, '')
    const { kept, broken } = promises(ending)
    deepEqual(broken, [])
    ok(kept.length >= 15, kept.join('\n'))
    for (const words of ['temperature', 'door', 'rain', 'blink', 'calibrate', 'add-water']) {
      ok(
        kept.some((text) => text.includes(words)),
        words,
      )
    }
    for (const words of [
      'QoS 0',
      'at least once',
      'exactly once',
      'retained',
      'will',
      'responses',
    ]) {
      ok(
        kept.some((text) => text.includes(words)),
        words,
      )
    }
    match(ending.stdout, /left out +MQTT 5\.0, which this server does not speak/)
    match(ending.stdout, /sent: "maybe"/)
    match(ending.stdout, /Statistics\n +packets sent/)
    ok(!ending.stdout.includes('\u001b'), 'No colours where nobody sees them')
  })

  test('uses the server that UMQTT_SERVER names, with its user and password', async (t) => {
    const server = await startServer('aedes')
    t.after(() => server.remove())
    const UMQTT_SERVER = server.urls.tcp ?? ''
    const given = { UMQTT_SERVER, UMQTT_USER: USER }
    const ending = await runDemo({ ...given, UMQTT_PASSWORD: PASSWORD })
    equal(ending.code, 0, ending.stdout + ending.stderr)
    ok(ending.stdout.includes(UMQTT_SERVER))
    const refused = await runDemo({ ...given, UMQTT_PASSWORD: 'a wrong password' })
    equal(refused.code, 1)
    match(refused.stdout, /The demo failed\. .*refused/)
    ok(!refused.stdout.includes('a wrong password'))
  })

  test('reaches a server over TLS, WebSocket and a Unix socket', async (t) => {
    const server = await startServer('aedes', { anonymous: true })
    const folder = mkdtempSync(join(tmpdir(), 'umqtt-demo-'))
    t.after(async () => {
      await server.remove()
      rmSync(folder, { recursive: true })
    })
    const NODE_EXTRA_CA_CERTS = join(folder, 'ca.pem')
    writeFileSync(NODE_EXTRA_CA_CERTS, server.tls.ca as string)
    for (const route of ['tls', 'ws', 'unix'] as const) {
      const UMQTT_SERVER = server.urls[route] ?? ''
      const ending = await runDemo({ UMQTT_SERVER, NODE_EXTRA_CA_CERTS })
      equal(ending.code, 0, UMQTT_SERVER + ending.stdout + ending.stderr)
    }
  })

  test('speaks MQTT 5.0 with mosquitto, and leaves nothing behind', async (t) => {
    if (!requireOrSkip(t, 'mosquitto')) return
    const server = await startServer('mosquitto')
    t.after(() => server.remove())
    const UMQTT_SERVER = server.urls.tcp ?? ''
    const env = { UMQTT_SERVER, UMQTT_USER: USER, UMQTT_PASSWORD: PASSWORD }
    const ending = await runDemo(env)
    equal(ending.code, 0, ending.stdout + ending.stderr)
    match(ending.stdout, /response topic and correlation data of MQTT 5\.0/)
    ok(promises(ending).kept.includes('Responses carried back the data of their requests'))

    const auditor = new MQTTClient('auditor', UMQTT_SERVER, { user: USER, password: PASSWORD })
    await auditor.connect()
    await auditor.subscribe('#')
    await auditor.ping()
    equal(auditor.checkMsg(), undefined, 'Nothing is retained')
    await auditor.disconnect()
  })

  test('fails with a clear message when nothing listens', async () => {
    const listener = createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    listener.close()
    await once(listener, 'close')
    const ending = await runDemo({ UMQTT_SERVER: `mqtt://127.0.0.1:${port}` })
    equal(ending.code, 1)
    match(ending.stdout, new RegExp(`The demo failed\\. .*"mqtt://127\\.0\\.0\\.1:${port}"`))
    match(ending.stdout, /UMQTT_SERVER/)
  })

  test('fails with a clear message when the server is silent', async (t) => {
    const listener = createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
    t.after(() => listener.close())
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    const ending = await runDemo({ UMQTT_SERVER: `mqtt://127.0.0.1:${port}` })
    equal(ending.code, 1)
    match(ending.stdout, /The demo failed\. .*5000 ms/)
  })

  test('fails with a clear message when UMQTT_SERVER is no server', async () => {
    const ending = await runDemo({ UMQTT_SERVER: 'http://localhost' })
    equal(ending.code, 1)
    match(ending.stdout, /Cannot use the server "http:\/\/localhost"/)
  })

  test('says which promise was broken when the server loses messages', async (t) => {
    const server = await startDemoServer({
      authorizeForward: (_, packet) => (packet.topic.endsWith('/reading/rain') ? null : packet),
    })
    t.after(() => server.close())
    const ending = await runDemo({ UMQTT_SERVER: server.url })
    equal(ending.code, 1)
    deepEqual(promises(ending).broken, [
      'All 4 readings "rain" arrived (QoS 2: exactly once): [] instead of [1,2,3,4]',
    ])
    match(ending.stdout, /The demo failed\. Broken promises: 1/)
  })
})

describe('the narrator of the demo', () => {
  const told = (isTTY: boolean, environment: Record<string, string>): string => {
    let text = ''
    const screen = { isTTY, write: (more: string): void => void (text += more) }
    const narrator = new Narrator(screen, environment)
    narrator.scene('A scene')
    narrator.says('sensor', 'is here')
    return text
  }

  test('uses colours on a terminal alone, and not when NO_COLOR is set', () => {
    ok(told(true, {}).includes('\u001b[1mA scene\u001b[0m'))
    for (const plain of [
      told(false, {}),
      told(true, { NO_COLOR: '1' }),
      told(true, { TERM: 'dumb' }),
    ]) {
      equal(plain, '\nA scene\n  sensor                is here\n')
    }
    equal(hasColours({ isTTY: true, write: () => true }, { NO_COLOR: '' }), true)
  })
})

describe('the ledger of the demo', () => {
  test('counts a promise as broken when what was counted differs', () => {
    const ledger = new Ledger()
    ledger.equal('a', [1, 2], [1, 2])
    ledger.equal('b', [1, 2, 2], [1, 2])
    ledger.judge('c', false, 'no')
    equal(ledger.broken, 2)
    deepEqual(
      ledger.entries.map(({ broken }) => broken),
      [undefined, '[1,2,2] instead of [1,2]', 'no'],
    )
  })
})
