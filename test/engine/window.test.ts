// What the layer above may say of the window: how many go at a time, and what is never sent again.

import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { puback, pubcomp, pubrec, Rig, sentAre } from '../support/engine-rig.ts'

describe('a window of our own', () => {
  test('holds back what is new and what is sent again, until it is widened', () => {
    const rig = new Rig()
    rig.connect()
    for (const topic of 'abc') rig.publish(topic, 1)
    rig.flush()
    rig.close()
    rig.engine.sendQuota = 1
    sentAre(rig.resume(), ['PUBLISH 1 a dup'])
    equal(rig.engine.hasRoom(1), false)
    sentAre(rig.receive(puback(1)), ['PUBLISH 2 b dup'])
    rig.engine.sendQuota = Infinity
    sentAre(rig.receive(puback(2)), ['PUBLISH 3 c dup'])
    equal(rig.engine.hasRoom(1), true)
  })

  test('is never wider than the Receive Maximum', () => {
    const rig = new Rig()
    rig.engine.sendQuota = 5
    rig.connect({ receiveMaximum: 1 })
    rig.publish('a', 1)
    rig.publish('b', 1)
    sentAre(rig.flush(), ['PUBLISH 1 a'])
  })
})

describe('a message that is forgotten', () => {
  test('is not sent again in the session that goes on, and the others are', () => {
    const rig = new Rig()
    rig.connect()
    const bad = rig.publish('bad', 1)
    rig.publish('good', 1)
    rig.flush()
    rig.close()
    rig.engine.forget(bad)
    equal(bad.state, 'done')
    deepEqual(
      rig.engine.session.publishes.map(({ topic }) => topic),
      ['good'],
    )
    sentAre(rig.resume(), ['PUBLISH 2 good dup'])
    equal(rig.engine.counters.inflight, 1)
  })

  test('has its QoS 2 id cleared before that is used again [MQTT-4.3.3-2]', () => {
    const rig = new Rig()
    rig.connect()
    const bad = rig.publish('bad', 2)
    rig.flush()
    rig.close()
    rig.engine.forget(bad)
    sentAre(rig.resume(), [])
    rig.publish('next', 2)
    sentAre(rig.flush(), ['PUBREL 2'])
    sentAre(rig.receive(pubcomp(2, 0x92)), ['PUBLISH 2 next'])
    sentAre(rig.receive(pubrec(2)), ['PUBREL 2'])
  })
})
