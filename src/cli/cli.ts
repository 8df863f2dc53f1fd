// Finds the command that a person wrote, runs it, and says how it ended. The only place that turns what is
// thrown into words and a number.

import { readArguments } from './arguments.ts'
import { type Command, type Context, Stop } from './command.ts'
import { allCommands, commandNames, loadCommand } from './commands.ts'
import { ENDINGS } from './exit-codes.ts'
import { besides, COLUMNS, shortHelp, wholeHelp, wrap } from './help.ts'
import { listed } from './options.ts'
import type { Terminal } from './terminal.ts'
import { shown, UsageError } from './usage-error.ts'
import { wordsOf } from './words.ts'

/**
 * Runs the command in `args`.
 * @param version what `--version` says
 * @returns the number that the process ends with; never rejects
 */
export async function runCli(
  args: readonly string[],
  context: Context,
  version: string,
): Promise<number> {
  const code = await endingOf(args, context, version)
  const { failure } = context.out
  if (failure === undefined || (failure as NodeJS.ErrnoException).code === 'EPIPE') return code
  await context.err.say('red', `Cannot write to standard output: ${wordsOf(failure)}`)
  return ENDINGS.failed.code
}

async function endingOf(
  args: readonly string[],
  context: Context,
  version: string,
): Promise<number> {
  const [name = ''] = args
  try {
    const ending = await runCommand(args, context, version)
    // A command that was done in time is done, whatever came after.
    if (ending !== 'done') context.stopped.throwIfAborted()
    return ENDINGS[ending].code
  } catch (error) {
    if (error instanceof Stop) return ENDINGS[error.ending].code
    await context.err.say('red', wordsOf(error))
    if (!(error instanceof UsageError)) return ENDINGS.failed.code
    const help = commandNames().includes(name) ? `umqtt ${name} --help` : 'umqtt --help'
    await context.err.line(`Try: ${help}`)
    return ENDINGS.usage.code
  } finally {
    const flushed = Promise.all([context.out.flush(), context.err.flush()])
    await Promise.race([flushed, patience(context.stopped)])
  }
}

/** How long a reader that takes nothing is waited for when a person wants the end, ms. */
const PATIENCE_MS = 500

function patience(stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wait = (): void => void setTimeout(resolve, PATIENCE_MS).unref()
    if (stopped.aborted) wait()
    else stopped.addEventListener('abort', wait)
  })
}

async function runCommand(
  args: readonly string[],
  context: Context,
  version: string,
): Promise<keyof typeof ENDINGS> {
  const [name, ...rest] = args
  if (name === undefined) {
    await context.err.write(await overview(widthOf(context.err)))
    return 'usage'
  }
  if (name === '--version' || name === 'version') {
    await context.out.line(version)
    return 'done'
  }
  if (name === '--help' || name === 'help') {
    const [about] = rest
    const width = widthOf(context.out)
    const text = about === undefined ? await overview(width) : wholeHelp(await find(about), width)
    await context.out.write(text)
    return 'done'
  }
  const command = await find(name)
  if (asksForHelp(rest)) {
    await context.out.write(shortHelp(command, widthOf(context.out)))
    return 'done'
  }
  return command.run(context, readArguments(command, rest))
}

/** `--help` anywhere before `--`. `-h` is the host, as in other clients of this kind. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end === -1 ? args : args.slice(0, end)).includes('--help')
}

async function find(name: string): Promise<Command> {
  const command = await loadCommand(name)
  if (command !== undefined) return command
  throw new UsageError(`There is no command ${shown(name)}: write ${listed(commandNames())}`)
}

/** Of the help: lines longer than these are read badly. */
function widthOf({ room }: Terminal): number {
  return Math.min(COLUMNS, room)
}

async function overview(columns: number): Promise<string> {
  const commands = await allCommands()
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    `$ ${commands[0]?.examples[0]}`,
    '',
    'umqtt: an MQTT client that holds on.',
    'usage: umqtt COMMAND [OPTION]…',
    '',
    ...commands.map(({ name, summary }) => besides(`  ${name.padEnd(width)}  `, summary, columns)),
    '',
    ...wrap('umqtt COMMAND --help fits a screen; umqtt help COMMAND says everything.', '', columns),
    '',
  ].join('\n')
}
