// The counters that a build for coverage calls, in the process that runs it: of states and transitions of the
// engine's tables, and of the places of the courier's. Global, as the sources that call them import nothing.

/** How often each pair was seen, by table and pair. */
export type Visits = Readonly<Record<string, number>>

/** What the changed sources call. */
interface Counters {
  umqttVisit?: (table: string, key: string) => void
  umqttEvent?: (event: string) => void
  umqttPlace?: (from: number, to: number) => void
  umqttSettled?: (from: number) => void
}

const PLACE_NAMES: Readonly<Record<number, string>> = {
  [-2]: 'early',
  [-1]: 'nowhere',
  5: 'again',
  6: 'later',
  7: 'engine',
  8: 'interrupted',
}

/** Makes them, for this process. @returns what they count */
export function installCounters(): Map<string, number> {
  const visits = new Map<string, number>()
  let event = ''
  const visit = (table: string, key: string): void => {
    const name = `${table}: ${key}`
    visits.set(name, (visits.get(name) ?? 0) + 1)
  }
  const counters = globalThis as Counters
  counters.umqttVisit = visit
  counters.umqttEvent = (name) => (event = name)
  counters.umqttPlace = (from, to) => visit('courier', `${placeOf(from)} ${event} ${placeOf(to)}`)
  counters.umqttSettled = (from) => visit('courier', `${placeOf(from)} ${event} outcome`)
  return visits
}

/** All lines are one place, whatever their priority. */
function placeOf(place: number): string {
  return PLACE_NAMES[place] ?? 'line'
}
