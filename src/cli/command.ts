// What a command is: a table of options, examples and a function. Everything that it may touch of the process
// is given to it, so that a test can be the process.

import type { Readable, Writable } from 'node:stream'
import type { EndingName } from './exit-codes.ts'
import type { Arguments, Options } from './options.ts'
import type { Terminal } from './terminal.ts'

/** What a command has of its process. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable
  /** The number of its descriptor, for who reads a file at a place. */
  readonly stdinDescriptor: number
  /** Where the result goes: waits while the reader is slow. */
  readonly out: Terminal
  /** Where everything else goes: progress, warnings, errors. */
  readonly err: Terminal
  /** Another file descriptor for output, such as that of `--progress`. @throws {UsageError} it is not open */
  readonly openDescriptor: (fd: number) => Writable
  /** Aborts at SIGINT, SIGTERM, and when nobody reads standard output any more; its reason is a {@link Stop}. */
  readonly stopped: AbortSignal
}

/** Whether somebody types standard input. */
export function isTyped({ stdin }: Pick<Context, 'stdin'>): boolean {
  return (stdin as { readonly isTTY?: boolean }).isTTY === true
}

/** Why a command has to end early. */
export class Stop extends Error {
  override readonly name = 'Stop'
  readonly ending: 'interrupted' | 'terminated' | 'closedPipe'

  constructor(ending: Stop['ending']) {
    super(ending)
    this.ending = ending
  }
}

/** One command. */
export interface Command<O extends Options = Options> {
  /** As a person writes it. */
  readonly name: string
  /** One line. */
  readonly summary: string
  /** Command lines that work; the first line of the help is the first. */
  readonly examples: readonly string[]
  readonly options: O
  readonly positionals?: {
    readonly placeholder: string
    readonly min: number
    readonly max: number
    readonly offers?: 'file' | 'folder'
  }
  /** How it can end, beside by wrong arguments and by a signal. */
  readonly endings: readonly EndingName[]
  /** Does it. What it throws ends the process: a `UsageError` with 2, a `Stop` as it says, anything else with 1. */
  run(context: Context, given: Arguments<O>): Promise<EndingName>
}

/** Keeps the types of the options for `run`. */
export function command<const O extends Options>(described: Command<O>): Command<O> {
  return described
}
