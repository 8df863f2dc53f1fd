// The documents say what is so: their examples run, their tables are those of the code, their numbers are
// those of the sources, and what is generated is current.

import { deepEqual, equal, fail, ok } from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { CHECK_IDS } from '../src/check/ids.ts'
import { DEFAULT_BOUNDS, DEFAULT_TIMEOUTS as DEFAULT_CHECK_TIMEOUTS } from '../src/check/options.ts'
import { CONCLUSIONS, UNKNOWABLE } from '../src/check/verdict.ts'
import { CONNECTION_TRANSITIONS } from '../src/engine/connection-states.ts'
import { PUBLISH_TRANSITIONS } from '../src/engine/publish-states.ts'
import { UNTIL_DELIVERED, fleeting, guaranteed, latest, within } from '../src/robust/policies.ts'
import {
  DEFAULT_CAP_MS,
  DEFAULT_FLOOR_MS,
  DEFAULT_OUTBOX_BYTES,
  DEFAULT_OUTBOX_MESSAGES,
  DEFAULT_SESSION_EXPIRY_SECONDS as DEFAULT_ROBUST_SESSION_EXPIRY_SECONDS,
  DEFAULT_STABLE_AFTER_MS,
  SPREAD_MS,
} from '../src/robust/defaults.ts'
import {
  DEFAULT_KEEP_ALIVE_SECONDS,
  DEFAULT_LIMITS,
  DEFAULT_SESSION_EXPIRY_SECONDS,
  DEFAULT_TIMEOUTS,
} from '../src/simple/defaults.ts'
import { MQTTClient } from '../src/robust.node.ts'
import { type Ending, runProgram } from './support/run-program.ts'
import { type ScriptedRouter, startScriptedRouter } from './support/scripted-router.ts'
import { type TestServer, startServer } from './support/servers.ts'
import { freePorts } from './support/servers/server.ts'
import { SharedProcess } from './support/shared-process.ts'
import { requireOrSkip, runtimePath } from './support/skip.ts'
import { examplesOf } from './support/surface/examples.ts'
import { Declarations, entriesOf } from './support/surface/surface.ts'
import { LAYERS } from './support/tidy/layers.ts'

const read = (path: string): string => readFileSync(path, 'utf8')

/** A block of code in a document, or of a docstring. */
interface Block {
  /** What its client is imported from, if it makes none of its own. */
  readonly layer: 'umqtt/simple' | 'umqtt/robust'
  /** Such as `simple-3`: the document and its place there. */
  readonly name: string
  /**
   * What stands after "js": `types` is only checked, and so is `page`, by what a browser has; `sqlite` runs where
   * Node has it, `mqtt5` needs a server of MQTT 5.0. `own-` and a name is a file of that name, which others import;
   * engines.test.ts runs it.
   */
  readonly mark: string
  /** TypeScript is only checked. */
  readonly extension: 'js' | 'mjs' | 'mts'
  readonly code: string
}

function blocksOf(path: string): Block[] {
  const layer = path === 'docs/simple.md' ? 'umqtt/simple' : 'umqtt/robust'
  const stem = path.replace(/^.*\//, '').replace(/\.md$/, '').toLowerCase()
  return Array.from(
    read(path).matchAll(/^```js *(.*)\n([^]*?)^```$/gm),
    ([, mark = '', code = ''], i) => ({
      layer,
      name: mark.startsWith('own-') ? mark : `${stem}-${i + 1}`,
      mark,
      extension: mark.startsWith('own-') ? 'js' : 'mjs',
      code,
    }),
  )
}

/** The code as a program of its own: with a client, if it makes none. */
function programOf({ layer, code }: Block): string {
  if (code.includes(' new MQTTClient(') || code.includes('extends MQTTClient')) return code
  if (/from 'umqtt\/(sim|check|testing|codec|engine|portable|outbox\/\w+)'/.test(code)) return code
  const imports = code.match(/^import .*\n/gm)?.join('') ?? ''
  return `import { MQTTClient } from '${layer}'
${imports}
const client = new MQTTClient('docs', 'mqtt://localhost')
await client.connect()
${code.replaceAll(/^import .*\n/gm, '')}
await client.disconnect()
`
}

/** Inside the repository, so that the package is found by its name. */
const FOLDER = 'build/docs'

const DOCUMENTS = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

/** The examples of the docstrings of everything that package.json exports. */
function docstringBlocks(): Block[] {
  const declarations = new Declarations(read)
  const manifest = JSON.parse(read('package.json')) as { name: string; exports: object }
  const names = entriesOf(manifest).flatMap(({ path }) => declarations.namesOf(path))
  return examplesOf(names).map(({ path, language, ...block }) => ({
    ...block,
    layer: path.startsWith('dist/robust') ? 'umqtt/robust' : 'umqtt/simple',
    extension: language === 'ts' ? 'mts' : 'mjs',
  }))
}

const DOCSTRING_BLOCKS = docstringBlocks()
const BLOCKS = [...DOCUMENTS.flatMap((path) => blocksOf(path)), ...DOCSTRING_BLOCKS]

/** For all of them, one after another: half a minute alone, and several times that beside other work. */
const EXAMPLES_TIMEOUT_MS = 360_000

describe('the examples of the documents', { timeout: EXAMPLES_TIMEOUT_MS }, () => {
  let server: TestServer
  let router: ScriptedRouter
  let outboxes = ''
  const shared = new SharedProcess()
  before(async () => {
    outboxes = mkdtempSync(join(tmpdir(), 'umqtt-docs-'))
    server = await startServer('aedes', { anonymous: true })
    router = await startScriptedRouter()
    rmSync(FOLDER, { recursive: true, force: true })
    mkdirSync(FOLDER, { recursive: true })
    for (const block of BLOCKS) {
      writeFileSync(`${FOLDER}/${block.name}.${block.extension}`, programOf(block))
    }
  })
  after(async () => {
    await shared.close()
    await server.remove()
    await router.close()
    rmSync(outboxes, { recursive: true })
  })

  test('are found', () => {
    ok(BLOCKS.length - DOCSTRING_BLOCKS.length >= 24, `${BLOCKS.length}`)
    ok(DOCSTRING_BLOCKS.length >= 60, `${DOCSTRING_BLOCKS.length}`)
    equal(new Set(BLOCKS.map(({ name }) => name)).size, BLOCKS.length)
  })

  const run = (block: Block, file: string): Promise<Ending> => {
    const runtime = block.mark === 'sqlite' ? runtimePath('node22') : undefined
    if (runtime !== undefined) {
      const env = { NODE_OPTIONS: '--disable-warning=ExperimentalWarning' }
      return runProgram(file, [], env, { runtime })
    }
    if (!block.code.includes("from 'node:test'")) return shared.run(file)
    // What it prints is read by people when it fails.
    return runProgram(file, [], { NODE_TEST_CONTEXT: '' })
  }

  // An example that two entry points have, or two documents, runs once.
  const programs = new Map(
    BLOCKS.filter(
      ({ mark, extension }) => !['types', 'page'].includes(mark) && extension === 'mjs',
    ).map((block) => [programOf(block), block]),
  )
  for (const block of programs.values()) {
    test(`${block.name} runs`, async (t) => {
      if (block.mark === 'sqlite' && !requireOrSkip(t, 'node22')) return
      const url = block.mark === 'mqtt5' ? router.url : (server.urls.tcp ?? '')
      const file = `${FOLDER}/${block.name}.run.mjs`
      const program = programOf(block)
        .replaceAll('mqtt://localhost', url)
        .replaceAll(/'\.\/([\w-]+-outbox)'/g, (_, name: string) =>
          JSON.stringify(join(outboxes, block.name, name)),
        )
        // Of hours in virtual time, those of two seeds show that the loop runs.
        .replaceAll(/\bseed <= 5\b/g, 'seed <= 2')
      writeFileSync(file, program)
      const { code, stdout, stderr } = await run(block, file)
      equal(code, 0, stdout + stderr)
      equal(stderr, '')
    })
  }

  /** @param name of the configuration */
  const judgeTypes = (name: string, blocks: readonly Block[], settings: object): void => {
    const config = {
      ...settings,
      files: blocks.map((block) => `${block.name}.${block.extension}`),
    }
    writeFileSync(`${FOLDER}/${name}.json`, JSON.stringify(config))
    const { status, stdout } = spawnSync(
      process.execPath,
      ['node_modules/typescript/bin/tsc', '-p', `${FOLDER}/${name}.json`],
      { encoding: 'utf8' },
    )
    equal(status, 0, stdout)
  }
  const isOfPage = ({ mark }: Block): boolean => mark === 'page'

  test('have the right types', () => {
    judgeTypes(
      'tsconfig',
      BLOCKS.filter((block) => !isOfPage(block)),
      {
        extends: '../../tsconfig.examples.json',
        compilerOptions: {
          rootDir: '../..',
          noUnusedLocals: false,
          noUnusedParameters: false,
          paths: { host: ['../../test/support/engine-host.ts'] },
        },
        include: [],
      },
    )
  })

  test('of a page have the right types, by what a browser has', () => {
    const blocks = BLOCKS.filter(isOfPage)
    ok(blocks.length >= 4, `${blocks.length}`)
    judgeTypes('tsconfig.page', blocks, {
      extends: '../../tsconfig.page.json',
      compilerOptions: { allowJs: true, checkJs: true },
    })
  })

  test('of README.md begin with one of at most 12 lines', () => {
    const [first] = blocksOf('README.md')
    const lines = first?.code.trimEnd().split('\n') ?? []
    ok(lines.length > 0 && lines.length <= 12, `${lines.length} lines`)
  })
})

/** A table of a document: its rows, each by the words of the head. */
function tableAfter(text: string, heading: string): Record<string, string>[] {
  const start = text.indexOf(`${heading}\n`)
  ok(start !== -1, `There is no heading "${heading}"`)
  const lines = text.slice(start).split('\n')
  const from = lines.findIndex((line) => line.startsWith('|'))
  const count = lines.slice(from).findIndex((line) => !line.startsWith('|'))
  const [head = [], , ...rows] = lines.slice(from, from + count).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
  return rows.map((row) => Object.fromEntries(head.map((name, i) => [unquote(name), row[i] ?? ''])))
}

const unquote = (text: string): string => text.replaceAll('`', '')

const number = (text: string): number => Number(text.replaceAll(/[,_]/g, ''))

describe('ARCHITECTURE.md', () => {
  const text = read('ARCHITECTURE.md')

  const transitions = (heading: string): Record<string, Record<string, string>> =>
    Object.fromEntries(
      tableAfter(text, heading).map(({ state = '', ...events }) => [
        unquote(state),
        Object.fromEntries(
          Object.entries(events)
            .filter(([, next]) => next !== '')
            .map(([event, next]) => [event, unquote(next)]),
        ),
      ]),
    )
  const withoutEmpty = (table: object): object =>
    Object.fromEntries(
      Object.entries(table).filter(([, row]) => Object.keys(row as object).length > 0),
    )

  test('has the table of the connection', () => {
    deepEqual(transitions('### The connection'), CONNECTION_TRANSITIONS)
  })
  for (const qos of [0, 1, 2] as const) {
    test(`has the table of a publish at QoS ${qos}`, () => {
      const wanted = withoutEmpty(PUBLISH_TRANSITIONS[qos])
      deepEqual(transitions(`### A publish at QoS ${qos}`), wanted)
    })
  }

  test('has the table of layers', () => {
    const shown = tableAfter(text, '## Code map').map((row) => ({
      path: unquote(row['where'] ?? ''),
      imports: Array.from(
        (row['may import'] ?? '').matchAll(/`([^`]+)`/g),
        ([, path]) => `src/${path}`,
      ),
      all: row['may import'] === 'all',
      asUser: row['may import'] === 'the entry points',
      pure: row['pure'] === 'yes',
    }))
    const existing = LAYERS.filter(({ path }) => existsSync(path))
    deepEqual(
      shown.sort((a, b) => (a.path < b.path ? -1 : 1)),
      existing
        .map(({ path, imports, asUser = false, pure }) => {
          const all = imports.includes('src/')
          return { path, imports: all ? [] : [...imports], all, asUser, pure }
        })
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
    )
  })

  test('names files that exist', () => {
    const named = Array.from(
      text.matchAll(/`((?:simple|engine|codec|driver|transport|src|test)\/[\w./-]+\.(?:ts|mjs))`/g),
      ([, path = '']) => (/^(src|test)\//.test(path) ? path : `src/${path}`),
    )
    ok(named.length > 20)
    deepEqual(
      named.filter((path) => !existsSync(path)),
      [],
    )
  })
})

describe('docs/check.md', () => {
  const text = read('docs/check.md')

  test('has every check', () => {
    const shown = tableAfter(text, '## What is checked').map((row) => unquote(row['check'] ?? ''))
    deepEqual(shown, [...CHECK_IDS])
  })
  test('has every conclusion, with its level', () => {
    const shown = tableAfter(text, '## The verdict').map((row) => [
      unquote(row['code'] ?? ''),
      row['level'],
    ])
    deepEqual(
      shown,
      CONCLUSIONS.map(({ code, level }) => [code, level]),
    )
  })
  test('has every bound and timeout, with its number', () => {
    const shown = tableAfter(text, '## How far it goes').map((row) => [
      unquote(row['option'] ?? ''),
      number(row['default'] ?? ''),
    ])
    const numbers = (group: string, values: object): [string, number][] =>
      Object.entries(values).map(([name, value]) => [`${group}.${name}`, value as number])
    deepEqual(shown, [
      ...numbers('bounds', DEFAULT_BOUNDS),
      ...numbers('timeouts', DEFAULT_CHECK_TIMEOUTS),
    ])
  })
  test('has what cannot be known', () => {
    for (const what of UNKNOWABLE) ok(text.replaceAll(/\s+/g, ' ').includes(what), what)
  })
})

describe('docs/defaults.md', () => {
  const text = read('docs/defaults.md')

  const defaults = (heading: string, column: string): Record<string, number> =>
    Object.fromEntries(
      tableAfter(text, heading).map((row) => [
        unquote(row[column] ?? ''),
        number(row['default'] ?? ''),
      ]),
    )

  test('has every limit, with its number', () => {
    deepEqual(defaults('## Limits', 'limits'), { ...DEFAULT_LIMITS })
  })
  test('has every timeout, with its number', () => {
    deepEqual(defaults('## Timeouts', 'timeouts'), { ...DEFAULT_TIMEOUTS })
  })
  test('has the numbers of the connection', () => {
    deepEqual(defaults('## The connection', 'option'), {
      keepAliveSeconds: DEFAULT_KEEP_ALIVE_SECONDS,
      'sessionExpirySeconds, clean start': 0,
      'sessionExpirySeconds, else': DEFAULT_SESSION_EXPIRY_SECONDS,
      protocol: 5,
    })
  })
  test('has the numbers of connecting again', () => {
    deepEqual(defaults('## Connecting again', 'reconnect'), {
      floorMs: DEFAULT_FLOOR_MS,
      capMs: DEFAULT_CAP_MS,
      stableAfterMs: DEFAULT_STABLE_AFTER_MS,
    })
    const most = (DEFAULT_FLOOR_MS + SPREAD_MS) / 1000
    ok(text.includes(`from ${DEFAULT_FLOOR_MS / 1000} to ${most} s`))
  })
  test('has the numbers of the outbox and the session', () => {
    deepEqual(defaults('## The outbox and the session of `umqtt/robust`', 'option'), {
      'limits.outboxMessages': DEFAULT_OUTBOX_MESSAGES,
      'limits.outboxBytes': DEFAULT_OUTBOX_BYTES,
      'session.expirySeconds': DEFAULT_ROBUST_SESSION_EXPIRY_SECONDS,
    })
  })
  test('gives a reason for each', () => {
    for (const heading of [
      '## The outbox and the session of `umqtt/robust`',
      '## Connecting again',
      '## Limits',
      '## Timeouts',
      '## The connection',
      '## Bounds that are no options',
    ]) {
      for (const row of tableAfter(text, heading))
        ok((row['why'] ?? '').length > 20, JSON.stringify(row))
    }
  })
  test('works out the time to notice a dead link', () => {
    const seconds = DEFAULT_KEEP_ALIVE_SECONDS * 0.9 + DEFAULT_TIMEOUTS.pingMs / 1000
    ok(text.includes(`**${seconds} s**`))
  })

  const bounds = tableAfter(text, '## Bounds that are no options').map((row) => ({
    where: unquote(row['where'] ?? ''),
    name: unquote(row['constant'] ?? ''),
    value: number(row['value'] ?? ''),
  }))
  const constants = (path: string): Map<string, number> =>
    new Map(
      Array.from(
        read(path).matchAll(/^(?:export )?const ([A-Z_]+)(?:: number)? = ([\d._]+)$/gm),
        ([, name = '', value = '']) => [name, number(value)],
      ),
    )
  test('has the right number of each bound', () => {
    ok(bounds.length > 0)
    for (const { where, name, value } of bounds) {
      equal(constants(where).get(name), value, `${where}: ${name}`)
    }
  })
  test('has every constant that says how much is kept, or at most', () => {
    const listed = bounds.map(({ where, name }) => `${where} ${name}`)
    const found = ['engine', 'driver', 'simple', 'transport', 'robust'].flatMap((folder) =>
      readdirSync(`src/${folder}`).flatMap((file) =>
        [...constants(`src/${folder}/${file}`).keys()]
          .filter((name) => /_KEPT$|_BYTES_MAX$/.test(name))
          .map((name) => `src/${folder}/${file} ${name}`),
      ),
    )
    ok(found.length > 3)
    deepEqual(
      found.filter((name) => !listed.includes(name)),
      [],
    )
  })
})

describe('docs/delivery-policies.md', () => {
  const text = read('docs/delivery-policies.md')
  const makers = {
    'none given': UNTIL_DELIVERED,
    'fleeting()': fleeting(),
    'latest()': latest(),
    'guaranteed()': guaranteed(),
    'within(d)': within('15s'),
  }

  for (const [name, policy] of Object.entries(makers)) {
    test(`has the fields of ${name}`, () => {
      const shown = Object.fromEntries(
        tableAfter(text, '## The fields').map((row) => [unquote(row['field'] ?? ''), row[name]]),
      )
      const { expiresAfterMs, collapseKey = 'none', onSessionLoss = 'by QoS', ...rest } = policy
      const { expiresAfterMs: expiry = '', ...others } = shown
      const wanted = { ...rest, collapseKey, onSessionLoss }
      deepEqual(
        others,
        Object.fromEntries(Object.entries(wanted).map(([field, value]) => [field, `${value}`])),
      )
      ok(expiry.startsWith(expiresAfterMs === Infinity ? 'none' : '`d`'), expiry)
    })
  }

  test('has every outcome', () => {
    const source = read('src/robust/entry.ts')
    const [, union = ''] = /export type OutcomeStatus =([^]*?)\n\n/.exec(source) ?? []
    const statuses = Array.from(union.matchAll(/'([\w-]+)'/g), ([, status]) => status)
    const shown = tableAfter(text, '## Outcomes').map((row) => unquote(row['status'] ?? ''))
    ok(statuses.length > 8)
    deepEqual(shown.sort(), statuses.sort())
  })
})

describe('docs/sessions.md', { timeout: 20_000 }, () => {
  test('has a configuration that mosquitto takes, and keeps its sessions by', async (t) => {
    if (!requireOrSkip(t, 'mosquitto')) return
    const folder = mkdtempSync(join(tmpdir(), 'umqtt-conf-'))
    const [, conf = ''] = /^```conf\n([^]*?)^```$/m.exec(read('docs/sessions.md')) ?? []
    ok(conf.includes('persistence true'))
    const [port = 0] = await freePorts(1)
    const file = join(folder, 'mosquitto.conf')
    const here = conf.replace(/^persistence_location .*$/m, `persistence_location ${folder}/`)
    const beside = `listener ${port} 127.0.0.1\nallow_anonymous true\nuser ${userInfo().username}\n`
    writeFileSync(file, here + beside)
    const server = spawn('mosquitto', ['-c', file], { stdio: 'ignore' })
    const ended = once(server, 'exit')
    const client = new MQTTClient('docs', `mqtt://127.0.0.1:${port}`, {
      reconnect: { floorMs: 20, capMs: 20 },
    })
    t.after(async () => {
      await client.disconnect()
      server.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true })
    })
    await Promise.race([client.connect(), ended.then(() => fail('mosquitto refused it'))])
    await client.disconnect()
    server.kill('SIGTERM')
    await ended
    ok(existsSync(join(folder, 'mosquitto.db')))
  })
})

describe('docs/errors.md', () => {
  test('is what the sources give', () => {
    execFileSync(process.execPath, ['scripts/errors.mjs', '--check'], { stdio: 'pipe' })
  })
  test('has every code', () => {
    const codes = new Set(
      Array.from(read('src/errors.ts').matchAll(/'(ERR_MQTT_\w+)'/g), ([, code]) => code),
    )
    const page = read('docs/errors.md')
    ok(codes.size > 8)
    deepEqual(
      [...codes].filter((code) => !page.includes(`\`${code}\``)),
      [],
    )
  })
})

describe('README.md', () => {
  const text = read('README.md')

  test('has the figures of the last benchmark', () => {
    execFileSync(process.execPath, ['scripts/figures.mjs', '--check'], { stdio: 'pipe' })
  })
  test('links to every example', () => {
    const files = readdirSync('examples').filter((name) => name.endsWith('.mjs'))
    deepEqual(
      files.filter((name) => !text.includes(`](examples/${name})`)),
      [],
    )
  })
  test('has the layers that package.json exports', () => {
    const manifest = JSON.parse(read('package.json')) as { exports: object }
    const exported = Object.keys(manifest.exports)
      .filter((path) => /^\.\/\w+$/.test(path))
      .map((path) => `umqtt${path.slice(1)}`)
    const shown = tableAfter(text, '## The layers').map((row) => unquote(row['import'] ?? ''))
    deepEqual(shown.sort(), exported.sort())
  })
})
