// node:test for engines that are not Node: test, it, describe, subtests, hooks, skip and todo, run one after
// the other. It knows no clock: `timeout` is ignored, a test that never ends is found by the host.

/** What became of one test. */
export interface TestResult {
  /** The names of its suites and its own, joined with ` > `. */
  readonly name: string
  readonly status: 'passed' | 'failed' | 'skipped'
  /** Why it failed or was skipped. */
  readonly reason?: string
}

interface Options {
  readonly skip?: boolean | string
  readonly todo?: boolean | string
  readonly timeout?: number
}
type Body = (context: TestContext) => unknown
type Args =
  [name: string, body?: Body] | [name: string, options: Options, body?: Body] | [body: Body]
type Hook = (context?: unknown) => unknown

class Suite {
  readonly path: readonly string[]
  readonly entries: (Suite | Test)[] = []
  readonly hooks: Record<'before' | 'after' | 'beforeEach' | 'afterEach', Hook[]> = {
    before: [],
    after: [],
    beforeEach: [],
    afterEach: [],
  }

  constructor(path: readonly string[]) {
    this.path = path
  }
}

interface Test {
  readonly path: readonly string[]
  readonly options: Options
  readonly body: Body
}

/** What a test function is given. */
export class TestContext {
  readonly name: string
  skipped: string | undefined
  readonly #path: readonly string[]

  constructor(path: readonly string[]) {
    this.#path = path
    this.name = path.at(-1) ?? ''
  }

  /** Runs a subtest; its failure is reported by itself and fails this test too. */
  async test(...args: Args): Promise<void> {
    const failed = await runTest(read(this.#path, args), [])
    if (failed) throw new Error('A subtest failed')
  }

  skip(reason = 'no reason given'): void {
    this.skipped = reason
  }

  diagnostic(message: string): void {
    state.diagnostics.push(`${this.name}: ${message}`)
  }
}

const root = new Suite([])
const state: { suite: Suite; running: string; results: TestResult[]; diagnostics: string[] } = {
  suite: root,
  running: '',
  results: [],
  diagnostics: [],
}

/** Registers a test. */
export function test(...args: Args): Promise<void> {
  state.suite.entries.push(read(state.suite.path, args))
  return Promise.resolve()
}

/** Registers a suite, whose function registers its tests at once. */
export function describe(...args: Args): Promise<void> {
  const { path, options, body } = read(state.suite.path, args)
  const outer = state.suite
  const suite = new Suite(path)
  if (isSet(options.skip)) {
    outer.entries.push({ path, options, body })
    return Promise.resolve()
  }
  outer.entries.push(suite)
  state.suite = suite
  body(new TestContext(path))
  state.suite = outer
  return Promise.resolve()
}

test.skip = (...args: Args): Promise<void> => marked(args, { skip: true })
test.todo = (...args: Args): Promise<void> => marked(args, { todo: true })
describe.skip = (...args: Args): Promise<void> => marked(args, { skip: true })

export const it: typeof test = test
export const suite: typeof describe = describe
export default test

export function before(hook: Hook): void {
  state.suite.hooks.before.push(hook)
}
export function after(hook: Hook): void {
  state.suite.hooks.after.push(hook)
}
export function beforeEach(hook: Hook): void {
  state.suite.hooks.beforeEach.push(hook)
}
export function afterEach(hook: Hook): void {
  state.suite.hooks.afterEach.push(hook)
}

function marked(args: Args, options: Options): Promise<void> {
  const { path, body } = read([], args)
  return test(path[0] ?? '', options, body)
}

function read(parents: readonly string[], args: Args): Test {
  const values: readonly unknown[] = args
  const name = values.find((value) => typeof value === 'string') ?? 'a test without a name'
  const options = values.find((value) => typeof value === 'object') ?? {}
  const body = values.find((value) => typeof value === 'function') ?? ((): void => {})
  return { path: [...parents, name], options, body: body as Body }
}

async function runSuite(current: Suite, each: readonly Suite[]): Promise<void> {
  const chain = [...each, current]
  for (const hook of current.hooks.before) await hook()
  for (const entry of current.entries) {
    if (entry instanceof Suite) await runSuite(entry, chain)
    else await runTest(entry, chain)
  }
  for (const hook of current.hooks.after) await hook()
}

/** @returns whether it failed */
async function runTest(entry: Test, chain: readonly Suite[]): Promise<boolean> {
  const name = entry.path.join(' > ')
  const mark = entry.options.skip ?? entry.options.todo
  if (isSet(mark)) {
    state.results.push({ name, status: 'skipped', reason: String(mark) })
    return false
  }
  state.running = name
  const context = new TestContext(entry.path)
  try {
    for (const { hooks } of chain) for (const hook of hooks.beforeEach) await hook(context)
    await entry.body(context)
    for (const { hooks } of [...chain].reverse()) {
      for (const hook of hooks.afterEach) await hook(context)
    }
  } catch (error) {
    state.results.push({ name, status: 'failed', reason: explain(error) })
    return true
  }
  const { skipped } = context
  state.results.push(
    skipped === undefined
      ? { name, status: 'passed' }
      : { name, status: 'skipped', reason: skipped },
  )
  return false
}

function isSet(mark: boolean | string | undefined): boolean {
  return mark !== undefined && mark !== false
}

function explain(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message}\n${error.stack ?? ''}`
    : String(error)
}

/** What the host calls, and where it reads; strings only, so that any engine can hand them over. */
interface HostSurface {
  /** Runs everything that was registered. */
  start(): void
  /** JSON of all results once they are there, else undefined. */
  report: string | undefined
  /** The name of the test that is running. */
  running(): string
}

const surface: HostSurface = {
  start(): void {
    runSuite(root, []).then(
      () => {
        surface.report = JSON.stringify(state.results)
      },
      (error: unknown) => {
        state.results.push({ name: 'hooks', status: 'failed', reason: explain(error) })
        surface.report = JSON.stringify(state.results)
      },
    )
  },
  report: undefined,
  running: () => state.running,
}
Object.assign(globalThis, { portableTests: surface })
