// What a courier is given, and what it says of itself. Types alone: what it does is in courier.ts, and whoever
// makes one need not load that.

import type { Entry } from './entry.ts'
import type { TallyLimits } from './tally.ts'

/** What bounds a courier. */
export interface CourierOptions extends TallyLimits {
  /** The first wait after a refusal that time may cure, ms; doubled each time. */
  readonly turnedAwayMs: number
  readonly turnedAwayMsMax: number
}

/** What the courier asks of the connection: whether a message of this QoS could go out at once. */
export type HasRoom = (qos: 0 | 1 | 2, staged: boolean) => boolean

/** What the courier tells the connection: never to send a message again, in no session. */
export type Forget = (entry: Entry) => void

/** How the courier's counters stand. */
export interface CourierCounts {
  /** Messages without an outcome, and their topics and payloads in bytes. */
  readonly open: number
  readonly openBytes: number
  readonly waiting: number
  /** Those that the engine has, also between two connections. */
  readonly inflight: number
}
