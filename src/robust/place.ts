// Where an entry is, as the courier counts: one of the lines, with the engine, or nowhere. Imported as
// the namespace `PLACE`.
// No file is imported here: only then does a bundler write the numbers in place of their names.

/** Was early, and is to be accepted now: what it replaces is older, and no longer anything early. */
export const ADMITTED = -3
export const EARLY = -2
export const NOWHERE = -1
export const AGAIN = 5
export const LATER = 6
export const ENGINE = 7
export const INTERRUPTED = 8

/** Whether it waits for its place, in a line, or after the server turned it away: the server has it not. */
export function isUnsent(place: number): boolean {
  return (place >= 0 && place < AGAIN) || place === LATER || place === EARLY
}
