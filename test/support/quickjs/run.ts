// Runs a portable test file on QuickJS, an engine without timers, console, TextEncoder, URL or process:
// bundles it with the shims beside it and reads the results back.
// What needs more than ECMAScript fails here, whatever the compiler believed.

import { build, type Plugin } from 'esbuild'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, parse } from 'node:path'
import {
  newQuickJSWASMModule,
  newVariant,
  RELEASE_SYNC,
  shouldInterruptAfterDeadline,
  type QuickJSContext,
} from 'quickjs-emscripten'
import type { TestResult } from './shims/node-test.ts'

/** A file that runs longer has a loop without an end. */
const LIMIT_MS = 120_000

const SHIMS: Readonly<Record<string, string>> = {
  'node:test': 'node-test.ts',
  'node:assert/strict': 'node-assert.ts',
  'fast-check': 'fast-check.ts',
}

/**
 * fast-check remembers these when it is loaded. None of them works: a test that waits for time fails.
 */
const PRELUDE = `for (const name of ['setTimeout', 'clearTimeout']) {
  globalThis[name] = () => { throw new Error('QuickJS has no ' + name) }
}`

/** What the types of Node leave out. */
const { compile } = (
  globalThis as unknown as {
    WebAssembly: { compile(code: Uint8Array): Promise<WebAssembly.Module> }
  }
).WebAssembly

/** Compiled once: each file has its own instance, and the machine code that the files before have made fast. */
const engine = newVariant(RELEASE_SYNC, {
  wasmModule: await compile(
    readFileSync(
      createRequire(import.meta.url).resolve('@jitl/quickjs-wasmfile-release-sync/wasm'),
    ),
  ),
})

/** Scripts of test files, by their paths. */
export type Scripts = ReadonlyMap<string, string>

/**
 * Makes one script of each test file and all that it imports.
 * @param root the root of the repository
 * @param paths of the sources, relative to the root
 * @throws {Error} when one of them cannot be bundled
 */
export async function bundle(root: string, paths: readonly string[]): Promise<Scripts> {
  const entries = new Map(paths.map((path, index) => [`${index}`, path]))
  const { outputFiles } = await build({
    // All at once: what many of them import is parsed once.
    entryPoints: Object.fromEntries(Array.from(entries, ([name, path]) => [name, `entry:${path}`])),
    outdir: root,
    bundle: true,
    // The package says that its files have no side effects; registering a test is one.
    ignoreAnnotations: true,
    write: false,
    format: 'iife',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'es2022',
    plugins: [entry(root), shims(join(root, 'test/support/quickjs/shims'))],
    logLevel: 'silent',
  })
  return new Map(
    outputFiles.map(({ path, text }) => {
      const source = entries.get(parse(path).name)
      if (source === undefined) throw new Error(`Bundling gave "${path}", which is no test`)
      return [source, text]
    }),
  )
}

/**
 * Runs one test file.
 * @param scripts with that of the file among them
 * @param path of the source, as it was bundled
 * @returns what became of each test, in their order
 * @throws {Error} when the file cannot be loaded, or a test never ends
 */
export async function runOnQuickJs(scripts: Scripts, path: string): Promise<readonly TestResult[]> {
  const code = scripts.get(path)
  if (code === undefined) throw new Error(`"${path}" was not bundled`)
  // An instance for each file, dropped as a whole: freeing a runtime with unfinished promises aborts.
  const runtime = (await newQuickJSWASMModule(engine)).newRuntime()
  runtime.setMaxStackSize(256 * 1024)
  runtime.setInterruptHandler(shouldInterruptAfterDeadline(Date.now() + LIMIT_MS))
  const context = runtime.newContext()
  evaluate(context, PRELUDE, 'prelude.js')
  evaluate(context, code, path)
  evaluate(context, 'portableTests.start()', 'start.js')
  const ran = runtime.executePendingJobs()
  if (ran.error !== undefined) throw new Error(describeError(context.dump(ran.error)))
  const report = evaluate(context, 'portableTests.report', 'report.js')
  if (typeof report !== 'string') {
    const running = String(evaluate(context, 'portableTests.running()', 'running.js'))
    throw new Error(`The test "${running}" waits for something that never comes`)
  }
  return JSON.parse(report) as readonly TestResult[]
}

/** A test file, and after it the shim that runs what was registered. */
function entry(root: string): Plugin {
  return {
    name: 'entry',
    setup(plugin) {
      plugin.onResolve({ filter: /^entry:/ }, ({ path }) => ({
        path: path.slice('entry:'.length),
        namespace: 'entry',
      }))
      plugin.onLoad({ filter: /.*/, namespace: 'entry' }, ({ path }) => ({
        contents: `import './${path}'\nimport 'node:test'`,
        resolveDir: root,
      }))
    },
  }
}

function shims(folder: string): Plugin {
  return {
    name: 'shims',
    setup(plugin) {
      plugin.onResolve({ filter: /^(node:test|node:assert\/strict|fast-check)$/ }, (args) => {
        const shim = SHIMS[args.path]
        const fromShim = args.importer.startsWith(folder)
        return shim === undefined || fromShim ? undefined : { path: join(folder, shim) }
      })
    },
  }
}

function evaluate(context: QuickJSContext, code: string, name: string): unknown {
  const result = context.evalCode(code, name)
  if (result.error === undefined) {
    return result.value.consume((value) => context.dump(value) as unknown)
  }
  throw new Error(describeError(result.error.consume((error) => context.dump(error) as unknown)))
}

/** What an engine threw, with its stack. */
export function describeError(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  const { name, message, stack = '' } = error as Record<string, unknown>
  return `${String(name)}: ${String(message)}\n${String(stack)}`
}
