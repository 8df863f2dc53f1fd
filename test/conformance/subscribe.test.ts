// portable
// SUBSCRIBE and UNSUBSCRIBE with their answers. §3.8 to §3.11

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import {
  NO_PROPERTIES,
  type Properties,
  type SubscriptionRequest,
} from '../../src/codec/packets.ts'
import { SubscribeOperation } from '../../src/engine/operations.ts'
import { NotSupportedError } from '../../src/errors.ts'
import type { SubscribeOptions } from '../../src/simple/types.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import {
  CODES,
  connected,
  type Conversation,
  endedFor,
  goesOn,
  only,
  toHex,
} from './conversation.ts'
import { connectedClient } from './connected-client.ts'
import { rule } from './rule.ts'

const properties = NO_PROPERTIES
const NO_FILTERS = ['\ud800', 'a\0', 'x'.repeat(65_536)]

/** The byte of subscription options that a request makes, on the wire. */
function optionsOf(version: 4 | 5, request: SubscriptionRequest): number | undefined {
  const talk = connected(version)
  talk.subscribe(request)
  return talk.sentBytes().at(-1)
}

/** A client that asks for two filters. */
function asking(version: 4 | 5, call: 'subscribe' | 'unsubscribe'): Conversation {
  const talk = connected(version)
  talk[call]('a', 'b')
  talk.sent()
  return talk
}

rule('a filter to subscribe to is UTF-8', { both: 'MQTT-3.8.3-1' }, (version) => {
  const { client } = testClient({ protocol: version })
  for (const filter of NO_FILTERS) throws(() => client.subscribe(['a', filter]))
  const talk = connected(version)
  talk.subscribe('é/#')
  deepEqual(
    only(talk, 8).subscriptions.map(({ filter }) => filter),
    ['é/#'],
  )
})

rule('a filter to unsubscribe from is UTF-8', { both: 'MQTT-3.10.3-1' }, (version) => {
  const { client } = testClient({ protocol: version })
  for (const filter of NO_FILTERS) throws(() => client.unsubscribe(['a', filter]))
  const talk = connected(version)
  talk.unsubscribe('é/#')
  deepEqual(only(talk, 10).filters, ['é/#'])
})

rule(
  'a subscription to no filter is refused at the call',
  { v4: 'MQTT-3.8.3-3', v5: 'MQTT-3.8.3-2' },
  (version) => {
    throws(() => testClient({ protocol: version }).client.subscribe([]), TypeError)
  },
)

rule(
  'an unsubscription from no filter is refused at the call',
  { both: 'MQTT-3.10.3-2' },
  (version) => {
    throws(() => testClient({ protocol: version }).client.unsubscribe([]), TypeError)
  },
)

rule('the reserved bits of the requested QoS are 0', { v4: 'MQTT-3-8.3-4' }, () => {
  for (const qos of [0, 1, 2] as const) {
    equal(optionsOf(4, { filter: 'f', qos }), qos)
  }
})

rule('options that 3.1.1 does not have are refused', { v4: 'MQTT-3-8.3-4' }, async () => {
  for (const options of [{ noLocal: true }, { retainAsPublished: true }, { retainHandling: 1 }]) {
    const { client, connection } = await connectedClient({ protocol: 4 })
    const answer = client.subscribe('f', options as SubscribeOptions).catch((e: unknown) => e)
    await settle()
    equal(connection.received.length, 1)
    ok((await answer) instanceof NotSupportedError)
  }
})

rule('the reserved bits of the subscription options are 0', { v5: 'MQTT-3.8.3-5' }, () => {
  for (const qos of [0, 1, 2] as const) {
    for (const retainHandling of [0, 1, 2] as const) {
      for (const noLocal of [false, true]) {
        for (const retainAsPublished of [false, true]) {
          const byte = optionsOf(5, {
            filter: 'f',
            qos,
            noLocal,
            retainAsPublished,
            retainHandling,
          })
          const bits = (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4)
          equal(byte, qos | bits)
        }
      }
    }
  }
})

rule(
  'a subscription with QoS 3 is refused at the call',
  { v4: 'MQTT-3-8.3-4', v5: 'MQTT-3.8.3-5' },
  (version) => {
    const { client } = testClient({ protocol: version })
    for (const qos of [3, 4, 64, -1])
      throws(() => client.subscribe('f', { qos: qos as 1 }), TypeError)
    for (const retainHandling of [3, 4]) {
      throws(() => client.subscribe('f', { retainHandling: retainHandling as 1 }), TypeError)
    }
  },
)

rule('No Local on a shared subscription is refused at the call', { v5: 'MQTT-3.8.3-4' }, () => {
  const { client } = testClient({ protocol: 5 })
  throws(() => client.subscribe('$share/g/f', { noLocal: true }), TypeError)
  throws(() => client.subscribe(['f', '$share/g/f'], { noLocal: true }), TypeError)
})

rule(
  'SUBACK with another number of codes ends the connection',
  { v4: 'MQTT-3.8.4-5', v5: 'MQTT-3.8.4-6' },
  (version) => {
    for (const reasonCodes of [[0], [0, 0, 0]]) {
      const talk = asking(version, 'subscribe')
      endedFor(talk.receive({ type: 9, packetId: 1, reasonCodes, properties }), 0x82)
    }
    const talk = asking(version, 'subscribe')
    goesOn(talk.receive({ type: 9, packetId: 1, reasonCodes: [0, 0], properties }))
  },
)

rule(
  'the codes of SUBACK belong to the filters by their order',
  { both: 'MQTT-3.9.3-1' },
  async (version) => {
    const { client, server } = testClient({ protocol: version })
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.accept()
    await connecting
    const subscribing = client.subscribe(['a', 'b', 'c'], { qos: 2 })
    await connection.next()
    connection.send({ type: 9, packetId: 1, reasonCodes: [1, 0x80, 2], properties })
    deepEqual((await subscribing).granted, [
      { filter: 'a', qos: 1, reasonCode: 1 },
      { filter: 'b', qos: undefined, reasonCode: 0x80 },
      { filter: 'c', qos: 2, reasonCode: 2 },
    ])
  },
)

rule('an undefined code in SUBACK ends the connection', { both: 'MQTT-3.9.3-2' }, (version) => {
  const defined =
    version === 4
      ? [0, 1, 2, 0x80]
      : [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]
  for (const code of CODES) {
    const talk = connected(version)
    talk.subscribe('a')
    talk.sent()
    const bytes = version === 5 ? [0x90, 4, 0, 1, 0, code] : [0x90, 3, 0, 1, code]
    talk.receiveBytes(Uint8Array.from(bytes))
    if (defined.includes(code)) goesOn(talk)
    else endedFor(talk, 0x82)
  }
})

rule('an undefined code in UNSUBACK ends the connection', { v5: 'MQTT-3.11.3-2' }, () => {
  const defined = [0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]
  for (const code of CODES) {
    const talk = connected(5)
    talk.unsubscribe('a')
    talk.sent()
    talk.receiveBytes(Uint8Array.of(0xb0, 4, 0, 1, 0, code))
    if (defined.includes(code)) goesOn(talk)
    else endedFor(talk, 0x82)
  }
})

rule(
  'the codes of UNSUBACK belong to the filters by their order',
  { v5: 'MQTT-3.11.3-1' },
  async () => {
    const { client, connection } = await connectedClient()
    const answer = client.unsubscribe(['a', 'b', 'c']).catch((error: Error) => error.message)
    await connection.next()
    connection.send({ type: 11, packetId: 1, reasonCodes: [0, 0x87, 0x11], properties })
    await settle()
    ok(String(await answer).includes('"b"'), String(await answer))
  },
)

rule('UNSUBACK with another number of codes ends the connection', { v5: 'MQTT-3.11.3-1' }, () => {
  for (const reasonCodes of [[0], [0, 0, 0]]) {
    const talk = asking(5, 'unsubscribe')
    endedFor(talk.receive({ type: 11, packetId: 1, reasonCodes, properties }), 0x82)
  }
})

/** What a subscription comes to at a server with these limits. */
function refusal(
  said: Properties,
  filter: string,
  subscription: Properties = NO_PROPERTIES,
): unknown {
  const talk = connected(5, { properties: said })
  const request = new SubscribeOperation([{ filter, qos: 0 }], subscription)
  talk.request(request)
  equal(talk.sent().length, request.answer === undefined ? 1 : 0)
  return request.answer
}

rule('wildcards are not sent to a server without them', { v5: '§3.2.2.3.11' }, () => {
  const said = { wildcardSubscriptionAvailable: false }
  for (const filter of ['#', 'a/+', '$share/g/a/#', '$share/g/+']) {
    ok(refusal(said, filter) instanceof NotSupportedError, filter)
    equal(refusal({}, filter), undefined)
  }
  equal(refusal(said, 'a'), undefined)
})

rule(
  'subscription identifiers are not sent to a server without them',
  { v5: '§3.2.2.3.12' },
  () => {
    const identified = { subscriptionIdentifiers: [1] }
    const said = { subscriptionIdentifiersAvailable: false }
    ok(refusal(said, 'a', identified) instanceof NotSupportedError)
    equal(refusal({}, 'a', identified), undefined)
    equal(refusal(said, 'a'), undefined)
  },
)

rule('shared subscriptions are not sent to a server without them', { v5: '§3.2.2.3.13' }, () => {
  const said = { sharedSubscriptionAvailable: false }
  ok(refusal(said, '$share/g/a') instanceof NotSupportedError)
  equal(refusal({}, '$share/g/a'), undefined)
  equal(refusal(said, 'a'), undefined)
})

rule(
  'SUBSCRIBE has the filters and their options in order',
  { v4: 'MQTT-3-8.3-4', v5: 'MQTT-3.8.3-5' },
  (version) => {
    const talk = connected(version)
    talk.subscribe({ filter: 'a', qos: 2 }, { filter: 'b', qos: 0 })
    const none = version === 5 ? '00 ' : ''
    ok(toHex(talk.sentBytes()).endsWith(`00 01 ${none}00 01 61 02 00 01 62 00`))
  },
)
