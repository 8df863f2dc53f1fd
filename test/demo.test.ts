// The demo as a user meets it: run as a program, with a server of its own, with other servers, and with
// servers that are absent, refuse, or lose what they were given. Runs wait more than they work.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Ledger } from '../demo/ledger.ts'
import { Link } from '../demo/link.ts'
import { LiveNarrator, canBeLive } from '../demo/live-narrator.ts'
import { Narrator, hasColours } from '../demo/narrator.ts'
import { startServer as startDemoServer } from '../demo/server.ts'
import { DEMO_MS, ENDS_MS, STEPS } from '../demo/timeline.ts'
import { MQTTClient } from '../src/simple.node.ts'
import { type Ending, runProgram, startProgram } from './support/run-program.ts'
import { PASSWORD, USER, startServer } from './support/servers.ts'
import { requireOrSkip } from './support/skip.ts'

const PROGRAM = 'build/demo/main.js'
/** A process that has let go of everything ends at once; this is for slow machines. */
const ENDS_BY_ITSELF_MS = 20_000

async function runDemo(env: Readonly<Record<string, string>> = {}): Promise<Ending> {
  const start = performance.now()
  const ending = await runProgram(PROGRAM, [], env, { deadlineMs: DEMO_MS })
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

/** A row of the table at the end: one number for each kind of message. */
function row({ stdout }: Ending, name: string): number[] {
  const [, cells = ''] = new RegExp(`^  ${name}((?: +\\d+){4})$`, 'm').exec(stdout) ?? []
  return cells.trim().split(/ +/).map(Number)
}

describe('the demo', { timeout: 240_000, concurrency: 3 }, () => {
  test('keeps every promise and ends by itself with a server of its own', async (t) => {
    const TMPDIR = mkdtempSync(join(tmpdir(), 'umqtt-nowhere-'))
    t.after(() => rmSync(TMPDIR, { recursive: true }))
    const ending = await runDemo({ TMPDIR })
    equal(ending.code, 0, ending.stdout + ending.stderr)
    equal(ending.stderr, '')
    const { kept, broken } = promises(ending)
    deepEqual(broken, [])
    ok(kept.length >= 15, kept.join('\n'))
    const [readings = 0, states = 0, presses = 0, alarms = 0] = row(ending, 'published')
    ok(readings > 30 && states === readings, `${readings} readings, ${states} states`)
    deepEqual([presses, alarms], [5, 5])
    deepEqual(row(ending, 'lost'), [0, 0, 0, 0])
    deepEqual(row(ending, 'expired'), [0, 0, 1, 0])
    equal(row(ending, 'delivered')[3], 5)
    ok((row(ending, 'dropped')[0] ?? 0) > 0)
    ok((row(ending, 'superseded')[1] ?? 0) > 0)
    match(ending.stdout, /kill -9: process \d+/)
    match(ending.stdout, /started again, and found 1 on disk/)
    match(ending.stdout, /✗ too late, press again/)
    ok(!ending.stdout.includes('\u001b'), 'No colours where nobody sees them')
    deepEqual(readdirSync(TMPDIR), [], 'The folder of the outbox is gone')
  })

  test('uses the server that UMQTT_SERVER names, over TLS, WebSocket and a Unix socket, with its user and password', async (t) => {
    const server = await startServer('aedes')
    const folder = mkdtempSync(join(tmpdir(), 'umqtt-authority-'))
    t.after(async () => {
      await server.remove()
      rmSync(folder, { recursive: true })
    })
    const NODE_EXTRA_CA_CERTS = join(folder, 'ca.pem')
    writeFileSync(NODE_EXTRA_CA_CERTS, server.tls.ca as string)
    const routes = ['tls', 'ws', 'unix'] as const
    const given = { NODE_EXTRA_CA_CERTS, UMQTT_USER: USER }
    const endings = await Promise.all(
      routes.map((route) =>
        runDemo({
          ...given,
          UMQTT_SERVER: server.urls[route] ?? '',
          UMQTT_PASSWORD: PASSWORD,
        }),
      ),
    )
    for (const [i, ending] of endings.entries()) {
      const route = routes[i] ?? 'tls'
      equal(ending.code, 0, `${route}\n${ending.stdout}${ending.stderr}`)
      ok(ending.stdout.includes(server.urls[route] ?? 'no server'), route)
    }
    const UMQTT_SERVER = server.urls.tcp ?? ''
    const refused = await runDemo({ ...given, UMQTT_SERVER, UMQTT_PASSWORD: 'a wrong password' })
    equal(refused.code, 1)
    match(refused.stdout, /The demo failed\. .*refused/)
    ok(!refused.stdout.includes('a wrong password'))
  })

  test('speaks MQTT 5.0 with mosquitto, and leaves nothing behind', async (t) => {
    if (!requireOrSkip(t, 'mosquitto')) return
    const server = await startServer('mosquitto')
    t.after(() => server.remove())
    const UMQTT_SERVER = server.urls.tcp ?? ''
    const env = { UMQTT_SERVER, UMQTT_USER: USER, UMQTT_PASSWORD: PASSWORD }
    const ending = await runDemo(env)
    equal(ending.code, 0, ending.stdout + ending.stderr)
    match(ending.stdout, /connected, MQTT 5\.0/)

    const auditor = new MQTTClient('auditor', UMQTT_SERVER, { user: USER, password: PASSWORD })
    await auditor.connect()
    await auditor.subscribe('#')
    await auditor.ping()
    equal(auditor.checkMsg(), undefined, 'Nothing is retained')
    await auditor.disconnect()
  })

  test('says which promise was broken when the server loses messages', async (t) => {
    const server = await startDemoServer({
      authorizeForward: (_, packet) =>
        packet.topic.endsWith('/alarm') && packet.payload.includes('broken') ? null : packet,
    })
    t.after(() => server.close())
    const ending = await runDemo({ UMQTT_SERVER: server.url })
    equal(ending.code, 1)
    deepEqual(promises(ending).broken, [
      'Nothing is lost that was promised: alarm 3 (delivered, arrived 0 times)',
    ])
    deepEqual(row(ending, 'lost'), [0, 0, 0, 1])
    match(ending.stdout, /The demo failed\. Broken promises: 1/)
  })
})

describe('the demo, interrupted', { timeout: 60_000 }, () => {
  test('takes its process and its folder with it', async (t) => {
    const TMPDIR = mkdtempSync(join(tmpdir(), 'umqtt-nowhere-'))
    t.after(() => rmSync(TMPDIR, { recursive: true }))
    const program = startProgram(PROGRAM, [], { TMPDIR })
    await program.until(/window +process \d+, connected/)
    program.signal('SIGINT')
    const { code, stdout } = await program.ended
    equal(code, 1)
    match(stdout, /It was interrupted\n$/)
    deepEqual(readdirSync(TMPDIR), [])
  })
})

describe('the demo without a server', { timeout: 60_000 }, () => {
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
    match(ending.stdout, /The demo failed\. .*2500 ms/)
  })

  test('fails with a clear message when UMQTT_SERVER is no server', async () => {
    const ending = await runDemo({ UMQTT_SERVER: 'http://localhost' })
    equal(ending.code, 1)
    match(ending.stdout, /Cannot use the server "http:\/\/localhost"/)
  })
})

describe('the timeline of the demo', () => {
  test('is in order, and ends within half a minute', () => {
    const times = STEPS.map(({ atMs }) => atMs)
    deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    )
    ok((times.at(-1) ?? Infinity) < ENDS_MS && ENDS_MS < 30_000)
  })
  test('kills the window while the link is cut, after something has happened at it', () => {
    const kinds = STEPS.map(({ action }) => (action.kind === 'link' ? action.state : action.kind))
    const order = [kinds.indexOf('cut'), kinds.indexOf('kill'), kinds.indexOf('start')]
    deepEqual(
      order,
      [...order].sort((a, b) => a - b),
    )
    ok(kinds.slice(order[0], order[1]).includes('window'))
    ok(kinds.indexOf('up') > (order[2] ?? Infinity))
  })
})

describe('the narrator of the demo', () => {
  const told = (isTTY: boolean, environment: Record<string, string>): string => {
    let text = ''
    const screen = { isTTY, write: (more: string): void => void (text += more) }
    const narrator = new Narrator(screen, hasColours(screen, environment), () => 1_234)
    narrator.scene('A scene')
    narrator.says('button', 'is here')
    return text
  }

  test('uses colours on a terminal alone, and not when NO_COLOR is set', () => {
    ok(told(true, {}).includes('\u001b[1mA scene\u001b[0m'))
    for (const plain of [
      told(false, {}),
      told(true, { NO_COLOR: '1' }),
      told(true, { TERM: 'dumb' }),
    ]) {
      equal(plain, '\nA scene\n  1.2 s  button       is here\n')
    }
    equal(hasColours({ isTTY: true, write: () => true }, { NO_COLOR: '' }), true)
  })

  test('is live only on a terminal with room and colours', () => {
    const screen = { isTTY: true, columns: 100, rows: 40, write: () => true }
    ok(canBeLive(screen, {}))
    ok(!canBeLive({ ...screen, isTTY: false }, {}))
    ok(!canBeLive({ ...screen, columns: 60 }, {}))
    ok(!canBeLive({ ...screen, rows: 15 }, {}))
    ok(!canBeLive(screen, { NO_COLOR: '1' }))
  })

  test('writes over its picture while it is live, and below it when it has stopped', () => {
    const written: string[] = []
    const screen = { isTTY: true, columns: 40, write: (text: string) => written.push(text) }
    const narrator = new LiveNarrator(screen, () => 0)
    narrator.watch('link', () => 'up '.repeat(40))
    narrator.scene('A scene')
    narrator.says('button', 'is here')
    narrator.stop()
    const drawn = written.length
    narrator.says('button', 'is still here')
    ok(written.slice(1, drawn).every((text) => text.startsWith('\u001b[')))
    match(written[drawn] ?? '', /is still here\n$/)
    const escapes = new RegExp(`${'\u001b'}\\[\\d*[a-zA-Z]`, 'g')
    const plain = written.map((text) => text.replaceAll(escapes, ''))
    for (const line of plain.slice(0, drawn).join('').split('\n')) ok(line.length <= 40, line)
  })
})

describe('the ledger of the demo', () => {
  const ending = { attempts: 1, latencyMs: 5, possiblyDuplicated: false } as const

  test('counts what was promised and did not come as lost', () => {
    const ledger = new Ledger()
    const press = ledger.publish('press', 1, 'on')
    const alarm = ledger.publish('alarm', 1, 'broken')
    const reading = ledger.publish('reading', 1, '20 °C')
    ledger.end(press, { ...ending, status: 'delivered' })
    ledger.end(reading, { ...ending, status: 'sent' })
    alarm.stored = 'disk'
    deepEqual(ledger.lost(), [press, alarm])
    deepEqual(ledger.open(), [alarm])
    ledger.arrive('press', 1)
    ledger.arrive('press', 1)
    ledger.arrive('press', 2)
    deepEqual(ledger.lost(), [alarm])
    const { arrived, doubled, delivered } = ledger.count('press')
    deepEqual([arrived, doubled, delivered, ledger.strangers], [1, 1, 1, 1])
  })

  test('takes a promise for broken when a message ends twice, or breaks it', () => {
    const ledger = new Ledger()
    const press = ledger.publish('press', 1, 'on')
    ledger.end(press, { ...ending, status: 'delivered' })
    ledger.end(press, { ...ending, status: 'expired' })
    ledger.none('Nothing is wrong', [])
    ledger.none('Nothing expires', [press])
    deepEqual(
      ledger.verdicts.map(({ broken }) => broken),
      ['also expired', undefined, 'press 1 (expired, arrived 0 times)'],
    )
    equal(ledger.broken, 2)
  })
})

describe('the link of the demo', () => {
  test('passes bytes on, holds them while it is silent, and cuts', async (t) => {
    const got: string[] = []
    let heard: () => void = () => undefined
    const server = createServer((socket) => {
      socket.on('data', (bytes) => {
        got.push(bytes.toString())
        heard()
      })
      socket.on('error', () => undefined)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const link = await Link.open(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`)
    t.after(async () => {
      await link.close()
      server.close()
    })
    const next = (): Promise<void> => new Promise((resolve) => (heard = resolve))
    const dial = async (): Promise<Socket> => {
      const socket = connect(Number(new URL(link.url).port), '127.0.0.1')
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      return socket
    }
    const first = await dial()
    let arrived = next()
    first.write('one')
    await arrived
    link.set('silent')
    arrived = next()
    first.write('two')
    const second = await dial()
    deepEqual(got, ['one'])
    link.set('up')
    await arrived
    deepEqual(got, ['one', 'two'])
    await new Promise((resolve) => second.on('close', resolve))
    const closed = new Promise((resolve) => first.on('close', resolve))
    link.set('cut')
    await closed
    const third = connect(Number(new URL(link.url).port), '127.0.0.1')
    third.on('error', () => undefined)
    await new Promise((resolve) => third.on('close', resolve))
  })

  test('lets the process end when one side ended while the other was reset', async () => {
    const program = 'build/test/support/link-main.js'
    const { code, stderr } = await runProgram(program, [], {}, { deadlineMs: ENDS_BY_ITSELF_MS })
    equal(stderr, '')
    equal(code, 0, `It did not end by itself within ${ENDS_BY_ITSELF_MS} ms`)
  })
})
