// The contract of transports can fail: a transport that does one thing wrong is found by the check of that thing.
// Beside it, what the function refuses before it registers anything.

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { transportContract } from '../../src/testing/transport-contract.ts'
import type { TransportContract, TransportTraits } from '../../src/testing/transport-setting.ts'
import { type Bends, bentSetting } from '../support/bent-transport.ts'
import { memorySetting } from '../support/memory-setting.ts'
import { FLAWS, WAITS } from '../support/transport-flaws.ts'

const ALL: TransportTraits = { slowsPeer: true, halfCloses: true, breaks: true, canBeSilent: true }

/** The checks by name, without their common beginning. */
function checksOf(contract: TransportContract): Map<string, () => Promise<void>> {
  const checks = new Map<string, () => Promise<void>>()
  transportContract((name, check) => {
    match(name, /^transport contract: /)
    checks.set(name.replace('transport contract: ', ''), check)
  }, contract)
  return checks
}

/** More turns of the event loop than any check takes that ends. */
const TURNS_MAX = 20_000

/** What a check fails with, if it does. Every step of the memory setting is one turn of the event loop. */
async function failureOf(check: () => Promise<void>): Promise<string | undefined> {
  let isDone = false
  let failure: string | undefined
  void check().then(
    () => (isDone = true),
    (error: Error) => {
      failure = error.message
      isDone = true
    },
  )
  for (let turn = 0; turn < TURNS_MAX && !isDone; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  return isDone ? failure : WAITS
}

describe('the contract of transports', () => {
  for (const { name, check, says, ...bends } of FLAWS) {
    test(`finds a transport that ${name}`, async () => {
      const bentBy = (some: Bends): (() => Promise<void>) | undefined =>
        checksOf({
          traits: ALL,
          open: () => Promise.resolve(bentSetting(memorySetting(), some)),
        }).get(check)
      const [flawed, sound] = [bentBy(bends), bentBy({})]
      ok(flawed !== undefined && sound !== undefined, check)
      const failure = await failureOf(flawed)
      ok(failure?.startsWith(says), `It says "${failure}", not "${says}"`)
      // And nothing but the flaw: what is bent nowhere passes.
      equal(await failureOf(sound), undefined)
    })
  }

  test('has no check that no flawed transport proves', () => {
    const open = (): Promise<never> => Promise.reject(new Error('Nothing runs'))
    const proved = new Set(FLAWS.map(({ check }) => check))
    const unproved = [...checksOf({ traits: ALL, open }).keys()].filter((name) => !proved.has(name))
    deepEqual(unproved, [])
  })

  test('leaves out what a transport cannot do, and nothing else', () => {
    const open = (): never => {
      throw new Error('Nothing is made before a check runs')
    }
    const none = { slowsPeer: false, halfCloses: false, breaks: false, canBeSilent: false }
    const all = [...checksOf({ traits: ALL, open }).keys()]
    const few = [...checksOf({ traits: none, open }).keys()]
    equal(all.length, 25)
    deepEqual(
      all.filter((name) => !few.includes(name)),
      [
        'is destroyed while a server does not answer the dial',
        'delivers what was written when the peer ends meanwhile',
        'closes with an error when the peer breaks the connection',
        'reports no write that was stuck when the peer breaks the connection',
      ],
    )
  })

  test('closes the setting of a check that has failed', async () => {
    let closed = 0
    const open = (): ReturnType<TransportContract['open']> => {
      const setting = memorySetting()
      const { refusedAddress: address } = setting
      const close = (): Promise<void> => Promise.resolve(void (closed += 1))
      return Promise.resolve({ ...setting, address, close })
    }
    const run = checksOf({ traits: ALL, open }).get('opens once, after the factory has returned')
    await rejects(async () => run?.(), /^Error: It was closed$/)
    equal(closed, 1)
  })

  test('says that a setting lacks the address that never answers', async () => {
    const open = (): ReturnType<TransportContract['open']> => {
      const { silentAddress: _, ...setting } = memorySetting()
      return Promise.resolve(setting)
    }
    const run = checksOf({ traits: ALL, open }).get(
      'is destroyed while a server does not answer the dial',
    )
    await rejects(async () => run?.(), {
      name: 'TypeError',
      message: 'Cannot check canBeSilent: the setting has no silentAddress',
    })
  })

  test('refuses what is no contract', () => {
    const open = (): Promise<never> => Promise.reject(new Error('Not called'))
    const register = (): never => {
      throw new Error('Nothing is registered')
    }
    for (const contract of [
      undefined,
      {},
      { traits: ALL },
      { traits: ALL, open, name: 'mine' },
      { open },
      { traits: { ...ALL, breaks: undefined }, open },
      { traits: { ...ALL, brakes: true }, open },
    ]) {
      throws(() => transportContract(register, contract as never), TypeError)
    }
    throws(() => transportContract('test' as never, { traits: ALL, open }), {
      name: 'TypeError',
      message: 'Cannot use register "test": give a function',
    })
  })
})
