// Reads the arguments of one command by its table of options. Splitting them into tokens is the work of
// `node:util`; what is unknown, missing or given twice is refused here, with what was probably meant.

import { parseArgs } from 'node:util'
import { whyAbsent } from './absent-options.ts'
import type { Command } from './command.ts'
import {
  type Arguments,
  arityOf,
  longName,
  type Option,
  type Options,
  placeholderOf,
  readOption,
  type Values,
} from './options.ts'
import { shown, UsageError } from './usage-error.ts'

/** Between the parts of an option that takes several arguments; no argument can hold it. */
const PART = '\0'

/**
 * Reads what follows the name of the command.
 * @throws {UsageError} something that the command cannot work with
 */
export function readArguments<O extends Options>(
  command: Command<O>,
  args: readonly string[],
): Arguments<O> {
  const names = namesOf(command.options)
  const { tokens } = parseArgs({
    args: joinParts(args, names),
    options: Object.fromEntries(
      Object.entries(command.options).map(([key, { kind, short }]) => [
        longName(key),
        {
          type: kind === 'flag' ? 'boolean' : 'string',
          ...(short && { short }),
        } as const,
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const values: Record<string, unknown> = {}
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const known = names.get(token.rawName)
    if (known === undefined) throw unknownOption(token.rawName, command)
    const { key, option } = known
    const value = readValue(option, token.value, token.rawName)
    if (option.multiple) values[key] = [...((values[key] as unknown[] | undefined) ?? []), value]
    else if (key in values && option.kind !== 'flag') {
      throw new UsageError(`Cannot use ${token.rawName} twice: leave one`)
    } else values[key] = value
  }
  for (const [key, { multiple }] of Object.entries(command.options)) {
    if (multiple && !(key in values)) values[key] = []
  }
  checkPositionals(command, positionals)
  return { values: values as Values<O>, positionals }
}

interface Named {
  readonly key: string
  readonly option: Option
}

/** Options by every way to write them. */
function namesOf(options: Options): ReadonlyMap<string, Named> {
  return new Map(
    Object.entries(options).flatMap(([key, option]) => [
      [`--${longName(key)}`, { key, option }] as const,
      ...(option.short === undefined ? [] : [[`-${option.short}`, { key, option }] as const]),
    ]),
  )
}

/** Makes one argument of those that belong to an option which takes several. */
function joinParts(args: readonly string[], names: ReadonlyMap<string, Named>): string[] {
  const joined: string[] = []
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] as string
    joined.push(arg)
    if (arg === '--') return [...joined, ...args.slice(index + 1)]
    const option = names.get(arg)?.option
    if (option === undefined) continue
    const following = args.slice(index + 1)
    const count = Math.min(arityOf(option, following), following.length)
    if (count > 0) joined.push(following.slice(0, count).join(PART))
    index += count
  }
  return joined
}

function readValue(option: Option, given: string | undefined, name: string): unknown {
  if (option.kind === 'flag') {
    if (given !== undefined) throw new UsageError(`Cannot give ${name} a value: it is a flag`)
    return true
  }
  if (given === undefined)
    throw new UsageError(`${name} needs a value: write ${name} ${placeholderOf(option)}`)
  return readOption(option, given.split(PART), name)
}

function checkPositionals(command: Command, positionals: readonly string[]): void {
  const { min, max, placeholder } = command.positionals ?? { min: 0, max: 0, placeholder: '' }
  if (positionals.length > max) {
    throw new UsageError(
      `Cannot use the argument ${shown(positionals[max] ?? '')}: there is one too many`,
    )
  }
  if (positionals.length < min) throw new UsageError(`${placeholder} is missing`)
}

function unknownOption(name: string, command: Command): UsageError {
  const why = 'host' in command.options ? whyAbsent(name) : undefined
  if (why !== undefined) return new UsageError(`There is no option ${name}: ${why}`)
  const long = Object.keys(command.options).map((key) => `--${longName(key)}`)
  const nearest = name.startsWith('--')
    ? long
        .map((known) => ({ known, away: distance(name, known) }))
        .filter(({ away }) => away <= Math.max(2, name.length / 4))
        .sort((a, b) => a.away - b.away)[0]
    : undefined
  const hint = nearest === undefined ? '' : ` Did you mean ${nearest.known}?`
  return new UsageError(`There is no option ${name}.${hint}`)
}

/** How many letters are to be put in, taken out or replaced to make one word of the other. */
export function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const replaced = (row[j - 1] as number) + (one[i - 1] === other[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[other.length] as number
}
