// The fixed numbers of the driver, each with what it is.
// No file is imported here: only then does a bundler write the numbers in place of their names.

/** The most that one write takes: a slow link then shows progress every 256 KiB at the least. */
export const WRITE_BYTES = 262_144

/** Answers that wait to be written: from here on we read no more until the server reads. */
export const CONGESTED_BYTES = 4_194_304

/**
 * What waits to be written is worth a write of its own before the tick ends. It is less than a slab: a
 * write of one piece is cheaper than a write of two.
 */
export const FLUSH_BYTES = 61_440

/** How long a transport that was destroyed has to say that it has ended; the package's own take a turn of the loop. */
export const DESTROY_MS = 1_000

/** Who wants reading stopped; it goes on when nobody does. */
export const PAUSED_BY_READER = 1
export const PAUSED_BY_CONGESTION = 2
