// Scenarios of the log on a disk that loses and tears whatever was not synced: made from a seed, cut at every
// write and sync, and checked after each loss. What was committed with `power` has to be there, what is there
// has to be the state after one of the commits, and a tear must not be taken for damage.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { crc32 } from '../../src/outbox/crc32.ts'
import { LogStore } from '../../src/outbox/log/log-store.ts'
import type { Op, SyncLevel } from '../../src/outbox/store.ts'
import { type Dice, dice, type Loss, SimulatedDisk } from './simulated-disk.ts'

/** A log of small segments. */
export const OPTIONS = {
  newId: new Uint8Array(16).fill(7),
  checksum: (bytes: Uint8Array, seed?: number): number => crc32(bytes, seed),
  segmentBytes: 600,
  reserveBytes: 100,
}
const COMMITS = 60
const LOSSES: readonly Loss[] = ['nothing', 'all', 'some', 'some']

interface Content {
  readonly records: ReadonlyMap<number, string>
  readonly state: ReadonlyMap<string, string>
}

interface Commit {
  readonly ops: readonly Op[]
  readonly sync: SyncLevel
}

const text = (bytes: Uint8Array): string => bytes.join(' ')

function applied(content: Content, ops: readonly Op[]): Content {
  const records = new Map(content.records)
  const state = new Map(content.state)
  for (const op of ops) {
    if (op[0] === 'put') records.set(op[1], text(op[2]))
    else if (op[0] === 'delete') records.delete(op[1])
    else if (op[0] === 'set') state.set(op[1], text(op[2]))
    else state.delete(op[1])
  }
  return { records, state }
}

/** Messages that come, change, and mostly go again; some stay and have to be rewritten. */
function scenario(roll: Dice, firstSeq: number): Commit[] {
  let seq = firstSeq
  return Array.from({ length: COMMITS }, () => {
    const ops: Op[] = []
    for (let i = roll(4); i >= 0; i--) {
      const some = firstSeq + roll(seq - firstSeq + 1)
      const body = new Uint8Array(roll(60)).fill(roll(256))
      const kind = roll(8)
      if (kind < 3) ops.push(['put', seq++, body])
      else if (kind < 4) ops.push(['put', some, body])
      else if (kind < 6) ops.push(['delete', some % 10 === 0 ? some + 1 : some])
      else if (kind < 7) ops.push(['set', `key ${roll(5)}`, body])
      else ops.push(['unset', `key ${roll(5)}`])
    }
    return { ops, sync: (['power', 'power', 'process', 'lazy'] as const)[roll(4)]! }
  })
}

async function contentOf(store: LogStore): Promise<Content> {
  const records = (await store.scan(0, 10_000)).map(([seq, record]) => [seq, text(record)] as const)
  const state = Array.from(await store.state(), ([key, value]) => [key, text(value)] as const)
  return { records: new Map(records), state: new Map(state.sort(([a], [b]) => (a < b ? -1 : 1))) }
}

function sortedContent({ records, state }: Content): unknown {
  return [[...records].sort(([a], [b]) => a - b), [...state].sort(([a], [b]) => (a < b ? -1 : 1))]
}

/** What a run may leave: the contents after each commit, from the last that was promised on. */
class Run {
  readonly contents: Content[]
  promised = 0

  constructor(start: Content) {
    this.contents = [start]
  }

  /** Runs until the end, or until the power goes. @returns whether it got to the end */
  async play(disk: SimulatedDisk, commits: readonly Commit[]): Promise<boolean> {
    const store = new LogStore(disk, OPTIONS)
    try {
      await store.open()
      for (const { ops, sync } of commits) {
        this.contents.push(applied(this.contents.at(-1)!, ops))
        await store.commit(ops, sync)
        if (sync === 'power') this.promised = this.contents.length - 1
      }
      await store.close()
      this.promised = this.contents.length - 1
      return true
    } catch (error) {
      if (disk.steps < disk.cutAt) throw error
      return false
    }
  }

  /** Opens what is left and finds which commit it is. */
  async check(disk: SimulatedDisk, what: string): Promise<Content> {
    const store = new LogStore(disk, OPTIONS)
    const { damaged, count, lowest, sizeBytes } = await store.open()
    deepEqual(damaged, [], `${what}: nothing is damaged`)
    const content = await contentOf(store)
    const found = sortedContent(content)
    const possible = this.contents.slice(this.promised)
    ok(
      possible.some((one) => JSON.stringify(sortedContent(one)) === JSON.stringify(found)),
      `${what}: found no state from commit ${this.promised} on: ${JSON.stringify(found)}`,
    )
    equal(count, content.records.size)
    equal(lowest, Math.min(...content.records.keys(), Infinity) % Infinity || 0)
    const records = await store.scan(0, 10_000)
    equal(
      sizeBytes,
      records.reduce((sum, [, { length }]) => sum + length, 0),
    )
    await store.close()
    return content
  }
}

const EMPTY: Content = { records: new Map(), state: new Map() }

/**
 * Cuts a scenario at every write and sync, with every kind of loss.
 * @param every walks one of so many steps, which ones the seed says; by default all
 * @returns how many cuts that were
 */
export async function cutEverywhere(seed: number, every = 1): Promise<number> {
  const commits = scenario(dice(seed), 1)
  const whole = new SimulatedDisk()
  ok(await new Run(EMPTY).play(whole, commits), 'The scenario ends')
  ok(whole.contents.size > 2, 'It has several segments')
  let cuts = 0
  for (let cutAt = 1 + (seed % every); cutAt <= whole.steps; cutAt += every) {
    cuts += 1
    const disk = new SimulatedDisk()
    disk.cutAt = cutAt
    const run = new Run(EMPTY)
    equal(await run.play(disk, commits), false)
    for (const [i, loss] of LOSSES.entries()) {
      const roll = dice(seed + cutAt * 8 + i)
      await run.check(disk.afterPowerLoss(loss, roll), `SEED=${seed}, cut ${cutAt}, ${loss}`)
    }
  }
  return cuts
}

/** Several lives of one disk, each ended by a loss of power at any step. */
export async function severalLives(seed: number, rounds: number): Promise<void> {
  const roll = dice(seed + 1)
  for (let round = 0; round < rounds; round++) {
    let disk = new SimulatedDisk()
    let content = EMPTY
    for (let life = 0; life < 4; life++) {
      const what = `SEED=${seed}, round ${round}, life ${life}`
      const run = new Run(content)
      disk.cutAt = 1 + roll(180)
      await run.play(disk, scenario(roll, 1 + life * 200))
      disk = disk.afterPowerLoss(LOSSES[roll(LOSSES.length)]!, roll)
      content = await run.check(disk, what)
      const again = new Run(content)
      await again.check(disk.afterPowerLoss('all', roll), `${what}, once more`)
    }
  }
}
