// Which tests run on every JavaScript engine: they import node:test, node:assert/strict, fast-check and
// portable files alone. Those of the pure layers are; another test file says so in its first line.

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Every test in these folders is portable. */
const FOLDERS = ['codec', 'engine']

/** The first line of a portable test elsewhere. */
const MARK = '// portable'

/**
 * The portable test files.
 * @param root the root of the repository
 * @returns paths of sources relative to the root, such as `test/codec/decoder.test.ts`, sorted
 */
export function portableTests(root: string): string[] {
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.test.ts'))
    .filter(
      (path) =>
        FOLDERS.some((folder) => path.startsWith(`${folder}/`)) ||
        readFileSync(join(root, 'test', path), 'utf8').startsWith(MARK),
    )
    .map((path) => `test/${path}`)
    .sort()
}
