// A process whose connection is over ends by itself, however that came about. Each way is a process of its
// own, since what Node was left with shows only when it takes everything down.

import { deepEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runProgram } from '../support/run-program.ts'

const PROGRAM = 'build/test/support/ending-main.js'
/** A process that has let go of everything ends at once; this is for slow machines. */
const ENDS_BY_ITSELF_MS = 20_000

const ENDINGS = [
  'close',
  'destroy',
  'close and destroy',
  'close, and destroy while it ends',
  'destroy while writing',
  'destroy while dialling',
  'destroy in the handshake',
  'the peer ends',
  'the peer resets',
  'the peer resets in the handshake',
]

for (const route of ['tcp', 'tls']) {
  describe(`a process after a connection over ${route}`, { concurrency: 4 }, () => {
    for (const ending of ENDINGS) {
      it(`ends by itself after: ${ending}`, async () => {
        const { code, stderr } = await runProgram(
          PROGRAM,
          [route, ending],
          {},
          { deadlineMs: ENDS_BY_ITSELF_MS },
        )
        deepEqual({ code, stderr }, { code: 0, stderr: '' })
      })
    }
  })
}
