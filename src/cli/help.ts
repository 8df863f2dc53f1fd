// The help of a command, made of its tables. The short one fits a screen of 24 lines and 80 columns and has the
// options that most people need; the whole one has every option and every way to end.

import type { Command } from './command.ts'
import { ENDINGS, type EndingName } from './exit-codes.ts'
import { longName, type Option, placeholderOf } from './options.ts'

/** The widest line. */
const COLUMNS = 80

/** Where the explanations begin, at most. */
const INDENT_MAX = 30

/** How every command can end. */
const ALWAYS: readonly EndingName[] = ['usage', 'interrupted', 'terminated']

/** The help that fits a screen: begins with an example. */
export function shortHelp(command: Command): string {
  const options = Object.entries(command.options).filter(([, { essential }]) => essential)
  const rest = Object.keys(command.options).length - options.length
  return [
    `$ ${command.examples[0]}`,
    '',
    ...wrap(command.summary, ''),
    usage(command),
    '',
    ...(options.length === 0 ? [] : [...optionLines(options), '']),
    rest === 0
      ? `How it can end, and more examples: umqtt help ${command.name}`
      : `${rest} more options, how it can end, more examples: umqtt help ${command.name}`,
    '',
  ].join('\n')
}

/** Everything about a command. */
export function wholeHelp(command: Command): string {
  const options = Object.entries(command.options)
  const endings = [...new Set<EndingName>(['done', 'failed', ...command.endings, ...ALWAYS])]
    .map((name) => ENDINGS[name])
    .sort((a, b) => a.code - b.code)
  return [
    ...command.examples.map((example) => `$ ${example}`),
    '',
    ...wrap(command.summary, ''),
    usage(command),
    '',
    ...(options.length === 0 ? [] : ['Options:', ...optionLines(options), '']),
    'It ends with:',
    ...endings.map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`),
    '',
  ].join('\n')
}

function usage({ name, positionals, options }: Command): string {
  const some = Object.keys(options).length === 0 ? '' : ' [OPTION]…'
  return `usage: umqtt ${name}${some}${positionals ? ` ${positionals.placeholder}` : ''}`
}

function optionLines(options: readonly (readonly [string, Option])[]): string[] {
  const rows = options.map(([key, option]) => ({
    left: optionText(key, option),
    help: option.help,
  }))
  const indent = Math.min(INDENT_MAX, Math.max(...rows.map(({ left }) => left.length)) + 2)
  return rows.flatMap(({ left, help }) => {
    const [first = '', ...more] = wrap(help, ' '.repeat(indent))
    if (left.length > indent - 2) return [left, first, ...more]
    return [left.padEnd(indent) + first.trimStart(), ...more]
  })
}

function optionText(key: string, option: Option): string {
  const placeholder = placeholderOf(option)
  const value = placeholder === undefined ? '' : ` ${placeholder}`
  return `  ${option.short === undefined ? '   ' : `-${option.short},`} --${longName(key)}${value}`
}

/** Breaks at spaces, so that no line is wider than the screen where words allow it. */
export function wrap(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line.length > indent.length && line.length + 1 + word.length > COLUMNS) {
      lines.push(line)
      line = indent
    }
    line += line.length > indent.length ? ` ${word}` : word
  }
  return [...lines, line]
}
