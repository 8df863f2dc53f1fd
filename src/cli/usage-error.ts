// What a person wrote that no command can be made of. Told before anything is opened or sent.
// The message says what is wrong, shows the value, and says what to write instead.

/** A mistake in the arguments: the command ends with code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A value between quotes, cut where it would fill the screen; control characters are shown as escapes. */
export function shown(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value)
}
