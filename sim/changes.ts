// Changes of the texts of sources, made while they are bundled and never to a file: what plants a bug, and
// what counts states, so that shipped code has no hook for either. A change says what it finds exactly once;
// all that find nothing, or more, are listed together.

import { build, type Plugin } from 'esbuild'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One change of one source. */
export interface TextChange {
  /** From the root, such as `src/engine/outbound.ts`. */
  readonly file: string
  /** What is there exactly once: short, so that it survives other changes of its file. */
  readonly find: string
  readonly replace: string
}

/** The root of the repository: everything here is started from it. */
export const ROOT: string = process.cwd()

/** The changes whose text is not there, or not once. */
export function findLost(changes: readonly TextChange[]): TextChange[] {
  return changes.filter(({ file, find }) => sourceOf(file).split(find).length !== 2)
}

/** @throws {Error} that lists the changes whose text is not there, or not once */
export function requireAll(changes: readonly TextChange[]): void {
  const lost = findLost(changes)
  if (lost.length === 0) return
  const lines = lost.map(({ file, find }) => `  ${file}: "${find}"`)
  throw new Error(`Cannot change what is not there, or not once:\n${lines.join('\n')}`)
}

/** Bundles the program that runs seeds, with some changes. @param outfile where it goes */
export async function bundleWorker(
  outfile: string,
  changes: readonly TextChange[],
): Promise<string> {
  requireAll(changes)
  await build({
    entryPoints: [join(ROOT, 'sim/worker.ts')],
    bundle: true,
    outfile,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'error',
    plugins: [changing(changes)],
  })
  return outfile
}

function changing(changes: readonly TextChange[]): Plugin {
  const byPath = new Map<string, TextChange[]>()
  for (const change of changes) {
    const path = join(ROOT, change.file)
    byPath.set(path, [...(byPath.get(path) ?? []), change])
  }
  return {
    name: 'changing',
    setup(plugin) {
      plugin.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const own = byPath.get(path)
        if (own === undefined) return undefined
        const contents = own.reduce(
          (text, { find, replace }) => text.split(find).join(replace),
          readFileSync(path, 'utf8'),
        )
        return { contents, loader: 'ts' }
      })
    },
  }
}

function sourceOf(file: string): string {
  try {
    return readFileSync(join(ROOT, file), 'utf8')
  } catch {
    return ''
  }
}
