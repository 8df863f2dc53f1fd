// Bad and good files for each house rule, by the rule's name. A bad one holds exactly one breach, at `line`;
// what would trip the search for left-overs in this very file is put together at run time.

/** Samples of one rule. */
export interface Samples {
  readonly bad: readonly { readonly path: string; readonly text: string; readonly line: number }[]
  readonly good: readonly { readonly path: string; readonly text: string }[]
}

const DISPOSABLE = '/// <reference lib="esnext.disposable" preserve="true" />'
const HEAD = '// What it is for.\n// Its rule.\n'
const join = (...parts: readonly string[]): string => parts.join('')

export const SAMPLES: Readonly<Record<string, Samples>> = {
  'layers import only what the table allows': {
    bad: [
      { path: 'src/codec/a.ts', text: "import { b } from '../engine/b.ts'\n", line: 1 },
      { path: 'src/errors.ts', text: "\nimport { b } from './codec/b.ts'\n", line: 2 },
      { path: 'src/engine/a.ts', text: "import {\n  b,\n} from '../driver/b.ts'\n", line: 1 },
      { path: 'src/simple/a.ts', text: "import { b } from '../transport/transport.ts'\n", line: 1 },
      { path: 'src/simple/a.ts', text: "import { tcp } from '../transport/tcp.ts'\n", line: 1 },
      { path: 'src/simple/a.ts', text: "export { tcp } from '../transport/tcp.ts'\n", line: 1 },
      {
        path: 'src/driver/a.ts',
        text: "const tcp = await import('../transport/tcp.ts')\n",
        line: 1,
      },
      { path: 'src/transport/transport.ts', text: "import { tcp } from './tcp.ts'\n", line: 1 },
      { path: 'src/transport/tcp.ts', text: "import { b } from '../engine/b.ts'\n", line: 1 },
      { path: 'src/outbox/log/a.ts', text: "import { b } from '../file.ts'\n", line: 1 },
      { path: 'src/elsewhere/a.ts', text: '', line: 1 },
      { path: 'src/stray.ts', text: '', line: 1 },
    ],
    good: [
      {
        path: 'src/codec/a.ts',
        text: "import { b } from './b.ts'\nimport { E } from '../errors.ts'\n",
      },
      { path: 'src/simple/a.ts', text: "import type { b } from '../transport/transport.ts'\n" },
      {
        path: 'src/simple/a.ts',
        text: "import { type b, type c } from '../transport/transport.ts'\n",
      },
      { path: 'src/transport/tcp.ts', text: "import { a } from './address.ts'\n" },
      { path: 'src/driver/a.ts', text: "import { systemClock } from './clock.ts'\n" },
      { path: 'src/index.ts', text: "export { tcp } from './transport/tcp.ts'\n" },
      { path: 'src/codec/a.ts', text: "// import { b } from '../engine/b.ts'\n" },
    ],
  },
  'only some files import a platform or a package': {
    bad: [
      { path: 'src/codec/a.ts', text: "import { connect } from 'node:net'\n", line: 1 },
      { path: 'src/codec/index.ts', text: "import { connect } from 'node:net'\n", line: 1 },
      { path: 'src/driver/clock.ts', text: "import 'node:timers'\n", line: 1 },
      { path: 'src/transport/address.ts', text: "import { connect } from 'node:net'\n", line: 1 },
      { path: 'src/transport/tcp.ts', text: "import mqtt from 'mqtt'\n", line: 1 },
      { path: 'src/index.ts', text: "const ws = await import('ws')\n", line: 1 },
    ],
    good: [
      { path: 'src/transport/tcp.ts', text: "import { connect } from 'node:net'\n" },
      { path: 'src/node.ts', text: "import { connect } from 'node:net'\n" },
      { path: 'src/transport/websocket.ts', text: "const ws = await import('ws')\n" },
    ],
  },
  'relative imports name a file': {
    bad: [{ path: 'src/codec/a.ts', text: "import { b } from './b'\n", line: 1 }],
    good: [{ path: 'src/codec/a.ts', text: "import { b } from './b.ts'\nimport c from 'c'\n" }],
  },
  'sources import from the file that defines a name': {
    bad: [
      { path: 'src/engine/a.ts', text: "import { b } from '../codec/index.ts'\n", line: 1 },
      { path: 'src/simple/a.ts', text: "import { b } from '../index.ts'\n", line: 1 },
      { path: 'src/engine/a.ts', text: "export * from './b.ts'\n", line: 1 },
    ],
    good: [
      { path: 'src/check/a.ts', text: "import { b } from '../codec/index.ts'\n" },
      { path: 'src/index.ts', text: "export * from './codec/index.ts'\n" },
      { path: 'src/engine/a.ts', text: "import { b } from '../codec/b.ts'\n" },
    ],
  },
  'modules keep no state': {
    bad: [
      { path: 'src/codec/a.ts', text: 'let count = 0\n', line: 1 },
      { path: 'src/codec/a.ts', text: 'export var count = 0\n', line: 1 },
      { path: 'src/codec/a.ts', text: '\nconst cache = new Map<string, number>()\n', line: 2 },
      { path: 'src/codec/a.ts', text: 'const seen: Set<string> = new Set()\n', line: 1 },
      { path: 'src/codec/a.ts', text: 'const scratch = new Uint8Array(16)\n', line: 1 },
      { path: 'src/codec/a.ts', text: 'const scratch = new Uint8Array(SIZE)\n', line: 1 },
      { path: 'src/codec/a.ts', text: 'const list: string[] = []\n', line: 1 },
      { path: 'src/codec/a.ts', text: 'class A {\n  static count = 0\n}\n', line: 2 },
      {
        path: 'src/codec/a.ts',
        text: 'class A {\n  static readonly cache = new Map()\n}\n',
        line: 2,
      },
    ],
    good: [
      {
        path: 'src/codec/a.ts',
        text: 'function f() {\n  let count = 0\n  const m = new Map()\n}\n',
      },
      { path: 'src/codec/a.ts', text: 'const NAMES = new Map([[1, "a"]])\n' },
      { path: 'src/codec/a.ts', text: 'const NONE: readonly string[] = []\n' },
      { path: 'src/codec/a.ts', text: 'const EMPTY = new Uint8Array(0)\n' },
      { path: 'src/codec/a.ts', text: 'const TABLE = new Uint8Array([1, 2])\n' },
      { path: 'src/codec/a.ts', text: 'const TEXT = `\nlet count = 0\n`\n' },
      {
        path: 'src/codec/a.ts',
        text: 'class A {\n  static of(a = 1) {}\n  static readonly B = 1\n}\n',
      },
    ],
  },
  'pure files name neither time, chance nor a platform': {
    bad: [
      { path: 'src/engine/a.ts', text: 'const now = Date.now()\n', line: 1 },
      { path: 'src/engine/a.ts', text: '\nconst id = Math.random()\n', line: 2 },
      { path: 'src/codec/a.ts', text: 'new TextEncoder().encode(text)\n', line: 1 },
      { path: 'src/driver/a.ts', text: 'setTimeout(fire, 1)\n', line: 1 },
      { path: 'src/driver/clock.ts', text: 'const now = Date.now()\n', line: 1 },
      { path: 'src/simple/a.ts', text: 'AbortSignal.timeout(1)\n', line: 1 },
      { path: 'src/simple/a.ts', text: 'const t = `${process.pid}`\n', line: 1 },
    ],
    good: [
      {
        path: 'src/engine/a.ts',
        text: '// Date.now() is never called; see "process".\nclock.Date()\n',
      },
      {
        path: 'src/driver/clock.ts',
        text: 'const platform = globalThis as unknown as Timekeeping\n',
      },
      { path: 'src/simple/a.ts', text: 'interface O {\n  readonly signal?: AbortSignal\n}\n' },
      { path: 'src/transport/tcp.ts', text: 'setTimeout(fire, 1)\n' },
      { path: 'src/engine/a.ts', text: "const message = 'The Buffer is full'\nconst r = /Date/\n" },
    ],
  },
  'identifiers use the words of the glossary': {
    bad: [
      { path: 'src/engine/a.ts', text: 'const messageId = 1\n', line: 1 },
      { path: 'src/engine/a.ts', text: '\nclass A {\n  #brokerUrl = 1\n}\n', line: 3 },
      { path: 'src/engine/a.ts', text: 'const { returnCode } = packet\n', line: 1 },
    ],
    good: [
      { path: 'src/engine/a.ts', text: '// The broker, as others say.\nclient.setLastWill()\n' },
      { path: 'test/a.test.ts', text: 'const broker = start()\n' },
    ],
  },
  'nothing is left behind': {
    bad: [
      { path: 'src/engine/a.ts', text: join('\n// ', 'TO', 'DO: later\n'), line: 2 },
      { path: 'test/a.ts', text: join('// @ts-', 'ignore\n'), line: 1 },
      { path: 'test/a.ts', text: join('// eslint-', 'disable-next-line\n'), line: 1 },
      { path: 'src/engine/a.ts', text: 'const a = b as any\n', line: 1 },
      { path: 'src/engine/a.ts', text: 'function f(a: any) {}\n', line: 1 },
      { path: 'test/a.test.ts', text: "test.only('a', f)\n", line: 1 },
      { path: 'scripts/a.mjs', text: 'debugger\n', line: 1 },
    ],
    good: [
      {
        path: 'src/engine/a.ts',
        text: '// As any reader sees: any of them.\nconst a = "x as any"\n',
      },
      { path: 'test/a.ts', text: 'const a: unknown = b // @ts-expect-error is fine\n' },
    ],
  },
  'files say at their head what they are for': {
    bad: [
      { path: 'src/engine/a.ts', text: 'const a = 1\n', line: 1 },
      { path: 'src/engine/a.ts', text: '// One line.\nconst a = 1\n', line: 1 },
      { path: 'src/engine/a.ts', text: `${'// More.\n'.repeat(7)}const a = 1\n`, line: 1 },
      { path: 'test/a.test.ts', text: '// portable\nconst a = 1\n', line: 1 },
      { path: 'scripts/a.mjs', text: 'const a = 1\n', line: 1 },
    ],
    good: [
      { path: 'src/engine/a.ts', text: `${HEAD}const a = 1\n` },
      { path: 'test/a.test.ts', text: '// portable\n// What it is for.\nconst a = 1\n' },
      { path: 'scripts/a.mjs', text: '#!/usr/bin/env node\n// What it is for.\nconst a = 1\n' },
    ],
  },
  'sources have at most 500 lines': {
    bad: [{ path: 'src/engine/a.ts', text: 'a\n'.repeat(501), line: 501 }],
    good: [
      { path: 'src/engine/a.ts', text: 'a\n'.repeat(500) },
      { path: 'test/a.test.ts', text: 'a\n'.repeat(501) },
    ],
  },
  'files have kebab-case names that say what is inside': {
    bad: [
      { path: 'src/engine/packetIds.ts', text: '', line: 1 },
      { path: 'src/engine/Engine.ts', text: '', line: 1 },
      { path: 'src/engine/utils.ts', text: '', line: 1 },
    ],
    good: [
      { path: 'src/engine/packet-ids.ts', text: '' },
      { path: 'src/simple.node.ts', text: '' },
      { path: 'scripts/core-globals.d.ts', text: '' },
    ],
  },
  'sources that declare what is disposed of bring its types into the declarations': {
    bad: [
      {
        path: 'src/simple/a.ts',
        text: `${HEAD}\nexport class A implements AsyncDisposable {}\n`,
        line: 4,
      },
      {
        path: 'src/simple/a.ts',
        text: '\ninterface A {\n  [Symbol.asyncDispose](): Promise<void>\n}\n',
        line: 3,
      },
      {
        path: 'src/simple/a.ts',
        text: `const a = 1\n${DISPOSABLE}\nexport interface A extends Disposable {}\n`,
        line: 3,
      },
    ],
    good: [
      {
        path: 'src/simple/a.ts',
        text: `${HEAD}\n${DISPOSABLE}\n\nclass A implements AsyncDisposable {}\n`,
      },
      { path: 'src/simple/a.ts', text: 'void client[Symbol.asyncDispose]()\n' },
      { path: 'src/simple/a.ts', text: '// An AsyncDisposable.\nconst a = 1\n' },
      { path: 'test/a.test.ts', text: 'class A implements AsyncDisposable {}\n' },
    ],
  },
  'tests do not sleep': {
    bad: [
      {
        path: 'test/a.test.ts',
        text: '\nawait new Promise((resolve) => setTimeout(resolve, 10))\n',
        line: 2,
      },
      {
        path: 'test/a.test.ts',
        text: "import { setTimeout } from 'node:timers/promises'\n",
        line: 1,
      },
    ],
    good: [
      { path: 'test/a.test.ts', text: 'const timer = setTimeout(() => fail("too late"), 1000)\n' },
      { path: 'demo/a.ts', text: "import { setTimeout } from 'node:timers/promises'\n" },
    ],
  },
}
