// What an entry point publishes as plain text: names and signatures, sorted, without docstrings and without what is
// private, so that every change of it shows in a diff. Beside what is exported it has what that names. It leaves out
// what comes from the platform or another package, and what the compiler works out by itself.

import type { Declarations, PublicName } from './surface.ts'

/** What one entry point publishes, here and in a browser. */
export interface ReportedEntry {
  /** Such as `umqtt/simple`. */
  readonly name: string
  readonly names: readonly PublicName[]
  /** Undefined where a browser has no types of its own. */
  readonly inBrowser: readonly PublicName[] | undefined
}

/** The file of an entry point, such as `api/outbox-file.txt`. */
export function reportPath(entry: string): string {
  return `api/${entry.replace(/^umqtt\//, '').replaceAll('/', '-')}.txt`
}

/** One name with its members, a line each unless the compiler breaks it. */
export function renderName({ name, declaration, members, bases }: PublicName): string {
  const { kind, text, value } = declaration
  const head = plain(text).replace(/^(?:export )?(?:declare )?/, '')
  const renamed = head.replace(declaration.name, name)
  if (kind !== 'class' && kind !== 'interface') return renamed
  // Members of classes below are told here: so what it extends is not the name in its text.
  const [, signature = renamed] =
    /^([^]*?)(?: extends [^]*)?(?: implements [^]*)?$/.exec(renamed) ?? []
  const own =
    kind === 'interface'
      ? renamed
      : `${signature}${bases.length > 0 ? `: ${bases.join(', ')}` : ''}`
  const lines = members.map(({ member }) => `  ${plain(member.text)}`)
  const made = value === undefined ? [] : [`  ${plain(value).replace(/^export declare /, '')}`]
  return [own, ...made, ...lines.sort()].join('\n')
}

/** The whole report of an entry point. */
export function renderReport(
  { name, names, inBrowser }: ReportedEntry,
  declarations: Declarations,
): string {
  const beside = declarations.besides(names)
  const parts = [
    `${name}: what it publishes. Made by "npm run api"; do not edit.`,
    ...names.map(renderName),
  ]
  if (beside.length > 0) {
    parts.push('-- Named above and not exported:', ...beside.map(renderName))
  }
  if (inBrowser !== undefined) {
    const here = new Set([...names, ...beside].map(renderName))
    const other = [...inBrowser, ...declarations.besides(inBrowser)]
    const differing = other.map(renderName).filter((text) => !here.has(text))
    const there = new Set(other.map((one) => one.name))
    const absent = names.filter((one) => !there.has(one.name)).map((one) => one.name)
    if (absent.length > 0) parts.push(`-- Absent in a browser: ${absent.join(', ')}`)
    parts.push(
      differing.length === 0 ? '-- Else the same in a browser.' : '-- Otherwise in a browser:',
      ...differing,
    )
  }
  return `${parts.join('\n\n')}\n`
}

/** Without comments, and with half the indentation. */
function plain(text: string): string {
  return text
    .replaceAll(/\/\*[^]*?\*\//g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) =>
      line.replace(/^ +/, (indent) => ' '.repeat(Math.floor(indent.length / 2))).trimEnd(),
    )
    .join('\n')
    .trim()
}
