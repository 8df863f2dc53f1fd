// A process whose connection is over ends by itself, however that came about. One process for each route comes to its
// end after each of them, and ends in fact after the last: what Node was left with shows when it takes that down.

import { deepEqual } from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { SharedProcess } from '../support/shared-process.ts'

const PROGRAM = 'build/test/support/ending-main.js'
/** A process that has let go of everything is at its end at once; this is for slow machines. */
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
  describe(`a process after a connection over ${route}`, () => {
    const shared = new SharedProcess({ deadlineMs: ENDS_BY_ITSELF_MS })
    after(() => shared.close())
    for (const ending of ENDINGS) {
      it(`comes to its end after: ${ending}`, async () => {
        const { code, stderr } = await shared.run(PROGRAM, [route, ending])
        deepEqual({ code, stderr }, { code: 0, stderr: '' })
      })
    }

    it('ends by itself after all of them', async () => {
      deepEqual(await shared.end(), { code: 0, stdout: '', stderr: '' })
    })
  })
}
