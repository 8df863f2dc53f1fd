// Unix sockets under the contract of transports.

import { match } from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { transportContract } from '../../src/testing/transport-contract.ts'
import { Recorder } from '../../src/testing/transport-recorder.ts'
import { parseServer } from '../../src/transport/address.ts'
import { unix } from '../../src/transport/unix.ts'
import { OPTIONS, unixSetting } from '../support/peers.ts'

describe('unix', () => {
  transportContract(test, {
    traits: { slowsPeer: true, halfCloses: true, breaks: false, canBeSilent: false },
    open: () => unixSetting(unix),
  })
})

describe('unix', () => {
  it('dials no path that the system would cut off', async () => {
    const address = parseServer(`unix:/tmp/${'x'.repeat(200)}`)
    const recorder = new Recorder({ dial: unix, address, options: OPTIONS })
    await recorder.until(() => recorder.isClosed)
    match(recorder.error?.message ?? '', /": its path has 205 bytes, more than 10[37]$/)
    recorder.verify()
  })
})
