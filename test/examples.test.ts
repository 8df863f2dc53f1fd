// Every file of examples/, run as a program against a server: what it prints, how it ends, what the
// server's other clients see of it. An example without a test here fails the first test.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Link } from '../demo/link.ts'
import { MQTTClient } from '../src/simple.node.ts'
import type { Message } from '../src/simple/types.ts'
import { type Ending, runProgram, startProgram } from './support/run-program.ts'
import { type ScriptedRouter, startScriptedRouter } from './support/scripted-router.ts'
import { type TestServer, startServer } from './support/servers.ts'
import { SharedProcess } from './support/shared-process.ts'
import { requireOrSkip } from './support/skip.ts'

const LINES_MAX = 30
const FILES = readdirSync('examples').filter((name) => name.endsWith('.mjs'))
const TESTED = [
  'battery.mjs',
  'fleeting.mjs',
  'guaranteed.mjs',
  'last-will.mjs',
  'latest.mjs',
  'own-delay.mjs',
  'own-reconnect.mjs',
  'publish.mjs',
  'request-response.mjs',
  'shared-subscription.mjs',
  'simulate.mjs',
  'subscribe.mjs',
  'tls.mjs',
  'websocket.mjs',
  'within.mjs',
]

/** For those that end well by themselves. */
const shared = new SharedProcess()
after(() => shared.close())

const example = (name: string): string => `examples/${name}.mjs`

function succeeds({ code, stdout, stderr }: Ending, expected: RegExp): void {
  equal(code, 0, stdout + stderr)
  equal(stderr, '')
  match(stdout, expected)
}

/** A client beside the example, connected. */
async function witness(url: string): Promise<MQTTClient> {
  const client = new MQTTClient('witness', url)
  await client.connect()
  return client
}

describe('the examples', () => {
  test('are all tested', () => deepEqual(FILES, TESTED))

  for (const name of FILES) {
    test(`${name} has under ${LINES_MAX} lines`, () => {
      const lines = readFileSync(`examples/${name}`, 'utf8').trimEnd().split('\n')
      ok(lines.length < LINES_MAX, `${lines.length} lines`)
    })
  }
})

describe('the examples, with a server of MQTT 3.1.1', { timeout: 60_000 }, () => {
  let server: TestServer
  let url = ''
  before(async () => {
    server = await startServer('aedes', { anonymous: true })
    url = server.urls.tcp ?? ''
  })
  after(() => server.remove())

  test('publish.mjs publishes at every QoS', async () => {
    const client = await witness(url)
    const seen = new Set<string>()
    const all = new Promise<void>((resolve) => {
      client.setCallback((topic, payload, { qos, retain }) => {
        seen.add(`${topic} ${payload.length} ${qos} ${retain}`)
        if (seen.size === 3) resolve()
      })
    })
    await client.subscribe('example/#', { qos: 2 })
    succeeds(await shared.run(example('publish'), [url]), /^The server has it\nPublished\n$/)
    // This server may pass messages on after it has acknowledged them, and in another order.
    await all
    deepEqual(
      seen,
      new Set([
        'example/temperature 4 0 false',
        'example/temperature 4 1 false',
        'example/raw 3 2 false',
      ]),
    )
    await client.disconnect()
  })

  test('publish.mjs reads the server from UMQTT_SERVER', async () => {
    succeeds(await shared.run(example('publish'), [], { UMQTT_SERVER: url }), /\nPublished\n$/)
  })

  test('subscribe.mjs prints messages until "stop" comes', async () => {
    const client = await witness(url)
    const program = startProgram(example('subscribe'), [url, 'watched/#'])
    await program.until(/^Listening to watched\/#\n/)
    await client.publish('watched/a', 'one', { qos: 1 })
    await client.publish('watched/b', 'stop', { qos: 1 })
    succeeds(await program.ended, /\nwatched\/a 3 bytes: one\nwatched\/b 4 bytes: stop\n$/)
    await client.disconnect()
  })

  test('last-will.mjs has the will published when it is killed, and not after Ctrl+C', async () => {
    const client = await witness(url)
    const messages = (await client.subscribe('example/status', { qos: 1 }))[Symbol.asyncIterator]()
    const next = async (): Promise<string> => ((await messages.next()).value as Message).text()

    const polite = startProgram(example('last-will'), [url])
    await polite.until(/^Here, until Ctrl\+C\n/)
    equal(await next(), 'here')
    polite.signal('SIGINT')
    succeeds(await polite.ended, /\nLeft in good order\n$/)
    equal(await next(), 'left')

    const killed = startProgram(example('last-will'), [url])
    await killed.until(/^Here/)
    equal(await next(), 'here')
    killed.signal('SIGKILL')
    equal(await next(), 'gone')
    await killed.ended
    await client.disconnect()
  })

  test('tls.mjs trusts the authority that it is given, and no other', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'umqtt-examples-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'ca.pem')
    writeFileSync(file, server.tls.ca as string)
    const secure = server.urls.tls ?? ''
    succeeds(
      await shared.run(example('tls'), [secure, file]),
      /^Connected over TLS; a round trip takes \d+ ms\nPublished\n$/,
    )
    const untrusted = await runProgram(example('tls'), [secure])
    equal(untrusted.code, 1)
    match(untrusted.stderr, /ERR_MQTT_CONNECTION_LOST/)
    match(untrusted.stderr, /certificate/)
  })

  test('websocket.mjs gets back what it publishes', async () => {
    succeeds(
      await shared.run(example('websocket'), [server.urls.ws ?? '']),
      /^example\/echo: hello\n$/,
    )
  })

  for (const name of ['request-response', 'shared-subscription']) {
    test(`${name}.mjs says that it needs MQTT 5.0`, async () => {
      const ending = await runProgram(example(name), [url])
      equal(ending.code, 1)
      match(ending.stderr, /ERR_MQTT_CONNECT_REFUSED/)
    })
  }
})

describe('the examples of umqtt/robust', { timeout: 60_000 }, () => {
  let server: TestServer
  let url = ''
  before(async () => {
    server = await startServer('aedes', { anonymous: true })
    url = server.urls.tcp ?? ''
  })
  after(() => server.remove())

  test('fleeting.mjs sends while there is a connection, and drops before', async () => {
    const client = await witness(url)
    const got: string[] = []
    client.setCallback((_topic, payload) => got.push(new TextDecoder().decode(payload)))
    await client.subscribe('example/temperature')
    const ending = await shared.run(example('fleeting'), [url])
    succeeds(ending, /^Before the connection: dropped\n21\.5: sent\n21\.6: sent\n21\.7: sent\n$/)
    await client.ping()
    deepEqual(got, ['21.5', '21.6', '21.7'])
    await client.disconnect()
  })

  test('latest.mjs sends the newest of each topic', async () => {
    const client = await witness(url)
    const got = new Set<string>()
    const both = new Promise<void>((resolve) => {
      client.setCallback((topic, payload) => {
        got.add(`${topic} ${new TextDecoder().decode(payload)}`)
        if (got.size === 2) resolve()
      })
    })
    await client.subscribe(['example/temperature', 'example/humidity'])
    const ending = await shared.run(example('latest'), [url])
    const [temperature, humidity] = ['example/temperature', 'example/humidity']
    equal(ending.code, 0, ending.stdout + ending.stderr)
    deepEqual(ending.stdout.trim().split('\n').sort(), [
      `${humidity} delivered`,
      `${temperature} delivered`,
      `${temperature} superseded`,
      `${temperature} superseded`,
    ])
    await both
    deepEqual(got, new Set([`${temperature} 21.7`, `${humidity} 40`]))
    await client.publish(temperature, '', { retain: true, qos: 1 })
    await client.disconnect()
  })

  test('within.mjs shows the way of a press to the server', async () => {
    const shows = ['accepted', 'sent', 'delivered'].map((stage) => `The lamp shows: ${stage}\n`)
    const ending = await shared.run(example('within'), [url])
    succeeds(ending, new RegExp(`^${shows.join('')}The server has it\n$`))
  })

  test('within.mjs says that it is too late when no server comes in time', async () => {
    const ending = await shared.run(example('within'), ['mqtt://127.0.0.1:1', '300'])
    succeeds(ending, /^The lamp shows: accepted\nThe lamp shows: expired\nIt was never sent/)
  })

  test('guaranteed.mjs keeps its alarm when it is killed without a server', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'umqtt-examples-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const link = await Link.open(url)
    t.after(() => link.close())
    const args = [link.url, join(folder, 'outbox')]
    link.set('cut')
    const killed = startProgram(example('guaranteed'), args)
    await killed.until(/^Waiting from before: 0\nOn disk: pull the plug now\n$/)
    killed.signal('SIGKILL')
    await killed.ended

    link.set('up')
    const client = await witness(url)
    const messages = (await client.subscribe('example/window', { qos: 1 }))[Symbol.asyncIterator]()
    const ending = await shared.run(example('guaranteed'), args)
    succeeds(ending, /^Waiting from before: 1\n/)
    const delivered = ending.stdout.split('\n').filter((line) => line.includes(': delivered'))
    equal(delivered.length, 2, ending.stdout)
    for (const _ of delivered) equal(((await messages.next()).value as Message).text(), 'broken')
    await client.disconnect()
  })

  test('own-delay.mjs waits as it likes until the server is there', async (t) => {
    const link = await Link.open(url)
    t.after(() => link.close())
    link.set('cut')
    const program = startProgram(example('own-delay'), [link.url])
    await program.until(/^Attempt 1 failed\. .*\nAttempt 2 failed/)
    link.set('up')
    succeeds(await program.ended, /\nConnected\n$/)
  })

  test('own-reconnect.mjs switches its modem on first', async () => {
    const ending = await shared.run(example('own-reconnect'), [url])
    succeeds(ending, /^Modem on\nConnected, session new\ndelivered\n$/)
  })

  test('battery.mjs switches its radio on once, for what is worth it', async () => {
    const ending = await shared.run(example('battery'), [url])
    succeeds(ending, /^(example\/level superseded\n){2}Radio on\n(example\/\w+ delivered\n){2}/)
    match(ending.stdout, /\nNothing to do: true; wake me in Infinity ms\n$/)
  })
})

describe('the examples, when no server is there', () => {
  test('simulate.mjs has the outcome of each message over its outage', async () => {
    const { code, stdout, stderr } = await shared.run(example('simulate'), ['7'])
    equal(code, 0, stdout + stderr)
    const rows = Array.from(
      stdout.matchAll(/'(\w+)' +│ +(\d+) +│ '([\w-]+)' +│ +(\w+)/g),
      ([, topic, published, status, taken]) =>
        `${topic} ${Math.round(Number(published) / 1000)} ${status} ${taken !== 'undefined'}`,
    )
    deepEqual(rows, [
      'button 0 delivered true',
      'button 0 maybe-delivered false',
      'window 15 delivered true',
      'button 315 expired false',
      'button 630 delivered true',
    ])
  })

  test('publish.mjs fails with a message that names the server', async () => {
    const { code, stderr } = await runProgram(example('publish'), ['mqtt://127.0.0.1:1'])
    equal(code, 1)
    match(stderr, /ConnectionLostError: .*"mqtt:\/\/127\.0\.0\.1:1"/)
  })
})

/** What needs MQTT 5.0, for whatever server speaks it. */
const MQTT_5: readonly { readonly name: string; readonly check: (ending: Ending) => void }[] = [
  {
    name: 'request-response',
    check: (ending) => succeeds(ending, /^Answer to question 7: 144\n$/),
  },
  {
    name: 'shared-subscription',
    check: (ending) => {
      succeeds(ending, /^(Worker [12] does job [1-6]\n){6}$/)
      const done = [...ending.stdout.matchAll(/Worker (\d) does (job \d)/g)]
      const jobs = [1, 2, 3, 4, 5, 6].map((n) => `job ${n}`)
      deepEqual(new Set(done.map(([, , job]) => job)), new Set(jobs))
      deepEqual(new Set(done.map(([, worker]) => worker)), new Set(['1', '2']))
    },
  },
]

describe('the examples, with a scripted server of MQTT 5.0', { timeout: 60_000 }, () => {
  let router: ScriptedRouter
  before(async () => {
    router = await startScriptedRouter()
  })
  after(() => router.close())

  for (const { name, check } of MQTT_5) {
    test(`${name}.mjs`, async () => check(await shared.run(example(name), [router.url])))
  }

  test('publish.mjs', async () => {
    succeeds(await shared.run(example('publish'), [router.url]), /^The server has it\nPublished\n$/)
  })
})

describe('the examples, with mosquitto', { timeout: 60_000 }, () => {
  for (const { name, check } of MQTT_5) {
    test(`${name}.mjs`, async (t) => {
      if (!requireOrSkip(t, 'mosquitto')) return
      const server = await startServer('mosquitto', { anonymous: true })
      t.after(() => server.remove())
      check(await shared.run(example(name), [server.urls.tcp ?? '']))
    })
  }

  test('publish.mjs says that nobody listens, when the server says so', async (t) => {
    if (!requireOrSkip(t, 'mosquitto')) return
    const server = await startServer('mosquitto', { anonymous: true })
    t.after(() => server.remove())
    const ending = await shared.run(example('publish'), [server.urls.tcp ?? ''])
    succeeds(ending, /^Nobody listens\nPublished\n$/)
  })
})
