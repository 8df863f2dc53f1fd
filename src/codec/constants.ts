// The fixed numbers of the codec, each with what it is.
// No file is imported here: only then does a bundler write the numbers in place of their names.

/** The longest fixed header. */
export const HEADER_BYTES = 5

/** Room beyond what has arrived: for a header whose length is not known, and for most packets. */
export const HELD_BYTES_MORE = 64

/** Copies up to this size live within V8's own heap and cost a tenth of what a longer one does. */
export const SMALL_BYTES = 64

/** How many times its own size a payload may keep alive. */
export const SHARE = 8
