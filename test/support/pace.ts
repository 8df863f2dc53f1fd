// How much of a large test is done where it runs. Compiled engines do all of it; an interpreter, which is fifty
// times slower, as much as shows a difference between engines: the whole has been walked on Node. So it is with the
// second runtime of those that walk the same files, and with the others after it.

interface Environment {
  readonly process?: { readonly env: Readonly<Record<string, string | undefined>> }
}

/** Whether this is no interpreter: the portable tests run on QuickJS, which has no `process`. */
export const COMPILED = 'process' in globalThis

/** So many where code is compiled, fewer where it is not. */
export function paced(compiled: number, interpreted: number): number {
  return COMPILED ? compiled : interpreted
}

/** Whether another runtime walks all of this in the same run: sqlite-runtimes.test.ts says so. */
const REPEATED = (globalThis as Environment).process?.env['UMQTT_REPEATED'] !== undefined

/** All of it on the first runtime, and on the others what shows a difference between runtimes. */
export function firstly<T>(all: T, again: T): T {
  return REPEATED ? again : all
}
