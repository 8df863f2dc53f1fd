// The fixed numbers of the outbox, each with what it is.
// No file is imported here: only then does a bundler write the numbers in place of their names.

/** The version of a record: the byte behind its checksum. */
export const VERSION = 1

/** Checksum 4, version 1. */
export const RECORD_HEADER_BYTES = 5

/** Pending, lowest, next: see {@link Counters}. */
export const COUNTERS_BYTES = 24

/** Beyond these a commit takes no further call: its wait stays short, and so does what a crash tears. */
export const BATCH_OPS = 4096
export const BATCH_BYTES = 1_048_576

/** Records share bytes of this size: those of a small commit; of 32 KiB each takes twice the time. */
export const STAGE_BYTES = 131_072

/** How many microtasks a commit waits: who was woken by the last one, through a few `await`, joins. */
export const JOIN_TURNS = 8

/** The version of a database in a browser. */
export const FORMAT_VERSION = 1

/** No records have these numbers: what is written to be written, and what is set aside for a full disk. */
export const PULSE = 0
export const RESERVE = -1

/** A value of this size has a file of its own in Chromium, whose room is free as soon as it is deleted. */
export const RESERVE_BYTES = 262_144

/** Records read at a time while they are counted. */
export const PAGE = 1000

/**
 * How long an outbox is waited for whose owner may be about to let go of it, ms: a client that is disposed of, and not
 * waited for, has `timeouts.closeMs` for its connection, and then closes it.
 */
export const LOCK_WAIT_MS = 2500

/** How often a lock in a folder is looked at meanwhile, ms: there nobody tells that it is free. */
export const LOCK_POLL_MS = 20

/** How long a process that has too many files open is waited for, to close one of them, ms, and how often it is tried. */
export const FILES_WAIT_MS = 10_000
export const FILES_POLL_MS = 50
