// The report of an entry point: what it tells of a name, in which order, and what it leaves out; and that a change of
// the surface changes it.

import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { renderReport, reportPath } from './report.ts'
import { Declarations } from './surface.ts'

const ENTRY = `import { Base, type Hidden } from './base.ts';
import * as Codes from './codes.ts';
/** A client. */
export declare class Client extends Base {
    #private;
    /** Says. */
    say(text: string, options?: {
        /** How often. */
        readonly times: number;
    }): Hidden;
    protected hear(): void;
}
export declare const codes: typeof Codes;
export interface Apple {
    readonly b: 1;
    readonly a: Client;
}
`
const FILES: Readonly<Record<string, string>> = {
  'dist/a.d.ts': ENTRY,
  'dist/base.d.ts': `import type { Deep } from './deep.ts';
export interface Hidden {
    readonly deep: Deep;
}
export declare class Base implements AsyncDisposable {
    private secret;
    constructor(id: string);
    close(): Promise<void>;
}
`,
  'dist/deep.d.ts': 'export type Deep = number;\nexport type Unseen = string;\n',
  'dist/codes.d.ts': 'export declare const OK = 0;\n',
}

function report(entry: string, browser?: string): string {
  const declarations = new Declarations((path) =>
    path === 'dist/a.d.ts' ? entry : path === 'dist/b.d.ts' ? (browser ?? '') : (FILES[path] ?? ''),
  )
  const names = declarations.namesOf('dist/a.d.ts')
  const inBrowser = browser === undefined ? undefined : declarations.namesOf('dist/b.d.ts')
  return renderReport({ name: 'umqtt/a', names, inBrowser }, declarations)
}

describe('the report of an entry point', () => {
  test('has names and members in order, those of classes below, and what they name', () => {
    equal(
      report(ENTRY),
      `umqtt/a: what it publishes. Made by "npm run api"; do not edit.

interface Apple
  readonly a: Client
  readonly b: 1

class Client: AsyncDisposable
  close(): Promise<void>
  constructor(id: string)
  protected hear(): void
  say(text: string, options?: {
    readonly times: number;
  }): Hidden

const codes: typeof Codes

-- Named above and not exported:

const Codes.OK = 0

type Deep = number

interface Hidden
  readonly deep: Deep
`,
    )
  })

  test('stays as it is when a docstring or something private changes', () => {
    equal(report(ENTRY.replace('Says.', 'Speaks.')), report(ENTRY))
    equal(report(ENTRY.replace('    #private;\n', '')), report(ENTRY))
  })

  for (const [what, from, to] of [
    ['a name', 'Apple', 'Pear'],
    ['the type of a parameter', 'text: string', 'text: number'],
    ['a field of a parameter', 'times: number', 'times: 1 | 2'],
    ['what may be left out', 'options?:', 'options:'],
    ['what is given back', 'void', 'number'],
    ['who may call', 'protected hear', 'hear'],
    ['who may make one', '    #private;\n', '    #private;\n    private constructor();\n'],
  ] as const) {
    test(`changes with ${what}`, () => {
      ok(ENTRY.includes(from))
      notEqual(report(ENTRY.replace(from, to)), report(ENTRY))
    })
  }

  test('tells what a browser has otherwise, and what it lacks', () => {
    const browser = ENTRY.replace('protected hear(): void;\n', '').replace(
      'interface Apple',
      'interface Pear',
    )
    const text = report(ENTRY, browser)
    const [, after = ''] = text.split('-- Absent in a browser: ')
    deepEqual(
      after.split('\n\n').map((part) => part.split('\n')[0]),
      ['Apple', '-- Otherwise in a browser:', 'class Client: AsyncDisposable', 'interface Pear'],
    )
    ok(report(ENTRY, ENTRY).endsWith('-- Else the same in a browser.\n'))
  })

  test('is a file of its own', () => {
    deepEqual(['umqtt', 'umqtt/robust', 'umqtt/outbox/file'].map(reportPath), [
      'api/umqtt.txt',
      'api/robust.txt',
      'api/outbox-file.txt',
    ])
  })
})
