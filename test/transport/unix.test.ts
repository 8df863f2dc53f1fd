// Unix sockets under the contract of transports.

import { match } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseServer } from '../../src/transport/address.ts'
import { unix } from '../../src/transport/unix.ts'
import { OPTIONS, unixSetting } from '../support/peers.ts'
import { Recorder, transportContract } from '../support/transport-contract.ts'

transportContract(
  'unix',
  { slowsPeer: true, halfCloses: true, breaks: false, canBeSilent: false },
  () => unixSetting(unix),
)

describe('unix', () => {
  it('dials no path that the system would cut off', async () => {
    const address = parseServer(`unix:/tmp/${'x'.repeat(200)}`)
    const recorder = new Recorder({ dial: unix, address, options: OPTIONS })
    await recorder.until(() => recorder.isClosed)
    match(recorder.error?.message ?? '', /": its path has 205 bytes, more than 10[37]$/)
    recorder.verify()
  })
})
