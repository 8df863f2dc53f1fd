// What there is to visit: every legal pair of the engine's tables, and of the courier's places, with the
// states that they name. The courier's are the table in the docstring of src/robust/courier.ts, cell by cell.

import { CONNECTION_TRANSITIONS } from '../../src/engine/connection-states.ts'
import { PUBLISH_TRANSITIONS } from '../../src/engine/publish-states.ts'
import type { Visits } from './counters.ts'

/** `place event place`, or an outcome in place of the second place. */
const COURIER_MOVES: readonly string[] = [
  // Published before the outbox was read.
  'nowhere acceptEarly early',
  'nowhere acceptEarly outcome',
  // Replaced by a newer one.
  'early acceptEarly outcome',
  // No place beside what is read; `accept` follows, and finds the place that this has made.
  'early fitEarly outcome',
  'early accept line',
  'early acceptNext engine',
  'early timeout outcome',
  'early cancel outcome',
  'early storeFailed outcome',
  'nowhere acceptNext engine',
  'nowhere accept line',
  'nowhere accept outcome',
  'nowhere refuse outcome',
  'nowhere restore line',
  // Lifted to the priority of one behind it in its topic.
  'line accept line',
  'line restore line',
  'nowhere restore interrupted',
  'nowhere restoreLost again',
  'nowhere restoreLost outcome',
  // Another one takes its place: superseded, or evicted.
  'line accept outcome',
  'line acceptEarly outcome',
  'line fitEarly outcome',
  'later accept outcome',
  'line poll engine',
  'again poll engine',
  'line timeout outcome',
  'again timeout outcome',
  'later timeout outcome',
  'later timeout again',
  'engine timeout outcome',
  'interrupted timeout outcome',
  'line cancel outcome',
  'again cancel outcome',
  'later cancel outcome',
  'engine cancel outcome',
  'interrupted cancel outcome',
  'interrupted resumed engine',
  'interrupted resumed again',
  'interrupted lost again',
  'interrupted lost outcome',
  'engine interrupted interrupted',
  // Fleeting: it does not outlive the connection.
  'early closed outcome',
  'line closed outcome',
  'again closed outcome',
  'later closed outcome',
  // Poisoned.
  'interrupted closed outcome',
  'engine answer outcome',
  'engine answer later',
  'engine answer interrupted',
  'line storeFailed outcome',
  // Handed over, and never left: the connection had ended.
  'interrupted storeFailed outcome',
]

/** Rows of QoS 2 that neither client of this package can come through, and why. */
const CLOSED_TO_CLIENTS: readonly string[] = [
  // `umqtt/robust`, which alone records packet ids, lets nothing wait in the engine: it hands over what has room.
  'waiting bind',
]

/** What is to be visited, by table. */
export const TABLES: Readonly<Record<string, readonly string[]>> = {
  connection: pairsOf(CONNECTION_TRANSITIONS),
  'QoS 0': pairsOf(PUBLISH_TRANSITIONS[0]),
  'QoS 1': pairsOf(PUBLISH_TRANSITIONS[1]),
  'QoS 2': pairsOf(PUBLISH_TRANSITIONS[2]).filter((pair) => !CLOSED_TO_CLIENTS.includes(pair)),
  courier: COURIER_MOVES,
}

/** How much of the tables was visited. */
export interface Coverage {
  readonly states: { readonly visited: number; readonly all: number }
  readonly transitions: { readonly visited: number; readonly all: number }
  /** `table: pair` that no run came through. */
  readonly missed: readonly string[]
  /** The same of pairs that no table has. */
  readonly unknown: readonly string[]
}

export function coverageOf(visits: Visits): Coverage {
  const legal = Object.entries(TABLES).flatMap(([table, pairs]) =>
    pairs.map((pair) => `${table}: ${pair}`),
  )
  const known = new Set(legal)
  const seen = legal.filter((name) => (visits[name] ?? 0) > 0)
  return {
    states: { visited: statesOf(seen).size, all: statesOf(legal).size },
    transitions: { visited: seen.length, all: legal.length },
    missed: legal.filter((name) => !seen.includes(name)),
    unknown: Object.keys(visits).filter((name) => !known.has(name)),
  }
}

function pairsOf(table: Readonly<Record<string, Readonly<Record<string, string>>>>): string[] {
  return Object.entries(table).flatMap(([state, row]) =>
    Object.keys(row).map((event) => `${state} ${event}`),
  )
}

/** The states from which something was done: ends are reached by what leads to them. */
function statesOf(names: readonly string[]): Set<string> {
  return new Set(names.map((name) => /^.*?: \S+/.exec(name)?.[0] ?? name))
}
