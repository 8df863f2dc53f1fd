// Checks of what the writer of a scenario hands over. Rule: a mistake throws at the call, before anything has
// happened, and the message says what could have been meant.

import { parseDuration } from '../../robust/duration.ts'
import {
  asGiven,
  type Check,
  checkBoolean,
  checkHandler,
  checkKeys,
  fields,
  integer,
  oneOf,
  refuse,
} from '../../simple/checks.ts'
import { FAULT_KINDS, type Faults } from '../faults.ts'
import type {
  ArmedFaults,
  ScenarioOptions,
  ScenarioServerOptions,
  ServerLimitsGiven,
  UntilOptions,
} from './types.ts'

/** The largest number that a fault may have. */
const LARGEST = Number.MAX_SAFE_INTEGER

const ms = integer(0, LARGEST)
const meanMs = integer(1, LARGEST)
const count = integer(1, LARGEST)
const probability: Check<number> = (name, value) =>
  typeof value === 'number' && value >= 0 && value <= 1
    ? value
    : refuse(name, value, 'give a probability from 0 to 1', RangeError)
const reasonCodes: Check<readonly number[]> = (name, codes) =>
  Array.isArray(codes) && codes.length > 0
    ? codes.map((code: number) => integer(0, 255)(name, code))
    : refuse(name, codes, 'give a list of reason codes')
const receiveMaximums: Check<readonly number[]> = (name, given) =>
  Array.isArray(given) && given.length > 0
    ? given.map((maximum: number) => integer(1, 65_535)(name, maximum))
    : refuse(name, given, 'give a list of numbers')

const blow = { everyMs: meanMs }
const episode = { ...blow, forMs: meanMs }
const odds = { probability }

const limits = {
  receiveMaximum: integer(1, 65_535),
  topicAliasMaximum: integer(0, 65_535),
  maximumPacketSizeBytes: count,
  maximumQoS: oneOf<1 | 2>(1, 2),
  part: probability,
}

type FaultChecks = { readonly [P in keyof Faults]: Readonly<Record<string, object>> }

/** Fields that need not be given. */
const OPTIONAL: readonly string[] = ['repeats', 'part']

/** The fields of each fault; all but those of `OPTIONAL` are needed. */
const FAULT_CHECKS: FaultChecks = {
  link: {
    latency: { latencyMs: ms, jitterMs: ms },
    bandwidth: { bytesPerSecond: count },
    cut: blow,
    cutAtByte: { ...odds, bytes: count },
    halfOpenToServer: episode,
    halfOpenToDevice: episode,
    stall: episode,
    drip: { ...episode, bytes: count },
    acceptThenClose: episode,
    refuse: episode,
    blackHole: episode,
    partition: episode,
  },
  server: {
    restart: episode,
    restartEmpty: episode,
    forgetSession: blow,
    refuseConnect: { ...episode, reasonCodes },
    redirect: episode,
    kick: { ...blow, reasonCodes },
    takeOver: blow,
    withhold: odds,
    delay: { ...odds, delayMs: count },
    misnumber: { ...odds, repeats: asGiven },
    refusePublish: { ...odds, reasonCodes },
    refuseSubscribe: odds,
    lowLimits: limits,
    garbage: blow,
    fallAtPacket: { packets: count, forMs: meanMs, forgets: probability },
    acceptThenKick: { ...episode, afterMs: meanMs, reasonCodes },
    changingMaximum: { receiveMaximums },
    poison: { oneIn: count, reasonCodes },
  },
  disk: { slow: { delayMs: count }, fail: odds, full: episode, loseUnsynced: odds },
  process: {
    crash: episode,
    crashAtStep: { steps: count, forMs: meanMs },
    powerLoss: episode,
    sleep: episode,
    blackout: { ...episode, batteryMs: meanMs, networkMs: meanMs, clockMs: ms },
  },
  clock: { jump: { ...blow, jumpMs: count }, drift: { rate: asGiven } },
}

/** Checks faults, and gives a copy with every part in place. @throws {TypeError} @throws {RangeError} */
export function checkFaults(name: string, given: ArmedFaults): Faults {
  checkKeys(name, given, FAULT_KINDS)
  const kept: Record<string, Record<string, unknown>> = {}
  for (const part of Object.keys(FAULT_CHECKS) as (keyof Faults)[]) {
    const armed = (given[part] ?? {}) as Readonly<Record<string, object | undefined>>
    checkKeys(`${name}.${part}`, armed, FAULT_CHECKS[part])
    const checked: Record<string, unknown> = {}
    for (const [kind, fault] of Object.entries(armed)) {
      if (fault === undefined) continue
      const checks = FAULT_CHECKS[part][kind] as Record<string, never>
      const needed = Object.keys(checks).filter((key) => !OPTIONAL.includes(key))
      checked[kind] = fields<object>(checks, ...(needed as never[]))(
        `${name}.${part}.${kind}`,
        fault,
      )
    }
    kept[part] = checked
  }
  if (kept['clock']?.['drift'] !== undefined) {
    refuse(`${name}.clock.drift`, 'drift', 'give the option clockRate of the device')
  }
  return kept as unknown as Faults
}

const checkSeed: Check<number | string> = (name, seed) =>
  (typeof seed === 'number' && Number.isFinite(seed)) || typeof seed === 'string'
    ? seed
    : refuse(name, seed, 'give a number or a text')

/** A length of virtual time, in ms. */
export const checkDuration: Check<NonNullable<ScenarioOptions['patience']>, number> = (
  name,
  duration,
) => parseDuration(name, duration)

export const checkScenario: Check<ScenarioOptions> = fields<ScenarioOptions>({
  seed: checkSeed,
  faults: (name, faults) => checkFaults(name, faults),
  rules: checkBoolean,
  patience: (name, duration) => checkDuration(name, duration),
  traceLines: integer(0, 10_000_000),
  report: checkHandler,
})

export const checkUntil: Check<UntilOptions> = fields<UntilOptions>({
  within: (name, duration) => checkDuration(name, duration),
  what: (name, what) => (typeof what === 'string' ? what : refuse(name, what, 'give a text')),
})

export const checkServer: Check<ScenarioServerOptions> = fields<ScenarioServerOptions>({
  protocol: oneOf<4 | 5>(4, 5),
  sharedSessions: checkBoolean,
  limits: fields<Partial<ServerLimitsGiven>>(limits),
})

export const checkRate: Check<number> = (name, rate) =>
  typeof rate === 'number' && rate >= 0.5 && rate <= 2
    ? rate
    : refuse(name, rate, 'give a number from 0.5 to 2', RangeError)

/** How far a clock is set, in ms: a number, or a duration that may have a minus. */
export function checkJump(name: string, by: number | string): number {
  if (typeof by === 'number') {
    return Number.isSafeInteger(by) ? by : refuse(name, by, 'give whole ms', RangeError)
  }
  const back = typeof by === 'string' && by.startsWith('-')
  const duration = parseDuration(name, (back ? by.slice(1) : by) as `${number}ms`)
  return back ? -duration : duration
}
