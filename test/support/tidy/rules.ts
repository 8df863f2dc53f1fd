// The house rules that look at one file. Each is a function of path and text, so that it can be shown a
// bad file and proved able to fail; none reads the disk.

import { ENTRY_POINTS, layerOf, type Layer } from './layers.ts'
import { importsOf, lineAt, resolveImport, type SourceFile } from './source.ts'
import { CODE_LEFTOVERS, GLOSSARY, GLOSSARY_PARTS, IMPURE, LEFTOVERS } from './words.ts'

/** A breach of a rule. */
export interface Finding {
  readonly path: string
  /** From 1. */
  readonly line: number
  readonly message: string
}

/** A rule for single files. */
export interface Rule {
  readonly name: string
  readonly applies: (path: string) => boolean
  readonly find: (file: SourceFile) => Finding[]
}

const LINES_MAX = 500
const HEAD_LINES = { min: 2, max: 6 }

const inSrc = (path: string): boolean => path.startsWith('src/')
const isCode = (path: string): boolean => /\.(ts|mjs)$/.test(path)
const isEntry = (path: string): boolean => ENTRY_POINTS.includes(path)

function covers(allowed: readonly string[], path: string): boolean {
  return allowed.some((one) => path === one || (one.endsWith('/') && path.startsWith(one)))
}

/** Every match of a pattern in code or text, as findings. */
function matches(
  file: SourceFile,
  within: string,
  pattern: RegExp,
  message: (found: string) => string,
): Finding[] {
  return Array.from(within.matchAll(new RegExp(pattern.source, `${pattern.flags}g`)), (match) => ({
    path: file.path,
    line: lineAt(within, match.index),
    message: message(match[0].trim()),
  }))
}

const layering: Rule = {
  name: 'layers import only what the table allows',
  applies: (path) => inSrc(path) && (layerOf(path) !== undefined || !isEntry(path)),
  find(file) {
    const layer = layerOf(file.path)
    if (layer === undefined) {
      return [{ path: file.path, line: 1, message: 'belongs to no layer of the table' }]
    }
    return importsOf(file).flatMap(({ specifier, typeOnly, line }) => {
      const target = resolveImport(file.path, specifier)
      if (target === undefined || mayImport(layer, target, typeOnly)) return []
      const kind = typeOnly ? 'the types of ' : ''
      return [{ path: file.path, line, message: `${layer.path} may not import ${kind}${target}` }]
    })
  },
}

function mayImport(layer: Layer, target: string, typeOnly: boolean): boolean {
  const folder = layer.path.slice(0, layer.path.lastIndexOf('/') + 1)
  const neighbour = folder !== 'src/' && target.startsWith(folder)
  if (neighbour && (!layer.pure || layerOf(target)?.pure === true)) return true
  if (layer.asUser && isEntry(target)) return true
  return covers(layer.imports, target) || (typeOnly && covers(layer.typesOf ?? [], target))
}

const platform: Rule = {
  name: 'only some files import a platform or a package',
  applies: inSrc,
  find(file) {
    const layer = layerOf(file.path)
    const modules = layer?.modules ?? (layer === undefined && isEntry(file.path) ? ['node:*'] : [])
    return importsOf(file).flatMap(({ specifier, line }) => {
      if (specifier.startsWith('.')) return []
      const allowed = modules.some((name) =>
        name.endsWith('*') ? specifier.startsWith(name.slice(0, -1)) : specifier === name,
      )
      return allowed ? [] : [{ path: file.path, line, message: `may not import "${specifier}"` }]
    })
  },
}

const extensions: Rule = {
  name: 'relative imports name a file',
  applies: (path) => path.endsWith('.ts'),
  find: (file) =>
    importsOf(file).flatMap(({ specifier, line }) =>
      !specifier.startsWith('.') || /\.(ts|mjs|js|json)$/.test(specifier)
        ? []
        : [{ path: file.path, line, message: `"${specifier}" has no extension` }],
    ),
}

const barrels: Rule = {
  name: 'sources import from the file that defines a name',
  applies: (path) => inSrc(path) && !isEntry(path) && layerOf(path)?.asUser !== true,
  find: (file) =>
    importsOf(file).flatMap(({ specifier, reexport, line }) => {
      const target = resolveImport(file.path, specifier) ?? ''
      if (isEntry(target) || /(^|\/)index\.ts$/.test(target)) {
        return [{ path: file.path, line, message: `imports the entry point ${target}` }]
      }
      const star = reexport && /^export\s+\*/.test(file.code.split('\n')[line - 1] ?? '')
      return star ? [{ path: file.path, line, message: `re-exports all of ${target}` }] : []
    }),
}

/** What no module keeps: bindings that change, and containers that start empty. */
const STATE: readonly RegExp[] = [
  /^(?:export )?(?:let|var) [\w$]+/m,
  /^(?:export )?const [\w$]+[^=\n]*= new (?:Map|Set|WeakMap|WeakSet|Array)(?:<.*>)?\(\)/m,
  /^(?:export )?const [\w$]+[^=\n]*= new (?:\w+Array|ArrayBuffer|DataView)\((?!0?\)|\[)/m,
  /^(?:export )?const [\w$]+(?!.*[rR]eadonly)[^=\n]*= (?:\[\]|\{\})/m,
  /^ +(?:private |protected |public )?static (?!readonly |async |override readonly |\w+\(|#\w+\()[#\w$]+[^(\n]*=/m,
  /^ +(?:private )?static (?:readonly )?[#\w$]+[^=\n]*= new (?:Map|Set|WeakMap|WeakSet|Array)(?:<.*>)?\(\)/m,
]

const state: Rule = {
  name: 'modules keep no state',
  applies: inSrc,
  find: (file) =>
    STATE.flatMap((pattern) =>
      matches(file, file.code, pattern, (found) => `state at module level: ${found}`),
    ),
}

const pure: Rule = {
  name: 'pure files name neither time, chance nor a platform',
  applies: (path) => layerOf(path)?.pure === true,
  find(file) {
    const mayName = layerOf(file.path)?.mayName ?? []
    const names = IMPURE.filter((name) => !mayName.includes(name)).join('|')
    // A member (`x.process`), a private name and a key (`process: 1`) are not the global.
    const global = new RegExp(String.raw`(?<![\w$.#])(?:${names})(?![\w$]|\??:)`)
    const value = /\bMath\.random\b|\b(?:new|instanceof|typeof) AbortSignal\b|\bAbortSignal\./
    return [global, value].flatMap((pattern) =>
      matches(file, file.code, pattern, (found) => `names ${found}`),
    )
  },
}

const glossary: Rule = {
  name: 'identifiers use the words of the glossary',
  applies: inSrc,
  find(file) {
    return Array.from(file.code.matchAll(/[A-Za-z_$][\w$]*/g)).flatMap((match) => {
      const [name] = match
      const entry =
        GLOSSARY.find(({ never }) => never === name) ??
        GLOSSARY_PARTS.find(({ never }) => name.toLowerCase().includes(never))
      if (entry === undefined) return []
      const line = lineAt(file.code, match.index)
      return [{ path: file.path, line, message: `"${name}": write ${entry.write}` }]
    })
  },
}

const leftovers: Rule = {
  name: 'nothing is left behind',
  applies: isCode,
  find: (file) => [
    ...LEFTOVERS.flatMap(({ pattern, why }) =>
      matches(file, file.text, pattern, (found) => `"${found}": ${why}`),
    ),
    ...CODE_LEFTOVERS.flatMap(({ pattern, why }) =>
      matches(file, file.code, pattern, (found) => `"${found}": ${why}`),
    ),
  ],
}

const heads: Rule = {
  name: 'files say at their head what they are for',
  applies: (path) => isCode(path) && !path.endsWith('.d.ts'),
  find(file) {
    const lines = file.text
      .replace(/^#!.*\n/, '')
      .replace(/^\/\/ portable\n/, '')
      .split('\n')
    const end = lines.findIndex((line) => !line.startsWith('//'))
    const count = end === -1 ? lines.length : end
    const { min, max } = inSrc(file.path) ? HEAD_LINES : { min: 1, max: Infinity }
    if (count >= min && count <= max) return []
    const wanted = max === Infinity ? `at least ${min}` : `${min} to ${max}`
    return [
      {
        path: file.path,
        line: 1,
        message: `has ${count} lines of comment at its head, not ${wanted}`,
      },
    ]
  },
}

const length: Rule = {
  name: `sources have at most ${LINES_MAX} lines`,
  applies: inSrc,
  find(file) {
    const lines = file.text.split('\n').length - 1
    if (lines <= LINES_MAX) return []
    return [{ path: file.path, line: LINES_MAX + 1, message: `has ${lines} lines` }]
  },
}

const fileNames: Rule = {
  name: 'files have kebab-case names that say what is inside',
  applies: isCode,
  find(file) {
    const name = file.path.split('/').at(-1) ?? ''
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(name)
    const empty = /^(utils?|helpers?|misc|common|types-?misc)\./.test(name)
    return kebab && !empty ? [] : [{ path: file.path, line: 1, message: `the name "${name}"` }]
  },
}

const DISPOSABLE = '/// <reference lib="esnext.disposable" preserve="true" />'

/** So that each entry point has what its declarations name, also where an application's `lib` is older. */
const disposing: Rule = {
  name: 'sources that declare what is disposed of bring its types into the declarations',
  applies: inSrc,
  find(file) {
    if (file.text.includes(`\n\n${DISPOSABLE}\n`)) return []
    const declares = /\b(?:Async)?Disposable\b|(?<![\w$)\].])\[Symbol\.(?:asyncDispose|dispose)\]/
    return matches(file, file.code, declares, (found) => `"${found}" without ${DISPOSABLE}`)
  },
}

const sleeping: Rule = {
  name: 'tests do not sleep',
  applies: (path) => path.startsWith('test/'),
  find(file) {
    const sleeps = /=>\s*(?:void\s+)?setTimeout\(\s*[\w$]+\s*,|\bscheduler\.wait\(/
    const imported = importsOf(file).filter(({ specifier }) => specifier === 'node:timers/promises')
    return [
      ...matches(file, file.code, sleeps, (found) => `sleeps: ${found}`),
      ...imported.map(({ line }) => ({
        path: file.path,
        line,
        message: 'imports node:timers/promises',
      })),
    ]
  },
}

/** Rules for single files. */
export const RULES: readonly Rule[] = [
  layering,
  platform,
  extensions,
  barrels,
  state,
  pure,
  glossary,
  leftovers,
  heads,
  length,
  fileNames,
  disposing,
  sleeping,
]
