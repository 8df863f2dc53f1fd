// The table of layers in ARCHITECTURE.md as data: what each folder of src/ may import, and which files may
// touch a platform. The longest path that a file starts with is its layer.

/** One row of the table. */
export interface Layer {
  /** A folder with its slash, or a file. */
  readonly path: string
  /** What it may import, beside its own folder; a folder with its slash, or a file. */
  readonly imports: readonly string[]
  /** What it may import types of. */
  readonly typesOf?: readonly string[]
  /** Whether it imports the package as its users do: the entry points, and nothing behind them. */
  readonly asUser?: boolean
  /** Packages and modules of a platform that it may import; a name, or a prefix with `*`. */
  readonly modules?: readonly string[]
  /** Pure: names neither time, chance nor a platform, and runs on any engine of ECMAScript. */
  readonly pure: boolean
  /** Names that a pure file may use all the same. */
  readonly mayName?: readonly string[]
}

const ERRORS = 'src/errors.ts'
const CODEC = 'src/codec/'
const ENGINE = 'src/engine/'
const DRIVER = 'src/driver/'
const SIMPLE = 'src/simple/'
const STORE = 'src/outbox/store.ts'
const OUTBOX = 'src/outbox/outbox.ts'
const OUTBOX_PARTS = [STORE, 'src/outbox/records.ts', 'src/outbox/sequence-map.ts']
const TRANSPORT = 'src/transport/transport.ts'
const ADDRESS = 'src/transport/address.ts'

export const LAYERS: readonly Layer[] = [
  { path: ERRORS, imports: [], pure: true },
  { path: CODEC, imports: [ERRORS], pure: true },
  { path: ENGINE, imports: [ERRORS, CODEC], pure: true },
  { path: TRANSPORT, imports: [ERRORS], pure: true },
  { path: ADDRESS, imports: [ERRORS, TRANSPORT], pure: true },
  { path: 'src/transport/', imports: [ERRORS], modules: ['node:*', 'ws'], pure: false },
  { path: DRIVER, imports: [ERRORS, ENGINE, TRANSPORT], pure: true },
  {
    path: 'src/driver/clock.ts',
    imports: [],
    pure: true,
    mayName: ['globalThis', 'setTimeout', 'clearTimeout'],
  },
  {
    path: SIMPLE,
    imports: [ERRORS, CODEC, ENGINE, DRIVER, ADDRESS],
    typesOf: [TRANSPORT],
    pure: true,
  },
  {
    path: 'src/robust/',
    imports: [ERRORS, CODEC, ENGINE, DRIVER, SIMPLE, STORE, OUTBOX],
    typesOf: [TRANSPORT],
    pure: true,
  },
  { path: STORE, imports: [], pure: true },
  { path: 'src/outbox/crc32.ts', imports: [], pure: true },
  { path: 'src/outbox/constants.ts', imports: [], pure: true },
  { path: 'src/outbox/sequence-map.ts', imports: [], pure: true },
  {
    path: 'src/outbox/records.ts',
    imports: ['src/outbox/crc32.ts', 'src/outbox/constants.ts'],
    pure: true,
  },
  { path: 'src/outbox/sizes.ts', imports: [], pure: true },
  {
    path: 'src/outbox/ledger.ts',
    imports: [STORE, 'src/outbox/records.ts', 'src/outbox/sizes.ts'],
    pure: true,
  },
  {
    path: OUTBOX,
    imports: [ERRORS, 'src/outbox/constants.ts', 'src/outbox/ledger.ts', ...OUTBOX_PARTS],
    pure: true,
  },
  { path: 'src/outbox/memory.ts', imports: OUTBOX_PARTS, pure: true },
  { path: 'src/outbox/log/', imports: [ERRORS, ...OUTBOX_PARTS], pure: true },
  { path: 'src/outbox/file', imports: [ERRORS, 'src/outbox/'], modules: ['node:*'], pure: false },
  { path: 'src/outbox/folder', imports: [ERRORS, 'src/outbox/'], modules: ['node:*'], pure: false },
  { path: 'src/outbox/sqlite', imports: [ERRORS, 'src/outbox/'], modules: ['node:*'], pure: false },
  {
    path: 'src/outbox/inspect',
    imports: [ERRORS, 'src/outbox/', 'src/robust/stored-messages.ts'],
    modules: ['node:*'],
    pure: false,
  },
  { path: 'src/outbox/indexeddb', imports: [ERRORS, 'src/outbox/'], pure: false },
  {
    path: 'src/sim/',
    imports: [
      ERRORS,
      CODEC,
      ENGINE,
      DRIVER,
      SIMPLE,
      TRANSPORT,
      ADDRESS,
      'src/transport/memory.ts',
      STORE,
      'src/outbox/crc32.ts',
      'src/robust/',
      'src/outbox/log/',
    ],
    pure: true,
  },
  { path: 'src/check/', imports: [], asUser: true, pure: false },
  { path: 'src/testing/', imports: ['src/'], pure: false },
  { path: 'src/testing/fault-', imports: ['src/'], modules: ['node:*'], pure: false },
  {
    path: 'src/testing/scripted-server.ts',
    imports: ['src/'],
    modules: ['node:*'],
    pure: false,
  },
  { path: 'src/cli/', imports: [], asUser: true, modules: ['node:*'], pure: false },
]

/** Entry points, which wire platforms: named by package.json, or the ground that two of those share. */
export const ENTRY_POINTS: readonly string[] = [
  'src/index.ts',
  'src/index.browser.ts',
  'src/node.ts',
  'src/browser.ts',
  'src/simple.node.ts',
  'src/simple.browser.ts',
  'src/robust.node.ts',
  'src/robust.browser.ts',
  'src/portable.ts',
  'src/sim.node.ts',
  'src/sim.browser.ts',
  'src/check.node.ts',
  'src/outbox/file.ts',
  'src/outbox/sqlite.ts',
  'src/outbox/indexeddb.ts',
  'src/outbox/inspect.ts',
  'src/testing.node.ts',
  'src/testing.browser.ts',
  'src/codec/index.ts',
  'src/engine/index.ts',
  'src/cli/main.ts',
]

/** The layer of a source; undefined for an entry point in src/ itself, or a file that has none. */
export function layerOf(path: string, layers: readonly Layer[] = LAYERS): Layer | undefined {
  return layers
    .filter((layer) => path.startsWith(layer.path))
    .reduce<Layer | undefined>(
      (best, layer) => (best === undefined || layer.path.length > best.path.length ? layer : best),
      undefined,
    )
}
