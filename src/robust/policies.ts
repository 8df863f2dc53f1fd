// What a message is worth, as data: how long it may take, what it may cost, what survives. Four makers of
// policies, and the reading of any policy that an application or an outbox hands over.
// Rule: a policy is checked once, in full, and frozen. What becomes of a message is not decided here.

import type { QoS } from '../codec/packets.ts'
import {
  type Check,
  checkKeys,
  checkObject,
  checkQos,
  checkText,
  fields,
  oneOf,
  refuse,
} from '../simple/checks.ts'
import { type Duration, parseDuration } from './duration.ts'

/** What becomes of a message that was in flight when the server forgot the session. */
export type OnSessionLoss = 'resend' | 'report' | 'drop'

/** What a message is worth. Plain data: it is stored with the message. */
export interface DeliveryPolicy {
  /** The quality of service, unless `publish` names one. */
  readonly qos: QoS
  /**
   * The bound on waiting, sending and acknowledging together, also across restarts, in whole ms of at
   * least 1; `Infinity`: none.
   */
  readonly expiresAfterMs: number
  /** What happens to it without a connection; dropped, it never waits for one. */
  readonly offline: 'drop' | 'wait'
  /** A newer message takes the place of one that waits with the same key; `true`: its topic is the key. */
  readonly collapseKey?: string | true
  /**
   * Whether it survives a loss of power: `required` refuses the publish where no outbox can keep it;
   * `if-available` keeps messages of QoS 1 and 2 where one can.
   */
  readonly durable: 'no' | 'if-available' | 'required'
  /** Who goes first, and who is evicted last: 4 is the highest. */
  readonly priority: 0 | 1 | 2 | 3 | 4
  /**
   * What becomes of it when it was in flight and the server forgot the session: `resend` may double it,
   * `report` may lose it and settles it as `maybe-delivered`.
   * @default `resend` at QoS 1, `report` at QoS 2, `drop` at QoS 0, which is never in flight
   */
  readonly onSessionLoss?: OnSessionLoss
  /**
   * What it may spend: `none` goes only on a connection that is open; `ride` goes along when there is one;
   * `normal` and `frugal` have one made on the schedule; `urgent` brings the next attempt forward.
   */
  readonly energy: 'none' | 'ride' | 'normal' | 'urgent' | 'frugal'
}

/** A policy with nothing left open. */
export interface ResolvedPolicy extends Omit<DeliveryPolicy, 'collapseKey'> {
  readonly collapseKey: string | true | undefined
  readonly onSessionLoss: OnSessionLoss
}

/** What stands in JSON for `Infinity`, which JSON lacks. */
const NEVER = 'never'

/** A policy as JSON takes it. */
export type PolicyJson = Omit<DeliveryPolicy, 'expiresAfterMs'> & {
  readonly expiresAfterMs: number | typeof NEVER
}

/** The policy of a message that names none: it waits until it is through. */
export const UNTIL_DELIVERED: DeliveryPolicy = Object.freeze({
  qos: 1,
  expiresAfterMs: Infinity,
  offline: 'wait',
  durable: 'if-available',
  priority: 2,
  energy: 'normal',
} as const satisfies DeliveryPolicy)

const checkExpiry: Check<number> = (name, ms) =>
  ms === Infinity || (Number.isSafeInteger(ms) && ms >= 0)
    ? ms
    : refuse(
        name,
        ms,
        'give whole ms from 1, or Infinity for never',
        typeof ms === 'number' ? RangeError : TypeError,
      )

const CHECKS = {
  qos: checkQos,
  expiresAfterMs: checkExpiry,
  offline: oneOf<'drop' | 'wait'>('drop', 'wait'),
  collapseKey: (name: string, key: string | true): string | true =>
    key === true ? key : checkText(name, key),
  durable: oneOf<DeliveryPolicy['durable']>('no', 'if-available', 'required'),
  priority: oneOf<DeliveryPolicy['priority']>(0, 1, 2, 3, 4),
  onSessionLoss: oneOf<OnSessionLoss>('resend', 'report', 'drop'),
  energy: oneOf<DeliveryPolicy['energy']>('none', 'ride', 'normal', 'urgent', 'frugal'),
}

const checkSome = fields<Partial<DeliveryPolicy>>(CHECKS)

const checkWhole = fields<DeliveryPolicy>(
  CHECKS,
  'qos',
  'expiresAfterMs',
  'offline',
  'durable',
  'priority',
  'energy',
)

const { expiresAfterMs: _expiry, ...WITHOUT_EXPIRY } = CHECKS

/** By QoS. */
const ON_SESSION_LOSS = ['drop', 'resend', 'report'] as const

/**
 * For a message that is worth nothing later, such as a reading among many: sent on an open connection,
 * else dropped; it never waits for a connection. QoS 0 and the lowest priority, unless `options` say otherwise.
 *
 * @param options any field of {@link DeliveryPolicy}, in place of its own
 * @returns a policy, frozen; it may be used for any number of messages
 * @throws {TypeError} @throws {RangeError} for options that cannot be meant
 * @see docs/delivery-policies.md
 * @example
 * ```js
 * import { fleeting } from 'umqtt/robust'
 *
 * const position = fleeting()
 * client.publish('ship/position', '54.3,10.1', { delivery: position })
 * ```
 */
export function fleeting(options: Partial<DeliveryPolicy> = {}): DeliveryPolicy {
  return make('fleeting options', options, {
    qos: 0,
    expiresAfterMs: Infinity,
    offline: 'drop',
    durable: 'no',
    priority: 0,
    onSessionLoss: 'drop',
    energy: 'none',
  })
}

/**
 * For a state of which the newest counts: one that waits is replaced by a newer one of its topic, and it
 * causes no connection by itself.
 *
 * @param options any field of {@link DeliveryPolicy}, in place of its own
 * @returns a policy, frozen; it may be used for any number of messages
 * @throws {TypeError} @throws {RangeError} for options that cannot be meant
 * @see docs/delivery-policies.md
 * @example
 * ```js
 * import { latest } from 'umqtt/robust'
 *
 * const state = latest({ expiresAfterMs: 3_600_000 })
 * client.publish('hall/temperature', '21.4', { delivery: state })
 * const newest = client.publish('hall/temperature', '21.5', { delivery: state })
 * console.log((await newest.settled).status)
 * ```
 */
export function latest(options: Partial<DeliveryPolicy> = {}): DeliveryPolicy {
  return make('latest options', options, {
    ...UNTIL_DELIVERED,
    collapseKey: true,
    durable: 'no',
    priority: 1,
    energy: 'ride',
  })
}

/**
 * For a message that is worth a lot now and nothing after a while, such as the press of a button: all is
 * done to get it through by then, and the radio is woken for it.
 *
 * @param deadline ms, or such as '15s'; counted from `publish`, more than 0
 * @param options any field but `expiresAfterMs`, which the deadline says
 * @returns a policy, frozen; it may be used for any number of messages
 * @throws {TypeError} @throws {RangeError} for a deadline or options that cannot be meant
 * @see docs/delivery-policies.md
 * @example
 * ```js
 * import { within } from 'umqtt/robust'
 *
 * const ring = client.publish('door/7/bell', 'ring', { delivery: within('15s') })
 * if ((await ring.settled).status === 'expired') console.log('Nobody heard the bell')
 * ```
 */
export function within(deadline: Duration, options: Partial<DeliveryPolicy> = {}): DeliveryPolicy {
  checkKeys('within options', options, WITHOUT_EXPIRY)
  return make('within options', options, {
    ...UNTIL_DELIVERED,
    expiresAfterMs: parseDuration('within', deadline),
    priority: 3,
    energy: 'urgent',
  })
}

/**
 * For a message that has to arrive, whatever happens, such as an alarm: stored on disk, kept until the
 * server has it, sent afresh when the server forgot the session. Without a durable outbox `publish`
 * refuses it. Give `qos: 2` and `onSessionLoss: 'report'` where it must not arrive twice.
 *
 * @param options any field, or `expiresAfter` as ms or such as '7d' in place of `expiresAfterMs`
 * @returns a policy, frozen; it may be used for any number of messages
 * @throws {TypeError} @throws {RangeError} for options that cannot be meant
 * @see docs/delivery-policies.md
 * @example
 * ```js
 * import { MQTTClient, guaranteed } from 'umqtt/robust'
 *
 * const client = new MQTTClient('door-7', 'mqtt://localhost', { outbox: './alarm-outbox' })
 * const alarm = client.publish('door/7/alarm', 'open', { delivery: guaranteed({ expiresAfter: '7d' }) })
 * await alarm.stored
 * await client.drain()
 * await client[Symbol.asyncDispose]()
 * ```
 */
export function guaranteed(
  options: Partial<DeliveryPolicy> & { readonly expiresAfter?: Duration } = {},
): DeliveryPolicy {
  checkObject('guaranteed options', options)
  const { expiresAfter, ...given } = options
  if (expiresAfter !== undefined) {
    checkKeys('guaranteed options', given, WITHOUT_EXPIRY)
  }
  return make('guaranteed options', given, {
    ...UNTIL_DELIVERED,
    expiresAfterMs:
      expiresAfter === undefined ? Infinity : parseDuration('expiresAfter', expiresAfter),
    durable: 'required',
    priority: 4,
    onSessionLoss: 'resend',
    energy: 'frugal',
  })
}

/**
 * The whole policy of one message: checked, with what depends on its QoS filled in, and frozen.
 *
 * At QoS 0 nothing acknowledges, so nothing says when a stored message could be let go: `if-available`
 * becomes `no`, and `required` is refused.
 *
 * @param qos what `publish` named, if it did
 * @throws {TypeError} a field is unknown or of a wrong kind, or two contradict each other
 * @throws {RangeError} `expiresAfterMs` is out of its range
 */
export function resolvePolicy(policy: DeliveryPolicy, qos: QoS = policy?.qos): ResolvedPolicy {
  check('delivery', policy, qos)
  const { expiresAfterMs, offline, collapseKey, durable, priority, energy } = policy
  return Object.freeze({
    qos,
    expiresAfterMs,
    offline,
    collapseKey,
    durable: qos === 0 ? 'no' : durable,
    priority,
    onSessionLoss: policy.onSessionLoss ?? ON_SESSION_LOSS[qos],
    energy,
  })
}

/**
 * The policies of one client, each read once: the same object costs a look-up, whatever its QoS.
 * A policy is read when it is first used, and later changes to the object are not seen.
 */
export class Policies {
  readonly #usual: DeliveryPolicy
  /** What the last message had, and the next one mostly has too; and what is known of it, by QoS. */
  #policy: DeliveryPolicy | undefined
  #resolved: (ResolvedPolicy | undefined)[] = []
  readonly #known = new WeakMap<DeliveryPolicy, (ResolvedPolicy | undefined)[]>()

  /** @param usual for messages that name none */
  constructor(usual: DeliveryPolicy = UNTIL_DELIVERED) {
    this.#usual = usual
    this.resolve()
  }

  /** As {@link resolvePolicy}; without a policy, that of the client. */
  resolve(policy: DeliveryPolicy = this.#usual, qos?: QoS): ResolvedPolicy {
    if (policy !== this.#policy) {
      // What is none throws here.
      const resolved = this.#known.get(policy) ?? []
      resolved[qos ?? 3] ??= resolvePolicy(policy, qos)
      this.#known.set(policy, resolved)
      this.#policy = policy
      this.#resolved = resolved
    }
    return (this.#resolved[qos ?? 3] ??= resolvePolicy(policy, qos))
  }
}

/** A policy as data that JSON takes; an expiry of `Infinity` is written as "never". */
export function policyToJson(policy: DeliveryPolicy | ResolvedPolicy): PolicyJson {
  const { expiresAfterMs, collapseKey, ...rest } = policy
  return {
    ...rest,
    ...(collapseKey !== undefined && { collapseKey }),
    expiresAfterMs: expiresAfterMs === Infinity ? NEVER : expiresAfterMs,
  }
}

/**
 * The policy that {@link policyToJson} wrote, checked and frozen.
 *
 * @throws {TypeError} @throws {RangeError} for what cannot be a policy
 */
export function policyFromJson(json: unknown): DeliveryPolicy {
  const given = json as PolicyJson
  const expiresAfterMs = given?.expiresAfterMs === NEVER ? Infinity : given?.expiresAfterMs
  const policy = typeof given === 'object' && given !== null ? { ...given, expiresAfterMs } : given
  check('delivery', policy, policy?.qos)
  return Object.freeze(policy)
}

/** What is given, and the usual for what is not; `undefined` is not given. */
function make(
  name: string,
  options: Partial<DeliveryPolicy>,
  usual: DeliveryPolicy,
): DeliveryPolicy {
  const policy = { ...usual, ...checkSome(name, options) }
  check(name, policy, policy.qos)
  return Object.freeze(policy)
}

function check(name: string, policy: DeliveryPolicy, qos: QoS): void {
  const { offline, durable, expiresAfterMs } = checkWhole(name, policy)
  checkQos('qos', qos)
  if (expiresAfterMs === 0 && offline === 'wait') {
    refuse(`${name}.expiresAfterMs`, 0, 'with offline "wait" give at least 1', RangeError)
  }
  if (durable === 'required' && offline === 'drop') {
    refuse(`${name}.offline`, offline, 'with durable "required" give "wait"')
  }
  if (durable === 'required' && qos === 0) {
    refuse('qos', qos, 'with durable "required" give 1 or 2: nothing acknowledges QoS 0')
  }
}
