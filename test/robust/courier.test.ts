// portable
// What becomes of one message, rule by rule: its outcome in every place, what it replaces, who goes for it,
// what a lost session means for it, and which refusals it outlives.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MqttError, PacketTooLargeError, QueueFullError, StoreError } from '../../src/errors.ts'
import type { Entry, OutcomeStatus } from '../../src/robust/entry.ts'
import {
  type DeliveryPolicy,
  fleeting,
  latest,
  type OnSessionLoss,
} from '../../src/robust/policies.ts'
import { outcomeOf } from '../../src/robust/receipt.ts'
import { CourierRig, makeEntry } from '../support/courier-rig.ts'

/** A rig with a connection and room for so many in flight. */
function connected(window = 65_535): CourierRig {
  const rig = new CourierRig()
  rig.window = window
  rig.connect(false)
  return rig
}

const MINUTE = { expiresAfterMs: 60_000 }

describe('courier: outcomes', () => {
  const answers: readonly [qos: 0 | 1 | 2, answer: number, status: OutcomeStatus][] = [
    [0, 0, 'sent'],
    [1, 0, 'delivered'],
    [1, 0x10, 'delivered'],
    [2, 0, 'delivered'],
    [1, 0x87, 'rejected'],
    [1, 0x90, 'rejected'],
    [2, 0x99, 'rejected'],
    [2, 0x92, 'delivered'],
  ]
  for (const [qos, answer, status] of answers) {
    test(`QoS ${qos} answered with 0x${answer.toString(16)} is ${status}`, () => {
      const rig = connected()
      const entry = rig.publish('t', { qos })
      if (qos > 0) rig.answer(entry, answer)
      equal(entry.status, status)
      equal(entry.hasNoSubscribers, answer === 0x10)
      equal(entry.error?.code, status === 'rejected' ? 'ERR_MQTT_REJECTED' : undefined)
      equal(entry.attempts, 1)
      rig.checkEnd()
    })
  }

  test('a message that the connection cannot carry is refused with the reason', () => {
    const rig = connected()
    const entry = rig.publish('t')
    const error = new PacketTooLargeError('Too large', { sizeBytes: 2, limitBytes: 1 } as never)
    rig.answer(entry, error)
    equal(entry.status, 'refused')
    equal(entry.error, error)
    rig.checkEnd()
  })

  test('an interrupted exchange that PUBCOMP 0x92 ends may have been delivered', () => {
    const rig = connected()
    const entry = rig.publish('t', { qos: 2 })
    rig.receive(entry)
    rig.close()
    rig.connect(true)
    equal(entry.stage, 'received')
    rig.answer(entry, 0x92)
    equal(entry.status, 'maybe-delivered')
    rig.checkEnd()
  })

  test('PUBCOMP 0x92 says delivered after a fresh start in the session that carries it', () => {
    const rig = connected()
    const entry = rig.publish('t', { qos: 2, onSessionLoss: 'resend' })
    rig.close()
    rig.connect(true)
    rig.close()
    rig.connect(false)
    rig.receive(entry)
    rig.answer(entry, 0x92)
    equal(entry.status, 'delivered')
    equal(entry.possiblyDuplicated, true)
    rig.checkEnd()
  })

  test('a message that failed before it was accepted is refused and counted once', () => {
    const rig = new CourierRig()
    const entry = makeEntry('t')
    rig.watch(entry)
    const error = new StoreError('ERR_MQTT_STORE_UNAVAILABLE', 'Broken')
    rig.courier.refuse(entry, error, rig.now)
    rig.pump()
    deepEqual([entry.status, entry.error, entry.storeError], ['refused', error, error])
    rig.checkEnd()
  })

  test('a store that fails refuses what was not sent, and lets go on what was', () => {
    const rig = connected(1)
    const [sent, waiting] = [rig.publish('a'), rig.publish('b')]
    const error = new StoreError('ERR_MQTT_STORE_FULL', 'Full')
    for (const entry of [sent, waiting]) rig.courier.handleStoreFailed(entry, error, rig.now)
    rig.pump()
    deepEqual(rig.statuses, [undefined, 'refused'])
    rig.answer(sent)
    rig.courier.handleStoreFailed(sent, error, rig.now)
    deepEqual(rig.statuses, ['delivered', 'refused'])
    rig.checkEnd()
  })

  test('stages never go back', () => {
    const rig = connected()
    const entry = rig.publish('t', { qos: 2, onSessionLoss: 'resend' })
    const seen = [entry.stage]
    const note = (): unknown => seen.push(entry.stage)
    rig.courier.handleStored(entry)
    note()
    rig.receive(entry)
    note()
    rig.close()
    rig.connect(false)
    note()
    deepEqual(seen, ['sent', 'sent', 'received', 'received'])
    equal(entry.onDisk, true)
    const other = new CourierRig().publish('u')
    equal(other.stage, 'accepted')
  })

  test('a message that is stored while it waits says so', () => {
    const rig = new CourierRig()
    const entry = rig.publish('t')
    rig.courier.handleStored(entry)
    equal(entry.stage, 'stored')
  })
})

type Fate = 'unsent' | 'sent' | 'turned away'

/** How a message gets into each place; gives what the server knows of it. */
const PLACES: Readonly<Record<string, readonly [bring: (rig: CourierRig) => void, fate: Fate]>> = {
  'without a connection': [() => undefined, 'unsent'],
  'behind a full window': [
    (rig) => {
      rig.window = 0
      rig.connect(false)
    },
    'unsent',
  ],
  'in flight': [(rig) => rig.connect(false), 'sent'],
  'after PUBREC': [
    (rig) => {
      rig.connect(false)
      for (const entry of rig.flying) rig.receive(entry)
    },
    'sent',
  ],
  interrupted: [
    (rig) => {
      rig.connect(false)
      rig.close()
    },
    'sent',
  ],
  resumed: [
    (rig) => {
      rig.connect(false)
      rig.close()
      rig.connect(true)
    },
    'sent',
  ],
  'to be sent again': [
    (rig) => {
      rig.connect(false)
      rig.close()
      rig.window = 0
      rig.connect(false)
    },
    'sent',
  ],
  'turned away': [
    (rig) => {
      rig.connect(false)
      for (const entry of rig.flying) rig.answer(entry, 0x97)
    },
    'turned away',
  ],
  'turned away and waiting again': [
    (rig) => {
      rig.connect(false)
      for (const entry of rig.flying) rig.answer(entry, 0x97)
      rig.close()
      rig.elapse(5000)
    },
    'turned away',
  ],
  'handed back unsent': [
    (rig) => {
      rig.connect(false)
      for (const entry of rig.flying) rig.handBack(entry, true)
      rig.close()
    },
    'unsent',
  ],
}

describe('courier: giving up', () => {
  for (const [place, [bring, fate]] of Object.entries(PLACES)) {
    for (const qos of [1, 2] as const) {
      for (const how of ['cancelled', 'expired'] as const) {
        const isLate = how === 'expired'
        const absent = fate === 'turned away' && isLate ? 'rejected' : how
        const status = fate === 'sent' ? 'maybe-delivered' : absent
        test(`QoS ${qos} ${place} is ${status} when it is ${how}`, () => {
          const rig = new CourierRig()
          const entry = rig.publish('t', { qos, ...MINUTE, onSessionLoss: 'resend' })
          bring(rig)
          equal(entry.attempts > 0, fate !== 'unsent')
          if (isLate) rig.elapse(60_000)
          else equal(rig.cancel(entry), fate !== 'sent')
          equal(entry.status, status)
          equal(entry.error?.code, status === 'rejected' ? 'ERR_MQTT_REJECTED' : undefined)
          deepEqual([rig.courier.idle, rig.cancel(entry)], [true, false])
          // What the engine has of it goes on; nothing of it is sent anew.
          const sends = rig.sent.length
          rig.elapse(1_000_000)
          rig.window = 10
          if (rig.connected) rig.close()
          rig.connect(true)
          for (const flying of rig.flying) rig.answer(flying)
          equal(rig.sent.length, sends)
          rig.checkEnd()
        })
      }
    }
    test(`a message given up ${place} leaves nothing behind when the session is lost`, () => {
      const rig = new CourierRig()
      const entry = rig.publish('t', { qos: 2, onSessionLoss: 'resend' })
      bring(rig)
      rig.cancel(entry)
      if (rig.connected) rig.close()
      rig.window = 10
      rig.connect(false)
      rig.elapse(1_000_000)
      equal(rig.flying.length, 0)
      rig.checkEnd()
    })
  }

  test('what has passed its time is not sent by a connection that comes before the timer', () => {
    const rig = new CourierRig()
    const entry = rig.publish('t', MINUTE)
    rig.now += 60_000
    rig.connect(true)
    deepEqual([entry.status, rig.sent], ['expired', []])
    rig.checkEnd()
  })

  test('what has passed its time is not sent into a place that an answer frees', () => {
    const rig = connected(1)
    const first = rig.publish('a')
    rig.publish('b', MINUTE)
    rig.now += 60_000
    rig.answer(first)
    deepEqual(rig.statuses, ['delivered', 'expired'])
    rig.checkEnd()
  })

  test('an answer counts though the deadline has passed and its timer has not fired', () => {
    const rig = connected()
    const entry = rig.publish('t', MINUTE)
    rig.now += 60_000
    rig.answer(entry)
    equal(entry.status, 'delivered')
    rig.checkEnd()
  })

  test('a restored message that may have been sent is never called unsent', () => {
    const rig = new CourierRig()
    const entry = makeEntry('t', MINUTE)
    rig.watch(entry)
    entry.entryId = 1
    entry.possiblyDuplicated = true
    rig.courier.restore(entry)
    equal(rig.cancel(entry), false)
    equal(entry.status, 'maybe-delivered')
    rig.checkEnd()
  })
})

describe('courier: collapse', () => {
  const KEY = latest()

  test('the newest replaces the one that waits and takes the end', () => {
    const rig = new CourierRig()
    rig.publish('a', KEY)
    rig.publish('b', KEY)
    rig.publish('a', KEY)
    deepEqual(rig.statuses, ['superseded', undefined, undefined])
    rig.connect(false)
    deepEqual(rig.topics, ['b', 'a'])
  })

  test('one in flight is not replaced, and the newest follows it', () => {
    const rig = connected(1)
    const first = rig.publish('a', KEY)
    rig.publish('a', KEY)
    rig.publish('a', KEY)
    deepEqual(rig.statuses, [undefined, 'superseded', undefined])
    rig.answer(first)
    rig.answer(rig.published[2] as never)
    deepEqual(rig.statuses, ['delivered', 'superseded', 'delivered'])
    rig.checkEnd()
  })

  test('one that is to be sent again goes before the newest', () => {
    const rig = connected(1)
    const first = rig.publish('a', KEY)
    rig.close()
    rig.publish('a', KEY)
    rig.connect(false)
    deepEqual(rig.sent, [first, first])
    rig.publish('a', KEY)
    deepEqual(rig.statuses, [undefined, 'superseded', undefined])
  })

  test('one that was turned away is replaced, so that the newest stays the last', () => {
    const rig = connected()
    const first = rig.publish('a', KEY)
    rig.answer(first, 0x97)
    const second = rig.publish('a', KEY)
    rig.answer(second)
    rig.elapse(1_000_000)
    deepEqual(
      [rig.statuses, rig.sent],
      [
        ['superseded', 'delivered'],
        [first, second],
      ],
    )
    rig.checkEnd()
  })

  test('one that was turned away after it was sent again may have arrived the first time', () => {
    const rig = connected()
    const first = rig.publish('a', KEY)
    rig.close()
    rig.connect(true)
    rig.answer(first, 0x97)
    const second = rig.publish('a', KEY)
    rig.answer(second)
    deepEqual(rig.statuses, ['maybe-delivered', 'delivered'])
    rig.checkEnd()
  })

  test('one that is turned away after a newer one was sent does not come back', () => {
    const rig = connected()
    const [first, second] = [rig.publish('a', KEY), rig.publish('a', KEY)]
    rig.answer(first, 0x97)
    rig.answer(second)
    deepEqual(rig.statuses, ['superseded', 'delivered'])
    rig.checkEnd()
  })

  test('one whose newer one was cancelled is tried again, and is replaced by the next', () => {
    const rig = connected(1)
    const first = rig.publish('a', KEY)
    rig.cancel(rig.publish('a', KEY))
    rig.answer(first, 0x97)
    equal(first.status, undefined)
    rig.publish('a', KEY)
    deepEqual(rig.statuses, ['superseded', 'cancelled', undefined])
  })

  test('keys hold over topics, and different keys do not touch', () => {
    const rig = new CourierRig()
    rig.publish('a', { collapseKey: 'k' })
    rig.publish('a', { collapseKey: 'l' })
    rig.publish('b', { collapseKey: 'k' })
    rig.publish('k')
    deepEqual(rig.statuses, ['superseded', undefined, undefined, undefined])
  })

  test('a full outbox takes what replaces one of its own', () => {
    const rig = new CourierRig({ outboxMessages: 2 })
    rig.publish('a', KEY)
    rig.publish('b', KEY)
    rig.publish('a', KEY)
    deepEqual(rig.statuses, ['superseded', undefined, undefined])
  })

  test('what is refused replaces nothing', () => {
    const rig = new CourierRig({ outboxBytes: 10 })
    rig.publish('a', KEY)
    rig.publish('a', KEY, 10)
    deepEqual(rig.statuses, [undefined, 'refused'])
  })
})

describe('courier: a full outbox', () => {
  const low = { priority: 1 } as const
  const high = { priority: 3 } as const

  test('something of strictly lower priority goes, the oldest of the lowest first', () => {
    const rig = new CourierRig({ outboxMessages: 3 })
    rig.publish('a', { priority: 2 })
    rig.publish('b', low)
    rig.publish('c', low)
    for (const topic of ['d', 'e', 'f', 'g']) rig.publish(topic, high)
    deepEqual(rig.statuses, [
      'evicted',
      'evicted',
      'evicted',
      undefined,
      undefined,
      undefined,
      'refused',
    ])
    const { error } = rig.published[6] as { error?: unknown }
    ok(error instanceof QueueFullError)
    equal(rig.courier.counts.open, 3)
  })

  test('neither its like, nor one in flight, nor one stored as guaranteed goes', () => {
    const rig = new CourierRig({ outboxMessages: 3 })
    rig.window = 1
    rig.connect(false)
    rig.publish('flying', { priority: 0 })
    rig.publish('kept', { priority: 0, durable: 'required' })
    rig.publish('like', high)
    rig.publish('x', high)
    deepEqual(rig.statuses, [undefined, undefined, undefined, 'refused'])
    rig.publish('y', { priority: 4 })
    deepEqual(rig.statuses, [undefined, undefined, 'evicted', 'refused', undefined])
  })

  test('one that was sent, or was turned away, is not given up for another', () => {
    for (const resumed of [true, false]) {
      const rig = new CourierRig({ outboxMessages: 1 })
      rig.connect(false)
      const entry = rig.publish('a', low)
      rig.close()
      rig.window = 0
      rig.connect(resumed)
      rig.publish('b', high)
      deepEqual(rig.statuses, [undefined, 'refused'])
      if (resumed) rig.answer(entry, 0x97)
      rig.publish('c', high)
      deepEqual(rig.statuses, [undefined, 'refused', 'refused'])
    }
  })

  test('one that was lifted by a message behind it has its own priority still', () => {
    const rig = new CourierRig({ outboxMessages: 3 })
    rig.publish('t', low)
    rig.publish('t', low)
    rig.publish('t', high)
    rig.publish('alarm', high)
    deepEqual(rig.statuses, ['evicted', undefined, undefined, undefined])
  })

  test('nothing is given up for a message that has no place even then', () => {
    const rig = new CourierRig({ outboxBytes: 100 })
    for (const topic of ['a', 'b', 'c']) rig.publish(topic, low, 20)
    const large = rig.publish('d', high, 200)
    deepEqual(rig.statuses, [undefined, undefined, undefined, 'refused'])
    ok(large.error?.message.includes('outboxBytes'))
    rig.publish('e', high, 70)
    deepEqual(rig.statuses, ['evicted', 'evicted', undefined, 'refused', undefined])
  })

  test('an outcome makes room', () => {
    const rig = new CourierRig({ outboxMessages: 1 })
    rig.connect(false)
    rig.answer(rig.publish('a'))
    rig.cancel(rig.publish('b'))
    equal(rig.publish('c').status, undefined)
  })
})

describe('courier: what a lost session means', () => {
  const rows: readonly [
    resumed: boolean,
    qos: 1 | 2,
    received: boolean,
    OnSessionLoss | undefined,
  ][] = [true, false].flatMap((resumed) =>
    ([1, 2] as const).flatMap((qos) =>
      (qos === 2 ? [false, true] : [false]).flatMap((received) =>
        ([undefined, 'resend', 'report', 'drop'] as const).map(
          (loss) => [resumed, qos, received, loss] as const,
        ),
      ),
    ),
  ) as never
  for (const [resumed, qos, received, loss] of rows) {
    const means = loss ?? (qos === 1 ? 'resend' : 'report')
    const name = `${resumed ? 'resumed' : 'lost'}, QoS ${qos}, ${received ? 'received' : 'sent'}, ${loss ?? 'usual'}`
    test(name, () => {
      const rig = connected()
      const entry = rig.publish('t', { qos, ...(loss && { onSessionLoss: loss }) })
      if (received) rig.receive(entry)
      rig.close()
      equal(rig.courier.counts.inflight, 1)
      rig.connect(resumed)
      if (resumed) {
        // The engine sends it again by itself, as the same message.
        deepEqual([rig.sent.length, entry.attempts, entry.possiblyDuplicated], [1, 2, false])
        rig.answer(entry)
        equal(entry.status, 'delivered')
      } else if (means === 'resend') {
        deepEqual([rig.sent.length, entry.attempts, entry.possiblyDuplicated], [2, 2, true])
        equal(entry.dup, false)
        rig.answer(entry)
        equal(entry.status, 'delivered')
      } else {
        deepEqual([entry.status, rig.sent.length], ['maybe-delivered', 1])
      }
      rig.checkEnd()
    })
  }

  test('a message of an earlier process goes on in its session, or is treated as lost', () => {
    for (const resumed of [true, false]) {
      const rig = new CourierRig()
      const entry = makeEntry('t', { qos: 2 })
      rig.watch(entry)
      Object.assign(entry, {
        entryId: 7,
        packetId: 3,
        state: 'released',
        stage: 'stored',
        attempts: 1,
      })
      rig.courier.restore(entry)
      rig.flying.push(entry)
      rig.connect(resumed)
      equal(entry.stage, resumed ? 'received' : 'stored')
      if (resumed) rig.answer(entry)
      equal(entry.status, resumed ? 'delivered' : 'maybe-delivered')
      rig.checkEnd()
    }
  })

  test('a message whose session is gone before the first connection is treated as lost', () => {
    for (const onSessionLoss of ['resend', 'report'] as const) {
      const rig = new CourierRig()
      const entry = makeEntry('t', { qos: 2, onSessionLoss })
      rig.watch(entry)
      Object.assign(entry, { entryId: 7, attempts: 1 })
      rig.courier.restoreLost(entry, rig.now)
      rig.publish('u')
      rig.connect(false)
      deepEqual(rig.topics, onSessionLoss === 'resend' ? ['t', 'u'] : ['u'])
      for (const flying of rig.flying) rig.answer(flying)
      rig.checkEnd()
    }
  })
})

describe('courier: turned away', () => {
  for (const code of [0x80, 0x83, 0x91, 0x97]) {
    test(`0x${code.toString(16)} is tried again after waits that grow to a bound`, () => {
      const rig = connected()
      const entry = rig.publish('t')
      const waits: number[] = []
      for (let i = 0; i < 9; i += 1) {
        rig.answer(entry, code)
        const waitMs = rig.courier.nextTimeout() - rig.now
        waits.push(waitMs)
        rig.elapse(waitMs - 1)
        equal(rig.flying.length, 0)
        rig.elapse(1)
        equal(rig.flying.length, 1)
      }
      deepEqual(
        waits,
        [5, 10, 20, 40, 80, 160, 300, 300, 300].map((s) => s * 1000),
      )
      rig.answer(entry)
      deepEqual([entry.status, entry.attempts, entry.possiblyDuplicated], ['delivered', 10, false])
      rig.checkEnd()
    })
  }

  test('its outcome at the deadline has the last reason, also when the others were different', () => {
    const rig = connected()
    const entry = rig.publish('t', MINUTE)
    rig.answer(entry, 0x97)
    rig.elapse(5000)
    rig.answer(entry, 0x83)
    rig.elapse(60_000)
    const { status, attempts, possiblyDuplicated, reasonCode, error } = outcomeOf(entry)
    deepEqual([status, attempts, possiblyDuplicated], ['rejected', 2, false])
    equal(reasonCode, 0x83)
    match(error?.message ?? '', /0x83/)
    rig.checkEnd()
  })

  test('a last attempt without an answer by the deadline may have arrived', () => {
    const rig = connected()
    const entry = rig.publish('t', MINUTE)
    rig.answer(entry, 0x97)
    rig.elapse(5000)
    rig.elapse(60_000)
    const { status, reasonCode } = outcomeOf(entry)
    deepEqual([status, reasonCode], ['maybe-delivered', undefined])
    rig.answer(entry, 0x97)
    rig.checkEnd()
  })

  test('an earlier copy, sent again in its session, may have arrived', () => {
    for (const code of [0x97, 0x87]) {
      const rig = connected()
      const entry = rig.publish('t', MINUTE)
      rig.close()
      rig.connect(true)
      rig.answer(entry, code)
      rig.elapse(60_000)
      const status = code === 0x87 ? 'rejected' : 'maybe-delivered'
      deepEqual([entry.status, entry.possiblyDuplicated], [status, true])
      rig.checkEnd()
    }
  })

  test('what waited for its record when the connection ended was not sent by that', () => {
    for (const resumed of [true, false]) {
      const rig = connected()
      const entry = rig.publish('t', { qos: 2, ...MINUTE })
      rig.answer(entry, 0x97)
      rig.elapse(5000)
      entry.state = 'bound'
      rig.close()
      rig.connect(resumed)
      rig.answer(entry, 0x97)
      rig.elapse(60_000)
      const { status, attempts } = outcomeOf(entry)
      deepEqual([status, attempts], ['rejected', 2])
      rig.checkEnd()
    }
  })

  test('its own expiry ends it too, also when the answer comes behind that', () => {
    for (const flying of [false, true]) {
      const rig = connected()
      const entry = makeEntry('t')
      entry.properties = { messageExpiryInterval: 60 }
      rig.watch(entry)
      rig.courier.accept(entry, rig.now)
      rig.pump()
      if (flying) rig.elapse(60_000)
      equal(entry.status, undefined)
      rig.answer(entry, 0x97)
      rig.window = 0
      rig.elapse(59_999)
      equal(entry.status, flying ? 'rejected' : undefined)
      rig.elapse(1)
      equal(entry.status, 'rejected')
      rig.checkEnd()
    }
  })

  test('it is in the list of what is not on its way', () => {
    const rig = connected()
    const entry = rig.publish('t')
    rig.answer(entry, 0x97)
    deepEqual([...rig.courier.entries()], [entry])
  })
})

describe('courier: a message whose own expiry comes while it is on its way', () => {
  const flying = (delivery: Partial<DeliveryPolicy>): { rig: CourierRig; entry: Entry } => {
    const rig = connected()
    const entry = makeEntry('t', delivery)
    entry.properties = { messageExpiryInterval: 60 }
    rig.watch(entry)
    rig.courier.accept(entry, rig.now)
    rig.pump()
    return { rig, entry }
  }

  test('stays there as long as its session goes on', () => {
    const { rig, entry } = flying({})
    rig.close()
    rig.elapse(60_000)
    rig.connect(true)
    rig.elapse(60_000)
    equal(entry.status, undefined)
    rig.answer(entry)
    equal(entry.status, 'delivered')
    rig.checkEnd()
  })

  test('is not sent when it is handed back unsent, nor when it never left', () => {
    for (const bound of [false, true]) {
      const { rig, entry } = flying({ qos: 2 })
      if (bound) entry.state = 'bound'
      rig.elapse(60_000)
      equal(entry.status, undefined)
      if (!bound) rig.handBack(entry, false)
      rig.close()
      rig.connect(false)
      deepEqual([entry.status, entry.attempts, rig.sent.length], ['expired', 0, 1])
      rig.checkEnd()
    }
  })

  test('is not sent afresh when its session is lost', () => {
    const { rig, entry } = flying({})
    rig.elapse(60_000)
    rig.close()
    rig.connect(false)
    deepEqual([entry.status, rig.sent.length], ['maybe-delivered', 1])
    rig.checkEnd()
  })

  test('does not wait behind it after its session was lost, nor turned away', () => {
    for (const resumed of [false, true]) {
      const { rig, entry } = flying({})
      rig.close()
      rig.window = 0
      rig.connect(resumed)
      if (resumed) rig.answer(entry, 0x97)
      rig.elapse(59_999)
      equal(entry.status, undefined)
      rig.elapse(1)
      deepEqual([entry.status, rig.sent.length], ['maybe-delivered', 1])
      rig.checkEnd()
    }
  })

  test('of an earlier process does not wait behind it either', () => {
    const rig = new CourierRig()
    const entry = makeEntry('t')
    entry.properties = { messageExpiryInterval: 60 }
    entry.acceptedAt = rig.now
    entry.possiblyDuplicated = true
    rig.watch(entry)
    rig.courier.restore(entry)
    rig.elapse(60_000)
    rig.connect(false)
    deepEqual([entry.status, rig.sent.length], ['maybe-delivered', 0])
    rig.checkEnd()
  })
})

describe('courier: fleeting', () => {
  test('is dropped without a connection', () => {
    const rig = new CourierRig()
    const entry = rig.publish('t', fleeting())
    equal(entry.status, 'dropped')
    rig.checkEnd()
  })

  test('is dropped when the connection ends while it waits, and lasts on a connection', () => {
    const rig = connected(1)
    for (let i = 0; i < 2; i += 1) rig.publish('a', { priority: 0 })
    const entry = rig.publish('a', fleeting())
    rig.elapse(1_000_000)
    equal(entry.status, undefined)
    rig.close()
    deepEqual(rig.statuses, [undefined, undefined, 'dropped'])
  })

  test('is dropped when the connection ends while it is turned away', () => {
    const rig = connected()
    const entry = rig.publish('t', fleeting({ qos: 1 }))
    rig.answer(entry, 0x97)
    rig.close()
    equal(entry.status, 'dropped')
    rig.checkEnd()
  })

  test('passes a full window when it overtakes nobody of its topic', () => {
    const rig = connected(1)
    rig.publish('a')
    rig.publish('b')
    const beside = rig.publish('c', fleeting())
    equal(beside.status, 'sent')
    const behind = rig.publish('b', fleeting())
    equal(behind.status, undefined)
    deepEqual(rig.topics, ['a', 'c'])
  })

  test('that was in flight is not sent again in a new session', () => {
    const rig = connected()
    const entry = rig.publish('t', fleeting({ qos: 1 }))
    rig.close()
    rig.connect(false)
    equal(entry.status, 'maybe-delivered')
    rig.checkEnd()
  })

  test('that was handed back unsent after a session that is lost may have arrived in that', () => {
    const rig = connected()
    const entry = rig.publish('t', fleeting({ qos: 2, onSessionLoss: 'resend' }))
    rig.close()
    rig.connect(false)
    rig.handBack(entry, false)
    equal(entry.status, 'maybe-delivered')
    rig.close()
    rig.connect(false)
    rig.checkEnd()
  })

  test('that was handed back unsent is dropped', () => {
    const rig = connected()
    const entry = rig.publish('t', fleeting({ qos: 2 }))
    rig.handBack(entry, false)
    rig.close()
    equal(entry.status, 'dropped')
    rig.checkEnd()
  })
})

describe('courier: books', () => {
  test('ids begin above what a store holds', () => {
    const rig = new CourierRig()
    const restored = makeEntry('t')
    rig.watch(restored)
    restored.entryId = 41
    rig.courier.restore(restored)
    rig.courier.startAt(10)
    deepEqual([rig.publish('t').entryId, rig.publish('t').entryId], [42, 43])
    rig.courier.startAt(100)
    equal(rig.publish('t').entryId, 100)
  })

  test('what may cause a connection is counted until its outcome', () => {
    const rig = new CourierRig()
    const { courier } = rig
    const seen = (): readonly boolean[] => [courier.urgent, courier.wantsConnection, courier.idle]
    const ride = rig.publish('a', { energy: 'ride' })
    deepEqual(seen(), [false, false, false])
    const frugal = rig.publish('b', { energy: 'frugal' })
    deepEqual(seen(), [false, true, false])
    const urgent = rig.publish('c', { energy: 'urgent' })
    deepEqual(seen(), [true, true, false])
    rig.cancel(urgent)
    rig.cancel(frugal)
    deepEqual(seen(), [false, false, false])
    rig.cancel(ride)
    deepEqual(seen(), [false, false, true])
    rig.checkEnd()
  })

  test('a handed back message is no error of its own', () => {
    const rig = connected()
    const entry = rig.publish('t', { qos: 2 })
    rig.handBack(entry, true)
    rig.close()
    rig.connect(true)
    rig.answer(entry)
    deepEqual([entry.status, entry.attempts, entry.error], ['delivered', 1, undefined])
    ok(!MqttError.is(entry.answer))
    rig.checkEnd()
  })
})
