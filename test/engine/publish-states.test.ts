// Every state of an outgoing message, at every QoS, against everything that can happen to it: each
// acknowledgement, the end of the connection, a resumed session, a cancellation, its deadline.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Packet, QoS } from '../../src/codec/packets.ts'
import type { PublishOperation } from '../../src/engine/operations.ts'
import {
  nextState,
  PUBLISH_TRANSITIONS,
  type PublishEvent,
  type PublishState,
} from '../../src/engine/publish-states.ts'
import { ConnectionLostError, ProtocolError, TimeoutError } from '../../src/errors.ts'
import { brief, errorIs, puback, pubcomp, pubrec, Rig, sentAre } from '../support/engine-rig.ts'

/** What is acknowledged when the message has no packet id. */
const UNKNOWN_ID = 500

interface Subject {
  readonly rig: Rig
  readonly operation: PublishOperation
}

/** The states that a message of each QoS can be in while somebody waits for it, and afterwards. */
const REACHABLE: { readonly [Q in QoS]: readonly PublishState[] } = {
  0: ['waiting', 'done'],
  1: ['waiting', 'sent', 'done'],
  2: ['waiting', 'clearing', 'sent', 'released', 'done'],
}

/** A message that has come to a state as real ones do. */
function subjectIn(qos: QoS, state: PublishState): Subject {
  const rig = new Rig({ acknowledgementMs: 10_000_000 })
  if (state === 'clearing') {
    // A session that is not ours may hold any id. The first use of one is preceded by PUBREL.
    rig.resume()
    const operation = rig.publish('a', qos)
    sentAre(rig.flush(), ['PUBREL 1'])
    return check({ rig, operation }, state)
  }
  if (state === 'waiting') {
    rig.connect({ receiveMaximum: 1 })
    rig.publish('window', 1)
    rig.publish('queue', 1)
    const operation = rig.publish('a', qos)
    sentAre(rig.flush(), ['PUBLISH 1 window'])
    return check({ rig, operation }, state)
  }
  rig.connect()
  const operation = rig.publish('a', qos)
  rig.flush()
  if (state === 'released') rig.receive(pubrec(1))
  if (state === 'done' && qos === 1) rig.receive(puback(1))
  if (state === 'done' && qos === 2) {
    rig.receive(pubrec(1))
    rig.receive(pubcomp(1))
  }
  return check({ rig, operation }, state)
}

function check(subject: Subject, state: PublishState): Subject {
  equal(subject.operation.state, state)
  subject.rig.outputs = []
  return subject
}

type AckName = 'PUBACK' | 'PUBACK 0x87' | 'PUBREC' | 'PUBREC 0x87' | 'PUBCOMP' | 'PUBCOMP 0x92'

const ACKS: { readonly [A in AckName]: (packetId: number) => Packet } = {
  PUBACK: (packetId) => puback(packetId),
  'PUBACK 0x87': (packetId) => puback(packetId, 0x87),
  PUBREC: (packetId) => pubrec(packetId),
  'PUBREC 0x87': (packetId) => pubrec(packetId, 0x87),
  PUBCOMP: (packetId) => pubcomp(packetId),
  'PUBCOMP 0x92': (packetId) => pubcomp(packetId, 0x92),
}
const ACK_NAMES = Object.keys(ACKS) as AckName[]

/** What is legal, with what it leads to: the state, what is sent, and the answer. The rest is not. */
const LEGAL: {
  readonly [key: string]: {
    readonly [A in AckName]?: readonly [state: PublishState, sent: string, answer?: number]
  }
} = {
  '1 sent': { PUBACK: ['done', '', 0], 'PUBACK 0x87': ['done', '', 0x87] },
  '2 clearing': { PUBCOMP: ['sent', 'PUBLISH 1 a'], 'PUBCOMP 0x92': ['sent', 'PUBLISH 1 a'] },
  '2 sent': { PUBREC: ['released', 'PUBREL 1'], 'PUBREC 0x87': ['done', '', 0x87] },
  '2 released': {
    PUBREC: ['released', 'PUBREL 1'],
    PUBCOMP: ['done', '', 0],
    'PUBCOMP 0x92': ['done', '', 0x92],
  },
}

test('a step is what the table says, for every QoS, state and event', () => {
  const events = new Set<PublishEvent>()
  for (const states of Object.values(PUBLISH_TRANSITIONS)) {
    for (const row of Object.values(states)) {
      for (const event of Object.keys(row)) events.add(event as PublishEvent)
    }
  }
  equal(events.size, 11)
  for (const qos of [0, 1, 2] as const) {
    for (const state of Object.keys(PUBLISH_TRANSITIONS[qos]) as PublishState[]) {
      for (const event of events) {
        equal(nextState(qos, state, event), PUBLISH_TRANSITIONS[qos][state][event])
      }
    }
  }
})

describe('the states of a message against each acknowledgement', () => {
  for (const qos of [0, 1, 2] as const) {
    for (const state of REACHABLE[qos]) {
      const held = state !== 'waiting' && state !== 'done'
      for (const name of ACK_NAMES) {
        const legal = LEGAL[`${qos} ${state}`]?.[name]
        const title = `${name} to a message that is ${state} at QoS ${qos}`
        if (!held) {
          test(`${title} is counted as a stray and changes nothing`, () => {
            const { rig, operation } = subjectIn(qos, state)
            const id = state === 'done' && qos > 0 ? operation.packetId : UNKNOWN_ID
            const stray = rig.engine.counters.strayAcknowledgements
            const sent = rig.receive(ACKS[name](id))
            // A PUBREC for nothing is answered, so that the server can end it too.
            sentAre(sent, name.startsWith('PUBREC') ? [`PUBREL ${id} 0x92`] : [])
            equal(rig.engine.counters.strayAcknowledgements, stray + 1)
            equal(operation.state, state)
            equal(rig.engine.state, 'connected')
            deepEqual(rig.outputs, [])
          })
        } else if (legal === undefined) {
          test(`${title} is a protocol error`, () => {
            const { rig, operation } = subjectIn(qos, state)
            sentAre(rig.receive(ACKS[name](1)), ['DISCONNECT 0x82'])
            equal(operation.state, state)
            errorIs(rig.end(), ProtocolError, { clause: '§4.3', reasonCode: 0x82 })
          })
        } else {
          const [next, sends, answer] = legal
          test(`${title} leads to "${next}"`, () => {
            const { rig, operation } = subjectIn(qos, state)
            const sent = rig.receive(ACKS[name](1))
            deepEqual(sent.map(brief), sends === '' ? [] : [sends])
            equal(operation.state, next)
            if (next === 'done') equal(operation.answer, answer)
            deepEqual(rig.take('publish'), answer === undefined ? [] : [operation])
            equal(rig.engine.counters.inflight, answer === undefined ? 1 : 0)
            equal(rig.engine.counters.strayAcknowledgements, 0)
          })
        }
      }
    }
  }

  test('what PUBREC says of subscribers is said of the whole exchange [MQTT-3.5.2.1]', () => {
    const { rig, operation } = subjectIn(2, 'sent')
    rig.receive(pubrec(1, 0x10))
    equal(operation.state, 'released')
    rig.receive(pubcomp(1))
    equal(operation.answer, 0x10)
  })

  test('the table has what is legal, and no more', () => {
    for (const qos of [0, 1, 2] as const) {
      for (const [state, row] of Object.entries(PUBLISH_TRANSITIONS[qos])) {
        const legal = LEGAL[`${qos} ${state}`] ?? {}
        equal(row.puback, legal.PUBACK?.[0], `puback at QoS ${qos} ${state}`)
        equal(row.pubrec, legal.PUBREC?.[0], `pubrec at QoS ${qos} ${state}`)
        equal(row.pubcomp, legal.PUBCOMP?.[0], `pubcomp at QoS ${qos} ${state}`)
        const refused = legal['PUBACK 0x87'] ?? legal['PUBREC 0x87']
        equal(row.refuse, refused?.[0], `refuse at QoS ${qos} ${state}`)
      }
    }
  })
})

describe('the states of a message against the rest', () => {
  const cells = ([0, 1, 2] as const).flatMap((qos) =>
    REACHABLE[qos].map((state) => [qos, state] as const),
  )
  for (const [qos, state] of cells) {
    const subject = `a message that is ${state} at QoS ${qos}`
    const open = state !== 'done'
    /** Whether it can have reached the server when the connection ends. */
    const sentAtEnd = state === 'waiting' || state === 'clearing' ? 'no' : 'maybe'

    test(`the end of the connection hands back ${subject}, with what is known`, () => {
      const { rig, operation } = subjectIn(qos, state)
      rig.close(new Error('reset'))
      const given = rig.take('publish').filter((one) => one === operation)
      equal(given.length, open ? 1 : 0)
      if (open) errorIs(operation.answer, ConnectionLostError, { sent: sentAtEnd })
    })

    test(`a resumed session goes on with ${subject}`, () => {
      const { rig, operation } = subjectIn(qos, state)
      rig.close()
      const sent = rig.resume().map(brief)
      const own = sent.filter((line) => line.includes(' a') || line.startsWith('PUBREL'))
      if (state === 'sent') {
        deepEqual(own, ['PUBLISH 1 a dup'])
        rig.receive(qos === 1 ? puback(1) : pubrec(1))
      }
      if (state === 'released') deepEqual(own, ['PUBREL 1'])
      if (state === 'sent' || state === 'released') {
        if (qos === 2) rig.receive(pubcomp(1))
      } else {
        deepEqual(own, [], 'What was handed back as not sent is never sent')
      }
      equal(operation.state, 'done')
      const given = rig.take('publish').filter((one) => one === operation)
      equal(given.length, open ? 1 : 0, 'It is handed back once, when the connection ended')
      equal(rig.engine.session.publishes.filter(({ topic }) => topic === 'a').length, 0)
    })

    test(`a lost session forgets ${subject}`, () => {
      const { rig } = subjectIn(qos, state)
      rig.close()
      deepEqual(rig.connect().map(brief), [])
      deepEqual(rig.engine.session.publishes, [])
      equal(rig.engine.counters.inflight, 0)
    })

    test(`a session that ends with the connection forgets ${subject}`, () => {
      const { rig } = subjectIn(qos, state)
      rig.close()
      rig.connect({ sessionExpiryInterval: 0 })
      const operation = rig.publish('b', qos)
      rig.close()
      deepEqual(rig.engine.session.publishes, [])
      if (qos > 0) errorIs(operation.answer, ConnectionLostError, { sent: 'maybe' })
    })

    test(`cancelling ${subject} tells whether it can have been sent`, () => {
      const { rig, operation } = subjectIn(qos, state)
      const known = rig.do((engine) => engine.cancel(operation))
      equal(known, state === 'waiting' ? 'no' : 'maybe')
      deepEqual(rig.outputs, [], 'Nobody waits for it')
      if (state === 'waiting') {
        rig.receive(puback(1))
        const later = [...rig.flush(), ...rig.receive(puback(2))]
        ok(!later.some((packet) => brief(packet).endsWith(' a')), 'It is never sent')
        equal(rig.engine.counters.waitingMessages, 0)
        equal(rig.engine.counters.waitingBytes, 0)
      } else if (open) {
        finish(rig, operation)
      }
    })

    test(`the deadline of ${subject} hands it back`, () => {
      const { rig, operation } = subjectIn(qos, state)
      rig.elapse(59_999)
      equal(rig.take('publish').length, 0)
      rig.elapse(1)
      const given = rig.take('publish').filter((one) => one === operation)
      equal(given.length, open ? 1 : 0)
      if (!open) return
      const sent = state === 'waiting' ? 'no' : 'maybe'
      errorIs(operation.answer, TimeoutError, { sent, operation: 'publish', afterMs: 60_000 })
      equal(rig.engine.state, 'connected')
      if (state === 'waiting') equal(operation.state, 'done')
      else finish(rig, operation)
      rig.elapse(600_000)
      equal(rig.take('publish').length, 0, 'It is handed back once')
    })
  }

  /** The server goes on: the exchange is finished though nobody waits for it. */
  function finish(rig: Rig, operation: PublishOperation): void {
    if (operation.state === 'clearing') sentAre(rig.receive(pubcomp(1)), ['PUBLISH 1 a'])
    if (operation.state === 'sent' && operation.qos === 1) rig.receive(puback(1))
    if (operation.state === 'sent') sentAre(rig.receive(pubrec(1)), ['PUBREL 1'])
    if (operation.state === 'released') rig.receive(pubcomp(1))
    equal(operation.state, 'done')
    equal(rig.engine.counters.inflight, 0)
    deepEqual(rig.take('publish'), [], 'Nobody waits for it')
  }

  test('a message at QoS 0 is handed over at once, and no output follows', () => {
    const rig = new Rig()
    rig.connect()
    const operation = rig.publish('a', 0)
    equal(operation.state, 'done')
    equal(operation.answer, 0)
    equal(operation.packetId, 0)
    deepEqual(rig.outputs, [])
    sentAre(rig.flush(), ['PUBLISH a'])
  })
})
