// The type of a packet, in the upper half of its first byte, imported as the namespace `PacketType`. §2.1.2
// No file is imported here: only then does a bundler write the numbers in place of their names.

export const CONNECT = 1 as const
export const CONNACK = 2 as const
export const PUBLISH = 3 as const
export const PUBACK = 4 as const
export const PUBREC = 5 as const
export const PUBREL = 6 as const
export const PUBCOMP = 7 as const
export const SUBSCRIBE = 8 as const
export const SUBACK = 9 as const
export const UNSUBSCRIBE = 10 as const
export const UNSUBACK = 11 as const
export const PINGREQ = 12 as const
export const PINGRESP = 13 as const
export const DISCONNECT = 14 as const
export const AUTH = 15 as const
