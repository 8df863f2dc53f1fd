// The link is cut before and after each packet of each handshake, in both directions: nothing is lost,
// QoS 2 arrives exactly once, one topic keeps its order, and what is sent again says so.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import type { CutPoint, Direction } from '../../src/testing/fault-types.ts'
import { type TestServer, startServer } from '../support/servers.ts'
import { absent } from '../support/skip.ts'
import { inFolder } from '../support/temporary-folder.ts'
import {
  bystander,
  checkResent,
  Ends,
  firsts,
  linkTo,
  robustClient,
  witness,
} from './robust-link.ts'
import { Collected } from './setting.ts'

const TIMEOUT_MS = 60_000
const TEXTS = ['one', 'two', 'three', 'four']
/** Where a link is cut: within CONNECT or CONNACK, and all through what follows. */
const BYTES = [0, 1, 2, 5, 9, 12, 13, 14, 17, 18, 19, 21, 24, 26, 30, 40]

const BACK = { 'to-server': 'to-client', 'to-client': 'to-server' } as const

type TypeName = keyof typeof PacketType

/** A point, and its name. */
interface Cut {
  readonly name: string
  readonly point: CutPoint
}

/** Both sides of some packets; the first one of a type, or the second. */
function around(
  qosName: string,
  packets: readonly (readonly [name: TypeName, direction: Direction])[],
  nth: number,
): Cut[] {
  return packets.flatMap(([name, direction]) =>
    (['before', 'after'] as const).map((when) => ({
      name: `${qosName}, ${when} ${name}`,
      point: { direction, when, type: PacketType[name], nth },
    })),
  )
}

/** The cuts of a handshake whose PUBLISH goes in a direction. */
function handshakes(direction: Direction): readonly (Cut & { readonly qos: 1 | 2 })[] {
  const back = BACK[direction]
  const once = around(
    'QoS 1',
    [
      ['PUBLISH', direction],
      ['PUBACK', back],
    ],
    2,
  )
  const exactly = around(
    'QoS 2',
    [
      ['PUBLISH', direction],
      ['PUBREC', back],
      ['PUBREL', direction],
      ['PUBCOMP', back],
    ],
    2,
  )
  const opening = around(
    'connecting',
    [
      ['CONNECT', 'to-server'],
      ['CONNACK', 'to-client'],
    ],
    1,
  )
  return [
    ...once.map((cut) => ({ ...cut, qos: 1 as const })),
    ...[...exactly, ...opening].map((cut) => ({ ...cut, qos: 2 as const })),
  ]
}

const UNSUBSCRIBING = around(
  'unsubscribing',
  [
    ['UNSUBSCRIBE', 'to-server'],
    ['UNSUBACK', 'to-client'],
  ],
  1,
)

const PINGING = around(
  'pinging',
  [
    ['PINGREQ', 'to-server'],
    ['PINGRESP', 'to-client'],
  ],
  1,
)

describe(
  'robust over a link cut in a handshake',
  {
    skip: absent('mosquitto'),
    timeout: TIMEOUT_MS,
  },
  () => {
    let server: TestServer
    before(async () => {
      server = await startServer('mosquitto', { anonymous: true })
    })
    after(() => server.remove())

    for (const protocol of [5, 4] as const) {
      for (const outbox of ['memory', 'folder'] as const) {
        test(`publishes in MQTT ${protocol} from ${outbox}, whatever packet it is`, () =>
          inFolder(async (folder) => {
            await each(handshakes('to-server'), async ({ name, point, qos }, ends, id) => {
              const topic = `out/${protocol}/${outbox}/${id}`
              const received = await witness(server, topic, ends)
              const proxy = await linkTo(server, ends)
              const cut = proxy.cutAt(point)
              const client = robustClient(proxy.url, topic, ends, {
                protocol,
                ...(outbox === 'folder' && { outbox: join(folder, `${id}`) }),
              })
              const receipts = TEXTS.map((text) => client.publish(topic, text, { qos }))
              const outcomes = await Promise.all(receipts.map(({ settled }) => settled))
              await cut
              await received.until(TEXTS.length)
              // Whatever came twice came before this.
              await client.publish(topic, 'last', { qos: 2 }).settled
              await received.untilText('last')
              const texts = received.texts.slice(0, -1)
              deepEqual(qos === 2 ? texts : firsts(texts), TEXTS, name)
              for (const { status, possiblyDuplicated } of outcomes) {
                equal(status, 'delivered', name)
                ok(!possiblyDuplicated, `${name}: the session was kept`)
              }
              const resent = checkResent(proxy.record)
              if (name.endsWith('before PUBACK')) ok(resent > 0, `${name}: nothing was sent again`)
            })
          }))

        test(`unsubscribes in MQTT ${protocol} with ${outbox}, whatever packet it is`, () =>
          inFolder(async (folder) => {
            await each(UNSUBSCRIBING, async ({ name, point }, ends, id) => {
              const topic = `off/${protocol}/${outbox}/${id}`
              const sender = await bystander(server, `${topic}/sender`, ends)
              const proxy = await linkTo(server, ends)
              const client = robustClient(proxy.url, topic, ends, {
                protocol,
                ...(outbox === 'folder' && { outbox: join(folder, `${id}`) }),
              })
              const received = new Collected()
              await client.subscribe([`${topic}/kept`, `${topic}/gone`], { qos: 2 }, (...given) =>
                received.add(given[2]),
              )
              for (const last of ['gone', 'kept']) {
                await sender.publish(`${topic}/${last}`, last, { qos: 2 })
                await received.untilText(last)
              }
              const cut = proxy.cutAt(point)
              await Promise.all([client.unsubscribe(`${topic}/gone`), cut])
              for (const last of ['gone', 'kept']) {
                await sender.publish(`${topic}/${last}`, `${last} later`, { qos: 2 })
              }
              await received.untilText('kept later')
              deepEqual(received.texts, ['gone', 'kept', 'kept later'], name)
              // The server has done it: it would have sent what nobody here takes any more.
              equal(client.statistics.unclaimedMessages, 0, name)
              const asked = proxy.record.filter(
                ({ packet }) => packet.type === PacketType.UNSUBSCRIBE,
              )
              ok(asked.length === (name.endsWith('after UNSUBACK') ? 1 : 2), name)
            })
          }))

        test(`pings in MQTT ${protocol} from ${outbox}, whatever packet it is`, () =>
          inFolder(async (folder) => {
            await each(PINGING, async ({ name, point }, ends, id) => {
              const topic = `ping/${protocol}/${outbox}/${id}`
              const received = await witness(server, topic, ends)
              const proxy = await linkTo(server, ends)
              const client = robustClient(proxy.url, topic, ends, {
                protocol,
                ...(outbox === 'folder' && { outbox: join(folder, `${id}`) }),
              })
              await client.connect()
              const cut = proxy.cutAt(point)
              const receipts = TEXTS.map((text) => client.publish(topic, text, { qos: 2 }))
              const [pinged] = await Promise.allSettled([client.ping(), cut])
              // An answer counts when it came, and whoever waits for one that cannot come is told.
              equal(pinged.status, name.endsWith('after PINGRESP') ? 'fulfilled' : 'rejected', name)
              const outcomes = await Promise.all(receipts.map(({ settled }) => settled))
              await client.publish(topic, 'last', { qos: 2 }).settled
              await received.untilText('last')
              deepEqual(received.texts, [...TEXTS, 'last'], name)
              for (const { status, possiblyDuplicated } of outcomes) {
                deepEqual([status, possiblyDuplicated], ['delivered', false], name)
              }
              ok((await client.ping()) >= 0, `${name}: the next link is asked like the first`)
              checkResent(proxy.record)
            })
          }))

        test(`receives in MQTT ${protocol} with ${outbox}, whatever packet it is`, () =>
          inFolder(async (folder) => {
            const cuts = [
              ...handshakes('to-client'),
              ...around(
                'subscribing',
                [
                  ['SUBSCRIBE', 'to-server'],
                  ['SUBACK', 'to-client'],
                ],
                1,
              ).map((cut) => ({ ...cut, qos: 2 as const })),
            ]
            await each(cuts, async ({ name, point, qos }, ends, id) => {
              const topic = `in/${protocol}/${outbox}/${id}`
              const sender = await bystander(server, `${topic}/sender`, ends)
              const proxy = await linkTo(server, ends)
              const cut = proxy.cutAt(point)
              const client = robustClient(proxy.url, topic, ends, {
                protocol,
                ...(outbox === 'folder' && { outbox: join(folder, `${id}`) }),
              })
              const received = new Collected()
              await client.subscribe(topic, { qos: 2 }, (_topic, _payload, message) =>
                received.add(message),
              )
              for (const text of TEXTS) await sender.publish(topic, text, { qos })
              await cut
              await received.until(TEXTS.length)
              await sender.publish(topic, 'last', { qos: 2 })
              await received.untilText('last')
              const texts = received.texts.slice(0, -1)
              deepEqual(qos === 2 ? texts : firsts(texts), TEXTS, name)
            })
          }))
      }
    }

    for (const direction of ['to-server', 'to-client'] as const) {
      test(`publishes over a link that is cut at a byte ${direction}`, async () => {
        const cuts = BYTES.map((byte) => ({
          name: `byte ${byte}`,
          point: { direction, byte },
        }))
        await each(cuts, async ({ point }, ends, id) => {
          const topic = `byte/${direction}/${id}`
          const received = await witness(server, topic, ends)
          const proxy = await linkTo(server, ends)
          const cut = proxy.cutAt(point)
          const client = robustClient(proxy.url, topic, ends)
          for (const text of TEXTS) client.publish(topic, text, { qos: 2 })
          await cut
          await received.until(TEXTS.length)
          await client.publish(topic, 'last', { qos: 2 }).settled
          await received.untilText('last')
          deepEqual(received.texts, [...TEXTS, 'last'])
          checkResent(proxy.record)
        })
      })
    }
  },
)

/** Runs them side by side; what one says is about its own. */
async function each<T extends Cut>(
  cuts: readonly T[],
  run: (cut: T, ends: Ends, id: number) => Promise<void>,
): Promise<void> {
  const results = await Promise.allSettled(
    cuts.map(async (cut, id) => {
      const ends = new Ends()
      try {
        await run(cut, ends, id)
      } finally {
        await ends.end()
      }
    }),
  )
  const failed = results.flatMap((result, i) =>
    result.status === 'rejected' ? [`${cuts[i]?.name}: ${String(result.reason)}`] : [],
  )
  deepEqual(failed, [])
}
