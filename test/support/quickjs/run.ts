// Runs a portable test file on QuickJS, an engine without timers, console, TextEncoder, URL or process:
// bundles it with the shims beside it and reads the results back.
// What needs more than ECMAScript fails here, whatever the compiler believed.

import { build, type Plugin } from 'esbuild'
import { join } from 'node:path'
import {
  newQuickJSWASMModule,
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

/**
 * Runs one test file.
 * @param root the root of the repository
 * @param path of the source, relative to the root
 * @returns what became of each test, in their order
 * @throws {Error} when the file cannot be bundled or loaded, or a test never ends
 */
export async function runOnQuickJs(root: string, path: string): Promise<readonly TestResult[]> {
  const code = await bundle(root, path)
  // A module for each file, dropped as a whole: freeing a runtime with unfinished promises aborts.
  const runtime = (await newQuickJSWASMModule()).newRuntime()
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

async function bundle(root: string, path: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import './${path}'\nimport 'node:test'`,
      resolveDir: root,
    },
    bundle: true,
    // The package says that its files have no side effects; registering a test is one.
    ignoreAnnotations: true,
    write: false,
    format: 'iife',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'es2022',
    plugins: [shims(join(root, 'test/support/quickjs/shims'))],
    logLevel: 'silent',
  })
  const [file] = outputFiles
  if (file === undefined) throw new Error(`Bundling "${path}" gave no output`)
  return file.text
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

function describeError(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  const { name, message, stack = '' } = error as Record<string, unknown>
  return `${String(name)}: ${String(message)}\n${String(stack)}`
}
