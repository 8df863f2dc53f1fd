// The rule for docstrings of what the package publishes, by the declarations that its users see. Rule: everything
// has one, `@param` and parameters name each other, and what an application calls, makes or overrides shows how.
// It tells what it has looked at. It reads no disk.

import { blocksOf, textOf } from '../surface/examples.ts'
import type { Parameter } from '../surface/declarations.ts'
import type { PublicMember, PublicName } from '../surface/surface.ts'
import type { Finding } from './rules.ts'

/** An example has at most so many lines: more is for the documents. */
export const EXAMPLE_LINES_MAX = 12

/** Entry points whose methods an application calls one by one; elsewhere a class or function shows how. */
const BY_METHOD = ['umqtt', 'umqtt/simple', 'umqtt/robust', 'umqtt/portable']

/** Interfaces that others implement and the client calls; who writes one has a contract suite, or few lines. */
const CONTRACTS = ['OutboxStore', 'PlatformClock', 'Transport', 'TransportHandler']

/** What was looked at, and what is wrong with it. */
export interface DocstringReport {
  readonly findings: readonly Finding[]
  /** Such as `umqtt/simple MQTTClient.publish`: each thing that can be called or made. */
  readonly callables: readonly string[]
  /** Those of them that must have an example. */
  readonly shown: readonly string[]
}

/**
 * Judges the docstrings of an entry point.
 * @param entry such as `umqtt/simple`
 * @param names what it exports
 */
export function judgeDocstrings(entry: string, names: readonly PublicName[]): DocstringReport {
  const findings: Finding[] = []
  const callables: string[] = []
  const shown: string[] = []

  for (const { name, path, declaration, members, bases } of names) {
    const { kind, doc, line, parameters } = declaration
    const add = (message: string, at = { path, line }): void =>
      void findings.push({ ...at, message: `${entry} ${name}${message}` })

    if (doc === undefined) add(' has no docstring')
    const isError = bases.some((base) => /^(?:Mqtt)?Error$/.test(base))
    const isMade = kind === 'class' && !isError
    const texts = [doc, ...members.map(({ member }) => member.doc)]
    if (kind === 'function' || isMade) {
      shown.push(`${entry} ${name}`)
      const constructor = members.find(({ member }) => member.kind === 'constructor')
      const byMethod = BY_METHOD.includes(entry) && members.some(needsExample)
      const [, elsewhere] = /\{@link (\w+)\} has an example/.exec(doc ?? '') ?? []
      const other = names.find((one) => one.name === elsewhere)?.declaration.doc
      if (![doc, constructor?.member.doc, other].some(hasExample) && !byMethod) {
        add(' has no @example')
      }
    }
    if (kind === 'function') {
      callables.push(`${entry} ${name}`)
      for (const message of judgeParameters(doc, parameters)) add(message)
    }
    for (const one of members) {
      const { member, inherited } = one
      const at = { path: one.path, line: member.line }
      if (!['method', 'constructor', 'accessor'].includes(member.kind)) continue
      const full = `.${member.name}`
      callables.push(`${entry} ${name}${full}`)
      if (member.doc === undefined) {
        // Editors show that of what it implements or overrides.
        if (inherited === undefined) add(`${full} has no docstring`, at)
        continue
      }
      for (const message of judgeParameters(member.doc, member.parameters)) {
        add(`${full}${message}`, at)
      }
      if (!BY_METHOD.includes(entry) || CONTRACTS.includes(name) || isError) continue
      if (!needsExample(one)) continue
      shown.push(`${entry} ${name}${full}`)
      if (!hasExample(member.doc)) add(`${full} has no @example`, at)
    }
    for (const text of texts) for (const message of judgeExamples(text)) add(message)
  }
  return { findings, callables, shown }
}

/** A method that has a name: an application calls it or overrides it. */
function needsExample({ member }: PublicMember): boolean {
  return member.kind === 'method' && !member.name.startsWith('[')
}

function hasExample(doc: string | undefined): boolean {
  return doc !== undefined && /^@example\b/m.test(textOf(doc))
}

function judgeParameters(doc: string | undefined, parameters: readonly Parameter[]): string[] {
  const names = parameters.flatMap((parameter) => parameter.names)
  const [said = ''] = textOf(doc ?? '').split(/^@example\b/m)
  const told = Array.from(said.matchAll(/@param\s+([\w$.[\]]+)/g), ([, name = '']) => name)
  return [
    ...names.filter((name) => !told.includes(name)).map((name) => ` has no @param ${name}`),
    ...told
      .filter((name, i) => !names.includes(name) || told.indexOf(name) !== i)
      .map((name) => ` has "@param ${name}", which names no parameter, or one that it has named`),
  ]
}

function judgeExamples(doc: string | undefined): string[] {
  try {
    return blocksOf(doc ?? '')
      .map(({ code }) => code.trimEnd().split('\n').length)
      .filter((lines) => lines > EXAMPLE_LINES_MAX)
      .map((lines) => ` has an @example of ${lines} lines, more than ${EXAMPLE_LINES_MAX}`)
  } catch (error) {
    return [`: ${(error as Error).message.split('\n')[0]}`]
  }
}
