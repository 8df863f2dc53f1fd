// Code of an application's own: how it is called so that what it throws goes no further, and what is said of that, which
// may be anything, also what no text can be made of. It knows nothing of whose code it is.

/** Calls what is the application's; what it throws goes no further, nor does a rejection, which would end a process. */
export function guard(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const answer = call() as Partial<PromiseLike<unknown>> | undefined
    if (typeof answer?.then === 'function') answer.then(undefined, failed)
  } catch (error) {
    failed(error)
  }
}

/** What is said of what was thrown. */
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
