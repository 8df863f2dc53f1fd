// portable
// Every judge is shown a run that it must reject and one, nearly the same, that it must accept.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NO_PROPERTIES, type Packet, PacketType } from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import type { OutcomeStatus } from '../../src/robust/entry.ts'
import { UNTIL_DELIVERED, resolvePolicy } from '../../src/robust/policies.ts'
import type { Outcome } from '../../src/robust/types.ts'
import type { Faults } from '../../src/sim/faults.ts'
import { renamed } from '../../src/sim/names.ts'
import type {
  ConnectionView,
  Delivery,
  DeviceSnapshot,
  Observation,
  SentMessage,
} from '../../src/sim/observations.ts'
import { makeOracles } from '../../src/sim/oracles/all.ts'
import { type DevicePlan, type Plan } from '../../src/sim/plan.ts'
import { planOf } from '../../src/sim/additions.ts'

const { CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK } = PacketType
const HOUR_MS = 3_600_000

/** What is told: at a time, or by whoever changes something first. */
type Told = readonly (
  Observation | (() => Observation) | readonly [at: number, seen: Observation]
)[]

const NO_FAULTS: Faults = { link: {}, server: {}, disk: {}, process: {}, clock: {} }

/** A plan of one device that keeps its messages on disk. */
function makePlan(device: Partial<DevicePlan> = {}, faults: Partial<Faults> = {}): Plan {
  const plan = planOf(1)
  const [first] = plan.devices
  ok(first !== undefined)
  const usual = { clientId: 'd', outbox: 'disk', outboxMessages: 10, reconnect: {} } as const
  const steady = { resubscribeEveryMs: Infinity, disconnectEveryMs: Infinity }
  return {
    ...plan,
    servers: [{ host: 'a', only311: false }],
    devices: [{ ...first, ...usual, ...steady, ...device }],
    faults: { ...NO_FAULTS, ...faults },
  }
}

/** What one oracle says of what it is told, in order. */
function judge(name: string, told: Told, plan: Plan = makePlan()): string[] {
  const oracle = makeOracles(plan).find((one) => one.name === name)
  ok(oracle !== undefined, `There is no oracle ${name}`)
  return told.flatMap((one) => {
    const [at, seen] = typeof one === 'function' ? [0, one()] : 'kind' in one ? [0, one] : one
    // As whoever tells it does: the message changes after it was told.
    const isHeard = oracle.hears?.includes(seen.kind) ?? true
    const text = isHeard ? oracle.observe(seen, at) : undefined
    if (seen.kind === 'settled') {
      seen.message.outcome = seen.outcome
      seen.message.settledIn = seen.life
    }
    if (seen.kind === 'stage') seen.message.stage = seen.stage
    return text === undefined ? [] : [text]
  })
}

function accepts(name: string, told: Told, plan?: Plan): void {
  deepEqual(judge(name, told, plan), [])
}

function rejects(name: string, told: Told, expected: RegExp, plan?: Plan): void {
  const [text, ...more] = judge(name, told, plan)
  match(text ?? 'accepted', expected)
  equal(more.length, 0, more.join('\n'))
}

type Policy = Partial<SentMessage['policy']>

function makeMessage(
  number: number,
  {
    policy = {},
    ...rest
  }: Partial<Omit<SentMessage, 'policy'>> & { readonly policy?: Policy } = {},
): SentMessage {
  return {
    number,
    device: 'd',
    topic: 't',
    policy: { ...resolvePolicy({ ...UNTIL_DELIVERED, qos: policy.qos ?? 1 }), ...policy },
    sizeBytes: 10,
    life: 1,
    publishedAt: 0,
    publishedEpoch: 0,
    deadline: Infinity,
    receiptId: `r${number}`,
    stored: 'disk',
    stage: undefined,
    outcome: undefined,
    settledIn: 0,
    cancelled: false,
    turnedAway: false,
    kills: 0,
    takes: [],
    ...rest,
  }
}

function outcome(status: OutcomeStatus): Outcome {
  return { status, attempts: 1, latencyMs: 1, possiblyDuplicated: false }
}

const publish = (message: SentMessage): Observation => ({ kind: 'publish', message })

function settled(message: SentMessage, status: OutcomeStatus, clock = 0, life = 1): Observation {
  return { kind: 'settled', message, outcome: outcome(status), life, clock, wokeAt: 0 }
}

/** A server becomes the owner of a message. */
const taken =
  (message: SentMessage, session = 1, at = 0, connection = 1) =>
  (): Observation => {
    const take = { at, session, connection, dup: false }
    message.takes.push(take)
    return { kind: 'taken', message, take }
  }

const stage = (message: SentMessage, of: SentMessage['stage']): Observation => ({
  kind: 'stage',
  message,
  stage: of!,
})

function makeDelivery(delivery: Partial<Delivery> = {}): Delivery {
  const usual = { serial: 1, message: 1, topic: 't', qos: 2, device: 'd', session: 1 } as const
  return { ...usual, handled: [], acknowledged: false, ...delivery }
}

const handled =
  (delivery: Delivery, life = 1, handler = 1) =>
  (): Observation => {
    delivery.handled.push({ life, handler, doneAt: 0 })
    return { kind: 'handled', delivery, life }
  }

const CONNECTION: ConnectionView = {
  serial: 1,
  server: 'a',
  clientId: 'd',
  session: 1,
  version: 5,
  receiveMaximum: 2,
}

function packet(
  from: 'client' | 'server',
  type: Packet['type'],
  packetId: number,
  payload = '',
  dup = false,
): Observation {
  const whole = {
    type,
    packetId,
    topic: 't',
    payload: encodeUtf8(payload),
    qos: 1,
    retain: false,
    dup,
    reasonCode: 0,
    subscriptions: [],
    reasonCodes: [],
    properties: NO_PROPERTIES,
  }
  return { kind: 'packet', from, connection: CONNECTION, packet: whole as unknown as Packet }
}

function connect(cleanStart: boolean): Observation {
  const packet = { type: PacketType.CONNECT, cleanStart, clientId: 'd' } as unknown as Packet
  return { kind: 'packet', from: 'client', connection: CONNECTION, packet }
}

function snapshot(given: Partial<DeviceSnapshot>): Observation {
  const usual = { device: 'd', life: 1, asleep: false, clock: 0, wokeAt: 0 }
  const counts = { open: 0, openBytes: 0, inflight: 0, diskBytes: 0, silentMs: 0 }
  return { kind: 'snapshot', snapshot: { ...usual, ...counts, ...given } }
}

const crash: Observation = { kind: 'crash', device: 'd', power: false }
const boot = (life: number): Observation => ({ kind: 'boot', device: 'd', life })
const fault = (name: string): Observation => ({
  kind: 'fault',
  fault: name,
  target: 'd',
  detail: '',
})
const attempt: Observation = { kind: 'attempt', device: 'd', life: 1, number: 1, server: 'a' }
const waiting = (delayMs: number): Observation => ({
  kind: 'waiting',
  device: 'd',
  delayMs,
  slowLane: false,
  why: '',
})

describe('S1: what is stored is somewhere', () => {
  const absent = (given: Parameters<typeof makeMessage>[1] = {}): Told => [
    { kind: 'absent', message: makeMessage(1, given) },
  ]

  test('rejects a stored message that is nowhere', () => {
    rejects('S1', absent(), /#1 of d was stored, and is neither/)
  })
  test('accepts one that a server has, or that had an end', () => {
    const take = { at: 0, session: 1, connection: 1, dup: false }
    accepts('S1', absent({ takes: [take] }))
    accepts('S1', absent({ cancelled: true }))
    accepts('S1', absent({ turnedAway: true }))
    accepts('S1', absent({ outcome: outcome('refused') }))
    accepts('S1', absent({ policy: { expiresAfterMs: 1 } }))
    accepts('S1', absent({ policy: { collapseKey: 't' } }))
  })
})

describe('S2: QoS 2 is once', () => {
  const TWO = { policy: { qos: 2, onSessionLoss: 'report' } } as const

  test('rejects a second take in one session, and across its loss under "report"', () => {
    const message = makeMessage(1, TWO)
    rejects('S2', [taken(message), taken(message)], /#1 was taken twice in s1/)
    const lost = makeMessage(2, TWO)
    rejects('S2', [taken(lost, 1), taken(lost, 2)], /#2 was taken in s1 and s2/)
  })
  test('accepts a second take at QoS 1, under "resend", and after the disk has failed', () => {
    const one = makeMessage(1)
    accepts('S2', [taken(one), taken(one)])
    const again = makeMessage(2, { policy: { qos: 2, onSessionLoss: 'resend' } })
    accepts('S2', [taken(again, 1), taken(again, 2)])
    const failed = makeMessage(3, TWO)
    accepts('S2', [fault('disk.fail'), taken(failed), taken(failed)])
  })
  test('accepts a second take when who heard of the loss died before it can have recorded it', () => {
    const heard = { kind: 'connected', device: 'd', sessionPresent: false } as const
    const again = (crashAt: number, between: Told = []): Told => {
      const message = makeMessage(1, TWO)
      const [first, second] = [taken(message, 1), taken(message, 2, 20_000)]
      return [boot(1), first, [1000, heard], ...between, [crashAt, crash], boot(2), second]
    }
    accepts('S2', again(1050))
    const expected = /#1 was taken in s1 and s2/
    rejects('S2', again(1200), expected)
    const slow = makePlan({}, { disk: { slow: { delayMs: 100 } } })
    accepts('S2', again(1200), slow)
    // What was stored after it is safe, and so is what came before.
    const kept = makeMessage(2, { publishedAt: 1010 })
    rejects('S2', again(1050, [[1040, { kind: 'stored', message: kept }]]), expected)
    const earlier = { ...kept, publishedAt: 990 }
    accepts('S2', again(1050, [[1040, { kind: 'stored', message: earlier }]]))
    // Where time stands still, only that tells.
    const sleeps = makePlan({}, { process: { sleep: { everyMs: 1000, forMs: 1000 } } })
    accepts('S2', again(19_000), sleeps)
    rejects('S2', again(19_000, [[1040, { kind: 'stored', message: kept }]]), expected, sleeps)
    // It has heard of it itself.
    const own = makeMessage(3, TWO)
    const told = [boot(1), taken(own, 1), [1000, heard], taken(own, 2, 1010)] as const
    rejects('S2', told, /#3 was taken in s1 and s2/)
    // Heard of, and recorded, before the message was sent: that was another loss.
    const late = makeMessage(4, TWO)
    const before = [
      boot(1),
      [10, heard],
      taken(late, 1, 500),
      [1000, heard],
      [1001, crash],
    ] as const
    accepts('S2', [...before, boot(2), taken(late, 2, 20_000)])
  })
  test('accepts a second take in a session that nobody was told of, unless the client asked for it', () => {
    const replaced = (cleanStart: boolean): Told => {
      const message = makeMessage(1, TWO)
      const made = { kind: 'session', session: 2, gone: undefined } as const
      return [taken(message, 1), connect(cleanStart), made, taken(message, 2)]
    }
    accepts('S2', replaced(false))
    rejects('S2', replaced(true), /#1 was taken in s1 and s2/)
    // Then it is told of the loss of that one, in which the message was turned away.
    const heard = { kind: 'connected', device: 'd', sessionPresent: false } as const
    const begins = (session: number): Observation => ({ kind: 'session', session, gone: undefined })
    const twice = (...between: Told): Told => {
      const message = makeMessage(2, TWO)
      const lost = [...between, [2000, begins(3)], [2001, heard]] as const
      return [boot(1), connect(false), taken(message, 1), ...lost, taken(message, 3, 2010)]
    }
    accepts('S2', twice([1000, begins(2)]))
    rejects('S2', twice([1000, begins(2)], [1001, heard]), /#2 was taken in s1 and s3/)
    rejects('S2', twice(), /#2 was taken in s1 and s3/)
  })
  test('rejects a handler that is called twice in a process, or after PUBREC in another', () => {
    const twice = makeDelivery()
    rejects('S2', [handled(twice), handled(twice)], />1 was handled twice by process 1 of d/)
    const late = makeDelivery()
    rejects(
      'S2',
      [boot(1), handled(late, 1), [10_000, crash], boot(2), handled(late, 2)],
      />1 was handled by process 1 of d, and again by 2/,
    )
  })
  test('rejects a handler that is called again while it has the message, at QoS 1 as well', () => {
    const slow = makeDelivery({ qos: 1 })
    const busy = (): Observation => {
      slow.handled.push({ life: 1, handler: 1, doneAt: undefined })
      return { kind: 'handled', delivery: slow, life: 1 }
    }
    rejects('S2', [busy, handled(slow)], />1 was handled by d while its handler still had it/)
  })
  test('accepts at QoS 1 a second time, another handler, and another process', () => {
    const again = makeDelivery({ qos: 1 })
    accepts('S2', [handled(again), handled(again)])
    const busy = makeDelivery({ qos: 1 })
    busy.handled.push({ life: 1, handler: 1, doneAt: undefined })
    accepts('S2', [handled(busy, 1, 2), handled(busy, 2, 1)])
  })
  test('accepts two handlers, and a crash before its id was recorded', () => {
    const two = makeDelivery()
    accepts('S2', [handled(two, 1, 1), handled(two, 1, 2)])
    const crashed = makeDelivery()
    accepts('S2', [boot(1), handled(crashed, 1), [5, crash], boot(2), handled(crashed, 2)])
    const memory = makeDelivery()
    const plan = makePlan({ outbox: 'memory' })
    accepts('S2', [boot(1), handled(memory, 1), [10_000, crash], boot(2), handled(memory, 2)], plan)
  })
})

describe('S3: receipts move forward and end once', () => {
  test('rejects a second end and a step back', () => {
    const message = makeMessage(1)
    const ends = [settled(message, 'delivered'), settled(message, 'expired')]
    rejects('S3', ends, /#1 ended twice: delivered, then expired/)
    const back = makeMessage(2)
    rejects('S3', [stage(back, 'sent'), stage(back, 'stored')], /#2 went from sent to stored/)
  })
  test('accepts all stages in their order', () => {
    const message = makeMessage(1)
    const stages = (['accepted', 'stored', 'sent', 'received', 'delivered'] as const).map((one) =>
      stage(message, one),
    )
    accepts('S3', [...stages, settled(message, 'delivered')])
    const zero = makeMessage(2)
    accepts('S3', [stage(zero, 'sent'), stage(zero, 'sent')])
  })
})

describe('S4: one topic keeps its order', () => {
  test('rejects an older one that comes after a newer one', () => {
    rejects('S4', [taken(makeMessage(2)), taken(makeMessage(1))], /#1 came after #2/)
  })
  test('accepts other topics, what comes again, and what was turned away', () => {
    accepts('S4', [taken(makeMessage(2)), taken(makeMessage(1, { topic: 'u' }))])
    accepts('S4', [taken(makeMessage(2)), taken(makeMessage(1, { device: 'e' }))])
    accepts('S4', [taken(makeMessage(2)), taken(makeMessage(1, { turnedAway: true }))])
    const again = makeMessage(1)
    accepts('S4', [taken(again), taken(makeMessage(2)), taken(again)])
  })
  test('leaves out what had its end in an earlier process, and in no other', () => {
    const back = makeMessage(1)
    const before = [boot(1), settled(back, 'poisoned'), taken(makeMessage(2))]
    accepts('S4', [...before, boot(2), taken(back)])
    const told = makeMessage(1)
    rejects(
      'S4',
      [boot(1), settled(told, 'poisoned'), taken(makeMessage(2)), taken(told)],
      /#1 came/,
    )
  })
  test('leaves out what was still on its way on a connection before, under another name', () => {
    const on = (connection: number): Told => [
      taken(makeMessage(2), 2, 0, 7),
      taken(makeMessage(1), 2, 0, connection),
    ]
    const renaming = makePlan({ renames: 0.5 })
    accepts('S4', on(6), renaming)
    rejects('S4', on(6), /#1 came/)
    rejects('S4', on(8), /#1 came/, renaming)
  })
  test('rejects a QoS 1 message behind a QoS 2 message of an earlier process', () => {
    const two = makeMessage(2, { policy: { qos: 2 }, stored: 'disk' })
    const one = makeMessage(1, { stored: 'disk' })
    rejects('S4', [boot(2), taken(two), taken(one)], /#1 came after #2/)
  })
  test('leaves out what no process was told is stored, when another was between its own and this', () => {
    const behind = (life: number, stored?: 'disk'): Told => [
      boot(life),
      taken(makeMessage(2, { life })),
      taken(makeMessage(1, { stored })),
    ]
    accepts('S4', behind(3))
    rejects('S4', behind(3, 'disk'), /#1 came after #2/)
    rejects('S4', behind(2), /#1 came after #2/)
  })
})

describe('S5: packet ids and windows', () => {
  const out = (id: number): Observation => packet('client', PUBLISH, id)

  test('rejects a packet id that is in use', () => {
    rejects('S5', [out(1), out(1)], /d used packet id 1 again/)
    rejects('S5', [out(1), packet('client', SUBSCRIBE, 1)], /packet id 1 again/)
    rejects('S5', [out(1), packet('server', PUBREC, 1), out(1)], /packet id 1 again/)
  })
  test('rejects what is sent again without DUP, under whichever name', () => {
    const again = (clientId: string, dup: boolean): Observation => {
      const told = packet('client', PUBLISH, 1)
      ok(told.kind === 'packet')
      const whole = { ...told.packet, payload: encodeUtf8('#7 '), dup }
      const connection = { ...CONNECTION, clientId }
      return { ...told, connection, packet: whole as unknown as Packet }
    }
    const closed = { kind: 'closed', connection: CONNECTION, byServer: false } as const
    for (const name of ['d', renamed('d', 2)]) {
      const first = [boot(2), again(name, false), closed]
      rejects('S5', [...first, again(name, false)], /sent #7 again under packet id 1 without DUP/)
      accepts('S5', [...first, again(name, true)])
      const later = [boot(1), again(name, false), closed, boot(2)]
      rejects('S5', [...later, again(name, false)], /sent #7 again under packet id 1 without DUP/)
      accepts('S5', [...later, again(name, true)])
      const failed = { kind: 'fault', fault: 'disk.fail', target: 'd', detail: '' } as const
      accepts('S5', [failed, ...later, again(name, false)])
    }
  })
  test('rejects more than the Receive Maximum, and what a server complains of', () => {
    rejects('S5', [out(1), out(2), out(3)], /d has 3 in flight: Receive Maximum is 2/)
    const breach = { kind: 'breach', connection: CONNECTION, text: 'no' } as const
    rejects('S5', [breach], /d: no/)
    rejects('S5', [fault('disk.fail'), breach], /d: no/)
    const taken = { ...breach, text: 'packet id 1 carries #1 and #2' }
    rejects('S5', [taken], /packet id 1 carries/)
    accepts('S5', [fault('disk.fail'), taken])
  })
  test('accepts ids that are free again', () => {
    for (const free of [PUBACK, PUBCOMP]) {
      accepts('S5', [out(1), out(2), packet('server', free, 1), out(3)])
      accepts('S5', [out(1), packet('server', free, 1), out(1)])
    }
    accepts('S5', [
      packet('client', SUBSCRIBE, 1),
      packet('server', SUBACK, 1),
      packet('client', SUBSCRIBE, 1),
    ])
    accepts('S5', [out(1), { kind: 'closed', connection: CONNECTION, byServer: false }, out(1)])
    accepts('S5', [out(1), packet('client', PUBREL, 1)])
  })
})

describe('S6: memory and disk are bounded', () => {
  const first = snapshot({})

  test('rejects more messages than the outbox may have, and a log that grows', () => {
    // Also while the outbox is read, whose messages count beside what is published meanwhile.
    rejects('S6', [snapshot({ open: 11 })], /d has 11 messages in an outbox for 10/)
    rejects('S6', [first, snapshot({ open: 11 })], /d has 11 messages in an outbox for 10/)
    rejects('S6', [first, snapshot({ diskBytes: 200_000 })], /d takes 200000 bytes of disk for 0/)
  })
  test('accepts what is within, and what a process before has left on the disk', () => {
    accepts('S6', [first, snapshot({ open: 10, openBytes: 40_000, diskBytes: 200_000 })])
    accepts('S6', [snapshot({ diskBytes: 200_000 })])
    const poisoned = settled(makeMessage(1, { sizeBytes: 30_000 }), 'poisoned')
    accepts('S6', [first, poisoned, snapshot({ diskBytes: 200_000 })])
    const large = (at: number) => [at, publish(makeMessage(1, { sizeBytes: 60_000 }))] as const
    accepts('S6', [first, large(0), large(50), snapshot({ diskBytes: 200_000 })])
    accepts('S6', [first, large(0), large(500), snapshot({ diskBytes: 200_000 })])
    const late = [900, snapshot({ diskBytes: 200_000 })] as const
    rejects('S6', [first, large(0), large(500), late], /takes 200000/)
    const [failed, next] = [fault('disk.fail'), snapshot({ life: 2 })]
    accepts('S6', [first, failed, snapshot({ diskBytes: 200_000 })])
    const freed = [boot(2), [500, next], [1000, snapshot({ life: 2, diskBytes: 200_000 })]] as const
    rejects('S6', [first, failed, ...freed], /takes 200000/)
    accepts('S6', [
      first,
      snapshot({ life: 2, diskBytes: 200_000 }),
      snapshot({ life: 0, open: 99 }),
    ])
  })
  test('accepts what an earlier process left, while a slow disk is read and freed of it', () => {
    const slow = makePlan({}, { disk: { slow: { delayMs: 100 } } })
    const after = (at: number): Told => [
      [1000, boot(2)],
      [1500, snapshot({ life: 2 })],
      [at, snapshot({ life: 2, diskBytes: 200_000 })],
    ]
    accepts('S6', after(20_000), slow)
    rejects('S6', after(22_000), /takes 200000/, slow)
    // Asleep it does nothing.
    const slept = { ...fault('process.sleep'), detail: '9000 ms' } as Observation
    const asleep = (at: number): Told => [...after(at).slice(0, 2), slept, ...after(at).slice(2)]
    accepts('S6', asleep(30_000), slow)
    rejects('S6', asleep(31_000), /takes 200000/, slow)
  })
})

describe('S7: deadlines are kept', () => {
  const due = (): SentMessage => makeMessage(1, { deadline: 1000 })

  test('rejects an outcome that is late', () => {
    const message = due()
    const told = [boot(1), publish(message), settled(message, 'expired', 1010)]
    rejects('S7', told, /#1 of d had its outcome, or none, 10 ms after its deadline/)
  })
  test('rejects a message that is open long after its deadline', () => {
    rejects('S7', [boot(1), publish(due()), snapshot({ clock: 5000 })], /4000 ms after/)
  })
  test('rejects the same of a message that a later process has found', () => {
    const message = due()
    const found = { kind: 'found', message, life: 2, deadline: 500 } as const
    const told = [boot(1), publish(message), boot(2), found, settled(message, 'expired', 600, 2)]
    rejects('S7', told, /100 ms after/)
  })
  test('accepts an outcome in time, of one that slept, and what a dead process had', () => {
    const message = due()
    accepts('S7', [boot(1), publish(message), settled(message, 'expired', 1002)])
    const asleep = due()
    const late = { ...settled(asleep, 'expired', 9001), wokeAt: 9000 } as Observation
    accepts('S7', [boot(1), publish(asleep), snapshot({ clock: 8000, asleep: true }), late])
    accepts('S7', [boot(1), publish(due()), boot(2), snapshot({ clock: 5000, life: 2 })])
    accepts('S7', [boot(1), publish(makeMessage(2)), snapshot({ clock: HOUR_MS })])
  })
})

describe('S8: outcomes are true', () => {
  test('rejects what is called delivered, and no server has', () => {
    rejects('S8', [settled(makeMessage(1), 'delivered')], /#1 is called delivered, and no server/)
  })
  test('rejects what is called expired, and a server has or takes later', () => {
    const had = makeMessage(1)
    rejects(
      'S8',
      [taken(had), settled(had, 'expired')],
      /#1 is called expired, and a server has it/,
    )
    const later = makeMessage(2)
    rejects(
      'S8',
      [settled(later, 'cancelled'), taken(later)],
      /#2 was called cancelled, and a server took it later/,
    )
  })
  test('rejects what is called rejected, and a server has or takes later', () => {
    const had = makeMessage(1)
    rejects('S8', [taken(had), settled(had, 'rejected')], /#1 is called rejected, and a server has/)
    const later = makeMessage(2)
    rejects(
      'S8',
      [settled(later, 'rejected'), taken(later)],
      /#2 was called rejected, and a server/,
    )
    const twice = makeMessage(3)
    const told = { ...settled(twice, 'rejected') } as Extract<Observation, { kind: 'settled' }>
    const maybe = { ...told, outcome: { ...told.outcome, possiblyDuplicated: true } }
    accepts('S8', [taken(twice), maybe])
    accepts('S8', [settled(makeMessage(4), 'rejected')])
  })
  test('rejects what was taken twice as new, and is not called possibly duplicated', () => {
    const sessions = (dup: boolean): SentMessage =>
      makeMessage(1, {
        takes: [
          { at: 0, session: 1, connection: 1, dup: false },
          { at: 1, session: 2, connection: 2, dup },
        ],
      })
    rejects('S8', [settled(sessions(false), 'delivered')], /#1 was taken twice as new/)
    accepts('S8', [settled(sessions(true), 'delivered')])
    accepts('S8', [settled(sessions(false), 'maybe-delivered')])
    const told = settled(sessions(false), 'delivered') as Extract<Observation, { kind: 'settled' }>
    accepts('S8', [{ ...told, outcome: { ...told.outcome, possiblyDuplicated: true } }])
  })
  test('accepts what an earlier process has sent without its record, for which a slow disk was too slow', () => {
    const slow = makePlan({}, { disk: { slow: { delayMs: 300 } } })
    const connected = { kind: 'connected', device: 'd', sessionPresent: true } as const
    const told = (at: number, life = 2): Told => {
      const message = makeMessage(1)
      return [
        boot(1),
        [0, connected],
        [at, taken(message)()],
        boot(life),
        settled(message, 'expired', 0, life),
      ]
    }
    accepts('S8', told(9000), slow)
    const again = makeMessage(2)
    const late: Told = [
      [9000, taken(again)()],
      boot(2),
      [9000, connected],
      [18_000, taken(again)()],
    ]
    accepts('S8', [boot(1), [0, connected], ...late, settled(again, 'delivered', 0, 2)], slow)
    rejects('S8', told(8999), /#1 is called expired, and a server has it/, slow)
    rejects('S8', told(9000, 1), /#1 is called expired, and a server has it/, slow)
    rejects('S8', told(9000), /#1 is called expired, and a server has it/)
  })
  test('rejects what is called sent at QoS 1', () => {
    rejects('S8', [settled(makeMessage(1), 'sent')], /#1 at QoS 1 is called sent/)
  })
  const givenUp = (message: SentMessage, absent: boolean): Observation => ({
    kind: 'given up',
    message,
    absent,
  })
  test('rejects cancel() that says never taken, when a server has it or its outcome says maybe', () => {
    const had = makeMessage(1)
    rejects('S8', [taken(had), givenUp(had, true)], /#1 was given up as never taken, and a server/)
    const before = makeMessage(2)
    const told = [settled(before, 'maybe-delivered'), givenUp(before, true)]
    rejects('S8', told, /#2 was given up as never taken, and is called maybe-delivered/)
    const after = makeMessage(3)
    const late = [givenUp(after, true), settled(after, 'maybe-delivered')]
    rejects('S8', late, /#3 was given up as never taken, and is called maybe-delivered/)
  })
  test('accepts cancel() that says what is so, or no more than maybe', () => {
    const unsent = makeMessage(1)
    accepts('S8', [givenUp(unsent, true), settled(unsent, 'cancelled')])
    const sent = makeMessage(2)
    accepts('S8', [taken(sent), settled(sent, 'maybe-delivered'), givenUp(sent, false)])
  })
  test('accepts the truth, and an honest maybe', () => {
    const message = makeMessage(1)
    accepts('S8', [taken(message), settled(message, 'delivered')])
    accepts('S8', [settled(makeMessage(2), 'expired'), settled(makeMessage(3), 'maybe-delivered')])
    const maybe = makeMessage(4)
    accepts('S8', [taken(maybe), settled(maybe, 'maybe-delivered')])
    accepts('S8', [settled(makeMessage(5, { policy: { qos: 0 } }), 'sent')])
    const failed = makeMessage(6, { outcome: outcome('expired') })
    accepts('S8', [fault('disk.fail'), taken(failed)])
  })
  test('accepts what came back because its removal was cut off, awake', () => {
    const back = (at: number, ...meanwhile: Told): Told => {
      const message = makeMessage(1)
      return [[0, settled(message, 'cancelled')], ...meanwhile, [at, crash], taken(message)]
    }
    const asleep = { ...fault('process.sleep'), detail: '5000 ms' } as Observation
    accepts('S8', back(100))
    rejects('S8', back(101), /#1 was called cancelled, and a server took it later/)
    accepts('S8', back(5000, asleep))
    rejects('S8', back(5101, asleep), /#1 was called cancelled/)
  })
  test('accepts what an earlier process could not record, and nothing of this one', () => {
    const before = makeMessage(1)
    const told = (life: number): Told => [boot(1), fault('disk.fail'), taken(before), boot(life)]
    accepts('S8', [...told(2), settled(before, 'expired', 0, 2)])
    accepts('S8', [...told(2), givenUp(before, true)])
    rejects('S8', [...told(1), settled(before, 'expired')], /#1 is called expired, and a server/)
  })
})

describe('S9: what is acknowledged was handled', () => {
  const acked = (delivery: Delivery): Observation => ({ kind: 'acknowledged', delivery })

  test('rejects a message that is acknowledged before its handler had it', () => {
    rejects('S9', [acked(makeDelivery())], />1 of d was acknowledged before it was handled/)
  })
  test('accepts one that was handled, and devices whose handlers come and go', () => {
    const delivery = makeDelivery()
    accepts('S9', [handled(delivery), acked(delivery)])
    accepts('S9', [acked(makeDelivery())], makePlan({ resubscribeEveryMs: 1000 }))
    const refused = { server: { refuseSubscribe: { probability: 1 } } }
    accepts('S9', [acked(makeDelivery())], makePlan({}, refused))
  })
  test('accepts one that is sent again in a session that nobody heard of, at QoS 2', () => {
    const began = (cleanStart: boolean): Told => [
      connect(cleanStart),
      { kind: 'session', session: 1, gone: undefined },
    ]
    const heard = { kind: 'connected', device: 'd', sessionPresent: false } as const
    const two = makeDelivery()
    const sent = (dup: boolean): Observation => packet('server', PUBLISH, 1, '1>#1', dup)
    const again = [sent(true), acked(two)]
    accepts('S9', [...began(false), crash, ...again])
    accepts('S9', [...began(false), [0, heard], [50, crash], ...again])
    accepts('S9', [...began(false), connect(false), ...again])
    const wrong: readonly Told[] = [
      [...began(false), ...again],
      [...began(true), crash, ...again],
      [...began(false), [0, heard], connect(false), ...again],
      [...began(false), [0, heard], [500, crash], ...again],
      [...began(false), crash, sent(false), acked(two)],
      [...began(false), crash, sent(true), acked(makeDelivery({ qos: 1 }))],
    ]
    for (const told of wrong) {
      rejects('S9', told, />1 of d was acknowledged before it was handled/)
    }
  })
})

describe('L1: everything that lives has its end', () => {
  const over = { kind: 'over' } as const

  test('rejects a message that is open at the end', () => {
    rejects('L1', [boot(1), publish(makeMessage(1)), over], /1 messages have no outcome.*#1 of d/)
    const found = { kind: 'found', message: makeMessage(2), life: 2, deadline: Infinity } as const
    rejects('L1', [boot(2), found, over], /#2 of d/)
  })
  const subscribed = (filter: string): Observation => {
    const told = packet('client', SUBSCRIBE, 1)
    ok(told.kind === 'packet')
    const whole = { ...told.packet, subscriptions: [{ filter, qos: 1 }] }
    return { ...told, packet: whole as unknown as Packet }
  }
  const connack = packet('server', CONNACK, 0)
  const later = packet('client', PUBLISH, 2)
  const subscriptions = [{ filter: 'f', qos: 1, handler: 'quick' }] as const

  test('rejects a connection on which something else arrives, and no SUBSCRIBE before it', () => {
    const plan = makePlan({ subscriptions })
    const expected = /d is connected, and not subscribed to "f"/
    rejects('L1', [connack, subscribed('g'), [70_000, later]], expected, plan)
    rejects('L1', [connack, [HOUR_MS, over]], expected, plan)
    const anew = { ...CONNECTION, clientId: renamed('d', 2) }
    const told = [connack, later].map((one) => ({ ...one, connection: anew }) as Observation)
    rejects('L1', [told[0] as Observation, [70_000, told[1] as Observation]], expected, plan)
  })
  test('accepts one that has, that is young, or whose application has to ask anew', () => {
    const plan = makePlan({ subscriptions })
    accepts('L1', [connack, subscribed('f'), [70_000, later], [HOUR_MS, over]], plan)
    accepts('L1', [connack, [50_000, later]], plan)
    // Its device has slept: this SUBSCRIBE is the first of two.
    accepts(
      'L1',
      [connack, [70_000, subscribed('g')], [70_000, subscribed('f')], [70_001, later]],
      plan,
    )
    const deaf = { kind: 'deaf', device: 'd', filter: 'f', why: '' } as const
    accepts('L1', [connack, [1000, deaf], [70_000, later]], plan)
    const slept = { ...fault('process.sleep'), detail: '40000 ms' } as Observation
    accepts('L1', [connack, [1000, slept], [70_000, over]], plan)
    rejects('L1', [connack, [1000, slept], [101_000, over]], /not subscribed to "f"/, plan)
    const restless = makePlan({ subscriptions, resubscribeEveryMs: 1000 })
    accepts('L1', [connack, [70_000, later]], restless)
  })
  test('accepts one that has ended, or died with its process', () => {
    const message = makeMessage(1)
    accepts('L1', [boot(1), publish(message), settled(message, 'delivered'), over])
    accepts('L1', [boot(1), publish(makeMessage(1)), boot(2), over])
  })
})

describe('L2: attempts are spread and within their budget', () => {
  const times = (...at: number[]): Told => at.map((one) => [one, attempt] as const)

  test('rejects rounds that come faster than the floor', () => {
    const fast = Array.from({ length: 7 }, (_, i) => i * 10)
    rejects('L2', times(...fast), /d made 7 attempts within 60 ms: the floor is 1000 ms/)
  })
  test('rejects more attempts than the budget', () => {
    const plan = makePlan({ reconnect: { budget: { attempts: 2, perMs: 60_000 } } })
    const expected = /d made 3 attempts in 60000 ms: the budget is 2/
    rejects('L2', times(0, 20_000, 40_000), expected, plan)
    accepts('L2', times(0, 20_000, 60_000), plan)
  })
  test('rejects waits that are the same again and again', () => {
    const told = Array.from({ length: 6 }, () => waiting(5000))
    rejects('L2', told, /d waited 5000 ms for the 6th time/)
  })
  test('accepts slow attempts, waits that differ, and a new process', () => {
    accepts('L2', times(0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000))
    accepts(
      'L2',
      [5000, 5001, 5002, 5003].map((delayMs) => waiting(delayMs)),
    )
    accepts(
      'L2',
      [1000, 1000, 1000, 1000, 1000].map((delayMs) => waiting(delayMs)),
    )
    accepts('L2', [...times(0, 1, 2, 3), boot(2), ...times(4, 5, 6)])
  })
})

describe('S10: delivered is told for the last acknowledgement', () => {
  const one = (): SentMessage => makeMessage(1)
  test('rejects one that no server has acknowledged', () => {
    rejects('S10', [settled(one(), 'delivered')], /#1 is called delivered, and no server has sent/)
    const sent = packet('client', PUBLISH, 7, '#1 ')
    rejects('S10', [sent, settled(one(), 'delivered')], /last acknowledgement/)
    const received = packet('server', PUBREC, 7)
    rejects('S10', [sent, received, settled(one(), 'delivered')], /last acknowledgement/)
  })
  test('accepts it after PUBACK or PUBCOMP, and other outcomes without', () => {
    const sent = packet('client', PUBLISH, 7, '#1 ')
    for (const type of [PUBACK, PUBCOMP]) {
      accepts('S10', [sent, packet('server', type, 7), settled(one(), 'delivered')])
    }
    accepts('S10', [sent, settled(one(), 'maybe-delivered')])
  })
})

describe('S11: a fleeting message does not outlive its connection', () => {
  const FLEETING = { policy: { qos: 0, offline: 'drop' } } as const
  const connack = packet('server', CONNACK, 0)
  test('rejects one that goes out on a later connection', () => {
    const late = makeMessage(1, { ...FLEETING, publishedAt: 5 })
    rejects('S11', [[10, connack], taken(late)], /#1 is fleeting/)
  })
  test('accepts one on the connection of its time, and what may wait', () => {
    const soon = makeMessage(1, { ...FLEETING, publishedAt: 15 })
    accepts('S11', [[10, connack], taken(soon)])
    accepts('S11', [[10, connack], taken(makeMessage(2, { publishedAt: 5 }))])
  })
})

describe('S12: what ends connections is found, and nothing else', () => {
  const closed = (byServer: boolean, clientId = 'd'): Observation => ({
    kind: 'closed',
    connection: { ...CONNECTION, clientId },
    byServer,
  })
  const poison = (message: SentMessage, times = 1): Told =>
    Array.from({ length: times }, () => () => {
      const told = { kind: 'fault', fault: 'server.poison', target: 'a' } as const
      const detail = `#${message.number}`
      message.kills += 1
      return { ...told, detail }
    })
  const three = [closed(true), closed(true), closed(true)]
  const lost = { kind: 'lost', device: 'd', why: '' } as const

  test('rejects one whose server did not end three connections, or for another sake', () => {
    const message = makeMessage(1)
    const early = [publish(message), closed(true), closed(false), closed(true)]
    const expected = /#1 is called poisoned, and its server has ended 2 connections since/
    rejects('S12', [...early, settled(message, 'poisoned')], expected)
    const before = makeMessage(2)
    const told = [...three, lost, publish(before), settled(before, 'poisoned')]
    rejects('S12', told, /#2 is called poisoned, and its server has ended 0 connections/)
    const innocent = makeMessage(3)
    const others = [publish(innocent), ...three, settled(innocent, 'poisoned')]
    rejects('S12', others, /#3 is called poisoned, and has ended no connection/)
  })
  test('rejects one that is sent again and again', () => {
    const message = makeMessage(1)
    const told = [boot(1), publish(message), ...poison(message, 14)]
    rejects('S12', told, /#1 has ended 13 connections of process 1 of d, and is sent again/)
  })
  test('accepts the guilty, one that was kicked by chance, and each process anew', () => {
    const guilty = makeMessage(1)
    accepts('S12', [publish(guilty), ...poison(guilty, 3), ...three, settled(guilty, 'poisoned')])
    const kicked = makeMessage(2)
    const plan = makePlan({}, { server: { kick: { everyMs: 1, reasonCodes: [0x82] } } })
    accepts('S12', [publish(kicked), ...three, settled(kicked, 'poisoned')], plan)
    const late = makeMessage(6)
    const unheard = [closed(true), publish(late), lost, closed(true), closed(true)]
    accepts('S12', [...unheard, ...poison(late, 2), settled(late, 'poisoned')])
    const over = makeMessage(8)
    const connected = { kind: 'connected', device: 'd', sessionPresent: true } as const
    const atOnce = [attempt, closed(true), connected, publish(over), lost, closed(true)]
    accepts('S12', [...atOnce, closed(true), ...poison(over, 2), settled(over, 'poisoned')])
    const heard = makeMessage(7)
    rejects(
      'S12',
      [closed(true), lost, publish(heard), closed(true), closed(true), settled(heard, 'poisoned')],
      /#7 is called poisoned, and its server has ended 2 connections since/,
    )
    const moved = makeMessage(5)
    const anew = three.map((_, i) => closed(true, renamed('d', i + 1)))
    accepts('S12', [publish(moved), ...poison(moved, 3), ...anew, settled(moved, 'poisoned')])
    const long = makeMessage(3)
    accepts('S12', [boot(1), publish(long), ...poison(long, 10), boot(2), ...poison(long, 10)])
    const slow = makePlan({ protocol: 4 }, { link: { bandwidth: { bytesPerSecond: 1000 } } })
    const silent = makeMessage(4)
    accepts('S12', [boot(1), publish(silent), ...poison(silent, 14)], slow)
  })
})

describe('L4: a dead connection is given up', () => {
  const plan = makePlan({ keepAliveSeconds: 60 })

  test('rejects one that nothing comes in on for longer than the settings say', () => {
    rejects('L4', [snapshot({ silentMs: 90_000 })], /d has heard nothing for 90000 ms/, plan)
  })
  test('accepts the time that they say, one that sleeps, and a clock that is slow', () => {
    accepts('L4', [snapshot({ silentMs: 64_000 }), snapshot({ silentMs: 0 })], plan)
    accepts('L4', [snapshot({ silentMs: HOUR_MS, asleep: true })], plan)
    const slow = makePlan({ keepAliveSeconds: 60 }, { clock: { drift: { rate: 0.5 } } })
    accepts('L4', [snapshot({ silentMs: 120_000 })], slow)
  })
})

describe('the oracles', () => {
  test('have all been shown something', () => {
    deepEqual(
      makeOracles(makePlan()).map(({ name }) => name),
      ['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8', 'S9', 'S10', 'S11', 'S12', 'L1', 'L2', 'L4'],
    )
  })
})
