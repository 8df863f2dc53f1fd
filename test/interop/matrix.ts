// One server of the matrix: everything that any server is asked, on its routes and in its versions.
// What to expect of it stands in traits.ts.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { check } from '../../src/check.node.ts'
import { ConnectRefusedError } from '../../src/errors.ts'
import { MQTTClient as RobustClient } from '../../src/robust.node.ts'
import { MQTTClient } from '../../src/simple.node.ts'
import { chaos } from '../support/chaos.ts'
import { FAST_CHECK } from '../support/seed.ts'
import {
  PASSWORD,
  type Route,
  type ServerName,
  type TestServer,
  USER,
  startServer,
} from '../support/servers.ts'
import { absent } from '../support/skip.ts'
import { found } from './findings.ts'
import { portOf } from './robust-link.ts'
import { Setting } from './setting.ts'
import { interopSuite5 } from './suite-5.ts'
import { interopSuite } from './suite.ts'
import { answerToRelease } from './release.ts'
import { IN_CHAOS, RELEASED, TRAITS } from './traits.ts'
import { Waker } from './waker.ts'

/** How much of the matrix a server gets. */
export interface MatrixOptions {
  /** Messages of the flood over TCP; a tenth of it elsewhere. */
  readonly flood: number
  /** Routes that get less than everything. */
  readonly briefly?: readonly Route[]
  /** Seconds of chaos, in each version; `npm run servers` makes it a minute. @default 2 */
  readonly chaosSeconds?: number
}

const { seed } = FAST_CHECK
const CHAOS_TIMEOUT_MS = 180_000
const ANSWER_TIMEOUT_MS = 30_000
/** Twice the bound that docs/check.md gives, for a machine that does other things. */
const CHECK_TIMEOUT_MS = 70_000

/** All tests of one server, which starts once. */
export function serverSuite(name: ServerName, options: MatrixOptions): void {
  const { flood, briefly = [], chaosSeconds = 2 } = options
  const { protocols, routes } = TRAITS[name]
  const needed = name === 'aedes' ? false : absent(name)
  describe(name, { skip: needed }, () => {
    let server: TestServer
    before(async () => {
      server = await startServer(name)
    })
    after(() => server.remove())

    for (const protocol of protocols) {
      describe(`in MQTT ${protocol === 5 ? '5.0' : '3.1.1'}`, () => {
        for (const route of routes) {
          let setting: Setting | undefined
          const lazily = (): Setting => (setting ??= new Setting(server, route, protocol))
          describe(`over ${route}`, () => {
            if (name === 'mosquitto' && (route === 'ws' || route === 'wss')) {
              const waker = new Waker()
              before(() => waker.start(server))
              after(() => waker.stop())
            }
            interopSuite('as any server', lazily, {
              flood: route === 'tcp' ? flood : flood / 10,
              who: route === 'mutual-tls' ? 'certificate' : 'password',
              ...(briefly.includes(route) && { only: 'messages' }),
            })
            if (protocol === 5 && !briefly.includes(route)) {
              interopSuite5('as a server of 5.0', lazily)
            }
          })
        }
      })
    }

    for (const route of routes) {
      if (route === 'mutual-tls') continue
      test(`is spoken to over ${route} in the best version that it has, when none is named`, async (t) => {
        const tls = route === 'tls' || route === 'wss' ? { tls: server.tls } : {}
        const credentials = { user: USER, password: PASSWORD }
        const client = new MQTTClient('', server.urls[route] ?? '', { ...credentials, ...tls })
        t.after(() => client.disconnect())
        const result = await client.connect()
        equal(result.protocol, protocols[0])
        await client.subscribe('fallback', { qos: 1 })
        await client.publish('fallback', 'works', { qos: 1 })
        equal((await client.waitMsg()).text(), 'works')
        await client.disconnect()
        equal((await client.connect()).protocol, protocols[0])
        found(t, { server }, 'version', server.version)
        found(
          t,
          { server },
          'MQTT',
          protocols.map((one) => (one === 5 ? '5.0' : '3.1.1')).join(', '),
        )
        found(t, { server }, 'routes', routes.join(', '))
      })
    }

    const { refusesFive } = TRAITS[name]
    if (refusesFive !== undefined) {
      test(
        'refuses MQTT 5.0 in the way that is known',
        { timeout: ANSWER_TIMEOUT_MS },
        async (t) => {
          const client = new MQTTClient('five', server.urls.tcp ?? '', {
            user: USER,
            password: PASSWORD,
            protocol: 5,
          })
          t.after(() => client.disconnect())
          const error = await client.connect().then(
            () => undefined,
            (reason: Error) => reason,
          )
          if (refusesFive === 'with a reason') ok(error instanceof ConnectRefusedError)
          else match(error?.message ?? '', /^Server closed the connection before CONNACK$/)
          found(t, { server }, 'how 5.0 is refused', refusesFive)
        },
      )
    }

    test(
      'lets a client that holds on find the version by itself, and keep a message meanwhile',
      { timeout: ANSWER_TIMEOUT_MS },
      async () => {
        await using client = new RobustClient('holds on', server.urls.tcp ?? '', {
          user: USER,
          password: PASSWORD,
          reconnect: { floorMs: 20, capMs: 60 },
        })
        const { settled } = client.publish('holds/on', 'x')
        equal((await settled).status, 'delivered')
      },
    )

    for (const protocol of protocols) {
      test(
        `answers PUBREL of a packet id that it does not hold as is known, in MQTT ${protocol}`,
        { timeout: ANSWER_TIMEOUT_MS },
        async (t) => {
          const { released } = TRAITS[name]
          const words = await answerToRelease(server, protocol, released)
          equal(words, RELEASED[released])
          found(t, { server, protocol }, 'PUBREL of a free id', words)
        },
      )
    }

    // With 5.0 it says by itself whether it has them, and the suite asks.
    if (protocols[0] === 4) {
      test(
        'grants a shared subscription, and takes its filter for any other',
        { timeout: ANSWER_TIMEOUT_MS },
        async (t) => {
          const setting = new Setting(server, 'tcp', 4)
          const topic = setting.name()
          const [sender, member] = [await setting.connected(t), await setting.connected(t)]
          const shared = await member.collect(`$share/group/${topic}/+`, { qos: 1 })
          const plain = await member.collect(topic, { qos: 1 })
          equal(shared.granted, 1)
          for (let i = 0; i < 20; i += 1) await sender.publish(`${topic}/${i}`, 'x', { qos: 1 })
          await sender.publish(topic, 'the end', { qos: 1 })
          await plain.until(1)
          deepEqual(shared.texts, [])
          found(t, setting, 'shared subscriptions', 'no, and grants them')
        },
      )
    }

    test('is what `umqtt check` says it is', { timeout: CHECK_TIMEOUT_MS }, async (t) => {
      const report = await check(server.urls.tcp ?? '', { user: USER, password: PASSWORD })
      const [gravest] = report.conclusions
      equal(gravest?.code, TRAITS[name].checked)
      deepEqual([...report.protocols].sort(), [...protocols].sort())
      deepEqual(
        report.results.filter(({ verdict }) => verdict === 'bad'),
        [],
      )
      found(t, { server }, 'umqtt check says', gravest?.text ?? '')
    })

    for (const protocol of protocols) {
      test(
        `keeps what was promised in chaos, in MQTT ${protocol}, SEED=${seed}`,
        { timeout: CHAOS_TIMEOUT_MS },
        async (t) => {
          const seconds = Number(process.env['UMQTT_CHAOS_SECONDS'] ?? chaosSeconds)
          const { topQos } = new Setting(server, 'tcp', protocol)
          const port = portOf(server)
          const credentials = { user: USER, password: PASSWORD }
          const summary = await chaos({
            ...{ port, seconds, seed, protocol, topQos },
            ...credentials,
            // What was lost with a session is not worth a long wait.
            ...(TRAITS[name].inChaos === 'loses sessions' && { patienceMs: 5000 }),
          })
          const { inChaos } = TRAITS[name]
          const { lost, lostByServer, sessionsLost, sentDisordered } = summary
          const { doubled, disordered, hiddenByServer, outcomes, published } = summary
          deepEqual({ lost, sentDisordered }, { lost: [], sentDisordered: [] })
          ok(published > 10 * seconds, `Only ${published} messages were published`)
          if (inChaos !== 'loses sessions') {
            equal(sessionsLost, 0)
            if (inChaos !== 'reuses ids' || summary.idsReused === 0) deepEqual(lostByServer, [])
            const good = ['QoS 0 sent', 'QoS 1 delivered', 'QoS 2 delivered']
            // PUBCOMP of 3.1.1 says nothing where a CONNECT without an answer may have made a new session.
            const unknowable = protocol === 4 ? 'QoS 2 maybe-delivered' : undefined
            const told = Object.keys(outcomes).filter((outcome) => outcome !== unknowable)
            deepEqual(told.sort(), good.slice(0, topQos + 1))
          }
          if (inChaos === 'keeps all') {
            deepEqual(
              { doubled, disordered, hiddenByServer },
              { doubled: [], disordered: [], hiddenByServer: [] },
            )
          }
          found(t, { server }, 'chaos on the links', IN_CHAOS[inChaos])
        },
      )
    }
  })
}
