// Child processes that run seeds, one run each at a time. A child that crashes, or does not answer in time,
// is a failure of the seed that it was running: it is ended, and another takes its place.

import { type ChildProcess, fork } from 'node:child_process'
import type { Visits } from './coverage/counters.ts'
import type { RunJob, RunReport } from './run.ts'
import type { Answer, Question } from './worker.ts'

/** How long one run may take, ms of real time; most take a thousandth of it. */
const LIMIT_MS = 180_000
/** What a child may take beside what Node gives it anyway, MB. */
const HEAP_MB = 1500
/** One child runs on each core: the threads that V8 starts beside it would take the others' time. */
const NODE_FLAGS: readonly string[] = ['--enable-source-maps', '--single-threaded']
/** Lines of a child that has crashed which are told. */
const STDERR_CHARACTERS = 3000

export interface PoolOptions {
  /** The program of the children. */
  readonly bundle: string
  readonly size: number
  /** How long one run may take, ms. @default 180,000 */
  readonly limitMs?: number
  /** Whether errors have stack traces, which takes a tenth of the time. @default false */
  readonly stacks?: boolean
}

interface Child {
  readonly process: ChildProcess
  stderr: string
  /** What it runs. */
  job: RunJob | undefined
  settle: ((report: RunReport) => void) | undefined
  timer: NodeJS.Timeout | undefined
  isLate: boolean
}

export class Pool {
  readonly size: number
  readonly #options: PoolOptions
  readonly #idle: Child[] = []
  readonly #children = new Set<Child>()
  readonly #waiting: (() => void)[] = []
  readonly #visits = new Map<string, number>()

  constructor(options: PoolOptions) {
    this.#options = options
    this.size = options.size
  }

  /** Runs one, as soon as a child is free; never rejects. */
  async run(job: RunJob): Promise<RunReport> {
    while (this.#idle.length === 0 && this.#children.size >= this.size) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    const child = this.#idle.pop() ?? this.#start()
    const { limitMs = LIMIT_MS, stacks = false } = this.#options
    const report = await new Promise<RunReport>((resolve) => {
      child.job = job
      child.settle = resolve
      child.timer = setTimeout(() => {
        child.isLate = true
        child.process.kill('SIGKILL')
      }, limitMs)
      child.process.send({ kind: 'run', job, stacks } satisfies Question)
    })
    this.#waiting.shift()?.()
    return report
  }

  /** What was visited by the runs that ended since this was asked for the last time, in a build that counts. */
  takeVisits(): Visits {
    const visits = Object.fromEntries(this.#visits)
    this.#visits.clear()
    return visits
  }

  /** Ends the children. */
  async end(): Promise<void> {
    const ends = [...this.#children].map(
      ({ process }) => new Promise<void>((resolve) => process.once('exit', () => resolve())),
    )
    for (const { process } of this.#children) process.send({ kind: 'end' } satisfies Question)
    await Promise.all(ends)
  }

  #start(): Child {
    const process = fork(this.#options.bundle, {
      execArgv: [...NODE_FLAGS, `--max-old-space-size=${HEAP_MB}`],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    const child: Child = {
      process,
      stderr: '',
      job: undefined,
      settle: undefined,
      timer: undefined,
      isLate: false,
    }
    this.#children.add(child)
    process.stderr?.on('data', (text: Buffer) => {
      child.stderr = (child.stderr + text.toString()).slice(-STDERR_CHARACTERS)
    })
    process.on('message', (answer: Answer) => this.#handle(child, answer))
    // What a child that is ending is sent is lost, which its exit tells.
    process.on('error', () => undefined)
    process.on('exit', (code, signal) => this.#handleExit(child, signal ?? `code ${code}`))
    return child
  }

  #handle(child: Child, answer: Answer): void {
    const { report, visits } = answer
    for (const [name, times] of Object.entries(visits)) {
      this.#visits.set(name, (this.#visits.get(name) ?? 0) + times)
    }
    this.#idle.push(child)
    this.#settle(child, report)
  }

  #handleExit(child: Child, how: string): void {
    this.#children.delete(child)
    const place = this.#idle.indexOf(child)
    if (place >= 0) this.#idle.splice(place, 1)
    if (child.job === undefined) return
    const { limitMs = LIMIT_MS } = this.#options
    const text = child.isLate
      ? `The run was not over after ${limitMs / 1000} s`
      : `The process ended with ${how}: ${child.stderr.trim()}`
    this.#settle(child, failed(child.job.seed, text))
  }

  #settle(child: Child, report: RunReport): void {
    clearTimeout(child.timer)
    const { settle } = child
    child.job = undefined
    child.settle = undefined
    settle?.(report)
  }
}

function failed(seed: number, text: string): RunReport {
  return {
    seed,
    hash: '',
    violations: [{ oracle: 'no crash, no hang', at: 0, text }],
    fired: {},
    simulatedMs: 0,
    steps: 0,
    messages: 0,
    outcomes: {},
    trace: [],
  }
}
