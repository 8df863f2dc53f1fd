// kill -9 at random moments against a real mosquitto, then chaos on the links to it: `npm run torture`. Prints which
// moments the kills fell in, and what was lost or doubled; ends with 1 when a promise was broken, a moment was met
// too rarely, or the heap has grown.
//
//   --rounds N      kills of the writer; the reader gets a third of them (300)
//   --least N       fail unless so many kills fell in each of the six moments (20 of 300 rounds and more; 0)
//   --seconds N     how long the chaos is (60)
//   --protocol N    4 or 5 (5)
//   --power N       none of that: N scenarios of the log on a simulated disk, the power cut at every write
//                   and sync; each prints its seed
//   --lines N       none of that: N lines through `umqtt pub -l --outbox`, from a file and from a pipe, which is
//                   killed while the server is restarted and the link is cut
//   SEED            repeats the dice of a run; what the machine does is its own

import { parseArgs } from 'node:util'
import { compileAll } from './lib/compile.mjs'
import { ROOT, run } from './lib/run.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '300' },
    least: { type: 'string', default: '' },
    seconds: { type: 'string', default: '60' },
    protocol: { type: 'string', default: '5' },
    power: { type: 'string' },
    lines: { type: 'string' },
  },
})
const { rounds, least, protocol, seconds, power, lines } = values
const [program, args] =
  lines !== undefined
    ? ['spool-main', [lines]]
    : power !== undefined
      ? ['power-main', [power]]
      : ['torture-main', [rounds, least, protocol, seconds]]

process.exitCode = (await compileAll())
  ? (
      await run(process.execPath, [
        '--enable-source-maps',
        `${ROOT}/build/test/support/${program}.js`,
        ...args,
      ])
    ).code
  : 1
