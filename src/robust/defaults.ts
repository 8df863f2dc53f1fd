// Every default of reconnection in one place; docs/defaults.md has the reason for each number.
// Numbers alone: what they do is said in schedule.ts, and tests compare them with that page.

/** The least time from the end of an attempt to the next one. */
export const DEFAULT_FLOOR_MS = 1_000
/** The longest wait: back within two minutes of the end of any outage. */
export const DEFAULT_CAP_MS = 120_000
/** A server that accepts and throws out does so sooner. */
export const DEFAULT_STABLE_AFTER_MS = 30_000

/** Added to the floor for the first wait: clients that were cut at once come back over 12 seconds. */
export const SPREAD_MS = 12_000
/** The most of the first wait after a server said that it is busy; MQTT cannot say for how long. */
export const BUSY_MS = 60_000
/** The least of a wait that a server asked for, and of one in the slow lane, as a part of its most. */
export const PATIENCE = 0.75
/** Times that another server, or the older protocol, is tried at once because a server says so. */
export const FOLLOWED_MAX = 4

/** What waits for a server that is away: a night of readings, one a second, and a quarter more. */
export const DEFAULT_OUTBOX_MESSAGES = 250_000
/** The same in bytes: what a small gateway can spare. */
export const DEFAULT_OUTBOX_BYTES = 67_108_864
/** How long the server keeps the session of a client that is away: a week-end. */
export const DEFAULT_SESSION_EXPIRY_SECONDS = 259_200
/** The first wait after the server has turned one message away for now, and the longest. */
export const TURNED_AWAY_MS = 5_000
export const TURNED_AWAY_MS_MAX = 300_000
