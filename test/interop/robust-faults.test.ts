// Each way in which a link can fail, once, under a client of umqtt/robust and a real server: the fault is
// noticed within what the settings say, and afterwards everything is there, QoS 2 exactly once.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { MQTTClient } from '../../src/robust.node.ts'
import type { FaultProxy } from '../../src/testing/fault-proxy.ts'
import { type TestServer, startServer } from '../support/servers.ts'
import { absent } from '../support/skip.ts'
import { bystander, Ends, linkTo, robustClient, witness } from './robust-link.ts'
import { Collected } from './setting.ts'

const TIMEOUT_MS = 60_000
const KEEP_ALIVE_MS = 1000
const TIMEOUTS = { connectMs: 600, acknowledgementMs: 1000, pingMs: 1000, writeMs: 1000 }
/** What a busy machine may add. */
const SLACK_MS = 1500

interface Rig {
  readonly client: MQTTClient
  readonly proxy: FaultProxy
  readonly received: Collected
  readonly topic: string
  readonly ends: Ends
}

describe(
  'robust over a link that fails',
  {
    skip: absent('mosquitto'),
    timeout: TIMEOUT_MS,
    concurrency: true,
  },
  () => {
    let server: TestServer
    let count = 0
    before(async () => {
      server = await startServer('mosquitto', { anonymous: true })
    })
    after(() => server.remove())

    /** A client that is connected, and has delivered a message. */
    async function withRig(run: (rig: Rig) => Promise<void>): Promise<void> {
      const ends = new Ends()
      try {
        count += 1
        const topic = `fault/${count}`
        const received = await witness(server, topic, ends)
        const proxy = await linkTo(server, ends)
        const client = robustClient(proxy.url, topic, ends, {
          keepAliveSeconds: KEEP_ALIVE_MS / 1000,
          timeouts: TIMEOUTS,
        })
        equal((await client.publish(topic, 'before', { qos: 2 }).settled).status, 'delivered')
        await run({ client, proxy, received, topic, ends })
      } finally {
        await ends.end()
      }
    }

    /** What was published before, during and after the fault came once. */
    async function isAllThere({ client, received, topic }: Rig, during: string[]): Promise<void> {
      equal((await client.publish(topic, 'after', { qos: 2 }).settled).status, 'delivered')
      await received.untilText('after')
      deepEqual(received.texts, ['before', ...during, 'after'])
    }

    const halfOpen: readonly (readonly [name: string, fault: (proxy: FaultProxy) => void])[] = [
      ['stalls in both directions', (proxy) => proxy.stall()],
      ['stalls towards the server', (proxy) => proxy.stall('to-server')],
      ['stalls towards the client', (proxy) => proxy.stall('to-client')],
      ['becomes a black hole', (proxy) => proxy.blackHole()],
    ]
    for (const [name, fault] of halfOpen) {
      test(`notices that the link ${name} while a message waits for its acknowledgement`, () =>
        withRig(async (rig) => {
          const { client, proxy, topic } = rig
          fault(proxy)
          const lost = untilLost(client)
          const receipt = client.publish(topic, 'during', { qos: 2 })
          isWithin(await lost, TIMEOUTS.acknowledgementMs)
          await proxy.heal()
          equal((await receipt.settled).status, 'delivered')
          await isAllThere(rig, ['during'])
        }))

      test(`notices that the link ${name} while nothing is sent`, () =>
        withRig(async (rig) => {
          const { client, proxy } = rig
          fault(proxy)
          isWithin(await untilLost(client), KEEP_ALIVE_MS + TIMEOUTS.pingMs)
          await proxy.heal()
          await isAllThere(rig, [])
        }))
    }

    test('does not take what the server sends for the answer that it owes', () =>
      withRig(async (rig) => {
        const { client, proxy, topic, ends } = rig
        const chatter = await bystander(server, `${topic}/chatter`, ends)
        await client.subscribe(`${topic}/chatter`, { qos: 0 }, () => undefined)
        const chatting = setInterval(() => void chatter.publish(`${topic}/chatter`, 'x'), 50)
        ends.add(() => clearInterval(chatting))
        proxy.stall('to-server')
        const lost = untilLost(client)
        const receipt = client.publish(topic, 'during', { qos: 2 })
        isWithin(await lost, TIMEOUTS.acknowledgementMs)
        await proxy.heal()
        equal((await receipt.settled).status, 'delivered')
        await isAllThere(rig, ['during'])
      }))

    test('holds on to a link that drips a large message in', () =>
      withRig(async (rig) => {
        const { client, proxy, topic, ends } = rig
        const sender = await bystander(server, `${topic}/sender`, ends)
        const large = new Collected()
        await client.subscribe(`${topic}/large`, { qos: 2 }, (_topic, _payload, message) =>
          large.add(message),
        )
        let isLost = false
        client.on('connection-lost', () => (isLost = true))
        // 20 bytes in 10 ms: three seconds, which is longer than keep-alive and the bound on PINGRESP.
        proxy.drip(20, 10)
        await sender.publish(`${topic}/large`, 'x'.repeat(6_000), { qos: 2 })
        await large.until(1)
        ok(!isLost, 'A slow link was given up')
        await proxy.heal()
        await isAllThere(rig, [])
      }))

    test('tries on while the server accepts and closes', () =>
      withRig(async (rig) => {
        const { client, proxy, topic } = rig
        const { connections } = proxy
        proxy.acceptThenClose()
        proxy.cut()
        const receipt = client.publish(topic, 'during', { qos: 2 })
        await proxy.until(() => proxy.connections >= connections + 4)
        await proxy.heal()
        equal((await receipt.settled).status, 'delivered')
        await isAllThere(rig, ['during'])
      }))

    test('tries on while connections are refused', () =>
      withRig(async (rig) => {
        const { client, proxy, topic } = rig
        await proxy.refuse()
        proxy.cut()
        const receipt = client.publish(topic, 'during', { qos: 2 })
        for (let i = 0; i < 4; i += 1) await untilWaiting(client)
        await proxy.heal()
        equal((await receipt.settled).status, 'delivered')
        await isAllThere(rig, ['during'])
      }))

    test('gives up each attempt into a black hole in its time, and tries on', () =>
      withRig(async (rig) => {
        const { client, proxy, topic } = rig
        proxy.blackHole()
        proxy.cut()
        const receipt = client.publish(topic, 'during', { qos: 2 })
        for (let i = 0; i < 2; i += 1) {
          await untilAttempt(client)
          const begin = performance.now()
          await untilWaiting(client)
          isWithin(performance.now() - begin, TIMEOUTS.connectMs)
        }
        await proxy.heal()
        equal((await receipt.settled).status, 'delivered')
        await isAllThere(rig, ['during'])
      }))
  },
)

/** How long it takes until the client takes its connection for lost, ms. */
function untilLost(client: MQTTClient): Promise<number> {
  const begin = performance.now()
  return new Promise((resolve) => {
    const stop = client.on('connection-lost', () => {
      stop()
      resolve(performance.now() - begin)
    })
  })
}

function untilWaiting(client: MQTTClient): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.on('waiting', () => {
      stop()
      resolve()
    })
  })
}

function untilAttempt(client: MQTTClient): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.on('attempt', () => {
      stop()
      resolve()
    })
  })
}

function isWithin(tookMs: number, boundMs: number): void {
  ok(
    tookMs <= boundMs + SLACK_MS,
    `It took ${Math.round(tookMs)} ms, which is more than ${boundMs} and ${SLACK_MS} ms`,
  )
}
