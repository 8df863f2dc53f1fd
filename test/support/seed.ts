// The seed of every property: a new one each run, printed by fast-check when a property fails, or the
// one of the environment, as in `SEED=1234 npm test`. Runs on every engine.

interface Environment {
  readonly process?: { readonly env: Readonly<Record<string, string | undefined>> }
}

const given = (globalThis as Environment).process?.env['SEED']

/** Parameters for `fc.assert`. */
export const FAST_CHECK: { readonly seed: number } = {
  seed: given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given),
}

/** The same, and how often the property runs. */
export function runs(numRuns: number): { readonly numRuns: number; readonly seed: number } {
  return { ...FAST_CHECK, numRuns }
}
