// The table of warnings is that of the sources: each code that a client warns with has its row, which says of which
// client it is, and there is no row beside.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

/** A call of any `warn` of ours, and what it is given first. */
const CALL = /\bwarn\(\s*('[^']*'|[^,)]*)/g
/** Who hands on a code that was given to it, or declares that it does. */
const HANDS_ON = /^(?:code(?:: string)?|`[^]*)$/

/** The codes that a text warns with, and calls whose code cannot be seen. */
function codesOf(text: string): { readonly codes: string[]; readonly hidden: string[] } {
  const given = Array.from(text.matchAll(CALL), ([, first = '']) => first.trim())
  return {
    codes: given.flatMap((first) => (first.startsWith("'") ? [first.slice(1, -1)] : [])),
    hidden: given.filter((first) => !first.startsWith("'") && !HANDS_ON.test(first)),
  }
}

/** The codes of a table, and of which client they are. */
const rowsOf = (page: string): (readonly [code: string, from: string])[] =>
  Array.from(
    page.matchAll(/^\| `([a-z-]+)` +\| (both|`umqtt\/robust`) +\| \S.* \| \S.* \|$/gm),
    ([, code = '', from = '']) => [code, from] as const,
  )

test('docs/warnings.md has every code that a client warns with, and no other', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  )
  const found = new Map<string, string>()
  // What umqtt/simple warns of, umqtt/robust does too, which is built on it.
  for (const path of sources.sort()) {
    const { codes, hidden } = codesOf(readFileSync(join('src', path), 'utf8'))
    deepEqual(hidden, [], path)
    const isShared = !path.startsWith('robust/')
    for (const code of codes) {
      if (isShared || !found.has(code)) found.set(code, isShared ? 'both' : '`umqtt/robust`')
    }
  }
  ok(found.size > 10)
  const rows = rowsOf(readFileSync('docs/warnings.md', 'utf8'))
  equal(new Set(rows.map(([code]) => code)).size, rows.length)
  deepEqual(
    rows,
    [...found].sort(([a], [b]) => (a < b ? -1 : 1)),
  )
})

test('a code of a warning is found wherever its line ends, and one that is hidden too', () => {
  const text = `
    this.warn('a', text)
    this.#owner.warn(
      'b',
      text)
    warn(code: string, message: string): void {
    this.core.warn(code, message)
    warn(\`No \${code}\`)
    owner.warn(codeOf(x), text)
  `
  deepEqual(codesOf(text), { codes: ['a', 'b'], hidden: ['codeOf(x'] })
  deepEqual(rowsOf('| `a` | both | why | what |\n| `b` | both |  | what |\n'), [['a', 'both']])
})
