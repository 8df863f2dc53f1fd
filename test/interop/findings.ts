// What a run of the matrix saw of each server, and the table that is made of it in docs/servers.md.
// `npm run servers` writes it; any other run compares what it sees with what is written, for a server of
// the version that is written there.

import { equal } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { type Route, SERVER_NAMES, type ServerName, type TestServer } from '../support/servers.ts'
import { TRAITS } from './traits.ts'

/** The rows of the table, in their order. */
export const FEATURES = [
  'version',
  'MQTT',
  'how 5.0 is refused',
  'wrong password',
  'routes',
  'WebSocket',
  'QoS granted',
  'a message at QoS 2',
  'PUBREL of a free id',
  'session kept',
  'in flight when the link breaks',
  'sends again with DUP and the old id',
  'sent ahead of acknowledgements',
  'retained messages',
  'will',
  'payload of 3 MiB',
  'topics',
  'shared subscriptions',
  'topic aliases',
  'chaos on the links',
  'umqtt check says',
] as const
export type Feature = (typeof FEATURES)[number]

/** What was seen. */
export interface Finding {
  readonly server: ServerName
  readonly feature: Feature
  readonly words: string
}

/** Cells by server and feature. */
export type Findings = ReadonlyMap<string, string>

const DOCUMENT = 'docs/servers.md'
const MARKS = ['<!-- the table: npm run servers -->', '<!-- the end of the table -->'] as const
/** What stands where nothing was seen. */
const NONE = '–'

/** A key of {@link Findings}. */
export function cell(server: ServerName, feature: Feature): string {
  return `${server}: ${feature}`
}

/** Where something was seen: the table has what is so over TCP, in the best version. */
interface Where {
  readonly server: TestServer
  readonly route?: Route
  readonly protocol?: 4 | 5
}

/** Notes what was seen. @throws when the document says otherwise of this version of the server */
export function found(
  t: TestContext,
  { server, route = 'tcp', protocol }: Where,
  feature: Feature,
  words: string,
): void {
  const shown = feature === 'WebSocket' ? 'ws' : 'tcp'
  const [best] = TRAITS[server.name].protocols
  if (route !== shown || (protocol ?? best) !== best) return
  const finding: Finding = { server: server.name, feature, words }
  t.diagnostic(`finding ${JSON.stringify(finding)}`)
  if (process.env['UMQTT_FINDINGS'] !== undefined) return
  const written = parseTable(tableOf(readFileSync(DOCUMENT, 'utf8')))
  if (written.get(cell(server.name, 'version')) !== server.version) return
  equal(words, written.get(cell(server.name, feature)), `${DOCUMENT} says otherwise`)
}

/** The table as Markdown, laid out as prettier does. */
export function renderTable(findings: Findings): string {
  const rows = [
    ['', ...SERVER_NAMES],
    ...FEATURES.map((feature) => [
      feature,
      ...SERVER_NAMES.map((server) => findings.get(cell(server, feature)) ?? NONE),
    ]),
  ]
  const widths =
    rows[0]?.map((_, i) => Math.max(3, ...rows.map((row) => row[i]?.length ?? 0))) ?? []
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text, i) => text.padEnd(widths[i] ?? 0)).join(' | ')} |`
  const [head = [], ...body] = rows
  const rule = widths.map((width) => '-'.repeat(width))
  return [line(head), line(rule), ...body.map(line)].join('\n')
}

/** Reads it back. */
export function parseTable(table: string): Findings {
  const findings = new Map<string, string>()
  const [head = [], , ...rows] = table
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.slice(1, -1).split('|'))
    .map((cells) => cells.map((text) => text.trim()))
  for (const [feature, ...cells] of rows) {
    for (const [i, words] of cells.entries()) {
      if (words !== NONE) findings.set(cell(head[i + 1] as ServerName, feature as Feature), words)
    }
  }
  return findings
}

/** The table that a document has between its marks. */
export function tableOf(text: string): string {
  const [begin, end] = MARKS.map((mark) => text.indexOf(mark)) as [number, number]
  if (begin === -1 || end === -1) throw new Error(`${DOCUMENT} has no marks around its table`)
  return text.slice(begin + MARKS[0].length, end).trim()
}

/** The document with another table. */
export function withTable(text: string, table: string): string {
  return text.replace(tableOf(text), () => table)
}
