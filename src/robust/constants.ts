// The fixed numbers of `umqtt/robust`, each with what it is.
// No file is imported here: only then does a bundler write the numbers in place of their names.

/** The longest delay that the timers of the platforms take. */
export const TIMER_MS_MAX = 2_147_483_647

/** States in which a message can have ended a connection; `new` if its PUBREL was out, to clear the id. */
export const BLAMABLE: readonly string[] = ['sent', 'released', 'new']

/** Deaths after which a message is sent alone, and may be found guilty. */
export const SUSPECT_AFTER_DEATHS = 2

/** Outcomes of durable messages that nobody has taken. */
export const OUTCOMES_KEPT = 2000

/** Messages that are set aside: each has cost connections, so they grow slowly, and a person is to look at them. */
export const SET_ASIDE_MAX = 1000

/** A store that takes longer than this is told of, ms: a disk that mends an error by itself takes some seconds. */
export const SLOW_STORE_MS = 10_000
/** The last part of it, which a device that has just woken waits as well, ms. */
export const SLOW_STORE_GRACE_MS = 1000

/** How many times as long as the timeouts say an answer behind a large message is waited for at the most: above five minutes. */
export const PATIENCE_MAX = 16

/** How long after a message's first bytes a bare close counts as an answer to it, ms. */
export const SUDDEN_MS = 1000

/** An answer to a ping that took longer says nothing of how the connection is now: most links take less, ms. */
export const PROBE_MS = 5000

/** Policies that are known by their text; more of them are read anew. */
export const POLICIES_MAX = 256
export const NEW_LINE = 10
export const SHORT = 1024

/** 0x10 No matching subscribers. §3.4.2.1 */
export const NO_SUBSCRIBERS = 0x10

/** Records read at a time while the outbox is taken up, and messages given at a time when it is looked at. */
export const PAGE = 1000

/** "Session taken over": by a connection with the same client id. §3.14.2.1 */
export const TAKEN_OVER = 0x8e

/** "Server moved": for good, so that where it said no more is time lost. */
export const MOVED = 0x9d

/** Filters in one SUBSCRIBE, and their length, when many are made again: AWS IoT Core closes at a ninth. */
export const FILTERS_AT_ONCE = 8
export const FILTER_BYTES_AT_ONCE = 16_384

/** Sessions lost in a row after which the server is named as one that keeps none. */
export const LOSSES_TO_WARN = 2

/** Attempts of a client that was never connected, after which it is told of: a device may start before its network. */
export const FAILURES_TO_WARN = 3

/** Connections in a row that end before a SUBSCRIBE or UNSUBSCRIBE is answered, after which it is told of. */
export const UNANSWERED_TO_WARN = 3

/** The highest priority. */
export const HIGHEST = 4
