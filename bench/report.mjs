// The table: one row a scenario, one column a client, targets and verdicts beside the figures. Pure: it is given
// figures and gives Markdown.

import { PEERS } from './peers.mjs'

const UNITS = { publish: 'µs', receive: 'µs', idle: 'kB', offer: 'B', offline: 'B' }

export function renderReport({ rows, peers, absent, command, machine, rounds, seconds }) {
  const head = [
    'measured',
    'unit',
    ...peers.map(({ title }) => title),
    'target',
    'reached',
    'verdict',
  ]
  const table = [head, head.map((_, i) => (i === 0 || i > peers.length + 1 ? '---' : '---:'))]
  for (const row of rows) table.push(renderRow(row, peers))
  const lines = [
    '# What umqtt costs, beside its peers',
    '',
    `Made by \`${command}\` in ${seconds} s. ${machine}.`,
    `Versions: ${peers.map(({ title, version }) => `${title} ${version}`.trim()).join(', ')}.`,
    ...absent.map((text) => `Absent: ${text}.`),
    '',
    `Processor time is that of the client's process, user and system, divided by the messages, after a warm-up half as long; every client in a fresh process, interleaved, medians of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}. The server (server.mjs) is another process and does not count.`,
    '"bare socket" is no client: bytes encoded beforehand through a Node socket, the practical limit; for idle connections a socket with a listener for data, over which CONNECT and CONNACK have gone.',
    '',
    ...table.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    ...renderChoices(rows, peers),
    ...renderRemarks(rows, peers),
  ]
  return lines.join('\n').trimEnd()
}

function renderRow({ scenario, cells }, peers) {
  const verdicts = scenario.targets.map((target) => judge(target, cells))
  return [
    scenario.title,
    UNITS[scenario.kind],
    ...peers.map(({ id }) => renderCell(scenario.kind, cells.get(id))),
    scenario.targets.map(describe).join('; '),
    verdicts.map(({ reached }) => reached).join('; '),
    verdicts.map(({ passed }) => passed).join('; '),
  ]
}

function renderCell(kind, cell) {
  if (cell === undefined) return ''
  if (cell.failure !== undefined) return 'FAILED'
  if (kind === 'idle') return (cell.figure / 1000).toFixed(1)
  if (kind === 'offer' || kind === 'offline') return cell.figure.toFixed(0)
  return cell.figure.toFixed(cell.figure < 1 ? 3 : 2)
}

function describe(target) {
  if (target.limit !== undefined) return `under ${target.limit} B`
  const { title } = PEERS.find(({ id }) => id === target.against)
  if (target.atMost !== undefined) return `at most ${target.atMost} × ${title}`
  return target.timesLess === 1 ? `less than ${title}` : `${target.timesLess} × less than ${title}`
}

function judge(target, cells) {
  const own = cells.get('umqtt')?.figure
  const other = target.limit === undefined ? cells.get(target.against)?.figure : target.limit
  if (!Number.isFinite(own) || !Number.isFinite(other)) return { reached: '—', passed: '—' }
  if (target.limit !== undefined) return verdict(`${own.toFixed(0)} B`, own < other)
  if (target.atMost !== undefined) {
    return verdict(`${(own / other).toFixed(2)} ×`, own / other <= target.atMost)
  }
  return verdict(`${(other / own).toFixed(1)} ×`, other / own >= target.timesLess && other > own)
}

function verdict(reached, passed) {
  return { reached, passed: passed ? 'pass' : '**fail**' }
}

/** Which protocol and window a client was given when several were tried. */
function renderChoices(rows, peers) {
  const lines = []
  for (const { id, title } of peers) {
    const chosen = rows
      .filter(({ cells }) => (cells.get(id)?.tried.length ?? 0) > 1)
      .map(({ scenario, cells }) => {
        const { protocol, window } = cells.get(id).variant
        const name = protocol === 5 ? '5.0' : '3.1.1'
        return `${scenario.name} ${name}${scenario.kind === 'publish' ? `/${window}` : ''}`
      })
    if (chosen.length > 0) lines.push(`- ${title}: ${chosen.join(', ')}`)
  }
  if (lines.length === 0) return []
  return [
    'Protocol version and window or burst that served each client best in a trial round:',
    '',
    ...lines,
    '',
  ]
}

function renderRemarks(rows, peers) {
  const lines = []
  for (const { scenario, cells } of rows) {
    for (const { id, title } of peers) {
      const cell = cells.get(id)
      if (cell?.failure !== undefined)
        lines.push(`- ${scenario.name}, ${title}: FAILED, ${cell.failure}`)
      for (const remark of cell?.remarks ?? [])
        lines.push(`- ${scenario.name}, ${title}: ${remark}`)
    }
  }
  return lines.length === 0 ? [] : ['Remarks:', '', ...lines]
}
