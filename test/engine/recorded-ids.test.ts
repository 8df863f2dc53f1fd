// Messages of QoS 2 whose steps are recorded before they are taken: an id is recorded when the server is
// known not to hold it for another, and whatever follows waits until the record is safe. §4.1, §4.3.3

import { deepEqual, match } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PublishOperation } from '../../src/engine/operations.ts'
import { pubcomp, pubrec, Rig, sentAre } from '../support/engine-rig.ts'

/** Publishes at QoS 2, with a record of each step or without. */
function publish(rig: Rig, topic: string, staged = true): PublishOperation {
  const operation = new PublishOperation(topic, topic.length, topic, topic.length, 2, false)
  operation.context = topic
  operation.followed = true
  operation.staged = staged
  rig.do((engine, now) => engine.publish(operation, true, now))
  return operation
}

/** What is to be recorded now, as `packetId state`. */
function records(rig: Rig): string[] {
  return rig.take('publish').map(({ packetId, state }) => `${packetId} ${state}`)
}

/** The record is safe; somebody still waits for the message. */
function proceed(rig: Rig, operation: PublishOperation): void {
  operation.context = operation.topic
  rig.do((engine, now) => engine.proceed(operation, now))
}

describe('the packet id of a message that is recorded', () => {
  test('is recorded before PUBLISH goes out, and PUBREC before PUBREL', () => {
    const rig = new Rig()
    rig.connect()
    const message = publish(rig, 'a')
    sentAre(rig.flush(), [])
    deepEqual(records(rig), ['1 bound'])
    proceed(rig, message)
    sentAre(rig.flush(), ['PUBLISH 1 a'])
    sentAre(rig.receive(pubrec(1)), [])
    deepEqual(records(rig), ['1 received'])
    proceed(rig, message)
    sentAre(rig.flush(), ['PUBREL 1'])
  })

  test('is not recorded before it is clear, when the server may hold it for another', () => {
    const rig = new Rig()
    rig.resume()
    const message = publish(rig, 'a')
    sentAre(rig.flush(), ['PUBREL 1'])
    deepEqual(records(rig), [])
    sentAre(rig.receive(pubcomp(1)), [])
    deepEqual(records(rig), ['1 bound'])
    proceed(rig, message)
    sentAre(rig.flush(), ['PUBLISH 1 a'])
  })

  test('is not recorded on a connection that ended before it was clear', () => {
    const rig = new Rig()
    rig.resume()
    publish(rig, 'a')
    rig.flush()
    rig.close()
    deepEqual(
      rig.take('publish').map(({ state }) => state),
      ['done'],
    )
    rig.resume()
    const again = publish(rig, 'a')
    sentAre(rig.flush(), ['PUBREL 2'])
    deepEqual(records(rig), [])
    rig.receive(pubcomp(2))
    deepEqual([again.state, records(rig)], ['bound', ['2 bound']])
  })

  test('holds up a message without a record whose id is clear meanwhile', () => {
    const rig = new Rig()
    rig.resume()
    const first = publish(rig, 'a')
    publish(rig, 'b', false)
    sentAre(rig.flush(), ['PUBREL 1', 'PUBREL 2'])
    sentAre(rig.receive(pubcomp(1), pubcomp(2)), [])
    deepEqual(records(rig), ['1 bound'])
    proceed(rig, first)
    sentAre(rig.flush(), ['PUBLISH 1 a', 'PUBLISH 2 b'])
  })

  test('is recorded in the order of publishing, whichever PUBCOMP comes first', () => {
    const rig = new Rig()
    rig.resume()
    const first = publish(rig, 'a')
    const second = publish(rig, 'b')
    rig.flush()
    rig.receive(pubcomp(2))
    deepEqual(records(rig), [])
    rig.receive(pubcomp(1))
    deepEqual(records(rig), ['1 bound', '2 bound'])
    proceed(rig, first)
    proceed(rig, second)
    sentAre(rig.flush(), ['PUBLISH 1 a', 'PUBLISH 2 b'])
  })

  test('holds up what was published for the next connection, too [MQTT-4.6.0-1]', () => {
    const rig = new Rig()
    rig.connect()
    const first = publish(rig, 'a')
    rig.close()
    rig.publish('b', 0)
    rig.publish('c', 1)
    sentAre(rig.resume(), [])
    proceed(rig, first)
    sentAre(rig.flush(), ['PUBLISH 1 a', 'PUBLISH b', 'PUBLISH 2 c'])
  })

  test('that was recorded for an earlier connection keeps to the window of this one', () => {
    const rig = new Rig()
    rig.connect()
    const [first, second] = [publish(rig, 'a'), publish(rig, 'b')]
    rig.close()
    rig.resume({ receiveMaximum: 1 })
    proceed(rig, first)
    proceed(rig, second)
    sentAre(rig.flush(), ['PUBLISH 1 a'])
    rig.receive(pubrec(1))
    proceed(rig, first)
    sentAre(rig.flush(), ['PUBREL 1'])
    sentAre(rig.receive(pubcomp(1)), ['PUBLISH 2 b'])
  })

  test('that was recorded for an earlier connection is refused by lower limits of this one', () => {
    const rig = new Rig()
    rig.connect()
    const message = publish(rig, 'a')
    rig.close()
    rig.take('publish')
    rig.resume({ maximumQoS: 1 })
    proceed(rig, message)
    sentAre(rig.flush(), [])
    deepEqual(records(rig), ['1 done'])
    match(String(message.answer), /QoS 2/)
  })
})

describe('PUBREL, in the order of the PUBRECs [MQTT-4.6.0-4],', () => {
  /** Two messages that are sent: the first is recorded, the second as it is said. */
  function sent(staged: boolean): readonly [Rig, PublishOperation, PublishOperation] {
    const rig = new Rig()
    rig.connect()
    const first = publish(rig, 'a')
    proceed(rig, first)
    const second = publish(rig, 'b', staged)
    if (staged) proceed(rig, second)
    sentAre(rig.flush(), ['PUBLISH 1 a', 'PUBLISH 2 b'])
    return [rig, first, second]
  }

  test('waits behind one that is being recorded, though it needs no record itself', () => {
    const [rig, first] = sent(false)
    sentAre(rig.receive(pubrec(1), pubrec(2)), [])
    proceed(rig, first)
    sentAre(rig.flush(), ['PUBREL 1', 'PUBREL 2'])
    // And holds up nothing any more.
    publish(rig, 'c', false)
    rig.flush()
    sentAre(rig.receive(pubrec(3)), ['PUBREL 3'])
  })

  test('goes out at once before one that is recorded later', () => {
    const [rig, first] = sent(false)
    sentAre(rig.receive(pubrec(2), pubrec(1)), ['PUBREL 2'])
    proceed(rig, first)
    sentAre(rig.flush(), ['PUBREL 1'])
  })

  test('keeps to it, whichever record is safe first', () => {
    const [rig, first, second] = sent(true)
    rig.receive(pubrec(2), pubrec(1))
    proceed(rig, first)
    sentAre(rig.flush(), [])
    proceed(rig, second)
    sentAre(rig.flush(), ['PUBREL 2', 'PUBREL 1'])
  })

  test('has its record though nobody waits for the message any longer', () => {
    const [rig, first, second] = sent(true)
    rig.do((engine) => engine.cancel(first))
    rig.take('publish')
    rig.receive(pubrec(1), pubrec(2))
    deepEqual(records(rig), ['1 received', '2 received'])
    rig.do((engine, now) => engine.proceed(second, now))
    rig.do((engine, now) => engine.proceed(first, now))
    sentAre(rig.flush(), ['PUBREL 1', 'PUBREL 2'])
  })

  test('waits on the next connection as well, until the record is safe', () => {
    const [rig, first] = sent(false)
    rig.receive(pubrec(1), pubrec(2))
    rig.close()
    sentAre(rig.resume(), [])
    proceed(rig, first)
    sentAre(rig.flush(), ['PUBREL 1', 'PUBREL 2'])
  })

  test('goes out with the next connection when the record is safe by then, or nobody waits for it', () => {
    for (const end of ['proceed', 'forget'] as const) {
      const [rig, first] = sent(false)
      rig.receive(pubrec(1), pubrec(2))
      rig.close()
      rig.do((engine, now) => engine[end](first, now))
      sentAre(rig.resume(), end === 'forget' ? ['PUBREL 2'] : ['PUBREL 1', 'PUBREL 2'])
    }
  })
})
