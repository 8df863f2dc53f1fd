// From results to a verdict in words: a table whose rows are tried in turn, the gravest first.
// Every row that applies is a conclusion; the first is the verdict. Knows results alone, no server.

import type { CheckId } from './ids.ts'
import type { CheckResult, CheckVerdict, Conclusion } from './types.ts'

/** Fewer waiting messages than this are too few: what a device says once in five minutes, over a night. */
const FEW_MESSAGES = 100
/** A session that is gone sooner does not survive an evening without a network. */
const SHORT_SESSION_SECONDS = 3_600

/** The results by name. */
interface Results {
  is(id: CheckId, ...verdicts: CheckVerdict[]): boolean
  fact(id: CheckId, name: string): number | string | boolean | undefined
  advice(id: CheckId): string
}

/** One row: a conclusion, and when it holds. */
interface Row {
  readonly code: string
  readonly level: Conclusion['level']
  readonly holds: (r: Results) => boolean
  readonly text: (r: Results) => string
}

const number = (value: unknown, otherwise: number): number =>
  typeof value === 'number' ? value : otherwise

/** The fewest messages kept for an absent subscriber, at QoS 1 and 2. */
function fewestKept(r: Results): number {
  const counts = (['queue-qos1', 'queue-qos2'] as const)
    .filter((id) => r.is(id, 'limited', 'bad'))
    .map((id) => number(r.fact(id, 'kept'), Infinity))
  return Math.min(...counts)
}

/** What guaranteed delivery rests on. */
const ESSENTIAL: readonly CheckId[] = ['session', 'queue-qos1', 'qos1']

/** What exactly once rests on. */
const EXACTLY_ONCE: readonly CheckId[] = ['qos2', 'qos2-resent', 'qos2-unconfirmed']

const ROWS: readonly Row[] = [
  {
    code: 'session-lies',
    level: 'unfit',
    holds: (r) => r.is('session', 'bad') && r.fact('session', 'lies') === true,
    text: () =>
      'not fit for guaranteed delivery: says that it has a session which it has forgotten',
  },
  {
    code: 'no-session',
    level: 'unfit',
    holds: (r) => r.is('session', 'bad'),
    text: () => 'not fit for guaranteed delivery: forgets sessions when the connection breaks',
  },
  {
    code: 'no-qos1',
    level: 'unfit',
    holds: (r) => r.is('qos1', 'bad'),
    text: () => 'not fit for guaranteed delivery: QoS 1 does not work',
  },
  {
    code: 'forgets-at-restart',
    level: 'unfit',
    holds: (r) => r.is('restart', 'bad'),
    text: (r) => `keeps sessions but loses them at a restart: ${r.advice('restart')}`,
  },
  {
    code: 'forgets-at-crash',
    level: 'unfit',
    holds: (r) => r.is('kill', 'bad'),
    text: (r) => `keeps sessions but loses them at a crash: ${r.advice('kill')}`,
  },
  {
    code: 'keeps-no-messages',
    level: 'unfit',
    holds: (r) => r.is('queue-qos1', 'bad') && r.fact('queue-qos1', 'kept') === 0,
    text: (r) => `keeps no messages for who is away: ${r.advice('queue-qos1')}`,
  },
  {
    code: 'keeps-few-messages',
    level: 'unfit',
    holds: (r) => fewestKept(r) < FEW_MESSAGES,
    text: (r) => `forgets waiting messages beyond ${fewestKept(r)}: ${r.advice('queue-qos1')}`,
  },
  {
    code: 'queue-broken',
    level: 'unfit',
    holds: (r) => r.is('queue-qos1', 'bad') && number(r.fact('queue-qos1', 'kept'), 1) > 0,
    text: () => 'hands over what waited in the wrong order, or twice',
  },
  {
    code: 'session-short',
    level: 'unfit',
    holds: (r) =>
      number(r.fact('session-expiry', 'grantedSeconds'), Infinity) < SHORT_SESSION_SECONDS,
    text: (r) =>
      `keeps a session for ${r.fact('session-expiry', 'grantedSeconds')} s only: ${r.advice('session-expiry')}`,
  },
  {
    code: 'untrusted',
    level: 'unfit',
    holds: (r) => r.is('tls', 'bad'),
    text: () =>
      'its certificate is not good: clients that check it, as they should, cannot connect',
  },
  {
    code: 'essential-unknown',
    level: 'unknown',
    holds: (r) => ESSENTIAL.some((id) => r.is(id, 'unknown')),
    text: (r) =>
      `not shown to be fit: ${ESSENTIAL.filter((id) => r.is(id, 'unknown')).join(', ')} could not be found out`,
  },
  {
    code: 'restart-unknown',
    level: 'unknown',
    holds: (r) => r.is('restart', 'unknown') || r.is('kill', 'unknown'),
    text: () => 'what is left after a restart could not be found out',
  },
  {
    code: 'keeps-some-messages',
    level: 'limited',
    holds: (r) => Number.isFinite(fewestKept(r)),
    text: (r) => `forgets waiting messages beyond ${fewestKept(r)}: ${r.advice('queue-qos1')}`,
  },
  {
    code: 'session-bounded',
    level: 'limited',
    holds: (r) =>
      r.is('session-expiry', 'limited') &&
      r.fact('session-expiry', 'honoured') !== false &&
      number(r.fact('session-expiry', 'grantedSeconds'), 0) >= SHORT_SESSION_SECONDS,
    text: (r) =>
      `keeps a session for ${r.fact('session-expiry', 'grantedSeconds')} s at the most: ${r.advice('session-expiry')}`,
  },
  {
    code: 'loses-the-last',
    level: 'limited',
    holds: (r) => r.is('restart', 'limited') || r.is('kill', 'limited'),
    text: () => 'loses at a crash what it acknowledged just before',
  },
  {
    code: 'not-exactly-once',
    level: 'limited',
    holds: (r) =>
      EXACTLY_ONCE.some(
        (id) =>
          r.is(id, 'bad') || r.fact(id, 'supported') === false || r.fact(id, 'broke') === true,
      ),
    text: () => 'fit for delivery at least once; QoS 2, exactly once, is missing or not kept to',
  },
  {
    code: 'takeover',
    level: 'limited',
    holds: (r) => r.is('takeover', 'bad'),
    text: () => 'does not end the old connection of a client that comes again',
  },
  {
    code: 'restart-untested',
    level: 'fit',
    holds: (r) => ['restart', 'kill'].every((id) => !r.is(id as CheckId, 'ok', 'limited', 'bad')),
    text: () =>
      'fit for guaranteed delivery while it runs; whether it is after a restart was not tried',
  },
  {
    code: 'fit',
    level: 'fit',
    holds: () => true,
    text: () => 'fit for guaranteed delivery',
  },
]

/** What is said when what decides was not tried. */
const PARTIAL = { code: 'partial', level: 'limited' } as const

/** Every conclusion there is, in the order in which they are tried. */
export const CONCLUSIONS: readonly Pick<Conclusion, 'code' | 'level'>[] = [
  ...ROWS.map(({ code, level }) => ({ code, level })),
  PARTIAL,
]

/** What follows from the results, the gravest first. */
export function conclude(results: readonly CheckResult[]): readonly [Conclusion, ...Conclusion[]] {
  const find = (id: CheckId): CheckResult | undefined => results.find((one) => one.id === id)
  const r: Results = {
    is: (id, ...verdicts) => {
      const found = find(id)
      return found !== undefined && verdicts.includes(found.verdict)
    },
    fact: (id, name) => find(id)?.facts[name],
    advice: (id) => find(id)?.advice ?? find('queue-qos2')?.advice ?? 'see its settings',
  }
  const untried = ESSENTIAL.filter((id) => r.is(id, 'skipped') || find(id) === undefined)
  const found = ROWS.filter(({ holds }) => holds(r)).map(({ code, level, text }) => ({
    code,
    level,
    text: text(r),
  }))
  const graver = found.filter(({ level }) => level !== 'fit')
  if (graver.length === 0 && untried.length > 0) {
    const text = `nothing bad was found, but what decides was not tried: ${untried.join(', ')}`
    return [{ ...PARTIAL, text }]
  }
  const [first, ...rest] = graver.length > 0 ? graver : found.slice(0, 1)
  return [first as Conclusion, ...rest]
}

/** What no client can see. */
export const UNKNOWABLE: readonly string[] = [
  'whether it writes to the disk, and waits for the disk, before it acknowledges: a power cut may lose what was acknowledged just before',
  'how much it keeps for all clients together, and what it does when its memory or disk is full',
  'how long it keeps sessions of MQTT 3.1.1, and what it does after more time than was spent here',
  'whether other servers at the same address behave alike, and share sessions',
]
