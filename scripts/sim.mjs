// The simulator: `npm run sim -- --seed N` replays one run, `-- --runs N` runs many, `-- --mutants` proves that
// it can fail. Bundles the program of sim/ into a temporary folder and starts it; sim/main.ts has all options.

import { build } from 'esbuild'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT, run } from './lib/run.mjs'

const folder = mkdtempSync(join(tmpdir(), 'umqtt-sim-'))
try {
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const outfile = join(folder, 'main.mjs')
  await build({
    entryPoints: [join(ROOT, 'sim/main.ts')],
    bundle: true,
    outfile,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'error',
  })
  // Of its processes one runs on each core: what else V8 starts would only take their time.
  const { code } = await run(
    process.execPath,
    ['--enable-source-maps', '--single-threaded', outfile, ...process.argv.slice(2)],
    // It says first what it has done.
    { passesSignals: true },
  )
  process.exitCode = code
} finally {
  rmSync(folder, { recursive: true })
}
