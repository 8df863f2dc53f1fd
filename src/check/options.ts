// The options of a check, parsed once, before anything is sent: a typing mistake is refused with the value
// and what to write instead. Who we are and how the server is reached is refused by the platform, with the
// words of the clients.

import type { CheckPlatform } from './platform.ts'
import { CHECK_IDS, type CheckId } from './ids.ts'
import type { CheckBounds, CheckOptions, CheckTimeouts } from './types.ts'
import type { ServerAddress } from '../simple.node.ts'

/** How far a check goes unless it is told. */
export const DEFAULT_BOUNDS: Required<CheckBounds> = Object.freeze({
  queuedMessages: 1_500,
  payloadBytes: 1_048_576,
  concurrency: 8,
})

/** How long it waits unless it is told. */
export const DEFAULT_TIMEOUTS: Required<CheckTimeouts> = Object.freeze({
  connectMs: 10_000,
  answerMs: 5_000,
  totalMs: 30_000,
  restartMs: 60_000,
  cleanUpMs: 5_000,
})

const LONGEST_TIMER_MS = 2_147_483_647

/** What each bound may be. */
const RANGES: Readonly<Record<string, readonly [from: number, to: number]>> = {
  queuedMessages: [1, 100_000],
  payloadBytes: [1_024, 16_777_216],
  concurrency: [1, 50],
}

/** The names of all options. */
const KNOWN: Readonly<Record<keyof CheckOptions, true>> = {
  port: true,
  user: true,
  password: true,
  tls: true,
  transport: true,
  protocol: true,
  topicPrefix: true,
  only: true,
  except: true,
  restart: true,
  bounds: true,
  timeouts: true,
  onResult: true,
  onLeftover: true,
  signal: true,
}

/** The options as they are kept. */
export interface ResolvedOptions extends CheckOptions {
  readonly address: ServerAddress
  readonly topicPrefix: string
  readonly wanted: ReadonlySet<CheckId>
  readonly bounds: Required<CheckBounds>
  readonly timeouts: Required<CheckTimeouts>
}

/** @throws {TypeError} @throws {RangeError} something cannot be used as it is given */
export function resolveOptions(
  url: string,
  options: CheckOptions,
  platform: CheckPlatform,
): ResolvedOptions {
  refuseUnknown('options', options, KNOWN)
  const address = platform.resolve(url, options)
  const { topicPrefix = '', only = CHECK_IDS, except = [], restart = {} } = options
  if (typeof topicPrefix !== 'string' || /[+#\0]/.test(topicPrefix) || topicPrefix.length > 200) {
    refuse('options.topicPrefix', topicPrefix, 'give at most 200 characters, none of them + or #')
  }
  for (const [name, list] of Object.entries({ only, except })) {
    if (!Array.isArray(list)) refuse(`options.${name}`, list, 'give a list of checks')
    for (const id of list as readonly CheckId[]) {
      if (CHECK_IDS.includes(id)) continue
      refuse(`options.${name}`, id, `the checks are ${CHECK_IDS.join(', ')}`)
    }
  }
  if (only.length === 0) refuse('options.only', only, 'name at least one check')
  const wanted = only.filter((id) => !except.includes(id))
  if (wanted.length === 0) refuse('options.except', except.join(), 'no check is left')
  refuseUnknown('options.restart', restart, { orderly: true, kill: true })
  const functions = { ...restart, onResult: options.onResult, onLeftover: options.onLeftover }
  for (const [name, value] of Object.entries(functions)) {
    if (value === undefined || typeof value === 'function') continue
    refuse(`options.${name in restart ? 'restart.' : ''}${name}`, value, 'give a function')
  }
  const { signal } = options
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    refuse('options.signal', signal, 'give an AbortSignal')
  }
  return {
    ...options,
    address,
    topicPrefix,
    wanted: new Set(wanted),
    bounds: numbers('bounds', options.bounds, DEFAULT_BOUNDS),
    timeouts: numbers('timeouts', options.timeouts, DEFAULT_TIMEOUTS),
  }
}

function numbers<T extends object>(name: string, given: Partial<T> = {}, defaults: T): T {
  refuseUnknown(`options.${name}`, given, defaults)
  const kept = { ...defaults }
  for (const key of Object.keys(defaults) as (keyof T & string)[]) {
    const value = given[key]
    if (value === undefined) continue
    const [from, to] = RANGES[key] ?? [1, LONGEST_TIMER_MS]
    const number: unknown = value
    if (!Number.isInteger(number) || (number as number) < from || (number as number) > to) {
      const Kind = typeof number === 'number' ? RangeError : TypeError
      refuse(`options.${name}.${key}`, number, `give an integer from ${from} to ${to}`, Kind)
    }
    kept[key] = value
  }
  return kept
}

function refuseUnknown(name: string, given: unknown, known: object): void {
  if (typeof given !== 'object' || given === null) refuse(name, given, 'give an object')
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(known, key)) continue
    const names = Object.keys(known).join(', ')
    throw new TypeError(`Cannot use ${name}.${key}: the known ones are ${names}`)
  }
}

function refuse(
  name: string,
  value: unknown,
  why: string,
  Kind: ErrorConstructor = TypeError,
): never {
  const text = typeof value === 'object' && value !== null ? value.constructor.name : String(value)
  throw new Kind(`Cannot use ${name} "${text.slice(0, 80)}": ${why}`)
}
