// Runs programs that end by themselves, one after another in one process: what they print and how they end is what
// it would be in processes of their own, without the start of each. For many short ones; what is killed, or reads
// standard input, or leaves something behind in the process, has to have one of its own.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type Ending, type ProgramOptions, inheritedEnv } from './run-program.ts'

/** What a program is run with. */
export interface Order {
  readonly path: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Stands behind what a program has printed. */
export const END = '\u0000'

/** In place of an order: there is none any more. */
export const OVER = 'over'

/** The longest that any program takes here; the process is killed then. */
const PROGRAM_MS = 120_000

const MAIN = fileURLToPath(new URL('shared-main.js', import.meta.url))

/** A process for many programs. */
export class SharedProcess {
  readonly #deadlineMs: number
  #child: ChildProcess | undefined
  #closed: Promise<unknown> = Promise.resolve()

  /** @param options when it is killed, if a program has not ended */
  constructor({ deadlineMs = PROGRAM_MS }: Pick<ProgramOptions, 'deadlineMs'> = {}) {
    this.#deadlineMs = deadlineMs
  }

  /** Runs one to its end; the one before has to have ended. */
  async run(
    path: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ending> {
    const child = (this.#child ??= this.#start())
    const deadline = setTimeout(() => child.kill('SIGKILL'), this.#deadlineMs)
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) =>
      textOf(stream as Readable),
    )
    child.send({ path, args, env } satisfies Order)
    const closed = this.#closed.then(() => undefined)
    const texts = await Promise.race([Promise.all([stdout?.all, stderr?.all]), closed])
    clearTimeout(deadline)
    const said = { stdout: stdout?.stop() ?? '', stderr: stderr?.stop() ?? '' }
    if (texts === undefined) {
      this.#child = undefined
      return { code: child.exitCode ?? 128, ...said }
    }
    // The code of the ending is the last that stands in standard error.
    const [, text = '', code] = /^([^]*?)(\d+)$/.exec(said.stderr) ?? []
    return { code: Number(code), stdout: said.stdout, stderr: text }
  }

  /** Lets the process end by itself, and what is left in it with it. @returns how, if there was one */
  async end(): Promise<Ending | undefined> {
    const child = this.#child
    if (child === undefined) return undefined
    this.#child = undefined
    const deadline = setTimeout(() => child.kill('SIGKILL'), this.#deadlineMs)
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) =>
      textOf(stream as Readable),
    )
    child.send(OVER)
    await this.#closed
    clearTimeout(deadline)
    return {
      code: child.exitCode ?? 128,
      stdout: stdout?.stop() ?? '',
      stderr: stderr?.stop() ?? '',
    }
  }

  /** Ends the process. */
  async close(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#closed
    this.#child = undefined
  }

  #start(): ChildProcess {
    const child = spawn(process.execPath, [MAIN], {
      env: inheritedEnv(),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#closed = once(child, 'close')
    return child
  }
}

/** What a stream says up to the {@link END}. */
function textOf(stream: Readable): { readonly all: Promise<void>; stop(): string } {
  let text = ''
  let finish: () => void = () => undefined
  const all = new Promise<void>((resolve) => (finish = resolve))
  const listener = (chunk: string): void => {
    text += chunk
    if (text.endsWith(END)) finish()
  }
  stream.setEncoding('utf8').on('data', listener)
  return {
    all,
    stop: () => {
      stream.off('data', listener)
      return text.endsWith(END) ? text.slice(0, -END.length) : text
    },
  }
}
