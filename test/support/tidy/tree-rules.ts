// The house rules that need more than one file: cycles, what no entry point reaches, and the words of one
// file that have to agree with another. Functions of the files they are given; none reads the disk.

import { ENTRY_POINTS } from './layers.ts'
import type { Finding } from './rules.ts'
import { importsOf, lineAt, resolveImport, type SourceFile } from './source.ts'

/** One circle of imports for each file that closes one. */
export function findCycles(files: readonly SourceFile[]): Finding[] {
  const graph = importGraph(files)
  const findings: Finding[] = []
  const finished = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    if (finished.has(path)) return
    const start = trail.indexOf(path)
    if (start !== -1) {
      const circle = [...trail.slice(start), path].join(' → ')
      findings.push({ path, line: 1, message: `is in a circle of imports: ${circle}` })
      return
    }
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    finished.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return findings
}

function importGraph(files: readonly SourceFile[]): Map<string, string[]> {
  return new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .map(({ specifier }) => resolveImport(file.path, specifier))
        .filter((target) => target !== undefined),
    ]),
  )
}

/** The parts of package.json that the rules look at. */
export interface Manifest {
  readonly exports: unknown
  readonly bin?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
}

/** The sources of the files that package.json's exports name, such as `src/index.ts`. */
export function entrySources(manifest: Manifest): string[] {
  const found = new Set<string>()
  const walk = (value: unknown): void => {
    if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk)
    const match = typeof value === 'string' ? /^\.\/dist\/(.+)(?<!\.d)\.js$/.exec(value) : null
    if (match !== null) found.add(`src/${match[1]}.ts`)
  }
  walk(manifest.exports)
  walk(manifest.bin ?? {})
  return [...found]
}

/** Entry points that are missing or unlisted, and sources that none of them reaches. */
export function findUnreached(files: readonly SourceFile[], manifest: Manifest): Finding[] {
  const graph = importGraph(files)
  const entries = entrySources(manifest)
  const findings: Finding[] = []
  for (const entry of entries) {
    const message = !graph.has(entry)
      ? `is absent: package.json exports "${entry}"`
      : 'is exported by package.json and not in the list of entry points'
    if (!graph.has(entry) || !ENTRY_POINTS.includes(entry)) {
      findings.push({ path: entry, line: 1, message })
    }
  }
  const reached = new Set<string>()
  const queue = [...entries]
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    queue.push(...(graph.get(path) ?? []))
  }
  for (const path of graph.keys()) {
    if (reached.has(path)) continue
    findings.push({ path, line: 1, message: 'is reached by no entry point of package.json' })
  }
  return findings
}

/** Dependencies that everybody would have to install. */
export function findDependencies(manifest: Manifest): Finding[] {
  return Object.keys(manifest.dependencies ?? {}).map((name) => ({
    path: 'package.json',
    line: 1,
    message: `depends on "${name}"; the client has no dependencies`,
  }))
}

/**
 * Links of documents that lead nowhere.
 * @param documents Markdown files
 * @param exists whether a path of the repository exists
 */
export function findDeadLinks(
  documents: readonly { readonly path: string; readonly text: string }[],
  exists: (path: string) => boolean,
): Finding[] {
  return documents.flatMap(({ path, text }) =>
    Array.from(text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)).flatMap(
      (match) => {
        const target = resolveImport(path, `./${match[1]}`) ?? ''
        if (exists(target)) return []
        return [
          {
            path,
            line: lineAt(text, match.index),
            message: `links to "${target}", which is absent`,
          },
        ]
      },
    ),
  )
}

/** What tests may need and the CI script does not install. */
export function findUninstalled(ciScript: string, packages: readonly string[]): Finding[] {
  return packages
    .filter((name) => !new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(ciScript))
    .map((name) => ({ path: '.ci/run', line: 1, message: `does not install "${name}"` }))
}
