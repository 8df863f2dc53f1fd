// What code of an application's own has thrown, which may be anything: also what no text can be made of.
// It knows nothing of who has thrown it.

/** What is said of it. */
export function textOf(thrown: unknown): string {
  try {
    return String(thrown)
  } catch {
    return 'something that has no text'
  }
}

/** The same as an error. */
export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(textOf(thrown))
}
