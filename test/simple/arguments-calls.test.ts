// portable
// Every wrong argument of every call of a client: it throws at the call, the message names the value, and
// nothing has been sent. A secret is in no message.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import type { SimpleClient } from '../../src/simple/client.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import { connected } from './conversation.ts'

type Call = (client: SimpleClient) => unknown

/** Arguments that the types forbid come from JavaScript all the same. */
const wrong = (value: unknown): never => value as never

const LONG = 'x'.repeat(65_536)
const SECRET = 'hunter2'

interface Row {
  readonly what: string
  readonly call: Call
  readonly error: typeof TypeError
  readonly message: RegExp
}

const row = (what: string, call: Call, error: typeof TypeError, message: RegExp): Row => ({
  what,
  call,
  error,
  message,
})

const publish = (topic: unknown, payload: unknown, options?: unknown): Call => {
  return (client) => client.publish(wrong(topic), wrong(payload), wrong(options))
}
const subscribe = (filter: unknown, options?: unknown, handler?: unknown): Call => {
  return (client) => client.subscribe(wrong(filter), wrong(options), wrong(handler))
}
const will = (topic: unknown, payload: unknown, options?: unknown): Call => {
  return (client) => client.setLastWill(wrong(topic), wrong(payload), wrong(options))
}
const withProperties = (properties: unknown): Call => publish('a', 'b', { properties })

const ROWS: readonly Row[] = [
  row('publish: topic 7', publish(7, 'b'), TypeError, /topic "7"/),
  row('publish: no topic', publish(undefined, 'b'), TypeError, /topic "undefined"/),
  row('publish: empty topic', publish('', 'b'), TypeError, /topic ""/),
  row('publish: topic with +', publish('a/+/c', 'b'), TypeError, /topic "a\/\+\/c"/),
  row('publish: topic with #', publish('a/#', 'b'), TypeError, /topic "a\/#"/),
  row('publish: topic with U+0000', publish('a\0', 'b'), TypeError, /topic "a\0"/),
  row('publish: topic with a lone surrogate', publish('a\ud800', 'b'), TypeError, /topic "a/),
  row('publish: topic of 65,536 bytes', publish(LONG, 'b'), TypeError, /topic "xxx/),
  row('publish: payload 21.5', publish('a', 21.5), TypeError, /payload "21.5"/),
  row('publish: payload of an object', publish('a', { b: 1 }), TypeError, /payload "Object"/),
  row('publish: payload undefined', publish('a', undefined), TypeError, /payload "undefined"/),
  row('publish: payload null', publish('a', null), TypeError, /payload "null"/),
  row('publish: payload of an ArrayBuffer', publish('a', new ArrayBuffer(1)), TypeError, /payload/),
  row('publish: payload with a lone surrogate', publish('a', '\ud800'), TypeError, /surrogate/),
  row('publish: qos 3', publish('a', 'b', { qos: 3 }), TypeError, /qos "3".*0, 1, 2/),
  row('publish: qos "1"', publish('a', 'b', { qos: '1' }), TypeError, /qos "1"/),
  row('publish: qos null', publish('a', 'b', { qos: null }), TypeError, /qos "null"/),
  row('publish: retain 1', publish('a', 'b', { retain: 1 }), TypeError, /retain "1"/),
  row(
    'publish: transfer "yes"',
    publish('a', 'b', { transfer: 'yes' }),
    TypeError,
    /transfer "yes"/,
  ),
  row('publish: unknown option', publish('a', 'b', { Qos: 1 }), TypeError, /options\.Qos/),
  row('publish: options true', publish('a', 'b', true), TypeError, /options "true"/),
  row('publish: options 1', publish('a', 'b', 1), TypeError, /options "1"/),
  row('publish: options null', publish('a', 'b', null), TypeError, /options "null"/),
  row('publish: options of a string', publish('a', 'b', 'retain'), TypeError, /options "retain"/),
  row('publish: signal "x"', publish('a', 'b', { qos: 1, signal: 'x' }), TypeError, /signal "x"/),
  row('publish: properties 1', withProperties(1), TypeError, /properties "1"/),
  row('publish: properties null', withProperties(null), TypeError, /properties "null"/),
  row('publish: unknown property', withProperties({ expiry: 1 }), TypeError, /properties\.expiry/),
  row('publish: a topic alias', withProperties({ topicAlias: 1 }), TypeError, /topicAlias/),
  row(
    'publish: subscription identifiers [MQTT-3.3.4-6]',
    withProperties({ subscriptionIds: [1] }),
    TypeError,
    /properties\.subscriptionIds/,
  ),
  row(
    'publish: payload format 2',
    withProperties({ payloadFormatIndicator: 2 }),
    TypeError,
    /payloadFormatIndicator "2"/,
  ),
  row(
    'publish: expiry -1',
    withProperties({ messageExpirySeconds: -1 }),
    RangeError,
    /messageExpirySeconds "-1".*4294967295/,
  ),
  row(
    'publish: expiry 2 to the 32nd',
    withProperties({ messageExpirySeconds: 4_294_967_296 }),
    RangeError,
    /messageExpirySeconds "4294967296"/,
  ),
  row(
    'publish: expiry 0.5',
    withProperties({ messageExpirySeconds: 0.5 }),
    RangeError,
    /messageExpirySeconds "0.5"/,
  ),
  row(
    'publish: expiry "1h"',
    withProperties({ messageExpirySeconds: '1h' }),
    TypeError,
    /messageExpirySeconds "1h"/,
  ),
  row('publish: content type 1', withProperties({ contentType: 1 }), TypeError, /contentType "1"/),
  row(
    'publish: content type of 65,536 bytes',
    withProperties({ contentType: LONG }),
    RangeError,
    /contentType.*65536 bytes.*65535/,
  ),
  row(
    'publish: response topic with a wildcard [MQTT-3.3.2-14]',
    withProperties({ responseTopic: 'a/#' }),
    TypeError,
    /responseTopic "a\/#"/,
  ),
  row(
    'publish: correlation data of a string',
    withProperties({ correlationData: 'x' }),
    TypeError,
    /correlationData/,
  ),
  row(
    'publish: correlation data of 65,536 bytes',
    withProperties({ correlationData: new Uint8Array(65_536) }),
    RangeError,
    /correlationData.*65536 bytes/,
  ),
  row(
    'publish: user properties of an object',
    withProperties({ userProperties: { a: 'b' } }),
    TypeError,
    /userProperties "Object"/,
  ),
  row(
    'publish: a user property of one string',
    withProperties({ userProperties: [['a']] }),
    TypeError,
    /userProperties/,
  ),
  row(
    'publish: a user property with a number',
    withProperties({ userProperties: [['a', 1]] }),
    TypeError,
    /userProperties "1"/,
  ),

  row('subscribe: filter 7', subscribe(7), TypeError, /filters "7"/),
  row('subscribe: filter undefined', subscribe(undefined), TypeError, /filters "undefined"/),
  row('subscribe: empty filter', subscribe(''), TypeError, /filter ""/),
  row('subscribe: no filters', subscribe([]), TypeError, /filters/),
  row('subscribe: a filter of the list is 7', subscribe(['a', 7]), TypeError, /filter "7"/),
  row('subscribe: # not last', subscribe('a/#/b'), TypeError, /filter "a\/#\/b"/),
  row('subscribe: # in a level', subscribe('a#'), TypeError, /filter "a#"/),
  row('subscribe: + in a level', subscribe('a+/b'), TypeError, /filter "a\+\/b"/),
  row('subscribe: filter with U+0000', subscribe('a\0'), TypeError, /filter "a\0"/),
  row('subscribe: filter of 65,536 bytes', subscribe(LONG), TypeError, /filter "xxx/),
  row('subscribe: share without a filter', subscribe('$share/g'), TypeError, /\$share\/g/),
  row('subscribe: share without a name', subscribe('$share//a'), TypeError, /\$share\/\/a/),
  row('subscribe: qos 3', subscribe('a', { qos: 3 }), TypeError, /qos "3"/),
  row('subscribe: options 1', subscribe('a', 1), TypeError, /options "1"/),
  row('subscribe: unknown option', subscribe('a', { rap: 1 }), TypeError, /options\.rap/),
  row('subscribe: noLocal 1', subscribe('a', { noLocal: 1 }), TypeError, /noLocal "1"/),
  row(
    'subscribe: noLocal and shared [MQTT-3.8.3-4]',
    subscribe('$share/g/a', { noLocal: true }),
    TypeError,
    /noLocal.*\$share\/g\/a/,
  ),
  row(
    'subscribe: retainAsPublished "x"',
    subscribe('a', { retainAsPublished: 'x' }),
    TypeError,
    /retainAsPublished "x"/,
  ),
  row(
    'subscribe: retainHandling 3',
    subscribe('a', { retainHandling: 3 }),
    TypeError,
    /retainHandling "3"/,
  ),
  ...[0, 1.5, 268_435_456].map((subscriptionId) =>
    row(
      `subscribe: subscriptionId ${subscriptionId}`,
      subscribe('a', { properties: { subscriptionId } }),
      RangeError,
      new RegExp(`properties\\.subscriptionId "${subscriptionId}": give an integer from 1 to`),
    ),
  ),
  row(
    'subscribe: userProperties of one string',
    subscribe('a', { properties: { userProperties: ['a'] } }),
    TypeError,
    /properties\.userProperties "a": give \[name, value\]/,
  ),
  row(
    'subscribe: unknown property',
    subscribe('a', { properties: { contentType: 'a' } }),
    TypeError,
    /properties\.contentType: the known ones are subscriptionId, userProperties/,
  ),
  row('subscribe: handler "f"', subscribe('a', {}, 'f'), TypeError, /handler "f"/),
  row('subscribe: signal 1', subscribe('a', { signal: 1 }), TypeError, /signal "1"/),
  row('unsubscribe: no filters', (c) => c.unsubscribe([]), TypeError, /filters/),
  row('unsubscribe: filter 7', (c) => c.unsubscribe(wrong(7)), TypeError, /filters "7"/),
  row('unsubscribe: a#', (c) => c.unsubscribe('a#'), TypeError, /filter "a#"/),

  row('setCallback: "f"', (c) => c.setCallback(wrong('f')), TypeError, /callback "f"/),
  row('setCallback: null', (c) => c.setCallback(wrong(null)), TypeError, /callback "null"/),
  ...['message', 'error', 5, undefined, 'toString'].map((event) =>
    row(
      `on: event ${event}`,
      (c) => c.on(wrong(event), () => undefined),
      TypeError,
      /event ".+": the known ones are state, connection-lost, handler-error, warning$/,
    ),
  ),
  row('on: listener 1', (c) => c.on('state', wrong(1)), TypeError, /listener "1"/),

  row('setLastWill: empty topic', will('', 'b'), TypeError, /will\.topic ""/),
  row('setLastWill: topic with #', will('a/#', 'b'), TypeError, /will\.topic "a\/#"/),
  row('setLastWill: payload 1', will('a', 1), TypeError, /payload "1"/),
  row('setLastWill: payload too long', will('a', LONG), RangeError, /payload.*65536 bytes/),
  row('setLastWill: qos 3', will('a', 'b', { qos: 3 }), TypeError, /will\.qos "3"/),
  row('setLastWill: retain 1', will('a', 'b', { retain: 1 }), TypeError, /will\.retain "1"/),
  row('setLastWill: unknown option', will('a', 'b', { delay: 1 }), TypeError, /\.delay/),
  row('setLastWill: options true', will('a', 'b', true), TypeError, /options "true"/),
  row(
    'setLastWill: delay -1',
    will('a', 'b', { delaySeconds: -1 }),
    RangeError,
    /will\.delaySeconds "-1"/,
  ),
  row(
    'setLastWill: unknown property',
    will('a', 'b', { properties: { a: 1 } }),
    TypeError,
    /properties\.a/,
  ),

  row('waitMsg: options 5', (c) => c.waitMsg(wrong(5)), TypeError, /options "5"/),
  row('waitMsg: unknown option', (c) => c.waitMsg(wrong({ ms: 5 })), TypeError, /options\.ms/),
  row('waitMsg: signal 5', (c) => c.waitMsg(wrong({ signal: 5 })), TypeError, /signal "5"/),

  row('disconnect: options 5', (c) => c.disconnect(wrong(5)), TypeError, /options "5"/),
  row('disconnect: unknown option', (c) => c.disconnect(wrong({ ms: 1 })), TypeError, /\.ms/),
  row(
    'disconnect: a reason of the server alone',
    (c) => c.disconnect({ reasonCode: 0x8b }),
    TypeError,
    /reasonCode "139"/,
  ),
  row('disconnect: 0 ms', (c) => c.disconnect({ timeoutMs: 0 }), RangeError, /timeoutMs "0"/),
  row(
    'disconnect: a wait that no timer takes',
    (c) => c.disconnect({ timeoutMs: 2_147_483_648 }),
    RangeError,
    /timeoutMs "2147483648"/,
  ),
  row('reauthenticate: no method set', (c) => c.reauthenticate(), TypeError, /authentication/),
  row('connect: while connected', (c) => c.connect(), TypeError, /connected already/),
]

for (const { what, call, error, message } of ROWS) {
  test(`${what} throws a ${error.name} at the call and sends nothing`, async () => {
    const { client, connection } = await connected()
    const before = connection.received.length
    throws(
      () => call(client),
      (thrown: unknown) => {
        ok(thrown instanceof error, String(thrown))
        match(thrown.message, message)
        match(thrown.message, /^[A-Z]/)
        ok(!thrown.message.endsWith('.'), 'A message has no full stop at its end')
        ok(thrown.message.length < 400, 'A message shows no long value')
        return true
      },
    )
    await settle()
    equal(connection.received.length, before)
    equal(client.state, 'connected')
    equal(client.statistics['waitingMessages'], 0)
  })
}

const CONNECT_ROWS: readonly Row[] = [
  row('options 1', (c) => c.connect(wrong(1)), TypeError, /options "1"/),
  row('options null', (c) => c.connect(wrong(null)), TypeError, /options "null"/),
  row('clean: true', (c) => c.connect(wrong({ clean: true })), TypeError, /options\.clean/),
  row('cleanStart 1', (c) => c.connect(wrong({ cleanStart: 1 })), TypeError, /cleanStart "1"/),
  row(
    'expiry -1',
    (c) => c.connect({ sessionExpirySeconds: -1 }),
    RangeError,
    /sessionExpirySeconds "-1"/,
  ),
  row(
    'expiry Infinity',
    (c) => c.connect({ sessionExpirySeconds: Infinity }),
    RangeError,
    /sessionExpirySeconds "Infinity"/,
  ),
  row('signal "x"', (c) => c.connect(wrong({ signal: 'x' })), TypeError, /signal "x"/),
]

for (const { what, call, error, message } of CONNECT_ROWS) {
  test(`connect with ${what} throws a ${error.name} and does not dial`, async () => {
    const { client, server } = testClient()
    throws(() => call(client), { name: error.name, message })
    await settle()
    deepEqual([client.state, server.dials], ['idle', 0])
  })
}

test('connect without a client id and without a clean start throws on MQTT 3.1.1 [MQTT-3.1.3-7]', () => {
  const { client, server } = testClient({ clientId: '', protocol: 4 })
  throws(() => client.connect({ cleanStart: false }), { name: 'TypeError', message: /client id/ })
  equal(server.dials, 0)
})

test('a call with secret data of a wrong kind does not show them', async () => {
  const { client } = await connected({ properties: { authentication: { method: 'PLAIN' } } })
  const calls: readonly Call[] = [
    (c) => c.reauthenticate(wrong(SECRET)),
    (c) => c.publish('a', 'b', { properties: { correlationData: wrong(SECRET) } }),
    (c) => c.publish('a', wrong({ text: SECRET })),
    (c) => c.publish('a', `${SECRET}\ud800`),
  ]
  for (const call of calls) {
    throws(
      () => call(client),
      (error: unknown) => error instanceof TypeError && !error.message.includes(SECRET),
    )
  }
})

test('a throwing call leaves the client as it was, so that the right call works after it', async () => {
  const { client, connection } = await connected()
  throws(() => client.publish('a/#', 'b'))
  throws(() => client.subscribe('a#'))
  connection.autoRespond()
  deepEqual(await client.publish('a', 'b', { qos: 1 }), { reasonCode: 0 })
  deepEqual((await client.subscribe('a/#')).granted, [{ filter: 'a/#', reasonCode: 0, qos: 0 }])
})
