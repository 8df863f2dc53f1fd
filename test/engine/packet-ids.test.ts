// Packet ids: never two at once, over the wrap, with one stuck for ever, and with more messages waiting
// than there are ids. §2.2.1

import { deepEqual, equal, fail, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encode } from '../../src/codec/encode.ts'
import { Engine } from '../../src/engine/engine.ts'
import {
  PublishOperation,
  SubscribeOperation,
  UnsubscribeOperation,
} from '../../src/engine/operations.ts'
import { makeRuntime } from '../../src/engine/runtime.ts'
import { QueueFullError } from '../../src/errors.ts'
import { connack, errorIs, OPTIONS, puback, Rig, SETTINGS, suback } from '../support/engine-rig.ts'
import { COMPILED, paced } from '../support/pace.ts'

/** An engine alone, without anything that reads what it writes: these tests are long. */
class Bare {
  readonly engine: Engine
  settled = 0
  readonly #ack = new Uint8Array([0x40, 2, 0, 0])

  constructor(receiveMaximum: number, sessionPresent = false) {
    const bounds = { acknowledgementMs: Infinity, operationMs: Infinity }
    this.engine = new Engine({ ...OPTIONS, ...bounds }, makeRuntime())
    this.engine.connect(SETTINGS, 0)
    this.engine.handleOpened(0)
    const bytes = encode(connack({ receiveMaximum }, sessionPresent), 5)
    this.engine.handleData(bytes, bytes.length, 0)
    this.#poll()
  }

  publish(topic = 'a', qos: 1 | 2 = 1): PublishOperation {
    const operation = new PublishOperation(topic, 1, '', 0, qos, false)
    operation.context = topic
    this.engine.publish(operation, true, 0)
    this.engine.out.clear()
    return operation
  }

  acknowledge(packetId: number): void {
    this.#ack[2] = packetId >> 8
    this.#ack[3] = packetId & 0xff
    this.engine.handleData(this.#ack, 4, 0)
    this.#poll()
  }

  #poll(): void {
    for (let output = this.engine.poll(); output; output = this.engine.poll()) {
      if (output.kind === 'publish') this.settled += 1
    }
    this.engine.out.clear()
  }
}

describe('packet ids', () => {
  test('wrap past 65,535 and leave out the one that is stuck, over 70,000 messages [MQTT-2.2.1-3]', () => {
    const bare = new Bare(10)
    const stuck = bare.publish()
    equal(stuck.packetId, 1)
    const count = paced(70_000, 2_000)
    let wraps = 0
    for (let i = 0, last = 0; i < count; i += 1) {
      const { packetId } = bare.publish()
      if (packetId < 2 || packetId > 65_535) fail(`The id ${packetId}`)
      if (packetId < last) wraps += 1
      last = packetId
      bare.acknowledge(packetId)
    }
    equal(wraps, count > 65_535 ? 1 : 0)
    equal(bare.settled, count)
    equal(bare.engine.counters.inflight, 1)
    bare.acknowledge(1)
    equal(stuck.answer, 0)
    equal(bare.engine.counters.strayAcknowledgements, 0)
  })

  test('are not known to be free at QoS 2 because QoS 1 has used them, in a session that is not ours', () => {
    const bare = new Bare(10, true)
    const count = paced(65_535, 2_000)
    for (let i = 0; i < count; i += 1) bare.acknowledge(bare.publish().packetId)
    const { packetId, state } = bare.publish('a', 2)
    deepEqual([packetId, state], [(count % 65_535) + 1, 'clearing'])
  })

  test('are given when a message is sent: 70,000 may wait, and all go out in order', () => {
    const bare = new Bare(1)
    bare.publish()
    const count = paced(70_000, 2_000)
    const operations = Array.from({ length: count }, () => bare.publish())
    equal(bare.engine.counters.waitingMessages, count)
    ok(
      operations.every(({ packetId }) => packetId === 0),
      'None has an id while it waits',
    )
    for (let i = 0; i <= count; i += 1) bare.acknowledge((i % 65_535) + 1)
    equal(bare.settled, count + 1)
    equal(operations.at(-1)?.packetId, (count % 65_535) + 1)
    equal(bare.engine.counters.strayAcknowledgements, 0)
    equal(bare.engine.counters.waitingBytes, 0)
  })

  const allUsable = (): void => {
    const bare = new Bare(65_535)
    // A request takes one, which the window does not count.
    bare.engine.request(new UnsubscribeOperation(['a']), 0)
    for (let i = 1; i < 65_535; i += 1) bare.publish()
    equal(bare.engine.counters.inflight, 65_534)
    const last = bare.publish()
    equal(last.state, 'waiting')
    const subscribe = new SubscribeOperation([{ filter: 'a', qos: 0 }])
    bare.engine.request(subscribe, 0)
    const fields = { limit: 'packet ids', limitValue: 65_535 }
    errorIs(subscribe.answer, QueueFullError, fields)
    const unsubscribe = new UnsubscribeOperation(['a'])
    bare.engine.request(unsubscribe, 0)
    errorIs(unsubscribe.answer, QueueFullError, fields)
    bare.acknowledge(40_000)
    equal(last.packetId, 40_000)
  }
  // This cannot be had with fewer. What an interpreter does without an id is in conformance/headers.test.ts.
  if (COMPILED) test('are all 65,535 usable at once, and the next message waits', allUsable)

  test('are shared by messages and requests', () => {
    const rig = new Rig()
    rig.connect()
    const ids = [
      rig.publish('a', 1),
      rig.subscribe('b'),
      rig.publish('c', 2),
      rig.unsubscribe('d'),
    ].map(({ packetId }) => packetId)
    deepEqual(ids, [1, 2, 3, 4])
    rig.receive(suback(2, 0))
    equal(rig.publish('e', 1).packetId, 5, 'An id that is free again is used as late as may be')
  })

  test('go on after a restart where they were', () => {
    const rig = new Rig()
    rig.connect()
    for (const topic of 'abc') rig.publish(topic, 1)
    rig.flush()
    rig.receive(puback(1), puback(3))
    const restarted = new Rig({}, rig.engine.session)
    restarted.resume()
    equal(restarted.publish('d', 1).packetId, 4)
  })
})
