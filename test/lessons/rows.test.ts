// Holds the table of lessons against the tests of this folder: no row without a test or a word on where it
// comes, no test without its row, and none twice.

import { deepEqual, ok } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LESSONS, type Lessons } from './rows.ts'

const FOLDER = join(process.cwd(), 'test/lessons')

/** A test, as its name says: `lesson umqtt 17: …`. */
const NAME = /\btest\(\s*['"`]lesson ([\w.]+) (\w+): ([^'"`]+)/g

interface NamedTest {
  readonly list: string
  readonly row: string
}

function testsIn(source: string): NamedTest[] {
  return Array.from(source.matchAll(NAME), ([, list = '', row = '']) => ({ list, row }))
}

const rowsOf = ({ rows }: Lessons): readonly string[] =>
  typeof rows === 'number' ? Array.from({ length: rows }, (_, index) => `${index + 1}`) : rows

/** What is wrong between a table and tests. */
function differences(lessons: readonly Lessons[], tests: readonly NamedTest[]): string[] {
  const told = new Set(tests.map(({ list, row }) => `${list} ${row}`))
  const known = new Set(lessons.flatMap((one) => rowsOf(one).map((row) => `${one.list} ${row}`)))
  const moved = new Set(
    lessons.flatMap(({ list, elsewhere }) => Object.keys(elsewhere).map((row) => `${list} ${row}`)),
  )
  return [
    ...[...known]
      .filter((row) => !told.has(row) && !moved.has(row))
      .map((row) => `${row}: no test`),
    ...[...told].filter((row) => !known.has(row)).map((row) => `${row}: no such row`),
    ...[...moved].filter((row) => !known.has(row)).map((row) => `${row}: elsewhere, but no row`),
    ...[...moved].filter((row) => told.has(row)).map((row) => `${row}: elsewhere, but tested`),
  ]
}

test('every lesson has a test or a word on where it comes', () => {
  // This file holds samples that are no tests.
  const sources = readdirSync(FOLDER).filter(
    (name) => name.endsWith('.test.ts') && name !== 'rows.test.ts',
  )
  ok(sources.length > 1)
  const tests = sources.flatMap((name) => testsIn(readFileSync(join(FOLDER, name), 'utf8')))
  deepEqual(differences(LESSONS, tests), [])
})

test('a lesson without a test is found, and a test without a lesson', () => {
  const table: readonly Lessons[] = [{ list: 'a', rows: 4, elsewhere: { 3: 'later', 9: 'never' } }]
  const tests = testsIn(`
    test('lesson a 1: it holds', () => {})
    test(
      "lesson a 3: it holds", () => {})
    test('lesson b 1: it holds', () => {})
  `)
  deepEqual(differences(table, tests), [
    'a 2: no test',
    'a 4: no test',
    'b 1: no such row',
    'a 9: elsewhere, but no row',
    'a 3: elsewhere, but tested',
  ])
})
