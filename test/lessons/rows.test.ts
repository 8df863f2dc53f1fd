// Holds the table of lessons against the tests: no row without a test of this folder, tests that prove it, or a
// word on where it comes; no test without its row, and no name of a test that is not there.

import { deepEqual, ok } from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LESSONS, type Lessons } from './rows.ts'

const TESTS = join(process.cwd(), 'test')
const FOLDER = join(TESTS, 'lessons')

/** A test, as its name says: `lesson umqtt 17: …`. */
const NAME = /\btest\(\s*['"`]lesson ([\w.]+) (\w+): ([^'"`]+)/g

/** Any test that is run: one that is skipped in its source has another word. */
const ANY_NAME = /\b(?:test|it)\(\s*(['"`])((?:(?!\1)[^\\\n])+)\1/g

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
  const proved = new Set(
    lessons.flatMap(({ list, proofs = {} }) => Object.keys(proofs).map((row) => `${list} ${row}`)),
  )
  return [
    ...[...known]
      .filter((row) => !told.has(row) && !moved.has(row) && !proved.has(row))
      .map((row) => `${row}: no test`),
    ...[...told].filter((row) => !known.has(row)).map((row) => `${row}: no such row`),
    ...[...moved].filter((row) => !known.has(row)).map((row) => `${row}: elsewhere, but no row`),
    ...[...proved].filter((row) => !known.has(row)).map((row) => `${row}: proved, but no row`),
    ...[...moved]
      .filter((row) => told.has(row) || proved.has(row))
      .map((row) => `${row}: elsewhere, but tested`),
  ]
}

/** Which tests a table names that are not there. @param read gives what a file holds, if there is one */
function lostProofs(
  lessons: readonly Lessons[],
  read: (file: string) => string | undefined,
): string[] {
  return lessons.flatMap(({ list, proofs = {} }) =>
    Object.entries(proofs).flatMap(([row, files]) => {
      if (Object.values(files).flat().length === 0) return [`${list} ${row}: names no test`]
      return Object.entries(files).flatMap(([file, names]) => {
        const source = read(file)
        if (source === undefined) return [`${list} ${row}: there is no "${file}"`]
        const there = Array.from(source.matchAll(ANY_NAME), ([, , name = '']) => name)
        return names
          .filter((name) => !there.includes(name))
          .map((name) => `${list} ${row}: "${file}" has no "${name}"`)
      })
    }),
  )
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

test('every test that a lesson names is there', () => {
  const read = (file: string): string | undefined => {
    const path = join(TESTS, file)
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined
  }
  deepEqual(lostProofs(LESSONS, read), [])
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

test('a lesson that names a test needs no other, and one that is not there is found', () => {
  const table: readonly Lessons[] = [
    {
      list: 'a',
      rows: 3,
      elsewhere: { 2: 'later' },
      proofs: {
        1: { 'x.test.ts': ['holds `it`', 'fails'], 'y.test.ts': ['holds'] },
        2: { 'x.test.ts': ['skipped'] },
        3: {},
        4: { 'x.test.ts': ["holds at '${once}'"] },
      },
    },
  ]
  deepEqual(differences(table, []), ['a 4: proved, but no row', 'a 2: elsewhere, but tested'])
  const source = "test('holds `it`', f)\nit(\n  `holds at '${once}'`, f)\ntest.skip('skipped', f)"
  deepEqual(
    lostProofs(table, (file) => (file === 'x.test.ts' ? source : undefined)),
    [
      'a 1: "x.test.ts" has no "fails"',
      'a 1: there is no "y.test.ts"',
      'a 2: "x.test.ts" has no "skipped"',
      'a 3: names no test',
    ],
  )
})
