// Reads a length of time as an application writes it: milliseconds, or a number with its unit.
// Rule: what comes out is a whole number of milliseconds, more than none and countable.

import { quote } from '../simple/checks.ts'

/** 1500 for milliseconds, or '250ms', '15s', '2m', '12h', '7d'. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/**
 * A duration in milliseconds, rounded up to a whole one.
 *
 * @param name what it is called in the message of an error
 * @throws {TypeError} it is neither a number nor a number with a unit
 * @throws {RangeError} it is not more than 0, or above 2^53 - 1 ms
 * @example
 * parseDuration('deadline', '15s') // 15000
 */
export function parseDuration(name: string, value: Duration): number {
  const [, digits, unit = ''] =
    typeof value === 'string' ? (/^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) ?? []) : []
  if (typeof value !== 'number' && digits === undefined) {
    throw new TypeError(
      `Cannot use ${name} ${quote(value)}: give milliseconds, or a number with ms, s, m, h or d such as "15s"`,
    )
  }
  const ms = Math.ceil(typeof value === 'number' ? value : Number(digits) * (UNITS_MS[unit] ?? NaN))
  if (!(ms > 0 && ms <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(
      `Cannot use ${name} ${quote(value)}: give more than 0 ms, and at most ${Number.MAX_SAFE_INTEGER}`,
    )
  }
  return ms
}
