// The normative statements of MQTT 3.1.1 and 5.0 for a client, one by one: each has a verdict, each verdict
// stands on tests that have passed in this very process, and no test speaks of a statement in vain.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MUTATIONS } from './conformance/mutations.ts'
import { RUNS } from './conformance/rule.ts'
import { VERDICTS } from './conformance/verdicts.ts'
import './conformance/acknowledgements.test.ts'
import './conformance/auth.test.ts'
import './conformance/connack.test.ts'
import './conformance/connect.test.ts'
import './conformance/flow-control.test.ts'
import './conformance/headers.test.ts'
import './conformance/ping-disconnect.test.ts'
import './conformance/publish.test.ts'
import './conformance/sessions.test.ts'
import './conformance/strings.test.ts'
import './conformance/subscribe.test.ts'
import './conformance/topics.test.ts'
import './conformance/transport.test.ts'
import './conformance/websocket.test.ts'

interface Statement {
  readonly id: string
  readonly version: '3.1.1' | '5.0'
  readonly role: string
  readonly requires: string
}

const ROOT = process.cwd()
const statements = JSON.parse(
  readFileSync(join(ROOT, 'test/conformance/statements.json'), 'utf8'),
) as readonly Statement[]

/** How many statements of each version the standards have for a client. */
const COUNTS = { '3.1.1': 87, '5.0': 187 }

function keyOf({ version, id }: { version: string; id: string }): string {
  return `${version} ${id}`
}

function testsOf(key: string): readonly string[] {
  const verdict = VERDICTS.get(key)
  return verdict !== undefined && 'tests' in verdict ? verdict.tests : []
}

// These run last: tests of one file run in the order of their registration.

test('every file of this folder with tests is part of the suite', () => {
  const here = readFileSync(join(ROOT, 'test/conformance.test.ts'), 'utf8')
  const files = readdirSync(join(ROOT, 'test/conformance')).filter((n) => n.endsWith('.test.ts'))
  deepEqual(
    files.filter((name) => !here.includes(`import './conformance/${name}'`)),
    [],
  )
})

test('the list of statements is whole and names each once', () => {
  const keys = statements.map(keyOf)
  equal(new Set(keys).size, keys.length)
  for (const [version, count] of Object.entries(COUNTS)) {
    equal(statements.filter((one) => one.version === version).length, count)
  }
})

test('every statement has one verdict, and every verdict a statement', () => {
  deepEqual([...VERDICTS.keys()].sort(), statements.map(keyOf).sort())
})

test('every verdict gives tests or a reason', () => {
  for (const [key, verdict] of VERDICTS) {
    if ('notApplicable' in verdict) ok(verdict.notApplicable.length > 40, key)
    else if ('deviation' in verdict) ok(verdict.deviation.length > 40, key)
    else ok(verdict.tests.length > 0, key)
  }
})

test('every test that a verdict names is tagged with its statement and has passed', () => {
  for (const [key] of VERDICTS) {
    for (const subject of testsOf(key)) {
      const runs = RUNS.filter(
        (run) => run.subject === subject && run.ids.some((id) => keyOf({ ...run, id }) === key),
      )
      equal(runs.length, 1, `${key}: ${runs.length} tests are called "${subject}" and tagged so`)
      ok(runs[0]?.passed, `${key}: "${subject}" has not passed`)
    }
  }
})

test('every tag of a test is in the verdict of its statement', () => {
  for (const run of RUNS) {
    for (const id of run.ids) {
      const key = keyOf({ ...run, id })
      ok(testsOf(key).includes(run.subject), `${key} does not name "${run.subject}"`)
    }
  }
})

test('every mutation finds its place in its source, once', () => {
  const lost = MUTATIONS.flatMap(({ file, find }) => {
    const path = join(ROOT, file)
    const times = existsSync(path) ? readFileSync(path, 'utf8').split(find).length - 1 : 0
    return times === 1
      ? []
      : [`${file} has "${find}" ${times} times: mend test/conformance/mutations-*.ts`]
  })
  deepEqual(lost, [])
})

test('every mutation changes something that a tested statement speaks of', () => {
  for (const { statements: keys, file, find, replace } of MUTATIONS) {
    ok(find !== replace && keys.length > 0, `${file}: "${find}"`)
    for (const key of keys) ok(testsOf(key).length > 0, `${key} has no tests`)
  }
})

test('the statements are counted', (t) => {
  const mutated = new Set(MUTATIONS.flatMap((mutation) => mutation.statements))
  for (const version of Object.keys(COUNTS)) {
    const verdicts = statements
      .filter((one) => one.version === version)
      .map((one) => VERDICTS.get(keyOf(one)))
    const deviations = verdicts.filter((one) => one !== undefined && 'deviation' in one).length
    const notApplicable = verdicts.filter(
      (one) => one !== undefined && 'notApplicable' in one,
    ).length
    const open = verdicts.filter((one) => one === undefined).length
    const tested = verdicts.length - deviations - notApplicable - open
    const proved = [...mutated].filter((key) => key.startsWith(`${version} `)).length
    t.diagnostic(
      `MQTT ${version}: ${verdicts.length} statements, ${tested} tested (${proved} shown to fail when switched off), ` +
        `${notApplicable} not applicable, ${deviations} deviations, ${open} open`,
    )
    equal(open, 0)
  }
})
