// How much of a large test is done where it runs. Compiled engines do all of it; an interpreter, which is fifty
// times slower, as much as shows a difference between engines: the whole has been walked on Node.

/** Whether this is no interpreter: the portable tests run on QuickJS, which has no `process`. */
export const COMPILED = 'process' in globalThis

/** So many where code is compiled, fewer where it is not. */
export function paced(compiled: number, interpreted: number): number {
  return COMPILED ? compiled : interpreted
}
