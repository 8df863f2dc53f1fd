// The report of a check as lines for a person: one for each check while it runs, and at the end what follows,
// what to do, and what cannot be known. Knows where text goes, and no server.

import type { CheckReport, CheckResult, CheckVerdict, Conclusion } from '../../check.node.ts'
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

/** One check in one line. */
export function lineOf({ verdict, title, seen }: CheckResult, terminal: Terminal): string {
  const word = terminal.paint(STYLES[verdict], verdict.padEnd(VERDICT_WIDTH))
  return `${word}  ${title.padEnd(TITLE_WIDTH)}  ${seen}`
}

/** Everything after the lines of the checks. */
export function summaryOf(report: CheckReport, terminal: Terminal): string {
  const { server, protocols, conclusions, results, unknowable, durationMs } = report
  const [verdict, ...further] = conclusions
  const versions = protocols.map((version) => (version === 5 ? '5.0' : '3.1.1')).join(' and ')
  const advised = results.filter(({ advice }) => advice !== undefined)
  return [
    '',
    `Server   ${serverOf(server)}; MQTT ${versions}; checked in ${(durationMs / 1_000).toFixed(1)} s`,
    `Verdict  ${terminal.paint(LEVELS[verdict?.level ?? 'fit'], verdict?.text ?? '')}`,
    ...further.map(({ text }) => `   also  ${text}`),
    ...section(
      'What to do:',
      advised.map(({ title, advice }) => `${title}: ${advice}`),
    ),
    ...section('What cannot be known from here:', unknowable),
    '',
  ].join('\n')
}

function serverOf({ product, version, evidence }: CheckReport['server']): string {
  if (product === 'unknown') return `not recognised: ${evidence}`
  return `${product}${version === undefined ? '' : ` ${version}`} (${evidence})`
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', heading, ...lines.map((line) => `  ${line}`)]
}
