// docs/servers.md has its table in the form in which `npm run servers` writes it, with every server and every
// row. Whether it is true is compared by the runs of the matrix themselves.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { FEATURES, cell, parseTable, renderTable, tableOf, withTable } from './interop/findings.ts'
import { SERVER_NAMES } from './support/servers.ts'

const text = readFileSync('docs/servers.md', 'utf8')

test('the table of servers is as it is written by the run', () => {
  const findings = parseTable(tableOf(text))
  equal(renderTable(findings), tableOf(text))
  for (const server of SERVER_NAMES) {
    ok(findings.has(cell(server, 'version')), `${server} was not run`)
    ok(findings.has(cell(server, 'chaos on the links')), `${server} was not run to its end`)
  }
})

test('a table is read back as it was written, and changes nothing around it', () => {
  const findings = new Map(
    FEATURES.slice(0, 3).map((feature, i) => [cell('nats', feature), `what was seen, ${i}`]),
  )
  const changed = withTable(text, renderTable(findings))
  deepEqual(parseTable(tableOf(changed)), findings)
  equal(withTable(changed, tableOf(text)), text)
})
