// Compiles a TypeScript project and removes what it left behind of sources that are gone.
// A stale file would otherwise go on being tested, or be shipped.

import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, runTool } from './run.mjs'

/** What each configuration that emits makes: where from, where to. */
const PROJECTS = {
  ship: { config: 'tsconfig.json', from: 'src', to: 'dist' },
  test: { config: 'tsconfig.test.json', from: '.', to: 'build' },
}

/**
 * @param {keyof typeof PROJECTS} name `ship` makes dist/, `test` makes build/
 * @returns {Promise<boolean>} whether it compiled without an error
 */
export async function compile(name) {
  const { config, from, to } = PROJECTS[name]
  const { code } = await runTool('typescript/bin/tsc', ['-p', config])
  sweep(join(ROOT, from), join(ROOT, to))
  return code === 0
}

/**
 * Makes dist/, then build/, whose tests may import the package by its name.
 * @returns {Promise<boolean>} whether both compiled without an error
 */
export async function compileAll() {
  const shipped = await compile('ship')
  return (await compile('test')) && shipped
}

/**
 * Removes compiled files without a source.
 * @param {string} from
 * @param {string} to
 */
function sweep(from, to) {
  if (!existsSync(to)) return
  for (const entry of readdirSync(to, { withFileTypes: true })) {
    const compiled = join(to, entry.name)
    if (entry.isDirectory()) {
      if (existsSync(join(from, entry.name))) sweep(join(from, entry.name), compiled)
      else rmSync(compiled, { recursive: true })
      continue
    }
    const stem = entry.name.replace(/(\.d)?\.[cm]?[jt]s(\.map)?$/, '')
    if (stem === entry.name) continue
    if (!existsSync(join(from, `${stem}.ts`))) rmSync(compiled, { force: true })
  }
}
