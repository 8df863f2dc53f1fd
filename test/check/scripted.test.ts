// The check against servers that a test plays: those that lie, grant little, are silent, or are none; and
// what is refused before any of them is dialled.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { check, CHECK_IDS } from '../../src/check.node.ts'
import type { CheckId, CheckOptions, CheckResult } from '../../src/check/types.ts'
import type { ConnectPacket, Properties } from '../../src/codec/packets.ts'
import { NO_PROPERTIES, PacketType } from '../../src/codec/packets.ts'
import {
  ConnectionLostError,
  ConnectRefusedError,
  MalformedPacketError,
  TimeoutError,
} from '../../src/errors.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { ScriptedServer } from '../../src/testing/scripted-server.ts'

const TIMEOUT_MS = 30_000
const QUICK = { connectMs: 500, answerMs: 400, cleanUpMs: 1_000 }

/** What MQTT 3.1.1 says for 0x87. */
const NOT_AUTHORIZED_311 = 5

/** What a played server says to CONNECT. */
interface Manners {
  readonly sessionPresent?: (packet: ConnectPacket) => boolean
  readonly properties?: (packet: ConnectPacket) => Properties
  readonly reasonCode?: number
}

/** A server that answers everything and passes no message on. */
async function played(t: TestContext, manners: Manners = {}): Promise<string> {
  const listener = await ScriptedServer.start()
  t.after(() => listener.close())
  const serve = async (): Promise<void> => {
    for await (const connection of listener) void greet(connection, manners)
  }
  void serve()
  return listener.url
}

async function greet(connection: ScriptedConnection, manners: Manners): Promise<void> {
  try {
    const packet = await connection.connect()
    const {
      sessionPresent = () => false,
      properties = () => NO_PROPERTIES,
      reasonCode = 0,
    } = manners
    connection.send({
      type: PacketType.CONNACK,
      sessionPresent: sessionPresent(packet),
      reasonCode: packet.version === 4 && reasonCode > 0 ? NOT_AUTHORIZED_311 : reasonCode,
      properties: properties(packet),
    })
    if (reasonCode === 0) connection.autoRespond()
    else connection.close()
  } catch (error) {
    // A connection that looks and leaves sends no CONNECT.
    ok(connection.ended, String(error))
  }
}

function only(results: readonly CheckResult[], id: CheckId): CheckResult {
  const result = results.find((one) => one.id === id)
  ok(result !== undefined)
  return result
}

describe('check, of a server that is played', { timeout: TIMEOUT_MS }, () => {
  test('finds the one that says Session Present and has forgotten', async (t) => {
    const url = await played(t, { sessionPresent: (packet) => !packet.cleanStart })
    const { results, verdict, server } = await check(url, { only: ['session'], timeouts: QUICK })
    const { verdict: how, seen, facts, advice } = only(results, 'session')
    equal(how, 'bad')
    match(seen, /^says that it has the session, and has forgotten its subscription/)
    equal(facts['lies'], true)
    ok((advice ?? '').length > 20)
    equal(verdict.code, 'session-lies')
    equal(verdict.level, 'unfit')
    equal(server.product, 'unknown')
  })

  test('finds the one that keeps no sessions', async (t) => {
    const url = await played(t)
    const { results, verdict } = await check(url, {
      only: ['session', 'queue-qos1'],
      bounds: { queuedMessages: 5 },
      timeouts: QUICK,
    })
    equal(only(results, 'session').verdict, 'bad')
    equal(only(results, 'queue-qos1').verdict, 'bad')
    equal(only(results, 'queue-qos1').facts['kept'], 0)
    equal(verdict.code, 'no-session')
  })

  test('finds what is granted instead of the session expiry that is asked for', async (t) => {
    for (const [granted, code, level] of [
      [60, 'session-short', 'unfit'],
      [86_400, 'session-bounded', 'limited'],
    ] as const) {
      const url = await played(t, {
        properties: ({ properties = NO_PROPERTIES }) => {
          const asked = properties.sessionExpiryInterval ?? 0
          return asked > granted ? { sessionExpiryInterval: granted } : NO_PROPERTIES
        },
      })
      const { results, verdict } = await check(url, { only: ['session-expiry'], timeouts: QUICK })
      equal(only(results, 'session-expiry').facts['grantedSeconds'], granted)
      equal(only(results, 'session-expiry').verdict, 'limited')
      equal(verdict.code, code)
      equal(verdict.level, level)
      ok(verdict.text.includes(`${granted} s`))
    }
  })

  test('does not wait for a keep alive that is too long', async (t) => {
    const url = await played(t, { properties: () => ({ serverKeepAlive: 600 }) })
    const { results } = await check(url, { only: ['keep-alive'], timeouts: QUICK })
    equal(only(results, 'keep-alive').verdict, 'unknown')
    equal(only(results, 'keep-alive').facts['inForce'], 600)
  })

  test('believes what CONNACK says that there is not', async (t) => {
    const properties: Properties = {
      maximumQoS: 1,
      retainAvailable: false,
      wildcardSubscriptionAvailable: false,
      sharedSubscriptionAvailable: false,
      subscriptionIdentifiersAvailable: false,
    }
    const url = await played(t, { properties: () => properties })
    const ids: CheckId[] = ['qos2', 'retained', 'wildcards', 'shared', 'subscription-ids']
    const { results, verdict } = await check(url, { only: ids, timeouts: QUICK })
    for (const id of ids) equal(only(results, id).verdict, 'limited', id)
    equal(verdict.code, 'not-exactly-once')
  })

  test('gives what was not done in time as unknown', async (t) => {
    const url = await played(t)
    const { results, verdict } = await check(url, {
      only: ['keep-alive', 'session'],
      timeouts: { ...QUICK, answerMs: 60_000, totalMs: 1_500 },
    })
    equal(only(results, 'keep-alive').verdict, 'unknown')
    equal(only(results, 'session').verdict, 'unknown')
    equal(verdict.code, 'essential-unknown')
    equal(verdict.level, 'unknown')
  })

  test('rejects as a client does when it is not let in', async (t) => {
    const url = await played(t, { reasonCode: 0x87 })
    await rejects(check(url, { timeouts: QUICK }), (error) => {
      ok(error instanceof ConnectRefusedError)
      equal(error.reasonCode, 0x87)
      return true
    })
  })

  test('rejects when nobody answers, when it is no server, and when there is none', async (t) => {
    const listener = await ScriptedServer.start()
    t.after(() => listener.close())
    const silent = { connectMs: 200, cleanUpMs: 200 }
    await rejects(check(listener.url, { protocol: 5, timeouts: silent }), TimeoutError)
    const other = await ScriptedServer.start()
    const garbled = check(other.url, { protocol: 5, timeouts: QUICK })
    ;(await other.connection()).sendBytes(new TextEncoder().encode('HTTP/1.1 400 Bad Request\r\n'))
    await rejects(garbled, MalformedPacketError)
    await other.close()
    await rejects(check(other.url, { timeouts: QUICK }), ConnectionLostError)
  })

  test('ends at once for a signal that has fired', async () => {
    const reason = new Error('Not now')
    const signal = AbortSignal.abort(reason)
    const transport = (): never => {
      throw new Error('It was dialled')
    }
    await rejects(check('mqtt://localhost', { signal, transport }), reason)
  })

  test('tells results as they come, each once, and gives them in the order of the table', async (t) => {
    const url = await played(t)
    const told: CheckId[] = []
    const { results } = await check(url, {
      only: ['qos1', 'will'],
      timeouts: QUICK,
      onResult: ({ id }) => told.push(id),
    })
    deepEqual(
      results.map(({ id }) => id),
      [...CHECK_IDS],
    )
    deepEqual([...told].sort(), [...CHECK_IDS].sort())
  })
})

describe('check', () => {
  const transport = (): never => {
    throw new Error('It was dialled')
  }
  const refuses = (options: object, kind: ErrorConstructor, message: RegExp, url = 'localhost') => {
    test(`refuses ${JSON.stringify(options)} before anything is sent`, async () => {
      const given = { transport, ...options } as CheckOptions
      await rejects(check(url, given), (error) => {
        ok(error instanceof kind, String(error))
        match(error.message, message)
        return true
      })
    })
  }
  refuses({ onlys: [] }, TypeError, /^Cannot use options\.onlys: the known ones are port, user/)
  refuses({ only: ['sessions'] }, TypeError, /options\.only "sessions": the checks are protocols/)
  refuses({ except: 'session' }, TypeError, /options\.except "session": give a list/)
  refuses({ only: [] }, TypeError, /name at least one/)
  refuses({ only: ['session'], except: ['session'] }, TypeError, /no check is left/)
  refuses({ topicPrefix: 'a/+' }, TypeError, /options\.topicPrefix "a\/\+"/)
  refuses({ bounds: { queuedMessages: 0 } }, RangeError, /queuedMessages "0".* from 1 to 100000/)
  refuses({ bounds: { payloads: 1 } }, TypeError, /options\.bounds\.payloads/)
  refuses({ timeouts: { answerMs: '5s' } }, TypeError, /answerMs "5s": give an integer/)
  refuses({ restart: { soft: true } }, TypeError, /options\.restart\.soft/)
  refuses({ restart: { orderly: 'reboot' } }, TypeError, /options\.restart\.orderly "reboot"/)
  refuses({ signal: {} }, TypeError, /options\.signal/)
  refuses({ port: 70_000 }, RangeError, /port "70000"/)
  refuses({ password: 'secret', protocol: 4 }, TypeError, /password without user/)
  refuses({}, TypeError, /use "mqtt:", "mqtts:"/, 'http://localhost')
})
