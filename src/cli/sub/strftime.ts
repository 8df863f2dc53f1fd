// The times of `-F`: what `strftime` makes of a letter, in the C locale and the time zone of the machine.
// A table; a letter that is not in it is refused when the format is read. The names of time zones are not: Node
// does not know the short ones.

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const

/** Enough of a name. */
const SHORT = 3

const two = (value: number, fill = '0'): string => String(value).padStart(2, fill)
const dayOf = (at: Date): string => DAYS[at.getDay()] as string
const monthOf = (at: Date): string => MONTHS[at.getMonth()] as string
const hour12 = (at: Date): number => at.getHours() % 12 || 12

/** Minutes east of Greenwich as +0100. */
export function offsetOf(at: Date): string {
  const east = -at.getTimezoneOffset()
  const away = Math.abs(east)
  return `${east < 0 ? '-' : '+'}${two(Math.floor(away / 60))}${two(away % 60)}`
}

const DAY_MS = 86_400_000

/** The day of the year, 0 and up. */
function dayOfYear(at: Date): number {
  const midnight = Date.UTC(at.getFullYear(), at.getMonth(), at.getDate())
  return Math.round((midnight - Date.UTC(at.getFullYear(), 0, 1)) / DAY_MS)
}

/** The day of the week from Monday, 1 to 7. */
const isoDay = (at: Date): number => at.getDay() || 7

/** The week of ISO 8601 and the year that it belongs to: that of its Thursday. */
function isoWeek(at: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(at.getFullYear(), at.getMonth(), at.getDate() + 4 - isoDay(at))
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 }
}

/** What each letter becomes. */
const LETTERS: Readonly<Record<string, (at: Date) => string>> = {
  '@': () => '@',
  a: (at) => dayOf(at).slice(0, SHORT),
  A: dayOf,
  b: (at) => monthOf(at).slice(0, SHORT),
  B: monthOf,
  c: (at) => strftime('a b e T Y', at, ' '),
  C: (at) => two(Math.floor(at.getFullYear() / 100)),
  d: (at) => two(at.getDate()),
  D: (at) => strftime('m d y', at, '/'),
  e: (at) => two(at.getDate(), ' '),
  F: (at) => strftime('Y m d', at, '-'),
  g: (at) => two(isoWeek(at).year % 100),
  G: (at) => String(isoWeek(at).year),
  h: (at) => strftime('b', at),
  H: (at) => two(at.getHours()),
  I: (at) => two(hour12(at)),
  j: (at) => String(dayOfYear(at) + 1).padStart(3, '0'),
  k: (at) => two(at.getHours(), ' '),
  l: (at) => two(hour12(at), ' '),
  m: (at) => two(at.getMonth() + 1),
  M: (at) => two(at.getMinutes()),
  n: () => '\n',
  N: (at) => String(at.getMilliseconds() * 1_000_000).padStart(9, '0'),
  p: (at) => (at.getHours() < 12 ? 'AM' : 'PM'),
  P: (at) => (at.getHours() < 12 ? 'am' : 'pm'),
  r: (at) => `${strftime('I M S', at, ':')} ${strftime('p', at)}`,
  R: (at) => strftime('H M', at, ':'),
  s: (at) => String(Math.floor(at.getTime() / 1_000)),
  S: (at) => two(at.getSeconds()),
  t: () => '\t',
  T: (at) => strftime('H M S', at, ':'),
  u: (at) => String(isoDay(at)),
  U: (at) => two(Math.floor((dayOfYear(at) + 7 - at.getDay()) / 7)),
  V: (at) => two(isoWeek(at).week),
  w: (at) => String(at.getDay()),
  W: (at) => two(Math.floor((dayOfYear(at) + 8 - isoDay(at)) / 7)),
  x: (at) => strftime('D', at),
  X: (at) => strftime('T', at),
  y: (at) => two(at.getFullYear() % 100),
  Y: (at) => String(at.getFullYear()),
  z: offsetOf,
}

/** Whether there is such a letter. */
export function isTimeLetter(letter: string): boolean {
  return Object.hasOwn(LETTERS, letter)
}

/** Every letter, for who has written another. */
export const TIME_LETTERS: string = Object.keys(LETTERS).join('')

/** The letters, with something between them in place of each space. */
export function strftime(letters: string, at: Date, between = ''): string {
  return letters
    .split(' ')
    .map((letter) => LETTERS[letter]?.(at) ?? '')
    .join(between)
}
