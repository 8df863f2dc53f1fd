// Flow control, both ways: the server's Receive Maximum bounds what we have under way, also after a
// reconnect; what it does not bound is never held up by it; and the server is held to ours. §4.9

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Packet, QoS } from '../../src/codec/packets.ts'
import { ProtocolError } from '../../src/errors.ts'
import {
  brief,
  errorIs,
  puback,
  pubcomp,
  published,
  pubrec,
  pubrel,
  Rig,
  sentAre,
  suback,
} from '../support/engine-rig.ts'
import { runs } from '../support/seed.ts'

function publishAll(rig: Rig, topics: string, qos: QoS): void {
  for (const topic of topics) rig.publish(topic, qos)
}

describe('the Receive Maximum of the server', () => {
  test('bounds QoS 1 and 2 messages together [MQTT-3.3.4-7]', () => {
    const rig = new Rig()
    rig.connect({ receiveMaximum: 3 })
    publishAll(rig, 'ab', 1)
    publishAll(rig, 'cd', 2)
    rig.publish('e', 1)
    sentAre(rig.flush(), ['PUBLISH 1 a', 'PUBLISH 2 b', 'PUBLISH 3 c'])
    equal(rig.engine.counters.inflight, 3)
    equal(rig.engine.counters.waitingMessages, 2)
    equal(rig.engine.counters.waitingBytes, 4, 'Topics and payloads, one byte each')
  })

  test('is 65,535 when the server names none [MQTT-3.2.2.3.3]', () => {
    const rig = new Rig()
    rig.connect()
    equal(rig.engine.limits.receiveMaximum, 65_535)
    for (let i = 0; i < 200; i += 1) rig.publish('a', 1)
    equal(rig.flush().length, 200)
  })

  test('gives a place back at PUBACK, at PUBCOMP and at a PUBREC that refuses', () => {
    const rig = new Rig()
    rig.connect({ receiveMaximum: 3 })
    rig.publish('a', 1)
    publishAll(rig, 'bcdef', 2)
    rig.flush()
    sentAre(rig.receive(puback(1)), ['PUBLISH 4 d'])
    sentAre(rig.receive(pubrec(2)), ['PUBREL 2'])
    sentAre(rig.receive(pubcomp(2)), ['PUBLISH 5 e'])
    sentAre(rig.receive(pubrec(3, 0x97)), ['PUBLISH 6 f'])
    equal(rig.engine.counters.inflight, 3)
  })

  test('counts a QoS 2 message from PUBLISH to PUBCOMP [MQTT-4.9.0-1]', () => {
    const rig = new Rig()
    rig.connect({ receiveMaximum: 1 })
    publishAll(rig, 'ab', 2)
    rig.flush()
    sentAre(rig.receive(pubrec(1)), ['PUBREL 1'])
    equal(rig.engine.counters.waitingMessages, 1)
    sentAre(rig.receive(pubcomp(1)), ['PUBLISH 2 b'])
  })

  test('gives no more places than it has, for strays [MQTT-4.9.0-2]', () => {
    const rig = new Rig()
    rig.connect({ receiveMaximum: 1 })
    publishAll(rig, 'abc', 1)
    rig.flush()
    sentAre(rig.receive(puback(7), pubcomp(8), puback(9)), [])
    sentAre(rig.receive(puback(1)), ['PUBLISH 2 b'])
    equal(rig.engine.counters.strayAcknowledgements, 3)
  })

  test('does not delay SUBSCRIBE, PINGREQ, acknowledgements and PUBREL [MQTT-3.3.4-8]', () => {
    const rig = new Rig()
    rig.connect({ receiveMaximum: 1 })
    publishAll(rig, 'ab', 2)
    rig.flush()
    const asked = rig.subscribe('x')
    rig.unsubscribe('y')
    rig.ping()
    sentAre(rig.flush(), ['SUBSCRIBE 2', 'UNSUBSCRIBE 3', 'PINGREQ'])
    rig.receive(published('m', { qos: 1, packetId: 40 }))
    sentAre(rig.acknowledge(rig.message()), ['PUBACK 40'])
    sentAre(rig.receive(pubrec(1)), ['PUBREL 1'])
    rig.receive(suback(2, 0))
    deepEqual(asked.answer, [0])
  })

  test('makes what comes behind a full window wait, QoS 0 too, which keeps the order', () => {
    const rig = new Rig()
    rig.connect({ receiveMaximum: 1 })
    publishAll(rig, 'ab', 1)
    publishAll(rig, 'c', 0)
    sentAre(rig.flush(), ['PUBLISH 1 a'])
    sentAre(rig.receive(puback(1)), ['PUBLISH 2 b', 'PUBLISH c'])
  })

  test('lets QoS 0 through while nothing waits', () => {
    const rig = new Rig()
    rig.connect({ receiveMaximum: 1 })
    rig.publish('a', 1)
    rig.publish('b', 0)
    sentAre(rig.flush(), ['PUBLISH 1 a', 'PUBLISH b'])
  })

  test('is obeyed when a session is resumed with a smaller one', () => {
    const rig = new Rig()
    rig.connect({ receiveMaximum: 5 })
    publishAll(rig, 'abcde', 1)
    rig.flush()
    rig.close()
    sentAre(rig.resume({ receiveMaximum: 2 }), ['PUBLISH 1 a dup', 'PUBLISH 2 b dup'])
    rig.publish('f', 1)
    sentAre(rig.receive(puback(1)), ['PUBLISH 3 c dup'])
    sentAre(rig.receive(puback(2)), ['PUBLISH 4 d dup'])
    sentAre(rig.receive(puback(3)), ['PUBLISH 5 e dup'])
    sentAre(rig.receive(puback(4)), ['PUBLISH 6 f'])
  })

  test('counts what is released when a session is resumed', () => {
    const rig = new Rig()
    rig.connect()
    publishAll(rig, 'ab', 2)
    rig.receive(pubrec(1))
    rig.close()
    sentAre(rig.resume({ receiveMaximum: 1 }), ['PUBREL 1'])
    sentAre(rig.receive(pubcomp(1)), ['PUBLISH 2 b dup'])
  })

  test('lets PUBRELs go out all, though they are more than it', () => {
    const rig = new Rig()
    rig.connect()
    publishAll(rig, 'abcd', 2)
    rig.receive(pubrec(1), pubrec(2), pubrec(3))
    rig.close()
    sentAre(rig.resume({ receiveMaximum: 1 }), ['PUBREL 1', 'PUBREL 2', 'PUBREL 3'])
    sentAre(rig.receive(pubcomp(1)), [])
    sentAre(rig.receive(pubcomp(2)), [])
    sentAre(rig.receive(pubcomp(3)), ['PUBLISH 4 d dup'])
  })

  test('is never exceeded, whatever is published and acknowledged in whatever order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 }),
        (receiveMaximum, steps) => {
          const rig = new Rig()
          rig.connect({ receiveMaximum })
          /** What the server may answer next: PUBACK or PUBREC, then PUBCOMP. */
          const open = new Map<number, 'publish' | 'release'>()
          const see = (packets: readonly Packet[]): void => {
            for (const packet of packets) {
              if (packet.type === 3 && packet.qos > 0) {
                ok(!open.has(packet.packetId), 'A packet id is used once at a time')
                open.set(packet.packetId, 'publish')
              }
              if (packet.type === 6) open.set(packet.packetId, 'release')
            }
            ok(open.size <= receiveMaximum, `${open.size} above ${receiveMaximum}`)
          }
          const qosOf = new Map<number, QoS>()
          const answer = (id: number): void => {
            const state = open.get(id)
            if (state === 'release') open.delete(id)
            if (state === 'publish' && qosOf.get(id) === 1) open.delete(id)
            const packet =
              state === 'release' ? pubcomp(id) : qosOf.get(id) === 1 ? puback(id) : pubrec(id)
            see(note(rig.receive(packet)))
          }
          const note = (packets: Packet[]): Packet[] => {
            for (const packet of packets)
              if (packet.type === 3) qosOf.set(packet.packetId, packet.qos)
            return packets
          }
          let count = 0
          for (const step of steps) {
            if (step < 5) {
              rig.publish('a', (step % 3) as QoS)
              count += 1
              see(note(rig.flush()))
            } else {
              const ids = [...open.keys()]
              const id = ids[step % Math.max(1, ids.length)]
              if (id !== undefined) answer(id)
            }
          }
          for (let id = [...open.keys()][0]; id !== undefined; id = [...open.keys()][0]) answer(id)
          equal(rig.engine.counters.waitingMessages, 0, 'Everything goes out in the end')
          equal(rig.sent.filter(({ type }) => type === 3).length, count)
        },
      ),
      runs(300),
    )
  })
})

describe('our Receive Maximum', () => {
  const messages = (count: number, qos: 1 | 2, from = 1): Packet[] =>
    Array.from({ length: count }, (_, i) => published('m', { qos, packetId: from + i }))

  test('ends a connection whose server exceeds it, with 0x93 [MQTT-3.3.4-9]', () => {
    const rig = new Rig({ receiveMaximum: 3 })
    rig.connect()
    deepEqual(rig.receive(...messages(3, 1)), [])
    sentAre(rig.receive(...messages(1, 2, 9)), ['DISCONNECT 0x93'])
    rig.messages(3)
    equal(rig.engine.counters.receiveMaximumOverruns, 1)
    errorIs(rig.end(), ProtocolError, { clause: 'MQTT-3.3.4-9', reasonCode: 0x93 })
  })

  test('only counts when it is not enforced', () => {
    const rig = new Rig({ receiveMaximum: 3, enforceReceiveMaximum: false })
    rig.connect()
    rig.receive(...messages(5, 1))
    rig.messages(5)
    equal(rig.engine.counters.receiveMaximumOverruns, 2)
    equal(rig.engine.state, 'connected')
  })

  test('does not exist on MQTT 3.1.1', () => {
    const rig = new Rig({ receiveMaximum: 3 })
    rig.connect({}, { version: 4 })
    rig.receive(...messages(5, 1))
    rig.messages(5)
    equal(rig.engine.counters.receiveMaximumOverruns, 0)
  })

  test('does not count QoS 0', () => {
    const rig = new Rig({ receiveMaximum: 1 })
    rig.connect()
    rig.receive(published('a'), published('b'), ...messages(1, 1), published('c'))
    rig.messages(4)
    equal(rig.engine.state, 'connected')
  })

  test('counts a QoS 1 message until PUBACK, a QoS 2 message until PUBCOMP', () => {
    const rig = new Rig({ receiveMaximum: 2 })
    rig.connect()
    rig.receive(...messages(1, 1, 1), ...messages(1, 2, 2))
    const [first, second] = rig.messages(2)
    ok(first && second)
    sentAre(rig.acknowledge(first), ['PUBACK 1'])
    rig.receive(...messages(1, 1, 3))
    sentAre(rig.acknowledge(second), ['PUBREC 2'])
    sentAre(rig.receive(pubrel(2)), ['PUBCOMP 2'])
    rig.receive(...messages(1, 1, 4))
    equal(rig.engine.state, 'connected')
    sentAre(rig.receive(...messages(1, 1, 5)), ['DISCONNECT 0x93'])
  })

  test('counts a QoS 2 message still between PUBREC and PUBREL', () => {
    const rig = new Rig({ receiveMaximum: 1 })
    rig.connect()
    rig.receive(...messages(1, 2))
    sentAre(rig.acknowledge(rig.message()), ['PUBREC 1'])
    sentAre(rig.receive(...messages(1, 1, 2)), ['DISCONNECT 0x93'])
  })

  test('gives a place back for a message that is refused', () => {
    const rig = new Rig({ receiveMaximum: 1 })
    rig.connect()
    rig.receive(...messages(1, 2, 1))
    sentAre(rig.acknowledge(rig.message(), 0x83), ['PUBREC 1 0x83'])
    rig.receive(...messages(1, 1, 2))
    sentAre(rig.acknowledge(rig.message(), 0x83), ['PUBACK 2 0x83'])
    rig.receive(...messages(1, 1, 3))
    rig.message()
    equal(rig.engine.state, 'connected')
  })

  test('does not count a copy of a message that the application still has', () => {
    const rig = new Rig({ receiveMaximum: 1 })
    rig.connect()
    rig.receive(...messages(1, 2))
    rig.receive(published('m', { qos: 2, packetId: 1, dup: true }))
    rig.messages(1)
    equal(rig.engine.state, 'connected')
  })

  test('begins anew with each connection', () => {
    const rig = new Rig({ receiveMaximum: 2 })
    rig.connect()
    rig.receive(...messages(2, 1))
    rig.close()
    rig.resume()
    rig.receive(...messages(2, 1))
    equal(rig.engine.state, 'connected')
    sentAre(rig.receive(...messages(1, 1, 3)), ['DISCONNECT 0x93'])
  })

  test('is announced in CONNECT, unless it is the default of the specification', () => {
    for (const receiveMaximum of [1, 65_534, 65_535]) {
      const rig = new Rig({ receiveMaximum })
      rig.open()
      const [packet] = rig.sent
      ok(packet?.type === 1, brief(packet as Packet))
      const said = packet.properties?.receiveMaximum
      equal(said, receiveMaximum === 65_535 ? undefined : receiveMaximum)
    }
  })
})
