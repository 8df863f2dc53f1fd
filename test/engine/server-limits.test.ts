// What the server said it does not offer is refused before a byte of it is written, at the call or when
// its turn comes; other messages go on. §3.2.2.3

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Properties, QoS } from '../../src/codec/packets.ts'
import { NotSupportedError, PacketTooLargeError, QueueFullError } from '../../src/errors.ts'
import { errorIs, puback, type PublishOptions, Rig, sentAre } from '../support/engine-rig.ts'

interface Refusal {
  readonly name: string
  readonly said: Properties
  readonly qos: QoS
  readonly options?: PublishOptions
  readonly limit: string
}

const REFUSALS: readonly Refusal[] = [
  { name: 'QoS 2 [MQTT-3.2.2-11]', said: { maximumQoS: 1 }, qos: 2, limit: 'maximumQoS' },
  { name: 'QoS 1 [MQTT-3.2.2-11]', said: { maximumQoS: 0 }, qos: 1, limit: 'maximumQoS' },
  {
    name: 'retain [MQTT-3.2.2-14]',
    said: { retainAvailable: false },
    qos: 0,
    options: { retain: true },
    limit: 'retainAvailable',
  },
]

describe('a publish that the server does not take', () => {
  for (const { name, said, qos, options, limit } of REFUSALS) {
    test(`is refused at the call: ${name}`, () => {
      const rig = new Rig()
      rig.connect(said)
      const operation = rig.publish('a', qos, options)
      errorIs(operation.answer, NotSupportedError, { limit, sent: 'no' })
      equal(operation.state, 'done')
      equal(operation.packetId, 0)
      equal(rig.engine.out.sizeBytes, 0)
      deepEqual(rig.outputs, [], 'It is settled already, so no output follows')
    })

    test(`is refused when its turn comes: ${name}`, () => {
      const rig = new Rig()
      rig.dial()
      const operation = rig.publish('a', qos, options)
      rig.publish('b', 0)
      equal(operation.state, 'waiting')
      rig.do((engine, now) => engine.handleOpened(now))
      rig.flush()
      sentAre(rig.receive({ type: 2, sessionPresent: false, reasonCode: 0, properties: said }), [
        'PUBLISH b',
      ])
      errorIs(operation.answer, NotSupportedError, { limit, sent: 'no' })
      deepEqual(rig.take('publish')[0], operation)
      equal(rig.engine.counters.waitingBytes, 0)
    })
  }

  test('though it was sent before leaves a packet id that is cleared before it is used again', () => {
    const rig = new Rig()
    rig.connect()
    const operation = rig.publish('a', 2)
    rig.flush()
    rig.close()
    sentAre(rig.resume({ maximumQoS: 1 }), [])
    equal(operation.state, 'done')
    rig.close()
    sentAre(rig.resume(), [])
    rig.publish('b', 2)
    sentAre(rig.flush(), ['PUBREL 2'])
  })

  test('is refused when it needs what MQTT 3.1.1 has not', () => {
    const rig = new Rig()
    rig.connect({}, { version: 4 })
    const { answer } = rig.publish('a', 1, { properties: { contentType: 'x' } })
    errorIs(answer, NotSupportedError, { limit: 'protocol', sent: 'no' })
    equal(rig.publish('a', 0, { properties: { messageExpiryInterval: 5 } }).answer, 0)
  })

  test('is refused when it is sent again to a server that takes less', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 2)
    rig.publish('b', 1)
    rig.flush()
    rig.close()
    sentAre(rig.resume({ maximumQoS: 1 }), ['PUBLISH 2 b dup'])
    deepEqual(
      rig.engine.session.publishes.map(({ topic }) => topic),
      ['b'],
    )
  })
})

describe('the Maximum Packet Size of the server', () => {
  /** A PUBLISH at QoS 1 is 7 bytes and topic and payload: header 2, length 2, id 2, no properties 1. */
  const SIZE = 7 + 1 + 20

  test('is obeyed to the byte [MQTT-3.2.2-15]', () => {
    for (const [limitBytes, fits] of [
      [SIZE, true],
      [SIZE - 1, false],
    ] as const) {
      const rig = new Rig()
      rig.connect({ maximumPacketSize: limitBytes })
      const { answer } = rig.publish('a', 1, { payload: 'x'.repeat(20) })
      if (fits) equal(rig.flush().length, 1)
      else {
        const fields = { sizeBytes: SIZE, limitBytes, limitedBy: 'server', sent: 'no' } as const
        errorIs(answer, PacketTooLargeError, fields)
        equal(rig.engine.out.sizeBytes, 0)
      }
    }
  })

  test('counts what MQTT 3.1.1 has not as nothing', () => {
    const rig = new Rig()
    rig.connect({}, { version: 4 })
    equal(rig.engine.limits.maximumPacketSizeBytes, 268_435_460)
  })

  test('holds for what was queued before it was known', () => {
    const rig = new Rig()
    rig.dial()
    const operation = rig.publish('a', 1, { payload: 'x'.repeat(20) })
    rig.do((engine, now) => engine.handleOpened(now))
    rig.flush()
    const properties = { maximumPacketSize: 20 }
    sentAre(rig.receive({ type: 2, sessionPresent: false, reasonCode: 0, properties }), [])
    errorIs(operation.answer, PacketTooLargeError, { limitBytes: 20 })
    deepEqual(rig.take('publish'), [operation])
  })

  test('holds for what is sent again after a reconnect, and does not stop the rest', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('large', 1, { payload: 'x'.repeat(1_000) })
    rig.publish('small', 1)
    rig.flush()
    rig.close()
    sentAre(rig.resume({ maximumPacketSize: 100 }), ['PUBLISH 2 small dup'])
    rig.receive(puback(2))
    equal(rig.engine.counters.inflight, 0)
    deepEqual(rig.engine.session.publishes, [])
  })

  test('holds for SUBSCRIBE and UNSUBSCRIBE, whose ids are free again', () => {
    const rig = new Rig()
    rig.connect({ maximumPacketSize: 30 })
    const fields = { limitBytes: 30, limitedBy: 'server', sent: 'no' } as const
    errorIs(rig.subscribe('x'.repeat(30)).answer, PacketTooLargeError, fields)
    errorIs(rig.unsubscribe('x'.repeat(30)).answer, PacketTooLargeError, fields)
    equal(rig.engine.out.sizeBytes, 0)
    equal(rig.engine.owed, false)
    rig.subscribe('fits')
    equal(rig.flush().length, 1)
  })

  test('is not exceeded by an alias that is added', () => {
    for (let limitBytes = SIZE; limitBytes < SIZE + 12; limitBytes += 1) {
      const rig = new Rig({ outboundTopicAliases: 5 })
      rig.connect({ maximumPacketSize: limitBytes, topicAliasMaximum: 5 })
      rig.publish('a', 1, { payload: 'x'.repeat(20) })
      const sizeBytes = rig.engine.out.sizeBytes
      ok(sizeBytes > 0 && sizeBytes <= limitBytes, `${sizeBytes} above ${limitBytes}`)
    }
  })
})

describe('a subscribe that the server does not take', () => {
  const shared = [{ filter: '$share/g/a', qos: 1 }] as const
  for (const [limit, said, ask] of [
    [
      'wildcardSubscriptionAvailable',
      { wildcardSubscriptionAvailable: false },
      (rig: Rig) => rig.subscribe('a/#'),
    ],
    [
      'wildcardSubscriptionAvailable',
      { wildcardSubscriptionAvailable: false },
      (rig: Rig) => rig.subscribe('$share/g/+'),
    ],
    [
      'sharedSubscriptionAvailable',
      { sharedSubscriptionAvailable: false },
      (rig: Rig) => rig.subscribe(shared),
    ],
    [
      'subscriptionIdsAvailable',
      { subscriptionIdentifiersAvailable: false },
      (rig: Rig) => rig.subscribe('a', { subscriptionIdentifiers: [1] }),
    ],
  ] as const) {
    test(`is refused unsent: ${limit}`, () => {
      const rig = new Rig()
      rig.connect(said)
      errorIs(ask(rig).answer, NotSupportedError, { limit, sent: 'no' })
      equal(rig.engine.out.sizeBytes, 0)
      equal(rig.engine.owed, false)
      rig.subscribe('plain')
      equal(rig.flush().length, 1)
    })

    test(`is sent where it is offered: ${limit}`, () => {
      const rig = new Rig()
      rig.connect()
      equal(ask(rig).answer, undefined)
      equal(rig.flush().length, 1)
    })
  }
})

describe('our own bounds on what waits', () => {
  test('refuse a message beyond the count, and take it when there is room again', () => {
    const rig = new Rig({ waitingMessages: 2 })
    rig.connect({ receiveMaximum: 1 })
    rig.publish('a', 1)
    rig.publish('b', 1)
    rig.publish('c', 1)
    const { answer } = rig.publish('d', 1)
    errorIs(answer, QueueFullError, { limit: 'waitingMessages', limitValue: 2, sent: 'no' })
    rig.flush()
    rig.receive(puback(1))
    equal(rig.publish('e', 1).state, 'waiting')
  })

  test('refuse a message beyond the bytes of topics and payloads', () => {
    const rig = new Rig({ waitingBytes: 10 })
    rig.connect({ receiveMaximum: 1 })
    rig.publish('a', 1)
    rig.publish('topic', 1, { payload: '12345' })
    equal(rig.engine.counters.waitingBytes, 10)
    errorIs(rig.publish('', 1, { payload: '1' }).answer, QueueFullError, {
      limit: 'waitingBytes',
      limitValue: 10,
    })
  })

  test('do not bound what need not wait', () => {
    const rig = new Rig({ waitingMessages: 0, waitingBytes: 0 })
    rig.connect()
    for (let i = 0; i < 100; i += 1) equal(rig.publish('a', 1).state, 'sent')
  })
})
