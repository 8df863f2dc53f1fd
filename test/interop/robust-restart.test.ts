// A real server that ends and comes back under clients of umqtt/robust. In good order and with persistence:
// nothing is lost, and nothing doubled at QoS 2. Otherwise no outcome is false: what is called delivered was
// acknowledged, as the record of the link shows, and what came twice is marked, or was sent with DUP.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { MQTTClient } from '../../src/robust.node.ts'
import type { Outcome } from '../../src/robust/types.ts'
import type { QoS } from '../../src/simple/types.ts'
import type { FaultProxy } from '../../src/testing/fault-proxy.ts'
import { type TestServer, startServer } from '../support/servers.ts'
import { absent } from '../support/skip.ts'
import {
  acknowledged,
  checkResent,
  Ends,
  firsts,
  linkTo,
  robustClient,
  sessionsFound,
  timesSent,
} from './robust-link.ts'
import { Collected } from './setting.ts'

const TIMEOUT_MS = 60_000
/** So many messages of each QoS; the server ends after a part of them. */
const MESSAGES = 120
const PART = 40
/** So many are published at a time. */
const AT_ONCE = 20

interface Run {
  readonly proxy: FaultProxy
  readonly received: Collected
  /** By the text of the message. */
  readonly outcomes: ReadonlyMap<string, Outcome>
}

describe(
  'robust and mosquitto, restarted',
  {
    skip: absent('mosquitto'),
    timeout: TIMEOUT_MS,
    concurrency: 2,
  },
  () => {
    for (const protocol of [5, 4] as const) {
      test(`loses and doubles nothing in MQTT ${protocol} when it stops in good order`, () =>
        withRun(protocol, 'stop', true, ({ proxy, received, outcomes }) => {
          for (const [text, { status, possiblyDuplicated }] of outcomes) {
            equal(status, 'delivered', text)
            ok(!possiblyDuplicated, `"${text}": the session was kept`)
          }
          ok(sessionsFound(proxy.record).slice(1).every(Boolean), 'A session was lost')
          checkResent(proxy.record)
          for (const qos of [1, 2] as const) {
            const texts = textsOf(received, qos)
            deepEqual(qos === 2 ? texts : firsts(texts), sentTexts(qos))
          }
        }))

      for (const [ending, persistence] of [
        ['kill', true],
        ['kill', false],
        ['stop', false],
      ] as const) {
        const words = persistence ? 'with persistence' : 'without persistence'
        test(`tells no false outcome in MQTT ${protocol} at a ${ending} ${words}`, () =>
          withRun(protocol, ending, persistence, ({ proxy, received, outcomes }) => {
            const { record } = proxy
            const known = acknowledged(record)
            const sent = timesSent(record)
            const afresh = timesSent(record, false)
            const counts = new Map<string, number>()
            for (const text of received.texts) counts.set(text, (counts.get(text) ?? 0) + 1)
            checkResent(record)
            for (const [text, { status, possiblyDuplicated }] of outcomes) {
              if (status === 'delivered') ok(known.has(text), `"${text}" was not acknowledged`)
              else equal(status, 'maybe-delivered', text)
              const isMarked = possiblyDuplicated || status === 'maybe-delivered'
              if ((afresh.get(text) ?? 0) > 1) ok(isMarked, `"${text}" was sent afresh unmarked`)
              // A server that goes back to what was on its disk doubles what it has passed on already.
              if (persistence || (counts.get(text) ?? 0) < 2) continue
              ok(isMarked || (sent.get(text) ?? 0) > 1, `"${text}" came twice, and nothing says so`)
            }
            for (const qos of [1, 2] as const) {
              const order = sentTexts(qos)
              const places = firsts(textsOf(received, qos)).map((text) => order.indexOf(text))
              deepEqual(
                places,
                [...places].sort((a, b) => a - b),
              )
            }
          }))
      }
    }
  },
)

/** Publishes through a link while the server ends and starts again, until every message has its outcome. */
async function withRun(
  protocol: 4 | 5,
  ending: 'stop' | 'kill',
  persistence: boolean,
  check: (run: Run) => void,
): Promise<void> {
  const ends = new Ends()
  try {
    const server = await startServer('mosquitto', { anonymous: true, persistence })
    ends.add(() => server.remove())
    const proxy = await linkTo(server, ends)
    const receiver = robustClient(server.urls.tcp as string, 'receiver', ends, { protocol })
    const received = new Collected()
    await receiver.subscribe('restart/#', { qos: 2 }, (_topic, _payload, message) =>
      received.add(message),
    )
    const client = robustClient(proxy.url, 'sender', ends, { protocol })
    const restarted = restart(server, ending, received, receiver)
    const outcomes = await publishAll(client)
    await restarted
    await client.publish('restart/end', 'end', { qos: 2 }).settled
    await received.untilText('end')
    check({ proxy, received, outcomes })
  } finally {
    await ends.end()
  }
}

async function restart(
  server: TestServer,
  ending: 'stop' | 'kill',
  received: Collected,
  receiver: MQTTClient,
): Promise<void> {
  await received.until(PART)
  await server[ending]()
  await server.start()
  // Its subscription is there again.
  await receiver.connect()
  await receiver.subscribe('restart/end', { qos: 2 })
}

async function publishAll(client: MQTTClient): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>()
  for (let i = 0; i < MESSAGES; i += AT_ONCE) {
    const some: Promise<void>[] = []
    for (let j = i; j < i + AT_ONCE; j += 1) {
      for (const qos of [1, 2] as const) {
        const { settled } = client.publish(`restart/${qos}`, textOf(qos, j), { qos })
        some.push(settled.then((outcome) => void outcomes.set(textOf(qos, j), outcome)))
      }
    }
    await Promise.all(some)
  }
  return outcomes
}

function textOf(qos: QoS, count: number): string {
  return `${qos}-${count}`
}

function sentTexts(qos: QoS): string[] {
  return Array.from({ length: MESSAGES }, (_, i) => textOf(qos, i))
}

function textsOf(received: Collected, qos: QoS): string[] {
  return received.texts.filter((text) => text.startsWith(`${qos}-`))
}
