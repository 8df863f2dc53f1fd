// `umqtt pub` as a process: what is sent, what it says, and how it ends.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PacketType, type PublishPacket } from '../../src/codec/packets.ts'
import { MQTTClient, type Message } from '../../src/simple.node.ts'
import { OPEN, startUmqtt, startUmqttHere, umqtt, umqttHere } from '../support/command-line.ts'
import { ScriptedServer } from '../../src/testing/scripted-server.ts'
import { startServer, type TestServer } from '../support/servers.ts'
import { inFolder } from '../support/temporary-folder.ts'

/** Nobody listens there. */
const NOWHERE = 'mqtt://127.0.0.1:1'

describe('umqtt pub', { timeout: 120_000 }, () => {
  let server: TestServer
  let url = ''
  let witness: MQTTClient
  before(async () => {
    server = await startServer('aedes', { anonymous: true })
    url = server.urls.tcp ?? ''
    witness = new MQTTClient('witness', url)
    await witness.connect()
  })
  after(async () => {
    await witness.disconnect()
    await server.remove()
  })

  /** What comes to a topic while something runs, until so many have come. */
  async function received(
    topic: string,
    count: number,
    run: () => Promise<unknown>,
  ): Promise<Message[]> {
    const messages: Message[] = []
    let done: () => void = () => undefined
    const all = new Promise<void>((resolve) => (done = resolve))
    const subscription = await witness.subscribe(topic, { qos: 2 }, (_topic, _bytes, message) => {
      if (messages.push(message) === count) done()
    })
    await run()
    await all
    await subscription.unsubscribe()
    return messages
  }

  test('refuses a topic with a wildcard, as wrong arguments', async () => {
    const { code, err } = await umqttHere(['pub', '-L', NOWHERE, '-t', 'a/#', '-m', 'x'])
    equal(code, 2)
    match(err, /Cannot use -t "a\/#": using a wildcard/)
  })

  test('refuses a folder for the outbox that cannot be made, as wrong arguments', async () => {
    for (const [folder, words] of [
      [
        '/nowhere/at/all',
        /Cannot make --outbox "\/nowhere\/at\/all": the folder above it is not there/,
      ],
      [process.execPath, /Cannot use --outbox ".*": it is no folder/],
    ] as const) {
      const args = ['pub', '-L', NOWHERE, '-t', 'a', '-m', 'x', '--outbox', folder]
      const { code, err } = await umqttHere(args)
      equal(code, 2)
      match(err, words)
    }
  })

  for (const [name, args, input, payload] of [
    ['a text', ['-m', 'grün'], '', 'grün'],
    ['nothing', ['-n'], '', ''],
    ['all of standard input', ['-s'], 'one\ntwo\n', 'one\ntwo\n'],
  ] as const) {
    test(`sends ${name}, and has nothing to say`, async () => {
      const [message] = await received('whole', 1, async () => {
        // What standard input is, a process has to say.
        const run = input === '' ? startUmqttHere : startUmqtt
        const { code, stdout, stderr } = await run(
          ['pub', '-L', url, '-t', 'whole', '-q', '1', ...args],
          { input },
        ).ended
        deepEqual([code, stdout, stderr], [0, '', ''])
      })
      equal(message?.text(), payload)
    })
  }

  test('sends a file, retained, as often as it is told', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'payload')
      writeFileSync(file, Uint8Array.of(0, 255, 10))
      const args = ['-t', 'file', '-f', file, '-r', '-q', '2', '--repeat', '3']
      const messages = await received('file', 3, async () => {
        const { code } = await umqttHere(['pub', '-L', url, ...args])
        equal(code, 0)
      })
      for (const { payload } of messages) deepEqual([...payload], [0, 255, 10])
      const [kept] = await received('file', 1, () => Promise.resolve())
      equal(kept?.retain, true)
      await witness.publish('file', '', { retain: true })
    }))

  test('sends each line of a pipe, as its bytes are', async () => {
    const messages = await received('lines', 4, async () => {
      const { code, stderr } = await umqtt(['pub', '-L', `${url}/lines`, '-q', '1', '-l'], {
        input: Buffer.from('one\r\n\n zwei\xff\nthree\nlast', 'latin1'),
      })
      equal(code, 0)
      equal(stderr, 'umqtt: 4 lines read, 1 blank and not sent: 4 delivered\n')
    })
    deepEqual(
      messages.map(({ payload }) => Buffer.from(payload).toString('latin1')),
      ['one\r', ' zwei\xff', 'three', 'last'],
    )
  })

  test('takes standard input that is closed for one without lines', async () => {
    const { code, stderr } = await umqtt(['pub', '-L', url, '-t', 'a', '-l'])
    deepEqual([code, stderr], [0, 'umqtt: 0 lines read\n'])
  })

  test('takes messages in JSON, and ends at a line that is none', async () => {
    const lines = [
      '{"topic":"json/a","payload":"text","qos":1}',
      '{"topic":"json/b","payloadBase64":"AP8="}',
      '{"topic":"json/c","payload":5}',
      '{"topic":"json/d"}',
    ]
    const messages = await received('json/#', 2, async () => {
      const { code, stderr } = await startUmqttHere(['pub', '-L', url, '--json'], {
        input: lines.join('\n'),
      }).ended
      equal(code, 8)
      match(stderr, /2 lines read: 1 delivered, 1 sent|2 lines read: 1 sent, 1 delivered/)
      match(stderr, /Line 3 is no message: its "payload" is not a string/)
    })
    deepEqual(messages.map(({ topic, payload }) => [topic, ...payload]).sort(), [
      ['json/a', ...Buffer.from('text')],
      ['json/b', 0, 255],
    ])
  })

  test('tries for as long as it is told, and ends with 3', async () => {
    for (const bound of [
      ['-W', '300ms'],
      ['--within', '300ms'],
      ['--delivery', 'within=300ms'],
    ]) {
      const { code, err } = await umqttHere(['pub', '-L', NOWHERE, '-t', 'a', '-m', 'x', ...bound])
      equal(code, 3, bound.join(' '))
      match(err, /ECONNREFUSED/)
      match(err, /1 (cancelled|expired)/)
    }
  })

  test('sends what is fleeting on a connection alone', async () => {
    const fleeting = ['-t', 'fleeting', '-m', 'x', '--delivery', 'fleeting']
    const [message] = await received('fleeting', 1, async () => {
      equal((await umqttHere(['pub', '-L', url, ...fleeting])).code, 0)
    })
    equal(message?.text(), 'x')
    equal((await umqttHere(['pub', '-L', NOWHERE, ...fleeting, '-W', '200ms'])).code, 3)
  })

  test('keeps in its outbox what it cannot deliver, and delivers it the next time', () =>
    inFolder(async (folder) => {
      const spool = join(folder, 'spool')
      const kept = ['-t', 'kept', '-m', 'x', '--outbox', spool]
      // An outbox is made in that time on a busy machine too.
      const first = await umqttHere(['pub', '-L', NOWHERE, ...kept, '-W', '2s'])
      equal(first.code, 5)
      match(first.err, /1 wait in ".*spool"/)
      const messages = await received('kept', 2, async () => {
        const second = await umqttHere(['pub', '-L', url, ...kept])
        deepEqual([second.code, second.err], [0, 'umqtt: 1 from before: 2 delivered\n'])
      })
      equal(messages.length, 2)
    }))

  test('names who has the outbox', () =>
    inFolder(async (folder) => {
      const args = ['pub', '-L', url, '-t', 'a', '-l', '--outbox', folder, '--progress', '3']
      const first = startUmqtt(args, { input: OPEN })
      await first.until(/^0$/m)
      const { code, err } = await umqttHere(args.slice(0, -2))
      equal(code, 1)
      match(err, /process \d+ has it open/)
      first.stdin.end()
      equal((await first.ended).code, 0)
    }))
})

describe('umqtt pub, where the server does not do its part', { timeout: 60_000 }, () => {
  let server: ScriptedServer
  before(async () => {
    server = await ScriptedServer.start()
  })
  after(() => server.close())

  test('fails at once when it is refused, and shows no password', async () => {
    const command = startUmqttHere(
      ['pub', '-L', server.url, '-u', 'who', '-d', '-t', 'a', '-m', 'x', '-q', '1'],
      { env: { UMQTT_PASSWORD: 'tops3cret' } },
    )
    const connection = await server.connection()
    const { password } = await connection.refuse(0x86)
    equal(Buffer.from(password ?? []).toString(), 'tops3cret')
    connection.close()
    const { code, stdout, stderr } = await command.ended
    equal(code, 4)
    match(stderr, /reason 0x86/)
    ok(!`${stdout}${stderr}`.includes('tops3cret'))
  })

  test('says once why it is refused', async () => {
    const command = umqttHere(['pub', '-L', server.url, '-t', 'a', '-m', 'x'])
    const connection = await server.connection()
    await connection.refuse(0x87)
    connection.close()
    const { code, err } = await command
    equal(code, 4)
    equal(
      err,
      'umqtt: 1 cancelled\numqtt: Server refused the connection with reason 0x87 (Not authorized)\n',
    )
  })

  test('ends with 4 when its message is rejected', async () => {
    const command = umqttHere(['pub', '-L', server.url, '-t', 'a', '-m', 'x', '-q', '1'])
    const connection = await server.connection()
    await connection.accept()
    const { packetId } = (await connection.next(PacketType.PUBLISH)) as PublishPacket
    connection.send({ type: PacketType.PUBACK, packetId, reasonCode: 0x87, properties: {} })
    const { code, err } = await command
    equal(code, 4)
    match(err, /reason 0x87/)
  })

  test('ends with 6 when the answer does not come', async () => {
    const command = umqttHere([
      ...['pub', '-L', server.url, '-t', 'a', '-m', 'x', '-q', '1', '-W', '400ms'],
    ])
    await (await server.connection()).accept()
    const { code, err } = await command
    equal(code, 6)
    match(err, /1 maybe-delivered/)
  })

  test('sends properties, will and session as it is told', async () => {
    const command = umqttHere([
      ...['pub', '-L', server.url, '-i', 'me', '-c', '-x', '60', '-k', '9', '-t', 'a', '-m', 'x'],
      ...['-D', 'publish', 'user-property', 'n', 'v', '-D', 'publish', 'content-type', 'text'],
      ...['-D', 'connect', 'receive-maximum', '7', '-D', 'will', 'will-delay-interval', '5'],
      ...['--will-topic', 'w', '--will-payload', 'gone', '--will-qos', '1', '--will-retain'],
    ])
    const connection = await server.connection()
    const connect = await connection.accept()
    connection.autoRespond()
    const { properties } = (await connection.next(PacketType.PUBLISH)) as PublishPacket
    equal((await command).code, 0)
    deepEqual(properties.userProperties, [['n', 'v']])
    equal(properties.contentType, 'text')
    deepEqual(
      [connect.clientId, connect.keepAlive, connect.properties?.sessionExpiryInterval],
      ['me', 9, 60],
    )
    equal(connect.properties?.receiveMaximum, 7)
    const { will } = connect
    deepEqual(
      [will?.topic, will?.qos, will?.retain, will?.properties?.willDelayInterval],
      ['w', 1, true, 5],
    )
  })

  // That SIGTERM comes to a process as SIGINT does is shown with `umqtt sub`.
  for (const [name, code, start] of [
    ['SIGINT', 130, startUmqtt],
    ['SIGTERM', 143, startUmqttHere],
  ] as const) {
    test(`ends at ${name} while it connects, waits for an answer, and reads`, async () => {
      const args = ['pub', '-L', server.url, '-t', 'a', '-q', '1']
      const connecting = start([...args, '-m', 'x'])
      await (await server.connection()).connect()
      connecting.signal(name)
      equal((await connecting.ended).code, code)

      const waiting = start([...args, '-m', 'x'])
      const connection = await server.connection()
      await connection.accept()
      await connection.next(PacketType.PUBLISH)
      waiting.signal(name)
      const { stderr, ...ending } = await waiting.ended
      equal(ending.code, code)
      match(stderr, /1 maybe-delivered/)

      const reading = start([...args, '-l'], { input: OPEN })
      const another = await server.connection()
      await another.accept()
      another.autoRespond()
      reading.stdin.write('one\n')
      await another.next(PacketType.PUBLISH)
      reading.signal(name)
      const read = await reading.ended
      equal(read.code, code)
      match(read.stderr, /1 line read/)
    })
  }

  test('ends at SIGINT between two attempts, and while the outbox drains', () =>
    inFolder(async (folder) => {
      const sleeping = startUmqttHere(['pub', '-L', NOWHERE, '-t', 'a', '-m', 'x'])
      await sleeping.until(/ECONNREFUSED/)
      sleeping.signal('SIGINT')
      equal((await sleeping.ended).code, 130)

      const draining = startUmqttHere(
        ['pub', '-L', NOWHERE, '-t', 'a', '-l', '--outbox', folder, '--progress', '3'],
        { input: 'one\ntwo\n' },
      )
      await draining.until(/^2$/m)
      draining.signal('SIGINT')
      const { code, stderr } = await draining.ended
      equal(code, 130)
      match(stderr, /2 lines read: 2 wait in ".*"; the last stored is line 2/)
    }))
})
