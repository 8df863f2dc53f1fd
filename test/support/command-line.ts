// The `umqtt` command for tests: as a process whose pipes can be fed, watched and closed, and within this process
// where it matters what it says and how it ends, and not how it is wired.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough, type Readable, Readable as Source, type Writable } from 'node:stream'
import { runCli } from '../../src/cli/cli.ts'
import { Stop } from '../../src/cli/command.ts'
import { openDescriptor } from '../../src/cli/descriptor.ts'
import { Terminal } from '../../src/cli/terminal.ts'

const MAIN = 'dist/cli/main.js'

/** The longest that a command takes here; one that does not end by itself is killed then. */
const COMMAND_MS = 60_000

/** What must not come from outside. */
const OWN = [
  'UMQTT_SERVER',
  'UMQTT_USER',
  'UMQTT_PASSWORD',
  'NO_COLOR',
  'FORCE_COLOR',
  'NODE_OPTIONS',
]

/** Standard input that is written to later. */
export const OPEN = Symbol('open')

/** How it is started. */
export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  /** All of standard input; or a descriptor; {@link OPEN} leaves it open; nothing by default. */
  readonly input?: string | Uint8Array | number | typeof OPEN
  /** A descriptor that standard output goes to; by default it is kept. */
  readonly output?: number
}

/** How it ended. */
export interface CommandEnding {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What was written to descriptor 3. */
  readonly progress: string
}

/** A command that runs. */
export interface RunningCommand {
  readonly stdin: Writable
  readonly ended: Promise<CommandEnding>
  /** Its exit code, whether or not its output was read. */
  readonly exited: Promise<number | null>
  /** Settles when something in what it has said matches; rejects when it ends before that. */
  until(pattern: RegExp): Promise<void>
  signal(name: NodeJS.Signals): void
  /** Nobody reads standard output any more. */
  closeOutput(): void
  /** The same, but it stays open. */
  pauseOutput(): void
  resumeOutput(): void
}

/** Starts it. */
export function startUmqtt(args: readonly string[], options: CommandOptions = {}): RunningCommand {
  const { env = {}, input = '', output } = options
  const inherited = { ...process.env }
  for (const name of OWN) delete inherited[name]
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...inherited, ...env },
    stdio: [typeof input === 'number' ? input : 'pipe', output ?? 'pipe', 'pipe', 'pipe'],
    timeout: COMMAND_MS,
    killSignal: 'SIGKILL',
  })
  const [stdin, stdout, stderr, progress] = child.stdio as unknown as [
    Writable,
    Readable,
    Readable,
    Readable,
  ]
  const said = { stdout: '', stderr: '', progress: '' }
  let look: () => void = () => undefined
  const listen = (stream: Readable, to: keyof typeof said): void => {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said[to] += text
      look()
    })
  }
  if (output === undefined) listen(stdout, 'stdout')
  listen(stderr, 'stderr')
  listen(progress, 'progress')
  if (typeof input !== 'number') {
    // It may end before it has read everything.
    stdin.on('error', () => undefined)
    if (input !== OPEN) stdin.end(input)
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }))
  return {
    stdin,
    ended,
    exited: once(child, 'exit').then(([code]) => code as number | null),
    signal: (name) => void child.kill(name),
    closeOutput: () => stdout.destroy(),
    pauseOutput: () => void stdout.pause(),
    resumeOutput: () => void stdout.resume(),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        look = (): void => {
          if (Object.values(said).some((text) => pattern.test(text))) resolve()
        }
        look()
        void ended.then(() => reject(new Error(`It ended first: ${JSON.stringify(said)}`)))
      }),
  }
}

/** Runs it to its end. */
export function umqtt(args: readonly string[], options?: CommandOptions): Promise<CommandEnding> {
  return startUmqtt(args, options).ended
}

/** A terminal, or a pipe, whose text is kept. */
export class KeptOutput extends PassThrough {
  readonly isTTY: boolean
  readonly columns: number
  text = ''

  constructor(isTTY = false, columns = 80) {
    super()
    this.isTTY = isTTY
    this.columns = columns
    this.setEncoding('utf8').on('data', (text: string) => (this.text += text))
  }
}

/** A command that runs within this process. */
export type RunningHere = Pick<RunningCommand, 'stdin' | 'ended' | 'until' | 'signal'>

/** The descriptor that a command here may have for its progress; others are those of this process. */
const PROGRESS = 3

/**
 * Starts it within this process, which gives it what `main.ts` does: of {@link CommandOptions} all but an output.
 * A second signal is for processes.
 */
export function startUmqttHere(
  args: readonly string[],
  { env = {}, input = '' }: Omit<CommandOptions, 'output'> = {},
): RunningHere {
  const stdin = new PassThrough()
  if (typeof input === 'string' || input instanceof Uint8Array) stdin.end(input)
  const [out, err, progress] = [new KeptOutput(), new KeptOutput(), new KeptOutput()]
  const stopping = new AbortController()
  const said = (): Omit<CommandEnding, 'code'> => ({
    stdout: out.text,
    stderr: err.text,
    progress: progress.text,
  })
  const running = runCli(
    args,
    {
      env,
      stdin,
      stdinDescriptor: typeof input === 'number' ? input : -1,
      out: new Terminal(out, env),
      err: new Terminal(err, env),
      openDescriptor: (fd) => (fd === PROGRESS ? progress : openDescriptor(fd)),
      stopped: stopping.signal,
    },
    '0.0.0',
  )
  const ended = running.then((code) => ({ code, ...said() }))
  return {
    stdin,
    ended,
    signal: (name) => stopping.abort(new Stop(name === 'SIGINT' ? 'interrupted' : 'terminated')),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (Object.values(said()).some((text) => pattern.test(text))) resolve()
        }
        for (const stream of [out, err, progress]) stream.on('data', look)
        look()
        void ended.then(() => reject(new Error(`It ended first: ${JSON.stringify(said())}`)))
      }),
  }
}

/** Runs it in this process. */
export async function umqttHere(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { isTTY = false, columns = 80, input = '' } = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const out = new KeptOutput(isTTY, columns)
  const err = new KeptOutput(isTTY, columns)
  const code = await runCli(
    args,
    {
      env,
      stdin: Source.from([Buffer.from(input)]),
      stdinDescriptor: -1,
      out: new Terminal(out, env),
      err: new Terminal(err, env),
      openDescriptor: () => new PassThrough(),
      stopped: new AbortController().signal,
    },
    '0.0.0',
  )
  return { code, out: out.text, err: err.text }
}
