// The index of each deadline in `Timers`: imported as the namespace `Timer`.
// No file is imported here: only then does a bundler write the numbers in place of their names.

export const CONNECT = 0
export const KEEP_ALIVE = 1
export const PING_RESPONSE = 2
export const ACKNOWLEDGEMENT = 3
export const WRITE = 4
export const OPERATION = 5
export const CLOSE = 6
