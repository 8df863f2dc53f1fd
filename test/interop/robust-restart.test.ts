// A real server that ends and comes back under clients of umqtt/robust. In good order and with persistence:
// nothing is lost, and nothing doubled at QoS 2. Otherwise no outcome is false: what is called delivered was
// acknowledged, as the record of the link shows, and what came twice is marked, or was sent with DUP.

import { deepEqual, fail, ok } from 'node:assert/strict'
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
  storyOf,
  timesSent,
  unknowable,
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
  /** The link of whoever receives. */
  readonly receiving: FaultProxy
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
        withRun(protocol, 'stop', true, (run) => {
          const { proxy, received, outcomes } = run
          // The link takes a connection while the server is gone, so that a CONNECT may go unanswered.
          const unsure = protocol === 4 ? unknowable(proxy.record) : new Set()
          for (const [text, { status, possiblyDuplicated }] of outcomes) {
            if (status !== (unsure.has(text) ? 'maybe-delivered' : 'delivered')) {
              fail(told(run, text, `settled as "${status}"`))
            }
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
          withRun(protocol, ending, persistence, (run) => {
            const { received, outcomes } = run
            const { record } = run.proxy
            const known = acknowledged(record)
            const sent = timesSent(record)
            const afresh = timesSent(record, false)
            const counts = new Map<string, number>()
            for (const text of received.texts) counts.set(text, (counts.get(text) ?? 0) + 1)
            checkResent(record)
            for (const [text, { status, possiblyDuplicated }] of outcomes) {
              const check = (isTrue: boolean, what: string): void => {
                if (!isTrue) fail(told(run, text, what))
              }
              if (status === 'delivered') check(known.has(text), 'not acknowledged')
              else check(status === 'maybe-delivered', `settled as "${status}"`)
              const isMarked = possiblyDuplicated || status === 'maybe-delivered'
              check((afresh.get(text) ?? 0) < 2 || isMarked, 'sent afresh unmarked')
              // A server that goes back to what was on its disk doubles what it has passed on already.
              if (persistence || (counts.get(text) ?? 0) < 2) continue
              check(isMarked || (sent.get(text) ?? 0) > 1, 'there twice, and nothing says so')
            }
            for (const qos of [1, 2] as const) {
              const order = sentTexts(qos)
              const came = firsts(textsOf(received, qos))
              for (const [i, text] of came.entries()) {
                const before = came[i - 1]
                if (before === undefined || order.indexOf(before) < order.indexOf(text)) continue
                fail(`${told(run, text, `behind "${before}"`)}\n${told(run, before, 'before it')}`)
              }
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
    const receiving = await linkTo(server, ends)
    const receiver = robustClient(receiving.url, 'receiver', ends, { protocol })
    const received = new Collected()
    await receiver.subscribe('restart/#', { qos: 2 }, (_topic, _payload, message) =>
      received.add(message),
    )
    const client = robustClient(proxy.url, 'sender', ends, { protocol })
    const restarted = restart(server, ending, received, receiver)
    // What keeps the server from coming back is told, and not waited for.
    const [outcomes] = await Promise.all([publishAll(client), restarted])
    await client.publish('restart/end', 'end', { qos: 2 }).settled
    await received.untilText('end')
    check({ proxy, receiving, received, outcomes })
  } finally {
    await ends.end()
  }
}

/** What a failure says: what is wrong with a message, and everything that both links have seen of it. */
function told({ proxy, receiving, received }: Run, text: string, what: string): string {
  const times = received.texts.filter((one) => one === text).length
  return `"${text}" was ${what}; it came ${times} times
from the sender:
${storyOf(proxy.record, text)}
to the receiver:
${storyOf(receiving.record, text)}`
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
