// portable
// Who gets a message: the callback, the handlers of matching filters, iterators, and whoever asks with
// waitMsg or checkMsg. Each gets each copy once; a message is done with when all of them are.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import { ClosedError, ConnectionLostError } from '../../src/errors.ts'
import type { Message } from '../../src/simple/types.ts'
import { settle } from '../support/scripted-memory.ts'
import { acknowledgements, connected, failure, gate, watch } from './conversation.ts'

describe('a message', () => {
  test('has everything that the packet has', async () => {
    const { client, connection } = await connected()
    const arrived = client.waitMsg()
    connection.publish('hall/temperature', '{"celsius":21.5}', {
      qos: 1,
      retain: true,
      dup: true,
      properties: {
        payloadFormatIndicator: 1,
        messageExpiryInterval: 9,
        contentType: 'application/json',
        responseTopic: 'answers',
        correlationData: Uint8Array.of(1),
        subscriptionIdentifiers: [3, 4],
        userProperties: [['a', 'b']],
      },
    })
    const message = await arrived
    const { topic, payload, qos, retain, dup, properties } = message
    deepEqual(
      { topic, payload, qos, retain, dup, properties },
      {
        topic: 'hall/temperature',
        payload: encodeUtf8('{"celsius":21.5}'),
        qos: 1,
        retain: true,
        dup: true,
        properties: {
          payloadFormatIndicator: 1,
          messageExpirySeconds: 9,
          contentType: 'application/json',
          responseTopic: 'answers',
          correlationData: Uint8Array.of(1),
          subscriptionIds: [3, 4],
          userProperties: [['a', 'b']],
        },
      },
    )
    equal(message.text(), '{"celsius":21.5}')
    deepEqual(message.json(), { celsius: 21.5 })
  })

  test('has no properties when the packet has none', async () => {
    const { client, connection } = await connected({ protocol: 4 })
    const arrived = client.waitMsg()
    connection.publish('a', '')
    const message = await arrived
    deepEqual([message.properties, message.payload.length, message.text()], [{}, 0, ''])
  })

  test('throws when its payload is not UTF-8 or not JSON, and not before', async () => {
    const { client, connection } = await connected()
    const arrived = client.waitMsg()
    connection.publish('a', Uint8Array.of(0xc3, 0x28))
    const message = await arrived
    throws(() => message.text(), { name: 'TypeError', message: /"a".*UTF-8/ })
    throws(() => message.json(), TypeError)
    const next = client.waitMsg()
    connection.publish('a', '{')
    const text = await next
    throws(() => text.json(), SyntaxError)
  })

  test('keeps its payload when others come after it', async () => {
    const { client, connection } = await connected()
    const payloads: Uint8Array[] = []
    client.setCallback((_, payload) => payloads.push(payload))
    for (let size = 1; size < 2000; size += 97) {
      connection.publish('a', new Uint8Array(size).fill(size & 255))
    }
    await settle()
    for (const payload of payloads) {
      deepEqual(payload, new Uint8Array(payload.length).fill(payload.length & 255))
    }
    equal(payloads.length, 21)
  })

  test('that nobody takes is acknowledged, counted and reported once', async () => {
    const { client, connection, warnings } = await connected()
    connection.publish('lost/a', 'x', { qos: 1, packetId: 1 })
    connection.publish('lost/b', 'x', { qos: 2, packetId: 2 })
    connection.publish('lost/c', 'x')
    await settle()
    deepEqual(acknowledgements(connection), [
      ['PUBACK', 1],
      ['PUBREC', 2],
    ])
    equal(client.statistics.unclaimedMessages, 3)
    equal(client.statistics.inboxBytes, 0)
    deepEqual(
      warnings.map(({ code }) => code),
      ['unclaimed-message'],
    )
    match(warnings[0]?.message ?? '', /"lost\/a".*callback or a handler/)
    equal(client.checkMsg(), undefined)
  })

  test('is reported to a listener of "warning" instead of the platform', async () => {
    const { client, connection, warnings } = await connected()
    const heard: string[] = []
    client.on('warning', ({ code }) => heard.push(code))
    connection.publish('a', 'x')
    await settle()
    deepEqual([heard, warnings], [['unclaimed-message'], []])
  })
})

describe('handlers of filters', () => {
  test('are called for what matches, once each a copy, also when filters overlap', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    connection.autoRespond()
    const record = (name: string) => (topic: string) => {
      seen.push(`${name} ${topic}`)
    }
    await client.subscribe('a/+', {}, record('plus'))
    await client.subscribe('a/#', {}, record('hash'))
    await client.subscribe(['a/b', 'c'], {}, record('list'))
    await client.subscribe('$share/group/a/b', {}, record('shared'))
    client.setCallback(record('callback'))
    connection.publish('a/b', 'x')
    connection.publish('a', 'x')
    connection.publish('c', 'x')
    connection.publish('d', 'x')
    await settle()
    deepEqual(seen, [
      'callback a/b',
      'plus a/b',
      'hash a/b',
      'list a/b',
      'shared a/b',
      'callback a',
      'hash a',
      'callback c',
      'list c',
      'callback d',
    ])
    // The server sends a copy for each overlapping subscription, and each is a message. §3.3.4
    connection.publish('a/b', 'x')
    await settle()
    equal(seen.filter((entry) => entry === 'plus a/b').length, 2)
  })

  test('of a subscription with several filters that match is called once a copy', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    connection.autoRespond()
    const record = (topic: string): void => void seen.push(topic)
    const list = await client.subscribe(['a/#', 'a/b', 'a/b', '+/b'], {}, record)
    connection.publish('a/b', 'x')
    connection.publish('a/c', 'x')
    await settle()
    deepEqual(seen, ['a/b', 'a/c'])
    await client.unsubscribe('a/#')
    connection.publish('a/b', 'x')
    await settle()
    deepEqual(seen, ['a/b', 'a/c', 'a/b'], 'One filter less, and the others still bring it')
    // Another subscription is another one, whatever its handler is.
    await client.subscribe('+/b', {}, record)
    connection.publish('a/b', 'x')
    await settle()
    equal(seen.length, 5)
    await list.unsubscribe()
    connection.publish('a/b', 'x')
    await settle()
    equal(seen.length, 6)
  })

  test('do not get topics that begin with $ for a wildcard [MQTT-4.7.2-1]', async () => {
    const { client, connection } = await connected()
    const seen: string[] = []
    connection.autoRespond()
    await client.subscribe('#', {}, (topic) => seen.push(`hash ${topic}`))
    await client.subscribe('$SYS/#', {}, (topic) => seen.push(`system ${topic}`))
    connection.publish('$SYS/uptime', 'x')
    await settle()
    deepEqual(seen, ['system $SYS/uptime'])
  })

  test('stay right when there are more topics than are remembered', async () => {
    const { client, connection } = await connected()
    const seen = { even: 0, all: 0 }
    connection.autoRespond()
    await client.subscribe('+/even', {}, () => (seen.even += 1))
    for (let index = 0; index < 600; index += 1) {
      connection.publish(`${index}/${index % 2 === 0 ? 'even' : 'odd'}`, 'x')
    }
    await client.subscribe('#', {}, () => (seen.all += 1))
    connection.publish('5/even', 'x')
    connection.publish('5/odd', 'x')
    await settle()
    equal(seen.even, 301)
    ok(seen.all >= 2)
  })
})

describe('an iterator', () => {
  const readAll = async (iterable: AsyncIterable<Message>, into: string[]): Promise<void> => {
    for await (const message of iterable) into.push(message.text())
  }

  test('gives every message and acknowledges one when the next is asked for', async () => {
    const { client, connection } = await connected()
    const messages = client.messages()
    for (const packetId of [1, 2, 3]) connection.publish('a', `${packetId}`, { qos: 1, packetId })
    await settle()
    deepEqual(acknowledgements(connection), [])
    equal(((await messages.next()).value as Message).text(), '1')
    await settle()
    deepEqual(acknowledgements(connection), [])
    equal(((await messages.next()).value as Message).text(), '2')
    await settle()
    deepEqual(acknowledgements(connection), [['PUBACK', 1]])
    await messages.next()
    const more = watch(messages.next())
    await settle()
    deepEqual(acknowledgements(connection).length, 3)
    equal(more.status, 'open')
    connection.publish('a', '4')
    await settle()
    equal((more.value?.value as Message).text(), '4')
  })

  test('may be one of several: each gets all, and the slowest acknowledges', async () => {
    const { client, connection } = await connected()
    const [first, second] = [client.messages(), client.messages()]
    connection.publish('a', '1', { qos: 1, packetId: 1 })
    await first.next()
    void first.next()
    await settle()
    deepEqual(acknowledgements(connection), [])
    equal(((await second.next()).value as Message).text(), '1')
    void second.next()
    await settle()
    deepEqual(acknowledgements(connection), [['PUBACK', 1]])
  })

  test('serves several next() calls in their order', async () => {
    const { client, connection } = await connected()
    const messages = client.messages()
    const calls = [messages.next(), messages.next(), messages.next()]
    for (const text of ['1', '2', '3']) connection.publish('a', text)
    const results = await Promise.all(calls)
    deepEqual(
      results.map(({ value }) => (value as Message).text()),
      ['1', '2', '3'],
    )
  })

  test('of a subscription gives its messages alone, and each iterator of it all of them', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const subscription = await client.subscribe('a/#')
    const [one, two]: [string[], string[]] = [[], []]
    const reading = [readAll(subscription, one), readAll(subscription, two)]
    connection.publish('a/1', 'a')
    connection.publish('b', 'b')
    connection.publish('a/2', 'c')
    await settle()
    await subscription.unsubscribe()
    await Promise.all(reading)
    deepEqual(
      [one, two],
      [
        ['a', 'c'],
        ['a', 'c'],
      ],
    )
  })

  test('ends with disconnect, after what it has', async () => {
    const { client, connection } = await connected()
    const texts: string[] = []
    const messages = client.messages()
    connection.publish('a', '1')
    connection.publish('a', '2')
    await settle()
    await client.disconnect()
    await readAll(messages, texts)
    deepEqual(texts, ['1', '2'])
    deepEqual(await messages.next(), { done: true, value: undefined })
  })

  test('throws when the connection is lost, after what it has, and once', async () => {
    const { client, connection } = await connected()
    const texts: string[] = []
    const messages = client.messages()
    connection.publish('a', '1')
    await settle()
    connection.destroy()
    await settle()
    await failure(readAll(messages, texts), ConnectionLostError)
    deepEqual(texts, ['1'])
    deepEqual(await messages.next(), { done: true, value: undefined })
  })

  test('that is left with break gives back what it has not handed out', async () => {
    const { client, connection } = await connected()
    const messages = client.messages()
    for (const packetId of [1, 2, 3]) connection.publish('a', `${packetId}`, { qos: 1, packetId })
    await settle()
    for await (const message of messages) {
      equal(message.text(), '1')
      break
    }
    await settle()
    deepEqual(acknowledgements(connection), [['PUBACK', 1]])
    equal((await client.waitMsg()).text(), '2')
    equal(client.checkMsg()?.text(), '3')
    await settle()
    equal(acknowledgements(connection).length, 3)
  })

  test('begins with what was kept when messages came before it', async () => {
    const { client, connection } = await connected()
    connection.autoRespond()
    const subscription = await client.subscribe('a')
    connection.publish('a', 'early')
    await settle()
    const iterator = subscription[Symbol.asyncIterator]()
    equal(((await iterator.next()).value as Message).text(), 'early')
  })
})

describe('waitMsg and checkMsg', () => {
  test('give messages one by one, in order, acknowledged', async () => {
    const { client, connection } = await connected()
    equal(client.checkMsg(), undefined)
    for (const packetId of [1, 2, 3]) connection.publish('a', `${packetId}`, { qos: 1, packetId })
    await settle()
    deepEqual(acknowledgements(connection), [])
    equal(client.checkMsg()?.text(), '1')
    equal((await client.waitMsg()).text(), '2')
    await settle()
    deepEqual(acknowledgements(connection).length, 2)
    equal(client.checkMsg()?.text(), '3')
    equal(client.checkMsg(), undefined)
  })

  test('serve several waits in their order', async () => {
    const { client, connection } = await connected()
    const waits = [client.waitMsg(), client.waitMsg()]
    connection.publish('a', '1')
    connection.publish('a', '2')
    deepEqual(
      (await Promise.all(waits)).map((message) => message.text()),
      ['1', '2'],
    )
  })

  test('waitMsg gives the message when the callback and the handlers are done with it', async () => {
    const { client, connection } = await connected()
    const [callback, handler] = [gate(), gate()]
    connection.autoRespond()
    client.setCallback(() => callback.promise)
    await client.subscribe('a', {}, () => handler.promise)
    const waiting = watch(client.waitMsg())
    connection.publish('a', 'x', { qos: 1, packetId: 9 })
    await settle()
    callback.open()
    await settle()
    equal(waiting.status, 'open')
    handler.open()
    await settle()
    equal(waiting.value?.text(), 'x')
    deepEqual(acknowledgements(connection), [['PUBACK', 9]])
  })

  test('waitMsg rejects when the connection ends, and works again on the next', async () => {
    const { client, connection } = await connected()
    const lost = failure(client.waitMsg(), ConnectionLostError)
    connection.destroy()
    await lost
    await failure(client.waitMsg(), ClosedError)
    equal(client.checkMsg(), undefined)
  })

  test('give what came before the connection ended', async () => {
    const { client, connection } = await connected()
    client.checkMsg()
    connection.publish('a', '1')
    connection.publish('a', '2')
    await settle()
    await client.disconnect()
    equal((await client.waitMsg()).text(), '1')
    equal(client.checkMsg()?.text(), '2')
    await failure(client.waitMsg(), ClosedError)
  })

  test('a message that was kept goes to the callback that comes later', async () => {
    const { client, connection } = await connected()
    client.checkMsg()
    connection.publish('a', '1', { qos: 1, packetId: 4 })
    connection.publish('a', '2')
    await settle()
    const seen: string[] = []
    client.setCallback((_, __, message) => seen.push(message.text()))
    await settle()
    deepEqual(seen, ['1', '2'])
    deepEqual(acknowledgements(connection), [['PUBACK', 4]])
    equal(client.checkMsg(), undefined)
  })

  test('the type of a PUBLISH is all that makes a message', async () => {
    const { client, connection } = await connected()
    const waiting = watch(client.waitMsg())
    connection.send({ type: PacketType.PINGRESP })
    await settle()
    equal(waiting.status, 'open')
    await client.disconnect()
  })
})
