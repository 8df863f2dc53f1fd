// A length of time as a person writes it. The units are those of the client's policies; a number alone is seconds, as
// everywhere on a command line.

import { type Duration, within } from '../robust.node.ts'
import { shown, UsageError } from './usage-error.ts'

/** In ms. @throws {UsageError} it is no length of time */
export function readDuration(given: string, name: string): number {
  const text = /^[\d.]+$/.test(given) ? `${given}s` : given
  try {
    return within(text as Duration).expiresAfterMs
  } catch {
    throw new UsageError(
      `Cannot use ${name} ${shown(given)}: write seconds, or a number with ms, s, m, h or d such as 15s`,
    )
  }
}
