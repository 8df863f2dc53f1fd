// The house rules, run on every file of the repository, with file:line for each breach. Before a rule is
// believed, it is shown a bad file that it must find and a good one that it must not.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { CAPABILITIES } from './support/skip.ts'
import { Declarations, entriesOf } from './support/surface/surface.ts'
import { judgeDocstrings } from './support/tidy/docstrings.ts'
import { ENTRY_POINTS, LAYERS } from './support/tidy/layers.ts'
import { RULES, type Finding } from './support/tidy/rules.ts'
import { SAMPLES } from './support/tidy/samples.ts'
import { sourceFile, type SourceFile } from './support/tidy/source.ts'
import {
  entrySources,
  findCycles,
  findDeadLinks,
  findDependencies,
  findUninstalled,
  findUnreached,
  type Manifest,
} from './support/tidy/tree-rules.ts'

const ROOT = process.cwd()
const FOLDERS = ['src', 'test', 'demo', 'fuzz', 'sim', 'examples', 'scripts']

const files = FOLDERS.flatMap((folder) => readFolder(folder))
const sources = files.filter(({ path }) => path.startsWith('src/'))
const manifest = JSON.parse(read('package.json')) as Manifest & { name: string; exports: object }
const documents = readdirSync(ROOT)
  .concat(
    existsSync(join(ROOT, 'docs')) ? readdirSync(join(ROOT, 'docs')).map((n) => `docs/${n}`) : [],
  )
  .filter((path) => path.endsWith('.md'))
  .map((path) => ({ path, text: read(path) }))

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function readFolder(folder: string): SourceFile[] {
  if (!existsSync(join(ROOT, folder))) return []
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => /\.(ts|mjs)$/.test(path))
    .sort()
    .map((path) => sourceFile(path, read(path)))
}

function none(findings: readonly Finding[]): void {
  const lines = findings.map(({ path, line, message }) => `${path}:${line}: ${message}`)
  equal(lines.length, 0, `\n${lines.join('\n')}`)
}

describe('the house rules for one file', () => {
  for (const rule of RULES) {
    const samples = SAMPLES[rule.name] ?? { bad: [], good: [] }
    test(`the rule "${rule.name}" finds its bad samples`, () => {
      ok(samples.bad.length > 0, 'Every rule has a bad sample')
      for (const { path, text, line } of samples.bad) {
        ok(rule.applies(path), `It does not apply to "${path}"`)
        const lines = rule.find(sourceFile(path, text)).map((finding) => finding.line)
        deepEqual(lines, [line], `${path}:\n${text}`)
      }
    })
    test(`the rule "${rule.name}" accepts its good samples`, () => {
      ok(samples.good.length > 0, 'Every rule has a good sample')
      for (const { path, text } of samples.good) {
        if (rule.applies(path)) none(rule.find(sourceFile(path, text)))
      }
    })
    test(`the repository obeys: ${rule.name}`, () => {
      none(files.filter(({ path }) => rule.applies(path)).flatMap((file) => rule.find(file)))
    })
  }
  test('every sample belongs to a rule', () => {
    const names = RULES.map(({ name }) => name)
    deepEqual(
      Object.keys(SAMPLES).filter((name) => !names.includes(name)),
      [],
    )
  })
})

describe('the table of layers', () => {
  test('has one row for a path', () => {
    const paths = LAYERS.map(({ path }) => path)
    equal(new Set(paths).size, paths.length)
  })
  test('names the pure files that tsconfig.core.json compiles', () => {
    const core = JSON.parse(read('tsconfig.core.json')) as { include: string[] }
    const compiled = core.include.map((path) => (path.endsWith('.ts') ? path : `${path}/`))
    for (const { path, pure } of LAYERS) {
      const exists = existsSync(join(ROOT, path))
      if (!exists) continue
      const covered = compiled.some((one) => path.startsWith(one))
      equal(covered, pure, `${path}: pure files, and no others, are in tsconfig.core.json`)
    }
  })
})

describe('imports', () => {
  test('a circle of imports is found', () => {
    const circle = [
      sourceFile('src/codec/a.ts', "import { b } from './b.ts'\n"),
      sourceFile('src/codec/b.ts', "import type { a } from './a.ts'\n"),
      sourceFile('src/codec/c.ts', "import { a } from './a.ts'\n"),
    ]
    equal(findCycles(circle).length, 1)
    deepEqual(findCycles(circle.slice(1)), [])
  })
  test('sources import in no circle', () => none(findCycles(sources)))

  const sample: Manifest = {
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
  }
  test('a source that nothing reaches is found', () => {
    const tree = [
      sourceFile('src/index.ts', "export { a } from './a.ts'\n"),
      sourceFile('src/a.ts', ''),
      sourceFile('src/b.ts', ''),
    ]
    deepEqual(
      findUnreached(tree, sample).map(({ path }) => path),
      ['src/b.ts'],
    )
    deepEqual(
      findUnreached(tree.slice(1), sample).map(({ path }) => path),
      ['src/index.ts', 'src/a.ts', 'src/b.ts'],
    )
    deepEqual(findUnreached(tree.slice(0, 2), sample), [])
  })
  test('package.json exports entry points, and every source is reached from them', () => {
    ok(entrySources(manifest).length > 0)
    none(findUnreached(sources, manifest))
  })
  test('entry points are files', () => {
    const absent = ENTRY_POINTS.filter((path) => !existsSync(join(ROOT, path)))
    deepEqual(absent, [])
  })
})

describe('docstrings of what is published', () => {
  const judge = (text: string, entry = 'umqtt/simple'): string[] =>
    judgeDocstrings(entry, new Declarations(() => text).namesOf('dist/a.d.ts')).findings.map(
      ({ message }) => message.replace(`${entry} `, ''),
    )
  const doc = (...lines: readonly string[]): string => `/**\n * ${lines.join('\n * ')}\n */\n`
  const example = (lines: number): string[] => [
    '@example',
    '```js',
    ...Array.from({ length: lines }, () => 'act()'),
    '```',
  ]
  const act = (...lines: readonly string[]): string =>
    `/** A. */\nexport declare class A {\n    ${lines.length === 0 ? '' : doc(...lines)}act(one: string): void;\n}\n`
  const HAS_ONE = '@param one of it'
  const NAMES_NONE = 'which names no parameter, or one that it has named'

  for (const [text, ...wanted] of [
    ['export declare const a: 1;\n', 'a has no docstring'],
    [act(), 'A.act has no docstring'],
    [act('Acts.', ...example(1)), 'A.act has no @param one'],
    [act('Acts.', HAS_ONE), 'A.act has no @example'],
    [act('Acts.', HAS_ONE, '@param two', ...example(1)), `A.act has "@param two", ${NAMES_NONE}`],
    [act('Acts.', HAS_ONE, HAS_ONE, ...example(1)), `A.act has "@param one", ${NAMES_NONE}`],
    [act('Acts.', HAS_ONE, ...example(13)), 'A has an @example of 13 lines, more than 12'],
    [act('Acts.', HAS_ONE, '@example', 'act()'), 'A: No block of js or ts behind @example'],
    [
      `${doc('Acts.')}export declare function act({ a, b }: A): void;\n`,
      'act has no @example',
      'act has no @param a',
      'act has no @param b',
    ],
    [
      `${doc('A.')}export declare class A {\n    constructor();\n}\n`,
      'A has no @example',
      'A.constructor has no docstring',
    ],
  ] as const) {
    test(`"${wanted.join('", "')}" is found`, () => deepEqual(judge(text), wanted))
  }
  test('are found by the line of what lacks one', () => {
    const names = new Declarations(() => act()).namesOf('dist/a.d.ts')
    const { findings } = judgeDocstrings('umqtt', names)
    deepEqual(
      findings.map(({ path, line }) => [path, line]),
      [['dist/a.d.ts', 3]],
    )
  })

  test('as they should be are accepted', () => {
    const good = ['Acts.', HAS_ONE, ...example(12)]
    deepEqual(judge(act(...good)), [])
    deepEqual(judge(`${doc(...good)}export declare function act(one: string): void;\n`), [])
    deepEqual(judge(`${doc('Failed.')}export declare class A extends Error {\n}\n`), [])
    deepEqual(judge(`${doc('A.')}export interface A {\n    #private;\n    a: () => void;\n}\n`), [])
  })
  test('of a contract, and behind an entry point that shows by class, need no example each', () => {
    const plain = act('Acts.', HAS_ONE)
    deepEqual(judge(plain.replace('declare class A', 'interface Transport')), [])
    deepEqual(judge(plain.replace('declare class', 'interface'), 'umqtt/sim'), [])
    deepEqual(judge(plain, 'umqtt/sim'), ['A has no @example'])
  })
  test('may be those of what a class implements, but for its constructor', () => {
    const base = act('Acts.', HAS_ONE).replace('declare class', 'interface')
    const head = doc('B.', ...example(1))
    const b = `${head}export declare class B implements A {\n    act(one: string): void;\n`
    deepEqual(judge(`${base}${b}}\n`, 'umqtt/sim'), [])
    deepEqual(judge(`${base}${b}    constructor();\n}\n`, 'umqtt/sim'), [
      'B.constructor has no docstring',
    ])
  })

  test('are there, name every parameter, and show how', (t) => {
    const declarations = new Declarations(read)
    const reports = entriesOf(manifest).map(({ name, condition, path }) => ({
      entry: condition === 'browser' ? `${name} in a browser` : name,
      ...judgeDocstrings(name, declarations.namesOf(path)),
    }))
    for (const { entry, callables, shown } of reports) {
      t.diagnostic(`${entry}: ${callables.length} callables, ${shown.length} with an example`)
      // Each entry point has something to call, but for none can it be so little by mistake.
      ok(callables.length > 0 && shown.length > 0, entry)
    }
    const seen = new Set(reports.flatMap(({ callables }) => callables))
    for (const known of [
      'umqtt RobustClient.publish',
      'umqtt/simple MQTTClient.subscribe',
      'umqtt/robust MQTTClient.constructor',
      'umqtt/robust MQTTClient.delay',
      'umqtt/robust Receipt.cancel',
      'umqtt/robust OutboxView.resubmit',
      'umqtt/outbox/file FileStore.constructor',
      'umqtt/outbox/sqlite SqliteStore.commit',
      'umqtt/outbox/indexeddb IndexedDbStore.open',
      'umqtt/outbox/inspect inspectOutbox',
      'umqtt/sim ScenarioWorld.until',
      'umqtt/check check',
      'umqtt/testing FaultProxy.cutAt',
      'umqtt/codec Decoder.next',
      'umqtt/engine Engine.poll',
    ]) {
      ok(seen.has(known), known)
    }
    ok(seen.size > 300, `${seen.size}`)
    // What several entry points have is told once.
    const keyOf = ({ path, line, message }: Finding): string =>
      `${path} ${line} ${message.replace(/^\S+ [\w$]+/, '')}`
    const findings = reports.flatMap((report) => report.findings)
    none([...new Map(findings.map((finding) => [keyOf(finding), finding])).values()])
  })
})

describe('the package', () => {
  test('a dependency is found', () => {
    equal(findDependencies({ exports: {}, dependencies: { ws: '8.0.0' } }).length, 1)
  })
  test('it has no dependencies', () => none(findDependencies(manifest)))

  test('a dead link is found', () => {
    const text = '[a](docs/a.md) [b](https://example.org) [c](#c) [d](b.md#x)'
    const dead = findDeadLinks([{ path: 'README.md', text }], (path) => path === 'b.md')
    deepEqual(
      dead.map(({ message }) => message),
      ['links to "docs/a.md", which is absent'],
    )
  })
  test('links of the documents lead somewhere', () => {
    none(findDeadLinks(documents, (path) => existsSync(join(ROOT, path))))
  })

  test('a package that CI does not install is found', () => {
    equal(findUninstalled('apt-get install mosquitto-clients', ['mosquitto']).length, 1)
    equal(findUninstalled('apt-get install mosquitto', ['mosquitto']).length, 0)
  })
  test('CI installs what the tests may need', () => {
    const packages = Object.values(CAPABILITIES).flatMap((need) =>
      'install' in need ? [need.install] : [],
    )
    none(findUninstalled(read('.ci/run'), packages))
  })
  test('the CI script is a valid and executable script', () => {
    execFileSync('bash', ['-n', join(ROOT, '.ci/run')])
    ok(read('.ci/run').startsWith('#!'))
  })
})
