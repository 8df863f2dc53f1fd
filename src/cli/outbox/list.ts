// The list of what waits: a table that fits the terminal, and lines with tabs elsewhere. The widths are those of
// the first rows, so that a list of a million begins at once.

import type { StoredMessage } from '../../outbox/inspect.ts'
import { plain } from '../readable.ts'
import type { Terminal } from '../terminal.ts'
import { ageOf, expiryOf, isoOf } from './words.ts'

/** Rows whose widths count. */
const MEASURED = 200
/** What a topic has at least; columns are left out where it has not. */
const TOPIC_COLUMNS = 20
const GAP = '  '

type Cell = (message: StoredMessage, now: number) => string

interface Column {
  readonly head: string
  readonly cell: Cell
  /** The columns with the highest number are left out first; those without one stay. */
  readonly rank?: number
}

const COLUMNS: readonly Column[] = [
  { head: 'ID', cell: ({ id }) => plain(id) },
  { head: 'STAGE', cell: ({ stage }) => stage },
  { head: 'AGE', cell: ageOf, rank: 1 },
  { head: 'EXPIRES', cell: expiryOf, rank: 2 },
  { head: 'QOS', cell: ({ qos }) => String(qos), rank: 4 },
  { head: 'PRIORITY', cell: ({ policy }) => String(policy.priority), rank: 5 },
  { head: 'BYTES', cell: ({ sizeBytes }) => String(sizeBytes), rank: 3 },
]

/** A line of fields with tabs between them: id, stage, QoS, priority, bytes, published, ms to its end, topic. */
export function tabbed(message: StoredMessage): string {
  const { id, stage, qos, policy, sizeBytes, publishedAtMs, expiresInMs, topic } = message
  const expires = expiresInMs === Infinity ? 'never' : Math.round(expiresInMs)
  return [
    ...[plain(id), stage, qos, policy.priority, sizeBytes, isoOf(publishedAtMs), expires],
    plain(topic),
  ].join('\t')
}

/** The table on a terminal. */
export async function writeTable(
  messages: AsyncIterable<StoredMessage>,
  out: Terminal,
  now: number,
): Promise<void> {
  let first: StoredMessage[] | undefined = []
  let columns: readonly (Column & { readonly width: number })[] = []
  const row = (cells: (column: Column) => string, topic: string): string => {
    const left = columns.map((column) => cells(column).padEnd(column.width)).join(GAP)
    const room = Math.max(TOPIC_COLUMNS / 2, out.columns - left.length - GAP.length - 1)
    const letters = Array.from(topic)
    const cut = letters.length > room ? `${letters.slice(0, room - 1).join('')}…` : topic
    return `${left}${GAP}${cut}`
  }
  const write = (message: StoredMessage): Promise<void> =>
    out.line(row(({ cell }) => cell(message, now), plain(message.topic)))
  const begin = async (): Promise<void> => {
    const measured = first ?? []
    first = undefined
    if (measured.length === 0) return
    columns = fitting(measured, out.columns, now)
    await out.line(
      out.paint(
        'bold',
        row(({ head }) => head, 'TOPIC'),
      ),
    )
    for (const message of measured) await write(message)
  }
  for await (const message of messages) {
    if (first === undefined) await write(message)
    else if (first.push(message) === MEASURED) await begin()
  }
  await begin()
}

/** The columns that leave room for the topic. */
function fitting(
  messages: readonly StoredMessage[],
  width: number,
  now: number,
): readonly (Column & { readonly width: number })[] {
  let columns = COLUMNS.map((column) => ({
    ...column,
    width: Math.max(
      column.head.length,
      ...messages.map((message) => column.cell(message, now).length),
    ),
  }))
  for (;;) {
    const taken = columns.reduce((sum, column) => sum + column.width + GAP.length, 0)
    const last = Math.max(...columns.map(({ rank = 0 }) => rank))
    if (taken + TOPIC_COLUMNS <= width || last === 0) return columns
    columns = columns.filter(({ rank }) => rank !== last)
  }
}
