// Reads source text just far enough for the house rules: which characters are code, and what is imported.
// Not a parser; it relies on prettier's layout, where a statement of the module starts in column 0.

/** A file as the rules see it. */
export interface SourceFile {
  /** Relative to the root of the repository, with slashes. */
  readonly path: string
  readonly text: string
  /** The text with the insides of comments, strings and regular expressions blanked; same length and lines. */
  readonly code: string
}

/** One import or re-export. */
export interface Import {
  readonly specifier: string
  /** Nothing of it is left at run time. */
  readonly typeOnly: boolean
  /** `export … from`. */
  readonly reexport: boolean
  /** From 1. */
  readonly line: number
}

/** Prepares a file for the rules. */
export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, code: blank(text) }
}

/** The line of an offset, from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let i = text.indexOf('\n'); i !== -1 && i < offset; i = text.indexOf('\n', i + 1)) line += 1
  return line
}

const NAMES = String.raw`\*(?:\s+as\s+[\w$]+)?|\{[^}]*\}|[\w$]+(?:\s*,\s*(?:\{[^}]*\}|\*\s+as\s+[\w$]+))?`
const FROM = new RegExp(String.raw`^(import|export)\s+(type\s+)?(${NAMES})\s+from\s*(['"])`, 'gm')
const BARE = /^import\s*(['"])/gm
const DYNAMIC = /(?<![\w$.])import\(\s*(['"])/g

/** All imports of a file, in no particular order. */
export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = []
  const add = (match: RegExpMatchArray, typeOnly: boolean, reexport: boolean): void => {
    const start = (match.index ?? 0) + match[0].length
    const quote = file.text[start - 1] ?? "'"
    const specifier = file.text.slice(start, file.text.indexOf(quote, start))
    found.push({ specifier, typeOnly, reexport, line: lineAt(file.text, match.index ?? 0) })
  }
  for (const match of file.code.matchAll(FROM)) {
    const [, keyword, type, names = ''] = match
    add(match, type !== undefined || onlyTypes(names), keyword === 'export')
  }
  for (const match of file.code.matchAll(BARE)) add(match, false, false)
  for (const match of file.code.matchAll(DYNAMIC)) add(match, false, false)
  return found
}

function onlyTypes(names: string): boolean {
  if (!names.startsWith('{')) return false
  const parts = names
    .slice(1, -1)
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  return parts.length > 0 && parts.every((part) => part.startsWith('type '))
}

/** The path that a relative import leads to, or undefined for a package. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

/** After these, a slash starts a regular expression; after anything else it divides. */
const BEFORE_REGEXP =
  /(?:^|[=(,:[!&|?{};+\-*%<>~^\n]|\b(?:return|typeof|case|in|of|await|yield))\s*$/

/** Blanks the insides of comments, strings and regular expressions. */
function blank(text: string): string {
  let out = ''
  let i = 0
  /** Open braces of each template literal that surrounds us, innermost last. */
  const templates: number[] = []

  const skip = (end: number, keepFirst: number, keepLast: number): void => {
    const piece = text.slice(i, end)
    out +=
      piece.slice(0, keepFirst) +
      piece.slice(keepFirst, piece.length - keepLast).replace(/[^\n]/g, ' ') +
      piece.slice(piece.length - keepLast)
    i = end
  }
  /** Inside a template literal: up to its end or its next expression. */
  const skipTemplate = (keepFirst: number): void => {
    let end = i + keepFirst
    while (end < text.length && text[end] !== '`' && !text.startsWith('${', end)) {
      end += text[end] === '\\' ? 2 : 1
    }
    const opens = text.startsWith('${', end)
    if (opens) templates.push(0)
    skip(Math.min(end + (opens ? 2 : 1), text.length), keepFirst, opens ? 2 : 1)
  }

  while (i < text.length) {
    const char = text[i] ?? ''
    const depth = templates.at(-1)
    if (text.startsWith('//', i)) {
      const end = text.indexOf('\n', i)
      skip(end === -1 ? text.length : end, 0, 0)
    } else if (text.startsWith('/*', i)) {
      const end = text.indexOf('*/', i + 2)
      skip(end === -1 ? text.length : end + 2, 0, 0)
    } else if (char === "'" || char === '"') {
      skip(endOfQuoted(text, i, char), 1, 1)
    } else if (char === '`') {
      skipTemplate(1)
    } else if (char === '/' && BEFORE_REGEXP.test(out.slice(-20))) {
      skip(endOfRegExp(text, i), 1, 1)
    } else if (depth !== undefined && char === '}' && depth === 0) {
      templates.pop()
      skipTemplate(1)
    } else {
      if (depth !== undefined && char === '{') templates[templates.length - 1] = depth + 1
      if (depth !== undefined && char === '}') templates[templates.length - 1] = depth - 1
      out += char
      i += 1
    }
  }
  return out
}

function endOfQuoted(text: string, start: number, quote: string): number {
  let end = start + 1
  while (end < text.length && text[end] !== quote && text[end] !== '\n') {
    end += text[end] === '\\' ? 2 : 1
  }
  return Math.min(end + 1, text.length)
}

function endOfRegExp(text: string, start: number): number {
  let inClass = false
  let end = start + 1
  while (end < text.length && text[end] !== '\n' && (inClass || text[end] !== '/')) {
    if (text[end] === '[') inClass = true
    if (text[end] === ']') inClass = false
    end += text[end] === '\\' ? 2 : 1
  }
  return Math.min(end + 1, text.length)
}
