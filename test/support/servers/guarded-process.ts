// A program that does not outlive this process, however this process ends: a shell stands guard over it,
// at the other end of a pipe that the kernel closes when we are gone, and then kills the whole group.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** What to run. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** A line that it prints when it listens. */
  readonly ready: RegExp
}

/** $$ is also the group of everything that starts here, because the guard is detached. */
const GUARD = `exec 3<&0
"$@" 3<&- </dev/null &
program=$!
trap 'kill -s TERM $program' TERM
(cat <&3 >/dev/null; kill -s KILL -- -$$) &
while kill -s 0 $program 2>/dev/null; do wait $program; done
kill -s KILL -- -$$`

/** Lines of a program that are kept: its version is in the first, the reason of a failure in the last. */
const LOG_LINES_MAX = 2000

/** A running program. */
export class GuardedProcess {
  readonly log: string[] = []
  readonly #guard: ChildProcess
  readonly #closed: Promise<unknown>

  private constructor(guard: ChildProcess) {
    this.#guard = guard
    // "close" comes when nobody has the pipes any more, so that the program is gone as well.
    this.#closed = once(guard, 'close')
  }

  /**
   * Starts a program and waits until it is ready, or gone.
   * @returns the process, and whether it is ready
   */
  static async start(command: Command): Promise<readonly [GuardedProcess, boolean]> {
    const { program, args, env, ready } = command
    const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', program, ...args], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    const started = new GuardedProcess(guard)
    const isReady = await new Promise<boolean>((resolve, reject) => {
      guard.once('error', reject)
      guard.once('close', () => resolve(false))
      for (const stream of [guard.stdout, guard.stderr]) {
        createInterface(stream).on('line', (line) => {
          if (started.log.push(line) > LOG_LINES_MAX) started.log.shift()
          if (ready.test(line)) resolve(true)
        })
      }
    })
    return [started, isReady]
  }

  /** Asks the program to end, and waits until it has. */
  async stop(): Promise<void> {
    this.#guard.kill('SIGTERM')
    await this.#closed
  }

  /** Ends it at once, as in a crash. */
  async kill(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#guard
    if (pid !== undefined && exitCode === null && signalCode === null) {
      process.kill(-pid, 'SIGKILL')
    }
    await this.#closed
  }
}
