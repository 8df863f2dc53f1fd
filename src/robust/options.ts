// The options of a client that holds on, parsed once; those of one connection are parsed by umqtt/simple.
// What a function gives before an attempt is checked like an option.

import type { Platform } from '../driver/platform.ts'
import {
  asGiven,
  type Check,
  checkBoolean,
  checkHandler,
  checkKeys,
  checkObject,
  fields,
  integer,
  oneOf,
  refuse,
} from '../simple/checks.ts'
import { NEVER_EXPIRES_SECONDS } from '../simple/defaults.ts'
import {
  CLIENT_OPTIONS,
  requireTransport,
  type ResolvedOptions,
  resolveOptions,
} from '../simple/options.ts'
import type { ClientOptions, TlsOptions, Will } from '../simple/types.ts'
import type { CourierOptions } from './courier-types.ts'
import {
  DEFAULT_OUTBOX_BYTES,
  DEFAULT_OUTBOX_MESSAGES,
  DEFAULT_SESSION_EXPIRY_SECONDS,
  TURNED_AWAY_MS,
  TURNED_AWAY_MS_MAX,
} from './defaults.ts'
import type { DeliveryPolicy } from './policies.ts'
import { type ReconnectSettings, resolveReconnect } from './schedule.ts'
import type { Credentials, RobustOptions } from './types.ts'

/** The options as they are kept, defaults in place. */
export interface ResolvedRobustOptions {
  readonly base: ResolvedOptions
  /** The server of the constructor. */
  readonly server: string
  readonly servers: readonly string[] | (() => Promise<readonly string[]>)
  readonly sharedSessions: boolean
  /** What is asked for before each attempt. */
  readonly asks: Asks
  readonly outbox?: unknown
  readonly delivery?: DeliveryPolicy
  readonly connection: 'always' | 'on-demand'
  readonly session: { readonly expirySeconds: number; readonly adopt: boolean }
  readonly reconnect: ReconnectSettings
  readonly courier: CourierOptions
  /** What `servers()` gave, after the server of the constructor. @throws {TypeError} @throws {RangeError} it is no list of servers */
  checkServers(servers: readonly string[]): readonly string[]
  /**
   * Those of an attempt.
   * @param referred whether another server has named this one
   * @param answers what the functions of `asks` gave
   * @throws {TypeError} @throws {RangeError} they cannot be meant
   */
  forAttempt(server: string, referred: boolean, answers: Answers): ResolvedOptions
}

/** The functions that are asked before each attempt. */
export interface Asks {
  readonly credentials?: (() => Promise<Credentials>) | undefined
  readonly tls?: (() => Promise<TlsOptions>) | undefined
  readonly will?: (() => Promise<Will>) | undefined
}

/** What they gave. */
export interface Answers {
  credentials?: Credentials
  tls?: TlsOptions
  will?: Will
}

/** What umqtt/simple knows nothing of. */
type Own = Omit<RobustOptions, keyof ClientOptions | 'limits'>

const OWN: { readonly [K in keyof Required<Own>]: Check<never, unknown> } = {
  servers: (name: string, servers: RobustOptions['servers']): unknown =>
    typeof servers === 'function' || Array.isArray(servers)
      ? servers
      : refuse(name, servers, 'give a list of servers, or a function'),
  sharedSessions: checkBoolean,
  credentials: checkHandler,
  outbox: asGiven,
  delivery: asGiven,
  connection: oneOf<'always' | 'on-demand'>('always', 'on-demand'),
  session: fields<{ expirySeconds?: number; adopt?: boolean }>({
    expirySeconds: integer(0, NEVER_EXPIRES_SECONDS),
    adopt: checkBoolean,
  }),
  reconnect: (_name: string, reconnect: RobustOptions['reconnect']) => resolveReconnect(reconnect),
}

const checkShape = fields<Credentials>({ user: asGiven, password: asGiven })

/** Limits as they are given: undefined is none. */
interface GivenLimits {
  readonly outboxMessages?: number | undefined
  readonly outboxBytes?: number | undefined
}

const checkOutboxLimits = fields<GivenLimits, { outboxMessages?: number; outboxBytes?: number }>({
  outboxMessages: integer(1, Number.MAX_SAFE_INTEGER),
  outboxBytes: integer(1, Number.MAX_SAFE_INTEGER),
})

/** @throws {TypeError} @throws {RangeError} for options that cannot be meant */
export function resolveRobustOptions(
  server: string,
  options: RobustOptions,
  platform: Platform,
): ResolvedRobustOptions {
  checkKeys('options', options, { ...CLIENT_OPTIONS, ...OWN })
  const own: { -readonly [K in keyof Own]: Own[K] } = {}
  const rest: { [key: string]: unknown } = {}
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(OWN, key)) rest[key] = value
    else if (value !== undefined) {
      const check = OWN[key as keyof Own] as Check<unknown, unknown>
      own[key as keyof Own] = check(`options.${key}`, value) as never
    }
  }
  const { limits: givenLimits = {} } = options
  checkObject('options.limits', givenLimits)
  const { outboxMessages, outboxBytes, ...limits } = givenLimits
  const bounds = checkOutboxLimits('options.limits', { outboxMessages, outboxBytes })
  const { tls, will } = options
  const asks: Asks = {
    credentials: own.credentials,
    tls: typeof tls === 'function' ? tls : undefined,
    will: typeof will === 'function' ? will : undefined,
  }
  const given = {
    ...rest,
    ...(options.limits && { limits }),
    ...(asks.tls && { tls: {} }),
    ...(asks.will && { will: undefined }),
  } as unknown as ClientOptions
  const resolve = (to: string, settings = given): ResolvedOptions => {
    const resolved = resolveOptions(to, settings, platform.parseServer)
    requireTransport(resolved, platform)
    return own.outbox === undefined
      ? resolved
      : { ...resolved, bounds: { ...resolved.bounds, stagedReceipts: true } }
  }
  const base = resolve(server)
  // Of a server that names another: the scheme and the port are not said, or are its own. Never from
  // an encrypted connection to one that is not. §4.11
  const resolveReference = (to: string): ResolvedOptions => {
    const { port: _port, ...others } = given
    const { scheme } = base.address
    const resolved = resolve(to.includes('://') ? to : `${scheme}://${to}`, others)
    const isSafe = (one: ResolvedOptions): boolean => ['mqtts', 'wss'].includes(one.address.scheme)
    if (isSafe(base) && !isSafe(resolved)) {
      refuse('the server reference', to, 'it is not encrypted, as the server that names it is')
    }
    return resolved
  }
  const { servers = [], session, reconnect } = own
  if (typeof servers !== 'function') for (const one of servers) resolve(one)
  return {
    sharedSessions: true,
    connection: 'always',
    ...own,
    asks,
    base,
    server,
    servers:
      typeof servers === 'function'
        ? servers
        : [server, ...servers.filter((one) => one !== server)],
    session: { expirySeconds: DEFAULT_SESSION_EXPIRY_SECONDS, adopt: true, ...session },
    reconnect: (reconnect ?? resolveReconnect()) as ReconnectSettings,
    courier: {
      outboxMessages: DEFAULT_OUTBOX_MESSAGES,
      outboxBytes: DEFAULT_OUTBOX_BYTES,
      turnedAwayMs: TURNED_AWAY_MS,
      turnedAwayMsMax: TURNED_AWAY_MS_MAX,
      ...bounds,
    },
    checkServers: (list) => {
      if (!Array.isArray(list)) refuse('servers()', list, 'give a list of servers')
      const all: readonly string[] = list
      // With another query, such as a signature that holds for minutes, it is the same server.
      const isOwn = (one: string): boolean => resolve(one).address.href === base.address.href
      const [first = server] = all.filter(isOwn)
      return [first, ...all.filter((one) => one !== first)]
    },
    forAttempt: (to, referred, answers) => ({
      ...(to === server ? base : referred ? resolveReference(to) : resolve(to)),
      ...checkedAnswers(server, answers, platform),
    }),
  }
}

function checkedAnswers(
  server: string,
  answers: Answers,
  platform: Platform,
): Partial<ResolvedOptions> {
  for (const [name, answer] of Object.entries(answers)) {
    // Whatever it is, it may be secret.
    if (typeof answer !== 'object' || answer === null) {
      const type = answer === null ? 'null' : typeof answer
      refuse(`${name}() of type`, type, `give an object of ${name}`)
    }
  }
  const { credentials, ...others } = answers
  const given = { ...(credentials && checkShape('credentials()', credentials)), ...others }
  const { user, password, tls, will } = resolveOptions(server, given, platform.parseServer)
  if (tls) platform.checkTls?.(tls)
  return {
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(tls && { tls }),
    ...(will && { will }),
  }
}
