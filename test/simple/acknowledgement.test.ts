// portable
// When a message is acknowledged: after every consumer is done, in the order of arrival, by the client or
// by the application; and what becomes of an acknowledgement that comes after its connection.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import type { Message } from '../../src/simple/types.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { settle } from '../support/scripted-memory.ts'
import {
  acknowledgements,
  connected,
  type Connected,
  count,
  type Gate,
  gate,
  reconnected,
  take,
  watch,
} from './conversation.ts'

const KEPT = { request: { cleanStart: false } } as const
const RESUMED = { ...KEPT, sessionPresent: true } as const

/** A callback whose calls are finished one by one, by the payload of their message. */
function slowly(made: Connected): { seen: string[]; gates: Map<string, Gate> } {
  const seen: string[] = []
  const gates = new Map<string, Gate>()
  made.client.setCallback((_, __, message) => {
    const text = message.text()
    seen.push(text)
    const busy = gate()
    gates.set(text, busy)
    return busy.promise
  })
  return { seen, gates }
}

/** Finishes the handler of one message. */
async function finish(gates: ReadonlyMap<string, Gate>, text: string): Promise<void> {
  const found = gates.get(text)
  ok(found, `No handler has "${text}"`)
  found.open()
  await settle()
}

const loseConnection = async (connection: ScriptedConnection): Promise<void> => {
  connection.destroy()
  await settle()
}

describe('acknowledgements', () => {
  test('go out in the order of arrival when handlers finish in another [MQTT-4.6.0-2]', async () => {
    const made = await connected()
    const { connection } = made
    const { gates } = slowly(made)
    connection.publish('a', '1', { qos: 1, packetId: 11 })
    connection.publish('a', '2', { qos: 2, packetId: 12 })
    connection.publish('a', '3', { qos: 1, packetId: 13 })
    await settle()
    await finish(gates, '3')
    await finish(gates, '2')
    deepEqual(acknowledgements(connection), [])
    await finish(gates, '1')
    deepEqual(acknowledgements(connection), [
      ['PUBACK', 11],
      ['PUBREC', 12],
      ['PUBACK', 13],
    ])
  })

  test('wait for every consumer: callback, two handlers and an iterator', async () => {
    const { client, connection } = await connected()
    const [callback, first, second] = [gate(), gate(), gate()]
    client.setCallback(() => callback.promise)
    connection.autoRespond()
    await client.subscribe('a', {}, () => first.promise)
    await client.subscribe('#', {}, () => second.promise)
    const messages = client.messages()
    connection.publish('a', 'x', { qos: 1, packetId: 5 })
    await messages.next()
    for (const step of [second.open, callback.open, () => void messages.next(), first.open]) {
      deepEqual(acknowledgements(connection), [])
      step()
      await settle()
    }
    deepEqual(acknowledgements(connection), [['PUBACK', 5]])
  })

  test('answer a QoS 2 message that comes again without handling it [MQTT-4.3.3-10]', async () => {
    const made = await connected()
    const { connection } = made
    const { seen, gates } = slowly(made)
    connection.publish('a', '1', { qos: 2, packetId: 3 })
    connection.publish('a', '1', { qos: 2, packetId: 3, dup: true })
    await settle()
    deepEqual([seen, acknowledgements(connection)], [['1'], []])
    await finish(gates, '1')
    connection.publish('a', '1', { qos: 2, packetId: 3, dup: true })
    connection.send({ type: PacketType.PUBREL, packetId: 3, reasonCode: 0, properties: {} })
    await settle()
    equal(seen.length, 1)
    equal(acknowledgements(connection).at(-1)?.[0], 'PUBCOMP')
    connection.publish('a', '2', { qos: 2, packetId: 3 })
    await settle()
    deepEqual(seen, ['1', '2'])
  })

  test('are not sent for messages of QoS 0', async () => {
    const { client, connection } = await connected()
    client.setCallback(() => undefined)
    connection.publish('a', 'x')
    await settle()
    equal(connection.received.length, 1)
  })
})

describe("acknowledge: 'manual'", () => {
  const manual = async (): Promise<Connected & { messages: Message[] }> => {
    const made = await connected({ acknowledge: 'manual' })
    const messages: Message[] = []
    made.client.setCallback((_, __, message) => messages.push(message))
    return { ...made, messages }
  }

  test('leaves it to the application, and keeps the order of arrival', async () => {
    const { connection, messages } = await manual()
    for (const packetId of [1, 2, 3]) connection.publish('a', 'x', { qos: 1, packetId })
    await settle()
    deepEqual(acknowledgements(connection), [])
    messages[2]?.acknowledge()
    messages[1]?.acknowledge()
    await settle()
    deepEqual(acknowledgements(connection), [])
    messages[0]?.acknowledge()
    await settle()
    deepEqual(acknowledgements(connection), [
      ['PUBACK', 1],
      ['PUBACK', 2],
      ['PUBACK', 3],
    ])
  })

  test('takes a reason that refuses the message', async () => {
    const { connection, messages } = await manual()
    connection.publish('a', 'x', { qos: 1, packetId: 1 })
    connection.publish('a', 'x', { qos: 2, packetId: 2 })
    await settle()
    messages[0]?.acknowledge(0x99)
    messages[1]?.acknowledge(0x80)
    const [first, second] = [await connection.next(), await connection.next()]
    ok(first.type === PacketType.PUBACK && second.type === PacketType.PUBREC)
    deepEqual([first.reasonCode, second.reasonCode], [0x99, 0x80])
    // A refused QoS 2 exchange is over: the id may carry another message. §4.3.3
    connection.publish('a', 'y', { qos: 2, packetId: 2 })
    await settle()
    equal(messages.length, 3)
  })

  test('refuses a reason that PUBACK and PUBREC do not have', async () => {
    const { connection, messages } = await manual()
    connection.publish('a', 'x', { qos: 1, packetId: 1 })
    await settle()
    for (const reasonCode of [1, 0x10, 0x81, 0x92, -1, 256, 0.5, NaN, '0', null]) {
      throws(() => messages[0]?.acknowledge(reasonCode as number), {
        name: 'TypeError',
        message: new RegExp(`reasonCode "${reasonCode}"`),
      })
    }
    await settle()
    deepEqual(acknowledgements(connection), [])
    messages[0]?.acknowledge()
    equal((await take(connection, PacketType.PUBACK)).reasonCode, 0)
  })

  test('does nothing at a second call, and nothing at QoS 0', async () => {
    const { client, connection, messages } = await manual()
    connection.publish('a', 'x', { qos: 1, packetId: 1 })
    connection.publish('a', 'x')
    await settle()
    equal(client.statistics.inboxBytes > 0, true)
    messages[0]?.acknowledge()
    messages[0]?.acknowledge(0x80)
    messages[1]?.acknowledge()
    await settle()
    deepEqual(acknowledgements(connection), [['PUBACK', 1]])
    equal(client.statistics.inboxBytes, 0)
  })

  test('works with waitMsg and checkMsg, which do not acknowledge then', async () => {
    const { client, connection } = await connected({ acknowledge: 'manual' })
    const waiting = client.waitMsg()
    connection.publish('a', '1', { qos: 1, packetId: 1 })
    connection.publish('a', '2', { qos: 1, packetId: 2 })
    const message = await waiting
    await settle()
    const second = client.checkMsg()
    deepEqual(acknowledgements(connection), [])
    message.acknowledge()
    second?.acknowledge()
    await settle()
    equal(acknowledgements(connection).length, 2)
  })

  test('lets waitMsg settle when the handlers are done, acknowledged or not', async () => {
    const { client, connection } = await connected({ acknowledge: 'manual' })
    const busy = gate()
    client.setCallback(() => busy.promise)
    const waiting = watch(client.waitMsg())
    connection.publish('a', 'x', { qos: 1, packetId: 1 })
    await settle()
    equal(waiting.status, 'open')
    busy.open()
    await settle()
    equal(waiting.status, 'fulfilled')
    waiting.value?.acknowledge()
    await settle()
    deepEqual(acknowledgements(connection), [['PUBACK', 1]])
  })

  test('is the only mode in which a message can be acknowledged by hand', async () => {
    const { client, connection } = await connected()
    const waiting = client.waitMsg()
    connection.publish('a', 'x', { qos: 1 })
    const message = await waiting
    throws(() => message.acknowledge(), { name: 'TypeError', message: /not 'manual'/ })
    match(String((await take(connection, PacketType.PUBACK)).packetId), /1/)
  })
})

describe('an acknowledgement that comes after its connection', () => {
  test('is not sent when the new connection has not got the message', async () => {
    const made = await connected({}, KEPT)
    const { gates } = slowly(made)
    made.connection.publish('a', '1', { qos: 1, packetId: 7 })
    await settle()
    await loseConnection(made.connection)
    const again = await reconnected(made, RESUMED)
    await finish(gates, '1')
    deepEqual(acknowledgements(again.connection), [])
    equal(made.client.statistics.inboxBytes, 0)
  })

  for (const qos of [1, 2] as const) {
    const type = qos === 1 ? 'PUBACK' : 'PUBREC'

    test(`answers the copy of QoS ${qos} that came while the handler ran, handled once`, async () => {
      const made = await connected({}, KEPT)
      const { seen, gates } = slowly(made)
      made.connection.publish('a', '1', { qos, packetId: 7 })
      await settle()
      await loseConnection(made.connection)
      const { connection } = await reconnected(made, RESUMED)
      connection.publish('a', '1', { qos, packetId: 7, dup: true })
      await settle()
      deepEqual([seen, acknowledgements(connection)], [['1'], []])
      await finish(gates, '1')
      deepEqual([seen, acknowledgements(connection)], [['1'], [[type, 7]]])
    })

    test(`answers the copy of QoS ${qos} that comes after the handler is done`, async () => {
      const made = await connected({}, KEPT)
      const { seen, gates } = slowly(made)
      made.connection.publish('a', '1', { qos, packetId: 7 })
      await settle()
      await loseConnection(made.connection)
      await finish(gates, '1')
      const { connection } = await reconnected(made, RESUMED)
      connection.publish('a', '1', { qos, packetId: 7, dup: true })
      await settle()
      deepEqual([seen, acknowledgements(connection)], [['1'], [[type, 7]]])
    })

    test(`never answers another message of QoS ${qos} that has its packet id`, async () => {
      const made = await connected({}, KEPT)
      const { seen, gates } = slowly(made)
      made.connection.publish('a', 'old', { qos, packetId: 7 })
      await settle()
      await loseConnection(made.connection)
      const { connection } = await reconnected(made, KEPT)
      connection.publish('a', 'new', { qos, packetId: 7 })
      await settle()
      await finish(gates, 'old')
      deepEqual([seen, acknowledgements(connection)], [['old', 'new'], []])
      await finish(gates, 'new')
      deepEqual(acknowledgements(connection), [[type, 7]])
    })
  }

  test('holds its place in the order of the new connection', async () => {
    const made = await connected({}, KEPT)
    const { gates } = slowly(made)
    made.connection.publish('a', '1', { qos: 1, packetId: 1 })
    await settle()
    await loseConnection(made.connection)
    const { connection } = await reconnected(made, RESUMED)
    connection.publish('a', '1', { qos: 1, packetId: 1, dup: true })
    connection.publish('a', '2', { qos: 1, packetId: 2 })
    await settle()
    await finish(gates, '2')
    equal(count(connection, PacketType.PUBACK), 0)
    await finish(gates, '1')
    deepEqual(acknowledgements(connection), [
      ['PUBACK', 1],
      ['PUBACK', 2],
    ])
  })

  test('does nothing between connections', async () => {
    const made = await connected({ acknowledge: 'manual' }, KEPT)
    const waiting = made.client.waitMsg()
    made.connection.publish('a', '1', { qos: 1, packetId: 1 })
    const message = await waiting
    await loseConnection(made.connection)
    message.acknowledge()
    const { connection } = await reconnected(made, RESUMED)
    await settle()
    equal(connection.received.length, 1)
    connection.publish('a', '1', { qos: 1, packetId: 1, dup: true })
    equal((await take(connection, PacketType.PUBACK)).packetId, 1)
    equal(made.client.checkMsg(), undefined)
  })
})
