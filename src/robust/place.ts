// Where an entry is, as the courier counts: one of the lines, with the engine, or nowhere. Imported as
// the namespace `PLACE`.
// No file is imported here: only then does a bundler write the numbers in place of their names.

export const EARLY = -2
export const NOWHERE = -1
export const AGAIN = 5
export const LATER = 6
export const ENGINE = 7
export const INTERRUPTED = 8

/** Whether it waits in a line, or after the server turned it away: the server has it not. */
export function isUnsent(place: number): boolean {
  return (place >= 0 && place < AGAIN) || place === LATER
}
