// The examples in docstrings of what is published, as blocks of code with what stands after their fence. Each
// docstring counts once, however many entry points and classes have it.

import type { PublicName } from './surface.ts'

/** One block of code behind `@example`. */
export interface Example {
  /** Such as `simple-base-client-subscribe`: the file and what it is an example of. */
  readonly name: string
  readonly path: string
  readonly language: 'js' | 'ts'
  /** What stands after the language, such as `types`. */
  readonly mark: string
  readonly code: string
}

/** The text of a docstring, without its stars. */
export function textOf(doc: string): string {
  return doc
    .replace(/^\/\*\*/, '')
    .replace(/\*\/$/, '')
    .replaceAll(/^\s*\* ?/gm, '')
}

/**
 * The blocks of code behind `@example` of a docstring.
 * @throws {SyntaxError} there is an `@example` without a block in `js` or `ts`
 */
export function blocksOf(doc: string): Pick<Example, 'language' | 'mark' | 'code'>[] {
  const [, ...examples] = textOf(doc).split(/^@example\b/m)
  return examples.map((example) => {
    const found = /^\s*```(js|ts) *(.*)\n([^]*?)^```\s*$/m.exec(example)
    if (found === null) throw new SyntaxError(`No block of js or ts behind @example${example}`)
    const [, language, mark = '', code = ''] = found
    return { language: language as 'js' | 'ts', mark, code }
  })
}

/** All examples of names of an entry point. */
export function examplesOf(names: readonly PublicName[]): Example[] {
  const found = new Map<string, Example>()
  const add = (path: string, name: string, doc: string | undefined): void => {
    blocksOf(doc ?? '').forEach((block, i) => {
      const stem = path.replace(/^dist\//, '').replace(/\.d\.ts$/, '')
      const place = `${stem}-${name}${i === 0 ? '' : `-${i + 1}`}`.replaceAll(/[^\w-]+/g, '-')
      found.set(place, { name: place, path, ...block })
    })
  }
  for (const { path, declaration, members } of names) {
    add(path, declaration.name, declaration.doc)
    for (const { member, path: at } of members) {
      add(at, `${declaration.name}-${member.name}`, member.doc)
    }
  }
  // A class below several others is told once.
  const codes = new Map([...found.values()].map((one) => [`${one.path} ${one.code}`, one]))
  return [...codes.values()]
}
