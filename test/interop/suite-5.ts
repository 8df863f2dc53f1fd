// What only MQTT 5.0 has, against a real server that speaks it: properties, shared subscriptions, topic
// aliases, request and response, flow control, session expiry.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { type TestContext, describe, test } from 'node:test'
import { MqttError } from '../../src/errors.ts'
import type { PublishProperties } from '../../src/simple/types.ts'
import { found } from './findings.ts'
import { type Setting, outcome } from './setting.ts'

const TIMEOUT_MS = 30_000

/** 0x8E: another client has come with the same id. */
const SESSION_TAKEN_OVER = 0x8e

/** Tests of one route. `setting` is called when the server runs. */
export function interopSuite5(title: string, setting: () => Setting): void {
  describe(title, { timeout: TIMEOUT_MS }, () => {
    describeProperties(setting)
    describeSubscriptions(setting)
    describeConnections(setting)
  })
}

function describeProperties(setting: () => Setting): void {
  test('carries every property of a message', async (t) => {
    const topic = setting().name()
    const client = await setting().connected(t)
    const received = await client.collect(topic, { qos: 2 })
    const properties: PublishProperties = {
      payloadFormatIndicator: 1,
      messageExpirySeconds: 3600,
      contentType: 'text/plain; größe=klein',
      responseTopic: `${topic}/answer`,
      correlationData: Uint8Array.of(0, 255, 1, 254),
      userProperties: [
        ['name', 'first'],
        ['name', 'second'],
        ['', ''],
        ['ünï', '😀'],
      ],
    }
    for (const qos of [0, 1, 2] as const) await client.publish(topic, 'x', { qos, properties })
    for (const message of await received.until(3)) {
      const { correlationData, messageExpirySeconds, ...others } = message.properties
      const { correlationData: sent, messageExpirySeconds: _, ...same } = properties
      deepEqual(others, same)
      deepEqual([...(correlationData ?? [])], [...(sent ?? [])])
      ok((messageExpirySeconds ?? 0) > 3590 && (messageExpirySeconds ?? 0) <= 3600)
    }
  })

  test('answers a request at its response topic', async (t) => {
    const name = setting().name()
    const [asker, server] = [await setting().connected(t), await setting().connected(t)]
    await server.subscribe(`${name}/double`, { qos: 1 }, (_topic, _payload, message) => {
      const { responseTopic = '', correlationData } = message.properties
      return server.publish(responseTopic, String(2 * Number(message.text())), {
        qos: 1,
        properties: { ...(correlationData && { correlationData }) },
      })
    })
    const answers = await asker.collect(`${name}/answers`, { qos: 1 })
    for (let i = 0; i < 5; i += 1) {
      const properties = {
        responseTopic: `${name}/answers`,
        correlationData: Uint8Array.of(i),
      }
      await asker.publish(`${name}/double`, String(i), { qos: 1, properties })
    }
    const found = (await answers.until(5)).map((message) => [
      message.properties.correlationData?.[0],
      message.text(),
    ])
    deepEqual(
      found,
      [0, 1, 2, 3, 4].map((i) => [i, String(2 * i)]),
    )
  })

  test('uses topic aliases for what it sends often, within the limit of the server', async (t) => {
    const name = setting().name().padEnd(200, 'n')
    const client = setting().client(t)
    const { limits } = await client.connect()
    equal(limits.topicAliasMaximum, setting().traits.topicAliasMaximum)
    found(t, setting(), 'topic aliases', `${limits.topicAliasMaximum}`)
    const received = await client.collect(`${name}/#`, { qos: 1 })
    const before = client.statistics.bytesSent
    const expected: string[][] = []
    const published: Promise<unknown>[] = []
    // More topics than aliases now and then, so that aliases are given to others.
    for (let i = 0; i < 300; i += 1) {
      const topic = `${name}/${i % 50 === 0 ? i : i % 5}`
      expected.push([topic, String(i)])
      published.push(client.publish(topic, String(i), { qos: (i % 2) as 0 | 1 }))
    }
    await Promise.all(published)
    await received.until(300)
    deepEqual(
      received.messages.map((message) => [message.topic, message.text()]),
      expected,
    )
    const sent = client.statistics.bytesSent - before
    ok(sent < 300 * 100, `It sent ${sent} bytes although the topics have 200 each`)
  })
}

function describeSubscriptions(setting: () => Setting): void {
  test('shares a subscription between two clients', async (t) => {
    const name = setting().name()
    const filter = `$share/group/${name}/+`
    if (!setting().traits.sharesSubscriptions) {
      const error = await outcome((await setting().connected(t)).subscribe(filter, { qos: 1 }))
      ok(MqttError.is(error))
      equal(error.code, 'ERR_MQTT_NOT_SUPPORTED')
      match(error.message, /the server's sharedSubscriptionAvailable is false$/)
      return found(t, setting(), 'shared subscriptions', 'no, and says so')
    }
    const [sender, one, two] = await Promise.all([
      setting().connected(t),
      setting().connected(t),
      setting().connected(t),
    ])
    const [mine, yours] = [
      await one.collect(filter, { qos: 1 }),
      await two.collect(filter, { qos: 1 }),
    ]
    for (let i = 0; i < 100; i += 1) await sender.publish(`${name}/${i % 7}`, `${i}`, { qos: 1 })
    await Promise.all([one.ping(), two.ping()])
    ok(mine.texts.length > 0 && yours.texts.length > 0)
    deepEqual(
      [...mine.texts, ...yours.texts].map(Number).sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i),
    )
    found(t, setting(), 'shared subscriptions', 'yes')
  })

  test('obeys the options of a subscription', async (t) => {
    const topic = setting().name()
    const [client, other] = [await setting().connected(t), await setting().connected(t)]
    await other.publish(topic, 'kept', { qos: 1, retain: true })
    const plain = await other.collect(topic, { qos: 1, retainHandling: 2 })
    const options = { qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 0 } as const
    const special = await client.collect(topic, options)
    await special.until(1)
    await client.publish(topic, 'own', { qos: 1 })
    await other.publish(topic, 'live', { qos: 1, retain: true })
    await special.until(2)
    await plain.until(2)
    deepEqual(
      special.messages.map((message) => [message.text(), message.retain]),
      [
        ['kept', true],
        ['live', true],
      ],
    )
    deepEqual(
      plain.messages.map((message) => [message.text(), message.retain]),
      [
        ['own', false],
        ['live', false],
      ],
    )
    await client.publish(topic, '', { qos: 1, retain: true })
  })

  test('is told that nobody subscribes', async (t) => {
    const topic = setting().name()
    const client = await setting().connected(t)
    deepEqual(await client.publish(topic, 'x', { qos: 1 }), {
      reasonCode: 0x10,
      subscribers: 'none',
    })
    await client.subscribe(topic)
    deepEqual(await client.publish(topic, 'x', { qos: 1 }), { reasonCode: 0 })
  })
}

function describeConnections(setting: () => Setting): void {
  test('loses its connection to another client with its id', async (t) => {
    const first = setting().client(t)
    const { clientId } = await first.connect()
    const lost = new Promise<Error>((resolve) => first.on('connection-lost', resolve))
    const second = setting().client(t, {}, clientId)
    await second.connect()
    const error = await lost
    // Mosquitto 2.0 closes without a word, although it should say why.
    ok(MqttError.is(error))
    if (error.code !== 'ERR_MQTT_CONNECTION_LOST') {
      equal(error.code, 'ERR_MQTT_SERVER_DISCONNECT')
      equal(error.reasonCode, SESSION_TAKEN_OVER)
    }
    ok((await second.ping()) >= 0)
  })

  test('takes the client id that the server assigns, and keeps it', async (t) => {
    const client = setting().client(t, {}, '')
    const { clientId } = await client.connect({ sessionExpirySeconds: 60 })
    ok(clientId !== '')
    await client.cut()
    const again = await client.connect({ cleanStart: false })
    equal(again.clientId, clientId)
    equal(again.sessionPresent, true)
  })

  // With 2 and above Mosquitto 2.0.11 sends too much after the first acknowledgement.
  test('has one handler at a time when its Receive Maximum is 1', async (t) => {
    const { most, overruns } = await handleSlowly(setting(), t, { total: 50, receiveMaximum: 1 })
    equal(most, 1)
    equal(overruns, 0)
  })

  test('goes on when the server exceeds a Receive Maximum that nobody has set', async (t) => {
    const { most } = await handleSlowly(setting(), t, { total: 2_500 })
    const { window } = setting().traits
    ok(most >= Math.min(window, 1_024) && most < 2_500, `It had ${most} handlers at once`)
  })
}

interface SlowHandling {
  /** The most handlers that ran at once. */
  readonly most: number
  readonly overruns: number
}

/** Lets handlers finish only after a round trip in which the server could send more. */
async function handleSlowly(
  setting: Setting,
  t: TestContext,
  { total, receiveMaximum }: { total: number; receiveMaximum?: number },
): Promise<SlowHandling> {
  const topic = setting.name()
  const sender = await setting.connected(t)
  const limits = receiveMaximum === undefined ? {} : { limits: { receiveMaximum } }
  const receiver = await setting.connected(t, limits)
  let running = 0
  let most = 0
  let handled = 0
  const releases: (() => void)[] = []
  await receiver.subscribe(topic, { qos: 1 }, async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise<void>((release) => releases.push(release))
    running -= 1
    handled += 1
  })
  const published: Promise<unknown>[] = []
  for (let i = 0; i < total; i += 1) {
    published.push(sender.publish(topic, String(i), { qos: 1 }))
  }
  await Promise.all(published)
  while (handled < total) {
    await receiver.ping()
    for (const release of releases.splice(0)) release()
  }
  return { most, overruns: receiver.statistics.receiveMaximumOverruns }
}
