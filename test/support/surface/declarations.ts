// Reads an emitted `.d.ts` just far enough to say what it declares: names, docstrings, members, parameters.
// Not a parser of TypeScript; it relies on the layout that the compiler writes, where every statement and every
// member ends in a semicolon or in the brace of its class or interface.

/** A parameter: one name, or those of a pattern. */
export interface Parameter {
  /** Without the underscore of one that is not used. */
  readonly names: readonly string[]
  readonly text: string
}

/** What can be called, or read, of a class or an interface. */
export interface Member {
  readonly kind: 'constructor' | 'method' | 'accessor' | 'field' | 'signature'
  readonly name: string
  readonly isProtected: boolean
  readonly isStatic: boolean
  readonly doc: string | undefined
  /** Without its docstring and its semicolon. */
  readonly text: string
  /** Of what can be called. */
  readonly parameters: readonly Parameter[]
  /** From 1. */
  readonly line: number
}

/** A statement that declares a name. */
export interface Declaration {
  readonly kind: 'class' | 'interface' | 'type' | 'function' | 'const'
  readonly name: string
  readonly isExported: boolean
  readonly doc: string | undefined
  /** Without its docstring; of a class and an interface what stands before its members. */
  readonly text: string
  readonly parameters: readonly Parameter[]
  /** Of an interface: the constant of the same name, which makes such objects. */
  readonly value?: string
  readonly members: readonly Member[]
  /** What it extends and implements, by their first names. */
  readonly bases: readonly string[]
  readonly line: number
}

/** A name that a file takes from another, or passes on. */
export interface Link {
  /** As the other file calls it; `*` for all. */
  readonly name: string
  /** As this file does. */
  readonly as: string
  /** Undefined: this file itself. */
  readonly from: string | undefined
  readonly isExport: boolean
  readonly typeOnly: boolean
}

/** What a `.d.ts` says. */
export interface DeclarationFile {
  readonly declarations: readonly Declaration[]
  readonly links: readonly Link[]
}

/** A piece of text that ends a statement or a member, with the docstring before it. */
interface Piece {
  readonly doc: string | undefined
  readonly text: string
  readonly start: number
}

const OPEN = '([{'
const CLOSE = ')]}'

/** Where a string or a comment that begins at an offset ends; the offset itself when none begins there. */
function skip(text: string, at: number): number {
  if (text.startsWith('//', at)) {
    const end = text.indexOf('\n', at)
    return end === -1 ? text.length : end
  }
  if (text.startsWith('/*', at)) return text.indexOf('*/', at) + 2
  const quote = text[at] ?? ''
  if (!`'"\``.includes(quote) || quote === '') return at
  let end = at + 1
  while (end < text.length && text[end] !== quote) end += text[end] === '\\' ? 2 : 1
  return end + 1
}

/** Statements of a file, or members between the braces of one. */
function piecesOf(text: string, from: number, to: number): Piece[] {
  const pieces: Piece[] = []
  let doc: string | undefined
  let start = -1
  let depth = 0
  const end = (at: number): void => {
    pieces.push({ doc, text: text.slice(start, at), start })
    start = -1
    doc = undefined
  }
  for (let at = from; at < to;) {
    const skipped = skip(text, at)
    if (skipped > at) {
      if (start === -1 && text.startsWith('/**', at)) doc = text.slice(at, skipped)
      else if (start === -1 && !text.startsWith('/', at)) start = at
      at = skipped
      continue
    }
    const char = text[at] ?? ''
    if (start === -1 && /\S/.test(char)) start = at
    if (OPEN.includes(char)) depth += 1
    if (CLOSE.includes(char)) depth -= 1
    if (depth === 0 && char === ';') end(at)
    else if (depth === 0 && char === '}' && HAS_MEMBERS.test(text.slice(start, at))) end(at + 1)
    at += 1
  }
  if (start !== -1) throw new SyntaxError(`No end: ${text.slice(start, start + 80)}`)
  return pieces
}

const HAS_MEMBERS = /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface) /

/** Offsets at which one of some characters stands outside of all brackets, strings and comments. */
export function placesOf(text: string, characters: string): number[] {
  const places: number[] = []
  let depth = 0
  for (let at = 0; at < text.length;) {
    const skipped = skip(text, at)
    if (skipped > at) {
      at = skipped
      continue
    }
    const char = text[at] ?? ''
    const isArrow = char === '>' && text[at - 1] === '='
    if (depth === 0 && characters.includes(char)) places.push(at)
    if (`${OPEN}<`.includes(char)) depth += 1
    if (`${CLOSE}>`.includes(char) && !isArrow) depth -= 1
    at += 1
  }
  return places
}

/** What stands between an opening parenthesis and its end. */
function insideOf(text: string, open: number): string {
  const [first = 0] = placesOf(text.slice(open + 1), ')')
  return text.slice(open + 1, open + 1 + first)
}

function parametersOf(list: string): Parameter[] {
  const commas = [-1, ...placesOf(list, ','), list.length]
  return commas
    .slice(1)
    .map((end, i) => list.slice((commas[i] ?? 0) + 1, end).trim())
    .filter((text) => text !== '')
    .map((text) => {
      const [colon = text.length] = placesOf(text, ':')
      const names = text.slice(0, colon).match(/[\w$]+(?=\s*(?:[,}\]?]|$))/g) ?? []
      return { names: names.map((name) => name.replace(/^_/, '')), text }
    })
}

/** The parameters of what is called, whose text begins with its name. */
function callOf(text: string): Parameter[] {
  const [open = -1] = placesOf(text, '(')
  return open === -1 ? [] : parametersOf(insideOf(text, open))
}

const MODIFIERS = /^(?:(?:protected|private|static|readonly|abstract|declare|override|async) )*/

function memberOf({ doc, text, start }: Piece, line: (at: number) => number): Member | undefined {
  const [modifiers = ''] = MODIFIERS.exec(text) ?? []
  const rest = text.slice(modifiers.length)
  if (rest === '#private') return undefined
  if (modifiers.includes('private ')) {
    // That nobody else can make one is for everybody to know.
    if (!rest.startsWith('constructor(')) return undefined
    const place = { name: 'constructor', text, line: line(start), doc, parameters: [] }
    return { kind: 'signature', isProtected: false, isStatic: false, ...place }
  }
  const accessor = /^[gs]et ([\w$]+|\[[^\]]+\])\(/.exec(rest)
  const named = /^([\w$]+|'[^']+'|\[[\w.]+\])\??/.exec(rest)
  const name = accessor?.[1] ?? named?.[1] ?? ''
  // A parenthesis before any colon belongs to a call.
  const [sign = -1] = placesOf(rest, '(:=')
  const isCall = rest[sign] === '('
  const kind =
    accessor !== null
      ? 'accessor'
      : name === ''
        ? 'signature'
        : !isCall
          ? 'field'
          : name === 'constructor'
            ? 'constructor'
            : 'method'
  return {
    kind,
    name,
    isProtected: modifiers.includes('protected '),
    isStatic: modifiers.includes('static '),
    doc,
    text,
    parameters: kind === 'method' || kind === 'constructor' ? callOf(rest) : [],
    line: line(start),
  }
}

const DECLARES =
  /^(export )?(?:declare )?(?:abstract )?(class|interface|type|function|const) ([\w$]+)/

function declarationOf(piece: Piece, line: (at: number) => number): Declaration | undefined {
  const { doc, text, start } = piece
  const found = DECLARES.exec(text)
  if (found === null) return undefined
  const [, exported, kind, name = ''] = found as unknown as [
    string,
    string?,
    Declaration['kind']?,
    string?,
  ]
  const [brace = -1] = placesOf(text, '{')
  const hasMembers = kind === 'class' || kind === 'interface'
  const head = hasMembers ? text.slice(0, brace).trim() : text
  const members = hasMembers ? piecesOf(text, brace + 1, text.lastIndexOf('}')) : []
  const after = head.slice(found[0].length).replaceAll(/<(?:[^<>]|<[^<>]*>)*>/g, '')
  return {
    kind: kind ?? 'const',
    name,
    isExported: exported !== undefined,
    doc,
    text: head,
    parameters: kind === 'function' ? callOf(text.slice(found[0].length)) : [],
    members: members
      .map((member) => memberOf(member, (at) => line(start + at)))
      .filter((member) => member !== undefined),
    bases: hasMembers ? (after.match(/\b(?!extends\b|implements\b)[A-Z][\w$]*/g) ?? []) : [],
    line: line(start),
  }
}

/** What an import or an export passes on. */
function linksOf(text: string): Link[] {
  const found = /^(import|export) (type )?([^]*?)(?: from (['"])(.+)\4)?$/.exec(text)
  if (found === null) return []
  const [, keyword, type, names = '', , from] = found
  const isExport = keyword === 'export'
  const typeOnly = type !== undefined
  if (isExport && names.trim() === '*') {
    return [{ name: '*', as: '*', from, isExport, typeOnly }]
  }
  const [, namespace] = /^\* as ([\w$]+)$/.exec(names) ?? []
  if (namespace !== undefined) return [{ name: '*', as: namespace, from, isExport, typeOnly }]
  const [, list] = /^\{([^]*)\}$/.exec(names.trim()) ?? []
  return (list ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [name = '', as = name] = part.replace(/^type /, '').split(' as ')
      return { name, as, from, isExport, typeOnly: typeOnly || part.startsWith('type ') }
    })
}

/**
 * Reads a `.d.ts` as the compiler emits it.
 * @throws {SyntaxError} it has a statement that is not understood: nothing is passed over in silence
 */
export function readDeclarations(text: string): DeclarationFile {
  const line = (at: number): number => text.slice(0, at).split('\n').length
  const declarations: Declaration[] = []
  const links: Link[] = []
  for (const piece of piecesOf(text, 0, text.length)) {
    const declaration = declarationOf(piece, line)
    const passed = declaration === undefined ? linksOf(piece.text) : []
    if (declaration !== undefined) declarations.push(declaration)
    else if (passed.length === 0 && piece.text !== 'export {}') {
      throw new SyntaxError(`Line ${line(piece.start)}: ${piece.text.slice(0, 80)}`)
    }
    links.push(...passed)
  }
  return { declarations: declarations.flatMap((one) => withValue(one, declarations)), links }
}

/** A class that is published as an interface and a constant of the same name is one declaration. */
function withValue(one: Declaration, all: readonly Declaration[]): readonly Declaration[] {
  const same = all.find((other) => other !== one && other.name === one.name)
  if (same === undefined) return [one]
  return one.kind === 'const' ? [] : [{ ...one, value: same.text }]
}
