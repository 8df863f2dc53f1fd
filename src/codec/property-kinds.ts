// How a property is written. Of a number the lowest three bits are its size in bytes, if that is fixed,
// and the next is its least value; texts come after numbers, and then the rest.
// No file is imported here: only then does a bundler write the numbers in place of their names.

/** 0 or 1, as a number. */
export const BIT = 1
export const UINT16 = 2
export const UINT32 = 4
/** From 1, as are the next two. */
export const COUNT16 = 10
export const COUNT32 = 12
/** A variable byte integer; may come again. */
export const VARINTS = 8
/** 0 or 1, as a boolean. */
export const FLAG = 17
export const STRING = 18
/** A string that is a Topic Name. */
export const TOPIC = 19
export const BINARY = 20
/** Two strings; may come again. */
export const PAIRS = 21
