// The report of a check as lines for a person: one for each check while it runs, and at the end what follows,
// what to do, and what cannot be known. Knows where text goes, and no server.

import type { CheckReport, CheckResult, CheckVerdict, Conclusion } from '../../check.node.ts'
import { besides } from '../help.ts'
import { harmless } from '../readable.ts'
import type { Style, Terminal } from '../terminal.ts'

const STYLES: Readonly<Record<CheckVerdict, Style>> = {
  ok: 'green',
  limited: 'yellow',
  bad: 'red',
  unknown: 'cyan',
  skipped: 'dim',
}

const LEVELS: Readonly<Record<Conclusion['level'], Style>> = {
  fit: 'green',
  limited: 'yellow',
  unknown: 'cyan',
  unfit: 'red',
}

const VERDICT_WIDTH = 7
const TITLE_WIDTH = 24
const HEAD_WIDTH = 9
const GAP = '  '
/** What has to be there for what was seen, else it goes below. */
const SEEN_WIDTH = 25

/** One check in one line; on a terminal that is narrow, in several that stand below each other. */
export function lineOf({ verdict, title, seen }: CheckResult, terminal: Terminal): string {
  const { room } = terminal
  const beside = `${verdict.padEnd(VERDICT_WIDTH)}${GAP}${title.padEnd(TITLE_WIDTH)}${GAP}`
  const text = harmless(seen, '')
  const lines =
    room - beside.length >= SEEN_WIDTH
      ? besides(beside, text, room)
      : `${verdict.padEnd(VERDICT_WIDTH)}${GAP}${title}\n${besides(' '.repeat(VERDICT_WIDTH + GAP.length), text, room)}`
  return terminal.paint(STYLES[verdict], lines.slice(0, VERDICT_WIDTH)) + lines.slice(VERDICT_WIDTH)
}

/** Everything after the lines of the checks. */
export function summaryOf(report: CheckReport, terminal: Terminal): string {
  const { server, protocols, conclusions, results, unknowable, durationMs } = report
  const [verdict, ...further] = conclusions
  const versions = protocols.map((version) => (version === 5 ? '5.0' : '3.1.1')).join(' and ')
  const advised = results.filter(({ advice }) => advice !== undefined)
  const { room } = terminal
  const row = (head: string, text: string): string =>
    besides(head.padEnd(HEAD_WIDTH), harmless(text, ''), room)
  const verdictRow = row('Verdict', verdict?.text ?? '')
  return [
    '',
    row(
      'Server',
      `${serverOf(server)}; MQTT ${versions}; checked in ${(durationMs / 1_000).toFixed(1)} s`,
    ),
    verdictRow.slice(0, HEAD_WIDTH) +
      terminal.paint(LEVELS[verdict?.level ?? 'fit'], verdictRow.slice(HEAD_WIDTH)),
    ...further.map(({ text }) => row('   also', text)),
    ...section(
      'What to do:',
      advised.map(({ title, advice }) => `${title}: ${advice}`),
      room,
    ),
    ...section('What cannot be known from here:', unknowable, room),
    '',
  ].join('\n')
}

function serverOf({ product, version, evidence }: CheckReport['server']): string {
  if (product === 'unknown') return `not recognised: ${evidence}`
  return `${product}${version === undefined ? '' : ` ${version}`} (${evidence})`
}

function section(heading: string, lines: readonly string[], room: number): string[] {
  if (lines.length === 0) return []
  return ['', heading, ...lines.map((line) => besides(GAP, line, room))]
}
