// What every transport must do, as checks for whoever writes one: the contract of transport/transport.ts,
// executed. It is given a way to register a test and one to make a setting, and knows no test runner and
// no platform. Rule: a transport that passes can be used under the driver.

import { checkBoolean, checkHandler, checkKeys } from '../simple/checks.ts'
import type { RegisterCheck } from './assertions.ts'
import { TRANSPORT_CHECKS } from './transport-checks.ts'
import { Scene } from './transport-scene.ts'
import type { TransportContract, TransportTraits } from './transport-setting.ts'

const TRAITS = { slowsPeer: true, halfCloses: true, breaks: true, canBeSilent: true }

/**
 * Registers the checks of the contract of transports: those for all, and those for the traits that are true.
 *
 * A check waits for what has to happen, for as long as it takes: let the test runner bound it. Ten seconds are
 * plenty on loopback; some checks move 8 MiB.
 *
 * @param register registers one check, such as `test` of `node:test`
 * @param contract what the transport can do, and how to get at it
 * @throws {TypeError} the contract is not complete; nothing has been registered
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import { transportContract, type TransportSetting } from 'umqtt/testing'
 *
 * // What dials, where to, and the other end of what is dialled.
 * declare function makeSetting(): Promise<TransportSetting>
 *
 * const traits = { slowsPeer: true, halfCloses: true, breaks: true, canBeSilent: false }
 * transportContract(test, { traits, open: makeSetting })
 * ```
 */
export function transportContract(register: RegisterCheck, contract: TransportContract): void {
  checkHandler('register', register)
  checkKeys('contract', contract, { traits: true, open: true })
  checkHandler('contract.open', contract.open)
  const { traits } = contract
  checkKeys('contract.traits', traits, TRAITS)
  for (const trait of Object.keys(TRAITS) as (keyof TransportTraits)[]) {
    checkBoolean(`contract.traits.${trait}`, traits[trait])
  }
  for (const { name, needs, run } of TRANSPORT_CHECKS) {
    if (needs !== undefined && !traits[needs]) continue
    register(`transport contract: ${name}`, async () => {
      const setting = await contract.open()
      try {
        await run(new Scene(traits, setting))
      } finally {
        await setting.close()
      }
    })
  }
}
