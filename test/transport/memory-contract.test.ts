// The memory pair under the contract of transports.

import { describe, test } from 'node:test'
import { transportContract } from '../../src/testing/transport-contract.ts'
import { memorySetting } from '../support/memory-setting.ts'

describe('memoryPair', () => {
  transportContract(test, {
    traits: { slowsPeer: true, halfCloses: true, breaks: true, canBeSilent: true },
    open: () => Promise.resolve(memorySetting()),
  })
})
