// portable
// Every wrong argument and option of the constructor: it throws there, the message names the value, nothing
// is dialled, and no secret is in a message. Options that are given are not kept and not changed.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import { SimpleClient } from '../../src/simple/client.ts'
import { ScriptedServer, testClient, testPlatform } from '../support/scripted-memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { connected, reconnected } from './conversation.ts'

/** Arguments that the types forbid come from JavaScript all the same. */
const wrong = (value: unknown): never => value as never

const LONG = 'x'.repeat(65_536)
const SECRET = 'hunter2'

type Row = readonly [
  what: string,
  options: Record<string, unknown>,
  error: 'TypeError' | 'RangeError',
  message: RegExp,
]

const AUTHENTICATION = { method: 'PLAIN' }

const ROWS: readonly Row[] = [
  ['an unknown option', { keepalive: 5 }, 'TypeError', /options\.keepalive.*keepAliveSeconds/],
  ['the option clientId', { clientID: 'a' }, 'TypeError', /options\.clientID/],
  ['port 0', { port: 0 }, 'RangeError', /port "0"/],
  ['port 65,536', { port: 65_536 }, 'RangeError', /port "65536"/],
  ['port 1883.5', { port: 1883.5 }, 'RangeError', /port "1883.5"/],
  ['user 7', { user: 7 }, 'TypeError', /user "7"/],
  ['a user with U+0000', { user: 'a\0' }, 'TypeError', /user "a\0": it has U\+0000/],
  ['a user of 65,536 bytes', { user: LONG }, 'RangeError', /user.*65536 bytes.*65535/],
  ['a password of 65,536 bytes', { user: 'u', password: LONG }, 'RangeError', /password.*65535/],
  ['a password without user on 3.1.1', { protocol: 4, password: 'x' }, 'TypeError', /3\.1\.2-22/],
  ['keep alive -1', { keepAliveSeconds: -1 }, 'RangeError', /keepAliveSeconds "-1".*0 to 65535/],
  ['keep alive 65,536', { keepAliveSeconds: 65_536 }, 'RangeError', /"65536"/],
  ['keep alive "60"', { keepAliveSeconds: '60' }, 'TypeError', /keepAliveSeconds "60"/],
  ['keep alive NaN', { keepAliveSeconds: NaN }, 'RangeError', /keepAliveSeconds "NaN"/],
  ['protocol 3', { protocol: 3 }, 'TypeError', /protocol "3".*4, 5/],
  ['protocol "5"', { protocol: '5' }, 'TypeError', /protocol "5"/],
  ['a will without topic', { will: { payload: 'x' } }, 'TypeError', /will\.topic "undefined"/],
  ['a will without payload', { will: { topic: 'a' } }, 'TypeError', /payload "undefined"/],
  ['a will to a filter', { will: { topic: 'a/+', payload: '' } }, 'TypeError', /"a\/\+"/],
  ['a will null', { will: null }, 'TypeError', /will "null"/],
  ['an unknown limit', { limits: { maxInflight: 1 } }, 'TypeError', /limits\.maxInflight/],
  ['limits 5', { limits: 5 }, 'TypeError', /limits "5"/],
  ['Receive Maximum 0', { limits: { receiveMaximum: 0 } }, 'RangeError', /receiveMaximum "0"/],
  ['Receive Maximum 65,536', { limits: { receiveMaximum: 65_536 } }, 'RangeError', /"65536"/],
  [
    'a packet size of 63 bytes',
    { limits: { maximumPacketSizeBytes: 63 } },
    'RangeError',
    /limits\.maximumPacketSizeBytes "63"/,
  ],
  [
    'a packet size that MQTT does not have',
    { limits: { maximumPacketSizeBytes: 268_435_461 } },
    'RangeError',
    /"268435461"/,
  ],
  ['aliases -1', { limits: { topicAliasMaximum: -1 } }, 'RangeError', /topicAliasMaximum "-1"/],
  ['aliases 65,536', { limits: { outboundTopicAliases: 65_536 } }, 'RangeError', /"65536"/],
  ['waiting -1', { limits: { waitingMessages: -1 } }, 'RangeError', /waitingMessages "-1"/],
  ['waiting "1 MB"', { limits: { waitingBytes: '1 MB' } }, 'TypeError', /waitingBytes "1 MB"/],
  ['inbox of 0 bytes', { limits: { inboxBytes: 0 } }, 'RangeError', /inboxBytes "0"/],
  [
    'a hard inbox limit below the soft one',
    { limits: { inboxBytes: 1000, inboxHardBytes: 999 } },
    'RangeError',
    /inboxHardBytes "999".*inboxBytes "1000"/,
  ],
  [
    'an unknown timeout',
    { timeouts: { connect: 1 } },
    'TypeError',
    /timeouts\.connect:.*connectMs/,
  ],
  ['a timeout of 0 ms', { timeouts: { operationMs: 0 } }, 'RangeError', /operationMs "0"/],
  ['a timeout of Infinity', { timeouts: { pingMs: Infinity } }, 'RangeError', /pingMs "Infinity"/],
  [
    'a timeout that no timer takes',
    { timeouts: { connectMs: 2_147_483_648 } },
    'RangeError',
    /timeouts\.connectMs "2147483648".*2147483647/,
  ],
  [
    'acknowledge "auto"',
    { acknowledge: 'auto' },
    'TypeError',
    /acknowledge "auto".*handled, manual/,
  ],
  ['acknowledge false', { acknowledge: false }, 'TypeError', /acknowledge "false"/],
  ['onHandlerError "throw"', { onHandlerError: 'throw' }, 'TypeError', /onHandlerError "throw"/],
  ['a transport that is no function', { transport: {} }, 'TypeError', /transport "Object"/],
  ['properties 1', { properties: 1 }, 'TypeError', /properties "1"/],
  [
    'an unknown CONNECT property',
    { properties: { receiveMaximum: 5 } },
    'TypeError',
    /properties\.receiveMaximum/,
  ],
  [
    'user properties of an object',
    { properties: { userProperties: { a: 'b' } } },
    'TypeError',
    /properties\.userProperties "Object"/,
  ],
  [
    'requestResponseInformation 1',
    { properties: { requestResponseInformation: 1 } },
    'TypeError',
    /requestResponseInformation "1"/,
  ],
  [
    'requestProblemInformation "no"',
    { properties: { requestProblemInformation: 'no' } },
    'TypeError',
    /requestProblemInformation "no"/,
  ],
  [
    'an authentication without method',
    { properties: { authentication: {} } },
    'TypeError',
    /authentication\.method "undefined"/,
  ],
  [
    'an unknown key of authentication',
    { properties: { authentication: { ...AUTHENTICATION, name: 'a' } } },
    'TypeError',
    /authentication\.name/,
  ],
  [
    'authentication on 3.1.1',
    { protocol: 4, properties: { authentication: AUTHENTICATION } },
    'TypeError',
    /authentication with protocol 4/,
  ],
  [
    'respond that is no function',
    { properties: { authentication: { ...AUTHENTICATION, respond: 'x' } } },
    'TypeError',
    /respond "x"/,
  ],
]

for (const [what, options, name, message] of ROWS) {
  test(`a client with ${what} throws a ${name}`, () => {
    throws(
      () => testClient(wrong(options)),
      (error: unknown) => {
        ok(error instanceof Error)
        equal(error.name, name)
        match(error.message, message)
        match(error.message, /^[A-Z].*[^.]$/s)
        return true
      },
    )
  })
}

const make = (clientId: unknown, server: unknown, options: unknown = {}): SimpleClient =>
  new SimpleClient(wrong(clientId), wrong(server), wrong(options), {
    ...testPlatform(new VirtualClock()),
    transports: { mqtt: new ScriptedServer().transport },
  })

test('a client takes no client id that CONNECT could not carry', () => {
  throws(() => make(undefined, 'a'), { name: 'TypeError', message: /clientId "undefined"/ })
  throws(() => make(7, 'a'), { name: 'TypeError', message: /clientId "7"/ })
  throws(() => make('a\0', 'a'), { name: 'TypeError', message: /U\+0000/ })
  throws(() => make('\ud800', 'a'), { name: 'TypeError', message: /surrogate/ })
  throws(() => make(LONG, 'a'), { name: 'RangeError', message: /clientId.*65536 bytes/ })
  equal(make('', 'a').state, 'idle')
})

test('a client takes no server that it cannot read or reach', () => {
  throws(() => make('a', undefined), { name: 'TypeError', message: /server/ })
  throws(() => make('a', ''), { name: 'TypeError', message: /server ""/ })
  throws(() => make('a', 'http://a'), { name: 'TypeError', message: /http:\/\/a/ })
  throws(() => make('a', 'wss://a'), { name: 'TypeError', message: /"wss:\/\/a.*knows mqtt/ })
  throws(() => make('a', 'a:1883', { port: 1884 }), { name: 'RangeError', message: /1883.*1884/ })
})

test('options that are no object throw', () => {
  throws(() => make('a', 'a', 7), { name: 'TypeError', message: /options "7"/ })
  throws(() => make('a', 'a', null), { name: 'TypeError', message: /options "null"/ })
  throws(() => make('a', 'a', 'x'), { name: 'TypeError', message: /options "x"/ })
})

test('a secret of a wrong kind is not shown', () => {
  const secrets: readonly unknown[] = [
    { user: 'u', password: 4_711_815 },
    { user: 'u', password: [SECRET, '4711815'] },
    { user: 'u', password: `${SECRET}\ud800` },
    { properties: { authentication: { ...AUTHENTICATION, data: SECRET } } },
    { properties: { authentication: { ...AUTHENTICATION, respond: { SECRET } } } },
  ]
  for (const options of secrets) {
    throws(
      () => make('a', 'a', options),
      (error: unknown) => {
        ok(error instanceof TypeError, String(error))
        ok(!error.message.includes(SECRET), error.message)
        ok(!error.message.includes('4711815'), error.message)
        return true
      },
    )
  }
  throws(
    () => make('a', `mqtt://u:${SECRET}@host`),
    (error: unknown) => error instanceof TypeError && !error.message.includes(SECRET),
  )
})

test('a password is in no error of a failed connection', async () => {
  const { client, server } = testClient({ user: 'u', password: SECRET })
  const connecting = client.connect()
  const connection = await server.connection()
  await connection.connect()
  connection.destroy()
  const [result] = await Promise.allSettled([connecting])
  ok(result.status === 'rejected')
  ok(!`${String(result.reason)}${JSON.stringify(result.reason)}`.includes(SECRET))
})

test('what the application changes in its options later has no effect', async () => {
  const password = encodeUtf8(SECRET)
  const payload = encodeUtf8('gone')
  const will = { topic: 'a', payload, qos: 1 as const }
  const options = { user: 'u', password, will, keepAliveSeconds: 30, limits: { inboxBytes: 5 } }
  const made = testClient(options)
  password.fill(0)
  payload.fill(0)
  options.keepAliveSeconds = 1
  will.topic = 'b'
  const { connectPacket } = await reconnected(made)
  deepEqual(connectPacket.password, encodeUtf8(SECRET))
  deepEqual(connectPacket.will?.payload, encodeUtf8('gone'))
  deepEqual([connectPacket.will?.topic, connectPacket.keepAlive], ['a', 30])
})

test('options may be frozen', async () => {
  const options = Object.freeze({
    user: 'u',
    limits: Object.freeze({ inboxBytes: 5 }),
    timeouts: Object.freeze({ connectMs: 5 }),
    will: Object.freeze({ topic: 'a', payload: 'b' }),
  })
  const { client } = await connected(options)
  equal(client.state, 'connected')
})

test('an option that is undefined is the default', async () => {
  const { connectPacket } = await connected(
    wrong({ user: undefined, keepAliveSeconds: undefined, will: undefined, tls: undefined }),
  )
  equal(connectPacket.keepAlive, 60)
  ok(!('userName' in connectPacket) && !('will' in connectPacket))
})
