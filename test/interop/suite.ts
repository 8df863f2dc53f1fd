// What every real server must do with this client, on every route and in every version: the same tests
// for all. A test makes its own clients and topics, so that any number of them may share a server.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConnectRefusedError, MqttError } from '../../src/errors.ts'
import type { QoS } from '../../src/simple/types.ts'
import { found } from './findings.ts'
import { Collected, type Setting, outcome } from './setting.ts'
import { TOPICS } from './traits.ts'

/** Nothing here takes that long on a machine that is busy with other things. */
const TIMEOUT_MS = 30_000

const QUALITIES: readonly QoS[] = [0, 1, 2]
const BIG_BYTES = 3 * 1024 * 1024

/** How much of the suite a setting gets. */
export interface SuiteOptions {
  /** Messages of the flood. */
  readonly flood: number
  /** What says who the client is. */
  readonly who: 'password' | 'certificate'
  /** @default everything; a second route to a slow server need not show more than that it carries */
  readonly only?: 'messages'
}

/** Tests of one route and one version. `setting` is called when the server runs. */
export function interopSuite(title: string, setting: () => Setting, options: SuiteOptions): void {
  describe(title, { timeout: TIMEOUT_MS }, () => {
    describeConnecting(setting, options.who)
    describeMessages(setting)
    describeFlood(setting, options.flood)
    if (options.only === 'messages') return
    describeLimits(setting)
    describeSessions(setting)
  })
}

function describeConnecting(setting: () => Setting, who: SuiteOptions['who']): void {
  test('connects, answers a ping and disconnects', async (t) => {
    const client = setting().client(t)
    const result = await client.connect()
    equal(result.protocol, setting().protocol)
    equal(result.sessionPresent, false)
    ok((await client.ping()) >= 0)
    await client.disconnect()
    equal(client.state, 'closed')
  })

  test('publishes the will when the connection breaks, and not after disconnect', async (t) => {
    const topic = `${setting().name()}/will`
    const watcher = await setting().connected(t)
    const wills = await watcher.collect(topic, { qos: 1 })
    const polite = setting().client(t)
    polite.setLastWill(topic, 'never', { qos: 1 })
    await polite.connect()
    await polite.disconnect()
    const broken = setting().client(t)
    broken.setLastWill(topic, 'gone', { qos: 1 })
    await broken.connect()
    await broken.cut()
    const { webSocketAsTcp } = setting().traits
    const isWebSocket = isWebSocketRoute(setting())
    const expected = isWebSocket && !webSocketAsTcp ? ['never', 'gone'] : ['gone']
    await wills.until(expected.length)
    deepEqual(wills.texts, expected)
    found(t, setting(), 'will', 'yes')
  })

  if (who === 'certificate') {
    test('is not let in without a certificate', async (t) => {
      const client = setting().client(t, { tls: setting().server.tls })
      const error = await outcome(client.connect())
      ok(MqttError.is(error))
      equal(error.code, 'ERR_MQTT_CONNECTION_LOST')
      equal(client.state, 'closed')
    })
    return
  }

  test('is refused, with a reason, when the password is wrong', async (t) => {
    const { protocol } = setting()
    const client = setting().client(t, { password: 'not päss word' })
    const error = await outcome(client.connect())
    if (isWebSocketRoute(setting()) && !setting().traits.webSocketAsTcp) {
      ok(MqttError.is(error))
      match(error.message, /^Lost the connection to ".*": closed with code 10\d\d/)
      return found(
        t,
        setting(),
        'WebSocket',
        'a wrong password gets no answer, a will follows DISCONNECT',
      )
    }
    ok(error instanceof ConnectRefusedError)
    if (isWebSocketRoute(setting())) found(t, setting(), 'WebSocket', 'as TCP')
    ok((protocol === 5 ? [0x86, 0x87] : [4, 5]).includes(error.reasonCode))
    found(t, setting(), 'wrong password', error.message.replace(/^.* with /, ''))
    equal(error.transient, false)
    ok(!error.message.includes('päss'))
    equal(client.state, 'closed')
  })
}

function describeMessages(setting: () => Setting): void {
  test('carries every QoS both ways, and the lower of the two', async (t) => {
    const topic = setting().name()
    const { qualities, traits } = setting()
    const [sender, receiver] = [await setting().connected(t), await setting().connected(t)]
    for (const asked of QUALITIES) {
      const received = await receiver.collect(`${topic}/${asked}/+`, { qos: asked })
      const granted = Math.min(asked, traits.qosGranted)
      equal(received.granted, granted)
      for (const qos of qualities) {
        await sender.publish(`${topic}/${asked}/${qos}`, `at ${qos}`, { qos })
      }
      await received.until(qualities.length)
      const lower = (qos: QoS): number =>
        granted === 1 && !traits.lowersToOne ? qos : Math.min(qos, granted)
      // Messages of two qualities have no order among themselves.
      deepEqual(
        received.messages.map((message) => [message.topic, message.text(), message.qos]).sort(),
        qualities.map((qos) => [`${topic}/${asked}/${qos}`, `at ${qos}`, lower(qos)]),
      )
      ok(received.messages.every(({ retain, dup }) => !retain && !dup))
    }
    found(t, setting(), 'QoS granted', `up to ${traits.qosGranted}`)
  })

  test('keeps a retained message, and forgets it after an empty one', async (t) => {
    const topic = `${setting().name()}/state`
    const [sender, early, late] = await Promise.all([
      setting().connected(t),
      setting().connected(t),
      setting().connected(t),
    ])
    await sender.publish(topic, 'on', { qos: 1, retain: true })
    const first = await early.collect(topic, { qos: 1 })
    await first.until(1)
    equal(first.messages[0]?.retain, true)
    equal(first.messages[0]?.text(), 'on')
    await sender.publish(topic, '', { qos: 1, retain: true })
    const second = await late.collect(topic, { qos: 1 })
    await sender.publish(topic, 'a live one', { qos: 1 })
    await second.until(1)
    deepEqual(second.texts, ['a live one'])
    found(t, setting(), 'retained messages', 'yes')
  })

  test('stops receiving after unsubscribe', async (t) => {
    const topic = setting().name()
    const client = await setting().connected(t)
    const received = await client.collect(`${topic}/#`, { qos: 1 })
    const others = await client.collect(`other/${topic}`, { qos: 1 })
    await client.publish(`${topic}/a`, '1', { qos: 1 })
    await received.until(1)
    await client.unsubscribe(`${topic}/#`)
    await client.publish(`${topic}/a`, '2', { qos: 1 })
    await client.publish(`other/${topic}`, '3', { qos: 1 })
    await others.until(1)
    deepEqual(received.texts, ['1'])
    equal(client.statistics.unclaimedMessages, 0)
  })

  test('carries long topics, text beyond ASCII and empty payloads', async (t) => {
    const client = await setting().connected(t)
    const name = setting().name()
    const { topicBytesMax, topics: allowed } = setting().traits
    const clean = (topic: string): string => topic.replaceAll(TOPICS[allowed], '_')
    const tried = [
      `${name}/`.padEnd(123, 'n'),
      `${name}/`.padEnd(topicBytesMax, 'n'),
      clean(`${name}/grüße/日本語/😀 \u{feff}/a.b`),
    ]
    const texts = ['', 'Ünïcödé 😀', ' ']
    for (const topic of tried) {
      const received = await client.collect(topic, { qos: 1 })
      for (const text of texts) await client.publish(topic, text, { qos: 1 })
      await received.until(texts.length)
      deepEqual(received.texts, texts)
      ok(received.messages.every((message) => message.topic === topic))
    }
  })

  test('carries a payload of 3 MiB both ways', async (t) => {
    const topic = setting().name()
    const qos = setting().topQos
    const client = await setting().connected(t)
    const received = await client.collect(topic, { qos })
    const payload = new Uint8Array(BIG_BYTES)
    for (let i = 0; i < BIG_BYTES; i += 1) payload[i] = i ^ (i >>> 8) ^ (i >>> 16)
    await client.publish(topic, payload, { qos })
    const [message] = await received.until(1)
    equal(Buffer.compare(message?.payload ?? new Uint8Array(0), payload), 0)
    found(t, setting(), 'payload of 3 MiB', 'yes')
  })
}

function describeLimits(setting: () => Setting): void {
  test('does with a message at QoS 2 what is known of it, and the client says what to do', async (t) => {
    const topic = setting().name()
    const { qosTwo } = setting().traits
    const client = await setting().connected(t)
    const received = await client.collect(topic, { qos: 1 })
    const answer = await outcome(client.publish(topic, 'at 2', { qos: 2 }))
    if (qosTwo === 'exactly once') {
      ok(!MqttError.is(answer))
      return found(t, setting(), 'a message at QoS 2', 'exactly once')
    }
    ok(MqttError.is(answer))
    deepEqual([answer.code, answer.sent], ['ERR_MQTT_CONNECTION_LOST', 'maybe'])
    if (qosTwo === 'answers as at 1') {
      match(answer.message, /a server without QoS 2 does so; publish at QoS 1$/)
    }
    // It is there again, and QoS 1 works.
    await client.connect()
    const again = await client.collect(topic, { qos: 1 })
    await client.publish(topic, 'at 1', { qos: 1 })
    await again.untilText('at 1')
    ok(received.texts.length <= 1)
    found(t, setting(), 'a message at QoS 2', WORDS[qosTwo])
  })

  test('refuses the topics that are known to be beyond it, and the client says so', async (t) => {
    const client = await setting().connected(t)
    const { topics, topicBytesMax } = setting().traits
    const name = setting().name()
    const errors: MqttError[] = []
    for (const topic of [`${name} with blanks`, `${name}.with.dots`]) {
      const received = new Collected()
      client.setCallback((_topic, _payload, message) => received.add(message))
      const answer = await outcome(client.subscribe(topic, { qos: 1 }))
      if (MqttError.is(answer)) {
        equal(answer.code, 'ERR_MQTT_REJECTED')
        match(answer.message, /^Cannot subscribe to ".*": server refused with reason/)
        errors.push(answer)
        continue
      }
      await client.publish(topic, 'x', { qos: 1 })
      await received.until(1)
      const arrived = received.messages[0]?.topic
      equal(arrived, topics === 'a dot arrives as a slash' ? topic.replaceAll('.', '/') : topic)
    }
    equal(errors.length, topics === 'neither blanks nor dots' ? 2 : 0)
    const bound =
      topicBytesMax < 65_535 ? `, up to ${topicBytesMax.toLocaleString('en')} bytes` : ''
    found(t, setting(), 'topics', topics + bound)
  })
}

function describeFlood(setting: () => Setting, count: number): void {
  test(`carries ${count} messages of mixed QoS in order, each once`, async (t) => {
    const topic = setting().name()
    const [sender, receiver] = [await setting().connected(t), await setting().connected(t)]
    const received = await receiver.collect(`${topic}/+`, { qos: 2 })
    const { qualities } = setting()
    const kinds = qualities.length
    const promises: Promise<unknown>[] = []
    for (let i = 0; i < count; i += 1) {
      const qos = (i % kinds) as QoS
      promises.push(sender.publish(`${topic}/${qos}`, String(i), { qos }))
    }
    await Promise.all(promises)
    await received.until(count)
    await receiver.ping()
    equal(received.messages.length, count)
    for (const qos of qualities) {
      const numbers = received.messages
        .filter((message) => message.topic === `${topic}/${qos}`)
        .map((message) => Number(message.text()))
      deepEqual(
        numbers,
        Array.from({ length: Math.ceil((count - qos) / kinds) }, (_, i) => kinds * i + qos),
      )
    }
    equal(sender.statistics.inflight, 0)
    equal(sender.statistics.waitingMessages, 0)
    equal(receiver.statistics.inboxBytes, 0)
  })
}

function describeSessions(setting: () => Setting): void {
  test('resumes a session with messages that the application still has', async (t) => {
    const topic = setting().name()
    const { topQos, traits } = setting()
    const sender = await setting().connected(t)
    const receiver = setting().client(t, { acknowledge: 'manual' })
    equal((await receiver.connect({ cleanStart: false })).sessionPresent, false)
    const messages = new Collected()
    let atOnce = false
    receiver.setCallback((_topic, _payload, message) => {
      messages.add(message)
      if (atOnce) message.acknowledge()
    })
    await receiver.subscribe(topic, { qos: 2 })
    const publish = async (text: string): Promise<void> => {
      await sender.publish(topic, `${text} at 1`, { qos: 1 })
      await sender.publish(topic, `${text} at top`, { qos: topQos })
    }
    for (const text of ['1', '2', '3']) await publish(text)
    await messages.until(Math.min(6, traits.window))
    // The first is done with, and the others are not: a server that numbers anew gives them other ids.
    messages.messages[0]?.acknowledge()
    await receiver.ping()
    await receiver.cut()
    for (const text of ['4', '5']) await publish(text)
    atOnce = true
    equal((await receiver.connect({ cleanStart: false })).sessionPresent, true)
    for (const message of messages.messages) message.acknowledge()
    await messages.untilText('5 at top')
    // The answer to a ping comes after the server has read the acknowledgements.
    await receiver.ping()
    const expected = ['1', '2', '3', '4', '5'].flatMap((text) => [`${text} at 1`, `${text} at top`])
    const texts = traits.setsDup ? messages.texts : [...new Set(messages.texts)]
    if (traits.keepsOrder) deepEqual(texts, expected)
    else deepEqual([...texts].sort(), expected)
    if (topQos === 2) equal(messages.texts.filter((text) => text.endsWith('at top')).length, 5)
    await receiver.disconnect()
    equal((await receiver.connect({ cleanStart: false })).sessionPresent, true)
    await sender.publish(topic, 'last', { qos: 1 })
    await messages.untilText('last')
    found(t, setting(), 'session kept', 'yes')
    found(t, setting(), 'sent ahead of acknowledgements', ahead(traits.window))
    found(t, setting(), 'sends again with DUP and the old id', traits.setsDup ? 'yes' : 'no')
  })

  test('finishes what was in flight when the connection broke', async (t) => {
    const topic = setting().name()
    const { topQos } = setting()
    const receiver = await setting().connected(t)
    const received = await receiver.collect(topic, { qos: 2 })
    const sender = setting().client(t)
    await sender.connect({ cleanStart: false })
    // A subscription makes it a session that aedes keeps; for RabbitMQ it has to be at QoS 1.
    await sender.subscribe(`${topic}/none`, { qos: 1 })
    // It says nothing that the client would hear: every message stays in flight.
    sender.tap.deaf = true
    const promises = [
      outcome(sender.publish(topic, 'at 1', { qos: 1 })),
      outcome(sender.publish(topic, 'at top', { qos: topQos })),
    ]
    // What QoS 2 has is passed on when it is released, by some.
    await received.until(1)
    await sender.cut()
    for (const error of await Promise.all(promises)) {
      ok(MqttError.is(error))
      equal(error.code, 'ERR_MQTT_CONNECTION_LOST')
      equal(error.sent, 'maybe')
      match(error.message, /^Sent, but not known to have arrived/)
    }
    equal(sender.statistics.inflight, 2)
    equal((await sender.connect({ cleanStart: false })).sessionPresent, true)
    await sender.tap.until(() => sender.statistics.inflight === 0)
    await sender.publish(topic, 'end', { qos: 1 })
    await received.untilText('end')
    const times = received.texts.filter((text) => text === 'at top').length
    ok(topQos === 2 ? times === 1 : times >= 1)
    ok(received.texts.filter((text) => text === 'at 1').length >= 1)
    found(t, setting(), 'in flight when the link breaks', topQos === 2 ? 'once at QoS 2' : 'QoS 1')
  })

  test('forgets a session when it is asked to', async (t) => {
    const topic = setting().name()
    const client = setting().client(t)
    await client.connect({ cleanStart: false })
    await client.subscribe(topic, { qos: 1 })
    await client.disconnect()
    equal((await client.connect({ cleanStart: false })).sessionPresent, true)
    await client.disconnect()
    equal((await client.connect({ cleanStart: true })).sessionPresent, false)
    await client.disconnect()
    equal((await client.connect({ cleanStart: false })).sessionPresent, false)
  })
}

/** How a server's way with QoS 2 is written down. */
const WORDS = {
  'exactly once': 'exactly once',
  closes: 'closes the connection',
  'answers as at 1': 'PUBACK: the client ends the connection',
} as const

function ahead(window: number): string {
  return window === 1 ? 'one message' : 'many'
}

function isWebSocketRoute({ route }: Setting): boolean {
  return route === 'ws' || route === 'wss'
}
