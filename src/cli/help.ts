// The help of a command, made of its tables. The short one fits a screen of 24 lines and 80 columns and has the
// options that most people need; the whole one has every option and every way to end.

import type { Command } from './command.ts'
import { ENDINGS, type EndingName } from './exit-codes.ts'
import { longName, type Option, placeholderOf } from './options.ts'

/** The widest line. */
export const COLUMNS = 80

/** Where the explanations begin, at most. */
const INDENT_MAX = 30
/** The same as a part of the width. */
const INDENT_SHARE = 3 / 8
const GAP = '  '

/** How every command can end. */
const ALWAYS: readonly EndingName[] = ['usage', 'interrupted', 'terminated']

/**
 * The help that fits a screen: begins with an example.
 * @param columns of a terminal, which may be narrower than 80
 */
export function shortHelp(command: Command, columns: number = COLUMNS): string {
  const options = Object.entries(command.options).filter(([, { essential }]) => essential)
  const rest = Object.keys(command.options).length - options.length
  return [
    `$ ${command.examples[0]}`,
    '',
    ...wrap(command.summary, '', columns),
    ...usage(command, columns),
    '',
    ...(options.length === 0 ? [] : [...optionLines(options, columns), '']),
    ...wrap(
      rest === 0
        ? `How it can end, and more examples: umqtt help ${command.name}`
        : `${rest} more options, how it can end, more examples: umqtt help ${command.name}`,
      '',
      columns,
    ),
    '',
  ].join('\n')
}

/** Everything about a command. */
export function wholeHelp(command: Command, columns: number = COLUMNS): string {
  const options = Object.entries(command.options)
  const endings = [...new Set<EndingName>(['done', 'failed', ...command.endings, ...ALWAYS])]
    .map((name) => ENDINGS[name])
    .sort((a, b) => a.code - b.code)
  return [
    ...command.examples.map((example) => `$ ${example}`),
    '',
    ...wrap(command.summary, '', columns),
    ...usage(command, columns),
    '',
    ...(options.length === 0 ? [] : ['Options:', ...optionLines(options, columns), '']),
    'It ends with:',
    ...endings.map(({ code, meaning }) =>
      besides(`  ${String(code).padStart(3)}  `, meaning, columns),
    ),
    '',
  ].join('\n')
}

function usage({ name, positionals, options }: Command, columns: number): string[] {
  const some = Object.keys(options).length === 0 ? '' : ' [OPTION]…'
  const text = `usage: umqtt ${name}${some}${positionals ? ` ${positionals.placeholder}` : ''}`
  return [besides('', text, columns)]
}

function optionLines(options: readonly (readonly [string, Option])[], columns: number): string[] {
  const rows = options.map(([key, option]) => ({
    left: optionText(key, option),
    help: option.help,
  }))
  const widest = Math.max(...rows.map(({ left }) => left.length)) + GAP.length
  const indent = Math.min(INDENT_MAX, Math.floor(columns * INDENT_SHARE), widest)
  return rows.map(({ left, help }) =>
    left.length > indent - GAP.length
      ? [left, ...wrap(help, ' '.repeat(indent), columns)].join('\n')
      : besides(left.padEnd(indent), help, columns),
  )
}

/** A text that begins behind something, and goes on below its own beginning. */
export function besides(left: string, text: string, columns: number): string {
  const [first = '', ...more] = wrap(text, ' '.repeat(left.length), columns)
  return [left + first.trimStart(), ...more].join('\n')
}

function optionText(key: string, option: Option): string {
  const placeholder = placeholderOf(option)
  const value = placeholder === undefined ? '' : ` ${placeholder}`
  return `  ${option.short === undefined ? '   ' : `-${option.short},`} --${longName(key)}${value}`
}

/** Breaks at spaces, so that no line is wider than the screen where words allow it. */
export function wrap(text: string, indent: string, columns: number = COLUMNS): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line.length > indent.length && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = indent
    }
    line += line.length > indent.length ? ` ${word}` : word
  }
  return [...lines, line]
}
