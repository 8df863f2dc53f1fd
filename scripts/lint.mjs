// Lints with types. The linter is not in the lockfile: its lock entries can lack the binaries of other
// platforms, and then `npm ci` fails there. Its exact version is kept here alone.

import { run } from './lib/run.mjs'

const PACKAGES = ['oxlint@1.94.0', 'oxlint-tsgolint@7.0.2007']
const FOLDERS = ['src', 'test', 'demo', 'fuzz', 'sim', 'bench', 'examples', 'scripts']

const { code } = await run('npx', [
  '--yes',
  ...PACKAGES.flatMap((name) => ['--package', name]),
  'oxlint',
  '--type-aware',
  '--deny-warnings',
  ...process.argv.slice(2),
  ...FOLDERS,
])
process.exitCode = code
