// What a test may need beyond Node and the installed packages, and how to get it. A test that needs an
// absent thing is skipped with words that say so, or fails when UMQTT_REQUIRE names it.
// The one place that looks for programs on this machine.

import { spawnSync } from 'node:child_process'
import { accessSync, constants, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'

interface Need {
  /** Whether it is here. */
  readonly present: boolean
  /** What to do to have it. */
  readonly remedy: string
  /**
   * What the CI script names to have it, such as a Debian package; absent for what it cannot have, which
   * `all` does not ask for.
   */
  readonly install?: string
}

/** Debian keeps servers where the PATH of an ordinary user does not look. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']

/** Where a program of this name is, if it is. */
export function findProgram(name: string): string | undefined {
  return FOLDERS.filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => isExecutable(path))
}

/** The same for a program that must be there. */
export function programPath(name: string): string {
  const path = findProgram(name)
  if (path === undefined) throw new Error(`The program "${name}" is absent`)
  return path
}

/** Where RabbitMQ is: Debian's wrapper of it on the PATH wants to be a user of its own. */
export function findRabbit(): string | undefined {
  const path = '/usr/lib/rabbitmq/bin/rabbitmq-server'
  return isExecutable(path) ? path : findProgram('rabbitmq-server')
}

/** Where the libraries of ejabberd are: its program wants to be a user of its own, and Erlang runs them too. */
export function findEjabberd(): string | undefined {
  if (findProgram('erl') === undefined || findProgram('epmd') === undefined) return undefined
  const folders = ['/usr/lib', ...subfolders('/usr/lib'), '/usr/local/lib']
  return folders.find((folder) => subfolders(folder).some((path) => path.includes('/ejabberd-')))
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name))
  } catch {
    return []
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function program(name: string, debian: string): Need {
  return {
    present: findProgram(name) !== undefined,
    remedy: `apt-get install ${debian}`,
    install: debian,
  }
}

/** Where `npm run runtimes:install` puts another runtime. */
export function runtimePath(name: string): string {
  return join(process.cwd(), '.runtimes', name)
}

function runtime(name: string): Need {
  return {
    present: isExecutable(runtimePath(name)),
    remedy: `npm run runtimes:install ${name}`,
    install: name,
  }
}

/** Where Chromium is, if it is; the one without windows is smaller. */
export function findChromium(): string | undefined {
  return findProgram('chromium-headless-shell') ?? findProgram('chromium')
}

/** Where the browser is that comes with WebKitGTK, if it is: no folder of programs. */
export function findMiniBrowser(): string | undefined {
  return ['/usr/lib', ...subfolders('/usr/lib')]
    .flatMap((folder) => subfolders(folder).filter((path) => path.includes('/webkit2gtk-')))
    .map((folder) => join(folder, 'MiniBrowser'))
    .find((path) => isExecutable(path))
}

/**
 * What `unshare` is told, so that a program may mount and nobody else sees it: root needs no more than a space of
 * mounts, and anybody else is root in a space of users. Undefined where neither is allowed.
 */
export function findMountSpace(): readonly string[] | undefined {
  const spaces = [['--mount'], ['--user', '--map-root-user', '--mount']]
  return spaces.find((flags) => {
    const tried = [...flags, 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()]
    return process.platform === 'linux' && spawnSync('unshare', tried).status === 0
  })
}

/**
 * What `unshare` is told, so that a program has process numbers of its own, as in a container; it dies with `unshare`.
 * Undefined where that is not allowed.
 */
export function findNumberSpace(): readonly string[] | undefined {
  const flags = ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc', '--kill-child']
  const isLinux = process.platform === 'linux'
  return isLinux && spawnSync('unshare', [...flags, 'true']).status === 0 ? flags : undefined
}

function hasSqlite(): boolean {
  const { getBuiltinModule } = process as { getBuiltinModule?: (name: string) => unknown }
  return 'Bun' in globalThis || getBuiltinModule?.('node:sqlite') !== undefined
}

function hasIpv6Loopback(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '::1', port: 0 }, () => server.close(() => resolve(true)))
  })
}

/** Everything that a test may ask for by name. */
export const CAPABILITIES = {
  mosquitto: program('mosquitto', 'mosquitto'),
  'mosquitto-clients': program('mosquitto_pub', 'mosquitto-clients'),
  nats: program('nats-server', 'nats-server'),
  rabbitmq: {
    ...program('rabbitmq-server', 'rabbitmq-server'),
    present: findRabbit() !== undefined,
  },
  ejabberd: { ...program('ejabberdctl', 'ejabberd'), present: findEjabberd() !== undefined },
  openssl: program('openssl', 'openssl'),
  strace: program('strace', 'strace'),
  // That of util-linux: others of this name take other arguments.
  script: {
    ...program('script', 'bsdutils'),
    present: process.platform === 'linux' && findProgram('script') !== undefined,
  },
  mounts: {
    // Asked when a test needs it: each answer starts programs.
    get present() {
      return findMountSpace() !== undefined
    },
    remedy: 'run on Linux as root, or let users have namespaces of their own, which unshare makes',
  },
  'number-spaces': {
    get present() {
      return findNumberSpace() !== undefined
    },
    remedy: 'run on Linux, and let users have namespaces of their own, which unshare makes',
  },
  'ordinary-user': {
    present: process.getuid !== undefined && process.getuid() !== 0,
    remedy: 'run as another user than root, for whom every folder is writable',
  },
  bash: program('bash', 'bash'),
  zsh: program('zsh', 'zsh'),
  fish: program('fish', 'fish'),
  ipv6: { present: await hasIpv6Loopback(), remedy: 'give the loopback interface the address ::1' },
  'global-websocket': {
    present: typeof (globalThis as { WebSocket?: unknown }).WebSocket === 'function',
    remedy: 'run on Node 22 or later',
  },
  sqlite: { present: hasSqlite(), remedy: 'run on Node 22.13 or later, on Deno or on Bun' },
  node22: runtime('node22'),
  node24: runtime('node24'),
  bun: runtime('bun'),
  deno: runtime('deno'),
  chromium: {
    ...program('chromium-headless-shell', 'chromium-headless-shell'),
    present: findChromium() !== undefined,
  },
  firefox: program('firefox-esr', 'firefox-esr'),
  webkit: {
    ...program('WebKitWebDriver', 'webkit2gtk-driver'),
    present: findProgram('WebKitWebDriver') !== undefined && findMiniBrowser() !== undefined,
  },
  xvfb: program('Xvfb', 'xvfb'),
} as const satisfies Record<string, Need>

/** The name of something that a test may need. */
export type Capability = keyof typeof CAPABILITIES

/** Reads a requirement: `all`, names with commas, or nothing. Unknown names throw. */
export function parseRequirement(text: string): ReadonlySet<Capability> {
  const names = text === '' ? [] : text.split(',').map((name) => name.trim())
  const known = Object.keys(CAPABILITIES) as Capability[]
  const required = new Set<Capability>()
  for (const name of names) {
    if (name === 'all') {
      for (const capability of known)
        if ('install' in CAPABILITIES[capability]) required.add(capability)
    } else if ((known as string[]).includes(name)) {
      required.add(name as Capability)
    } else {
      throw new RangeError(
        `UMQTT_REQUIRE names "${name}", which is neither "all" nor one of ${known.map((k) => `"${k}"`).join(', ')}`,
      )
    }
  }
  return required
}

/**
 * What to do with a test: false to run it, else why it is skipped.
 * @throws {Error} when something is absent that is required
 */
export function judge(
  names: readonly Capability[],
  isPresent: (name: Capability) => boolean,
  required: ReadonlySet<Capability>,
): string | false {
  const missing = names.filter((name) => !isPresent(name))
  if (missing.length === 0) return false
  const words = missing.map((name) => `${name} is absent: ${CAPABILITIES[name].remedy}`).join('; ')
  if (missing.some((name) => required.has(name)))
    throw new Error(`UMQTT_REQUIRE is set, and ${words}`)
  return words
}

/**
 * For `{ skip: absent('mosquitto') }`: false when everything is here, else the reason to skip.
 * @throws {Error} when something is absent that UMQTT_REQUIRE asks for
 */
export function absent(...names: readonly Capability[]): string | false {
  const required = parseRequirement(process.env['UMQTT_REQUIRE'] ?? '')
  return judge(names, (name) => CAPABILITIES[name].present, required)
}

/**
 * At the start of a test: `if (!requireOrSkip(t, 'mosquitto')) return`.
 * @returns whether to go on
 * @throws {Error} when something is absent that UMQTT_REQUIRE asks for
 */
export function requireOrSkip(t: TestContext, ...names: readonly Capability[]): boolean {
  const reason = absent(...names)
  if (reason !== false) t.skip(reason)
  return reason === false
}
