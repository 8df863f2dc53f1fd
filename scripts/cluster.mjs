// A cluster of three nodes of RabbitMQ under clients, consumers and kill -9: `npm run cluster`. Prints what
// it measured; ends with 1 when a promise was broken. Takes about two minutes and 400 MB.

import { compile } from './lib/compile.mjs'
import { ROOT, run } from './lib/run.mjs'

process.exitCode = (await compile('test'))
  ? (
      await run(process.execPath, [
        '--enable-source-maps',
        '--test',
        '--test-reporter=spec',
        `${ROOT}/build/test/interop/cluster.js`,
      ])
    ).code
  : 1
