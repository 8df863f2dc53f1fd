// A process without memory whose client id has a session at a real server: an earlier process has left it. What
// waited there comes to who asked for it before, and an id that the server still holds is cleared first.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { type TestServer, startServer } from '../support/servers.ts'
import { absent } from '../support/skip.ts'
import { bystander, Ends, linkTo, robustClient, sessionsFound, witness } from './robust-link.ts'
import { Collected } from './setting.ts'

const TIMEOUT_MS = 60_000

describe(
  'robust and mosquitto, with the session of an earlier process',
  { skip: absent('mosquitto'), timeout: TIMEOUT_MS },
  () => {
    for (const protocol of [5, 4] as const) {
      test(`takes it up in MQTT ${protocol}, and clears the id that was under way`, () =>
        withServer((server, ends) => adopt(server, protocol, ends)))

      test(`begins another in MQTT ${protocol} with adopt false, and nothing of it comes`, () =>
        withServer((server, ends) => decline(server, protocol, ends)))
    }

    test('leaves none in MQTT 4 that was to end with its connection', () => withServer(leaveNone))
  },
)

async function withServer(run: (server: TestServer, ends: Ends) => Promise<void>): Promise<void> {
  const ends = new Ends()
  try {
    const server = await startServer('mosquitto', { anonymous: true })
    ends.add(() => server.remove())
    await run(server, ends)
  } finally {
    await ends.end()
  }
}

/** A process that subscribes, publishes, and is gone before the server has its PUBREL. */
async function leaveSession(server: TestServer, protocol: 4 | 5, ends: Ends): Promise<void> {
  const proxy = await linkTo(server, ends)
  const client = robustClient(proxy.url, 'device', ends, { protocol })
  await client.subscribe('to/device', { qos: 2 })
  const cut = proxy.cutAt({ direction: 'to-server', when: 'before', type: PacketType.PUBREL })
  const receipt = client.publish('from/device', 'old', { qos: 2 })
  await cut
  await proxy.refuse()
  await client[Symbol.asyncDispose]()
  equal((await receipt.settled).status, 'maybe-delivered')
  const sender = await bystander(server, 'sender', ends)
  await sender.publish('to/device', 'waited', { qos: 1 })
}

/** Each load of a page that wants no session: without Clean Session the server kept it for ever. */
async function leaveNone(server: TestServer, ends: Ends): Promise<void> {
  const options = { protocol: 4, session: { expirySeconds: 0 } } as const
  const proxy = await linkTo(server, ends)
  const page = robustClient(proxy.url, 'device', ends, options)
  await page.subscribe('to/device', { qos: 1 })
  await page[Symbol.asyncDispose]()
  const sender = await bystander(server, 'sender', ends)
  await sender.publish('to/device', 'for nobody', { qos: 1 })
  const later = robustClient(proxy.url, 'device', ends, { protocol: 4 })
  equal((await later.connect()).sessionPresent, false)
}

async function adopt(server: TestServer, protocol: 4 | 5, ends: Ends): Promise<void> {
  const arrived = await witness(server, 'from/device', ends)
  await leaveSession(server, protocol, ends)
  const proxy = await linkTo(server, ends)
  const client = robustClient(proxy.url, 'device', ends, { protocol })
  const received = new Collected()
  const subscribed = client.subscribe('to/device', { qos: 2 }, (_topic, _payload, message) =>
    received.add(message),
  )
  const { status, possiblyDuplicated } = await client.publish('from/device', 'new', { qos: 2 })
    .settled
  deepEqual([status, possiblyDuplicated], ['delivered', false])
  await subscribed
  await received.untilText('waited')
  deepEqual(received.texts, ['waited'])
  deepEqual(sessionsFound(proxy.record), [true])
  // The server has passed the old one on when its PUBREL came, and then taken the new one.
  await arrived.untilText('new')
  deepEqual(arrived.texts, ['old', 'new'])
  const ours = proxy.record.filter(({ direction }) => direction === 'to-server')
  const ofId = ours
    .map(({ packet }) => packet)
    .filter((packet) => packet.type === PacketType.PUBREL || packet.type === PacketType.PUBLISH)
  const [first, second, third] = ofId
  deepEqual(
    [first?.type, second?.type, third?.type],
    [PacketType.PUBREL, PacketType.PUBLISH, PacketType.PUBREL],
  )
  equal(new Set(ofId.map((packet) => 'packetId' in packet && packet.packetId)).size, 1)
}

async function decline(server: TestServer, protocol: 4 | 5, ends: Ends): Promise<void> {
  const arrived = await witness(server, 'from/device', ends)
  await leaveSession(server, protocol, ends)
  const proxy = await linkTo(server, ends)
  const session = { adopt: false }
  const client = robustClient(proxy.url, 'device', ends, { protocol, session })
  const received = new Collected()
  await client.subscribe('to/device', { qos: 2 }, (_topic, _payload, message) =>
    received.add(message),
  )
  equal((await client.publish('from/device', 'new', { qos: 2 }).settled).status, 'delivered')
  await client.publish('to/device', 'own', { qos: 2 }).settled
  await received.untilText('own')
  deepEqual(received.texts, ['own'])
  await arrived.untilText('new')
  deepEqual(arrived.texts, ['new'])
  ok(sessionsFound(proxy.record).every((present) => !present))
}
