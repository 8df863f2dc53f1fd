// One row of the table of checks, and the few words with which a check says what it found.
// A check throws what the connection throws; who runs it makes a finding of that, too.

import type { CheckId } from './ids.ts'
import type { Bench } from './lab.ts'
import type { CheckVerdict, Facts } from './types.ts'

/** What a check found. */
export interface Finding {
  readonly verdict: CheckVerdict
  readonly seen: string
  readonly facts: Facts
}

/** One check. */
export interface CheckRow {
  readonly id: CheckId
  readonly title: string
  /** The versions of MQTT that have such a thing. @default both */
  readonly since?: 5
  /** The verdict when the server ends the connection over it, or does not answer. @default 'bad' */
  readonly failing?: 'bad' | 'limited'
  /** What takes seconds by its nature begins first. @default false */
  readonly slow?: true
  readonly run: (bench: Bench) => Promise<Finding>
}

type Say = (seen: string, facts?: Facts) => Finding

const say =
  (verdict: CheckVerdict): Say =>
  (seen, facts = {}) => ({ verdict, seen, facts })

export const ok: Say = say('ok')
export const limited: Say = say('limited')
export const bad: Say = say('bad')
export const unknown: Say = say('unknown')
export const skipped: Say = say('skipped')

/** A number and what it counts. */
export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}
