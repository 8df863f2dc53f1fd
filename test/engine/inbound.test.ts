// Messages of the server: copies told from new ones on and across connections, late acknowledgements,
// messages that are held, and acknowledgements for nothing. §4.3

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import type { InboundMessage } from '../../src/engine/inbound-message.ts'
import { ProtocolError } from '../../src/errors.ts'
import {
  errorIs,
  puback,
  pubcomp,
  published,
  pubrec,
  pubrel,
  Rig,
  sentAre,
} from '../support/engine-rig.ts'

const ONE = { qos: 1, packetId: 1 } as const
const TWO = { qos: 2, packetId: 1 } as const
const AGAIN = { dup: true } as const

function hold(rig: Rig, message: InboundMessage): void {
  rig.do((engine) => engine.hold(message))
}

describe('a message of the server', () => {
  test('is handed out with all that its packet says', () => {
    const rig = new Rig()
    rig.connect()
    const properties = { contentType: 'x', subscriptionIdentifiers: [1, 200] }
    rig.receive(published('a/b', { ...ONE, payload: 'hi', retain: true, dup: true, properties }))
    const { topic, packet } = rig.message()
    equal(topic, 'a/b')
    const { qos, retain, dup, payload } = packet
    deepEqual([qos, retain, dup, [...payload]], [1, true, true, [104, 105]])
    deepEqual(packet.properties.subscriptionIdentifiers, [1, 200])
  })

  test('keeps its payload when the bytes it came in are used again', () => {
    const rig = new Rig()
    rig.connect()
    // The rig overwrites the bytes after the call.
    rig.receive(published('a', { payload: 'x'.repeat(1_000) }))
    ok(rig.message().packet.payload.every((byte) => byte === 0x78))
  })

  test('at QoS 0 is never acknowledged', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a'))
    sentAre(rig.acknowledge(rig.message()), [])
  })

  test('is acknowledged only when the application is done with it', () => {
    const rig = new Rig({ operationMs: Infinity })
    rig.connect()
    sentAre(rig.receive(published('a', ONE), published('b', { ...TWO, packetId: 2 })), [])
    deepEqual(rig.elapse(1_000_000), [])
  })

  test('that is refused says so on 5.0 alone', () => {
    for (const version of [5, 4] as const) {
      const rig = new Rig()
      rig.connect({}, { version })
      rig.receive(published('a', ONE), published('b', { ...TWO, packetId: 2 }))
      const [a, b] = rig.messages(2)
      ok(a && b)
      sentAre(rig.acknowledge(a, 0x83), [version === 5 ? 'PUBACK 1 0x83' : 'PUBACK 1'])
      sentAre(rig.acknowledge(b, 0x83), [version === 5 ? 'PUBREC 2 0x83' : 'PUBREC 2'])
    }
  })
})

describe('a copy at QoS 2 on the same connection', () => {
  test('is not handed out while the application has the first [MQTT-4.3.3-10]', () => {
    const rig = new Rig()
    rig.connect()
    sentAre(rig.receive(published('a', TWO), published('a', { ...TWO, ...AGAIN })), [])
    sentAre(rig.acknowledge(rig.message()), ['PUBREC 1'])
  })

  test('is answered and not handed out after PUBREC', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a', TWO))
    rig.acknowledge(rig.message())
    sentAre(rig.receive(published('a', { ...TWO, ...AGAIN })), ['PUBREC 1'])
    rig.messages(0)
    sentAre(rig.receive(pubrel(1)), ['PUBCOMP 1'])
  })

  test('is a new message after PUBREL [MQTT-4.3.3-12]', () => {
    const rig = new Rig()
    rig.connect()
    for (const topic of ['a', 'b']) {
      rig.receive(published(topic, TWO))
      const message = rig.message()
      equal(message.topic, topic)
      rig.acknowledge(message)
      rig.receive(pubrel(1))
    }
  })

  test('is a new message after a refusal [MQTT-4.3.3-9]', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a', TWO))
    rig.acknowledge(rig.message(), 0x83)
    rig.receive(published('b', TWO))
    equal(rig.message().topic, 'b')
  })

  test('does not disturb one of another id', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a', TWO), published('b', { ...TWO, packetId: 2 }))
    rig.messages(2)
  })
})

describe('a copy on the next connection of the session', () => {
  for (const [name, fields, ack] of [
    ['QoS 1', ONE, 'PUBACK 1'],
    ['QoS 2', TWO, 'PUBREC 1'],
  ] as const) {
    test(`at ${name} is not handed out while the application has the first`, () => {
      const rig = new Rig()
      rig.connect()
      rig.receive(published('a', fields))
      const message = rig.message()
      rig.close()
      rig.resume()
      sentAre(rig.receive(published('a', { ...fields, ...AGAIN })), [])
      rig.messages(0)
      sentAre(rig.acknowledge(message), [ack])
    })

    test(`at ${name} is acknowledged when the application was done meanwhile`, () => {
      const rig = new Rig()
      rig.connect()
      rig.receive(published('a', fields))
      const message = rig.message()
      rig.close()
      sentAre(rig.acknowledge(message), [])
      sentAre(rig.resume(), [])
      sentAre(rig.receive(published('a', { ...fields, ...AGAIN })), [ack])
      rig.messages(0)
    })

    test(`at ${name} is a new message when the session was lost`, () => {
      const rig = new Rig()
      rig.connect()
      rig.receive(published('a', fields))
      const first = rig.message()
      rig.close()
      rig.connect()
      rig.receive(published('b', fields))
      const second = rig.message()
      sentAre(rig.acknowledge(first), [])
      sentAre(rig.acknowledge(second), [ack])
    })

    test(`at ${name} is handed out again after it was held`, () => {
      for (const when of ['before', 'after', 'behind'] as const) {
        const rig = new Rig()
        rig.connect()
        if (when === 'behind') rig.receive(published('first', { qos: 1, packetId: 9 }))
        rig.receive(published('a', fields))
        const message = rig.take('message').at(-1) as InboundMessage
        if (when !== 'after') hold(rig, message)
        rig.close()
        if (when === 'after') hold(rig, message)
        rig.resume()
        sentAre(rig.receive(published('a', { ...fields, ...AGAIN })), [])
        const again = rig.message()
        ok(again !== message, when)
        sentAre(rig.acknowledge(again), [ack])
      }
    })

    test(`at ${name} that is held is not acknowledged later`, () => {
      const rig = new Rig()
      rig.connect()
      rig.receive(published('a', fields))
      const message = rig.message()
      hold(rig, message)
      sentAre(rig.acknowledge(message), [])
    })
  }

  test('at QoS 2 is answered when PUBREC was out [MQTT-4.3.3-10]', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a', TWO))
    rig.acknowledge(rig.message())
    rig.close()
    rig.resume()
    sentAre(rig.receive(published('a', { ...TWO, ...AGAIN })), ['PUBREC 1'])
    rig.messages(0)
    sentAre(rig.receive(pubrel(1)), ['PUBCOMP 1'])
    rig.receive(published('b', TWO))
    equal(rig.message().topic, 'b')
  })

  test('at QoS 2 is answered in its turn, behind what came before it [MQTT-4.6.0-3]', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('b', { ...TWO, packetId: 2 }))
    rig.acknowledge(rig.message())
    rig.close()
    rig.resume()
    rig.receive(published('a', TWO), published('b', { ...TWO, packetId: 2, dup: true }))
    const message = rig.message()
    sentAre(rig.acknowledge(message), ['PUBREC 1', 'PUBREC 2'])
    rig.receive(pubrel(1), pubrel(2))
    rig.receive(published('c', { ...TWO, packetId: 2 }))
    equal(rig.message().topic, 'c')
  })

  test('at QoS 2 may be left out: PUBREL comes at once', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a', TWO))
    rig.acknowledge(rig.message())
    rig.close()
    rig.resume()
    sentAre(rig.receive(pubrel(1)), ['PUBCOMP 1'])
  })

  test('at QoS 1 without DUP is a new message, though the id is the same', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a', ONE))
    const first = rig.message()
    rig.close()
    rig.resume()
    rig.receive(published('b', ONE))
    const second = rig.message()
    equal(second.topic, 'b')
    sentAre(rig.acknowledge(first), [])
    sentAre(rig.acknowledge(second), ['PUBACK 1'])
  })

  test('at QoS 1 with DUP and the id of another is a new message: its server numbers anew', () => {
    for (const [topic, payload] of [
      ['b', 'one'],
      ['a', 'two'],
      ['a', 'three'],
    ] as const) {
      const rig = new Rig()
      rig.connect()
      rig.receive(published('a', { ...ONE, payload: 'one' }))
      const first = rig.message()
      rig.close()
      rig.resume()
      rig.receive(published(topic, { ...ONE, ...AGAIN, payload }))
      const second = rig.message()
      equal(second.topic, topic)
      deepEqual(second.packet.payload, encodeUtf8(payload))
      sentAre(rig.acknowledge(first), [])
      sentAre(rig.acknowledge(second), ['PUBACK 1'])
    }
  })

  test('at another QoS is a new message', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a', ONE))
    rig.message()
    rig.close()
    rig.resume()
    rig.receive(published('b', { ...TWO, ...AGAIN }))
    equal(rig.message().topic, 'b')
  })

  test('is a new message in another engine that was restored before the application was done', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a', TWO))
    rig.message()
    const restarted = new Rig({}, rig.engine.session)
    restarted.resume()
    restarted.receive(published('a', { ...TWO, ...AGAIN }))
    restarted.message()
  })

  test('is no new message when the application was done, though PUBREC waited for its turn', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a', ONE), published('b', { ...TWO, packetId: 2 }))
    const [, second] = rig.messages(2)
    sentAre(rig.acknowledge(second as InboundMessage), [])
    const restarted = new Rig({}, rig.engine.session)
    restarted.resume()
    sentAre(restarted.receive(published('b', { ...TWO, packetId: 2, ...AGAIN })), ['PUBREC 2'])
    restarted.messages(0)
  })
})

describe('an acknowledgement for nothing', () => {
  test('is counted and changes nothing', () => {
    const rig = new Rig()
    rig.connect()
    sentAre(rig.receive(puback(1), pubcomp(2)), [])
    equal(rig.engine.counters.strayAcknowledgements, 2)
    equal(rig.engine.state, 'connected')
  })

  test('is answered with 0x92 when it is a PUBREC or a PUBREL [MQTT-3.6.2.1]', () => {
    const rig = new Rig()
    rig.connect()
    sentAre(rig.receive(pubrec(7), pubrel(8)), ['PUBREL 7 0x92', 'PUBCOMP 8 0x92'])
    equal(rig.engine.counters.strayAcknowledgements, 1)
  })

  test('is answered on MQTT 3.1.1 without a code, which it has not', () => {
    const rig = new Rig()
    rig.connect({}, { version: 4 })
    sentAre(rig.receive(pubrec(7), pubrel(8)), ['PUBREL 7', 'PUBCOMP 8'])
  })

  test('does not settle what got the same id on a later connection', () => {
    const rig = new Rig()
    rig.connect()
    rig.publish('a', 1)
    rig.flush()
    rig.close()
    rig.connect()
    rig.receive(puback(1))
    equal(rig.engine.counters.strayAcknowledgements, 1)
  })

  test('of the wrong kind for a request is a protocol error', () => {
    const rig = new Rig()
    rig.connect()
    rig.subscribe('a')
    rig.flush()
    sentAre(rig.receive(puback(1)), ['DISCONNECT 0x82'])
    errorIs(rig.end(), ProtocolError, { reasonCode: 0x82 })
  })

  test('PUBREL for a message that the application still has is not found', () => {
    const rig = new Rig()
    rig.connect()
    rig.receive(published('a', TWO))
    const message = rig.message()
    sentAre(rig.receive(pubrel(1)), ['PUBCOMP 1 0x92'])
    sentAre(rig.acknowledge(message), ['PUBREC 1'])
  })
})
