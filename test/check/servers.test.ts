// The check against real servers, as they should be and spoilt on purpose: it has to be right about each.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { type CheckId, type CheckReport, type CheckResult, check } from '../../src/check.node.ts'
import type { CheckOptions } from '../../src/check/types.ts'
import {
  PASSWORD,
  type ServerOptions,
  type TestServer,
  USER,
  startServer,
} from '../support/servers.ts'
import { absent } from '../support/skip.ts'

const TIMEOUT_MS = 120_000
const WHO = { user: USER, password: PASSWORD }

async function started(
  t: TestContext,
  name: TestServer['name'],
  options: ServerOptions = {},
): Promise<TestServer> {
  const server = await startServer(name, options)
  t.after(() => server.remove())
  return server
}

/** A server that writes all it has to its disk at each message stands still for seconds beside other tests. */
const PATIENCE = { timeouts: { answerMs: 20_000 } }

async function checked(server: TestServer, options: CheckOptions = {}): Promise<CheckReport> {
  const report = await check(server.urls.tcp ?? '', { ...WHO, ...PATIENCE, ...options })
  deepEqual(report.leftovers, [])
  return report
}

function resultOf(report: CheckReport, id: CheckId): CheckResult {
  const result = report.results.find((one) => one.id === id)
  ok(result !== undefined, `There is no result of "${id}"`)
  return result
}

/** The checks by how they ended, without those that did not run. */
function verdicts(report: CheckReport): Record<string, CheckId[]> {
  const found: Record<string, CheckId[]> = {}
  for (const { id, verdict } of report.results) {
    if (verdict !== 'skipped' && verdict !== 'ok') (found[verdict] ??= []).push(id)
  }
  return found
}

/** What those say that were not well, for whoever reads a failure. */
function told(report: CheckReport): string {
  return report.results
    .filter(({ verdict }) => verdict !== 'skipped' && verdict !== 'ok')
    .map(({ id, verdict, seen }) => `${id} is ${verdict}: ${seen}`)
    .join('\n')
}

/** Restarts of a server of ours. */
function restarts(server: TestServer): NonNullable<CheckOptions['restart']> {
  return {
    orderly: async () => {
      await server.stop()
      await server.start()
    },
    kill: async () => {
      await server.kill()
      await server.start()
    },
  }
}

const ESSENTIAL: readonly CheckId[] = ['session', 'queue-qos1', 'queue-qos2', 'qos1']

describe('check, of mosquitto', { skip: absent('mosquitto'), timeout: TIMEOUT_MS }, () => {
  test('finds it fit when it is configured well', async (t) => {
    const server = await started(t, 'mosquitto', { persistence: true })
    const report = await checked(server, { restart: restarts(server) })
    // Mosquitto 2.0 takes over without DISCONNECT 0x8E, and sends no aliases.
    const { limited = [], ...rest } = verdicts(report)
    deepEqual(rest, {}, told(report))
    deepEqual(
      limited.filter((id) => !['takeover', 'aliases-in', 'kill'].includes(id)),
      [],
    )
    ok(report.verdict.level !== 'unfit', report.verdict.text)
    equal(resultOf(report, 'restart').verdict, 'ok')
    deepEqual(report.protocols, [4, 5])
    equal(report.server.product, 'mosquitto')
    match(report.server.version ?? '', /^\d+\.\d+/)
    ok(report.durationMs < 40_000)
    deepEqual(JSON.parse(JSON.stringify(report)), report)
  })

  test('checks it with MQTT 3.1.1 too', async (t) => {
    const server = await started(t, 'mosquitto')
    const report = await checked(server, { protocol: 4 })
    equal(report.protocol, 4)
    deepEqual(verdicts(report), { unknown: ['session-expiry'] })
    equal(report.verdict.code, 'restart-untested')
    equal(report.verdict.level, 'fit')
  })

  test('finds that it forgets sessions at a restart without persistence', async (t) => {
    const server = await started(t, 'mosquitto')
    const only: CheckId[] = [...ESSENTIAL, 'restart', 'kill']
    const report = await checked(server, { only, restart: restarts(server) })
    equal(resultOf(report, 'session').verdict, 'ok')
    for (const id of ['restart', 'kill'] as const) {
      equal(resultOf(report, id).verdict, 'bad')
      equal(resultOf(report, id).facts['sessionPresent'], false)
    }
    equal(report.verdict.level, 'unfit')
    match(report.verdict.text, /^keeps sessions but loses them at a restart: .*persistence true/)
  })

  test('finds that it forgets at a crash what it saves at its end alone', async (t) => {
    const server = await started(t, 'mosquitto', {
      persistence: true,
      settings: { autosave_on_changes: 'false', autosave_interval: '1800' },
    })
    const only: CheckId[] = [...ESSENTIAL, 'restart', 'kill']
    const report = await checked(server, { only, restart: restarts(server) })
    equal(resultOf(report, 'restart').verdict, 'ok')
    equal(resultOf(report, 'kill').verdict, 'bad')
    equal(report.verdict.code, 'forgets-at-crash')
    match(report.verdict.text, /autosave_interval 1/)
  })

  test('finds how many messages wait at the most', async (t) => {
    const server = await started(t, 'mosquitto', { settings: { max_queued_messages: '1' } })
    const report = await checked(server, { only: ESSENTIAL })
    const { verdict, facts, advice = '' } = resultOf(report, 'queue-qos1')
    equal(verdict, 'limited')
    ok(Number(facts['kept']) >= 1 && Number(facts['kept']) <= 30, `${facts['kept']}`)
    match(advice, /max_queued_messages/)
    equal(report.verdict.code, 'keeps-few-messages')
    equal(report.verdict.level, 'unfit')
  })

  test('names the limit that is there unless it is set', async (t) => {
    const server = await started(t, 'mosquitto', { settings: { max_queued_messages: '1000' } })
    const report = await checked(server, { only: ESSENTIAL })
    equal(resultOf(report, 'queue-qos1').facts['kept'], 1000)
    equal(report.verdict.level, 'limited')
    match(report.verdict.text, /^forgets waiting messages beyond 1000: set max_queued_messages/)
  })

  test('finds that empty client ids are refused', async (t) => {
    const server = await started(t, 'mosquitto', {
      settings: { allow_zero_length_clientid: 'false' },
    })
    for (const protocol of [4, 5] as const) {
      const report = await checked(server, { protocol, only: ['client-id'] })
      equal(resultOf(report, 'client-id').verdict, 'limited')
      match(resultOf(report, 'client-id').advice ?? '', /allow_zero_length_clientid/)
    }
  })

  test('finds limits that the server sets', async (t) => {
    const server = await started(t, 'mosquitto', {
      settings: {
        max_packet_size: '20000',
        max_inflight_messages: '7',
        retain_available: 'false',
      },
    })
    const only: CheckId[] = ['packet-size', 'receive-maximum', 'retained', 'queue-qos1']
    const report = await checked(server, { only })
    equal(resultOf(report, 'receive-maximum').facts['announced'], 7)
    const size = resultOf(report, 'packet-size')
    equal(size.verdict, 'limited')
    equal(size.facts['announced'], 20_000)
    ok(Number(size.facts['taken']) > 19_000, size.seen)
    equal(resultOf(report, 'retained').seen, 'has none, and says so')
    equal(resultOf(report, 'queue-qos1').verdict, 'ok')
  })

  test('looks at its certificate', async (t) => {
    const server = await started(t, 'mosquitto')
    const { tls } = server
    const report = await check(server.urls.tls ?? '', { ...WHO, tls, only: ['tls', 'session'] })
    const { verdict, facts, seen } = resultOf(report, 'tls')
    // The certificates of tests are good for a day.
    equal(verdict, 'limited')
    match(seen, /; the certificate of "localhost" ends in [01] days$/)
    match(String(facts['protocol']), /^TLSv1\.[23]$/)
    equal(resultOf(report, 'session').verdict, 'ok')
    const trusting = { ...WHO, tls: { rejectUnauthorized: false } }
    const other = await check(server.urls.tls ?? '', { ...trusting, only: ['tls', 'session'] })
    equal(resultOf(other, 'tls').verdict, 'bad')
    match(resultOf(other, 'tls').seen, /is not trusted/)
    equal(other.conclusions[0]?.code, 'untrusted')
  })

  test('goes by WebSocket and by a Unix socket', async (t) => {
    const server = await started(t, 'mosquitto')
    for (const route of ['ws', 'unix'] as const) {
      const report = await check(server.urls[route] ?? '', { ...WHO, only: ESSENTIAL })
      deepEqual(verdicts(report), {}, route)
    }
  })
})

describe('check, of aedes', { timeout: TIMEOUT_MS }, () => {
  test('finds it fit while it runs, with MQTT 3.1.1 alone', async (t) => {
    const server = await started(t, 'aedes')
    const report = await checked(server)
    equal(report.server.product, 'aedes')
    deepEqual(report.protocols, [4])
    // It sends QoS 2 again without DUP, and takes "$share/…" for an ordinary filter.
    deepEqual(verdicts(report), {
      limited: ['protocols', 'qos2-unconfirmed', 'shared'],
      unknown: ['session-expiry'],
    })
    equal(report.verdict.code, 'restart-untested')
  })
})
