// What an option is, as data: reading, help and the completions of shells all come from one table.
// Rule: an option is read once, into the type that the command works with; what cannot be right is refused
// here with the words to write instead. Knows no command.

import { shown, UsageError } from './usage-error.ts'

/** What every option has. */
interface Described {
  /** A single character, without the dash. */
  readonly short?: string
  /** What it does, in few words; the default in brackets at its end. */
  readonly help: string
  /** Whether it stands in the short help. */
  readonly essential?: boolean
  /** May be given more than once. */
  readonly multiple?: boolean
}

/** What its value is called in the help. */
interface WithValue extends Described {
  readonly placeholder: string
}

/** Reads a length of time, in ms. The units are those of the client, which not every command loads. */
type ReadDuration = (given: string, name: string) => number

/** One option of a command, by what it is read as. */
export type Option =
  | (Described & { readonly kind: 'flag' })
  | (WithValue & { readonly kind: 'text'; readonly offers?: 'file' | 'folder' | readonly string[] })
  | (WithValue & { readonly kind: 'integer'; readonly min: number; readonly max: number })
  /** Milliseconds: `15s`, `250ms`, `2m`; a number alone is seconds. */
  | (WithValue & { readonly kind: 'duration'; readonly read: ReadDuration })
  | (Described & { readonly kind: 'choice'; readonly words: readonly string[] })
  /** Several arguments: how many, by the second of them where that matters. */
  | (WithValue & {
      readonly kind: 'parts'
      readonly count: number
      readonly counts?: Readonly<Record<string, number>>
    })

/** The options of a command, by their long names in camel case: `clientId` is `--client-id`. */
export type Options = Readonly<Record<string, Option>>

type ValueOf<O extends Option> = O extends { readonly kind: 'flag' }
  ? true
  : O extends { readonly kind: 'integer' | 'duration' }
    ? number
    : O extends { readonly kind: 'parts' }
      ? readonly string[]
      : O extends { readonly kind: 'choice'; readonly words: readonly (infer W)[] }
        ? W
        : string

/** What was given: undefined where an option was not, a list where it may be repeated. */
export type Values<O extends Options> = {
  readonly [K in keyof O]: O[K] extends { readonly multiple: true }
    ? readonly ValueOf<O[K]>[]
    : ValueOf<O[K]> | undefined
}

/** What a person wrote, read. */
export interface Arguments<O extends Options> {
  readonly values: Values<O>
  readonly positionals: readonly string[]
}

/** The long name: `clientId` is `client-id`. */
export function longName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** What the help calls its value; undefined for a flag. */
export function placeholderOf(option: Option): string | undefined {
  if (option.kind === 'flag') return undefined
  return option.kind === 'choice' ? option.words.join('|') : option.placeholder
}

/** What a shell offers for its value. */
export function offersOf(option: Option): 'file' | 'folder' | readonly string[] | undefined {
  if (option.kind === 'choice') return option.words
  return option.kind === 'text' ? option.offers : undefined
}

/** How many arguments belong to it, of those that follow. */
export function arityOf(option: Option, following: readonly string[]): number {
  if (option.kind === 'flag') return 0
  if (option.kind !== 'parts') return 1
  const [, second = ''] = following
  const { counts = {}, count } = option
  return Object.hasOwn(counts, second) ? (counts[second] ?? count) : count
}

/**
 * Reads the value of an option.
 * @param name how the person called it
 * @throws {UsageError} it cannot be right
 */
export function readOption(option: Option, parts: readonly string[], name: string): unknown {
  const [given = ''] = parts
  switch (option.kind) {
    case 'flag':
      return true
    case 'text':
      return given
    case 'integer':
      return readInteger(given, name, option)
    case 'duration':
      return option.read(given, name)
    case 'choice':
      if (option.words.includes(given)) return given
      throw new UsageError(`Cannot use ${name} ${shown(given)}: write ${listed(option.words)}`)
    case 'parts':
      if (parts.length === arityOf(option, parts)) return parts
      throw new UsageError(`${name} needs ${arityOf(option, parts)} values: ${option.placeholder}`)
  }
}

/** @throws {UsageError} it is no whole number of the range */
export function readInteger(
  given: string,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const value = /^\d+$/.test(given) ? Number(given) : NaN
  if (value >= min && value <= max) return value
  throw new UsageError(
    `Cannot use ${name} ${shown(given)}: write a whole number from ${min} to ${max}`,
  )
}

/** Words as a sentence lists them: a, b or c. */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
