// kill -9 at random moments against a real mosquitto, then chaos on the links to it:
// `npm run torture -- --rounds 300`. Prints which moments the kills fell in, and what was lost or doubled;
// ends with 1 when a promise was broken.
//
//   --rounds N      kills of the writer; the reader gets a third of them (300)
//   --least N       fail unless so many kills fell in each moment (0)
//   --seconds N     how long the chaos is (60)
//   --protocol N    4 or 5 (5)
//   SEED            repeats the dice of a run; what the machine does is its own

import { parseArgs } from 'node:util'
import { compile } from './lib/compile.mjs'
import { ROOT, run } from './lib/run.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '300' },
    least: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '60' },
    protocol: { type: 'string', default: '5' },
  },
})
const args = [values.rounds, values.least, values.protocol, values.seconds]

process.exitCode = (await compile('test'))
  ? (
      await run(process.execPath, [
        '--enable-source-maps',
        `${ROOT}/build/test/support/torture-main.js`,
        ...args,
      ])
    ).code
  : 1
