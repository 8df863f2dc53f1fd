// What every outbox store must do, as checks for whoever writes one: the contract of outbox/store.ts,
// executed. It is given a way to register a test and one to make a store, and knows no test runner and
// no platform. Rule: a store that passes can be used under the core; what a crash does to it is beyond this.

import type { Op, OpenResult, OutboxStore, StoredRecord } from '../outbox/store.ts'
import { checkHandler, checkKeys } from '../simple/checks.ts'
import { equal, type RegisterCheck } from './assertions.ts'

/** How the suite makes stores. */
export interface OutboxContract {
  /** Gives a store that holds nothing. */
  make(): Promise<OutboxStore>
  /**
   * Gives a store on the place of one that was closed, as after a restart of the process; left out,
   * the same store is opened again.
   * @param store the one that was closed
   */
  reopen?(store: OutboxStore): Promise<OutboxStore>
  /**
   * Called after each check with the last store, closed, to clean up.
   * @param store the last one
   */
  dispose?(store: OutboxStore): Promise<void>
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const put = (seq: number, ...values: number[]): Op => ['put', seq, bytes(...values)]

function sorted(state: ReadonlyMap<string, Uint8Array>): [string, Uint8Array][] {
  return [...state].sort(([one], [other]) => (one < other ? -1 : 1))
}

/** One store and the restarts of it. */
class Rig {
  store: OutboxStore
  readonly #contract: OutboxContract

  constructor(contract: OutboxContract, store: OutboxStore) {
    this.#contract = contract
    this.store = store
  }

  async restart(): Promise<OpenResult> {
    await this.store.close()
    this.store = (await this.#contract.reopen?.(this.store)) ?? this.store
    return this.store.open()
  }

  all(): Promise<readonly StoredRecord[]> {
    return this.store.scan(0, 10_000)
  }

  async holds(records: readonly StoredRecord[], what: string): Promise<void> {
    equal(await this.all(), records, what)
  }
}

type Check = (rig: Rig, opened: OpenResult) => Promise<void>

const CHECKS: Readonly<Record<string, Check>> = {
  'a new store is empty': async (rig, opened) => {
    const { count, lowest, highest, sizeBytes, damaged } = opened
    equal([count, lowest, highest, sizeBytes, damaged], [0, 0, 0, 0, []], 'What open found')
    await rig.holds([], 'Its records')
    equal((await rig.store.state()).size, 0, 'Its keys')
  },
  'it says what it is': async ({ store: { traits } }) => {
    equal(typeof traits.power, 'boolean', 'traits.power')
    equal(typeof traits.process, 'boolean', 'traits.process')
    equal(traits.engine.length > 0, true, 'traits.engine has a name')
    equal(Number.isInteger(traits.formatVersion), true, 'traits.formatVersion is a number')
    equal(traits.process || !traits.power, true, 'What survives power loss survives a process')
  },
  'records come back in order, whatever the order they were put in': async (rig) => {
    await rig.store.commit([put(5, 50), put(2, 20), put(9, 90)], 'power')
    await rig.store.commit([put(7, 70)], 'lazy')
    await rig.holds(
      [2, 5, 7, 9].map((seq) => [seq, bytes(seq * 10)]),
      'The records',
    )
  },
  'a scan begins where it is told and gives as many as it is told': async (rig) => {
    const ops = Array.from({ length: 20 }, (_, i) => put(i * 2 + 1, i))
    await rig.store.commit(ops, 'power')
    const seqs = async (from: number, limit: number): Promise<number[]> =>
      (await rig.store.scan(from, limit)).map(([seq]) => seq)
    equal(await seqs(4, 3), [5, 7, 9], 'Between two')
    equal(await seqs(5, 1), [5], 'At one')
    equal(await seqs(38, 10), [39], 'Near the end')
    equal(await seqs(40, 10), [], 'Beyond the end')
    equal((await seqs(0, 1000)).length, 20, 'All')
  },
  'a put replaces, a delete removes, and what is not there is deleted in silence': async (rig) => {
    await rig.store.commit([put(1, 1), put(2, 2), put(3, 3)], 'power')
    await rig.store.commit(
      [put(2, 22, 22), ['delete', 3], ['delete', 99], ['delete', 3]],
      'process',
    )
    await rig.holds(
      [
        [1, bytes(1)],
        [2, bytes(22, 22)],
      ],
      'The records',
    )
  },
  'the operations of a commit happen in their order': async (rig) => {
    await rig.store.commit(
      [put(1, 1), ['delete', 1], put(2, 2), put(2, 3), ['set', 'a', bytes(1)], ['unset', 'a']],
      'power',
    )
    await rig.holds([[2, bytes(3)]], 'The records')
    equal((await rig.store.state()).size, 0, 'The keys')
  },
  'commits that are not waited for happen in their order': async (rig) => {
    const values = Array.from({ length: 50 }, (_, i) => i)
    await Promise.all(
      values.map((i) => rig.store.commit([put(1, i)], i % 3 === 0 ? 'power' : 'lazy')),
    )
    await rig.holds([[1, bytes(49)]], 'The record')
  },
  'keys are set, replaced and unset, and any text is a key': async (rig) => {
    const strange = 'späße/\u0000/\ud800/🪟'
    await rig.store.commit(
      [
        ['set', 'b', bytes(1)],
        ['set', strange, bytes(2)],
        ['set', '', bytes()],
      ],
      'power',
    )
    await rig.store.commit(
      [
        ['set', 'b', bytes(3)],
        ['unset', ''],
        ['unset', 'c'],
      ],
      'power',
    )
    equal(
      sorted(await rig.store.state()),
      [
        ['b', bytes(3)],
        [strange, bytes(2)],
      ],
      'The keys',
    )
    const { process } = rig.store.traits
    await rig.restart()
    if (process) equal((await rig.store.state()).get(strange), bytes(2), 'The key after a restart')
  },
  'empty and large records, and the highest number, come back': async (rig) => {
    const large = new Uint8Array(3_000_000).map((_, i) => i * 31)
    await rig.store.commit([put(1), ['put', 2, large], put(Number.MAX_SAFE_INTEGER, 7)], 'power')
    const found = await rig.all()
    equal(
      found.map(([seq, { length }]) => [seq, length]),
      [
        [1, 0],
        [2, large.length],
        [Number.MAX_SAFE_INTEGER, 1],
      ],
      'Numbers and sizes',
    )
    equal(
      found[1]![1].every((byte, i) => byte === large[i]),
      true,
      'The large one is the same',
    )
  },
  'what was read is not changed by later commits': async (rig) => {
    await rig.store.commit([put(1, 1, 2, 3)], 'power')
    const before = await rig.all()
    await rig.store.commit([put(1, 9, 9, 9)], 'power')
    equal(before, [[1, bytes(1, 2, 3)]], 'The page that was read')
  },
  'everything is there after a restart, with its sums': async (rig) => {
    if (!rig.store.traits.process) return
    await rig.store.commit(
      [put(3, 1), put(4, 1, 2), put(5, 1, 2, 3), ['set', 'k', bytes(9)]],
      'process',
    )
    await rig.store.commit(
      [
        ['delete', 3],
        ['unset', 'none'],
      ],
      'lazy',
    )
    const { count, lowest, highest, sizeBytes, damaged } = await rig.restart()
    equal([count, lowest, highest, sizeBytes, damaged], [2, 4, 5, 5, []], 'What open found')
    await rig.holds(
      [
        [4, bytes(1, 2)],
        [5, bytes(1, 2, 3)],
      ],
      'The records',
    )
    equal(sorted(await rig.store.state()), [['k', bytes(9)]], 'The keys')
  },
  'it goes on after each of many restarts': async (rig) => {
    if (!rig.store.traits.process) return
    for (let round = 1; round <= 5; round++) {
      await rig.store.commit(
        [put(round, round), ['delete', Math.max(round - 2, 1)], ['set', 'n', bytes(round)]],
        'power',
      )
      await rig.restart()
    }
    await rig.holds(
      [
        [4, bytes(4)],
        [5, bytes(5)],
      ],
      'The records',
    )
    equal(sorted(await rig.store.state()), [['n', bytes(5)]], 'The keys')
  },
  'a thousand records are put and deleted': async (rig) => {
    const seqs = Array.from({ length: 1000 }, (_, i) => i + 1)
    await rig.store.commit(
      seqs.map((seq) => put(seq, seq % 256)),
      'power',
    )
    equal((await rig.all()).length, 1000, 'How many were put')
    await rig.store.commit(
      seqs.filter((seq) => seq % 2 === 0).map((seq): Op => ['delete', seq]),
      'power',
    )
    equal(
      (await rig.all()).map(([seq]) => seq),
      seqs.filter((seq) => seq % 2 === 1),
      'Which are left',
    )
    await rig.store.commit(
      seqs.map((seq): Op => ['delete', seq]),
      'power',
    )
    await rig.holds([], 'In the end')
  },
  'closing makes sure of what was lazy, and may be done twice': async (rig) => {
    await rig.store.commit([put(1, 1)], 'lazy')
    await rig.store.close()
    const { process } = rig.store.traits
    const { count } = await rig.restart()
    if (process) equal(count, 1, 'How many it found')
  },
}

/**
 * Registers the checks of the contract.
 *
 * @param register registers one check, such as `test` of `node:test`
 * @param contract how to make a store, to open it again, and to clean up
 * @throws {TypeError} the contract is not complete; nothing has been registered
 * @example
 * ```js
 * import { test } from 'node:test'
 * import { MemoryStore, outboxContract } from 'umqtt/testing'
 *
 * // In place of it, a store of your own.
 * outboxContract(test, { make: async () => new MemoryStore() })
 * ```
 */
export function outboxContract(register: RegisterCheck, contract: OutboxContract): void {
  checkHandler('register', register)
  checkKeys('contract', contract, { make: true, reopen: true, dispose: true })
  checkHandler('contract.make', contract.make)
  for (const [name, check] of Object.entries(CHECKS)) {
    register(`store contract: ${name}`, async () => {
      const rig = new Rig(contract, await contract.make())
      try {
        await check(rig, await rig.store.open())
      } finally {
        await rig.store.close()
        await contract.dispose?.(rig.store)
      }
    })
  }
}
