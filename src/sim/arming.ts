// The first of the two steps in which things go wrong: which faults a run has, and how bad each of them is.
// A few kinds at a time: a run with everything in it hides what any two of them do together. Kinds that came
// later are drawn for themselves, so that the plans that were there before have stayed what they were.

import { FAULT_NAMES, type Faults } from './faults.ts'
import type { Random } from './random.ts'

/** CONNACK codes of both kinds: those that pass, and those that somebody has to mend. */
const CONNECT_REASONS = [0x80, 0x85, 0x86, 0x87, 0x88, 0x88, 0x89, 0x8a, 0x97, 0x9f]
const DISCONNECT_REASONS = [
  0x00, 0x80, 0x81, 0x82, 0x83, 0x8b, 0x8d, 0x93, 0x95, 0x96, 0x97, 0x98, 0xa0,
]
const PUBLISH_REASONS = [0x80, 0x83, 0x87, 0x90, 0x97, 0x97, 0x99]

/** What a server says of a packet that it does not like. */
const POISON_REASONS = [0x80, 0x81, 0x82, 0x83, 0x87, 0x90, 0x95, 0x99]
/** A clock without a battery begins in the year in which its makers thought that time does. */
const CLOCK_AT_1970_MS = 1_600_000_000_000

/** Kinds that came later. */
const LATER: readonly string[] = [
  'server.fallAtPacket',
  'server.acceptThenKick',
  'server.changingMaximum',
  'server.poison',
  'process.blackout',
]
const FIRST = FAULT_NAMES.filter((name) => !LATER.includes(name))

/** How each kind is drawn, by `part.kind`. */
const DRAWS: { readonly [name: string]: (random: Random, durationMs: number) => object } = {
  'link.latency': (random) => ({
    latencyMs: Math.ceil(random.magnitude(1, 3000)),
    jitterMs: Math.ceil(random.magnitude(1, 2000)),
  }),
  'link.bandwidth': (random) => ({ bytesPerSecond: Math.ceil(random.magnitude(500, 100_000)) }),
  'link.cut': blow,
  'link.cutAtByte': (random) => ({
    probability: random.magnitude(0.1, 0.9),
    bytes: Math.ceil(random.magnitude(4, 2000)),
  }),
  'link.halfOpenToServer': episode,
  'link.halfOpenToDevice': episode,
  'link.stall': episode,
  'link.drip': (random, durationMs) => ({
    ...episode(random, durationMs),
    bytes: random.integer(1, 8),
  }),
  'link.acceptThenClose': episode,
  'link.refuse': episode,
  'link.blackHole': episode,
  'link.partition': episode,
  'server.restart': episode,
  'server.restartEmpty': episode,
  'server.forgetSession': blow,
  'server.refuseConnect': (random, durationMs) => ({
    ...episode(random, durationMs),
    reasonCodes: [random.pick(CONNECT_REASONS), random.pick(CONNECT_REASONS)],
  }),
  'server.redirect': episode,
  'server.kick': (random, durationMs) => ({
    ...blow(random, durationMs),
    reasonCodes: [random.pick(DISCONNECT_REASONS), random.pick(DISCONNECT_REASONS)],
  }),
  'server.takeOver': blow,
  'server.withhold': (random) => ({ probability: random.magnitude(0.005, 0.3) }),
  'server.delay': (random) => ({
    probability: random.magnitude(0.02, 1),
    delayMs: Math.ceil(random.magnitude(10, 30_000)),
  }),
  'server.misnumber': (random) => ({ probability: random.magnitude(0.01, 0.5) }),
  'server.refusePublish': (random) => ({
    probability: random.magnitude(0.02, 0.6),
    reasonCodes: [random.pick(PUBLISH_REASONS), random.pick(PUBLISH_REASONS)],
  }),
  'server.refuseSubscribe': (random) => ({ probability: random.magnitude(0.05, 0.9) }),
  'server.lowLimits': (random) => ({
    receiveMaximum: random.pick([1, 2, 5, 20]),
    topicAliasMaximum: random.pick([0, 1, 5]),
    maximumPacketSizeBytes: random.pick([500, 10_000, 100_000]),
    maximumQoS: random.pick([1, 2, 2]),
    part: random.pick([1, 1, 0.5]),
  }),
  'server.garbage': blow,
  'server.fallAtPacket': (random, durationMs) => ({
    packets: Math.ceil(random.magnitude(5, 150)),
    forMs: Math.ceil(random.magnitude(500, durationMs / 40)),
    forgets: random.pick([0, 0.3, 0.7, 1]),
  }),
  'server.acceptThenKick': (random, durationMs) => ({
    everyMs: Math.ceil(random.magnitude(durationMs / 20, durationMs / 2)),
    forMs: Math.ceil(random.magnitude(durationMs / 60, durationMs / 4)),
    afterMs: Math.ceil(random.magnitude(50, 20_000)),
    reasonCodes: [random.pick(DISCONNECT_REASONS), 0x00],
  }),
  'server.changingMaximum': (random) => ({
    receiveMaximums: [1, random.integer(2, 5), random.pick([10, 65_535])],
  }),
  'server.poison': (random) => ({
    oneIn: random.pick([3, 8, 20]),
    reasonCodes: [random.pick(POISON_REASONS), random.pick(POISON_REASONS)],
  }),
  'disk.slow': (random) => ({ delayMs: Math.ceil(random.magnitude(5, 5000)) }),
  'disk.fail': (random) => ({ probability: random.magnitude(0.0005, 0.02) }),
  'disk.full': episode,
  'disk.loseUnsynced': () => ({ probability: 1 }),
  'process.crash': episode,
  'process.crashAtStep': (random, durationMs) => ({
    steps: Math.ceil(random.magnitude(3, 300)),
    forMs: episode(random, durationMs).forMs,
  }),
  'process.powerLoss': episode,
  'process.sleep': episode,
  'process.blackout': (random, durationMs) => ({
    ...blow(random, durationMs),
    forMs: Math.ceil(random.magnitude(500, durationMs / 12)),
    batteryMs: Math.ceil(random.magnitude(5000, durationMs / 12)),
    networkMs: Math.ceil(random.magnitude(5000, durationMs / 6)),
    clockMs: random.pick([0, 60_000, 3_600_000, CLOCK_AT_1970_MS]),
  }),
  'clock.jump': (random, durationMs) => ({
    ...blow(random, durationMs),
    jumpMs: Math.ceil(random.magnitude(1000, 50_000_000)),
  }),
  'clock.drift': (random) => ({ rate: 1 + random.pick([-1, 1]) * random.magnitude(0.0001, 0.1) }),
}

/** What makes another one worth having. */
const COMPANIONS: { readonly [name: string]: string } = {
  'process.powerLoss': 'disk.loseUnsynced',
  'disk.loseUnsynced': 'process.powerLoss',
  'disk.fail': 'process.crash',
  'server.changingMaximum': 'link.cut',
  'process.blackout': 'disk.loseUnsynced',
}

/** Chooses faults for a run of this length. */
export function arm(random: Random, durationMs: number): Faults {
  const names = new Set<string>()
  const wanted = random.pick([1, 2, 2, 3, 3, 4, 5, 6, 8])
  while (names.size < wanted) {
    addTo(names, random.pick(FIRST))
  }
  return draw(random, names, durationMs)
}

/** The same with one of the kinds that came later. */
export function armMore(random: Random, faults: Faults, durationMs: number): Faults {
  const names = new Set<string>()
  addTo(names, random.pick(LATER))
  // What is committed together is seen where a commit takes time.
  if (faults.process.powerLoss !== undefined && random.chance(0.5)) names.add('disk.slow')
  const more = draw(random, names, durationMs)
  // What was armed stays as it is.
  return {
    link: { ...more.link, ...faults.link },
    server: { ...more.server, ...faults.server },
    disk: { ...more.disk, ...faults.disk },
    process: { ...more.process, ...faults.process },
    clock: { ...more.clock, ...faults.clock },
  }
}

function addTo(names: Set<string>, name: string): void {
  names.add(name)
  const companion = COMPANIONS[name]
  if (companion !== undefined) names.add(companion)
}

function draw(random: Random, names: ReadonlySet<string>, durationMs: number): Faults {
  const faults: { [part: string]: { [kind: string]: object } } = {
    link: {},
    server: {},
    disk: {},
    process: {},
    clock: {},
  }
  for (const name of names) {
    const [part = '', kind = ''] = name.split('.')
    const numbersOf = DRAWS[name]
    const armed = faults[part]
    if (numbersOf === undefined || armed === undefined) throw new Error(`Cannot arm "${name}"`)
    armed[kind] = numbersOf(random.fork(name), durationMs)
  }
  return faults as unknown as Faults
}

function blow(random: Random, durationMs: number): { readonly everyMs: number } {
  return { everyMs: Math.ceil(random.magnitude(durationMs / 60, durationMs / 2)) }
}

function episode(
  random: Random,
  durationMs: number,
): { readonly everyMs: number; readonly forMs: number } {
  return { ...blow(random, durationMs), forMs: Math.ceil(random.magnitude(500, durationMs / 8)) }
}
