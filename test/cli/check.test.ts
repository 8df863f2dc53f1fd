// `umqtt check`: what it prints, how it ends, and, as a process, that it leaves nothing behind, also when it is
// interrupted or nobody reads it any more.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import type { CheckReport } from '../../src/check/types.ts'
import { MQTTClient } from '../../src/simple.node.ts'
import { runHere } from '../support/command-rig.ts'
import { type Ending, type Running, startProgram } from '../support/run-program.ts'
import {
  PASSWORD,
  type ServerOptions,
  type TestServer,
  USER,
  startServer,
} from '../support/servers.ts'
import { absent, requireOrSkip } from '../support/skip.ts'

const MAIN = 'dist/cli/main.js'
const TIMEOUT_MS = 60_000
const WHO = { UMQTT_USER: USER, UMQTT_PASSWORD: PASSWORD }
const QUICK = ['--only', 'session,qos1,queue-qos1', '--messages', '40']

async function started(t: TestContext, options: ServerOptions = {}): Promise<TestServer> {
  const server = await startServer('mosquitto', {
    ...options,
    // How many clients it knows is told each second.
    settings: { sys_interval: '1', ...options.settings },
  })
  t.after(() => server.remove())
  return server
}

function start(server: TestServer, ...args: readonly string[]): Running {
  return startProgram(MAIN, ['check', server.urls.tcp ?? '', ...args], WHO)
}

function run(server: TestServer, ...args: readonly string[]): Promise<Ending> {
  return start(server, ...args).ended
}

/** The same within this process, for what it says. */
function ranHere(server: TestServer, ...args: readonly string[]): Promise<Ending> {
  return runHere(['check', server.urls.tcp ?? '', ...args], { env: WHO })
}

/** Waits until the server knows nobody but who looks, and sees that nothing is retained. */
async function isClean(server: TestServer): Promise<void> {
  const looker = new MQTTClient('looker', server.urls.tcp ?? '', { user: USER, password: PASSWORD })
  await looker.connect()
  const retained: string[] = []
  await looker.subscribe('#', {}, (topic) => retained.push(topic))
  const alone = new Promise<void>((resolve) => {
    void looker.subscribe('$SYS/broker/clients/total', {}, (_topic, _payload, message) => {
      if (message.text() === '1') resolve()
    })
  })
  await alone
  assert.deepEqual(retained, [])
  await looker.disconnect()
}

describe('umqtt check', { skip: absent('mosquitto'), timeout: 3 * TIMEOUT_MS }, () => {
  test('prints a line for each check, and a verdict', async (t) => {
    const { code, stdout, stderr } = await run(await started(t), ...QUICK)
    assert.equal(stderr, '')
    assert.equal(code, 0)
    assert.match(stdout, /^ok {6} Session over a reconnect {2}kept over a broken connection/m)
    assert.match(stdout, /^ok {6} Waiting messages, QoS 1 {3}all of 40 kept, in order$/m)
    assert.match(stdout, /^Server {3}mosquitto \d.*; MQTT 5\.0; checked in/m)
    assert.match(stdout, /^Verdict {2}fit for guaranteed delivery while it runs/m)
    assert.match(stdout, /^What cannot be known from here:\n {2}whether it writes to the disk/m)
    // Neither what was not asked for nor colours nor the password.
    for (const secret of ['Keep alive', '\u001b', PASSWORD]) {
      assert.ok(!stdout.includes(secret), stdout)
    }
  })

  test('ends with 7 for a server that is not fit, and says what to do', async (t) => {
    const server = await started(t, { settings: { max_queued_messages: '1' } })
    const { code, stdout } = await ranHere(server, ...QUICK)
    assert.equal(code, 7)
    assert.match(
      stdout,
      /^Verdict {2}forgets waiting messages beyond \d+: set max_queued_messages/m,
    )
    assert.match(stdout, /^What to do:\n {2}Waiting messages, QoS 1: set max_queued_messages/m)
  })

  test('gives the whole report as JSON', async (t) => {
    const { code, stdout, stderr } = await ranHere(await started(t), ...QUICK, '--json')
    assert.deepEqual([code, stderr], [0, ''])
    const report = JSON.parse(stdout) as CheckReport
    assert.equal(report.verdict.code, 'restart-untested')
    assert.equal(report.results.find(({ id }) => id === 'queue-qos1')?.facts['kept'], 40)
    assert.ok(report.unknowable.length > 0)
  })

  test('restarts the server with a command', async (t) => {
    const server = await started(t, { persistence: true })
    // The command ends when the restart is done: it waits for the end of a connection to us.
    const restarter = createServer((socket) => {
      void server
        .stop()
        .then(() => server.start())
        .then(() => socket.end())
    }).listen(0, '127.0.0.1')
    t.after(() => restarter.close())
    await once(restarter, 'listening')
    const { port } = restarter.address() as AddressInfo
    const line = `echo it restarts; exec "${process.execPath}" -e "require('net').connect(${port}, '127.0.0.1').resume()"`
    const { code, stdout, stderr } = await run(
      server,
      ...QUICK,
      '--only',
      'restart',
      '--restart',
      line,
    )
    assert.equal(stderr, 'it restarts\n')
    assert.match(stdout, /^ok {6} After a restart {11}the session, what waited/m)
    assert.match(stdout, /^Verdict {2}fit for guaranteed delivery$/m)
    assert.equal(code, 0)
    await isClean(server)
  })

  test('says that the command failed', async (t) => {
    const server = await started(t)
    const { code, stdout, stderr } = await ranHere(
      server,
      ...[...QUICK, '--only', 'restart', '--restart', 'exit 3'],
    )
    assert.match(
      stdout,
      /^unknown {2}After a restart {11}the restart failed: "exit 3" ended with 3$/m,
    )
    assert.match(stderr, /^umqtt: what is left after a restart could not be found out$/m)
    assert.equal(code, 1)
  })

  test('waits for a person who restarts the server, and finds it forgetful', async (t) => {
    const server = await started(t)
    const running = start(server, '--only', 'session,restart', '--wait-for-restart')
    await running.untilError(/restart the server now/)
    await server.stop()
    await server.start()
    const { code, stdout } = await running.ended
    assert.match(stdout, /^bad {5} After a restart {11}lost: the session, messages that waited/m)
    assert.match(
      stdout,
      /^Verdict {2}keeps sessions but loses them at a restart: set "persistence true"/m,
    )
    assert.equal(code, 7)
    await isClean(server)
  })

  test('leaves nothing behind when it is interrupted', async (t) => {
    const server = await started(t)
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const running = start(server)
      await running.until(/^ok /m)
      running.signal(signal)
      const ending = await running.ended
      assert.deepEqual([ending.code, ending.stderr], [code, ''])
      await isClean(server)
    }
    const waiting = start(server, '--only', 'restart', '--wait-for-restart')
    await waiting.untilError(/restart the server now/)
    waiting.signal('SIGINT')
    assert.equal((await waiting.ended).code, 130)
    await isClean(server)
  })

  test('leaves nothing behind when nobody reads it any more', async (t) => {
    if (!requireOrSkip(t, 'bash')) return
    const server = await started(t)
    const script = `"${process.execPath}" ${MAIN} check ${server.urls.tcp} | head -n 1; exit \${PIPESTATUS[0]}`
    const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
      encoding: 'utf8',
      env: { ...process.env, ...WHO },
    })
    assert.equal(status, 141, stderr)
    assert.equal(stdout.split('\n').length, 2)
    await isClean(server)
  })

  test('ends with 1 when it cannot check', async (t) => {
    const server = await started(t)
    const who = { UMQTT_USER: USER, UMQTT_PASSWORD: 'wrong secret' }
    const refused = await runHere(['check', server.urls.tcp ?? ''], { env: who })
    assert.deepEqual([refused.code, refused.stdout], [1, ''])
    assert.match(refused.stderr, /^umqtt: Cannot connect to .*: server refused with .*uthorized/)
    assert.ok(!refused.stderr.includes('secret'))
    await server.stop()
    const gone = await ranHere(server)
    assert.deepEqual([gone.code, gone.stdout], [1, ''])
    assert.match(gone.stderr, /^umqtt: Cannot connect to /)
  })

  const WRONG: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [['http://localhost'], /use "mqtt:", "mqtts:"/],
    [['--only', 'sessions'], /Cannot use --only "sessions": write protocols, tls/],
    [['--only', 'session', '--except', 'session'], /No check is left/],
    [['mqtt://a', '--url', 'mqtt://b'], /Cannot use --url with the argument URL/],
    [['--restart', 'true', '--wait-for-restart'], /--restart with --wait-for-restart/],
    [['--topic-prefix', '#/'], /topicPrefix "#\/"/],
    [['--id', 'mine'], /There is no option --id/],
    [['--messages', '0'], /write a whole number from 1 to 100000/],
  ]
  for (const [args, message] of WRONG) {
    test(`refuses ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await runHere(['check', ...args])
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, message)
    })
  }
})
