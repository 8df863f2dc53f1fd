// The changes of sources that make a build for coverage: where a state is moved, a counter is called. Each
// says what it finds exactly once, so that a source that was written anew cannot slip away uncounted.

import type { TextChange } from '../changes.ts'

const CONNECTION = 'src/engine/connection.ts'
const OUTBOUND = 'src/engine/outbound.ts'
const ENTRY = 'src/robust/entry.ts'
const COURIER = 'src/robust/courier.ts'

/** The methods of the courier that tell it something, and what each event is called here. */
const EVENTS: readonly (readonly [head: string, event: string])[] = [
  [' acceptEarly(entry: Entry, now: number): void {', 'acceptEarly'],
  [' fitEarly(now: number): void {', 'fitEarly'],
  [' accept(entry: Entry, now: number): void {', 'accept'],
  [' acceptNext(entry: Entry, now: number): boolean {', 'acceptNext'],
  [' refuse(entry: Entry, error: MqttError, now: number): void {', 'refuse'],
  [' restore(entry: Entry): void {', 'restore'],
  [' restoreLost(entry: Entry, now: number): void {', 'restoreLost'],
  [' cancel(entry: Entry, now: number): boolean {', 'cancel'],
  [' handleInterrupted(entry: Entry): void {', 'interrupted'],
  [' handleClosed(suspicious: boolean, now: number, packetId?: number): void {', 'closed'],
  [' handleAnswer(entry: Entry, now: number): void {', 'answer'],
  [' handleStoreFailed(entry: Entry, error: MqttError, now: number): void {', 'storeFailed'],
  [' handleTimeout(now: number): void {', 'timeout'],
  [' poll(): Entry | undefined {', 'poll'],
]

const CONNECTED =
  ' handleConnected(resumed: boolean, now: number, isUnsure = false, isOld: boolean = resumed): void {'

/** Where an entry is, with the last place that was one in front of it. */
const COUNTED_PLACE = `#place: number = PLACE.NOWHERE
  wasAt: number = PLACE.NOWHERE
  get place(): number {
    return this.#place
  }
  set place(to: number) {
    this.#place = to
    if (to === PLACE.NOWHERE || to === PLACE.ADMITTED || to === this.wasAt) return
    globalThis.umqttPlace(this.wasAt, to)
    this.wasAt = to
  }`

export const COVERAGE_CHANGES: readonly TextChange[] = [
  {
    file: CONNECTION,
    find: 'this.state = required(CONNECTION_TRANSITIONS',
    replace:
      "globalThis.umqttVisit('connection', `${state} ${event}`)\n    this.state = required(CONNECTION_TRANSITIONS",
  },
  {
    file: OUTBOUND,
    find: 'operation.state = required(nextState(',
    replace:
      'globalThis.umqttVisit(`QoS ${qos}`, `${state} ${event}`)\n    operation.state = required(nextState(',
  },
  {
    file: OUTBOUND,
    find: 'operation.state = next',
    replace:
      "globalThis.umqttVisit(`QoS ${operation.qos}`, `${operation.state} ${refused ? 'refuse' : event}`)\n    operation.state = next",
  },
  { file: ENTRY, find: 'place: number = PLACE.NOWHERE', replace: COUNTED_PLACE },
  {
    file: COURIER,
    find: 'entry.status = status',
    replace: 'globalThis.umqttSettled(entry.wasAt)\n    entry.status = status',
  },
  {
    file: COURIER,
    find: CONNECTED,
    replace: `${CONNECTED}\n    globalThis.umqttEvent(resumed ? 'resumed' : 'lost')`,
  },
  ...EVENTS.map(([head, event]) => ({
    file: COURIER,
    find: head,
    replace: `${head}\n    globalThis.umqttEvent('${event}')`,
  })),
]
