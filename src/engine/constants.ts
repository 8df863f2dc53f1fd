// The fixed numbers of the engine, each with what it is.
// No file is imported here: only then does a bundler write the numbers in place of their names.

/** `handled` of a message that is not acknowledged on this connection, so that it comes again. */
export const HELD = -1

/** PINGREQ goes out after this part of Keep Alive, so that a late timer is no breach of it. */
export const PING_AFTER = 0.9

/** A write that took this long waited for the link, and not for a turn of the event loop. */
export const SLOW_WRITE_MS = 100

/** Encoded bytes that may wait for a write before messages wait unencoded instead. */
export const ENCODED_AHEAD_BYTES = 1_048_576

/** A message from here on may be why no answer came in time, bytes: at 3 kB/s, as over GPRS, it takes 20 s. */
export const LARGE_BYTES = 65_536

/** What an alias adds to a packet at the most, bytes. */
export const ALIAS_BYTES = 8

/** The most that a PUBLISH without properties has beside topic and payload, bytes. §3.3 */
export const PLAIN_HEADER_BYTES: number = 1 + 4 + 2 + 2 + 1
