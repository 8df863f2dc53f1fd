// The runtimes beside this Node on which the package is tested, with the exact version of each: the npm
// package that has it, and how it is told what to do.

/**
 * @typedef {object} Runtime
 * @property {string} name
 * @property {string} package_ its npm package, with the exact version
 * @property {readonly string[]} command what runs test files
 * @property {readonly string[]} plain what runs a program
 * @property {readonly string[]} where what prints where the runtime itself is
 * @property {RegExp} count where its output says how many tests passed
 */

const NODE = {
  command: ['node', '--test', '--test-reporter=tap'],
  plain: ['node'],
  where: ['node', '-p', 'process.execPath'],
  count: /^# pass (\d+)$/m,
}

/** @type {readonly Runtime[]} */
export const RUNTIMES = [
  { name: 'node22', package_: 'node@22.23.3', ...NODE },
  { name: 'node24', package_: 'node@24.21.0', ...NODE },
  {
    name: 'bun',
    package_: 'bun@1.4.5',
    command: ['bun', 'test'],
    plain: ['bun', 'run'],
    where: ['bun', '-p', 'process.execPath'],
    count: /^\s*(\d+) pass$/m,
  },
  {
    name: 'deno',
    package_: 'deno@2.9.6',
    command: ['deno', 'test', '--no-check', '--allow-all', '--no-lock'],
    plain: ['deno', 'run', '--allow-all', '--no-lock'],
    where: ['deno', 'eval', 'console.log(Deno.execPath())'],
    count: /(\d+) passed/,
  },
]
