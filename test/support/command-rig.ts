// A command of `umqtt` in this process: what it reads is given, what it writes is kept. For what needs many runs;
// arguments, signals and pipes are tested with real processes.

import { Readable, Writable } from 'node:stream'
import { runCli } from '../../src/cli/cli.ts'
import { Terminal } from '../../src/cli/terminal.ts'

/** What a command did. */
export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** How it is run. */
export interface CommandOptions {
  /** What stands on standard input, in the pieces in which it is read. */
  readonly stdin?: readonly Uint8Array[]
  readonly env?: Readonly<Record<string, string>>
  /** A terminal of so many columns takes the output, and somebody sits at it. */
  readonly columns?: number
  readonly stopped?: AbortSignal
}

/** Runs a command to its end. */
export async function runHere(
  args: readonly string[],
  { stdin = [], env = {}, columns, stopped }: CommandOptions = {},
): Promise<CommandResult> {
  const out: Buffer[] = []
  const err: Buffer[] = []
  const terminalOf = (into: Buffer[]): Terminal => {
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        into.push(chunk)
        done()
      },
    })
    const isTTY = columns !== undefined
    return new Terminal(Object.assign(stream, { isTTY, columns }), env)
  }
  const context = {
    env,
    stdin: Object.assign(Readable.from(stdin.map((bytes) => Buffer.from(bytes))), {
      isTTY: columns !== undefined,
    }),
    out: terminalOf(out),
    err: terminalOf(err),
    stdinDescriptor: -1,
    openDescriptor: (): never => {
      throw new Error('This command needs no other descriptor')
    },
    stopped: stopped ?? new AbortController().signal,
  }
  const code = await runCli(args, context, '0.0.0')
  const textOf = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString()
  return { code, stdout: textOf(out), stderr: textOf(err) }
}
