// Runs a program of the repository as a user would, and gives what it said and how it ended.

import { spawn } from 'node:child_process'

/** How a program ended. */
export interface Ending {
  /** The exit code, or 128 when a signal or its deadline ended it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A program that runs. */
export interface Running {
  /** Settles when something in its output matches; rejects when it ends before that. */
  until(pattern: RegExp): Promise<void>
  /** The same for standard error. */
  untilError(pattern: RegExp): Promise<void>
  readonly ended: Promise<Ending>
  /** Sends a signal, such as `SIGINT`. */
  signal(name: NodeJS.Signals): void
}

/** What must not come from outside. */
const OWN = [
  'UMQTT_SERVER',
  'UMQTT_USER',
  'UMQTT_PASSWORD',
  'NO_COLOR',
  'FORCE_COLOR',
  'NODE_OPTIONS',
]

/** The environment of this process without what must not come from outside. */
export function inheritedEnv(): NodeJS.ProcessEnv {
  const inherited = { ...process.env }
  for (const name of OWN) delete inherited[name]
  return inherited
}

/** The longest that any program takes here; one that does not end by itself is killed then. */
const PROGRAM_MS = 120_000

/** How a program is run. */
export interface ProgramOptions {
  /** Another Node than this one. */
  readonly runtime?: string
  /** When it is killed, if it has not ended. */
  readonly deadlineMs?: number
}

/**
 * Starts a JavaScript file with this Node in the root of the repository.
 * @param env variables beside those of this process
 */
export function startProgram(
  path: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  { runtime = process.execPath, deadlineMs = PROGRAM_MS }: ProgramOptions = {},
): Running {
  const child = spawn(runtime, [path, ...args], {
    env: { ...inheritedEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: deadlineMs,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  let stderr = ''
  let look: () => void = () => undefined
  let lookAtErrors: () => void = () => undefined
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    look()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    lookAtErrors()
  })
  const ended = new Promise<Ending>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 128, stdout, stderr }))
  })
  return {
    ended,
    signal: (name) => void child.kill(name),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        look = (): void => {
          if (pattern.test(stdout)) resolve()
        }
        look()
        void ended.then(() => reject(new Error(`It ended first:\n${stdout}${stderr}`)))
      }),
    untilError: (pattern) =>
      new Promise((resolve, reject) => {
        lookAtErrors = (): void => {
          if (pattern.test(stderr)) resolve()
        }
        lookAtErrors()
        void ended.then(() => reject(new Error(`It ended first:\n${stdout}${stderr}`)))
      }),
  }
}

/** Runs one to its end. */
export function runProgram(
  path: string,
  args?: readonly string[],
  env?: Readonly<Record<string, string>>,
  options?: ProgramOptions,
): Promise<Ending> {
  return startProgram(path, args, env, options).ended
}
