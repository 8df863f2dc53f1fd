// Builds the package: src/ to dist/, one file for each source, with declarations.
// `--test` builds build/ too, which holds the compiled tests, demo and fuzzer.

import { compile, compileAll } from './lib/compile.mjs'

const compiled = process.argv.includes('--test') ? await compileAll() : await compile('ship')
if (!compiled) process.exitCode = 1
