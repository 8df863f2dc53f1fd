// Puts other runtimes where tests find them, as links in .runtimes/ to what npx keeps:
// `npm run runtimes:install`, or `npm run runtimes:install node22 bun`.

import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, run } from './lib/run.mjs'
import { RUNTIMES } from './lib/runtimes.mjs'

const FOLDER = join(ROOT, '.runtimes')

const names = process.argv.slice(2)
const unknown = names.find((name) => RUNTIMES.every((runtime) => runtime.name !== name))
if (unknown !== undefined) throw new RangeError(`Unknown runtime "${unknown}"`)

mkdirSync(FOLDER, { recursive: true })
for (const { name, package_, where } of RUNTIMES) {
  if (names.length > 0 && !names.includes(name)) continue
  const args = ['--yes', '--package', package_, ...where]
  const { code, output } = await run('npx', args, { capture: true })
  const path = output.trimEnd().split('\n').at(-1) ?? ''
  if (code !== 0 || !path.startsWith('/'))
    throw new Error(`Cannot install "${package_}": ${output}`)
  rmSync(join(FOLDER, name), { force: true })
  symlinkSync(path, join(FOLDER, name))
  console.log(`${name.padEnd(8)} ${path}`)
}
