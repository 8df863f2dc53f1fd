// Rules switched off, one by one: `npm run conformance:mutate` makes each change and shows that a test of
// every statement it names fails. A text to find is exact, and its file has it once.

import { CLIENT_CHANGES } from './mutations-client.ts'
import { CODEC_CHANGES } from './mutations-codec.ts'
import { ENGINE_CHANGES } from './mutations-engine.ts'
import type { Statements } from './rule.ts'

/** A text of a source, what takes its place, and the statements that this breaks. */
export type Change = readonly [find: string, replace: string, statements: Statements]

/** The changes of each source. */
export type Changes = Readonly<Record<string, readonly Change[]>>

/** One change. */
export interface Mutation {
  /** The statements that it breaks, as `<version> <id>`. */
  readonly statements: readonly string[]
  readonly file: string
  readonly find: string
  readonly replace: string
}

export const MUTATIONS: readonly Mutation[] = [CODEC_CHANGES, ENGINE_CHANGES, CLIENT_CHANGES]
  .flatMap((changes) => Object.entries(changes))
  .flatMap(([file, rows]) =>
    rows.map(([find, replace, statements]) => ({
      statements: keysOf(statements),
      file,
      find,
      replace,
    })),
  )

function keysOf({ both, v4, v5 }: Statements): string[] {
  const split = (version: string, ids = ''): string[] =>
    ids.split(' ').flatMap((id) => (id === '' ? [] : [`${version} ${id}`]))
  return [
    ...split('3.1.1', both),
    ...split('3.1.1', v4),
    ...split('5.0', both),
    ...split('5.0', v5),
  ]
}
