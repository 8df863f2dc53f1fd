// What every real server must do with this client, on every route and in every version: the same tests
// for all. A test makes its own clients and topics, so that any number of them may share a server.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConnectRefusedError, MqttError } from '../../src/errors.ts'
import type { QoS } from '../../src/simple/types.ts'
import { Collected, type Setting, outcome } from './setting.ts'

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
}

/** Tests of one route and one version. `setting` is called when the server runs. */
export function interopSuite(title: string, setting: () => Setting, options: SuiteOptions): void {
  describe(title, { timeout: TIMEOUT_MS }, () => {
    describeConnecting(setting, options.who)
    describeMessages(setting)
    describeFlood(setting, options.flood)
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
    await wills.until(1)
    deepEqual(wills.texts, ['gone'])
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
    ok(error instanceof ConnectRefusedError)
    ok((protocol === 5 ? [0x86, 0x87] : [4, 5]).includes(error.reasonCode))
    equal(error.transient, false)
    ok(!error.message.includes('päss'))
    equal(client.state, 'closed')
  })
}

function describeMessages(setting: () => Setting): void {
  test('carries every QoS both ways, and the lower of the two', async (t) => {
    const topic = setting().name()
    const [sender, receiver] = [await setting().connected(t), await setting().connected(t)]
    for (const granted of QUALITIES) {
      const received = await receiver.collect(`${topic}/${granted}/+`, { qos: granted })
      for (const qos of QUALITIES) {
        await sender.publish(`${topic}/${granted}/${qos}`, `at ${qos}`, { qos })
      }
      await received.until(3)
      // Aedes 1.2 lowers a QoS to 0 and to nothing else.
      const { lowersToOne } = setting().server
      const lower = (qos: QoS): number =>
        granted === 1 && !lowersToOne ? qos : Math.min(qos, granted)
      deepEqual(
        received.messages.map((message) => [message.topic, message.text(), message.qos]),
        QUALITIES.map((qos) => [`${topic}/${granted}/${qos}`, `at ${qos}`, lower(qos)]),
      )
      ok(received.messages.every(({ retain, dup }) => !retain && !dup))
    }
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
    const topics = [
      `${name}/`.padEnd(123, 'n'),
      `${name}/`.padEnd(65_535, 'n'),
      `${name}/grüße/日本語/😀 ﻿`,
    ]
    const texts = ['', 'Ünïcödé 😀', ' ']
    for (const topic of topics) {
      const received = await client.collect(topic, { qos: 1 })
      for (const text of texts) await client.publish(topic, text, { qos: 1 })
      await received.until(texts.length)
      deepEqual(received.texts, texts)
      ok(received.messages.every((message) => message.topic === topic))
    }
  })

  test('carries a payload of 3 MiB both ways', async (t) => {
    const topic = setting().name()
    const client = await setting().connected(t)
    const received = await client.collect(topic, { qos: 2 })
    const payload = new Uint8Array(BIG_BYTES)
    for (let i = 0; i < BIG_BYTES; i += 1) payload[i] = i ^ (i >>> 8) ^ (i >>> 16)
    await client.publish(topic, payload, { qos: 2 })
    const [message] = await received.until(1)
    equal(Buffer.compare(message?.payload ?? new Uint8Array(0), payload), 0)
  })
}

function describeFlood(setting: () => Setting, count: number): void {
  test(`carries ${count} messages of mixed QoS in order, each once`, async (t) => {
    const topic = setting().name()
    const [sender, receiver] = [await setting().connected(t), await setting().connected(t)]
    const received = await receiver.collect(`${topic}/+`, { qos: 2 })
    const promises: Promise<unknown>[] = []
    for (let i = 0; i < count; i += 1) {
      const qos = (i % 3) as QoS
      promises.push(sender.publish(`${topic}/${qos}`, String(i), { qos }))
    }
    await Promise.all(promises)
    await received.until(count)
    await receiver.ping()
    equal(received.messages.length, count)
    for (const qos of QUALITIES) {
      const numbers = received.messages
        .filter((message) => message.topic === `${topic}/${qos}`)
        .map((message) => Number(message.text()))
      deepEqual(
        numbers,
        Array.from({ length: Math.ceil((count - qos) / 3) }, (_, i) => 3 * i + qos),
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
    const sender = await setting().connected(t)
    const receiver = setting().client(t, { acknowledge: 'manual' })
    equal((await receiver.connect({ cleanStart: false })).sessionPresent, false)
    const messages = new Collected()
    receiver.setCallback((_topic, _payload, message) => messages.add(message))
    await receiver.subscribe(topic, { qos: 2 })
    for (const text of ['1', '2', '3']) {
      await sender.publish(topic, `${text} at 1`, { qos: 1 })
      await sender.publish(topic, `${text} at 2`, { qos: 2 })
    }
    await messages.until(6)
    await receiver.cut()
    for (const text of ['4', '5']) {
      await sender.publish(topic, `${text} at 1`, { qos: 1 })
      await sender.publish(topic, `${text} at 2`, { qos: 2 })
    }
    equal((await receiver.connect({ cleanStart: false })).sessionPresent, true)
    for (const message of messages.messages) message.acknowledge()
    await messages.untilText('5 at 2')
    for (const message of messages.messages) message.acknowledge()
    // The answer to a ping comes after the server has read the acknowledgements.
    await receiver.ping()
    // Aedes 1.2 sends again without DUP, so that QoS 1 looks new; QoS 2 comes once all the same.
    const { setsDup } = setting().server
    const texts = setsDup ? messages.texts : [...new Set(messages.texts)]
    deepEqual(
      texts,
      ['1', '2', '3', '4', '5'].flatMap((text) => [`${text} at 1`, `${text} at 2`]),
    )
    equal(messages.texts.filter((text) => text.endsWith('at 2')).length, 5)
    await receiver.disconnect()
    equal((await receiver.connect({ cleanStart: false })).sessionPresent, true)
    await sender.publish(topic, 'last', { qos: 1 })
    await messages.untilText('last')
  })

  test('finishes what was in flight when the connection broke', async (t) => {
    const topic = setting().name()
    const receiver = await setting().connected(t)
    const received = await receiver.collect(topic, { qos: 2 })
    const sender = setting().client(t)
    await sender.connect({ cleanStart: false })
    // A subscription makes it a session that aedes keeps.
    await sender.subscribe(`${topic}/none`)
    // It says nothing that the client would hear: every message stays in flight.
    sender.tap.deaf = true
    const promises = [
      outcome(sender.publish(topic, 'at 1', { qos: 1 })),
      outcome(sender.publish(topic, 'at 2', { qos: 2 })),
    ]
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
    equal(received.texts.filter((text) => text === 'at 2').length, 1)
    ok(received.texts.filter((text) => text === 'at 1').length >= 1)
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
