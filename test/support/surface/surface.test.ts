// What is read of emitted declarations: names through re-exports, members of classes below, parameters, docstrings
// and their examples; and that what is not understood is an error.

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readDeclarations } from './declarations.ts'
import { blocksOf, examplesOf } from './examples.ts'
import { Declarations, entriesOf } from './surface.ts'

const FILES: Readonly<Record<string, string>> = {
  'dist/entry.d.ts': `import { Base } from './base.ts';
/** A client. */
export declare class Client extends Base implements Closable {
    #private;
    /** @param id of it */
    constructor(id: string, options?: Options<{
        readonly a: number;
    }>);
    /** Closes. */
    close(): void;
    open(): void;
}
export type { Base as Basis, Options } from './base.ts';
export * from './more.ts';
//# sourceMappingURL=entry.d.ts.map`,
  'dist/base.d.ts': `export interface Closable {
    /** Ends it. */
    close(): void;
}
export interface Options<T> {
    readonly [name: string]: T | ((a: string, b: Map<string, T>) => void);
}
/** What is below. */
export declare class Base {
    #private;
    constructor(id: string);
    static make(): Base;
    /** Opens. */
    open(): void;
    /** Says; it's "}" that is said. */
    protected say(_text: string, { loud, times }: {
        readonly loud: boolean;
        readonly times: number;
    }, ...rest: readonly string[]): Promise<void>;
    get ready(): boolean;
}
`,
  'dist/more.d.ts': `export { make as makeOne };
/** Makes one. */
declare function make<T extends (a: number) => void>(first: T, second?: [T, T]): Made;
export interface Made {
}
export declare const Made: new () => Made;
`,
}

const declarations = (): Declarations => new Declarations((path) => FILES[path] ?? '')

describe('declarations', () => {
  test('are found through re-exports, under the names that they are given', () => {
    const names = declarations().namesOf('dist/entry.d.ts')
    deepEqual(
      names.map(({ name, path, typeOnly }) => [name, path, typeOnly]),
      [
        ['Basis', 'dist/base.d.ts', true],
        ['Client', 'dist/entry.d.ts', false],
        ['Made', 'dist/more.d.ts', false],
        ['Options', 'dist/base.d.ts', true],
        ['makeOne', 'dist/more.d.ts', false],
      ],
    )
  })

  test('of a class that cannot be made have no constructor and nothing static', () => {
    const basis = declarations()
      .namesOf('dist/entry.d.ts')
      .find(({ name }) => name === 'Basis')
    deepEqual(
      basis?.members.map(({ member }) => member.name),
      ['open', 'say', 'ready'],
    )
  })

  test('have the members of a class below that is not exported, and the nearest of a name', () => {
    const text = (FILES['dist/entry.d.ts'] ?? '').replace('Base as Basis, ', '')
    const names = new Declarations((path) =>
      path === 'dist/entry.d.ts' ? text : (FILES[path] ?? ''),
    ).namesOf('dist/entry.d.ts')
    const client = names.find(({ name }) => name === 'Client')
    deepEqual(
      client?.members.map(({ member, path }) => [member.kind, member.name, path]),
      [
        ['constructor', 'constructor', 'dist/entry.d.ts'],
        ['method', 'close', 'dist/entry.d.ts'],
        ['method', 'open', 'dist/entry.d.ts'],
        ['method', 'make', 'dist/base.d.ts'],
        ['method', 'say', 'dist/base.d.ts'],
        ['accessor', 'ready', 'dist/base.d.ts'],
      ],
    )
    deepEqual(client.bases, ['Closable'])
    ok(client.members[2]?.inherited?.includes('Opens.'))
  })

  test('have their parameters by name, those of patterns among them', () => {
    const [, , base] = readDeclarations(FILES['dist/base.d.ts'] ?? '').declarations
    deepEqual(
      base?.members.find(({ name }) => name === 'say')?.parameters.map(({ names }) => names),
      [['text'], ['loud', 'times'], ['rest']],
    )
    const [make] = readDeclarations(FILES['dist/more.d.ts'] ?? '').declarations
    deepEqual(
      make?.parameters.map(({ names }) => names),
      [['first'], ['second']],
    )
  })

  test('of an interface and a constant of one name are one', () => {
    const made = readDeclarations(FILES['dist/more.d.ts'] ?? '').declarations.slice(1)
    deepEqual(
      made.map(({ kind, value }) => [kind, value]),
      [['interface', 'export declare const Made: new () => Made']],
    )
  })

  test('that are not understood, or lead nowhere, are an error', () => {
    throws(() => readDeclarations('export default 1;\n'), SyntaxError)
    throws(() => readDeclarations('export declare const a: number'), SyntaxError)
    const one = new Declarations((path) =>
      path === 'dist/a.d.ts' ? "export { absent } from './b.ts';\n" : 'export {};\n',
    )
    throws(() => one.namesOf('dist/a.d.ts'), /exports no "absent"/)
  })

  test('are those of every set of types in package.json', () => {
    const found = entriesOf({
      name: 'umqtt',
      exports: {
        '.': { browser: { types: './dist/b.d.ts' }, types: './dist/a.d.ts' },
        './codec': { types: './dist/codec/index.d.ts' },
        './package.json': './package.json',
      },
    })
    deepEqual(
      found.map(({ name, condition, path }) => [name, condition, path]),
      [
        ['umqtt', 'default', 'dist/a.d.ts'],
        ['umqtt', 'browser', 'dist/b.d.ts'],
        ['umqtt/codec', 'default', 'dist/codec/index.d.ts'],
      ],
    )
  })
})

describe('examples', () => {
  const DOC = "/**\n * Says.\n * @example\n * ```js types\n * say('*')\n *\n * end()\n * ```\n */"

  test('are the blocks behind @example, with what stands after the fence', () => {
    deepEqual(blocksOf(DOC), [{ language: 'js', mark: 'types', code: "say('*')\n\nend()\n" }])
    deepEqual(blocksOf('/** Says. */'), [])
  })
  test('without a block are an error', () => {
    throws(() => blocksOf('/**\n * @example\n * say()\n */'), SyntaxError)
  })
  test('of a class below several others count once', () => {
    const files: Readonly<Record<string, string>> = {
      'dist/a.d.ts': `import { Base } from './base.ts';
export declare class A extends Base {
}
export declare class B extends Base {
}
`,
      'dist/base.d.ts': `export declare class Base {
    ${DOC}
    say(): void;
}
`,
    }
    const names = new Declarations((path) => files[path] ?? '').namesOf('dist/a.d.ts')
    equal(examplesOf(names).length, 1)
  })
})
