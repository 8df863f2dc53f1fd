// What a long command has done so far, in a file: a line of JSON for each batch of runs, written when the batch is
// over, so that whoever ends the command early loses nothing that was done. Several such files add up to one table.

import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync } from 'node:fs'
import { ROOT } from './changes.ts'
import { addTallies, NO_RUNS, type Tally, tallyOf } from './tally.ts'
import type { Visits } from './coverage/counters.ts'
import type { RunReport } from './run.ts'

/** Runs between two lines: seconds of work, and a few hundred lines for a hundred thousand runs. */
const BATCH_RUNS = 250

/** One line of a file. */
export interface Batch {
  /** The commit of the sources, with a `+` where files had been changed since. */
  readonly commit: string
  /** Seconds of real time since the batch before it, on all processes together. */
  readonly seconds: number
  readonly tally: Tally
}

/** Adds runs up, and writes each batch of them. */
export class Log {
  readonly #file: string | undefined
  readonly #commit: string
  readonly #visits: () => Visits
  #all = NO_RUNS
  #batch = NO_RUNS
  #since = performance.now()

  /**
   * @param file where batches go; undefined: nowhere
   * @param visits what was visited since it was asked for the last time
   */
  constructor(file: string | undefined, commit: string, visits: () => Visits) {
    this.#file = file
    this.#commit = commit
    this.#visits = visits
  }

  /** All runs, but for what those of the batch of the moment have visited. */
  get all(): Tally {
    return addTallies(this.#all, this.#batch)
  }

  get runs(): number {
    return this.#all.runs + this.#batch.runs
  }

  add(report: RunReport): void {
    this.#batch = addTallies(this.#batch, tallyOf(report))
    if (this.#batch.runs >= BATCH_RUNS) this.end()
  }

  /** Writes what is not written yet. */
  end(): void {
    if (this.#batch.runs === 0) return
    const tally = addTallies(this.#batch, { ...NO_RUNS, visits: this.#visits() })
    const now = performance.now()
    const seconds = Math.round((now - this.#since) / 100) / 10
    const batch: Batch = { commit: this.#commit, seconds, tally }
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(batch)}\n`)
    this.#all = addTallies(this.#all, tally)
    this.#batch = NO_RUNS
    this.#since = now
  }
}

/** @throws {Error} that names the line which is no batch */
export function readLog(file: string): Batch[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.flatMap((line, i) => (line === '' ? [] : [parse(line, `${file}, line ${i + 1}`)]))
}

/** The commit of the sources that are run. */
export function currentCommit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim()
    const changed = git('status', '--porcelain', '--', 'src', 'sim') !== ''
    return `${git('rev-parse', '--short=12', 'HEAD')}${changed ? '+' : ''}`
  } catch {
    // Sources without a repository have none.
    return 'unknown'
  }
}

function parse(line: string, where: string): Batch {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new Error(`Cannot read ${where}: it is no JSON; was it cut? Take it out of the file`)
  }
  const { commit, seconds, tally } = (value ?? {}) as Partial<Batch>
  const isBatch = typeof commit === 'string' && typeof seconds === 'number'
  const counts = tally !== null && typeof tally === 'object' ? tally : undefined
  const lacks = Object.entries(NO_RUNS).find(
    ([name, none]) => typeof counts?.[name as keyof Tally] !== typeof none,
  )
  if (isBatch && counts !== undefined && lacks === undefined) {
    return { commit, seconds, tally: counts }
  }
  throw new Error(`Cannot read ${where}: it is no batch of runs; --log FILE writes such lines`)
}
