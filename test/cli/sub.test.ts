// `umqtt sub` as a process: what it prints, when it acknowledges, and how it ends.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { PacketType, type SubscribePacket } from '../../src/codec/packets.ts'
import { MQTTClient } from '../../src/simple.node.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { startUmqtt, startUmqttHere, umqtt, umqttHere } from '../support/command-line.ts'
import { ScriptedServer } from '../../src/testing/scripted-server.ts'
import { take } from '../simple/conversation.ts'
import { startServer, type TestServer } from '../support/servers.ts'

describe('umqtt sub', { timeout: 120_000 }, () => {
  let server: ScriptedServer
  before(async () => {
    server = await ScriptedServer.start()
  })
  after(() => server.close())

  /** The next connection, with its subscription granted. */
  async function subscribed(): Promise<readonly [ScriptedConnection, SubscribePacket]> {
    const connection = await server.connection()
    await connection.accept()
    const packet = (await connection.next(PacketType.SUBSCRIBE)) as SubscribePacket
    connection.acknowledge(packet)
    return [connection, packet]
  }

  const sub = (...args: string[]): string[] => ['sub', '-L', server.url, ...args]

  test('prints payloads as they are, a line each, and ends after so many', async () => {
    const command = umqtt(sub('-t', 'a', '-t', 'b', '-C', '2', '-q', '1'))
    const [connection, { subscriptions }] = await subscribed()
    deepEqual(
      subscriptions.map(({ filter, qos }) => [filter, qos]),
      [
        ['a', 1],
        ['b', 1],
      ],
    )
    connection.publish('a', 'one\u001b')
    connection.publish('b', '')
    deepEqual(await command, { code: 0, stdout: 'one\u001b\n\n', stderr: '', progress: '' })
  })

  test('asks with properties, and has the identifier back', async () => {
    const command = umqttHere(
      sub(
        ...['-t', 'a', '-C', '1', '-F', '%S %P', '-D', 'subscribe', 'subscription-identifier', '7'],
        ...['-D', 'subscribe', 'user-property', 'who', 'me'],
      ),
    )
    const [connection, { properties }] = await subscribed()
    deepEqual(properties, { subscriptionIdentifiers: [7], userProperties: [['who', 'me']] })
    connection.publish('a', 'x', { properties: { subscriptionIdentifiers: [7] } })
    equal((await command).out, '7 \n')
  })

  test('says with -M how much may be on the way to it', async () => {
    const command = umqttHere(sub('-t', 'a', '-E', '-M', '7'))
    const connection = await server.connection()
    const { properties } = await connection.accept()
    connection.autoRespond()
    equal(properties?.receiveMaximum, 7)
    equal((await command).code, 0)
    const twice = ['-M', '7', '-D', 'connect', 'receive-maximum', '8']
    match((await umqttHere(sub('-t', 'a', ...twice))).err, /Cannot use -M with -D/)
  })

  test('refuses filters that are none, as wrong arguments, before it dials', async () => {
    for (const [given, words] of [
      [['-t', 'a/#/b'], /Cannot use -t "a\/#\/b": misusing "#"/],
      [['-t', 'a', '-U', 'b+'], /Cannot use -U "b\+": misusing "\+"/],
      [['-t', 'a', '--will-topic', 'w/+'], /Cannot use --will-topic "w\/\+": using a wildcard/],
    ] as const) {
      const { code, err } = await umqttHere(sub(...given))
      equal(code, 2)
      match(err, words)
    }
  })

  test('sends properties of UNSUBSCRIBE and DISCONNECT', async () => {
    const command = umqttHere(
      sub(
        ...['-t', 'a', '-U', 'b', '-E', '-c', '-i', 'leaves'],
        ...['-D', 'unsubscribe', 'user-property', 'n', 'v'],
        ...['-D', 'disconnect', 'session-expiry-interval', '9'],
        ...['-D', 'disconnect', 'reason-string', 'enough'],
      ),
    )
    const connection = await server.connection()
    await connection.accept()
    connection.autoRespond()
    const { properties } = await take(connection, PacketType.UNSUBSCRIBE)
    deepEqual(properties, { userProperties: [['n', 'v']] })
    await take(connection, PacketType.SUBSCRIBE)
    equal((await command).code, 0)
    deepEqual((await take(connection, PacketType.DISCONNECT)).properties, {
      sessionExpiryInterval: 9,
      reasonString: 'enough',
    })
  })

  test('refuses properties of packets that it does not send, and a session at the end alone', async () => {
    for (const [given, words] of [
      [['auth', 'reason-string', 'a'], /proves who it is in CONNECT alone; write connect, disco/],
      [['publish', 'content-type', 'a'], /Cannot use -D "publish": write connect, disconnect/],
      [
        ['disconnect', 'session-expiry-interval', '1'],
        /-D disconnect session-expiry-interval needs -x SECONDS, or -c\n/,
      ],
    ] as const) {
      const { code, err } = await umqttHere(sub('-t', 'a', '-D', ...given))
      equal(code, 2)
      match(err, words)
    }
    const { err } = await umqttHere(
      sub('-t', 'a', '-D', 'subscribe', 'subscription-identifier', '0'),
    )
    match(err, /-D subscribe subscription-identifier "0": write a whole number from 1 to 268435455/)
  })

  for (const [args, out] of [
    [['-v'], 'hall/a on\n'],
    [['-N'], 'on'],
    [['-v', '-N'], 'hall/a on'],
    [['-F', '%t|%p|%q%r|%x|\\t%%@@'], 'hall/a|on|00|6f6e|\t%@\n'],
  ] as const) {
    test(`prints ${args.join(' ')}`, async () => {
      const command = umqttHere(sub('-t', '#', '-C', '1', ...args))
      const [connection] = await subscribed()
      connection.publish('hall/a', 'on')
      deepEqual(await command, { code: 0, out, err: '' })
    })
  }

  test('prints lines of JSON', async () => {
    const command = umqttHere(sub('-t', '#', '-C', '2', '--json'))
    const [connection] = await subscribed()
    connection.publish('a', 'on', { retain: true, properties: { userProperties: [['n', 'v']] } })
    connection.publish('a', Uint8Array.of(255), { qos: 1 })
    const { out } = await command
    const messages = out
      .trimEnd()
      .split('\n')
      .map((line) => ({ ...(JSON.parse(line) as object), time: undefined }))
    deepEqual(messages, [
      {
        ...{ time: undefined, topic: 'a', payload: 'on', qos: 0, retain: true },
        userProperties: [['n', 'v']],
      },
      { time: undefined, topic: 'a', payloadBase64: '/w==', qos: 1, retain: false },
    ])
  })

  test('shows control characters on a terminal, and colours there alone', async () => {
    for (const [env, isTTY, out] of [
      [{}, true, '\u001b[36ma\u001b[39m \\x1b[2J\n'],
      [{ NO_COLOR: '1' }, true, 'a \\x1b[2J\n'],
      [{}, false, 'a \u001b[2J\n'],
    ] as const) {
      const command = umqttHere(sub('-t', 'a', '-C', '1', '-v'), env, { isTTY })
      const [connection] = await subscribed()
      connection.publish('a', '\u001b[2J')
      equal((await command).out, out)
    }
  })

  test('leaves out what is filtered, and what was retained', async () => {
    const command = umqttHere(sub('-t', '#', '-T', 'not/+', '-R', '-C', '1', '-v'))
    const [connection] = await subscribed()
    connection.publish('not/this', 'x')
    connection.publish('nor', 'this', { retain: true })
    connection.publish('but', 'this')
    equal((await command).out, 'but this\n')
  })

  test('prints what was retained, and removes it, and ends at the first other message', async () => {
    const command = umqttHere(sub('-t', '#', '--retained-only', '--remove-retained'))
    const [connection] = await subscribed()
    connection.publish('kept', 'x', { retain: true })
    const removal = await connection.next(PacketType.PUBLISH)
    ok(removal.type === PacketType.PUBLISH && removal.retain && removal.payload.length === 0)
    connection.acknowledge(removal)
    connection.publish('kept', 'y')
    deepEqual(await command, { code: 0, out: 'x\n', err: '' })
  })

  test('acknowledges what it has printed, and nothing that came behind the last', async () => {
    const command = umqttHere(sub('-t', 'a', '-q', '1', '-C', '1', '-c', '-i', 'me'))
    const [connection] = await subscribed()
    connection.publish('a', 'one', { qos: 1, packetId: 1 })
    connection.publish('a', 'two', { qos: 1, packetId: 2 })
    equal((await command).out, 'one\n')
    const answered = connection.received.filter(({ type }) => type === PacketType.PUBACK)
    deepEqual(
      answered.map((packet) => packet.type === PacketType.PUBACK && packet.packetId),
      [1],
    )
  })

  test('subscribes, unsubscribes and ends when that is all', async () => {
    const command = umqttHere(
      sub('-t', 'a', '-U', 'b', '-E', '--no-local', '--retain-handling', '2'),
    )
    const connection = await server.connection()
    await connection.accept()
    connection.autoRespond()
    const types = [await connection.next(), await connection.next()].map(({ type }) => type)
    deepEqual(types, [PacketType.UNSUBSCRIBE, PacketType.SUBSCRIBE])
    deepEqual(await command, { code: 0, out: '', err: '' })
  })

  test('ends with 27 when its time is over, and with 4 when it is refused', async () => {
    const late = umqttHere(sub('-t', 'a', '-W', '100ms'))
    await subscribed()
    equal((await late).code, 27)
    const refused = umqttHere(sub('-t', 'a', '-u', 'who', '-P', 'tops3cret', '-d'))
    const connection = await server.connection()
    await connection.refuse(0x87)
    const { code, out, err } = await refused
    equal(code, 4)
    match(err, /Not authorized/)
    ok(!`${out}${err}`.includes('tops3cret'))
  })

  test('comes back when the connection ends, and says so once', async () => {
    const command = umqttHere(sub('-t', 'a', '-C', '1', '--retry-max', '10ms'))
    const [connection] = await subscribed()
    connection.destroy()
    const [again] = await subscribed()
    again.publish('a', 'on')
    const { code, out, err } = await command
    deepEqual([code, out], [0, 'on\n'])
    match(err, /^umqtt: Connection was lost.*\n(.*session.*\n)?umqtt: connected again\n$/)
  })

  // That SIGINT comes to a process as SIGTERM does is shown with `umqtt pub`.
  for (const [name, code, start] of [
    ['SIGINT', 130, startUmqttHere],
    ['SIGTERM', 143, startUmqtt],
  ] as const) {
    test(`ends at ${name} while it connects and while it waits`, async () => {
      const connecting = start(sub('-t', 'a'))
      await (await server.connection()).connect()
      connecting.signal(name)
      equal((await connecting.ended).code, code)
      const waiting = start(sub('-t', 'a'))
      const [connection] = await subscribed()
      waiting.signal(name)
      equal((await waiting.ended).code, code)
      equal((await connection.next(PacketType.DISCONNECT)).type, PacketType.DISCONNECT)
    })
  }

  test('lives when its reader takes nothing, and ends at SIGINT', async () => {
    const command = startUmqtt(sub('-t', 'a', '-k', '1'))
    command.pauseOutput()
    const [connection] = await subscribed()
    // More than the pipe and the buffers at both ends take.
    for (let i = 0; i < 8; i += 1) connection.publish('a', new Uint8Array(100_000))
    // It is alive all the same, and has had them all by then.
    await connection.next(PacketType.PINGREQ)
    command.signal('SIGINT')
    equal(await command.exited, 130)
    command.resumeOutput()
    await command.ended
  })

  test('ends with 141 when nobody reads it, and acknowledges nothing that is not read', async () => {
    const command = startUmqtt(sub('-t', 'a', '-q', '1'))
    const [connection] = await subscribed()
    connection.publish('a', 'one', { qos: 1 })
    await command.until(/one/)
    await connection.next(PacketType.PUBACK)
    command.closeOutput()
    connection.publish('a', 'two', { qos: 1 })
    equal((await command.ended).code, 141)
    const answered = connection.received.filter(({ type }) => type === PacketType.PUBACK)
    equal(answered.length, 1)
  })
})

describe('umqtt sub and umqtt pub', { timeout: 60_000 }, () => {
  let server: TestServer
  before(async () => {
    server = await startServer('aedes', { anonymous: true })
  })
  after(() => server.remove())

  test('take each other’s JSON', async () => {
    const url = server.urls.tcp ?? ''
    const witness = new MQTTClient('witness', url)
    await witness.connect()
    const printed = umqttHere(['sub', '-L', url, '-t', 'to', '-C', '2', '--json', '-q', '1', '-d'])
    const asked = '{"topic":"to","payload":"é","qos":1}\n{"topic":"to","payloadBase64":"/w=="}\n'
    const subscription = await witness.subscribe('again', { qos: 1 })
    // Until the subscription is there, it is sent again.
    let isThere = false
    const sub = printed.finally(() => (isThere = true))
    while (!isThere) await umqttHere(['pub', '-L', url, '--json'], {}, { input: asked })
    const { out } = await sub
    const { code } = await umqttHere(
      ['pub', '-L', url, '-t', 'again', '--json'],
      {},
      { input: out },
    )
    equal(code, 0)
    const came: number[][] = []
    for await (const { payload } of subscription) if (came.push([...payload]) === 2) break
    deepEqual(came.sort(), [[0xc3, 0xa9], [0xff]])
    await witness.disconnect()
  })
})
