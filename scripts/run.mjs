// Builds and runs one compiled program: `node scripts/run.mjs build/fuzz/main.js --seconds 10`.
// Ends with that program's exit code.

import { compileAll } from './lib/compile.mjs'
import { run } from './lib/run.mjs'

const [program, ...args] = process.argv.slice(2)
if (program === undefined)
  throw new TypeError('Name a compiled program, such as build/demo/main.js')

process.exitCode = (await compileAll())
  ? (await run(process.execPath, ['--enable-source-maps', program, ...args])).code
  : 1
