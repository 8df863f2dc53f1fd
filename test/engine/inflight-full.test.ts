// As many messages in flight as there are packet ids: what has one goes out again when its session goes on.

import { equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { puback, Rig } from '../support/engine-rig.ts'
import { paced } from '../support/pace.ts'

/** All that there are; on an interpreter as many as its server takes. */
const IDS = paced(65_535, 1000)
const SERVER = { receiveMaximum: IDS }

describe('every packet id in use', () => {
  test('is sent again in a session that goes on, and the next message once one is free', () => {
    const rig = new Rig()
    rig.connect(SERVER)
    for (let i = 0; i < IDS; i += 1) rig.publish('t', 1)
    const sent = (): number => rig.flush().filter(({ type }) => type === PacketType.PUBLISH).length
    let first = sent()
    while (first < IDS) {
      const more = sent()
      if (more === 0) break
      first += more
    }
    equal(first, IDS)
    rig.close()
    let again = rig.resume(SERVER).filter(({ type }) => type === PacketType.PUBLISH).length
    for (let more = sent(); more > 0; more = sent()) again += more
    equal(again, IDS)
    rig.publish('t', 1)
    equal(sent(), 0)
    equal(rig.receive(puback(7)).filter(({ type }) => type === PacketType.PUBLISH).length, 1)
  })
})
